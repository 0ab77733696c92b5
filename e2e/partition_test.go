//go:build linux

package e2e

import (
	"testing"
	"time"
)

// Partitions of every shape that three nodes can have. In each, the primary fails: whoever has contact with a leader
// that a majority follows flips in time; nobody else does, and everybody does once the network is whole again.

func TestEachNodeAloneIsCutOffWhileThePrimaryFails(t *testing.T) {
	s := stage(t, 3)
	for _, n := range s.Nodes() {
		rest := but(s.Cluster, n)
		s.apart(n.ID, rest[0].ID, rest[1].ID)
		s.leaves("one node of three cut off", s.fails(), s.flipBudget(1), rest...)
		if last := s.judge.last(n.ID); last.answer != s.azure {
			t.Errorf("%s is cut off and answers %s: that is no opinion of the cluster's", n.ID, last.answer)
		}
		s.follows(s.heal(), lanElection+slack, n)
		s.recovers()
		s.returnsHome()
	}
}

func TestLinkBetweenTwoNodesIsCutWhileThePrimaryFails(t *testing.T) {
	s := stage(t, 3)
	for i, n := range s.Nodes() {
		other := s.Nodes()[(i+1)%3]
		third := but(s.Cluster, n, other)[0]
		s.apart(n.ID, other.ID)
		s.leaves("one link cut", s.fails(), s.flipBudget(2), third) // who leads is not told; the third hears of it
		s.follows(s.heal(), lanElection+slack, s.Nodes()...)
		s.recovers()
		s.returnsHome()
	}
}

func TestLeaderIsHeardButHearsNobody(t *testing.T) {
	s := stage(t, 3)
	leader, rest := s.leader()
	for _, o := range rest {
		s.deaf(o.ID, leader.ID)
	}
	s.leaves("leader hears nobody", s.fails(), s.flipBudget(1), rest...)
	s.follows(s.heal(), lanElection+slack, leader)
}

func TestLeaderHearsButIsNotHeard(t *testing.T) {
	s := stage(t, 3)
	leader, rest := s.leader()
	for _, o := range rest {
		s.deaf(leader.ID, o.ID)
	}
	s.leaves("leader is heard by nobody", s.fails(), s.flipBudget(1), rest...)
	s.follows(s.heal(), lanElection+slack, leader)
}

func TestFlappingLinksDoNotKeepAFlipBack(t *testing.T) {
	s := stage(t, 3)
	failed := s.fails()
	for i := range 8 {
		n := s.Nodes()[i%3]
		s.apart(n.ID, but(s.Cluster, n)[0].ID)
		time.Sleep(300 * time.Millisecond)
		s.heal()
		time.Sleep(300 * time.Millisecond)
	}
	s.leaves("links that flap", failed, s.flipBudget(2), s.Nodes()...)
}

func TestPrimaryThatOneNodeCannotReachStaysAndOneThatTwoCannotReachDoesNot(t *testing.T) {
	s := stage(t, 3)
	s.apart("azure", "ns1")
	time.Sleep(2 * s.flipBudget(0)) // nothing may happen: the judge knows of no failure
	s.apart("azure", "ns2")
	s.leaves("primary cut off from two nodes", s.judge.sick(true), s.flipBudget(0), s.Nodes()...)
	s.heal()
	s.judge.sick(false)
	s.returnsHome()
}

func TestFiveNodesFlipThoughTwoAreLost(t *testing.T) {
	s := stage(t, 5)
	leader, rest := s.leader()
	s.kill(leader)
	s.apart(rest[0].ID, rest[1].ID, rest[2].ID, rest[3].ID)
	s.leaves("two of five nodes lost, one the leader", s.fails(), s.flipBudget(1), rest[1:]...)
	s.start(leader)
	s.follows(s.heal(), lanElection+5*time.Second, leader, rest[0])
}
