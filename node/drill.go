package node

import (
	"context"
	"time"

	"failoverdns/state"
)

// drillTimesTimeout bounds asking the nodes for a drill's times: one that is away must not keep the report waiting.
const drillTimesTimeout = 3 * time.Second

// drillTimes asks every node how a command came to its answers, in the form that a drill's report keeps.
func (n *Node) drillTimes(ctx context.Context, index uint64) (out []state.DrillTime) {
	ctx, cancel := context.WithTimeout(ctx, drillTimesTimeout)
	defer cancel()
	for _, s := range n.Swaps(ctx, index) {
		out = append(out, state.DrillTime{Node: s.Node, Leader: s.Leader, Commit: s.Commit, Apply: s.Apply, Swapped: s.Swapped, Error: s.Error})
	}
	return out
}
