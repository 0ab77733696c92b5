package raftstore

import (
	"context"
	"errors"
	"fmt"

	"failoverdns/state"
)

// uploadTries is how often a change is sent whose chunks are gone when it is completed: dropped as abandoned, or
// completed by someone who sent the same.
const uploadTries = 3

// ErrBusy marks a change that the cluster has no room for now. It had no effect; it may be sent again.
var ErrBusy = errors.New("the cluster is busy with other large changes")

// proposeInChunks brings a large change into the log, chunk by chunk, and completes it. What is staged already is not
// sent again, so a call that ends early, here or on another node, is taken up where it stopped.
func (s *Store) proposeInChunks(ctx context.Context, stages []*state.Stage, last state.Command) (out Outcome, err error) {
	for range uploadTries {
		if err := s.stageAll(ctx, last.Header, stages); err != nil {
			return Outcome{}, err
		}
		out, err = s.proposeWhole(ctx, last)
		if err != nil || out.Refusal == nil || out.Refusal.Code != state.RefusedIncomplete {
			return out, err
		}
		s.log.Debug("a large change was gone before it was complete; it is sent again", "upload", stages[0].Upload)
	}
	return Outcome{}, fmt.Errorf("%w: %s", ErrBusy, out.Refusal.Text)
}

func (s *Store) stageAll(ctx context.Context, h state.Header, stages []*state.Stage) error {
	for _, c := range stages {
		if s.State().Staged(c) {
			continue
		}
		if err := s.stage(ctx, state.Command{Header: state.Header{Node: h.Node}, Body: c}); err != nil {
			return fmt.Errorf("chunk %d of a change of %d bytes: %w", c.Number, c.Length, err)
		}
	}
	return nil
}

// stage sends one chunk, again if its outcome stays unknown: it is safe to repeat, and alone it changes nothing, so an
// error of it tells nothing of the change's outcome but that it had no effect.
func (s *Store) stage(ctx context.Context, c state.Command) error {
	for {
		out, err := s.proposeWhole(ctx, c)
		switch {
		case err == nil && out.Refusal == nil:
			return nil
		case err == nil && out.Refusal.Code == state.RefusedBusy:
			return fmt.Errorf("%w: %s", ErrBusy, out.Refusal.Text)
		case err == nil:
			return errors.New(out.Refusal.Text)
		case !errors.Is(err, ErrUnknownOutcome):
			return err
		}
		if stop := s.breathe(ctx); stop != nil {
			return fmt.Errorf("%w: %w", s.noLeader(err), stop)
		}
	}
}
