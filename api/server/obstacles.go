package server

import (
	"fmt"
	"time"

	"failoverdns/api"
	"failoverdns/state"
)

// obstacles gathers all that stands in the way of a move, or changes what comes of it. A command's refusal names the
// first thing that it meets; who plans wants to know the others too.
type obstacles struct {
	v     *view
	found []api.Notice
}

func (o *obstacles) add(code, next, format string, args ...any) {
	o.found = append(o.found, api.Notice{Code: code, Text: fmt.Sprintf(format, args...), Next: next})
}

// obstaclesOf is for plans of failover, failback and drills; other writes have their refusal alone.
func (v *view) obstaclesOf(b state.Body) []api.Notice {
	o := &obstacles{v: v}
	if c := v.node.Leader; c == "" {
		o.add(api.BlockNoQuorum, "failoverctl cluster members", "%s knows no leader: no command is taken without a quorum", v.node.ID)
	}
	switch c := b.(type) {
	case *state.SetPin:
		for _, g := range v.named(c.Group) {
			o.move(g, c.Site, c.For)
			o.pinned(g)
		}
	case *state.StartDrill:
		for _, g := range v.named(c.Group) {
			o.move(g, c.Site, c.For)
			o.pinned(g)
		}
	case *state.EndHold:
		for _, g := range v.named(c.Group) {
			o.back(g)
		}
	default:
		return nil
	}
	return o.found
}

func (v *view) named(group string) (out []*state.Group) {
	for name, g := range v.st.Groups.All() {
		if group == name || group == state.AllGroups {
			out = append(out, g)
		}
	}
	return out
}

// move is what keeps a group from a site while it is to be there.
func (o *obstacles) move(g *state.Group, site string, during time.Duration) {
	id, ok := g.SiteIn(site)
	if !ok {
		return
	}
	for i := range g.States {
		if g.States[i].Site == id {
			o.standing(g, &g.States[i])
		}
	}
	if e := o.v.emergencyOf(g.Name); e != nil {
		o.add(api.BlockEmergency, o.v.clear(e), "%s answers with %s by its emergency file until %s, whatever the cluster says", o.v.node.ID, e.Site, clockText(e.Expires))
	}
	o.windows(g, id, during)
}

// standing is why a site is not up in a group.
func (o *obstacles) standing(g *state.Group, st *state.SiteState) {
	switch s := o.v.standing(g, st); {
	case s.Switch != "":
		o.add(api.BlockSwitch, "failoverctl switch set "+s.Switch+"=on --reason TEXT", "site %s is taken out of group %s: %s", s.Site, g.Name, s.Why)
	case s.Override != nil && s.Override.Word == string(state.ForceDown):
		o.add(api.BlockOverride, "failoverctl site clear "+s.Override.Target+" --reason TEXT", "site %s is forced down in group %s %s", s.Site, g.Name, s.Why)
	case !s.Up:
		o.add(api.BlockUnhealthy, "failoverctl checks", "site %s is down in group %s: %s", s.Site, g.Name, s.Why)
	}
}

// pinned tells of the pin or drill that the move would end, or that is in its way.
func (o *obstacles) pinned(g *state.Group) {
	switch p := g.Pin; {
	case p != nil && p.Drill != 0:
		o.add(api.BlockDrill, fmt.Sprintf("failoverctl drill abort %d --reason TEXT", p.Drill), "drill %d of %s has group %s at %s; a failover ends it", p.Drill, p.Author, g.Name, p.Site)
	case p != nil:
		o.add(api.BlockPin, "failoverctl unpin "+g.Name+" --reason TEXT", "group %s is pinned to %s by %s: %s; a failover takes its place", g.Name, p.Site, p.Author, p.Reason)
	}
}

// windows are those that take the site out while the group is to be there; 0 is for ever.
func (o *obstacles) windows(g *state.Group, id string, during time.Duration) {
	name := state.Short(id)
	for _, w := range o.v.st.Windows.All() {
		of := w.Scope == state.ScopeSite && (w.Target == id || w.Target == name) && w.Word == state.ForceDown
		if of && w.Outcome == "" && (during == 0 || w.Starts < o.v.st.Clock+during) {
			o.add(api.BlockMaintenance, fmt.Sprintf("failoverctl maintenance cancel %d --reason TEXT", w.ID), "maintenance window %d of %s takes site %s of group %s out at %s: %s", w.ID, w.Author, id, g.Name, clockText(o.v.wall(w.Starts)), w.Reason)
		}
	}
}

// back is what keeps a group from its more preferred sites when their holds end.
func (o *obstacles) back(g *state.Group) {
	o.pinned(g)
	for i := range g.States {
		st := &g.States[i]
		if st.Site == g.Active {
			return
		}
		if !st.Held {
			o.standing(g, st)
		}
	}
}
