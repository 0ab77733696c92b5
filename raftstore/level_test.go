package raftstore

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"failoverdns/state"
)

// ofLevel2 is a command that members of level 1 cannot apply.
func ofLevel2() state.Command { return state.Command{Body: &state.Raise{Level: 2}} }

func proposeFor(s *Store, d time.Duration) error {
	ctx, cancel := context.WithTimeout(context.Background(), d)
	defer cancel()
	_, err := s.Propose(ctx, ofLevel2())
	return err
}

// TestNobodyProposesWhatTheOldestMemberCannotApply has one member of an older version, then one that is away: the
// refusal names it. Once all know the level it is in force, and stays so whoever is away then.
func TestNobodyProposesWhatTheOldestMemberCannotApply(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := memCluster(t)
		defer c.end()
		c.levels = map[string]int{"ns3": 1}
		c.start("ns1", "ns2", "ns3")
		if c.leader().ID() == "ns3" {
			c.stop("ns3")
			c.leader("ns1", "ns2")
			c.start("ns3")
		}
		l := c.leader("ns1", "ns2")
		old := c.stores["ns3"]
		mustPropose(t, l, announce(old, old.ID(), "0.9"))

		for _, s := range []*Store{l, c.other(l)} {
			err := proposeFor(s, time.Minute)
			if !errors.Is(err, ErrTooOld) || !strings.Contains(err.Error(), `node "`+old.ID()+`" (version 0.9) knows level 1 only: upgrade it`) {
				t.Errorf("by way of %s: %v, want a refusal that names %s", s.ID(), err, old.ID())
			}
		}
		mustPropose(t, l, announce(old, old.ID(), "0.9 still")) // level 1 goes on
		if now := l.State().FeatureLevel(); now != 1 {
			t.Fatalf("level %d is in force beside a member of level 1", now)
		}

		c.stop(old.ID())
		if err := proposeFor(l, time.Minute); !errors.Is(err, ErrTooOld) || !strings.Contains(err.Error(), `node "`+old.ID()+`" does not say which it knows`) {
			t.Errorf("with a member away: %v", err)
		}
		c.levels = nil
		c.start(old.ID())
		eventually(t, "the level rises once all know it", func() bool { return l.Raise(context.Background()) == nil })
		c.stop(old.ID())
		if err := proposeFor(c.leader(), time.Minute); err != nil {
			t.Errorf("a member that is away now holds the others back: %v", err)
		}
		if s := c.leader(); s.State().FeatureLevel() != 2 || s.State().Cluster == "" {
			t.Errorf("level %d of cluster %q", s.State().FeatureLevel(), s.State().Cluster)
		}
	})
}
