package state

import (
	"net/netip"
	"testing"
	"time"

	"failoverdns/health"
	"failoverdns/record"
)

// probedEach declares a zone with a check at each of some intervals.
func probedEach(t *testing.T, intervals ...time.Duration) *Declare {
	t.Helper()
	d := &Declaration{Zone: record.MustParseName("auth.example.com"), Source: "Corefile:1"}
	for i, interval := range intervals {
		c, err := health.ParseURL("https://auth.example.com/")
		if err != nil {
			t.Fatal(err)
		}
		c.Interval = interval
		if err := c.Complete(); err != nil {
			t.Fatal(err)
		}
		d.Sites = append(d.Sites, SiteDecl{Name: string(rune('a' + i)), MinHealthy: 1, Addresses: []netip.Addr{netip.MustParseAddr("192.0.2.1")},
			Checks: []CheckDecl{{Name: "https", Check: c}}})
	}
	return &Declare{Node: "ns1", Declarations: []*Declaration{d}}
}

// TestSessionEndsWithTheLastCheckOfItsInterval: nobody would close it when its node is lost. The leader may have asked for
// one before the check went.
func TestSessionEndsWithTheLastCheckOfItsInterval(t *testing.T) {
	s, _ := New().Configure(1, []Member{{ID: "ns1", Voter: true}})
	apply := func(body Body) {
		t.Helper()
		next, r := s.Apply(s.Index+1, Command{Body: body})
		if r.Refusal != nil {
			t.Fatal(r.Refusal)
		}
		s = next
	}
	apply(probedEach(t, 10*time.Second, 5*time.Second))
	for _, interval := range s.Intervals() {
		apply(&SessionOpen{Node: "ns1", Interval: interval, Boot: "b"})
	}
	apply(probedEach(t, 5*time.Second))
	apply(&SessionOpen{Node: "ns1", Interval: 10 * time.Second, Boot: "b"})
	if s.Sessions.Has(SessionKey("ns1", 10*time.Second)) || !s.Sessions.Has(SessionKey("ns1", 5*time.Second)) {
		t.Errorf("with checks each 5s left the sessions are %v", s.Sessions)
	}
}

// TestNodeThatLeavesProbingHasNoSession: a vote of before that was still under way must not stand when it probes again.
func TestNodeThatLeavesProbingHasNoSession(t *testing.T) {
	s, _ := New().Configure(1, []Member{{ID: "ns1", Voter: true}})
	apply := func(body Body) {
		t.Helper()
		next, r := s.Apply(s.Index+1, Command{Body: body})
		if r.Refusal != nil {
			t.Fatal(r.Refusal)
		}
		s = next
	}
	apply(probedEach(t, 10*time.Second))
	open := &SessionOpen{Node: "ns1", Interval: 10 * time.Second, Boot: "b"}
	apply(open)
	first, _ := s.Sessions.Get(SessionKey("ns1", 10*time.Second))
	apply(&Announce{ID: "ns1", Role: Voter, Probe: false})
	apply(open)
	if s.Sessions.Len() != 0 {
		t.Errorf("ns1 does not probe, and has the session %+v", first)
	}
	apply(&Announce{ID: "ns1", Role: Voter, Probe: true})
	apply(open)
	if again, ok := s.Sessions.Get(SessionKey("ns1", 10*time.Second)); !ok || again.Number == first.Number {
		t.Errorf("ns1 probes again, and its session is %+v after %+v", again, first)
	}
}
