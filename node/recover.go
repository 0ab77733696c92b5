package node

import (
	"context"
	"errors"
	"strings"

	"failoverdns/raftstore"
	"failoverdns/state"
)

// Recovery is what recovering a node means.
type Recovery = raftstore.Recovery

// PlanRecovery says what recovering this node without the members that are not kept would mean, or why it is not done.
func (n *Node) PlanRecovery(ctx context.Context, keep []string, force bool) (*Recovery, error) {
	return n.store.PlanRecovery(ctx, keep, force)
}

// Recover does it. This node answers all the while; only Raft ends and begins anew. Who did it and why goes into the
// audit trail as soon as there is a leader.
func (n *Node) Recover(ctx context.Context, r *Recovery, author, source, reason string) error {
	if err := n.store.Recover(ctx, r); err != nil {
		return err
	}
	note := &state.Note{Action: "recover", Target: strings.Join(r.Keep, " "), Reason: reason, Force: true, Outcome: state.OutcomeDone, Text: r.Confirmation()}
	n.run(func() {
		ctx, cancel := context.WithTimeout(context.Background(), proposeTimeout)
		defer cancel()
		if _, err := n.Propose(ctx, state.Command{Header: state.Header{Author: author, Source: source}, Body: note}); err != nil {
			n.log.Warn("the recovery is not in the audit trail", "error", err)
		}
	})
	return nil
}

// RecoverStopped recovers the data directory of a node that does not run; the directory's lock proves that. keep are the
// members that stay beside this one. Nothing is changed before confirm, which is shown what it means, returns nil.
func RecoverStopped(ctx context.Context, cfg Config, keep []string, confirm func(*Recovery) error) (err error) {
	id, err := identity(&cfg)
	if err != nil {
		return err
	}
	s, err := raftstore.Open(raftstore.Config{ID: id, Dir: cfg.DataDir})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.Stop(ctx)) }()
	r, err := s.PlanRecovery(ctx, keep, false)
	if err != nil {
		return err
	}
	if err := confirm(r); err != nil {
		return err
	}
	return s.Recover(ctx, r)
}
