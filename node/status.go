package node

import (
	"fmt"
	"strings"
	"time"

	"failoverdns/raftstore"
	"failoverdns/state"
)

// staleAfter: a node whose state is older than this says so wherever it is asked.
const staleAfter = 30 * time.Second

// Status is this node's view of itself and of the cluster.
func (n *Node) Status() Status {
	s := Status{Status: n.store.Status(), ID: n.ID(), Version: n.Config().Version, StateAge: n.store.Age(), Contact: n.contacts(),
		Abstaining: n.Abstaining(), Refused: n.Refused(), Diverged: n.Diverged()}
	s.Quorum = s.Leader != "" && s.StateAge < staleAfter && s.Phase != raftstore.PhaseRemoved
	s.Ready, s.NotReady = n.Ready()
	s.Silent = !n.Answers()
	s.Witness = !s.Ready && s.NotReady == witnessWord
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
		return false, phaseWords(s.Phase, s.Detail)
	}
	if n.answering.isBlank() {
		return false, "this node is new, and has not caught up with the cluster yet"
	}
	for _, d := range *n.own.Load() {
		if n.zones.Find(d.Zone) == nil {
			return false, fmt.Sprintf("zone %s is not in the cluster's state yet", d.Zone.Bare())
		}
	}
	if !n.Answers() {
		return false, witnessWord
	}
	return true, ""
}

// phaseWords says phase and detail, and no word twice: "waiting for ns2".
func phaseWords(p raftstore.Phase, detail string) string {
	if strings.HasPrefix(detail, string(p)) {
		return detail
	}
	return fmt.Sprintf("%s: %s", p, detail)
}

const witnessWord = "this node is a witness: it votes and probes, and answers REFUSED"

// Answers says whether this node's role is to answer.
func (n *Node) Answers() bool { return n.Config().Role != state.Witness }
