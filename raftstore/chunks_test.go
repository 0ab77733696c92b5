package raftstore

import (
	"bytes"
	"errors"
	"strings"
	"testing"
	"testing/synctest"

	"failoverdns/state"
)

// longMute is a change of three chunks.
func longMute(node string) state.Command {
	return state.Command{Body: &state.SetOverride{Scope: state.ScopeNode, Target: node, Word: state.Mute, Reason: strings.Repeat("why ", 100_000)}}
}

func muted(s *Store, node string) bool {
	o, ok := s.State().Overrides.Get(state.OverrideKey(state.ScopeNode, node))
	return ok && len(o.Reason) == 400_000
}

func TestLargeChangeOfAFollowerReachesAll(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := memCluster(t)
		c.start("ns1", "ns2", "ns3")
		defer c.end()
		leader := c.leader()
		for id, s := range c.stores {
			if s == leader {
				continue
			}
			out := mustPropose(t, s, longMute(id))
			for other, o := range c.stores {
				if err := o.WaitIndex(t.Context(), out.Index); err != nil || !muted(o, id) || o.State().Uploads.Len() != 0 {
					t.Fatalf("%s does not have the change of %s whole (%v)", other, id, err)
				}
			}
		}
	})
}

func TestLargeChangeWhoseChunksAreDamagedIsSentAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := startLone(t, t.TempDir())
		defer stopStore(t, s)
		stages, _, err := longMute("ns1").Split(1)
		if err != nil || len(stages) != 3 {
			t.Fatal(len(stages), err)
		}
		damaged := *stages[1]
		damaged.Bytes = bytes.ToUpper(damaged.Bytes)
		mustPropose(t, s, state.Command{Body: &damaged})
		mustPropose(t, s, longMute("ns1"))
		if !muted(s, "ns1") {
			t.Error("the change did not take effect")
		}
	})
}

// TestStagedChunksAreNotSentAgain: each takes its share of the log.
func TestStagedChunksAreNotSentAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := startLone(t, t.TempDir())
		defer stopStore(t, s)
		stages, _, err := longMute("ns1").Split(1)
		if err != nil {
			t.Fatal(err)
		}
		mustPropose(t, s, state.Command{Body: stages[0]})
		at := mustPropose(t, s, state.Command{Body: stages[2]}).Index
		if out := mustPropose(t, s, longMute("ns1")); out.Index != at+2 {
			t.Errorf("%d entries were written, and one chunk was missing", out.Index-at)
		}
	})
}

func TestChangesWithoutRoomAreErrorsAndNoRefusals(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := startLone(t, t.TempDir())
		defer stopStore(t, s)
		for _, name := range []string{"a", "b"} {
			mustPropose(t, s, state.Command{Body: &state.Stage{Chunk: state.Chunk{Upload: strings.Repeat(name, 64), Number: 0, Bytes: make([]byte, 184<<10)}, Length: state.MaxChange}})
		}
		if _, err := s.Propose(t.Context(), longMute("ns1")); !errors.Is(err, ErrBusy) || errors.As(err, new(*state.Refusal)) {
			t.Errorf("got %v", err)
		}
		huge := state.Command{Body: &state.Unpin{Reason: strings.Repeat("x", state.MaxChange)}}
		if _, err := s.Propose(t.Context(), huge); !errors.Is(err, state.ErrTooLarge) {
			t.Errorf("got %v", err)
		}
	})
}
