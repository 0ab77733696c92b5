package node

import "failoverdns/state"

// teller writes into the log what a person looks for first in a night: which group moved, from where, why. Every node
// says it, once for each move. Only whoever applies commands may use it.
type teller struct {
	last *state.State // before the command
}

// tellMoves logs the changes of groups' active sites between the state before and this one. A whole state has no events:
// then all groups are compared.
func (n *Node) tellMoves(st *state.State, r state.Result, whole bool) {
	was := n.teller.last
	n.teller.last = st
	if n.answering.isBlank() {
		return // a new node passes through the moves of long ago
	}
	if whole {
		for name := range st.Groups.All() {
			n.tellMove(was, st, name)
		}
		return
	}
	seen := map[string]bool{}
	for _, e := range r.Effect.Events {
		if e.Type == "flip" && !seen[e.Group] {
			seen[e.Group] = true
			n.tellMove(was, st, e.Group)
		}
	}
}

func (n *Node) tellMove(was, is *state.State, name string) {
	before, had := was.Groups.Get(name)
	after, has := is.Groups.Get(name)
	if !had || !has || before.Active == after.Active || before.Active == "" {
		return
	}
	args := []any{"group", name, "from", before.Active, "to", after.Active, "why", after.Rule, "decided", after.ActiveWall, "index", is.Index}
	if z, ok := is.Zones.Get(state.ZoneKey(after.Zone)); ok {
		args = append(args, "serial", z.Serial)
	}
	if _, in, ok := is.Incidents.Last(); ok && in.Group == name && in.Index == is.Index {
		args = append(args, "incident", in.ID)
	}
	n.log.Warn("a group moved to another site", args...)
}

// tellRefused logs a write that came in by this node and was refused: the audit trail has it on every node. What a node
// applies anew after its start was told before.
func (n *Node) tellRefused(st *state.State) {
	_, a, ok := st.Audits.Last()
	if ok && a.Index == st.Index && a.Outcome != state.OutcomeDone && a.Node == n.ID() && n.store.CaughtUp() {
		n.log.Warn("a write was refused", "author", a.Author, "source", a.Source, "action", a.Action, "target", a.Target, "outcome", a.Outcome, "reason", a.Text)
	}
}
