package state

import (
	"fmt"
	"maps"
	"slices"

	"failoverdns/health"
	"failoverdns/record"
	"failoverdns/routing"
)

// Declare is one node's offer: the zones whose declarations differ from what this incarnation of it last offered.
// Every offer is recorded. One comes into force if the zone is undeclared, or if this node's previous offer is the
// one in force; an equal one is only recorded; any other is drift. The offer is taken whole or not at all.
type Declare struct {
	Node         string         `json:"node"`
	Incarnation  string         `json:"incarnation"`
	Declarations []*Declaration `json:"declarations"`
}

// Adopt brings a node's drifting offer into force.
type Adopt struct {
	Node string      `json:"node"`
	Zone record.Name `json:"zone"`
}

func (*Declare) kind() kind { return kindDeclare }
func (*Adopt) kind() kind   { return kindAdopt }

func (c *Declare) apply(t *txn) *Refusal {
	var accepted []*Declaration
	for _, d := range c.Declarations {
		if t.offer(c, d) {
			accepted = append(accepted, d)
		}
	}
	return t.declare(accepted)
}

// offer records what a node offers for a zone and says whether it comes into force.
func (t *txn) offer(c *Declare, d *Declaration) (accepted bool) {
	key, digest := offerKey(c.Node, d.Zone), d.Digest()
	previous, _ := t.s.Offers.Get(key)
	o := &Offer{Node: c.Node, Incarnation: c.Incarnation, Zone: d.Zone, Digest: digest, Source: d.Source, At: t.s.Clock, Wall: t.s.Wall}
	z, declared := t.s.Zones.Get(ZoneKey(d.Zone))
	switch {
	case !declared:
		accepted = true
	case z.Digest == digest:
	case previous != nil && previous.Incarnation == c.Incarnation && previous.Digest == z.Digest:
		accepted = true
	default:
		o.Drift, o.Declaration = true, d
		t.event(Event{Type: "drift", Zone: d.Zone.Bare(), Node: c.Node, Text: fmt.Sprintf("%s offers another form of %s (%s) than the one in force (%s); failoverctl config adopt accepts it", c.Node, d.Zone.Bare(), d.Source, z.Source)})
	}
	t.s.Offers = t.s.Offers.With(key, o)
	return accepted
}

func (c *Adopt) apply(t *txn) *Refusal {
	key := offerKey(c.Node, c.Zone)
	o, ok := t.s.Offers.Get(key)
	if !ok || !o.Drift {
		return refuse(RefusedNotFound, "node %q has no differing offer for zone %s", c.Node, c.Zone.Bare())
	}
	next := *o
	next.Drift, next.Declaration = false, nil
	t.s.Offers = t.s.Offers.With(key, &next)
	if r := t.declare([]*Declaration{o.Declaration}); r != nil {
		return r
	}
	for k, other := range t.s.Offers.All() {
		if other.Drift && other.Zone == c.Zone && other.Digest == o.Digest {
			same := *other
			same.Drift, same.Declaration = false, nil
			t.s.Offers = t.s.Offers.With(k, &same)
		}
	}
	return nil
}

// declare puts declarations into force: sites first, since groups may name sites of one another.
func (t *txn) declare(ds []*Declaration) *Refusal {
	for _, d := range ds {
		if r := t.checkOwners(d); r != nil {
			return r
		}
		t.declareZone(d)
		t.declareSites(d)
	}
	for _, d := range ds {
		t.declareGroups(d)
		if r := t.checkNames(d); r != nil {
			return r
		}
		t.event(Event{Type: "declared", Zone: d.Zone.Bare(), Text: fmt.Sprintf("zone %s is as %s declares it", d.Zone.Bare(), d.Source)})
	}
	return t.checkGroups()
}

// checkOwners refuses sites and groups that another zone defines.
func (t *txn) checkOwners(d *Declaration) *Refusal {
	for i := range d.Sites {
		id := d.Sites[i].ID()
		if s, ok := t.s.Sites.Get(id); ok && s.Zone != d.Zone {
			return refuse(RefusedConflict, "%s: site %s is defined in zone %s already; name it alone here, or give it another name", d.Source, id, s.Zone.Bare())
		}
	}
	for i := range d.Groups {
		if g, ok := t.s.Groups.Get(d.Groups[i].Name); ok && g.Zone != d.Zone {
			return refuse(RefusedConflict, "%s: group %s is defined in zone %s already", d.Source, g.Name, g.Zone.Bare())
		}
	}
	return nil
}

func (t *txn) declareZone(d *Declaration) {
	key := ZoneKey(d.Zone)
	z := &Zone{Name: d.Zone, SOA: d.SOA, NoQuorum: d.NoQuorum, Agree: d.Agree, Source: d.Source, Digest: d.Digest(), Since: t.s.Index}
	for i := range d.Groups {
		z.Groups = append(z.Groups, d.Groups[i].Name)
	}
	for i := range d.Sites {
		z.Sites = append(z.Sites, d.Sites[i].ID())
	}
	for i := range d.Sets {
		set := d.Sets[i]
		z.Sets = z.Sets.With(SetKey(set.Name, set.Type), &set)
	}
	z.Serial = t.firstSerial(d)
	if old, ok := t.s.Zones.Get(key); ok {
		z.Serial = nextSerial(old.Serial)
		if serialGreater(d.SOA.Serial, z.Serial) {
			z.Serial = d.SOA.Serial
		}
		t.dropGroups(old, z)
		t.dropSites(old, z)
	}
	t.s.Zones = t.s.Zones.With(key, z)
	t.change(d.Zone, "", -1)
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

func (t *txn) dropGroups(old, z *Zone) {
	for _, name := range old.Groups {
		if !slices.Contains(z.Groups, name) {
			t.s.Groups = t.s.Groups.Without(name)
			t.event(Event{Type: "declared", Zone: z.Name.Bare(), Group: name, Text: "group " + name + " is gone"})
		}
	}
}

func (t *txn) dropSites(old, z *Zone) {
	for _, id := range old.Sites {
		if slices.Contains(z.Sites, id) {
			continue
		}
		if site, ok := t.s.Sites.Get(id); ok {
			t.dropEndpoints(site, nil)
		}
		t.s.Sites = t.s.Sites.Without(id)
		t.touchSite(id)
	}
}

func (t *txn) dropEndpoints(site *Site, keep []string) {
	for _, id := range site.Endpoints {
		if !slices.Contains(keep, id) {
			t.s.Endpoints = t.s.Endpoints.Without(id)
			t.effect.Checks = true
		}
	}
}

// declareSites defines sites and their endpoints. An endpoint whose check did not change stays as it is.
func (t *txn) declareSites(d *Declaration) {
	for i := range d.Sites {
		decl := &d.Sites[i]
		site := &Site{SiteDecl: *decl, Zone: d.Zone}
		down := t.downSomewhere(decl.ID())
		for j := range decl.Checks {
			site.Endpoints = append(site.Endpoints, t.declareCheck(d, decl, &decl.Checks[j], down)...)
		}
		if old, ok := t.s.Sites.Get(decl.ID()); ok {
			t.dropEndpoints(old, site.Endpoints)
		}
		t.s.Sites = t.s.Sites.With(decl.ID(), site)
		t.touchSite(decl.ID())
	}
}

// downSomewhere says whether a site is down in any group: there a new endpoint counts as down until its verdict is up.
func (t *txn) downSomewhere(siteID string) bool {
	for _, g := range t.was.Groups.All() {
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
			t.s.Endpoints = t.s.Endpoints.With(e.ID, e)
			t.decide(e.ID)
			return
		}
	}
	t.s.Endpoints = t.s.Endpoints.With(e.ID, e)
	t.effect.Checks = true
}

// declareGroups defines groups; what a group already does goes on.
func (t *txn) declareGroups(d *Declaration) {
	for i := range d.Groups {
		g := &Group{GroupDecl: d.Groups[i], Zone: d.Zone}
		old, ok := t.s.Groups.Get(g.Name)
		if ok {
			g.Active, g.ActiveSince, g.ActiveWall, g.Rule, g.Pin = old.Active, old.ActiveSince, old.ActiveWall, old.Rule, old.Pin
			if g.Pin != nil && !slices.Contains(g.Sites, g.Pin.Site) {
				g.Pin = nil
			}
			if !slices.Contains(g.Sites, g.Active) {
				g.Active = ""
			}
		}
		g.States = t.siteStates(g, old)
		t.s.Groups = t.s.Groups.With(g.Name, g)
		t.dirty[g.Name] = true
	}
}

// siteStates keeps the standing of sites that a group already had; new ones begin as they are measured now, without
// having come up or gone down.
func (t *txn) siteStates(g *Group, old *Group) []SiteState {
	sites := t.s.RoutingSites(g)
	measured, up := routing.Measured(sites), routing.Standing(sites)
	states := make([]SiteState, len(g.Sites))
	for i, id := range g.Sites {
		states[i] = SiteState{Site: id, Up: up[i], Measured: measured[i], Eligible: up[i], Since: t.s.Clock, Wall: t.s.Wall}
		if old == nil {
			continue
		}
		if j := slices.IndexFunc(old.States, func(s SiteState) bool { return s.Site == id }); j >= 0 {
			states[i] = old.States[j]
		}
	}
	return states
}

// checkGroups refuses a declaration that leaves some group with a site that nobody defines.
func (t *txn) checkGroups() *Refusal {
	for _, name := range slices.Sorted(maps.Keys(t.dirty)) {
		g, ok := t.s.Groups.Get(name)
		if !ok {
			continue
		}
		for _, id := range g.Sites {
			if !t.s.Sites.Has(id) {
				return refuse(RefusedInvalid, "group %s names site %s, which nobody defines: give it addresses here, or declare the zone that defines it first", name, id)
			}
		}
	}
	return nil
}

// checkNames refuses what may not stand side by side in a zone.
func (t *txn) checkNames(d *Declaration) *Refusal {
	types := map[record.Name][]record.Type{d.Zone: {record.SOA}}
	for i := range d.Sets {
		s := &d.Sets[i]
		if !s.Name.Under(d.Zone) {
			return refuse(RefusedInvalid, "%s: %s is not in zone %s", d.Source, s.Name, d.Zone)
		}
		if err := record.CheckSet(*s); err != nil {
			return refuse(RefusedInvalid, "%s: %s", d.Source, err)
		}
		types[s.Name] = append(types[s.Name], s.Type)
	}
	if r := t.steeredTypes(d, types); r != nil {
		return r
	}
	for _, name := range slices.Sorted(maps.Keys(types)) {
		if err := record.CheckBeside(types[name], name == d.Zone); err != nil {
			return refuse(RefusedConflict, "%s: %s: %s", d.Source, name, err)
		}
	}
	return nil
}

// steeredTypes adds the types that groups may give their names at any of their sites.
func (t *txn) steeredTypes(d *Declaration, types map[record.Name][]record.Type) *Refusal {
	steered := map[record.Name]string{}
	for i := range d.Groups {
		g := &d.Groups[i]
		for j := range g.Cells {
			for _, name := range g.Cells[j].Names {
				if other, ok := steered[name]; ok {
					return refuse(RefusedConflict, "%s: %s is steered twice, by %s and by %s", d.Source, name, other, g.Name)
				}
				if !name.Under(d.Zone) {
					return refuse(RefusedInvalid, "%s: %s is not in zone %s", d.Source, name, d.Zone)
				}
				for _, st := range types[name] {
					if st == record.A || st == record.AAAA || st == record.CNAME {
						return refuse(RefusedConflict, "%s: %s is steered by %s and has a static %s too; take one of them out", d.Source, name, g.Name, st)
					}
				}
				steered[name] = g.Name
				types[name] = append(types[name], t.s.cellType(g, &g.Cells[j]))
			}
		}
	}
	return nil
}

// cellType is CNAME if any site answers a cell with a target.
func (s *State) cellType(g *GroupDecl, c *CellDecl) record.Type {
	for _, id := range g.Sites {
		if site, ok := s.Sites.Get(id); ok && s.option(c, site).Target != "" && !site.Flatten {
			return record.CNAME
		}
	}
	return record.A
}
