package state

import (
	"net/netip"
	"testing"
	"time"

	"failoverdns/health"
	"failoverdns/record"
)

// TestSessionEndsWithTheLastCheckOfItsInterval: nobody would close it when its node is lost.
func TestSessionEndsWithTheLastCheckOfItsInterval(t *testing.T) {
	zone := record.MustParseName("auth.example.com")
	probed := func(intervals ...time.Duration) *Declare {
		d := &Declaration{Zone: zone, Source: "Corefile:1"}
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
	s, _ := New().Configure(1, []Member{{ID: "ns1", Voter: true}})
	apply := func(body Body) {
		t.Helper()
		next, r := s.Apply(s.Index+1, Command{Body: body})
		if r.Refusal != nil {
			t.Fatal(r.Refusal)
		}
		s = next
	}
	apply(probed(10*time.Second, 5*time.Second))
	for _, interval := range s.Intervals() {
		apply(&SessionOpen{Node: "ns1", Interval: interval, Boot: "b"})
	}
	apply(probed(5 * time.Second))
	if s.Sessions.Has(SessionKey("ns1", 10*time.Second)) || !s.Sessions.Has(SessionKey("ns1", 5*time.Second)) {
		t.Errorf("with checks each 5s left the sessions are %v", s.Sessions)
	}
}
