package node

import (
	"context"
	"slices"
	"time"

	"failoverdns/raftstore"
	"failoverdns/state"
)

// order is an operator's command, and what came of it.
type order struct {
	id    string
	body  state.Body
	kept  bool   // acknowledged
	index uint64 // as acknowledged
}

const (
	theGroup = "auth.example.com"
	// operatorWaits is how long an operator waits for an answer.
	operatorWaits = 8 * time.Second
)

// order gives a command through a node, beside the steps.
func (tr *trial) order(id string, words []string) error {
	p := tr.procs[id]
	if p == nil {
		return nil // nobody there to take it
	}
	if len(words) > 0 && slices.Contains(memberOps, words[0]) {
		return tr.changeMember(p, words)
	}
	body, err := parseOrder(words, p.node.State())
	if err != nil {
		return err
	}
	o := tr.judge.ordered(body)
	tr.later.Go(func() {
		ctx, cancel := context.WithTimeout(context.Background(), operatorWaits)
		defer cancel()
		r, err := p.node.Propose(ctx, state.Command{Header: state.Header{ID: o.id, Author: "operator"}, Body: body})
		if err == nil {
			tr.judge.acknowledged(o, r)
		}
	})
	return nil
}

// handOver has an operator ask through a node that another one take the lead, beside the steps.
func (tr *trial) handOver(id string) {
	p := tr.procs[id]
	if p == nil {
		return
	}
	tr.later.Go(func() {
		ctx, cancel := context.WithTimeout(context.Background(), operatorWaits)
		defer cancel()
		_, _ = p.node.store.ChangeMembers(ctx, raftstore.Change{Op: raftstore.Transfer}) // it may be refused, or be lost
		tr.judge.disturb()
	})
}
