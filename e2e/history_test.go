//go:build linux

package e2e

import (
	"context"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/anishathalye/porcupine"

	"failoverdns/api"
	"failoverdns/e2e/cluster"
)

// The history of one override that several operators set, clear and read through different nodes, while nodes are killed
// and cut off. Its reason is the value; a read that asks for consistency must fit into one order of all writes.

// touch is one operation: a write of a value, or a read.
type touch struct {
	write bool
	value string // empty: no override
}

var register = porcupine.Model{
	Init: func() any { return "" },
	Step: func(state, input, output any) (bool, any) {
		if op := input.(touch); op.write {
			return true, op.value
		}
		return output == state, state
	},
	DescribeOperation: func(input, output any) string {
		if op := input.(touch); op.write {
			return fmt.Sprintf("write %q", op.value)
		}
		return fmt.Sprintf("read %q", output)
	},
}

// history gathers operations.
type history struct {
	began time.Time

	mu  sync.Mutex // guards ops
	ops []porcupine.Operation
}

func (h *history) now() int64 { return int64(time.Since(h.began)) }

func (h *history) add(client int, op touch, output string, call, back int64) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.ops = append(h.ops, porcupine.Operation{ClientId: client, Input: op, Output: output, Call: call, Return: back})
}

func TestHistoriesOfTheAdminAPIAreLinearizable(t *testing.T) {
	s := stage(t, 3)
	h, seed := &history{began: time.Now()}, seeded(t)
	ctx, cancel := context.WithTimeout(t.Context(), 25*time.Second)
	defer cancel()
	var all sync.WaitGroup
	for i, n := range s.Nodes() {
		all.Go(func() { h.operate(ctx, i, n, rand.New(rand.NewPCG(seed, uint64(i)))) })
	}
	for i := 0; ctx.Err() == nil; i++ {
		leader, rest := s.leader()
		switch i % 3 {
		case 0:
			s.apart(leader.ID, rest[0].ID, rest[1].ID)
			pause(ctx, 3*time.Second)
			s.heal()
		case 1:
			s.kill(leader)
			pause(ctx, time.Second)
			s.start(leader)
		case 2:
			s.pause(leader)
			pause(ctx, 3*time.Second)
			s.resume(leader)
		}
		pause(ctx, time.Second)
	}
	all.Wait()
	result := porcupine.CheckOperationsTimeout(register, h.ops, 30*time.Second)
	t.Logf("%d operations: %s", len(h.ops), result)
	if result != porcupine.Ok {
		t.Errorf("the history is %s", result)
		for _, op := range h.ops {
			t.Logf("%d %s %v-%v", op.ClientId, register.DescribeOperation(op.Input, op.Output), time.Duration(op.Call), time.Duration(op.Return))
		}
	}
	if len(h.ops) < 40 {
		t.Error("too little has happened for this to mean anything")
	}
}

// operate reads and writes through one node.
func (h *history) operate(ctx context.Context, client int, n *cluster.Node, rng *rand.Rand) {
	for i := 0; ctx.Err() == nil; i++ {
		switch rng.IntN(4) {
		case 0, 1:
			h.read(ctx, client, n)
		case 2:
			h.write(ctx, client, n, fmt.Sprintf("%d-%d", client, i))
		case 3:
			h.write(ctx, client, n, "")
		}
		pause(ctx, time.Duration(rng.IntN(200))*time.Millisecond)
	}
}

const target = "aws" // forced up: no answer changes by it

func (h *history) read(ctx context.Context, client int, n *cluster.Node) {
	call := h.now()
	all, err := n.Consistent().Overrides(ctx)
	if err != nil {
		return // it says nothing
	}
	value := ""
	for _, o := range all.Overrides {
		value = o.Reason
	}
	h.add(client, touch{}, value, call, h.now())
}

func (h *history) write(ctx context.Context, client int, n *cluster.Node, value string) {
	call := h.now()
	var err error
	if value == "" {
		_, err = n.API().ClearOverride(ctx, api.ClearRequest{Who: api.Who{Author: "history", Reason: "clear"}, Scope: "site", Target: target}, false)
	} else {
		_, err = n.API().SetOverride(ctx, api.OverrideRequest{Who: api.Who{Author: "history", Reason: value}, Scope: "site", Target: target, Word: "up", For: "1h"}, false)
	}
	var refused *api.Problem
	switch {
	case err == nil:
		h.add(client, touch{true, value}, "", call, h.now())
	case errors.As(err, &refused) && !errors.Is(err, api.ErrUnknownOutcome), errors.Is(err, api.ErrUnreachable):
		// It has no effect, by the word of whoever refused it.
	default:
		h.add(client+100*int(call), touch{true, value}, "", call, math.MaxInt64) // it may have effect at any time, or never
	}
}
