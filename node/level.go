package node

import (
	"context"
	"errors"
	"time"

	"failoverdns/raftstore"
	"failoverdns/state"
)

// levelEvery is how often a leader looks whether every member knows a higher feature level by now.
const levelEvery = 5 * time.Second

// keepLevel raises the cluster's feature level as soon as every member knows it: not only when a command needs it, for
// then a member may be away. It ends with the reign, or when there is nothing more to raise.
func (n *Node) keepLevel(reign context.Context) {
	last := ""
	for reign.Err() == nil && n.State().FeatureLevel() < state.Level {
		err := n.store.Raise(reign)
		if errors.Is(err, raftstore.ErrTooOld) && err.Error() != last {
			last = err.Error()
			n.log.Info("the cluster stays at its feature level for now", "level", n.State().FeatureLevel(), "because", last)
		}
		wait(reign, levelEvery, nil)
	}
}
