package zone

import (
	"hash/maphash"

	"github.com/miekg/dns"

	"failoverdns/record"
)

// tree is all names of a zone, those that only have names below them (empty non-terminals) included, with their
// static records, declared and dynamic. It is built once for a declaration and then shared by every image of it, but for
// the names whose dynamic record sets change: an edit gives a tree that shares all others.
type tree struct {
	apex   *node
	since  uint64 // log index of the declaration
	names  index
	order  list           // canonical order (RFC 4034 section 6.1)
	groups map[string]int // a group's first cell
	owners []string       // each cell's group
}

// node is one name. A zone may have millions: it holds no more than answers need, and its record sets are the state's
// own. Once its tree is served it never changes.
type node struct {
	name record.Name
	sets []*record.Set // by type
	over record.Name   // the highest delegation or DNAME strictly above, if any: what is here is not this zone's to answer
	cell int32         // index of the steered answer, or -1
	wild bool          // there is a wildcard right below
}

// get is a name's node, or nil.
func (t *tree) get(name record.Name) *node { return t.names.get(name, hashOf(name)) }

// above is the highest delegation or DNAME strictly above a node; that of its parent must be known.
func (t *tree) above(n *node) record.Name {
	parent, _ := n.name.Parent()
	p := t.get(parent)
	switch {
	case p.over != "":
		return p.over
	case t.hides(p):
		return p.name
	}
	return ""
}

// hides says whether what stands below a node is not this zone's to answer.
func (t *tree) hides(n *node) bool { return t.cut(n) || n.set(dns.TypeDNAME) != nil }

// set is a node's static set of a type, or nil.
func (n *node) set(t uint16) *record.Set {
	for _, s := range n.sets {
		if uint16(s.Type) == t {
			return s
		}
	}
	return nil
}

// cut says whether a node is delegated: it has NS records and is not the zone's own name (RFC 1034 section 4.2). An NS
// at a wildcard is plain data: what it would delegate is not defined (RFC 4592 section 4.2).
func (t *tree) cut(n *node) bool {
	return n.name != t.apex.name && !n.name.IsWildcard() && n.set(dns.TypeNS) != nil
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
	if n.over != "" {
		over := t.get(n.over)
		if t.cut(over) {
			return over, delegated
		}
		return over, renamed
	}
	switch {
	case t.cut(n) && !(exact && qtype == dns.TypeDS):
		return n, delegated
	case exact:
		return n, found
	case n.set(dns.TypeDNAME) != nil:
		return n, renamed
	}
	if n.wild {
		return t.wildcard(n), synthesised
	}
	return n, missing
}

// wildcard is the node of the wildcard right below a node that has one.
func (t *tree) wildcard(n *node) *node {
	var b [maxName + 2]byte
	key := append(append(b[:0], "\x01*"...), n.name...)
	return find(&t.names, key, maphash.Bytes(seed, key))
}

// closest is the name's own node, or its closest encloser (RFC 4592 section 3.3.1).
func (t *tree) closest(name record.Name) (n *node, exact bool) {
	if n = t.get(name); n != nil {
		return n, true
	}
	for {
		name, _ = name.Parent()
		if n = t.get(name); n != nil {
			return n, false
		}
	}
}
