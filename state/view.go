package state

import (
	"maps"
	"slices"
	"time"

	"failoverdns/health"
)

// The rules by which one node answers otherwise than the cluster agreed; they stand in Group.Rule of a View's groups
// alone.
const (
	RuleEmergency = "emergency"       // its local emergency file pins the group
	RuleLocal     = "no-quorum-local" // without a leader, by its own counts
)

// Local is what one node goes by besides the replicated state: words that no other node knows.
type Local struct {
	// Pins are site IDs by group, from the local emergency file: first in the order of choice, above forced pins.
	Pins map[string]string
	// Counts are, for each zone (by key) that goes by this node's own counts now, the verdicts that stand in place of the
	// cluster's, by endpoint. An endpoint that is not there keeps the cluster's.
	Counts map[string]map[string]health.Verdict
	// Seen are the endpoints that this node sees up just now. Without one among a group's sites that are up, the group
	// stays as the cluster left it: it is more likely this node's own network that is gone. A group that goes by own counts
	// already needs one that still counts as up.
	Seen map[string]bool
	// Clock and Wall are the cluster clock as this node would continue it, and its wall time, for display: holds that
	// begin by own counts also end by them.
	Clock Clock
	Wall  time.Time
}

// View is what one node answers: the replicated state, but for the groups that its local words settle otherwise. It
// is made by the code that Apply runs, and is no part of the replicated state: nothing is ever applied to it.
type View struct {
	State  *State          // serials, verdicts, history and hash are the replicated ones
	Differ map[string]bool // zones, by key, of which some answer is another one than the replicated state's
	Vain   []string        // groups whose pinned site has nothing to answer with yet
	Events []*Event        // what turned by own counts since the View before

	base    *State        // the replicated state
	counted Table[*Group] // groups as own counts leave them, the emergency file aside
}

// View gives what a node answers by its local words. was is the View before it, or nil: while a group stands as it did
// in the replicated state, what own counts made of it (active site, holds, flaps) goes on from there.
func (s *State) View(l Local, was *View) *View {
	t := s.begin(s.Index, Header{Clock: l.Clock, Wall: l.Wall})
	v := &View{base: s, Differ: map[string]bool{}}
	for _, key := range slices.Sorted(maps.Keys(l.Counts)) {
		if z, ok := s.Zones.Get(key); ok {
			v.count(t, z, l, was)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(l.Pins)) {
		if !v.counted.Has(name) {
			v.pin(t, name, l.Pins[name], was)
		}
	}
	out := *s
	out.Groups = t.s.Groups
	v.State, v.Events = &out, t.effect.Events
	v.compare()
	return v
}

// count settles a zone's groups by own counts, each one only if the node sees at least one of its sites up.
func (v *View) count(t *txn, z *Zone, l Local, was *View) {
	own := l.Counts[ZoneKey(z.Name)]
	t.s.Endpoints = v.base.judgedBy(own)
	for _, name := range z.Groups {
		agreed, ok := v.base.Groups.Get(name)
		kept, using := was.kept(agreed)
		up := func(e string) bool { return l.Seen[e] || using && own[e] == health.VerdictUp }
		if !ok || !t.s.sees(agreed, up) {
			continue
		}
		if using {
			t.s.putGroup(kept)
		}
		g, _ := t.s.Groups.Get(name)
		t.endHolds(g, func(st *SiteState) bool { return st.HeldTill > 0 && st.HeldTill <= t.s.Clock }, "it was stable for long enough")
		t.settleGroup(name, true)
		g, _ = t.s.Groups.Get(name)
		v.counted = v.counted.With(name, g)
		t.s.putGroup(v.byCounts(agreed, g))
		if site, ok := l.Pins[name]; ok {
			v.pin(t, name, site, was)
		}
	}
	t.s.Endpoints = v.base.Endpoints
}

// kept is a group as own counts left it, if the replicated state has not settled it anew since.
func (v *View) kept(agreed *Group) (*Group, bool) {
	if v == nil || agreed == nil {
		return nil, false
	}
	if before, _ := v.base.Groups.Get(agreed.Name); before != agreed {
		return nil, false
	}
	return v.counted.Get(agreed.Name)
}

// byCounts is a group as it is shown: marked if own counts lead it elsewhere, and without incidents, which are the
// cluster's alone to number.
func (v *View) byCounts(agreed, g *Group) *Group {
	c := *g
	c.States = slices.Clone(g.States)
	for i := range c.States {
		if !v.base.Incidents.Has(numberKey(c.States[i].Incident)) {
			c.States[i].Incident = 0
		}
	}
	if !sameAnswers(agreed, g) || agreed.Active != g.Active {
		c.Rule = RuleLocal
	}
	return &c
}

// pin makes a group answer with a site whatever is measured: as a forced pin does, but it leaves no trace on sites'
// standings, since it is no word of the cluster's.
func (v *View) pin(t *txn, name, site string, was *View) {
	plain, ok := t.s.Groups.Get(name)
	if !ok {
		return
	}
	forced := *plain
	forced.Pin = &Pin{Site: site, Forced: true, BreakGlass: true}
	t.s.putGroup(&forced)
	before := len(t.effect.Events)
	t.settleGroup(name, true)
	t.effect.Events = t.effect.Events[:before] // the file's own news is told by whoever reads it
	g, _ := t.s.Groups.Get(name)
	pinned := *g
	pinned.Pin, pinned.States, pinned.Rule = plain.Pin, plain.States, RuleEmergency
	if pinned.Active != site {
		v.Vain = append(v.Vain, name)
		t.s.putGroup(plain)
		return
	}
	if was != nil {
		if old, ok := was.State.Groups.Get(name); ok && old.Rule == RuleEmergency && old.Active == site {
			pinned.ActiveSince, pinned.ActiveWall = old.ActiveSince, old.ActiveWall
		}
	}
	t.s.putGroup(&pinned)
}

// judgedBy is the endpoints with other verdicts in place of the cluster's.
func (s *State) judgedBy(own map[string]health.Verdict) Table[*Endpoint] {
	endpoints := s.Endpoints
	for _, id := range slices.Sorted(maps.Keys(own)) {
		if e, ok := endpoints.Get(id); ok && e.Verdict != own[id] {
			judged := *e
			judged.Verdict = own[id]
			endpoints = endpoints.With(id, &judged)
		}
	}
	return endpoints
}

// sees says whether some site of a group is up by health, and at least one of its endpoints is seen up.
func (s *State) sees(g *Group, seen func(endpoint string) bool) bool {
	up := s.measured(g)
	for i, id := range g.Sites {
		site, ok := s.Sites.Get(id)
		if ok && up[i] && slices.ContainsFunc(site.Endpoints, seen) {
			return true
		}
	}
	return false
}

// compare finds the zones that answer otherwise than the replicated state.
func (v *View) compare() {
	for _, c := range ChangedAnswers(v.base, v.State) {
		v.Differ[c.Zone] = true
	}
}

// ChangedAnswers lists the cells that answer otherwise in one of two states than in the other, by zone. Zones and
// groups that only one of them has, or that were declared anew between them, are not looked at.
func ChangedAnswers(a, b *State) (out []ZoneChange) {
	for key, z := range b.Zones.All() {
		c := ZoneChange{Zone: key}
		for _, name := range z.Groups {
			c.Cells = append(c.Cells, changedCells(a, b, name)...)
		}
		if c.Cells != nil {
			out = append(out, c)
		}
	}
	return out
}

func changedCells(a, b *State, group string) (cells []CellRef) {
	ga, _ := a.Groups.Get(group)
	gb, _ := b.Groups.Get(group)
	if ga == gb || ga == nil || gb == nil || len(ga.Answers) != len(gb.Answers) {
		return nil
	}
	for i := range gb.Answers {
		if !ga.Answers[i].equal(&gb.Answers[i]) {
			cells = append(cells, CellRef{group, i})
		}
	}
	return cells
}

func sameAnswers(a, b *Group) bool {
	return slices.EqualFunc(a.Answers, b.Answers, func(x, y Answer) bool { return x.equal(&y) })
}

// lostAfter is the least time out of contact that ends a session.
const lostAfter = 30 * time.Second

// LostAfter is how long a node may be out of a leader's contact before its session at a check interval ends.
func LostAfter(interval time.Duration) time.Duration { return max(lostAfter, 3*interval) }

// VotedSince says whether a majority of the probing nodes has voted on an endpoint since a base state: with votes that
// base does not have, or, once settled, with any that stand. Settled is for the caller to know: a leader has been in
// contact for so long that votes of nodes it does not reach are void, and the others have counted in full. An endpoint
// that is no more is voted on.
func (s *State) VotedSince(base *State, endpoint string, settled bool) bool {
	e, ok := s.Endpoints.Get(endpoint)
	if !ok {
		return true
	}
	var before []Vote
	if old, ok := base.Endpoints.Get(endpoint); ok {
		before = old.Votes
	}
	n := 0
	for i := range e.Votes {
		if v := &e.Votes[i]; s.voteCounts(v) && (settled || !slices.Contains(before, *v)) {
			n++
		}
	}
	return n >= s.Probers()/2+1
}
