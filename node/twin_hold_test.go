package node

import (
	"slices"
	"time"

	"failoverdns/state"
)

// standingOf is what the judge remembers of a site in the group: how often it went down, and when it last came up.
type standingOf struct {
	up    bool
	downs int
	came  state.Clock
}

// plain bounds the time in which the damping rule is read naively: within it no return is 10 min ago.
const plain = 10 * time.Minute

// holds watches the default failback where neither operators nor edits play a part: a site that came back for the
// first time is taken at once, after the next returns it waits for 30 s × 2ⁿ, and then no longer.
func (j *judge) holds(p *proc, prev, st *state.State) {
	d := formsByDigest[digest(st)]
	g, ok := st.Groups.Get(theGroup)
	if !ok || len(j.orders) > 0 || digest(st) != form0 || j.edited || st.Clock > plain {
		j.edited = j.edited || digest(st) != "" && digest(st) != form0
		return
	}
	v := view{st, d, g, &d.Groups[0]}
	for _, s := range d.Groups[0].Sites {
		j.sites[s] = j.sites[s].after(v.up(s), st.Clock)
	}
	old, ok := prev.Groups.Get(theGroup)
	if !ok || old.Active == g.Active {
		return
	}
	order := d.Groups[0].Sites
	if slices.Index(order, g.Active) > slices.Index(order, old.Active) || !v.up(old.Active) {
		return // every other move is immediate
	}
	if s := j.sites[g.Active]; st.Clock < s.came+s.hold() {
		j.failf("%s: at index %d, clock %s, %s is active again, which came up at %s after going down %d times", p.id, st.Index, st.Clock, g.Active, s.came, s.downs)
	}
}

func (s standingOf) after(up bool, now state.Clock) standingOf {
	switch {
	case up && !s.up:
		s.came = now
	case !up && s.up:
		s.downs++
	}
	s.up = up
	return s
}

// hold is 30 s, three probes, doubled by each departure but the first.
func (s standingOf) hold() time.Duration {
	if s.downs < 2 {
		return 0
	}
	return 3 * interval << (s.downs - 1)
}

// heldTooLong: while a leader is there no hold outlives its end, and the default one never exceeds the damping rule.
func (j *judge) heldTooLong(p *proc, st *state.State) {
	clock, leads := p.node.store.Clock()
	g, ok := st.Groups.Get(theGroup)
	if !ok || !leads || time.Since(j.calm) < electionBudget {
		return
	}
	for _, s := range g.States {
		if s.Held && s.HeldTill != 0 && clock > s.HeldTill+overdue {
			j.failf("%s leads, its clock is %s, and %s is held, which should have ended at %s", p.id, clock, s.Site, s.HeldTill)
		}
		if k := j.sites[s.Site]; s.Held && !j.edited && len(j.orders) == 0 && st.Clock < plain && clock > k.came+k.hold()+overdue {
			j.failf("%s leads, its clock is %s, and %s is still held, which came up at %s after going down %d times", p.id, clock, s.Site, k.came, k.downs)
		}
	}
}

var form0 = form(0, false).Digest()
