package server

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"failoverdns/api"
	"failoverdns/state"
)

// maintained has a window in each standing.
func maintained(t *testing.T) *world {
	w := declared(t)
	w.must(&state.PlanWindow{Scope: state.ScopeNode, Target: "ns3", Word: state.Mute, Reason: "kernel", In: time.Minute, For: 5 * time.Minute})
	w.must(&state.PlanWindow{Scope: state.ScopeSite, Target: "azure", Word: state.ForceDown, Reason: "disk replacement", In: 10 * time.Minute, For: 2 * time.Hour})
	w.must(&state.PlanWindow{Scope: state.ScopeSite, Target: "aws", Word: state.ForceDown, Reason: "router upgrade", In: 20 * time.Minute, For: time.Hour})
	w.must(&state.PlanWindow{Scope: state.ScopeCheck, Target: "azure/https", Word: state.Mute, Reason: "new certificate", At: start.Add(w.clock + 35*time.Minute), For: time.Hour, Force: true})
	w.must(&state.PlanWindow{Scope: state.ScopeNode, Target: "ns2", Word: state.Mute, Reason: "kernel", In: 24 * time.Hour, For: 5 * time.Minute})
	w.must(&state.CancelWindow{Window: 5, Reason: "next week"})
	for range 25 {
		w.pass(time.Minute)
	}
	return w
}

func TestMaintenanceIsPlannedAndCancelledThroughTheAPI(t *testing.T) {
	w := declared(t)
	h := w.server().Handler()
	at := start.Add(w.clock + time.Hour).Format(time.RFC3339)
	body := `{"author":"ana","reason":"r","scope":"site","target":"azure","word":"down","at":"` + at + `","for":"2h"}`
	if got := ask(h, "POST", "/v1/maintenance?plan", body); got.Code != http.StatusOK || !strings.Contains(got.Body.String(), "is planned in 59m40s for 2h0m0s by ana: r") {
		t.Fatalf("a plan: %d %s", got.Code, got.Body)
	}
	if w.State().Windows.Len() != 0 {
		t.Fatal("a plan was written")
	}
	if got := ask(h, "POST", "/v1/maintenance", body); got.Code != http.StatusOK {
		t.Fatalf("%d %s", got.Code, got.Body)
	}
	a := decoded[api.Maintenance](t, get(h, "/v1/maintenance"))
	if len(a.Windows) != 1 || a.Windows[0].Standing != api.WindowPlanned || a.Windows[0].Starts.Format(time.RFC3339) != at || a.Windows[0].Ends.Sub(a.Windows[0].Starts) != 2*time.Hour {
		t.Fatalf("%+v", a.Windows)
	}
	if got := ask(h, "POST", "/v1/maintenance", body); got.Code != http.StatusConflict {
		t.Errorf("a second window at the same time: %d %s", got.Code, got.Body)
	}
	for body, says := range map[string]string{
		`{"author":"ana","reason":"r","scope":"site","target":"azure","word":"down","in":"1h","for":"long"}`:                 "no duration",
		`{"author":"ana","reason":"r","scope":"site","target":"azure","word":"down","in":"soon","for":"1h"}`:                 "no duration",
		`{"author":"ana","reason":"","scope":"site","target":"azure","word":"down","in":"1h","for":"1h"}`:                    "reason",
		`{"author":"ana","reason":"r","scope":"site","target":"azure","word":"down","at":"tomorrow","for":"1h"}`:             "tomorrow",
		`{"author":"ana","reason":"r","scope":"site","target":"azure","word":"down","at":"` + at + `","in":"1h","for":"1h"}`: "give one of",
	} {
		if got := ask(h, "POST", "/v1/maintenance", body); got.Code != http.StatusBadRequest && got.Code != http.StatusUnprocessableEntity || !strings.Contains(got.Body.String(), says) {
			t.Errorf("%s: %d %s", body, got.Code, got.Body)
		}
	}
	if got := ask(h, "DELETE", "/v1/maintenance?id=1&author=ben&reason=later", ""); got.Code != http.StatusOK {
		t.Errorf("%d %s", got.Code, got.Body)
	}
	if got := ask(h, "DELETE", "/v1/maintenance?id=9&author=ben&reason=later", ""); got.Code != http.StatusNotFound {
		t.Errorf("no such window: %d %s", got.Code, got.Body)
	}
	var trail []string
	for _, e := range w.State().Audits.All() {
		if strings.HasPrefix(e.Action, "maintenance-") {
			trail = append(trail, e.Author+" "+e.Action+" "+e.Target+" "+e.Outcome)
		}
	}
	want := "ana maintenance-add site azure down done; ana maintenance-add site azure down conflict; ana maintenance-add site azure down invalid; ben maintenance-cancel maintenance window 1 done; ben maintenance-cancel maintenance window 9 not-found"
	if got := strings.Join(trail, "; "); got != want {
		t.Errorf("the audit trail has:\n%s\nwant:\n%s", got, want)
	}
}
