package duties

import (
	"testing"
	"time"

	"failoverdns/state"
)

// TestSessionOfASlowCheckIsClosedAfterThreeIntervals, when those are more than 30 s; the node's session for quicker
// checks ends before.
func TestSessionOfASlowCheckIsClosedAfterThreeIntervals(t *testing.T) {
	inWorld(t, func(w *world, d *Duties) {
		const slow = time.Minute
		w.slowCheck(slow)
		d.Wake()
		talk(d, 10*time.Second, "ns1", "ns2")
		open := func() bool { return w.state().Sessions.Has(state.SessionKey("ns2", slow)) }
		if !open() {
			t.Fatal("no session was opened for the slow check")
		}
		talk(d, 40*time.Second, "ns1")
		if _, ok := w.session("ns2"); ok {
			t.Error("the session for checks each 10 s is open after 40 s of silence")
		}
		talk(d, 3*slow-44*time.Second, "ns1")
		if !open() {
			t.Error("the session for checks each minute was closed before 3 minutes of silence")
		}
		talk(d, 8*time.Second, "ns1")
		if open() {
			t.Error("the session for checks each minute is open after 3 minutes of silence")
		}
	})
}

// slowCheck gives the first site a check of another interval.
func (w *world) slowCheck(interval time.Duration) {
	e, _ := w.state().Endpoints.Get("azure/https@203.0.113.10")
	site, _ := w.state().Sites.Get("azure")
	z, _ := w.state().Zones.Get(state.ZoneKey(site.Zone))
	g, _ := w.state().Groups.Get("auth.example.com")
	aws, _ := w.state().Sites.Get("aws")
	changed := site.SiteDecl
	changed.Checks = []state.CheckDecl{{Name: "https", Check: e.Spec}}
	changed.Checks[0].Check.Interval = interval
	w.must(&state.Declare{Node: "ns1", Incarnation: "i", Declarations: []*state.Declaration{{
		Zone: z.Name, Source: "Corefile:1", Sites: []state.SiteDecl{changed, aws.SiteDecl}, Groups: []state.GroupDecl{g.GroupDecl},
	}}})
}
