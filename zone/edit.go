package zone

import (
	"failoverdns/record"
	"failoverdns/state"
)

// edit makes a tree from another one by changing single names. It costs what it touches: the names themselves, the way
// to them, and where a delegation or DNAME comes or goes all names below it.
type edit struct {
	tree
	by *owner
}

// with is the tree with some names as a zone has them now. The steered ones stay steered.
func (t *tree) with(z *state.Zone, names []record.Name) *tree {
	if len(names) == 0 {
		return t
	}
	e := &edit{*t, new(owner)}
	for _, name := range names {
		if name.Under(z.Name) {
			e.replant(z, name)
		}
	}
	done := e.tree
	return &done
}

// replant makes a name's node anew.
func (e *edit) replant(z *state.Zone, name record.Name) {
	old := e.get(name)
	n := &node{name: name, cell: -1}
	if old != nil {
		n.cell, n.over, n.wild = old.cell, old.over, old.wild
	}
	for set := range z.At(name) {
		n.plant(set)
	}
	if n.bare() && name != e.apex.name && !e.parental(name) {
		e.uproot(name)
		return
	}
	e.put(n)
	if old == nil {
		e.root(n)
	}
	if (old != nil && e.hides(old)) != e.hides(n) {
		e.cover(name)
	}
}

// bare says whether a name has nothing of its own: it is there for the names below it alone, if at all.
func (n *node) bare() bool { return len(n.sets) == 0 && n.cell < 0 }

// parental says whether there are names below one.
func (e *edit) parental(name record.Name) bool {
	for range e.order.below(name) {
		return true
	}
	return false
}

func (e *edit) put(n *node) {
	e.names.put(n, hashOf, e.by)
	e.order.put(n, e.by)
	if n.name == e.apex.name {
		e.apex = n
	}
}

// root gives a new node the parents that it needs, and says what hides it.
func (e *edit) root(n *node) {
	if n.name == e.apex.name {
		return
	}
	parent, _ := n.name.Parent()
	p := e.get(parent)
	switch {
	case p == nil:
		p = &node{name: parent, cell: -1, wild: n.name.IsWildcard()}
		e.put(p)
		e.root(p)
	case n.name.IsWildcard():
		e.wild(p, true)
	}
	n.over = e.above(n) // n was made by this edit
}

// uproot takes a name out, and the parents that were there for it alone.
func (e *edit) uproot(name record.Name) {
	for n := e.get(name); n != nil && name != e.apex.name; n = e.get(name) {
		e.names.drop(name, hashOf, e.by)
		e.order.drop(name, e.by)
		name, _ = name.Parent()
		p := e.get(name)
		if n.name.IsWildcard() {
			e.wild(p, false)
		}
		if !p.bare() || e.parental(name) {
			return
		}
	}
}

// wild notes whether there is a wildcard right below a node.
func (e *edit) wild(n *node, there bool) {
	c := *n
	c.wild = there
	e.put(&c)
}

// cover says anew of all names below one what hides them.
func (e *edit) cover(name record.Name) {
	var below []*node // the walk must not see the list change
	for n := range e.order.below(name) {
		below = append(below, n)
	}
	for _, n := range below {
		if over := e.above(n); over != n.over {
			c := *n
			c.over = over
			e.put(&c)
		}
	}
}
