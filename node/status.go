package node

import (
	"fmt"
	"time"

	"failoverdns/raftstore"
)

// staleAfter: a node whose state is older than this says so wherever it is asked.
const staleAfter = 30 * time.Second

// Status is this node's view of itself and of the cluster.
func (n *Node) Status() Status {
	s := Status{Status: n.store.Status(), ID: n.ID(), Version: n.Config().Version, StateAge: n.store.Age(), Contact: n.contacts(),
		Abstaining: n.Abstaining(), Refused: n.Refused(), Diverged: n.Diverged()}
	s.Quorum = s.Leader != "" && s.StateAge < staleAfter
	s.Ready, s.NotReady = n.Ready()
	if n.trust != nil {
		s.CertExpiry = n.trust.Expires()
	}
	return s
}

// contacts is the time since each node was heard: by the nodes' own reports if this one leads, else the leader's.
func (n *Node) contacts() map[string]time.Duration {
	out := map[string]time.Duration{}
	leader, _, self := n.store.Leader()
	if !self {
		if leader != "" {
			out[leader] = n.store.Age()
		}
		return out
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	for id, c := range n.heard {
		out[id] = time.Since(c.at)
	}
	return out
}

// Ready says whether this node may be sent queries, and if not, why. It does not ask for a quorum: a node without one
// answers what was last agreed.
func (n *Node) Ready() (ok bool, why string) {
	if s := n.store.Status(); s.Phase != raftstore.PhaseRunning && s.Phase != raftstore.PhaseFault {
		return false, fmt.Sprintf("%s: %s", s.Phase, s.Detail)
	}
	if n.answering.isBlank() {
		return false, "this node is new, and has not caught up with the cluster yet"
	}
	for _, d := range n.Config().Declarations {
		if n.zones.Find(d.Zone) == nil {
			return false, fmt.Sprintf("zone %s is not in the cluster's state yet", d.Zone.Bare())
		}
	}
	return true, ""
}
