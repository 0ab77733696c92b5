package server

import (
	"testing"
	"time"

	"failoverdns/api"
	"failoverdns/state"
)

func TestOverrideWithoutATimeStandsForADay(t *testing.T) {
	w := declared(t)
	h := w.server().Handler()
	for path, body := range map[string]string{
		"/v1/overrides": `{"author":"ana@ops","reason":"r","scope":"site","target":"azure","word":"down"}`,
		"/v1/pins":      `{"author":"ana@ops","reason":"r","group":"auth.example.com","site":"aws"}`,
	} {
		if res := ask(h, "PUT", path, body); res.Code != 200 {
			t.Fatalf("%s: %d %s", path, res.Code, res.Body)
		}
	}
	o, _ := w.st.Overrides.Get(state.OverrideKey(state.ScopeSite, "azure"))
	g, _ := w.st.Groups.Get("auth.example.com")
	if o.Expires-o.Since != 24*time.Hour || g.Pin.Expires-g.Pin.Since != 24*time.Hour {
		t.Errorf("the override stands for %s, the pin for %s; want a day", o.Expires-o.Since, g.Pin.Expires-g.Pin.Since)
	}
}

// TestWhatShouldHaveEndedSaysThatItIsOverdue: without a leader nothing expires.
func TestWhatShouldHaveEndedSaysThatItIsOverdue(t *testing.T) {
	w := declared(t)
	w.must(&state.SetOverride{Scope: state.ScopeSite, Target: "azure", Word: state.ForceDown, Reason: "r", For: time.Hour})
	w.must(&state.SetOverride{Scope: state.ScopeNode, Target: "ns3", Word: state.Mute, Reason: "r", For: 3 * time.Hour})
	w.must(&state.SetPin{Group: "auth.example.com", Site: "aws", Reason: "r", For: time.Hour})
	w.clock += 2 * time.Hour // and no command
	a := decoded[api.Overrides](t, ask(w.server().Handler(), "GET", "/v1/overrides", ""))
	if len(a.Overrides) != 2 || len(a.Pins) != 1 {
		t.Fatalf("got %+v", a)
	}
	for _, o := range a.Overrides {
		if want := o.Scope == "site"; o.Overdue != want {
			t.Errorf("%s %s: overdue %v, want %v", o.Scope, o.Target, o.Overdue, want)
		}
	}
	if !a.Pins[0].Overdue {
		t.Errorf("the pin is not overdue: %+v", a.Pins[0])
	}
}
