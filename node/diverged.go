package node

import (
	"slices"
	"sync"

	"failoverdns/state"
)

// keptHashes is how far behind the leader a node may be for its state's hash to be compared: some seconds of the
// busiest cluster.
const keptHashes = 4096

// hashes compares the states of nodes at equal index. The leader compares what nodes report with what it remembers of
// its own; the others are told.
type hashes struct {
	mu      sync.Mutex // guards what follows
	ring    [keptHashes]hashAt
	differs map[string]uint64 // on the leader: node ID to the index at which its state was seen to differ
	told    []string          // elsewhere: by the leader
}

type hashAt struct{ index, hash uint64 }

// applied remembers this node's own state.
func (h *hashes) applied(st *state.State) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.ring[st.Index%keptHashes] = hashAt{st.Index, st.Hash}
}

// heard compares a node's report with what this node, the leader, had at that index. A report that is out of reach
// changes nothing. fresh says that a difference is new.
func (h *hashes) heard(id string, c contact) (fresh bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	own := h.ring[c.Index%keptHashes]
	if own.index != c.Index || c.Index == 0 {
		return false
	}
	_, known := h.differs[id]
	if own.hash == c.Hash {
		delete(h.differs, id)
		return false
	}
	if h.differs == nil {
		h.differs = map[string]uint64{}
	}
	h.differs[id] = c.Index
	return !known
}

// tell takes the leader's list.
func (h *hashes) tell(ids []string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.told = ids
}

// list names the nodes whose state differs from the leader's. The leader itself forgets nodes that are members no more.
func (h *hashes) list(leads bool, member func(id string) bool) (ids []string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if !leads {
		clear(h.differs) // what an earlier reign saw is for the next leader to find again
		return slices.Clone(h.told)
	}
	h.told = nil
	for id := range h.differs {
		if member(id) {
			ids = append(ids, id)
		}
	}
	slices.Sort(ids)
	return ids
}

// Diverged names the nodes whose replicated state differs from the leader's at the same index, as the leader last
// saw it. That must never be: a command had another effect there.
func (n *Node) Diverged() []string {
	_, _, leads := n.store.Leader()
	st := n.State()
	return n.hashes.list(leads, st.Nodes.Has)
}
