package state

import (
	"fmt"
	"testing"

	"failoverdns/health"
)

// twinVerdict is the contract's sentence: "With n configured probing nodes, U = ⌊n/2⌋+1, and D = U (agree majority),
// N, or n (agree all): down when at least D votes are down; up when at least U are up and fewer than D are down;
// otherwise unchanged."
func twinVerdict(was health.Verdict, agree health.Agree, opinions []health.Opinion) health.Verdict {
	n := len(opinions)
	u := n/2 + 1
	d := map[health.Agree]int{"": u, health.AgreeMajority: u, health.AgreeAll: n, "1": 1, "2": 2, "3": 3, "4": 4, "5": 5}[agree]
	if d > n {
		d = n // no verdict could ever be down else
	}
	var ups, downs int
	for _, o := range opinions {
		if o == health.Up {
			ups++
		}
		if o == health.Down {
			downs++
		}
	}
	if downs >= d {
		return health.VerdictDown
	}
	if ups >= u && downs < d {
		return health.VerdictUp
	}
	return was
}

// TestVerdictIsWhatTheContractSays goes through all votes of up to five nodes, under each rule of agreement.
func TestVerdictIsWhatTheContractSays(t *testing.T) {
	for n := 1; n <= 5; n++ {
		for _, agree := range []health.Agree{"", health.AgreeMajority, health.AgreeAll, "1", "2", "3", "4", "5"} {
			opinions := make([]health.Opinion, n)
			eachOpinion(opinions, 0, func() {
				for _, was := range []health.Verdict{health.VerdictUnknown, health.VerdictUp, health.VerdictDown} {
					if got, want := decided(was, agree, opinions), twinVerdict(was, agree, opinions); got != want {
						t.Fatalf("agree %q, %v, before %s: %s; the contract says %s", agree, opinions, was, got, want)
					}
				}
			})
		}
	}
}

func eachOpinion(o []health.Opinion, i int, f func()) {
	if i == len(o) {
		f()
		return
	}
	for _, v := range []health.Opinion{health.None, health.Up, health.Down} {
		o[i] = v
		eachOpinion(o, i+1, f)
	}
}

// decided is the verdict in a state with these votes, beside those of nodes that must not matter: one that counts not
// yet, one that does not probe, one that is no member.
func decided(was health.Verdict, agree health.Agree, opinions []health.Opinion) health.Verdict {
	s := New()
	e := &Endpoint{ID: "e", Verdict: was, Agree: agree}
	add := func(id string, o health.Opinion) {
		if o != health.None {
			e.Votes = append(e.Votes, Vote{Node: id, Opinion: o})
		}
	}
	for i, o := range opinions {
		id := fmt.Sprint("ns", i)
		s.Nodes = s.Nodes.With(id, &Node{ID: id, Probe: true, Counts: true})
		add(id, o)
	}
	s.Nodes = s.Nodes.With("late", &Node{ID: "late", Probe: true}).With("silent", &Node{ID: "silent", Counts: true})
	add("late", health.Down)
	add("silent", health.Up)
	add("gone", health.Down)
	s.Endpoints = s.Endpoints.With("e", e)
	t := s.begin(1, Header{})
	t.decide("e")
	after, _ := t.s.Endpoints.Get("e")
	return after.Verdict
}

// TestMutedNodeStaysInN: its votes count as none, and as many as before are needed.
func TestMutedNodeStaysInN(t *testing.T) {
	s := New()
	e := &Endpoint{ID: "e", Votes: []Vote{{Node: "ns1", Opinion: health.Down}, {Node: "ns2", Opinion: health.Down}}}
	for _, id := range []string{"ns1", "ns2", "ns3"} {
		s.Nodes = s.Nodes.With(id, &Node{ID: id, Probe: true, Counts: true})
	}
	s.Overrides = s.Overrides.With(OverrideKey(ScopeNode, "ns2"), &Override{Scope: ScopeNode, Target: "ns2", Word: Mute})
	if ups, downs := s.Tally(e); ups != 0 || downs != 1 || s.Probers() != 3 {
		t.Errorf("got %d up, %d down of %d; want 0, 1 of 3", ups, downs, s.Probers())
	}
}
