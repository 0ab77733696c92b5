package node

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"time"

	"failoverdns/raftstore"
	"failoverdns/state"
)

// Paths of the calls that members make to each other.
const (
	pathContact = "/contact" // a node tells the leader that it lives
	pathSelf    = "/self"    // what a node says of itself
	pathSwap    = "/swap"    // how fast a command reached a node's answers
	pathRead    = "/read"    // the leader gives an index for a consistent read
)

// maxCall bounds a call's body, in bytes.
const maxCall = 64 << 10

// contact is what a node tells the leader.
type contact struct {
	Boot  string `json:"boot"`
	Index uint64 `json:"index"` // of its state
	Hash  uint64 `json:"hash"`  // of that state
	at    time.Time
}

// heard is the leader's answer: the nodes whose state differs from its own.
type heard struct {
	Diverged []string `json:"diverged,omitempty"`
}

func (n *Node) hello() contact {
	st := n.State()
	return contact{Boot: n.boot, Index: st.Index, Hash: st.Hash}
}

// calls answers what members ask.
func (n *Node) calls() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("POST "+pathContact, func(w http.ResponseWriter, r *http.Request) {
		var c contact
		if err := json.NewDecoder(http.MaxBytesReader(w, r.Body, maxCall)).Decode(&c); err != nil {
			http.Error(w, "the report cannot be read", http.StatusBadRequest)
			return
		}
		n.hearFrom(raftstore.Caller(r.Context()), c)
		answer(w, heard{n.Diverged()})
	})
	mux.HandleFunc("GET "+pathSelf, func(w http.ResponseWriter, _ *http.Request) {
		answer(w, n.self())
	})
	mux.HandleFunc("GET "+pathSwap, n.serveSwap)
	mux.HandleFunc("POST "+pathRead, func(w http.ResponseWriter, r *http.Request) {
		index, err := n.store.ReadIndex(r.Context())
		if err != nil {
			http.Error(w, err.Error(), http.StatusServiceUnavailable)
			return
		}
		answer(w, readIndex{index})
	})
	return mux
}

func answer(w http.ResponseWriter, v any) {
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(v) // an error here is the caller's broken connection
}

// readIndex is the leader's answer to a consistent read.
type readIndex struct {
	Index uint64 `json:"index"`
}

// ReadIndex asks the leader, once it has made sure that it still leads, for an index such that a State that has
// reached it shows every write acknowledged before the call.
func (n *Node) ReadIndex(ctx context.Context) (uint64, error) {
	leader, _, self := n.store.Leader()
	switch {
	case self:
		return n.store.ReadIndex(ctx)
	case leader == "":
		return 0, raftstore.ErrNoLeader
	}
	var r readIndex
	if err := n.store.Call(ctx, leader, "POST", pathRead, nil, &r); err != nil {
		return 0, fmt.Errorf("%w: %w", raftstore.ErrNoLeader, err)
	}
	return r.Index, nil
}

func (n *Node) hearFrom(id string, r contact) {
	r.at = time.Now()
	n.mu.Lock()
	n.heard[id] = r
	n.mu.Unlock()
	if n.hashes.heard(id, r) {
		n.log.Error("a node's state differs from the leader's at the same index; compare them with failoverctl cluster members", "node", id, "index", r.Index)
	}
	n.duties.Heard(id, r.Boot)
}

// self is what this node says of itself.
func (n *Node) self() Report {
	st := n.State()
	p := Report{ID: n.ID(), Reachable: true, Version: n.Config().Version, Index: st.Index, Hash: st.Hash, StateAge: n.store.Age(), Active: map[string]string{}}
	raft := n.store.Status()
	p.Level, p.Contact = state.Level, raft.LastContact
	if raft.Self {
		p.Heard = n.contacts()
	}
	answered := n.Answered()
	for name, g := range answered.State.Groups.All() {
		p.Active[name] = g.Active
	}
	p.Rules = answered.rules()
	return p
}

// Peers asks every member, this node included, what it answers. It returns when all have answered or the context
// ends, in the order of their IDs.
func (n *Node) Reports(ctx context.Context) []Report {
	return askAll(n, func(id string) Report { return n.ask(ctx, id) })
}

// askAll asks every member at once, this node alone where there are none yet, and gives the answers in the order of
// IDs.
func askAll[T any](n *Node, ask func(id string) T) []T {
	var ids []string
	for id := range n.State().Nodes.All() {
		ids = append(ids, id)
	}
	if len(ids) == 0 {
		ids = []string{n.ID()}
	}
	out := make([]T, len(ids))
	var all sync.WaitGroup
	for i, id := range ids {
		all.Go(func() { out[i] = ask(id) })
	}
	all.Wait()
	return out
}

// unreached says in a few words why a member gives no answer: the end of the chain is what a person needs to know.
func unreached(err error) string {
	var refused *raftstore.CallError
	switch {
	case errors.As(err, &refused):
		return refused.Text
	case errors.Is(err, context.DeadlineExceeded):
		return "no answer in time"
	}
	for next := errors.Unwrap(err); next != nil; next = errors.Unwrap(err) {
		err = next
	}
	return err.Error()
}

func (n *Node) ask(ctx context.Context, id string) Report {
	if id == n.ID() {
		return n.self()
	}
	var p Report
	if err := n.store.Call(ctx, id, "GET", pathSelf, nil, &p); err != nil {
		return Report{ID: id, Error: unreached(err)}
	}
	p.ID, p.Reachable = id, true
	return p
}
