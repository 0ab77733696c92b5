package node

import (
	"slices"

	"failoverdns/state"
)

// siteSwitches are those that the schedules' rules bind.
var siteSwitches = []string{"azure-in", "aws-in"}

// turned is when a site's switch was turned.
type turned struct {
	index uint64
	at    state.Clock
}

// rules holds what operators do to sites to the safety rules that withSwitches declares, and to the last site that is up.
func (j *judge) rules(p *proc, prev, st *state.State) {
	o := j.takenAt(st)
	j.lastSite(p, prev, st, o)
	if !prev.Rules.Has("one-in") {
		return
	}
	j.assertion(p, prev, st, o)
	names := turnedBetween(prev, st)
	if len(names) > 0 {
		j.turning(p, prev, st, o, names)
	}
	if o != nil && o.refusal != nil && o.refusal.Code == state.RefusedRule {
		j.refusedByRule(p, prev, o)
	}
	for _, name := range names {
		if slices.Contains(siteSwitches, name) {
			j.turns = append(j.turns, turned{st.Index, st.Clock})
		}
	}
}

// in counts the site switches that are on, with no word "down" over their site.
func in(st *state.State) (n int) {
	for _, name := range siteSwitches {
		sw, ok := st.Switches.Get(name)
		if ok && sw.On && (view{st: st}).word(state.ScopeSite, sw.Sites[0]) != state.ForceDown {
			n++
		}
	}
	return n
}

// assertion: only who broke the glass leaves no site in.
func (j *judge) assertion(p *proc, prev, st *state.State, o *taken) {
	if in(st) > 0 || in(prev) == 0 {
		return
	}
	if o != nil {
		if _, glass := leave(o.body); glass {
			return
		}
	}
	for _, w := range begunBetween(prev, st) {
		if w.BreakGlass {
			return
		}
	}
	j.failf("%s: at index %d no site is in any more, and nobody broke the glass: %+v", p.id, st.Index, o)
}

// turning: switches are turned by operators alone, all that a command names, with the gate open, and not right after
// another turn.
func (j *judge) turning(p *proc, prev, st *state.State, o *taken, turned []string) {
	var c *state.SetSwitches
	if o != nil && o.refusal == nil {
		c, _ = o.body.(*state.SetSwitches)
	}
	if c == nil {
		j.failf("%s: at index %d %v were turned, by nobody's command: %+v", p.id, st.Index, turned, o)
		return
	}
	for _, ch := range c.Changes {
		if sw, ok := st.Switches.Get(ch.Name); !ok || sw.On != ch.On {
			j.failf("%s: at index %d switch %s is not what the command says, %+v", p.id, st.Index, ch.Name, c)
		}
	}
	if why := j.barred(prev, st.Clock, turned); why != "" && !c.BreakGlass {
		j.failf("%s: at index %d, clock %s, %v were turned, though %s", p.id, st.Index, st.Clock, turned, why)
	}
}

// barred says why switches may not be turned now; "" if they may.
func (j *judge) barred(prev *state.State, now state.Clock, turned []string) string {
	if !slices.ContainsFunc(turned, func(name string) bool { return slices.Contains(siteSwitches, name) }) {
		return ""
	}
	if gate, _ := prev.Switches.Get("unlocked"); !gate.On {
		return "the gate is shut"
	}
	if n := len(j.turns); n > 0 && j.turns[n-1].at != 0 && now < j.turns[n-1].at+ruleWait {
		return "one was turned at " + j.turns[n-1].at.String()
	}
	return ""
}

// refusedByRule: a rule refuses nothing that it allows.
func (j *judge) refusedByRule(p *proc, prev *state.State, o *taken) {
	_, glass := leave(o.body)
	if glass {
		if _, pin := o.body.(*state.SetPin); !pin {
			j.failf("%s: at index %d a rule refused what broke the glass: %s", p.id, o.index, o.refusal.Text)
		}
		return
	}
	c, ok := o.body.(*state.SetSwitches)
	if !ok {
		return
	}
	after, turned := map[string]bool{}, []string(nil)
	for _, ch := range c.Changes {
		if sw, _ := prev.Switches.Get(ch.Name); sw.On != ch.On {
			turned = append(turned, ch.Name)
		}
		after[ch.Name] = ch.On
	}
	left := 0
	for _, name := range siteSwitches {
		sw, _ := prev.Switches.Get(name)
		on, named := after[name]
		if (named && on || !named && sw.On) && (view{st: prev}).word(state.ScopeSite, sw.Sites[0]) != state.ForceDown {
			left++
		}
	}
	if j.barred(prev, j.clock[o.index], turned) == "" && (left > 0 || left >= in(prev)) {
		j.failf("%s: at index %d a rule refused what it allows, %+v: %s", p.id, o.index, c, o.refusal.Text)
	}
}

// lastSite: what was not forced never takes the last site that is up.
func (j *judge) lastSite(p *proc, prev, st *state.State, o *taken) {
	if o == nil || o.refusal != nil || digest(prev) != digest(st) {
		return
	}
	d := formsByDigest[digest(st)]
	if force, _ := leave(o.body); force || d == nil {
		return
	}
	anyUp := func(st *state.State) bool {
		v := view{st: st, d: d}
		return slices.ContainsFunc(d.Sites, func(s state.SiteDecl) bool { return v.up(s.Name) })
	}
	if anyUp(prev) && !anyUp(st) {
		j.failf("%s: at index %d a command without force took the last site that was up: %+v", p.id, st.Index, o.body)
	}
}

func turnedBetween(prev, st *state.State) (names []string) {
	for name, sw := range st.Switches.All() {
		if was, ok := prev.Switches.Get(name); ok && was.On != sw.On {
			names = append(names, name)
		}
	}
	return names
}
