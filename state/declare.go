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
// one in force; an equal one is only recorded; any other is drift. The changed zones of one offer come into force
// together or not at all: if one of them drifts, all do.
type Declare struct {
	Node         string         `json:"node"`
	Incarnation  string         `json:"incarnation"`
	Declarations []*Declaration `json:"declarations"`
}

// Adopt brings a node's drifting offer into force: for one zone, or for all at once where Zone is empty.
type Adopt struct {
	Node string      `json:"node"`
	Zone record.Name `json:"zone,omitempty"`
}

func (*Declare) kind() kind { return kindDeclare }
func (*Adopt) kind() kind   { return kindAdopt }

func (c *Declare) apply(t *txn) *Refusal {
	if r := c.check(t.s); r != nil {
		return r
	}
	var changed []*Declaration
	drift := false
	for _, d := range c.Declarations {
		if z, ok := t.s.Zones.Get(ZoneKey(d.Zone)); ok && z.Digest == d.Digest() {
			t.offer(c, d, false)
			continue
		}
		changed = append(changed, d)
		drift = drift || !t.was.mayDeclare(c, d)
	}
	for _, d := range changed {
		t.offer(c, d, drift)
	}
	if drift {
		return nil
	}
	return t.declare(changed)
}

// check refuses an offer of a node that is no member, or that lost its data, and one that no Corefile can mean.
func (c *Declare) check(s *State) *Refusal {
	n, ok := s.Nodes.Get(c.Node)
	switch {
	case !ok:
		return refuse(RefusedNotFound, "node %q is no member of this cluster", c.Node)
	case n.Incarnation != "" && n.Incarnation != c.Incarnation:
		return refuse(RefusedStale, "node %q is known with another data directory; remove it, then join", c.Node)
	}
	seen := map[record.Name]bool{}
	for _, d := range c.Declarations {
		if r := d.checkForm(); r != nil {
			return r
		}
		if seen[d.Zone] {
			return refuse(RefusedConflict, "%s: zone %s is declared twice", d.Source, d.Zone.Bare())
		}
		seen[d.Zone] = true
	}
	return nil
}

// mayDeclare says whether a node's offer may replace what is in force.
func (s *State) mayDeclare(c *Declare, d *Declaration) bool {
	z, declared := s.Zones.Get(ZoneKey(d.Zone))
	if !declared {
		return true
	}
	previous, ok := s.Offers.Get(offerKey(c.Node, d.Zone))
	return ok && previous.Incarnation == c.Incarnation && previous.Digest == z.Digest
}

// offer records what a node offers for a zone.
func (t *txn) offer(c *Declare, d *Declaration, drift bool) {
	o := &Offer{Node: c.Node, Incarnation: c.Incarnation, Zone: d.Zone, Digest: d.Digest(), Source: d.Source, At: t.s.Clock, Wall: t.s.Wall}
	if drift {
		o.Drift, o.Declaration = true, d
		text := fmt.Sprintf("%s offers zone %s (%s) together with others that differ from those in force", c.Node, d.Zone.Bare(), d.Source)
		if z, ok := t.s.Zones.Get(ZoneKey(d.Zone)); ok {
			text = fmt.Sprintf("%s offers another form of %s (%s) than the one in force (%s)", c.Node, d.Zone.Bare(), d.Source, z.Source)
		}
		t.event(Event{Type: "drift", Zone: d.Zone.Bare(), Node: c.Node, Text: text + "; failoverctl config adopt accepts it"})
	}
	t.s.Offers = t.s.Offers.With(offerKey(c.Node, d.Zone), o)
}

func (c *Adopt) apply(t *txn) *Refusal {
	var ds []*Declaration
	for _, o := range t.s.Offers.All() {
		if o.Drift && o.Node == c.Node && (c.Zone == "" || o.Zone == c.Zone) {
			ds = append(ds, o.Declaration)
		}
	}
	if ds == nil {
		return refuse(RefusedNotFound, "node %q has no differing offer%s", c.Node, forZone(c.Zone))
	}
	return t.declare(ds)
}

func forZone(zone record.Name) string {
	if zone == "" {
		return ""
	}
	return " for zone " + zone.Bare()
}

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
		if r := t.checkNames(d); r != nil {
			return r
		}
		t.event(Event{Type: "declared", Zone: d.Zone.Bare(), Text: fmt.Sprintf("zone %s is as %s declares it", d.Zone.Bare(), d.Source)})
	}
	t.endDrift()
	for id := range t.s.Nodes.All() {
		t.countIn(id) // the endpoint that its first full round lacked may be gone
	}
	return t.checkGroups()
}

// endDrift frees every offer that says what is in force now.
func (t *txn) endDrift() {
	for key, o := range t.s.Offers.All() {
		if z, ok := t.s.Zones.Get(ZoneKey(o.Zone)); o.Drift && ok && z.Digest == o.Digest {
			same := *o
			same.Drift, same.Declaration = false, nil
			t.s.Offers = t.s.Offers.With(key, &same)
		}
	}
}

func (t *txn) declareZone(d *Declaration) {
	key := ZoneKey(d.Zone)
	z := &Zone{Name: d.Zone, SOA: d.SOA, NoQuorum: d.NoQuorum, Agree: d.Agree, Source: d.Source, Digest: d.Digest(), Face: d.face(), Since: t.s.Index}
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
	old, ok := t.s.Zones.Get(key)
	if ok {
		z.Serial = old.Serial
		t.dropGroups(old, z)
		t.dropSites(old, z)
	} else {
		z.Serial = t.firstSerial(d)
	}
	t.s.Zones = t.s.Zones.With(key, z)
	if !ok || old.Face != z.Face {
		t.change(d.Zone, "", -1)
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
		}
		t.s.Sites = t.s.Sites.With(decl.ID(), site)
		t.touchSite(decl.ID())
	}
	return nil
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

// declareGroups defines groups. A group that another zone defines is refused.
func (t *txn) declareGroups(d *Declaration) *Refusal {
	for i := range d.Groups {
		g := &Group{GroupDecl: d.Groups[i], Zone: d.Zone}
		old, ok := t.s.Groups.Get(g.Name)
		if ok && old.Zone != d.Zone {
			return refuse(RefusedConflict, "%s: group %s is defined in zone %s already", d.Source, g.Name, old.Zone.Bare())
		}
		if ok {
			t.carryOn(g, old)
		}
		g.States = t.siteStates(g, old)
		t.s.Groups = t.s.Groups.With(g.Name, g)
		t.dirty[g.Name] = true
	}
	return nil
}

// carryOn lets a group that is declared anew go on with what it does.
func (t *txn) carryOn(g, old *Group) {
	g.Active, g.ActiveSince, g.ActiveWall, g.Rule, g.Pin, g.Answers = old.Active, old.ActiveSince, old.ActiveWall, old.Rule, old.Pin, old.Answers
	if g.Pin != nil && !slices.Contains(g.Sites, g.Pin.Site) {
		g.Pin = nil
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
		if slices.Contains(types[s.Name], s.Type) {
			return refuse(RefusedConflict, "%s: %s %s is there twice", d.Source, s.Name, s.Type)
		}
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
