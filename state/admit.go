package state

import "fmt"

// maxAdmissions bounds nodes that were admitted and never came.
const maxAdmissions = 64

// RefusedWiped is the refusal of a node whose ID is a member's with another data directory.
const RefusedWiped = "wiped"

// Admission lets one node join: it becomes a member by an entry of Raft's configuration, which says nothing of data
// directories and roles.
type Admission struct {
	Node        string `json:"node"`
	Incarnation string `json:"incarnation"` // of the data directory that may join, and no other
	Address     string `json:"address"`
	Role        Role   `json:"role"`
	Token       string `json:"token"` // ID
	At          Clock  `json:"at"`
}

// Admit uses a join token up for one node. The same node with the same data directory may ask again: an answer may have
// been lost.
type Admit struct {
	Node        string `json:"node"`
	Incarnation string `json:"incarnation"`
	Address     string `json:"address"`
	Role        Role   `json:"role"`
	Token       string `json:"token"` // ID
	Hash        string `json:"hash"`  // of the secret that the node showed
	Level       int    `json:"level"` // the highest feature level that it knows
}

func (*Admit) kind() kind { return kindAdmit }

func (c *Admit) apply(t *txn) *Refusal {
	if n, ok := t.s.Nodes.Get(c.Node); ok && (n.Incarnation != c.Incarnation || c.Incarnation == "") {
		return refuse(RefusedWiped, "node %q is known by another data directory: remove it (failoverctl cluster remove %s), then join", c.Node, c.Node)
	}
	if r := t.s.mayAdmit(c); r != nil {
		return r
	}
	token, ok := t.s.Tokens.Get(c.Token)
	switch {
	case !ok || token.Kind != TokenJoin:
		return noToken()
	case token.Role != string(c.Role):
		return refuse(RefusedConflict, "the token lets a %s in, and node %q has the role %s: write role %s in its Corefile, or make another token", token.Role, c.Node, c.Role, token.Role)
	}
	if r := (&TokenUse{ID: c.Token, Hash: c.Hash, By: c.Node + "/" + c.Incarnation}).take(t, token); r != nil {
		return r
	}
	if t.s.Nodes.Has(c.Node) {
		return nil // it is in, and has not heard so
	}
	if a, ok := t.s.Admissions.Get(c.Node); ok && a.Incarnation == c.Incarnation && a.Address == c.Address {
		return nil // its answer was lost
	}
	t.admit(c)
	t.event(Event{Type: "node", Node: c.Node, Author: token.Author, Text: fmt.Sprintf("%s at %s may join as a %s", c.Node, c.Address, c.Role)})
	return nil
}

// mayAdmit says what of a node itself stands against it.
func (s *State) mayAdmit(c *Admit) *Refusal {
	for id, n := range s.Nodes.All() {
		if n.Address == c.Address && id != c.Node {
			return refuse(RefusedConflict, "node %q is at %s already: give the new one an address of its own (advertise HOST:PORT), or remove %s first", id, c.Address, id)
		}
	}
	if level := s.FeatureLevel(); c.Level < level {
		return refuse(RefusedConflict, "the version of node %q knows feature level %d, and this cluster is at %d: install the version that the others run", c.Node, c.Level, level)
	}
	return nil
}

// admit puts an admission in place of an earlier one of that node, and forgets the oldest where there are too many.
func (t *txn) admit(c *Admit) {
	t.s.Admissions = t.s.Admissions.With(c.Node, &Admission{c.Node, c.Incarnation, c.Address, c.Role, c.Token, t.s.Clock})
	if t.s.Admissions.Len() <= maxAdmissions {
		return
	}
	var oldest *Admission
	for _, a := range t.s.Admissions.All() {
		if oldest == nil || a.At < oldest.At {
			oldest = a
		}
	}
	t.s.Admissions = t.s.Admissions.Without(oldest.Node)
}
