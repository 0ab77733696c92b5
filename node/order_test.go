package node

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

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
	body, err := parseOrder(words)
	if err != nil {
		return err
	}
	p := tr.procs[id]
	if p == nil {
		return nil // nobody there to take it
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

// parseOrder reads what an operator says: "override site azure down for 30s force", "pin aws for ever", "clear site
// azure", "extend site azure for 1h", "unpin", "failback".
func parseOrder(words []string) (state.Body, error) {
	force := slices.Contains(words, "force")
	words = slices.DeleteFunc(slices.Clone(words), func(w string) bool { return w == "force" })
	var term time.Duration
	if i := slices.Index(words, "for"); i >= 0 && i+1 < len(words) {
		if words[i+1] != "ever" {
			d, err := time.ParseDuration(words[i+1])
			if err != nil {
				return nil, err
			}
			term = d
		}
		words = words[:i]
	}
	said := strings.Join(words, " ")
	switch {
	case said == "unpin":
		return &state.Unpin{Group: theGroup}, nil
	case said == "failback":
		return &state.EndHold{Group: theGroup}, nil
	case words[0] == "pin" && len(words) == 2:
		return &state.SetPin{Group: theGroup, Site: words[1], For: term, Force: force}, nil
	case words[0] == "override" && len(words) == 4:
		return &state.SetOverride{Scope: state.Scope(words[1]), Target: words[2], Word: state.Word(words[3]), For: term, Force: force}, nil
	case words[0] == "clear" && len(words) == 3:
		return &state.ClearOverride{Scope: state.Scope(words[1]), Target: words[2], Force: force}, nil
	case words[0] == "extend" && len(words) == 3:
		return &state.Extend{Scope: state.Scope(words[1]), Target: words[2], For: term}, nil
	}
	return nil, fmt.Errorf("%q is nothing that an operator says", said)
}
