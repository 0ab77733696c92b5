package raftstore

import (
	"errors"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hashicorp/raft"
)

// TestLeadIsOfferedAgainOnceANodeHasCaughtUp, and to the next one at any time.
func TestLeadIsOfferedAgainOnceANodeHasCaughtUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := memCluster(t)
		defer c.end()
		c.start("ns1", "ns2", "ns3")
		l := c.leader()
		late := c.other(l).ID()
		next := slices.DeleteFunc(c.except(l.ID()), func(id string) bool { return id == late })[0]
		c.net.Isolate(late, c.except(late)...)
		mustPropose(t, l, announce(l, l.ID(), "missed"))
		offer := func(id string) error {
			return l.transfer(t.Context(), l.raft.Load(), raft.ServerID(id), raft.ServerAddress(id))
		}
		if err := offer(late); err == nil || errors.Is(err, errStillHanding) {
			t.Errorf("at first: %v", err)
		}
		if err := offer(late); !errors.Is(err, errStillHanding) {
			t.Errorf("again: %v", err)
		}
		c.net.Rejoin(late, c.except(late)...)
		eventually(t, "it has what it missed", func() bool { return version(c.stores[late], l.ID()) == "missed" })
		time.Sleep(time.Second)
		if err := offer(late); err != nil {
			t.Errorf("once it has caught up: %v", err)
		}
		l = c.leader(late)
		c.net.Isolate(next, c.except(next)...)
		mustPropose(t, l, announce(l, l.ID(), "missed by the other"))
		if err := offer(next); err == nil || errors.Is(err, errStillHanding) {
			t.Errorf("in another lead, to another node: %v", err)
		}
		c.net.Rejoin(next, c.except(next)...)
	})
}
