package raftstore

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"failoverdns/state"
)

// ErrTooOld is a command that some member could not apply: nobody proposes it until that one is upgraded.
var ErrTooOld = errors.New("a member is too old for this")

// tooOld is an ErrTooOld that says all there is to say.
type tooOld string

func (e tooOld) Error() string        { return string(e) }
func (e tooOld) Is(target error) bool { return target == ErrTooOld }

// allow returns nil where every member can apply what a feature level has. Where the level in force does not say so,
// the members are asked. It is for the leader.
func (s *Store) allow(ctx context.Context, need int) error {
	if need <= s.State().FeatureLevel() {
		return nil
	}
	if _, _, ok := s.leading(); !ok {
		return errNotHere
	}
	err := s.Raise(ctx)
	if s.State().FeatureLevel() >= need {
		return nil
	}
	if errors.Is(err, ErrTooOld) {
		return tooOld(fmt.Sprintf("this needs feature level %d, and %d is in force: %v", need, s.State().FeatureLevel(), err))
	}
	return err
}

// askFor has the leader put a feature level into force, if it is not.
func (s *Store) askFor(ctx context.Context, need int) error {
	if need <= s.State().FeatureLevel() {
		return nil
	}
	_, err := s.proposeWhole(ctx, state.Command{Header: state.Header{Node: s.cfg.ID}, Body: &state.Raise{Level: need}})
	return err
}

// Raise puts the highest feature level into force that every member knows, if that is higher than the one in force. It
// is for the leader. An ErrTooOld says who holds this one's level back.
func (s *Store) Raise(ctx context.Context) error {
	if err := s.raising.take(ctx); err != nil {
		return err
	}
	defer s.raising.pass()
	now := s.State().FeatureLevel()
	if now >= state.Level {
		return nil
	}
	lowest, behind := s.lowestLevel(ctx)
	if lowest > now {
		raise := &state.Raise{Level: lowest, Cluster: randomID()}
		if _, err := s.put(ctx, state.Command{Header: state.Header{Node: s.cfg.ID}, Body: raise}); err != nil {
			return err
		}
	}
	if len(behind) > 0 {
		return tooOld(strings.Join(behind, "; "))
	}
	return nil
}

// lowestLevel is the highest level that every member knows, and who knows less than this one or does not say.
func (s *Store) lowestLevel(ctx context.Context) (lowest int, behind []string) {
	var others []string
	for _, m := range s.servers() {
		if m.ID != s.cfg.ID {
			others = append(others, m.ID)
		}
	}
	lowest = state.Level
	for id, x := range s.standings(ctx, others) {
		level, err := x.Level, x.err
		var refused *CallError
		if errors.As(err, &refused) && refused.Status == http.StatusNotFound {
			level, err = 1, nil // it does not know the question
		}
		switch {
		case err != nil:
			lowest = 1
			behind = append(behind, fmt.Sprintf("node %q does not say which it knows (%v)", id, err))
		case level < state.Level:
			lowest = min(lowest, level)
			behind = append(behind, fmt.Sprintf("node %q%s knows level %d only: upgrade it", id, s.versionOf(id), level))
		}
	}
	slices.Sort(behind)
	return lowest, behind
}

func (s *Store) versionOf(id string) string {
	if n, ok := s.State().Nodes.Get(id); ok && n.Version != "" {
		return " (version " + n.Version + ")"
	}
	return ""
}
