package state

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"time"

	"failoverdns/health"
	"failoverdns/record"
	"failoverdns/routing"
)

// SiteWord finds the operator's word over a site: one on its ID, else one on its name, which counts in every group.
func (s *State) SiteWord(site *Site) *Override {
	if o, ok := s.Overrides.Get(OverrideKey(ScopeSite, site.ID())); ok {
		return o
	}
	o, _ := s.Overrides.Get(OverrideKey(ScopeSite, site.Name))
	return o
}

// EndpointDown says whether an endpoint counts as down: an operator's word first, then a mute of its check, then the
// verdict. The override that decided is given, if one did.
func (s *State) EndpointDown(e *Endpoint) (down bool, by *Override) {
	if o, ok := s.Overrides.Get(OverrideKey(ScopeEndpoint, e.ID)); ok {
		return o.Word == ForceDown, o
	}
	if o, ok := s.Overrides.Get(OverrideKey(ScopeCheck, e.Check)); ok {
		return false, o
	}
	return e.Down(), nil
}

// AddressHealthy says whether an address of a site is healthy: none of its endpoints is down. Endpoints of a dial
// host belong to every address.
func (s *State) AddressHealthy(site *Site, a netip.Addr) bool {
	if o, ok := s.Overrides.Get(OverrideKey(ScopeAddress, AddressID(site.ID(), a))); ok {
		return o.Word == ForceUp
	}
	for _, id := range site.Endpoints {
		e, ok := s.Endpoints.Get(id)
		if !ok || e.Spec.Dial == "" && e.Address != a {
			continue
		}
		if down, _ := s.EndpointDown(e); down {
			return false
		}
	}
	return true
}

// RoutingSites puts a group's sites into the form that a choice is made from.
func (s *State) RoutingSites(g *Group) []routing.Site {
	out := make([]routing.Site, len(g.Sites))
	for i, id := range g.Sites {
		out[i] = routing.Site{ID: id, MinHealthy: 1}
		if i < len(g.States) {
			out[i].Held = g.States[i].Held
		}
		if site, ok := s.Sites.Get(id); ok {
			s.judge(site, &out[i])
		}
	}
	return out
}

func (s *State) judge(site *Site, r *routing.Site) {
	r.MinHealthy = site.MinHealthy
	if o := s.SiteWord(site); o != nil {
		r.Force = routing.Force(o.Word)
	}
	if site.Target != "" {
		r.Target, r.Healthy = true, s.targetUp(site)
		return
	}
	for _, a := range site.Addresses {
		r.Addresses = append(r.Addresses, routing.Address{IP: a, Healthy: s.AddressHealthy(site, a)})
	}
}

func (s *State) targetUp(site *Site) bool {
	for _, id := range site.Endpoints {
		if e, ok := s.Endpoints.Get(id); ok {
			if down, _ := s.EndpointDown(e); down {
				return false
			}
		}
	}
	return true
}

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
	if !force && t.was.hasSiteUp(name) && !slices.Contains(up, true) {
		return refuse(RefusedUnsafe, "this would take from group %s its last site that is up; --force does it all the same", name)
	}
	t.standings(&g, sites, t.s.measured(&g), up)
	choice := routing.Choose(sites, up, g.Pin.routing(), routing.AllDown(g.AllDown), g.Active)
	t.activate(&g, choice)
	t.tellHolds(&g, old.States)
	t.answer(&g, choice.Answer)
	t.s.Groups = t.s.Groups.With(name, &g)
	return nil
}

// hasSiteUp says whether a group has a site that is up; one that an operator took out is not.
func (s *State) hasSiteUp(group string) bool {
	g, ok := s.Groups.Get(group)
	return ok && slices.Contains(routing.Standing(s.RoutingSites(g)), true)
}

// measured says of each site of a group whether it is up by health alone, as if no override were set.
func (s *State) measured(g *Group) []bool {
	bare := *s
	bare.Overrides = Table[*Override]{}
	return routing.Measured(bare.RoutingSites(g))
}

func (p *Pin) routing() *routing.Pin {
	if p == nil {
		return nil
	}
	return &routing.Pin{Site: p.Site, Forced: p.Forced}
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
		if eligible && !st.Eligible && active > i {
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

// answer works out what each cell of a group has at the sites that are answered.
func (t *txn) answer(g *Group, sites []string) {
	answers := make([]Answer, len(g.Cells))
	for i := range g.Cells {
		answers[i] = t.s.cellAnswer(&g.Cells[i], sites)
		if i >= len(g.Answers) || !answers[i].equal(&g.Answers[i]) {
			t.change(g.Zone, g.Name, i)
		}
	}
	g.Answers = answers
}

func (a *Answer) equal(b *Answer) bool {
	return a.Target == b.Target && slices.Equal(a.A, b.A) && slices.Equal(a.AAAA, b.AAAA)
}

func (s *State) cellAnswer(c *CellDecl, sites []string) Answer {
	var options []routing.Option
	for _, id := range sites {
		if site, ok := s.Sites.Get(id); ok {
			options = append(options, s.option(c, site))
		}
	}
	a, aaaa, target := routing.Answer(options)
	return Answer{a, aaaa, target}
}

// option is what a cell's names have at one site: addresses of their own, or the site's.
func (s *State) option(c *CellDecl, site *Site) routing.Option {
	addresses, target := site.Addresses, site.Target
	for _, at := range c.At {
		if at.Site == site.ID() {
			addresses, target = at.Addresses, at.Target
		}
	}
	o := routing.Option{Target: target}
	for _, a := range addresses {
		o.Addresses = append(o.Addresses, routing.Address{IP: a, Healthy: s.AddressHealthy(site, a)})
	}
	return o
}

// Short is a site ID without the group that it belongs to: the name that people know.
func Short(siteID string) string { return siteID[strings.LastIndexByte(siteID, '/')+1:] }

// CellOf finds the group and cell that steer a name, if any.
func (s *State) CellOf(zone *Zone, name record.Name) (g *Group, cell int, ok bool) {
	for _, id := range zone.Groups {
		g, _ := s.Groups.Get(id)
		if g == nil {
			continue
		}
		for i := range g.Cells {
			if slices.Contains(g.Cells[i].Names, name) {
				return g, i, true
			}
		}
	}
	return nil, 0, false
}
