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
