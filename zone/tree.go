package zone

import (
	"cmp"
	"slices"

	"github.com/miekg/dns"

	"failoverdns/record"
)

// tree is all names of a zone, those that only have names below them (empty non-terminals) included, with their
// static records. It is built once and then shared by every image of the same declaration.
type tree struct {
	apex   *node
	since  uint64 // log index of the declaration
	nodes  map[record.Name]*node
	order  []*node        // canonical order (RFC 4034 section 6.1)
	groups map[string]int // a group's first cell
	owners []string       // each cell's group
}

// node is one name.
type node struct {
	name  record.Name
	owner string // name, in presentation form
	sets  []rrset
	cell  int   // index of the steered answer, or -1
	over  *node // the highest delegation or DNAME strictly above: what is here is not this zone's to answer
}

// rrset is a static record set, ready to serve.
type rrset struct {
	kind    uint16
	records []dns.RR
	targets []record.Name // where CNAME, DNAME, NS, MX, SRV, SVCB and HTTPS point to, in the records' order
}

func newTree(apex record.Name, since uint64) *tree {
	t := &tree{since: since, nodes: map[record.Name]*node{}, groups: map[string]int{}}
	t.apex = t.grow(apex)
	return t
}

// grow is the node of a name within the zone, made if need be together with those between it and the apex.
func (t *tree) grow(name record.Name) *node {
	n := t.nodes[name]
	if n != nil {
		return n
	}
	n = &node{name: name, owner: name.String(), cell: -1}
	t.nodes[name] = n
	if parent, ok := name.Parent(); ok && t.apex != nil {
		t.grow(parent)
	}
	return n
}

// steer lets names answer from a cell.
func (t *tree) steer(names []record.Name, cell int) {
	for _, name := range names {
		if name.Under(t.apex.name) {
			t.grow(name).cell = cell
		}
	}
}

// plant puts a static set in its place. A steered name's addresses and alias are the cell's alone, and the SOA is the
// image's.
func (t *tree) plant(set record.Set) {
	if !set.Name.Under(t.apex.name) || set.Type == record.SOA {
		return
	}
	n := t.grow(set.Name)
	if n.cell >= 0 && (set.Type == record.A || set.Type == record.AAAA || set.Type == record.CNAME) {
		return
	}
	s := rrset{kind: uint16(set.Type), records: toRecords(n.owner, set)}
	for _, rr := range s.records {
		if target, ok := targetOf(rr); ok {
			s.targets = append(s.targets, target)
		}
	}
	if s.kind == dns.TypeCNAME || s.kind == dns.TypeDNAME {
		if len(s.targets) == 0 {
			return // it cannot be read, so it leads nowhere
		}
	}
	n.sets = append(n.sets, s)
}

// finish orders the names, and marks what delegations and DNAMEs hide.
func (t *tree) finish() {
	type keyed struct {
		key string
		n   *node
	}
	all := make([]keyed, 0, len(t.nodes))
	for _, n := range t.nodes {
		all = append(all, keyed{string(n.name.Key()), n})
	}
	slices.SortFunc(all, func(a, b keyed) int { return cmp.Compare(a.key, b.key) })
	t.order = make([]*node, len(all))
	for i, k := range all {
		t.order[i] = k.n
		if k.n != t.apex {
			k.n.over = t.above(k.n)
		}
	}
}

// above is the highest delegation or DNAME strictly above a node; that of its parent must be known.
func (t *tree) above(n *node) *node {
	parent, _ := n.name.Parent()
	p := t.nodes[parent]
	switch {
	case p.over != nil:
		return p.over
	case t.cut(p) || p.set(dns.TypeDNAME) != nil:
		return p
	}
	return nil
}

// set is a node's static set of a type, or nil.
func (n *node) set(t uint16) *rrset {
	for i := range n.sets {
		if n.sets[i].kind == t {
			return &n.sets[i]
		}
	}
	return nil
}

// cut says whether a node is delegated: it has NS records and is not the zone's own name (RFC 1034 section 4.2). An NS
// at a wildcard is plain data: what it would delegate is not defined (RFC 4592 section 4.2).
func (t *tree) cut(n *node) bool {
	return n != t.apex && !n.name.IsWildcard() && n.set(dns.TypeNS) != nil
}

// place says what a name is to a zone.
type place int

const (
	found       place = iota // the node is the name
	synthesised              // the node is the wildcard that stands for the name (RFC 4592)
	missing                  // there is no such name
	delegated                // the node is a delegation at or above the name
	renamed                  // the node has a DNAME and stands above the name
)

// locate finds what answers for a name within the zone (RFC 1034 section 4.3.2, RFC 4592 section 3.3.1, RFC 6672
// section 3.2). The DS of a delegation is on this side of it (RFC 4035 section 3.1.4.1).
func (t *tree) locate(name record.Name, qtype uint16) (*node, place) {
	n, exact := t.closest(name)
	if n.over != nil {
		if t.cut(n.over) {
			return n.over, delegated
		}
		return n.over, renamed
	}
	switch {
	case t.cut(n) && !(exact && qtype == dns.TypeDS):
		return n, delegated
	case exact:
		return n, found
	case n.set(dns.TypeDNAME) != nil:
		return n, renamed
	}
	if w := t.nodes["\x01*"+n.name]; w != nil {
		return w, synthesised
	}
	return n, missing
}

// closest is the name's own node, or its closest encloser (RFC 4592 section 3.3.1).
func (t *tree) closest(name record.Name) (n *node, exact bool) {
	if n = t.nodes[name]; n != nil {
		return n, true
	}
	for {
		name, _ = name.Parent()
		if n = t.nodes[name]; n != nil {
			return n, false
		}
	}
}
