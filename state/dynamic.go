package state

import (
	"cmp"
	"fmt"
	"iter"
	"slices"
	"time"

	"failoverdns/record"
)

// Dynamic is a record set that came by command. It stands beside the declared ones of its zone, and no declaration
// replaces it.
type Dynamic struct {
	record.Set
	Version uint64    `json:"version"` // the log index of its last change
	Author  string    `json:"author"`
	Reason  string    `json:"reason,omitempty"`
	Wall    time.Time `json:"wall,omitzero"`
}

// setsAt is what the keys of all record sets of a name begin with, and no others.
func setsAt(name record.Name) string { return string(append(name.Key(), 0)) }

// All walks the zone's record sets, but for the SOA and what groups answer: the declared ones by name, then the dynamic
// ones.
func (z *Zone) All() iter.Seq[*record.Set] { return z.under("") }

// At walks the record sets of one name as All does.
func (z *Zone) At(name record.Name) iter.Seq[*record.Set] { return z.under(setsAt(name)) }

// Below walks the record sets of a name, and of all below it, as All does.
func (z *Zone) Below(name record.Name) iter.Seq[*record.Set] { return z.under(string(name.Key())) }

func (z *Zone) under(prefix string) iter.Seq[*record.Set] {
	return func(yield func(*record.Set) bool) {
		for _, set := range z.Sets.Prefix(prefix) {
			if !yield(set) {
				return
			}
		}
		for _, d := range z.Dynamic.Prefix(prefix) {
			if !yield(&d.Set) {
				return
			}
		}
	}
}

// Set is the declared or dynamic record set of a name and type.
func (z *Zone) Set(name record.Name, t record.Type) (set *record.Set, ok bool) {
	key := SetKey(name, t)
	if set, ok = z.Sets.Get(key); ok {
		return set, true
	}
	d, ok := z.Dynamic.Get(key)
	if !ok {
		return nil, false
	}
	return &d.Set, true
}

// steering finds the cell that steers a name of a zone. It follows from the declaration, and is made once for it.
type steering map[record.Name]CellRef

func (x steering) add(g *GroupDecl) {
	for i := range g.Cells {
		for _, name := range g.Cells[i].Names {
			if _, ok := x[name]; !ok {
				x[name] = CellRef{g.Name, i}
			}
		}
	}
}

// Steered counts the names that groups steer.
func (z *Zone) Steered() int { return len(z.steered) }

// steerAll finds anew what steers the names of all zones: no snapshot holds it.
func (s *State) steerAll() {
	for _, z := range s.Zones.All() {
		z.steered = steering{}
		for _, name := range z.Groups {
			if g, ok := s.Groups.Get(name); ok {
				z.steered.add(&g.GroupDecl)
			}
		}
	}
}

// checkDynamic refuses a declaration that collides with dynamic record sets of its zone. types are those that the
// declaration gives to each name.
func (t *txn) checkDynamic(d *Declaration, types map[record.Name][]record.Type) *Refusal {
	z, _ := t.s.Zones.Get(ZoneKey(d.Zone))
	for _, dyn := range z.Dynamic.All() {
		if r := z.collides(d.Source, dyn, types[dyn.Name]); r != nil {
			return r
		}
	}
	return nil
}

// collides refuses what a declaration says of a name that has a dynamic record set.
func (z *Zone) collides(source string, dyn *Dynamic, declared []record.Type) *Refusal {
	way := fmt.Sprintf("%s %s is a dynamic record set here, by %s: take one of them out (failoverctl record delete %s %s %s)",
		dyn.Name.Bare(), dyn.Type, dyn.Author, z.Name.Bare(), dyn.Name.Bare(), dyn.Type)
	if slices.Contains(declared, dyn.Type) {
		return refuse(RefusedConflict, "%s: it declares %s %s too; %s", source, dyn.Name.Bare(), dyn.Type, way)
	}
	if g, ok := z.steered[dyn.Name]; ok && isAddress(dyn.Type) {
		return refuse(RefusedConflict, "%s: group %s steers %s; %s", source, g.Group, dyn.Name.Bare(), way)
	}
	types := slices.Clone(declared)
	for _, other := range z.Dynamic.Prefix(setsAt(dyn.Name)) {
		types = append(types, other.Type)
	}
	if err := record.CheckBeside(types, dyn.Name == z.Name); err != nil {
		return refuse(RefusedConflict, "%s: %s: %s; %s", source, dyn.Name.Bare(), err, way)
	}
	return nil
}

// isAddress says whether a type is one of those that a steered name has from its group alone.
func isAddress(t record.Type) bool {
	return t == record.A || t == record.AAAA || t == record.CNAME
}

// typesAt are the types that a name has in a zone, in order: its record sets', what a group may give it, and the SOA.
func (s *State) typesAt(z *Zone, name record.Name) (types []record.Type) {
	for set := range z.At(name) {
		types = append(types, set.Type)
	}
	if g, i, ok := s.CellOf(z, name); ok {
		types = append(types, s.cellType(&g.GroupDecl, &g.Cells[i]))
	}
	if name == z.Name {
		types = append(types, record.SOA)
	}
	slices.SortFunc(types, cmp.Compare[record.Type])
	return types
}
