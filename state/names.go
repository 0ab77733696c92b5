package state

import (
	"maps"
	"slices"

	"failoverdns/record"
)

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
	types := make(map[record.Name][]record.Type, len(d.Sets)+1)
	types[d.Zone] = []record.Type{record.SOA}
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
	var first record.Name // of the wrong ones, so that every node says the same
	var wrong error
	for name, all := range types {
		if err := record.CheckBeside(all, name == d.Zone); err != nil && (wrong == nil || name < first) {
			first, wrong = name, err
		}
	}
	if wrong != nil {
		return refuse(RefusedConflict, "%s: %s: %s", d.Source, first, wrong)
	}
	return t.checkDynamic(d, types)
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

// checkLookups refuses names that are looked up and that this cluster steers: a flip would move the probe, or the
// answer, with it. Either of the two may be what is new.
func (t *txn) checkLookups(ds []*Declaration) *Refusal {
	for _, d := range ds {
		for i := range d.Sites {
			for _, name := range d.Sites[i].lookedUp() {
				if r := t.s.checkLookup(d, lookup{name, d.Sites[i].ID()}); r != nil {
					return r
				}
			}
		}
		for _, l := range t.s.lookups.Prefix(ZoneKey(d.Zone)) {
			if r := t.s.checkLookup(d, l); r != nil {
				return r
			}
		}
	}
	return nil
}

func (s *State) checkLookup(d *Declaration, l lookup) *Refusal {
	group, steered := s.Steered(l.name)
	if !steered {
		return nil
	}
	return refuse(RefusedConflict, "%s: site %s looks up %s, which group %s steers; a look-up must not follow a failover: use an address, or another name", d.Source, l.site, l.name.Bare(), group)
}

// Steered names the group that steers a name, itself or by a wildcard, if any.
func (s *State) Steered(name record.Name) (group string, ok bool) {
	z := s.zoneOf(name)
	if z == nil {
		return "", false
	}
	if g, _, ok := s.CellOf(z, name); ok {
		return g.Name, true
	}
	for range z.At(name) {
		return "", false // a name with records of its own is no wildcard's
	}
	for parent, ok := name.Parent(); ok && parent.Under(z.Name); parent, ok = parent.Parent() {
		if wildcard, ok := parent.Child("*"); ok {
			if g, _, ok := s.CellOf(z, wildcard); ok {
				return g.Name, true
			}
		}
	}
	return "", false
}

// zoneOf is the deepest declared zone that a name is in, or nil.
func (s *State) zoneOf(name record.Name) *Zone {
	for {
		if z, ok := s.Zones.Get(ZoneKey(name)); ok {
			return z
		}
		parent, ok := name.Parent()
		if !ok {
			return nil
		}
		name = parent
	}
}

// cellType is CNAME if any site answers a cell with a target.
func (s *State) cellType(g *GroupDecl, c *CellDecl) record.Type {
	for _, id := range g.Sites {
		if site, ok := s.Sites.Get(id); ok && s.option(c, site).Target != "" {
			return record.CNAME
		}
	}
	return record.A
}
