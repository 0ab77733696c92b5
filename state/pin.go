package state

import (
	"fmt"
	"slices"
	"time"

	"failoverdns/routing"
)

// AllGroups names every group that has the site, in SetPin and Unpin.
const AllGroups = "all"

// SetPin makes a group answer with a site, above preference and failback; with Force, above everything measured too.
type SetPin struct {
	Group  string        `json:"group"`
	Site   string        `json:"site"` // name or ID
	Reason string        `json:"reason"`
	For    time.Duration `json:"for,omitempty"` // 0: for ever
	Force  bool          `json:"force,omitempty"`

	BreakGlass bool `json:"break_glass,omitempty" level:"2"` // with Force: to a site that a switch took out, too
}

// Unpin ends a group's pin.
type Unpin struct {
	Group  string `json:"group"`
	Reason string `json:"reason,omitempty"`
}

// EndHold lets the held sites of a group take traffic again: the command failback.
type EndHold struct {
	Group  string `json:"group"`
	Reason string `json:"reason,omitempty"`
}

func (*SetPin) kind() kind  { return kindPin }
func (*Unpin) kind() kind   { return kindUnpin }
func (*EndHold) kind() kind { return kindFailback }

// named gives the groups that a command means.
func (s *State) named(group string) ([]*Group, *Refusal) {
	if group != AllGroups {
		g, ok := s.Groups.Get(group)
		if !ok {
			return nil, refuse(RefusedNotFound, "there is no group %q", group)
		}
		return []*Group{g}, nil
	}
	var all []*Group
	for _, g := range s.Groups.All() {
		all = append(all, g)
	}
	return all, nil
}

// SiteIn finds a group's site by ID or by name.
func (g *Group) SiteIn(site string) (id string, ok bool) {
	i := slices.IndexFunc(g.Sites, func(id string) bool { return id == site || Short(id) == site })
	if i < 0 {
		return "", false
	}
	return g.Sites[i], true
}

func (c *SetPin) apply(t *txn) *Refusal {
	if !goodFor(c.For) {
		return badFor("a pin", c.For)
	}
	groups, r := t.s.named(c.Group)
	if r != nil {
		return r
	}
	pinned := 0
	for _, g := range groups {
		id, ok := g.SiteIn(c.Site)
		if !ok {
			continue
		}
		if r := t.pin(g, id, c); r != nil {
			return r
		}
		pinned++
	}
	if pinned == 0 {
		return refuse(RefusedNotFound, "group %q has no site %q", c.Group, c.Site)
	}
	return nil
}

func (t *txn) pin(g *Group, site string, c *SetPin) *Refusal {
	sites, i := t.s.RoutingSites(g), slices.Index(g.Sites, site)
	if sites[i].Off && !(c.Force && c.BreakGlass) {
		return refuse(RefusedRule, "site %s is taken out by a switch that is off (failoverctl switch list); --force --break-glass pins it all the same", site)
	}
	if !c.Force && !routing.Standing(sites)[i] {
		return refuse(RefusedUnsafe, "site %s is down in group %s; --force pins it whatever is measured", site, g.Name)
	}
	next := *g
	if g.Pin != nil && g.Pin.Drill != 0 {
		t.noteEnd(g.Pin.Drill, DrillAborted, fmt.Sprintf("%s is pinned to %s %s", g.Name, site, byWhom(t.h.Author)))
	}
	next.Pin = &Pin{Site: site, Forced: c.Force, BreakGlass: c.Force && c.BreakGlass && sites[i].Off, Author: t.h.Author, Reason: c.Reason, Since: t.s.Clock, Wall: t.s.Wall, Expires: t.expiry(c.For)}
	t.s.putGroup(&next)
	t.dirty[g.Name] = true
	t.event(Event{Type: "pin-set", Group: g.Name, Site: site, Reason: c.Reason,
		Text: fmt.Sprintf("%s is %s to %s %s %s%s", g.Name, next.Pin.verb(), site, lasting(c.For), byWhom(t.h.Author), because(c.Reason))})
	return nil
}

func (p *Pin) verb() string {
	switch {
	case p.BreakGlass:
		return "pinned by force, with --break-glass,"
	case p.Forced:
		return "pinned by force"
	}
	return "pinned"
}

func (c *Unpin) apply(t *txn) *Refusal {
	groups, r := t.s.named(c.Group)
	if r != nil {
		return r
	}
	ended := 0
	for _, g := range groups {
		if g.Pin != nil {
			t.unpin(g, Event{Type: "pin-cleared", Reason: c.Reason, Text: fmt.Sprintf("%s is no longer pinned to %s; ended %s%s", g.Name, g.Pin.Site, byWhom(t.h.Author), because(c.Reason))})
			ended++
		}
	}
	if ended == 0 {
		return refuse(RefusedNotFound, "group %q has no pin", c.Group)
	}
	return nil
}

func (t *txn) unpin(g *Group, e Event) {
	next := *g
	if g.Pin.Drill != 0 {
		t.endDrill(&next, DrillAborted, "unpinned "+byWhom(t.h.Author)+because(e.Reason))
	}
	next.Pin = nil
	t.s.putGroup(&next)
	t.dirty[g.Name] = true
	e.Group, e.Site = g.Name, g.Pin.Site
	t.event(e)
}

func (c *EndHold) apply(t *txn) *Refusal {
	groups, r := t.s.named(c.Group)
	if r != nil {
		return r
	}
	ended := 0
	for _, g := range groups {
		ended += t.endHolds(g, func(*SiteState) bool { return true }, "failback "+byWhom(t.h.Author)+because(c.Reason))
	}
	if ended == 0 {
		return refuse(RefusedNotFound, "group %q holds no site back", c.Group)
	}
	return nil
}

// endHolds lifts the holds of a group that are due, and counts them.
func (t *txn) endHolds(g *Group, due func(*SiteState) bool, why string) (ended int) {
	next := *g
	next.States = slices.Clone(g.States)
	for i := range next.States {
		st := &next.States[i]
		if !st.Held || !due(st) {
			continue
		}
		st.Held, st.HeldTill = false, 0
		ended++
		t.event(Event{Type: "hold-ended", Group: g.Name, Site: st.Site, Text: fmt.Sprintf("%s: site %s is no longer held: %s", g.Name, st.Site, why)})
	}
	if ended > 0 {
		t.s.putGroup(&next)
		t.dirty[g.Name] = true
	}
	return ended
}
