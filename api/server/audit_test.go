package server

import (
	"net/http"
	"testing"
	"time"

	"failoverdns/api"
	"failoverdns/state"
)

// audited is a world in which somebody wrote, and was refused.
func audited(t *testing.T) *world {
	w := declared(t)
	for _, b := range []state.Body{
		&state.SetOverride{Scope: state.ScopeSite, Target: "azure", Word: state.ForceDown, Reason: "disk replacement", For: 24 * time.Hour},
		&state.SetOverride{Scope: state.ScopeSite, Target: "aws", Word: state.ForceDown, Reason: "the other one, too", For: time.Hour},
		&state.SetPin{Group: "auth.example.com", Site: "aws", Reason: "so that it stays", For: 0, Force: true},
		&state.ClearOverride{Scope: state.ScopeSite, Target: "azure", Reason: "disk replaced"},
	} {
		w.pass(time.Minute)
		w.apply(state.Command{Header: state.Header{ID: "r-" + w.clock.String(), Author: "ben@ops", Node: "ns2", Source: "198.51.100.77"}, Body: b})
	}
	return w
}

func TestWriteThroughTheAPIIsInTheTrailWithItsSource(t *testing.T) {
	w := declared(t)
	h := w.server().Handler()
	res := ask(h, "PUT", "/v1/pins", `{"author":"ben@ops","reason":"test","group":"auth.example.com","site":"aws"}`, api.RequestIDHeader+": r-7")
	if res.Code != http.StatusOK {
		t.Fatalf("%d %s", res.Code, res.Body)
	}
	got := decoded[api.Audits](t, get(h, "/v1/audit?author=ben@ops"))
	if len(got.Entries) != 1 || got.Entries[0].Source != "192.0.2.1" || got.Entries[0].Request != "r-7" || got.Entries[0].Node != "ns1" || got.Entries[0].Outcome != "done" {
		t.Errorf("got %+v", got.Entries)
	}
}
