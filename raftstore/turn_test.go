package raftstore

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"
)

// TestChangeOfMembersThatWaitsEndsWithItsCaller: it has no effect then, not even later.
func TestChangeOfMembersThatWaitsEndsWithItsCaller(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := memCluster(t)
		defer c.end()
		c.start("ns1", "ns2", "ns3")
		l := c.leader()
		if err := l.changes.take(t.Context()); err != nil { // a change that cannot end
			t.Fatal(err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), 3*time.Second)
		defer cancel()
		began := time.Now()
		_, err := l.ChangeMembers(ctx, Change{Op: Remove, Node: c.other(l).ID(), Force: true})
		if took := time.Since(began); took != 3*time.Second || !errors.Is(err, ErrNoLeader) || !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("after %s it ended with %v", took, err)
		}
		l.changes.pass()
		time.Sleep(time.Minute)
		if n := len(l.servers()); n != 3 {
			t.Errorf("%d members are left", n)
		}
	})
}

// TestCommandThatNeedsAHigherLevelWaitsForNoRaiseLongerThanItsCaller: another one may be asking a member that is away.
func TestCommandThatNeedsAHigherLevelWaitsForNoRaiseLongerThanItsCaller(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := memCluster(t)
		defer c.end()
		c.start("ns1", "ns2", "ns3")
		l := c.leader()
		if err := l.raising.take(t.Context()); err != nil { // a raise that cannot end
			t.Fatal(err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), 3*time.Second)
		defer cancel()
		began := time.Now()
		if err := l.Raise(ctx); !errors.Is(err, context.DeadlineExceeded) || time.Since(began) != 3*time.Second {
			t.Errorf("after %s it ended with %v", time.Since(began), err)
		}
		l.raising.pass()
		if err := l.Raise(t.Context()); err != nil {
			t.Error(err)
		}
	})
}
