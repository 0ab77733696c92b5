package node

import (
	"context"

	"failoverdns/raftstore"
)

// ChangeMembers promotes, demotes or removes a member, or hands the lead over, by way of the leader. A refusal is no
// error; errors are as those of Propose.
func (n *Node) ChangeMembers(ctx context.Context, c raftstore.Change) (raftstore.Outcome, error) {
	return n.store.ChangeMembers(ctx, c)
}

// Join has this node ask the cluster at an address to let it in, with a join token's text. It is for a node that waits,
// whose disk was wiped, or that was removed.
func (n *Node) Join(ctx context.Context, address, words string) error {
	return n.store.JoinBy(ctx, address, words)
}

// CAPin names the cluster's CA, in hex; empty on a node without one.
func (n *Node) CAPin() string {
	if n.trust == nil {
		return ""
	}
	return n.trust.Pin().String()
}
