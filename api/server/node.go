package server

import (
	"context"
	"errors"
	"time"

	"failoverdns/health"
	"failoverdns/record"
	"failoverdns/state"
)

// Node is what the API needs of a node. All methods may be called from any goroutine at any time after the node's
// start, and none but those with a context may wait.
type Node interface {
	// State is the replicated state as applied here, never nil; answers given by this node are at least as new.
	State() *state.State

	// Wait returns when State has reached an index, or with the context's error.
	Wait(ctx context.Context, index uint64) error

	// ReadIndex asks the leader, once it has made sure that it still leads, for an index such that a State that has
	// reached it shows every write acknowledged before the call. It is one that State will reach.
	ReadIndex(ctx context.Context) (uint64, error)

	// Propose gets a command committed, here or through the leader. The header's clock and wall time are filled in by
	// the leader. A refusal is no error; ErrNoLeader means that nothing was done and nothing will be; after any other
	// error the outcome is unknown.
	Propose(ctx context.Context, c state.Command) (state.Result, error)

	// Status is this node's view of itself and of the cluster.
	Status() Status

	// Latest gives this node's own probing of an endpoint; ok is false where it does not probe it.
	Latest(endpoint string) (Latest, bool)

	// Peers asks every member, this node included, what it answers; it returns when all have answered or the
	// context ends, and then names those that did not. It is in the order of their IDs.
	Peers(ctx context.Context) []Peer

	// Lookup is the answer that this node would give now, to a client that is no one in particular.
	Lookup(name record.Name, t record.Type) Lookup
}

// ErrNoLeader is Propose's and ReadIndex's error when there is no leader to ask: nothing was done.
var ErrNoLeader = errors.New("the cluster has no leader")

// Status is a node's view of itself and of the cluster.
type Status struct {
	ID        string
	Version   string
	Leader    string // node ID; empty without one
	RaftState string // leader, follower, candidate; or removed, closed, starting
	Term      uint64
	Phase     string   // of the start: starting, waiting, catching up, running, ...
	Waiting   []string // what it waits for, in words
	StateAge  time.Duration
	Quorum    bool // a leader is in contact with a majority, and this node with it
	Ready     bool
	NotReady  string                   // why, in words
	Contact   map[string]time.Duration // by node ID: time since Raft's last contact; the leader knows all, others the leader's
}

// Latest is one node's own probing of one endpoint.
type Latest struct {
	Vote      health.Opinion
	Successes int      // in a row
	Failures  int      // as its check counts them: in a row, or in the window
	Results   []Result // newest first
}

// Result is one probe.
type Result struct {
	At      time.Time // start
	Took    time.Duration
	Outcome health.Outcome
	Reason  health.Reason
	Detail  string
}

// Peer is what one member says of itself, asked just now.
type Peer struct {
	ID        string
	Reachable bool
	Error     string // why it is not reachable
	Version   string
	Index     uint64 // of the state from which it answers queries
	Hash      uint64 // of that state
	StateAge  time.Duration
	Active    map[string]string // group: the site ID that it answers with
}

// Lookup is a DNS answer in presentation form.
type Lookup struct {
	RCode     string   // NOERROR, NXDOMAIN, REFUSED, SERVFAIL
	Answer    []string // records of the answer section
	Authority []string
}
