package node

import (
	"fmt"
	"slices"
	"strings"

	"failoverdns/health"
	"failoverdns/record"
	"failoverdns/state"
)

// view is what the order of choice looks at, in one state.
type view struct {
	st *state.State
	d  *state.Declaration // the form in force, as the test wrote it: it has the sites
	g  *state.Group
	gd *state.GroupDecl // as the test wrote it
}

func (v view) word(scope state.Scope, target string) state.Word {
	if o, ok := v.st.Overrides.Get(state.OverrideKey(scope, target)); ok {
		return o.Word
	}
	return ""
}

// healthy reads: precedence, override of the address, of the endpoint, mute of the check, then the verdict.
func (v view) healthy(site, address string) bool {
	if w := v.word(state.ScopeAddress, site+"@"+address); w != "" {
		return w == state.ForceUp
	}
	id := site + "/https@" + address
	if w := v.word(state.ScopeEndpoint, id); w != "" {
		return w == state.ForceUp
	}
	if v.word(state.ScopeCheck, site+"/https") != "" {
		return true
	}
	e, ok := v.st.Endpoints.Get(id)
	if !ok {
		return false
	}
	return e.Verdict == health.VerdictUp || e.Verdict == health.VerdictUnknown && !e.Presumed
}

// addresses gives a site's addresses, and which of them are healthy.
func (v view) addresses(site string) (all, healthy []string) {
	for _, s := range v.d.Sites {
		for _, a := range s.Addresses {
			if s.Name != site {
				continue
			}
			all = append(all, a.String())
			if v.healthy(site, a.String()) {
				healthy = append(healthy, a.String())
			}
		}
	}
	return all, healthy
}

// off says whether a switch takes a site out.
func (v view) off(site string) bool {
	for _, decl := range v.d.Switches {
		if sw, ok := v.st.Switches.Get(decl.Name); ok && !sw.On && slices.Contains(decl.Sites, site) {
			return true
		}
	}
	return false
}

// up says whether a site is up: a switch first, then an operator's word, then health.
func (v view) up(site string) bool {
	if v.off(site) {
		return false
	}
	if w := v.word(state.ScopeSite, site); w != "" {
		return w == state.ForceUp
	}
	return v.enough(site)
}

// enough says whether enough of a site's addresses are healthy; all of them are of one family.
func (v view) enough(site string) bool {
	all, healthy := v.addresses(site)
	least := 1
	for _, s := range v.d.Sites {
		if s.Name == site {
			least = s.MinHealthy
		}
	}
	return len(healthy) >= min(least, len(all))
}

func (v view) held(site string) bool {
	return slices.ContainsFunc(v.g.States, func(s state.SiteState) bool { return s.Site == site && s.Held })
}

// chosen reads the order of choice from top to bottom.
func (v view) chosen(last string) (active string, answering []string) {
	one := func(s string) (string, []string) { return s, []string{s} }
	order := v.gd.Sites
	if pin := v.g.Pin; pin != nil && (v.up(pin.Site) || pin.Forced && (pin.BreakGlass || !v.off(pin.Site))) {
		return one(pin.Site)
	}
	for _, s := range order {
		if v.up(s) && !v.held(s) {
			return one(s)
		}
	}
	for _, s := range order {
		if v.up(s) {
			return one(s)
		}
	}
	var left []string
	for _, s := range order {
		if v.word(state.ScopeSite, s) != state.ForceDown && !v.off(s) {
			left = append(left, s)
		}
	}
	if left == nil {
		left = order
	}
	switch {
	case v.gd.AllDown == state.AllDownAll:
		return left[0], left
	case v.gd.AllDown == state.AllDownLast && slices.Contains(left, last):
		return one(last)
	}
	return one(left[0])
}

// records is what clients are owed: the healthy addresses of the sites that answer, or all.
func (v view) records(sites []string) []string {
	var all, healthy []string
	for _, s := range sites {
		a, h := v.addresses(s)
		all, healthy = append(all, a...), append(healthy, h...)
	}
	if len(healthy) > 0 {
		all = healthy
	}
	return all
}

// choice holds what a node answers after a command to the order of choice.
func (j *judge) choice(p *proc, prev, st *state.State, restored bool) {
	d := formsByDigest[digest(st)]
	g, ok := st.Groups.Get(theGroup)
	if digest(st) == "" {
		return
	}
	if d == nil || !ok {
		j.failf("%s: at index %d digest %.8s is no form that was declared", p.id, st.Index, digest(st))
		return
	}
	j.chosen(p, prev, view{st, d, g, &d.Groups[0]}, restored)
	if g, ok := st.Groups.Get(marketGroup); ok {
		j.chosen(p, prev, view{st, d, g, &market().Groups[0]}, restored)
	}
}

// chosen holds one group to the order of choice.
func (j *judge) chosen(p *proc, prev *state.State, v view, restored bool) {
	st, g := v.st, v.g
	last := g.Active
	if old, ok := prev.Groups.Get(g.Name); ok && !restored {
		last = old.Active
	}
	active, answering := v.chosen(last)
	if g.Active != active {
		j.failf("%s: at index %d %s of %s is active (%s), by the order of choice it is %s", p.id, st.Index, g.Active, g.Name, g.Rule, active)
	}
	if held := g.States[slices.Index(g.Sites, g.Active)].Held; held {
		j.failf("%s: at index %d the active site %s of %s is held", p.id, st.Index, g.Active, g.Name)
	}
	if !p.own() {
		j.served(p, st, v.records(answering), &v.gd.Cells[0])
	}
}

// served holds the answers of every steered name to what they must be.
func (j *judge) served(p *proc, st *state.State, want []string, c *state.CellDecl) {
	slices.Sort(want)
	for _, name := range c.Names {
		l := p.node.Lookup(name, record.A)
		var got []string
		for _, rr := range l.Answer {
			f := strings.Fields(rr)
			got = append(got, f[len(f)-1])
			if f[1] != fmt.Sprint(c.TTL) {
				j.failf("%s: at index %d %s has TTL %s, declared is %d", p.id, st.Index, name, f[1], c.TTL)
			}
		}
		slices.Sort(got)
		if l.RCode != "NOERROR" || !slices.Equal(got, want) {
			j.failf("%s: at index %d %s answers %s %v, by the order of choice it is %v", p.id, st.Index, name, l.RCode, got, want)
		}
	}
}
