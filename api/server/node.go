package server

import (
	"context"

	"failoverdns/node"
	"failoverdns/raftstore"
	"failoverdns/record"
	"failoverdns/state"
)

// Node is what the API needs of a node; *node.Node is one. All methods may be called from any goroutine, and none but
// those with a context may wait.
type Node interface {
	backups

	// State is the replicated state as applied here, never nil; answers given by this node are at least as new.
	State() *state.State

	// Answered is what this node answers: State, but where words of its own stand above it.
	Answered() node.Answered

	// Wait returns when State has reached an index, or with an error.
	Wait(ctx context.Context, index uint64) error

	// ReadIndex asks the leader for an index such that a State that has reached it shows every write acknowledged before
	// the call.
	ReadIndex(ctx context.Context) (uint64, error)

	// Propose gets a command committed, here or through the leader. A refusal is no error. raftstore.ErrUnknownOutcome
	// means that it may take effect, now or later; any other error, that it has not and will not.
	Propose(ctx context.Context, c state.Command) (state.Result, error)

	// ChangeMembers changes the cluster's membership by way of the leader, or plans it; errors are as those of Propose.
	ChangeMembers(ctx context.Context, c raftstore.Change) (raftstore.Outcome, error)

	// Join has this node ask the cluster at an address to let it in, with a join token's text.
	Join(ctx context.Context, address, token string) error

	// CAPin names the CA of the cluster's certificates, in hex; empty without one.
	CAPin() string

	// Status is this node's view of itself and of the cluster.
	Status() node.Status

	// Latest gives this node's own probing of an endpoint; ok is false where it does not probe it.
	Latest(endpoint string) (l node.Latest, ok bool)

	// Reports asks every member, this node included, what it answers; it returns when all have answered or the
	// context ends, and then names those that did not.
	Reports(ctx context.Context) []node.Report

	// Swaps asks every member how the command of an index came to its answers, as Reports does.
	Swaps(ctx context.Context, index uint64) []node.NodeSwap

	// Webhooks are those of this node's configuration.
	Webhooks() []node.Webhook

	// TryWebhook sends a test to one of them, or gives node.ErrNoWebhook.
	TryWebhook(ctx context.Context, name string) error

	// Lookup is the answer that this node would give now.
	Lookup(name record.Name, t record.Type) node.Lookup
}

var _ Node = (*node.Node)(nil)
