package state

import (
	"fmt"
	"iter"
	"slices"

	"failoverdns/health"
	"failoverdns/record"
	"failoverdns/routing"
)

// declare puts declarations into force: what they give up first, then sites, since groups may name sites of one
// another. So it does not matter in which order they come.
func (t *txn) declare(ds []*Declaration) *Refusal {
	for _, d := range ds {
		t.declareZone(d)
	}
	for _, d := range ds {
		if r := t.declareSites(d); r != nil {
			return r
		}
	}
	for _, d := range ds {
		if r := t.declareGroups(d); r != nil {
			return r
		}
	}
	for _, d := range ds {
		if r := t.declareSwitches(d); r != nil {
			return r
		}
	}
	if r := t.checkRules(); r != nil {
		return r
	}
	for _, d := range ds {
		if r := t.checkNames(d); r != nil {
			return r
		}
		t.event(Event{Type: "declared", Zone: d.Zone.Bare(), Text: fmt.Sprintf("zone %s is as %s declares it", d.Zone.Bare(), d.Source)})
	}
	if r := t.checkLookups(ds); r != nil {
		return r
	}
	t.endDrift(ds)
	t.releaseTargets()
	t.endSessions()
	for id := range t.s.Nodes.All() {
		t.countIn(id) // the endpoint that its first full round lacked may be gone
	}
	return t.checkGroups()
}

// endSessions ends those of intervals that no check has any more, and SessionOpen opens none: the leader looks after the
// others alone, so one left open would outlast its node.
func (t *txn) endSessions() {
	used := t.s.Intervals()
	for key, s := range t.s.Sessions.All() {
		if !slices.Contains(used, s.Interval) {
			t.s.Sessions = t.s.Sessions.Without(key)
		}
	}
}

func (t *txn) declareZone(d *Declaration) {
	key := ZoneKey(d.Zone)
	z := &Zone{Name: d.Zone, SOA: d.SOA, NoQuorum: d.NoQuorum, Agree: d.Agree, Source: d.Source, Digest: t.digest(d), Face: d.face(), Since: t.s.Index}
	z.steered = steering{}
	for i := range d.Groups {
		z.Groups = append(z.Groups, d.Groups[i].Name)
		z.steered.add(&d.Groups[i])
	}
	for i := range d.Sites {
		z.Sites = append(z.Sites, d.Sites[i].ID())
	}
	for i := range d.Switches {
		z.Switches = append(z.Switches, d.Switches[i].Name)
	}
	for i := range d.Rules {
		z.Rules = append(z.Rules, d.Rules[i].Name)
	}
	z.Sets = z.Sets.WithAll(keyed(d.Sets))
	old, ok := t.s.Zones.Get(key)
	if ok {
		z.Serial, z.Dynamic = old.Serial, old.Dynamic
		t.dropGroups(old, z)
		t.dropSites(old, z)
		t.dropSwitches(old, d)
	} else {
		z.Serial = t.firstSerial(d)
	}
	t.s.Zones = t.s.Zones.With(key, z)
	if !ok || old.Face != z.Face {
		t.change(d.Zone, "", -1)
	}
}

// keyed gives record sets with their keys. What takes them in keeps sets itself alive, and nobody changes it any more.
func keyed(sets []record.Set) iter.Seq2[string, *record.Set] {
	return func(yield func(string, *record.Set) bool) {
		var key []byte
		for i := range sets {
			key = appendSetKey(key[:0], sets[i].Name, sets[i].Type)
			if !yield(string(key), &sets[i]) {
				return
			}
		}
	}
}

// firstSerial of a zone without a file's serial is the leader's wall time in seconds: so a cluster that was set up
// anew goes on above the one that secondaries knew.
func (t *txn) firstSerial(d *Declaration) uint32 {
	if d.SOA.Serial != 0 {
		return d.SOA.Serial
	}
	if t.s.Wall.IsZero() {
		return 1
	}
	return max(1, uint32(t.s.Wall.Unix()))
}

func set(words []string) map[string]bool {
	out := make(map[string]bool, len(words))
	for _, w := range words {
		out[w] = true
	}
	return out
}

func (t *txn) dropGroups(old, z *Zone) {
	keep := set(z.Groups)
	for _, name := range old.Groups {
		if !keep[name] {
			if g, ok := t.s.Groups.Get(name); ok && g.Pin != nil && g.Pin.Drill != 0 {
				t.noteEnd(g.Pin.Drill, DrillAborted, "its group is gone")
			}
			t.s.dropGroup(name)
			t.event(Event{Type: "declared", Zone: z.Name.Bare(), Group: name, Text: "group " + name + " is gone"})
		}
	}
}

func (t *txn) dropSites(old, z *Zone) {
	keep := set(z.Sites)
	for _, id := range old.Sites {
		if keep[id] {
			continue
		}
		if site, ok := t.s.Sites.Get(id); ok {
			t.dropEndpoints(site, nil)
			t.gaveUp = append(t.gaveUp, site)
		}
		t.s.dropSite(id)
		t.touchSite(id)
	}
}

func (t *txn) dropEndpoints(site *Site, keep []string) {
	for _, id := range site.Endpoints {
		if !slices.Contains(keep, id) {
			t.s.dropEndpoint(id)
			t.effect.Checks = true
		}
	}
}

// declareSites defines sites and their endpoints. An endpoint whose check did not change stays as it is. A site that
// another zone defines is refused.
func (t *txn) declareSites(d *Declaration) *Refusal {
	for i := range d.Sites {
		decl := &d.Sites[i]
		if s, ok := t.s.Sites.Get(decl.ID()); ok && s.Zone != d.Zone {
			return refuse(RefusedConflict, "%s: site %s is defined in zone %s already; name it alone here, or give it another name", d.Source, decl.ID(), s.Zone.Bare())
		}
		site := &Site{SiteDecl: *decl, Zone: d.Zone}
		down := t.downSomewhere(decl.ID())
		for j := range decl.Checks {
			site.Endpoints = append(site.Endpoints, t.declareCheck(d, decl, &decl.Checks[j], down)...)
		}
		if old, ok := t.s.Sites.Get(decl.ID()); ok {
			t.dropEndpoints(old, site.Endpoints)
			t.gaveUp = append(t.gaveUp, old)
		}
		t.flatten(site)
		t.s.putSite(site)
		t.touchSite(decl.ID())
	}
	return nil
}

// downSomewhere says whether a site is down in any group: there a new endpoint counts as down until its verdict is up.
func (t *txn) downSomewhere(siteID string) bool {
	for _, name := range t.was.groupsOf(siteID) {
		g, _ := t.was.Groups.Get(name)
		for i := range g.States {
			if g.States[i].Site == siteID && !g.States[i].Up {
				return true
			}
		}
	}
	return false
}

// declareCheck gives the IDs of a check's endpoints: one for its dial host, else one for each address or the target.
func (t *txn) declareCheck(d *Declaration, site *SiteDecl, c *CheckDecl, down bool) (ids []string) {
	checkID := CheckID(site.ID(), c.Name)
	one := func(e Endpoint, at string) {
		e.ID, e.Site, e.Check, e.Spec, e.Agree = EndpointID(checkID, at), site.ID(), checkID, c.Check, d.Agree
		t.declareEndpoint(&e, down)
		ids = append(ids, e.ID)
	}
	switch {
	case c.Check.Dial != "":
		one(Endpoint{Host: c.Check.Dial}, c.Check.Dial)
	case site.Target != "":
		one(Endpoint{Host: site.Target.Bare()}, site.Target.Bare())
	}
	if ids != nil {
		return ids
	}
	for _, a := range site.Addresses {
		one(Endpoint{Address: a}, a.String())
	}
	return ids
}

func (t *txn) declareEndpoint(e *Endpoint, down bool) {
	e.Revision, e.Verdict, e.Since, e.Wall, e.Presumed = t.s.Index, health.VerdictUnknown, t.s.Clock, t.s.Wall, down
	old, ok := t.s.Endpoints.Get(e.ID)
	if ok && old.Spec.Equal(&e.Spec) && old.Agree == e.Agree {
		return
	}
	if ok {
		e.Verdict, e.Since, e.Wall, e.Index, e.Presumed = old.Verdict, old.Since, old.Wall, old.Index, old.Presumed
		if old.Spec.Equal(&e.Spec) { // only the rule of agreement changed: the votes stand
			e.Revision, e.Votes = old.Revision, old.Votes
			t.s.putEndpoint(e)
			t.decide(e.ID)
			return
		}
	}
	t.s.putEndpoint(e)
	t.effect.Checks = true
}

// declareGroups defines groups. A group that another zone defines is refused.
func (t *txn) declareGroups(d *Declaration) *Refusal {
	for i := range d.Groups {
		g := &Group{GroupDecl: d.Groups[i], Zone: d.Zone}
		old, ok := t.s.Groups.Get(g.Name)
		if ok && old.Zone != d.Zone {
			return refuse(RefusedConflict, "%s: group %s is defined in zone %s already", d.Source, g.Name, old.Zone.Bare())
		}
		if len(g.Drills) > 0 {
			g.DrillsSince = t.s.Clock
		}
		if ok {
			t.carryOn(g, old)
		}
		g.States = t.siteStates(g, old)
		t.s.putGroup(g)
		t.dirty[g.Name] = true
	}
	return nil
}

// carryOn lets a group that is declared anew go on with what it does.
func (t *txn) carryOn(g, old *Group) {
	g.Active, g.ActiveSince, g.ActiveWall, g.Rule, g.Pin, g.Answers = old.Active, old.ActiveSince, old.ActiveWall, old.Rule, old.Pin, old.Answers
	if slices.Equal(g.Drills, old.Drills) {
		g.DrillsSince = old.DrillsSince
	}
	g.DrillSeen = old.DrillSeen
	if g.Pin != nil && !slices.Contains(g.Sites, g.Pin.Site) {
		g.Pin = nil
		if old.Pin.Drill != 0 {
			t.noteEnd(old.Pin.Drill, DrillAborted, "its site is none of the group's any more")
		}
		t.event(Event{Type: "pin-cleared", Group: g.Name, Site: old.Pin.Site, Text: fmt.Sprintf("%s is no longer pinned to %s, which is no site of it any more", g.Name, old.Pin.Site)})
	}
}

// siteStates keeps the standing of sites that a group already had; new ones begin as they are measured now, without
// having come up or gone down. Where the failback policy changed, holds begin anew under the new one.
func (t *txn) siteStates(g *Group, old *Group) []SiteState {
	measured, up := t.s.measured(g), routing.Standing(t.s.RoutingSites(g))
	states := make([]SiteState, len(g.Sites))
	for i, id := range g.Sites {
		states[i] = SiteState{Site: id, Up: up[i], Measured: measured[i], Eligible: up[i], Since: t.s.Clock, Wall: t.s.Wall}
		if old == nil {
			continue
		}
		if j := slices.IndexFunc(old.States, func(s SiteState) bool { return s.Site == id }); j >= 0 {
			states[i] = old.States[j]
			if states[i].Held && old.Failback != g.Failback {
				states[i].Held, states[i].HeldTill, states[i].Eligible = false, 0, false
			}
		}
	}
	return states
}
