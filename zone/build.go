package zone

import (
	"cmp"
	"slices"

	"failoverdns/record"
	"failoverdns/state"
)

// builder makes a zone's tree from nothing.
type builder struct {
	tree
	nodes map[record.Name]*node
	grown []*node // all of them, each behind its parent
}

func newBuilder(z *state.Zone) *builder {
	sets := z.Sets.Len() + z.Dynamic.Len()
	b := &builder{tree: tree{since: z.Since, groups: map[string]int{}}, nodes: make(map[record.Name]*node, sets)}
	b.apex = b.grow(z.Name)
	return b
}

// grow is the node of a name within the zone, made if need be together with those between it and the apex.
func (b *builder) grow(name record.Name) *node {
	n := b.nodes[name]
	if n != nil {
		return n
	}
	n = &node{name: name, cell: -1}
	b.nodes[name] = n
	if parent, ok := name.Parent(); ok && b.apex != nil {
		p := b.grow(parent)
		p.wild = p.wild || name.IsWildcard()
	}
	b.grown = append(b.grown, n)
	return n
}

// steer lets names answer from a cell.
func (b *builder) steer(names []record.Name, cell int) {
	for _, name := range names {
		if name.Under(b.apex.name) {
			b.grow(name).cell = int32(cell)
		}
	}
}

// build plants all record sets, orders the names, and marks what delegations and DNAMEs hide.
func (b *builder) build(z *state.Zone) *tree {
	for set := range z.All() {
		if set.Name.Under(z.Name) {
			b.grow(set.Name).plant(set)
		}
	}
	// The state's record sets come in this order, so what is left to sort is the names that are steered.
	slices.SortFunc(b.grown, func(a, b *node) int { return record.Compare(a.name, b.name) })
	b.names, b.order = indexOf(b.grown), listOf(b.grown)
	for _, n := range b.grown {
		if n != b.apex {
			n.over = b.above(n)
		}
	}
	done := b.tree
	return &done
}

// plant puts a static set in its place, by type. A steered name's addresses and alias are the cell's alone, and the SOA
// is the image's.
func (n *node) plant(set *record.Set) {
	switch set.Type {
	case record.SOA:
		return
	case record.A, record.AAAA, record.CNAME:
		if n.cell >= 0 {
			return
		}
	}
	if set.Type == record.CNAME || set.Type == record.DNAME {
		if len(set.Data) == 0 || pointsTo(uint16(set.Type), set.Data[0]) == nil {
			return // it cannot be read, so it leads nowhere
		}
	}
	i, _ := slices.BinarySearchFunc(n.sets, set.Type, func(s *record.Set, t record.Type) int { return cmp.Compare(s.Type, t) })
	n.sets = slices.Insert(n.sets, i, set)
}
