package raftstore

import (
	"context"
	"errors"
	"time"
)

const (
	// lookAround is how often a node that waits for the leader's answer looks whether that one still leads.
	lookAround = 100 * time.Millisecond
	// deserted is how long it goes on waiting when that is not so any more: a leader that hands over, or steps down, says
	// so at once.
	deserted = 500 * time.Millisecond
)

// errDeserted is why a call to a leader was given up.
var errDeserted = errors.New("it leads no more, and does not answer")

// whileLeads gives a context that ends when a node has not been the leader for a while, as far as this one knows. A
// leader that was cut off answers nothing: whoever waited for it would wait through the whole election and longer.
func (s *Store) whileLeads(ctx context.Context, leader string) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancelCause(ctx)
	go func() {
		tick := time.NewTicker(lookAround)
		defer tick.Stop()
		for led := time.Now(); ; {
			select {
			case <-ctx.Done():
				return
			case <-tick.C:
			}
			if id, _, _ := s.Leader(); id == leader {
				led = time.Now()
			}
			if time.Since(led) >= deserted {
				cancel(errDeserted)
				return
			}
		}
	}()
	return ctx, func() { cancel(nil) }
}
