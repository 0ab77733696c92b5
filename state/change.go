package state

import "fmt"

// ChangeMember records that somebody changes the cluster's membership, before Raft's configuration does so: entries of
// that have no author. It changes no member by itself, but ends the promotion of one that is to have no vote.
type ChangeMember struct {
	Op     string `json:"op"` // promote, demote, remove or transfer
	Node   string `json:"node"`
	Reason string `json:"reason,omitempty"`
	Force  bool   `json:"force,omitempty"` // past what guards the quorum
}

func (*ChangeMember) kind() kind { return kindChangeMember }

// memberEvents are the beginnings of what is recorded.
var memberEvents = map[string]Event{
	"promote":  Event{Type: "member-promote", Text: "is given a vote"},
	"demote":   Event{Type: "member-demote", Text: "has its vote taken away"},
	"remove":   Event{Type: "member-remove", Text: "is removed"},
	"transfer": Event{Type: "member-transfer", Text: "is given the lead"},
}

func (c *ChangeMember) apply(t *txn) *Refusal {
	n, ok := t.s.Nodes.Get(c.Node)
	e, known := memberEvents[c.Op]
	switch {
	case !ok:
		return refuse(RefusedNotFound, "node %q is no member of this cluster", c.Node)
	case !known:
		return refuse(RefusedInvalid, "a member is not changed by %q", c.Op)
	}
	if c.Op == "demote" && n.Promote {
		next := *n
		next.Promote = false
		t.s.Nodes = t.s.Nodes.With(n.ID, &next)
	}
	by := ""
	if t.h.Author != "" { // else the leader does it by itself
		by = " " + byWhom(t.h.Author)
	}
	e.Node, e.Reason, e.Text = c.Node, c.Reason, fmt.Sprintf("%s %s%s%s%s", c.Node, e.Text, by, past(c.Force), because(c.Reason))
	t.event(e)
	return nil
}
