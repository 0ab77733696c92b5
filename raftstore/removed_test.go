package raftstore

import (
	"testing"
	"testing/synctest"
	"time"

	"failoverdns/state"
)

// TestNodeThatJoinedByTokenHearsThatItWasRemoved: it is in no list of peers, so that its calls are a stranger's then.
func TestNodeThatJoinedByTokenHearsThatItWasRemoved(t *testing.T) {
	for _, role := range []state.Role{state.Voter, state.Replica} {
		synctest.Test(t, func(t *testing.T) {
			c := memCluster(t)
			defer c.end()
			c.start("ns1", "ns2", "ns3")
			l := c.leader()
			s := c.joiner("ns4", l, c.joinToken(l, role, time.Hour))
			c.settleIn(s, role)
			c.net.Isolate("ns4", c.except("ns4")...)
			change(t, l, Remove, "ns4", false)
			time.Sleep(time.Minute)
			if st := s.Status(); st.Phase == PhaseRemoved {
				t.Error("it cannot know yet that it was removed")
			}
			c.net.Rejoin("ns4", c.except("ns4")...)
			eventually(t, "it knows that it is removed", func() bool { return s.Status().Phase == PhaseRemoved })
			if r := s.removal(); r.Index == 0 {
				t.Error("it does not know when")
			}
			if err := s.Join(t.Context(), l.cfg.Advertise, c.joinToken(l, role, time.Hour)); err != nil {
				t.Fatal(err)
			}
			eventually(t, "it is in again", func() bool { return s.Status().Phase == PhaseRunning && l.State().Nodes.Has("ns4") })
		})
	}
}

// TestDoorTellsOnlyWhoIsUnlistedForCertain: not a member, and not by the word of a node that hears no leader.
func TestDoorTellsOnlyWhoIsUnlistedForCertain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := memCluster(t)
		defer c.end()
		c.start("ns1", "ns2", "ns3")
		l := c.leader()
		member := c.other(l)
		if member.askAtDoor(l.ID()) {
			t.Error("a member hears that it is none")
		}
		s := c.joiner("ns4", l, c.joinToken(l, state.Replica, time.Hour))
		c.settleIn(s, state.Replica)
		change(t, l, Remove, "ns4", false)
		if !s.askAtDoor(member.ID()) {
			t.Error("one that was removed does not hear it")
		}
		c.net.Isolate(member.ID(), c.except(member.ID())...)
		time.Sleep(2 * inContact)
		if s.askAtDoor(member.ID()) {
			t.Error("it hears it from a node that does not know")
		}
	})
}

// TestNodeThatWasLetInDoesNotBelieveWhoMissedThat: it knows nothing yet, but when it was let in.
func TestNodeThatWasLetInDoesNotBelieveWhoMissedThat(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := memCluster(t)
		defer c.end()
		c.start("ns1", "ns2", "ns3")
		l := c.leader()
		away := c.other(l)
		token := c.joinToken(l, state.Voter, time.Hour)
		time.Sleep(time.Second)
		c.net.Isolate(away.ID(), c.except(away.ID())...)
		s := c.joiner("ns4", l, token)
		for !s.isSettled() {
			time.Sleep(time.Millisecond)
		}
		c.net.Isolate("ns4", c.except(away.ID())...)
		if ids := away.listed(); len(ids) != 3 || s.State().Index > 0 {
			t.Fatalf("%s lists %q, and the new one is at %d", away.ID(), ids, s.State().Index)
		}
		if s.askAtDoor(away.ID()) || s.isUnlisted() {
			t.Error("it believes that it was removed")
		}
		c.net.Rejoin("ns4", c.except(away.ID())...)
		c.net.Rejoin(away.ID(), c.except(away.ID())...)
		c.settleIn(s, state.Voter)
		change(t, l, Remove, "ns4", false)
		eventually(t, "it hears that it is removed", func() bool { return s.Status().Phase == PhaseRemoved })
	})
}
