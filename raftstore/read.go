package raftstore

import (
	"context"
	"fmt"
)

// ReadIndex gives an index such that a state that has reached it shows every write acknowledged before the call. It
// is for the leader, which makes sure first that it still leads: a majority answers it. That the reign has begun with
// a barrier makes the state of this node as new as any acknowledgement (Raft thesis, section 6.4).
func (s *Store) ReadIndex(ctx context.Context) (uint64, error) {
	reign, r, _ := s.lead.now()
	if reign == nil {
		return 0, s.noLeader(errNotHere)
	}
	index := s.State().Index
	done := make(chan error, 1)
	go func() { done <- r.VerifyLeader().Error() }()
	select {
	case err := <-done:
		if err != nil {
			return 0, fmt.Errorf("%w: %w", ErrNoLeader, err)
		}
		return index, nil
	case <-ctx.Done():
		return 0, fmt.Errorf("%w: %w", ErrNoLeader, ctx.Err())
	}
}
