package raftstore

import (
	"context"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hashicorp/raft"

	"failoverdns/raftstore/memnet"
	"failoverdns/state"
)

// memClusterOf is n nodes 40 ms apart.
func memClusterOf(t testing.TB, n int) *cluster {
	return newCluster(t, n, memnet.New(40*time.Millisecond), func(i int) string { return fmt.Sprintf("ns%d:5300", i+1) })
}

// change does a change of members by way of a node, and fails the test if it is refused.
func change(t testing.TB, s *Store, op Op, node string, force bool) Outcome {
	t.Helper()
	out := tryChange(t, s, op, node, force)
	if out.Refusal != nil {
		t.Fatalf("%s %s by way of %s: refused: %v", op, node, s.ID(), out.Refusal)
	}
	return out
}

func tryChange(t testing.TB, s *Store, op Op, node string, force bool) Outcome {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	out, err := s.ChangeMembers(ctx, Change{Op: op, Node: node, Force: force, Author: "ann"})
	if err != nil {
		t.Fatalf("%s %s by way of %s: %v; %+v", op, node, s.ID(), err, s.Status())
	}
	return out
}

func TestFiveNodesShrinkToOneWithoutStoppingForAMoment(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := memClusterOf(t, 5)
		defer c.end()
		for _, p := range c.peers {
			c.start(p.ID)
		}
		c.leader()
		for i, id := range []string{"ns5", "ns2", "ns4", "ns1"} { // whoever leads among them
			s := c.stores["ns3"]
			mustPropose(t, s, announce(s, "ns3", fmt.Sprint("before ", id)))
			change(t, s, Remove, id, false)
			mustPropose(t, s, announce(s, "ns3", fmt.Sprint("after ", id)))
			if st := s.Status(); st.Voters != 4-i {
				t.Fatalf("without %s: %+v", id, st)
			}
		}
		for _, id := range []string{"ns1", "ns2", "ns4", "ns5"} {
			s := c.stores[id]
			eventually(t, id+" knows that it is removed", func() bool { return s.Status().Phase == PhaseRemoved })
		}
		out := tryChange(t, c.stores["ns3"], Remove, "ns3", true)
		if out.Refusal == nil || out.Refusal.Code != state.RefusedConflict {
			t.Fatalf("the last voter went: %+v", out)
		}
	})
}

func TestChangeThatCostsTheMajorityIsRefusedAndForceIsLetPassAndKept(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := memCluster(t)
		defer c.end()
		c.start("ns1", "ns2", "ns3")
		l := c.leader()
		if err := l.Raise(t.Context()); err != nil { // so that changes are recorded although a member is dead
			t.Fatal(err)
		}
		dead := c.other(l)
		alive := c.except(dead.ID())
		c.stop(dead.ID())
		for _, id := range alive {
			out := tryChange(t, c.stores[id], Demote, id, false)
			if out.Refusal == nil || out.Refusal.Code != state.RefusedUnsafe {
				t.Fatalf("demote %s with %s dead: %+v", id, dead.ID(), out)
			}
		}
		other := c.other(l)
		planned, err := l.ChangeMembers(t.Context(), Change{Op: Remove, Node: other.ID(), Plan: true, Force: true})
		if err != nil || planned.Refusal == nil || l.Status().Voters != 3 {
			t.Fatalf("a plan: %+v, %v; %+v", planned, err, l.Status())
		}
		foreseen, err := other.ChangeMembers(t.Context(), Change{Op: Remove, Node: dead.ID(), Plan: true}) // by way of a follower
		if err != nil || foreseen.Refusal != nil || foreseen.Outlook == nil || foreseen.Outlook.Before != (Majority{3, 2, 2}) || foreseen.Outlook.After != (Majority{2, 2, 2}) {
			t.Fatalf("a plan by way of a follower: %+v %+v, %v", foreseen, foreseen.Outlook, err)
		}
		change(t, other, Remove, dead.ID(), false) // by way of a follower
		change(t, l, Remove, other.ID(), true)     // two of two answer: it needs no force, and it is no harm
		if st := l.Status(); st.Voters != 1 {
			t.Fatalf("%+v", st)
		}
		var texts []string
		for _, e := range l.State().Events.All() {
			if e.Type == "member-remove" {
				texts = append(texts, e.Text)
			}
		}
		want := []string{dead.ID() + " is removed by ann", other.ID() + " is removed by ann with --force"}
		if fmt.Sprint(texts) != fmt.Sprint(want) {
			t.Fatalf("kept: %q, want %q", texts, want)
		}
	})
}

// TestRefusedChangeIsInTheAuditTrail, by a follower too: a write that a guard rail stopped is one that somebody tried.
func TestRefusedChangeIsInTheAuditTrail(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := memCluster(t)
		defer c.end()
		c.start("ns1", "ns2", "ns3")
		l := c.leader()
		if err := l.Raise(t.Context()); err != nil {
			t.Fatal(err)
		}
		f := c.other(l)
		out, err := f.ChangeMembers(t.Context(), Change{Op: Remove, Node: "ns9", Author: "ann", Source: "192.0.2.7", Reason: "typo"})
		if err != nil || out.Refusal == nil {
			t.Fatalf("%+v, %v", out, err)
		}
		_, a, _ := l.State().Audits.Last()
		if a == nil || a.Action != "member-remove" || a.Target != "ns9" || a.Author != "ann" || a.Source != "192.0.2.7" || a.Reason != "typo" || a.Node != f.ID() || a.Outcome != out.Refusal.Code || a.Text != out.Refusal.Text {
			t.Errorf("the trail has %+v of %v", a, out.Refusal)
		}
	})
}

func TestVoteIsTakenAndGivenBackAndTheLeadHandedOver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := memCluster(t)
		defer c.end()
		c.start("ns1", "ns2", "ns3")
		l := c.leader()
		change(t, l, Demote, l.ID(), false) // it hands the lead over, and the next leader does it
		next := c.leader(c.except(l.ID())...)
		if m := memberOf(next, l.ID()); m.Voter || next.Status().Voters != 2 {
			t.Fatalf("%+v", next.Members())
		}
		time.Sleep(time.Minute) // nobody gives the vote back by himself
		if memberOf(next, l.ID()).Voter {
			t.Fatal("the demoted node has a vote again")
		}
		change(t, l, Promote, l.ID(), false)
		change(t, l, Transfer, l.ID(), false)
		if got := c.leader(); got != l {
			t.Fatalf("%s leads, not %s", got.ID(), l.ID())
		}
		change(t, l, Transfer, "", false)
		if got := c.leader(c.except(l.ID())...); got == l {
			t.Fatal("it leads on")
		}
	})
}

func memberOf(s *Store, id string) Member {
	for _, m := range s.Members() {
		if m.ID == id {
			return m
		}
	}
	return Member{}
}

func TestNodeThatIsFarBehindIsGivenNoVote(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := memCluster(t)
		defer c.end()
		c.start("ns1", "ns2", "ns3")
		l := c.leader()
		late := c.other(l)
		change(t, l, Demote, late.ID(), false)
		c.stop(late.ID())
		for i := range 2 * maxBehind {
			mustPropose(t, l, announce(l, l.ID(), fmt.Sprint(i)))
		}
		out := tryChange(t, l, Promote, late.ID(), false)
		if out.Refusal == nil || out.Refusal.Code != state.RefusedUnsafe {
			t.Fatalf("a dead node is given a vote: %+v", out)
		}
		c.start(late.ID())
		late = c.stores[late.ID()]
		eventually(t, "it has caught up", func() bool { return late.State().Index >= l.State().Index })
		change(t, l, Promote, late.ID(), false)
	})
}

// TestVoterThatMissedAChangeOfMembersIsNotCountedOn until it has heard of it: it would vote for nobody whom it does not know,
// and with its own log it cannot lead.
func TestVoterThatMissedAChangeOfMembersIsNotCountedOn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := memCluster(t)
		defer c.end()
		s, away := c.newLeaderWhileAway()
		rest := c.except(away)
		change(t, s, Demote, rest[0], false)
		out := tryChange(t, s, Demote, rest[1], false)
		if out.Refusal == nil || out.Refusal.Code != state.RefusedUnsafe {
			t.Fatalf("the majority is given away while %s is down: %+v", away, out)
		}
		time.Sleep(time.Minute) // the leader's attempts to send it the log are seconds apart then
		c.start(away)
		eventually(t, "the last vote but two is taken", func() bool {
			out := tryChange(t, s, Demote, rest[1], false)
			if out.Refusal != nil && out.Refusal.Code != state.RefusedUnsafe {
				t.Fatal(out.Refusal)
			}
			return out.Refusal == nil
		})
		change(t, s, Transfer, away, false)
		mustPropose(t, s, announce(s, s.ID(), "with two votes"))
	})
}

func TestNodeThatMissedAWholeRebuildFindsItsLeaderByTheWordOfAMember(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := memClusterOf(t, 5)
		all := c.peers
		c.peers = all[:3]
		defer c.end()
		c.start("ns1", "ns2", "ns3")
		c.leader()
		c.stop("ns3")
		c.peers = all
		for _, id := range []string{"ns4", "ns5"} { // as if they had joined: members that ns3 has never heard of
			l := c.leader("ns1", "ns2", "ns4")
			s := c.open(id)
			s.settled = true
			s.Start()
			if err := l.raft.Load().AddVoter(raftID(id), raftAddress(addressOf(all, id)), 0, time.Minute).Error(); err != nil {
				t.Fatal(err)
			}
		}
		change(t, c.leader("ns1", "ns2", "ns4", "ns5"), Remove, "ns1", false)
		c.stop("ns1")
		l := c.leader("ns2", "ns4", "ns5")
		if l.ID() != "ns4" && l.ID() != "ns5" {
			change(t, l, Transfer, "ns4", false)
			l = c.leader("ns4")
		}
		mustPropose(t, l, announce(l, "ns2", "missed"))
		c.peers = all[:3] // ns3 has its old file
		c.start("ns3")
		late := c.stores["ns3"]
		eventually(t, "ns3 has what it missed", func() bool { return version(late, "ns2") == "missed" })
		if st := late.Status(); st.Leader != l.ID() {
			t.Fatalf("%+v", st)
		}
	})
}

func TestStrangerOfTheSameCAIsNotVouchedFor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := memClusterOf(t, 4)
		all := c.peers
		c.peers = all[:3]
		defer c.end()
		c.start("ns1", "ns2", "ns3")
		l := c.leader()
		f := c.other(l)
		c.net.Isolate(f.ID(), l.ID())
		time.Sleep(time.Minute)
		for range 5 {
			if f.admit("ns4", protocolRaft) {
				t.Fatal("a certificate of the CA is enough to speak Raft")
			}
			time.Sleep(5 * time.Second)
		}
	})
}

// elected waits for the first node that Raft makes the leader, and gives it before anybody has heard of that.
func (c *cluster) elected() *Store {
	c.t.Helper()
	for range 60_000 {
		for _, s := range c.stores {
			if r := s.raft.Load(); r != nil && r.State() == raft.Leader {
				return s
			}
		}
		time.Sleep(time.Millisecond)
	}
	c.t.Fatal("no leader within a minute")
	return nil
}

// votedFor is a node that gave the leader its vote.
func (c *cluster) votedFor(l *Store) *Store {
	c.t.Helper()
	for _, s := range c.stores {
		if d := s.disk.Load(); s != l && d != nil {
			if term, err := d.GetUint64([]byte("LastVoteTerm")); err == nil && term == l.raft.Load().CurrentTerm() {
				return s
			}
		}
	}
	c.t.Fatal("nobody voted for the leader")
	return nil
}
