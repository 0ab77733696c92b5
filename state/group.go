package state

import (
	"fmt"
	"slices"
	"time"

	"failoverdns/health"
	"failoverdns/routing"
)

// settleGroup brings one group to its choice.
func (t *txn) settleGroup(name string, force bool) *Refusal {
	old, ok := t.s.Groups.Get(name)
	if !ok {
		return nil
	}
	g := *old
	g.States = slices.Clone(old.States)
	sites := t.s.RoutingSites(&g)
	up := routing.Standing(sites)
	t.watchDrill(&g, sites, up)
	if !force && t.was.hasSiteUp(name) && !slices.Contains(up, true) {
		return refuse(RefusedUnsafe, "this would take from group %s its last site that is up; --force does it all the same", name)
	}
	t.standings(&g, sites, t.s.measured(&g), up)
	choice := routing.Choose(sites, up, g.Pin.routing(), routing.AllDown(g.AllDown), g.Active)
	t.activate(&g, choice)
	if choice.Rule == routing.HeldUp { // becoming active ended the hold, so that is no longer why
		g.Rule = string(routing.Choose(t.s.RoutingSites(&g), up, g.Pin.routing(), routing.AllDown(g.AllDown), g.Active).Rule)
	}
	t.drillBack(&g)
	t.tellHolds(&g, old.States)
	t.answer(&g, choice.Answer)
	t.s.putGroup(&g)
	return nil
}

func (p *Pin) routing() *routing.Pin {
	if p == nil {
		return nil
	}
	return &routing.Pin{Site: p.Site, Forced: p.Forced, BreakGlass: p.BreakGlass}
}

// standings updates each site's standing in the group, and the holds that follow; sites gets the holds too.
func (t *txn) standings(g *Group, sites []routing.Site, measured, up []bool) {
	pin := g.Pin.routing()
	pinned := pin.Stands(sites, up)
	active := slices.Index(g.Sites, g.Active)
	if active >= 0 && t.s.Clock-g.ActiveSince >= health.FlapWindow {
		g.States[active].Flaps = 0
	}
	for i := range g.States {
		st := &g.States[i]
		if st.Up != up[i] {
			t.turn(g, st, up[i], st.Measured && !measured[i])
		}
		st.Measured = measured[i]
		eligible := up[i] && (!pinned || g.Pin.Site == st.Site)
		if eligible && !st.Eligible && active > i && !t.returnsFrom(g, st.Site) {
			t.hold(g, st)
		}
		if !eligible || sites[i].Force == routing.Up {
			st.Held, st.HeldTill = false, 0
		}
		st.Eligible = eligible
		sites[i].Held = st.Held
	}
}

// turn notes that a site of a group came up or went down.
func (t *txn) turn(g *Group, st *SiteState, up, byHealth bool) {
	st.Up, st.Since, st.Wall = up, t.s.Clock, t.s.Wall
	if up {
		t.returned(st)
		t.event(Event{Type: "site-up", Group: g.Name, Site: st.Site, Text: fmt.Sprintf("%s: site %s is up", g.Name, st.Site)})
		return
	}
	if byHealth && st.Returned > 0 && t.s.Clock-st.Returned < health.FlapWindow {
		st.Flaps++
	}
	t.depart(g, st, byHealth)
	t.event(Event{Type: "site-down", Group: g.Name, Site: st.Site, Text: fmt.Sprintf("%s: site %s is down", g.Name, st.Site)})
}

// hold begins a returning site's hold, if the policy asks for one.
func (t *txn) hold(g *Group, st *SiteState) {
	d, manual := g.Failback.Hold(st.Flaps, t.holdBase(st.Site))
	switch {
	case manual:
		st.Held, st.HeldTill = true, 0
	case d > 0:
		st.Held, st.HeldTill = true, t.s.Clock+d
	}
}

// tellHolds reports the holds that this command began, once it is known which of them the choice left standing.
func (t *txn) tellHolds(g *Group, before []SiteState) {
	for i := range g.States {
		st := &g.States[i]
		if !st.Held || before[i].Held {
			continue
		}
		text := fmt.Sprintf("%s: site %s is held until the command: failback %s", g.Name, st.Site, g.Name)
		if st.HeldTill > 0 {
			text = fmt.Sprintf("%s: site %s is held for %s", g.Name, st.Site, st.HeldTill-t.s.Clock)
		}
		t.event(Event{Type: "hold", Group: g.Name, Site: st.Site, Text: text})
	}
}

// holdBase is successes × interval, the greatest of the site's checks.
func (t *txn) holdBase(siteID string) (base time.Duration) {
	if site, ok := t.s.Sites.Get(siteID); ok {
		for _, c := range site.Checks {
			base = max(base, time.Duration(c.Check.Successes)*c.Check.Interval)
		}
	}
	return base
}

// activate makes the choice the group's own. Becoming active ends a hold, and no site less preferred than the active
// one is held.
func (t *txn) activate(g *Group, choice routing.Choice) {
	i := slices.Index(g.Sites, choice.Site)
	for j := i; j < len(g.States); j++ {
		g.States[j].Held, g.States[j].HeldTill = false, 0
	}
	g.Rule = string(choice.Rule)
	from := g.Active
	if from != choice.Site {
		g.Active, g.ActiveSince, g.ActiveWall = choice.Site, t.s.Clock, t.s.Wall
	}
	if st := &g.States[i]; st.Up && st.Incident != 0 {
		t.backInService(st)
	}
	if from == choice.Site || from == "" {
		return
	}
	t.movedTo(g, from)
	t.event(Event{Type: "flip", Group: g.Name, Site: g.Active, Reason: g.Rule, Text: fmt.Sprintf("%s answers with %s, no longer with %s (%s)", g.Name, g.Active, from, g.Rule)})
}
