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
	if len(words) == 2 && words[0] == "save" {
		return tr.save(p, words[1])
	}
	if len(words) == 2 && words[0] == "restore" {
		if body := tr.restore(words[1]); body != nil {
			tr.propose(p, body)
		}
		return nil
	}
	body, err := parseOrder(words, p.node.State())
	if err != nil {
		return err
	}
	tr.propose(p, body)
	return nil
}

// propose has an operator give a command, and wait a while for what comes of it.
func (tr *trial) propose(p *proc, body state.Body) {
	o := tr.judge.ordered(body)
	tr.later.Go(func() {
		ctx, cancel := context.WithTimeout(context.Background(), operatorWaits)
		defer cancel()
		r, err := p.node.Propose(ctx, state.Command{Header: state.Header{ID: o.id, Author: "operator"}, Body: body})
		if err == nil {
			tr.judge.acknowledged(o, r)
		}
	})
}

// save takes a backup of a node, as it is.
func (tr *trial) save(p *proc, name string) error {
	_, text, err := p.node.Archive()
	if err != nil {
		return err
	}
	packed, err := state.Pack(text)
	if err != nil {
		return err
	}
	st, err := (&state.Restore{State: packed}).Archived()
	if err != nil {
		return err
	}
	tr.saves[name] = tr.judge.saved(p, packed, st)
	return nil
}

// restore is the command that puts a backup into force; nil if there is none of that name.
func (tr *trial) restore(name string) state.Body {
	if b := tr.saves[name]; b != nil {
		return &state.Restore{State: b.state, Source: b.source}
	}
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
