package node

import (
	"context"
	"fmt"
	"net/http"
	"strconv"
	"sync"
	"time"

	"failoverdns/raftstore"
	"failoverdns/state"
)

// Swap is how one command came to this node's answers.
type Swap struct {
	Index     uint64 `json:"index"`
	Leader    bool   `json:"leader,omitempty"`    // this node led: Commit is known, and Swapped is by one clock
	Incidents int    `json:"incidents,omitempty"` // that the command began

	// Commit is from the leader's log to the disks of a majority; known on the leader.
	Commit time.Duration `json:"commit,omitempty"`
	// Apply is this node's own work, from taking up the committed command to the swap of its answers.
	Apply time.Duration `json:"apply"`
	// Swapped is from the leader's log to the swap of this node's answers, so Commit is part of it. On other nodes than
	// the leader it compares two machines' wall clocks, and is no better than those: it may even be negative.
	Swapped time.Duration `json:"swapped"`
	// Proposed is from this node's proposing the command, on its way to the leader, to the swap of its own answers; 0 on
	// nodes that did not propose it.
	Proposed time.Duration `json:"proposed,omitempty"`

	swapped time.Time
}

// maxSwaps bounds the kept swaps: those of the last so many commands that changed an answer or began an incident.
const maxSwaps = 512

// swaps keeps the latest swaps of a node, by index. A node that restarts begins anew.
type swaps struct {
	mu        sync.Mutex // guards what follows
	ring      [maxSwaps]Swap
	next      int
	observers []func(Swap)
}

func (t *swaps) add(x Swap) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.ring[t.next] = x
	t.next = (t.next + 1) % maxSwaps
}

// find gives the timing of an index.
func (t *swaps) find(index uint64) (Swap, bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for i := range t.ring {
		if t.ring[i].Index == index && index != 0 {
			return t.ring[i], true
		}
	}
	return Swap{}, false
}

// proposed completes the timing of a command that this node proposed.
func (t *swaps) proposed(index uint64, at time.Time) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for i := range t.ring {
		if x := &t.ring[i]; x.Index == index && index != 0 {
			x.Proposed = max(0, x.swapped.Sub(at))
		}
	}
}

func (t *swaps) listeners() []func(Swap) {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.observers
}

// OnApplied adds an observer of every command that is applied here, but for those that came in a snapshot; it must not
// wait.
func (n *Node) OnApplied(f func(Swap)) {
	n.swaps.mu.Lock()
	defer n.swaps.mu.Unlock()
	n.swaps.observers = append(n.swaps.observers, f)
}

// measure takes the time of a command whose answers have just been swapped in. What came in a snapshot has none.
func (n *Node) measure(st *state.State, r state.Result, at raftstore.Moment) {
	if at.Logged.IsZero() {
		return
	}
	now := time.Now()
	x := Swap{Index: r.Index, Leader: at.Own, Incidents: begun(st, r.Index), Apply: now.Sub(at.Began), Swapped: now.Sub(at.Logged), swapped: now}
	if at.Own {
		x.Commit = at.Began.Sub(at.Logged)
	}
	if x.Incidents > 0 || len(r.Effect.Zones) > 0 {
		n.swaps.add(x)
	}
	for _, f := range n.swaps.listeners() {
		f(x)
	}
}

// begun counts the incidents that began at an index, the latest one of the state.
func begun(st *state.State, index uint64) (count int) {
	_, last, ok := st.Incidents.Last()
	if !ok || last.Index != index {
		return 0
	}
	for _, in := range st.Incidents.All() {
		if in.Index == index {
			count++
		}
	}
	return count
}

// NodeSwap is one member's timing of a command, or why there is none.
type NodeSwap struct {
	Node  string
	Error string
	Swap
}

// Swaps asks every member, this node included, how the command of an index came to its answers. It returns when all
// have answered or the context ends, in the order of their IDs.
func (n *Node) Swaps(ctx context.Context, index uint64) []NodeSwap {
	return askAll(n, func(id string) NodeSwap {
		t, err := n.swapOf(ctx, id, index)
		if err != nil {
			return NodeSwap{Node: id, Error: unreached(err)}
		}
		return NodeSwap{Node: id, Swap: t}
	})
}

func (n *Node) swapOf(ctx context.Context, id string, index uint64) (t Swap, err error) {
	if id != n.ID() {
		return t, n.store.Call(ctx, id, "GET", fmt.Sprintf("%s?index=%d", pathSwap, index), nil, &t)
	}
	t, ok := n.swaps.find(index)
	if !ok {
		return t, errNotMeasured
	}
	return t, nil
}

// errNotMeasured is what a node answers that has no timing.
var errNotMeasured = fmt.Errorf("not measured: it has restarted since, was told of it by a snapshot, or %d later changes have taken its place", maxSwaps)

func (n *Node) serveSwap(w http.ResponseWriter, r *http.Request) {
	index, err := strconv.ParseUint(r.FormValue("index"), 10, 64)
	if err != nil {
		http.Error(w, "the index is no number", http.StatusBadRequest)
		return
	}
	t, ok := n.swaps.find(index)
	if !ok {
		http.Error(w, errNotMeasured.Error(), http.StatusNotFound)
		return
	}
	answer(w, t)
}

// measureTimeout bounds the asking of all members.
const measureTimeout = 3 * time.Second

// measures are Swaps in the form that an incident keeps.
func (n *Node) measures(ctx context.Context, index uint64) (out []state.Measure) {
	ctx, cancel := context.WithTimeout(ctx, measureTimeout)
	defer cancel()
	for _, s := range n.Swaps(ctx, index) {
		out = append(out, state.Measure{Node: s.Node, Leader: s.Leader, Commit: s.Commit, Apply: s.Apply, Swapped: s.Swapped, Proposed: s.Proposed, Error: s.Error})
	}
	return out
}
