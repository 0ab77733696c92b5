package state

import (
	"cmp"
	"slices"
	"strings"

	"failoverdns/health"
)

// Announce is a node's word about itself, sent when it starts and when it changes.
type Announce struct {
	ID          string `json:"id"`
	Incarnation string `json:"incarnation"`
	Role        Role   `json:"role"`
	Probe       bool   `json:"probe"`
	Version     string `json:"version"`
	Admin       string `json:"admin,omitempty"`
}

func (*Announce) kind() kind { return kindAnnounce }

func (c *Announce) apply(t *txn) *Refusal {
	n, ok := t.s.Nodes.Get(c.ID)
	if !ok {
		return refuse(RefusedNotFound, "node %q is no member of this cluster", c.ID)
	}
	if n.Incarnation != "" && n.Incarnation != c.Incarnation {
		return refuse(RefusedStale, "node %q is known with another data directory; remove it, then join", c.ID)
	}
	next := *n
	next.Incarnation, next.Role, next.Probe, next.Version, next.Admin, next.Announced = c.Incarnation, c.Role, c.Probe, c.Version, c.Admin, true
	if !c.Probe {
		next.Counts = false // it left; should it probe again, it counts after its first full round
	}
	if next == *n {
		return nil
	}
	t.s.Nodes = t.s.Nodes.With(c.ID, &next)
	if !c.Probe {
		t.voidNode(c.ID)
	}
	t.countIn(c.ID)
	if n.Probe != c.Probe || !n.Announced {
		t.event(Event{Type: "node", Node: c.ID, Text: c.ID + " announced itself: role " + string(c.Role) + ", " + probing(c.Probe) + ", version " + c.Version})
	}
	t.recountIfChanged()
	return nil
}

func probing(on bool) string {
	if on {
		return "probing"
	}
	return "not probing"
}

// configure makes the nodes those of Raft's configuration.
func (t *txn) configure(members []Member) {
	first := t.s.Nodes.Len() == 0
	members = slices.Clone(members)
	slices.SortFunc(members, func(a, b Member) int { return cmp.Compare(a.ID, b.ID) })
	in := map[string]bool{}
	for _, m := range members {
		in[m.ID] = true
		t.configureOne(m, first)
	}
	for id := range t.was.Nodes.All() {
		if !in[id] {
			t.removeNode(id)
		}
	}
	t.recountIfChanged()
}

func (t *txn) configureOne(m Member, first bool) {
	suffrage := "nonvoter"
	if m.Voter {
		suffrage = "voter"
	}
	n, ok := t.s.Nodes.Get(m.ID)
	if !ok {
		n = t.newNode(m, first)
		t.event(Event{Type: "node", Node: m.ID, Text: m.ID + memberNow + " (" + suffrage + ")"})
	}
	next := *n
	next.Address, next.Suffrage = m.Address, suffrage
	next.Promote = n.Promote && !m.Voter
	if ok {
		t.tellMove(n, &next)
	}
	t.s.Nodes = t.s.Nodes.With(m.ID, &next)
}

// newNode is a member that the state does not have yet. Of one that was admitted it knows the data directory, so that
// a wiped disk is noticed before the node has said a word.
func (t *txn) newNode(m Member, first bool) *Node {
	n := &Node{ID: m.ID, Role: Voter, Probe: m.Voter, Counts: first}
	if !m.Voter {
		n.Role = Replica
	}
	if a, ok := t.s.Admissions.Get(m.ID); ok {
		n.Role, n.Incarnation, n.Probe, n.Promote = a.Role, a.Incarnation, false, a.Role != Replica
		t.s.Admissions = t.s.Admissions.Without(m.ID)
	}
	return n
}

// tellMove records what changed of a member's place in the cluster.
func (t *txn) tellMove(was, is *Node) {
	if was.Address != is.Address {
		t.event(Event{Type: "node", Node: is.ID, Text: is.ID + " is at " + is.Address + " now, no longer at " + was.Address})
	}
	if was.Suffrage != is.Suffrage {
		text := is.ID + " has a vote from now on"
		if is.Suffrage != "voter" {
			text = is.ID + " has no vote any more"
		}
		t.event(Event{Type: "node", Node: is.ID, Text: text})
	}
}

func (t *txn) removeNode(id string) {
	t.voidNode(id)
	t.s.Nodes = t.s.Nodes.Without(id)
	for key, o := range t.was.Offers.Prefix(offersOf(id)) {
		if o.Node == id {
			t.s.Offers = t.s.Offers.Without(key)
		}
	}
	t.event(Event{Type: "node", Node: id, Text: id + memberNoMore})
}

// How events begin by which a node comes and goes.
const (
	memberNow    = " is a member now"
	memberNoMore = " is no member any more"
)

// Removal is the event by which a node was last taken out of the cluster: the operator's, or else that it is no member
// any more. Nil if it has become a member since, or if that is no longer kept.
func (s *State) Removal(id string) *Event {
	var out *Event
	for _, e := range s.Events.All() {
		switch {
		case e.Node != id:
		case e.Type == "member-remove", e.Type == "node" && e.Text == id+memberNoMore && out == nil:
			out = e
		case e.Type == "node" && strings.HasPrefix(e.Text, id+memberNow):
			out = nil
		}
	}
	return out
}

// voidNode ends a node's sessions and turns all of its votes to none. No verdict changes by that.
func (t *txn) voidNode(id string) {
	for key, s := range t.s.Sessions.All() {
		if s.Node == id {
			t.s.Sessions = t.s.Sessions.Without(key)
		}
	}
	for key, e := range t.s.Endpoints.All() {
		if without := dropVote(e.Votes, id); len(without) != len(e.Votes) {
			next := *e
			next.Votes = without
			t.s.Endpoints = t.s.Endpoints.With(key, &next)
		}
	}
}

func dropVote(votes []Vote, node string) []Vote {
	return slices.DeleteFunc(slices.Clone(votes), func(v Vote) bool { return v.Node == node })
}

// Prober says whether a node is one of the n whose votes make a verdict.
func (n *Node) Prober() bool { return n.Probe && n.Counts }

// Probers counts the configured probing nodes: the n of a verdict. A lost node stays in it.
func (s *State) Probers() int {
	n := 0
	for _, node := range s.Nodes.All() {
		if node.Prober() {
			n++
		}
	}
	return n
}

// countIn lets a node count once it has voted on every endpoint.
func (t *txn) countIn(id string) {
	n, ok := t.s.Nodes.Get(id)
	if !ok || n.Counts || !n.Probe || !n.Announced {
		return
	}
	for _, e := range t.s.Endpoints.All() {
		if !slices.ContainsFunc(e.Votes, func(v Vote) bool { return v.Node == id && v.Opinion != health.None }) {
			return
		}
	}
	next := *n
	next.Counts = true
	t.s.Nodes = t.s.Nodes.With(id, &next)
	t.event(Event{Type: "node", Node: id, Text: id + " counts as a probing node from now on"})
	t.recountIfChanged()
}

// recountIfChanged decides every endpoint again if the number of probing nodes changed. Else it must not: votes that
// were voided would change verdicts by themselves.
func (t *txn) recountIfChanged() {
	if t.s.Probers() != t.was.Probers() {
		t.recount()
	}
}

// recount decides every endpoint again.
func (t *txn) recount() {
	for id := range t.s.Endpoints.All() {
		t.decide(id)
	}
}
