package state

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/cockroachdb/datadriven"
	"pgregory.net/rapid"

	"failoverdns/health"
	"failoverdns/record"
)

// showLocal makes the view of one node by local words and shows it; the next one goes on from it.
//
//	local [zone=(example.org,...)] [up=(SITE,...)] [down=(SITE,...)] [failing=(SITE,...)] [pin=(GROUP:SITE,...)]
//
// A site stands for all of its endpoints; one that is failing counts as up, and its latest probe failed.
func showLocal(p *play, d *datadriven.TestData) string {
	l := Local{Clock: p.clock, Wall: p.wall, Pins: map[string]string{}, Counts: map[string]map[string]health.Verdict{}, Seen: map[string]bool{}}
	for _, pin := range listIn(d.CmdArgs, "pin") {
		group, site, _ := strings.Cut(pin, ":")
		l.Pins[group] = site
	}
	own := map[string]health.Verdict{}
	for word, verdict := range map[string]health.Verdict{"up": health.VerdictUp, "down": health.VerdictDown, "failing": health.VerdictUp} {
		for _, e := range p.s.Endpoints.All() {
			if slices.Contains(listIn(d.CmdArgs, word), e.Site) {
				own[e.ID] = verdict
				l.Seen[e.ID] = word == "up"
			}
		}
	}
	for _, zone := range listIn(d.CmdArgs, "zone") {
		l.Counts[ZoneKey(record.MustParseName(zone))] = own
	}
	p.view = p.s.View(l, p.view)
	return p.view.show()
}

func (v *View) show() string {
	var b strings.Builder
	for _, e := range v.Events {
		fmt.Fprintf(&b, "  %s\n", e.Text)
	}
	for name, g := range v.State.Groups.All() {
		fmt.Fprintf(&b, "%s", v.State.showGroup(g))
		for i := range g.Cells {
			fmt.Fprintf(&b, "  %s", v.State.showName(g.Cells[i].Names[0].Bare()))
		}
		if slices.Contains(v.Vain, name) {
			b.WriteString("  the pin is in vain\n")
		}
	}
	for key := range v.Differ {
		z, _ := v.base.Zones.Get(key)
		fmt.Fprintf(&b, "zone %s differs from the cluster's\n", z.Name.Bare())
	}
	return b.String()
}

// Local words are this node's alone: whatever they are, nothing of the replicated state changes by them, and a view
// without any is the state.
func TestViewLeavesTheReplicatedStateAlone(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		s := threeSites(r)
		was := encoded(r, s)
		var v *View
		for range rapid.IntRange(1, 4).Draw(r, "steps") {
			l := Local{Clock: s.Clock, Pins: map[string]string{}, Counts: map[string]map[string]health.Verdict{}, Seen: map[string]bool{}}
			own := map[string]health.Verdict{}
			for id := range s.Endpoints.All() {
				if rapid.Bool().Draw(r, "counted") {
					own[id] = rapid.SampledFrom([]health.Verdict{health.VerdictUp, health.VerdictDown}).Draw(r, "verdict")
					l.Seen[id] = own[id] == health.VerdictUp && rapid.Bool().Draw(r, "seen")
				}
			}
			l.Counts[ZoneKey(record.MustParseName("example.org"))] = own
			if rapid.Bool().Draw(r, "pinned") {
				l.Pins["example.org"] = rapid.SampledFrom([]string{"azure", "aws", "gcp", "nowhere"}).Draw(r, "site")
			}
			v = s.View(l, v)
			sameBytes(r, "View changed the state", was, encoded(r, s))
			checkView(r, s, v, l)
		}
		none := s.View(Local{Clock: s.Clock}, v)
		sameBytes(r, "a view without words is not the state", was, encoded(r, none.State))
		if len(none.Differ) > 0 {
			r.Fatalf("a view without words differs in %v", none.Differ)
		}
	})
}

// checkView holds a view to what the contract says of it, by hand.
func checkView(r *rapid.T, s *State, v *View, l Local) {
	z, _ := s.Zones.Get(ZoneKey(record.MustParseName("example.org")))
	shown, _ := v.State.Zones.Get(ZoneKey(z.Name))
	g, _ := v.State.Groups.Get("example.org")
	agreed, _ := s.Groups.Get("example.org")
	switch pinned, ok := l.Pins["example.org"]; {
	case shown.Serial != z.Serial || v.State.Hash != s.Hash || v.State.Events.Len() != s.Events.Len() || v.State.Incidents.Len() != s.Incidents.Len():
		r.Fatal("serial, hash or history is not the replicated one")
	case v.Differ[ZoneKey(z.Name)] != !sameAnswers(agreed, g):
		r.Fatalf("Differ is %v", v.Differ)
	case ok && pinned != "nowhere" && (g.Active != pinned || g.Rule != RuleEmergency):
		r.Fatalf("pinned to %s, it answers with %s (%s)", pinned, g.Active, g.Rule)
	case !ok && g.Active != agreed.Active && g.Rule != RuleLocal:
		r.Fatalf("it answers with %s by rule %s", g.Active, g.Rule)
	}
	for _, o := range l.Counts[ZoneKey(z.Name)] {
		if o == health.VerdictUp {
			return
		}
	}
	if _, ok := l.Pins["example.org"]; !ok && g != agreed {
		r.Fatal("a node that sees nothing up went by its own counts")
	}
}

// threeSites is a state with one zone of three sites, some of them down.
func threeSites(r *rapid.T) *State {
	ds, err := declarations("zone example.org\nsite azure 192.0.2.1 check=https\nsite aws 198.51.100.1 check=https\nsite gcp 203.0.113.1 check=https\ngroup example.org azure aws gcp\nnames example.org\n")
	if err != nil {
		r.Fatal(err)
	}
	s, _ := New().Configure(1, []Member{{ID: "ns1", Voter: true}})
	apply := func(b Body) { s, _ = s.Apply(s.Index+1, Command{Header: Header{Clock: s.Clock + 1}, Body: b}) }
	apply(&Declare{Node: "ns1", Incarnation: "i1", Declarations: ds})
	apply(&SessionOpen{Node: "ns1", Interval: health.DefaultInterval, Boot: "b1"})
	session, _ := s.Sessions.Get(SessionKey("ns1", health.DefaultInterval))
	for id, e := range s.Endpoints.All() {
		o := rapid.SampledFrom([]health.Opinion{health.Up, health.Down}).Draw(r, "vote on "+id)
		apply(&Votes{Node: "ns1", Votes: []Cast{{Endpoint: id, Revision: e.Revision, Session: session.Number, Opinion: o}}})
	}
	return s
}

func TestMajorityHasVotedSince(t *testing.T) {
	base := &State{}
	for _, id := range []string{"ns1", "ns2", "ns3"} {
		base.Nodes = base.Nodes.With(id, &Node{ID: id, Probe: true, Counts: true})
	}
	old := []Vote{{Node: "ns1", Session: 1, Opinion: health.Up}, {Node: "ns2", Session: 1, Opinion: health.Up}, {Node: "ns3", Session: 1, Opinion: health.Up}}
	base.Endpoints = base.Endpoints.With("e", &Endpoint{ID: "e", Votes: old})
	with := func(votes ...Vote) *State {
		s := *base
		s.Endpoints = s.Endpoints.With("e", &Endpoint{ID: "e", Votes: votes})
		return &s
	}
	anew := func(i int) Vote { v := old[i]; v.Session = 9; return v }
	gone := *base
	gone.Endpoints = Table[*Endpoint]{}
	for name, c := range map[string]struct {
		s       *State
		settled bool
		want    bool
	}{
		"the same votes":                  {base, false, false},
		"the same votes, settled":         {base, true, true},
		"no votes":                        {with(), true, false},
		"one anew":                        {with(anew(0), old[1], old[2]), false, false},
		"two anew":                        {with(anew(0), anew(1)), false, true},
		"one anew, one void, one old":     {with(anew(0), old[2]), false, false},
		"one anew, one old, settled":      {with(anew(0), old[2]), true, true},
		"an endpoint that is no more":     {&gone, false, true},
		"one that turned in its session":  {with(Vote{Node: "ns1", Session: 1, Opinion: health.Down}, anew(1)), false, true},
		"a vote of one that is no member": {with(anew(0), Vote{Node: "ns9", Session: 9, Opinion: health.Up}), false, false},
	} {
		if got := c.s.VotedSince(base, "e", c.settled); got != c.want {
			t.Errorf("%s: %v, want %v", name, got, c.want)
		}
	}
}
