//go:build linux

package e2e

import (
	"testing"
	"time"

	"failoverdns/e2e/cluster"
)

// stages are moments of an incident, counted from the failure of the primary: before the first vote, as votes are cast
// and agreed upon, and after the flip.
var stages = []time.Duration{500 * time.Millisecond, 1200 * time.Millisecond, 2500 * time.Millisecond}

func TestNodeKilledAtAnyStageOfAnIncidentCostsAtMostAnElection(t *testing.T) {
	s := stage(t, 3)
	s.eachStage("killed", func(n *cluster.Node) { s.kill(n) }, func(n *cluster.Node) { s.start(n) })
}

func TestNodeStoppedAtAnyStageOfAnIncidentCostsAtMostAnElection(t *testing.T) {
	s := stage(t, 3)
	s.eachStage("stopped", func(n *cluster.Node) { s.pause(n) }, func(n *cluster.Node) { s.resume(n) })
}

// eachStage has the leader, then another node, be struck at each stage.
func (s *scene) eachStage(what string, strike, mend func(*cluster.Node)) {
	s.t.Helper()
	for _, role := range []string{"leader", "follower"} {
		for _, after := range stages {
			victim, rest := s.leader()
			if role == "follower" {
				victim = rest[0]
			}
			failed := s.fails()
			time.Sleep(after)
			strike(victim)
			s.leaves(role+" "+what+" (0.5, 1.2, 2.5 s after the failure)", failed, s.flipBudget(1), but(s.Cluster, victim)...)
			mend(victim)
			returned := time.Now()
			if _, err := s.judge.wait(victim.ID, s.aws, returned, lanElection+5*time.Second); err != nil {
				s.t.Fatal(err)
			}
			s.recovers()
			s.returnsHome()
		}
	}
}

func TestRollingRestartDuringAnIncidentLosesNoFlip(t *testing.T) {
	s := stage(t, 3)
	failed := s.fails()
	for _, n := range s.Nodes() {
		s.judge.leaves(n)
		ok(t, n.Stop())
		s.judge.disturbed()
		s.start(n)
		ok(t, n.WaitReady(soon(t)))
	}
	s.leaves("rolling restart of all nodes", failed, s.flipBudget(3), s.Nodes()...)
}
