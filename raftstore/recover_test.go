package raftstore

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"failoverdns/raftstore/memnet"
)

func ofFive(t testing.TB) *cluster {
	return newCluster(t, 5, memnet.New(40*time.Millisecond), func(i int) string { return fmt.Sprintf("ns%d:5300", i+1) })
}

func recoverOn(t *testing.T, s *Store, keep ...string) *Recovery {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	eventually(t, "the lost leader is forgotten", func() bool { id, _, _ := s.Leader(); return id == "" })
	r, err := s.PlanRecovery(ctx, keep, false)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Recover(ctx, r); err != nil {
		t.Fatal(err)
	}
	return r
}

// TestOneOfThreeGoesOnAlone loses two of three for good. The survivor answers all the while, and what was acknowledged is
// there; one of the lost that comes back is kept out, and says so.
func TestOneOfThreeGoesOnAlone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := memCluster(t)
		defer c.end()
		c.start("ns1", "ns2", "ns3")
		mustPropose(t, c.leader(), announce(c.stores["ns1"], "ns1", "acknowledged"))
		survivor := c.stores["ns1"]
		eventually(t, "the survivor and the one that comes back have it", func() bool {
			return version(survivor, "ns1") == "acknowledged" && version(c.stores["ns3"], "ns1") == "acknowledged"
		})
		if _, err := survivor.PlanRecovery(t.Context(), nil, false); !errors.Is(err, ErrNoRecovery) || !strings.Contains(err.Error(), "it has a leader") {
			t.Errorf("with a leader: %v", err)
		}
		c.stop("ns2", "ns3")

		before := survivor.State().Index
		r := recoverOn(t, survivor)
		if !slices.Equal(r.Lose, []string{"ns2", "ns3"}) || r.Confirmation() != "lose ns2 ns3" {
			t.Errorf("it loses %q", r.Lose)
		}
		if now := survivor.State(); now.Index < before+recoveredGap || now.Nodes.Len() != 1 || version(survivor, "ns1") != "acknowledged" {
			t.Errorf("the state is at %d with %d nodes", now.Index, now.Nodes.Len())
		}
		mustPropose(t, survivor, announce(survivor, "ns1", "alone"))

		c.start("ns3")
		eventually(t, "the lost one hears that it is a member no more", func() bool { return c.stores["ns3"].Status().Phase == PhaseRemoved })
		if v := version(c.stores["ns3"], "ns1"); v != "acknowledged" {
			t.Errorf("the lost one has %q", v)
		}
		c.stop("ns3")
		c.stop("ns1")
		c.start("ns1")
		if s := c.leader("ns1"); version(s, "ns1") != "alone" || s.Status().Voters != 1 {
			t.Errorf("after a restart: %q, %d voters", version(s, "ns1"), s.Status().Voters)
		}
	})
}

// TestTwoOfFiveFollowTheOneThatWasRecovered: the other survivor needs no command of its own, even if its log has what the
// recovered one's has not, and starts again from what it then has.
func TestTwoOfFiveFollowTheOneThatWasRecovered(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := ofFive(t)
		defer c.end()
		c.start("ns1", "ns2", "ns3", "ns4", "ns5")
		mustPropose(t, c.leader(), announce(c.stores["ns1"], "ns1", "first"))
		eventually(t, "both survivors have it", func() bool {
			return version(c.stores["ns1"], "ns1") == "first" && version(c.stores["ns2"], "ns1") == "first"
		})
		c.stop("ns1")
		mustPropose(t, c.leader(), announce(c.stores["ns2"], "ns2", "without ns1"))
		eventually(t, "ns2 has it", func() bool { return version(c.stores["ns2"], "ns2") == "without ns1" })
		c.stop("ns3", "ns4", "ns5")
		time.Sleep(20 * time.Second) // if the lead was handed to ns2, that is over: it would give ns1 what that has missed
		c.start("ns1")
		eventually(t, "nobody leads", func() bool {
			a, _, _ := c.stores["ns1"].Leader()
			b, _, _ := c.stores["ns2"].Leader()
			return a == "" && b == "" && c.stores["ns1"].Status().Phase == PhaseRunning
		})

		ctx := t.Context()
		if _, err := c.stores["ns1"].PlanRecovery(ctx, []string{"ns2"}, false); !errors.Is(err, ErrNoRecovery) || !strings.Contains(err.Error(), `the log of "ns2" goes further`) {
			t.Errorf("the one that has less was not refused: %v", err)
		}
		if _, err := c.stores["ns1"].PlanRecovery(ctx, nil, false); !errors.Is(err, ErrNoRecovery) || !strings.Contains(err.Error(), `node "ns2" answers, so it is not lost`) {
			t.Errorf("a member that lives was given up: %v", err)
		}
		r, err := c.stores["ns1"].PlanRecovery(ctx, []string{"ns2"}, true) // the worse choice, by force
		if err != nil {
			t.Fatal(err)
		}
		if err := c.stores["ns1"].Recover(ctx, r); err != nil {
			t.Fatal(err)
		}
		mustPropose(t, c.leader("ns1", "ns2"), announce(c.stores["ns1"], "ns1", "again"))
		same := func() bool {
			a, b := c.stores["ns1"].State(), c.stores["ns2"].State()
			return a.Index == b.Index && a.Hash == b.Hash && a.Nodes.Len() == 2
		}
		eventually(t, "both have one state", same)
		if v := version(c.stores["ns2"], "ns2"); v == "without ns1" {
			t.Error("ns2 still has what the recovered log has not")
		}
		c.stop("ns1", "ns2")
		c.start("ns1", "ns2")
		mustPropose(t, c.leader("ns1", "ns2"), announce(c.stores["ns1"], "ns1", "after a restart"))
		eventually(t, "both have one state after a restart", same)
	})
}

// TestStoppedNodeIsRecoveredFromItsDirectory opens the directory alone: while a server has it, that is refused.
func TestStoppedNodeIsRecoveredFromItsDirectory(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := memCluster(t)
		defer c.end()
		c.start("ns1", "ns2", "ns3")
		mustPropose(t, c.leader(), announce(c.stores["ns1"], "ns1", "acknowledged"))
		eventually(t, "ns1 has it", func() bool { return version(c.stores["ns1"], "ns1") == "acknowledged" })
		alone := c.config("ns1")
		alone.Peers = nil
		if _, err := Open(alone); err == nil || !strings.Contains(err.Error(), "in use by another process") {
			t.Errorf("while the server runs: %v", err)
		}
		c.stop("ns1", "ns2", "ns3")
		s, err := Open(alone)
		if err != nil {
			t.Fatal(err)
		}
		r, err := s.PlanRecovery(t.Context(), nil, false)
		if err == nil {
			err = s.Recover(t.Context(), r)
		}
		if err != nil {
			t.Fatal(err)
		}
		stopStore(t, s)
		c.start("ns1")
		l := c.leader("ns1")
		mustPropose(t, l, announce(l, "ns1", "alone"))
		if l.Status().Voters != 1 {
			t.Errorf("%d voters", l.Status().Voters)
		}
	})
}
