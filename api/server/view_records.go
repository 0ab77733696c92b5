package server

import (
	"slices"

	"failoverdns/api"
	"failoverdns/record"
	"failoverdns/state"
	"failoverdns/zone"
)

func (v *view) zone(z *state.Zone) api.Zone {
	out := api.Zone{Zone: z.Name.String(), Serial: z.Serial, Source: z.Source, Author: z.Author, DeclaredBy: []string{},
		Declared: z.Sets.Len(), Dynamic: z.Dynamic.Len(), Steered: z.Steered(), Groups: append([]string{}, z.Groups...)}
	for id := range v.st.Nodes.All() {
		if o, ok := v.st.Offer(id, z.Name); ok && !o.Gone {
			out.DeclaredBy = append(out.DeclaredBy, id)
		}
	}
	return out
}

// sets walks a zone's record sets, those that groups answer among them; of one name if it is not empty.
func (v *view) sets(z *state.Zone, name record.Name) func(yield func(*record.Set) bool) {
	return func(yield func(*record.Set) bool) {
		for _, set := range v.steeredSets(z, name) {
			if !yield(&set) {
				return
			}
		}
		all := z.All()
		if name != "" {
			all = z.At(name)
		}
		for set := range all {
			if !yield(set) {
				return
			}
		}
	}
}

// steeredSets are what groups answer at a zone's names now.
func (v *view) steeredSets(z *state.Zone, name record.Name) (out []record.Set) {
	if name != "" {
		if g, i, ok := v.st.CellOf(z, name); ok {
			out = append(out, answerSets(g, i, name)...)
		}
		return out
	}
	for _, id := range z.Groups {
		g, ok := v.st.Groups.Get(id)
		for i := 0; ok && i < len(g.Cells); i++ {
			for _, n := range g.Cells[i].Names {
				out = append(out, answerSets(g, i, n)...)
			}
			if len(out) > api.MaxRecords {
				return out
			}
		}
	}
	return out
}

func answerSets(g *state.Group, cell int, name record.Name) []record.Set {
	a, ttl := g.Answers[cell], g.Cells[cell].TTL
	if a.Target != "" {
		return []record.Set{{Name: name, Type: record.CNAME, TTL: ttl, Data: [][]byte{[]byte(a.Target)}}}
	}
	return record.AddressSets(name, ttl, slices.Concat(a.A, a.AAAA))
}

func (v *view) recordSet(z *state.Zone, set *record.Set) api.RecordSet {
	out := api.RecordSet{Name: set.Name.String(), Type: zone.TypeName(set.Type), TTL: set.TTL, Data: zone.Data(*set), Kind: api.SetDeclared, Source: z.Source}
	key := state.SetKey(set.Name, set.Type)
	if d, ok := z.Dynamic.Get(key); ok {
		at := utc(d.Wall)
		out.Kind, out.Source, out.Version, out.Author, out.Reason, out.At = api.SetDynamic, "", d.Version, d.Author, d.Reason, &at
	} else if !z.Sets.Has(key) {
		out.Kind = api.SetSteered
		if g, _, ok := v.st.CellOf(z, set.Name); ok {
			out.Source = "group " + g.Name
		}
	}
	return out
}

// written are the record sets that a change is about, as they are now.
func (v *view) written(b state.Body) (out []api.RecordSet) {
	c, ok := b.(*state.ChangeRecords)
	if !ok {
		return nil
	}
	z, ok := v.st.Zones.Get(state.ZoneKey(c.Zone))
	for i := range c.Changes {
		x := &c.Changes[i]
		gone := api.RecordSet{Name: x.Name.String(), Type: zone.TypeName(x.Type), Kind: api.SetDynamic, Data: []string{}}
		if !ok {
			out = append(out, gone)
		} else if set, there := z.Set(x.Name, x.Type); there {
			out = append(out, v.recordSet(z, set))
		} else {
			out = append(out, gone)
		}
	}
	return out
}
