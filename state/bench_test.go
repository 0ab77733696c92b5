package state

import (
	"encoding/binary"
	"fmt"
	"net/netip"
	"testing"
	"time"

	"failoverdns/health"
	"failoverdns/record"
)

var sizes = []int{10, 10_000}

// forSizes runs a benchmark in a small and a large state: what one command costs must not grow with what there is.
func forSizes(b *testing.B, run func(b *testing.B, s *State)) {
	for _, n := range sizes {
		b.Run(fmt.Sprint(n), func(b *testing.B) { run(b, crowded(b, n)) })
	}
}

// crowded is a state of n zones, each with a group of a site of its own and one that all share, all up.
func crowded(b testing.TB, n int) *State {
	b.Helper()
	s, _ := New().Configure(1, []Member{{ID: "ns1", Voter: true}, {ID: "ns2", Voter: true}, {ID: "ns3", Voter: true}})
	apply := func(body Body) {
		b.Helper()
		next, res := s.Apply(s.Index+1, Command{Header{Clock: time.Second}, body})
		if res.Refusal != nil {
			b.Fatal(res.Refusal)
		}
		s = next
	}
	apply(&Declare{Node: "ns1", Incarnation: "i", Declarations: []*Declaration{crowdedZone(b, -1)}})
	for i := range n {
		apply(&Declare{Node: "ns1", Incarnation: "i", Declarations: []*Declaration{crowdedZone(b, i)}})
	}
	for _, node := range []string{"ns1", "ns2", "ns3"} {
		apply(&SessionOpen{Node: node, Interval: 10 * time.Second, Boot: "b"})
		apply(voteAll(s, node))
	}
	return s
}

func voteAll(s *State, node string) *Votes {
	v := &Votes{Node: node}
	for _, e := range s.Endpoints.All() {
		v.Votes = append(v.Votes, castFor(s, node, e, health.Up))
	}
	return v
}

func castFor(s *State, node string, e *Endpoint, o health.Opinion) Cast {
	x, _ := s.Sessions.Get(SessionKey(node, e.Spec.Interval))
	return Cast{Endpoint: e.ID, Revision: e.Revision, Session: x.Number, Opinion: o}
}

func crowdedZone(b testing.TB, i int) *Declaration {
	b.Helper()
	name := record.MustParseName(fmt.Sprintf("zone%d.example", i))
	c := health.Check{Kind: health.TCP, Port: 443, Interval: 10 * time.Second}
	if err := c.Complete(); err != nil {
		b.Fatal(err)
	}
	site := fmt.Sprintf("site%d", i)
	ip := binary.BigEndian.AppendUint32(nil, 10<<24+uint32(i+1))
	a, _ := netip.AddrFromSlice(ip)
	d := &Declaration{Zone: name, Source: "Corefile:1", Sites: []SiteDecl{{Name: site, Addresses: []netip.Addr{a}, MinHealthy: 1, Checks: []CheckDecl{{"tcp", c}}}}}
	g := GroupDecl{Name: name.Bare(), Sites: []string{site}, AllDown: AllDownPrimary, Failback: health.Failback{Mode: health.FailbackAuto}, Cells: []CellDecl{{Names: []record.Name{name}, TTL: 60}}}
	if i >= 0 {
		g.Sites = append(g.Sites, "site-1")
	}
	d.Groups = []GroupDecl{g}
	return d
}

// BenchmarkApplyVote is a vote that turns a verdict, and with it one group.
func BenchmarkApplyVote(b *testing.B) {
	forSizes(b, func(b *testing.B, s *State) {
		e, ok := s.Endpoints.Get("site3/tcp@10.0.0.4")
		if !ok {
			b.Fatal("no such endpoint")
		}
		s, _ = s.Apply(s.Index+1, Command{Header{Clock: time.Minute}, &Votes{Node: "ns1", Votes: []Cast{castFor(s, "ns1", e, health.Down)}}})
		c := Command{Header{Clock: time.Minute}, &Votes{Node: "ns2", Votes: []Cast{castFor(s, "ns2", e, health.Down)}}}
		if _, res := s.Apply(s.Index+1, c); len(res.Effect.Zones) != 1 {
			b.Fatal("the vote does not flip its group")
		}
		for b.Loop() {
			s.Apply(s.Index+1, c)
		}
	})
}

// BenchmarkApplyDeclare is one zone of many, declared anew.
func BenchmarkApplyDeclare(b *testing.B) {
	forSizes(b, func(b *testing.B, s *State) {
		d := crowdedZone(b, 3)
		d.Agree = "1"
		c := Command{Header{Clock: time.Minute}, &Declare{Node: "ns1", Incarnation: "i", Declarations: []*Declaration{d}}}
		if _, res := s.Apply(s.Index+1, c); res.Refusal != nil {
			b.Fatal(res.Refusal)
		}
		for b.Loop() {
			s.Apply(s.Index+1, c)
		}
	})
}

// BenchmarkApplyOverride forces one site of many down. Sites of one name are looked for among all.
func BenchmarkApplyOverride(b *testing.B) {
	forSizes(b, func(b *testing.B, s *State) {
		c := Command{Header{Clock: time.Minute}, &SetOverride{Scope: ScopeAddress, Target: "site3@10.0.0.4", Word: ForceDown, For: time.Hour, Force: true}}
		for b.Loop() {
			s.Apply(s.Index+1, c)
		}
	})
}

// BenchmarkApplyDue ends one override while others, and pins, still stand.
func BenchmarkApplyDue(b *testing.B) {
	forSizes(b, func(b *testing.B, s *State) {
		for i := range 8 {
			s, _ = s.Apply(s.Index+1, Command{Header{Clock: time.Minute}, &SetOverride{Scope: ScopeEndpoint, Target: fmt.Sprintf("site%d/tcp@10.0.0.%d", i, i+1), Word: ForceDown, For: time.Duration(i+1) * time.Hour, Force: true}})
		}
		c := Command{Header{Clock: time.Minute + time.Hour}, &Due{}}
		if _, res := s.Apply(s.Index+1, c); len(res.Effect.Events) == 0 {
			b.Fatal("nothing is due")
		}
		for b.Loop() {
			s.Apply(s.Index+1, c)
		}
	})
}

// BenchmarkLook is what the leader asks at each round: what is due next, and which sessions there have to be.
func BenchmarkLook(b *testing.B) {
	forSizes(b, func(b *testing.B, s *State) {
		for b.Loop() {
			s.NextDue()
			s.Intervals()
		}
	})
}

// BenchmarkApplyLargeZone is the command that brings a zone of 20,000 record sets into force.
func BenchmarkApplyLargeZone(b *testing.B) {
	s := sample(b)
	stages, last := split(b, Command{Body: bigZone(b, 20_000)})
	s = stageAll(b, s, 0, stages...)
	for b.Loop() {
		if _, res := s.Apply(s.Index+1, last); res.Refusal != nil {
			b.Fatal(res.Refusal)
		}
	}
}

// TestCommandsCostWhatTheyTouch compares their allocations in a small and a large state: tables are deeper there, but
// no command walks them.
func TestCommandsCostWhatTheyTouch(t *testing.T) {
	small, large := crowded(t, 20), crowded(t, 2000)
	for what, body := range map[string]func(s *State) Body{
		"a vote that flips a group": func(s *State) Body {
			e, _ := s.Endpoints.Get("site3/tcp@10.0.0.4")
			return &Votes{Node: "ns1", Votes: []Cast{castFor(s, "ns1", e, health.Down)}}
		},
		"an override": func(*State) Body {
			return &SetOverride{Scope: ScopeAddress, Target: "site3@10.0.0.4", Word: ForceDown, For: time.Hour, Force: true}
		},
		"a pin":   func(*State) Body { return &SetPin{Group: "zone3.example", Site: "site-1", For: time.Hour} },
		"a timer": func(*State) Body { return &Due{} },
		"a declaration": func(*State) Body {
			d := crowdedZone(t, 3)
			d.Agree = "2"
			return &Declare{Node: "ns1", Incarnation: "i", Declarations: []*Declaration{d}}
		},
	} {
		cost := func(s *State) float64 {
			c := Command{Header{Clock: time.Minute}, body(s)}
			if _, res := s.Apply(s.Index+1, c); res.Refusal != nil {
				t.Fatalf("%s: %s", what, res.Refusal)
			}
			return testing.AllocsPerRun(20, func() { s.Apply(s.Index+1, c) })
		}
		if a, b := cost(small), cost(large); b > 1.5*a+10 {
			t.Errorf("%s allocates %.0f times among 20 zones, %.0f among 2000", what, a, b)
		}
	}
}
