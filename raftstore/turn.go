package raftstore

import (
	"context"
	"fmt"
)

// turn is a lock whose waiters give up with their context: what waits behind a change of members, or of the feature level,
// that cannot end, since a member does not answer, must not take effect after whoever asked for it has gone.
type turn chan struct{}

func newTurn() turn { return make(turn, 1) }

// take waits for the turn. Its error is an errNotHere: nothing was done.
func (t turn) take(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("%w: %w", errNotHere, err)
	}
	select {
	case t <- struct{}{}:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("%w: another one is under way: %w", errNotHere, ctx.Err())
	}
}

func (t turn) pass() { <-t }
