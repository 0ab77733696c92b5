//go:build linux

package e2e

import (
	"path/filepath"
	"testing"
	"time"

	"failoverdns/e2e/cluster"
	"failoverdns/e2e/world"
)

// Disks of one node go bad while the primary fails. The node with the bad disk goes on answering; the others flip.

func TestFullDiskOfOneNodeStopsNoAnswerAndNoFlip(t *testing.T) {
	s := set(t, 3)
	for _, n := range s.Nodes() {
		remove, err := world.SmallDisk(filepath.Join(n.Dir, "data"), 24)
		ok(t, err)
		t.Cleanup(func() { ok(t, remove()) })
	}
	s.open()
	leader, _ := s.leader()
	for _, n := range []*cluster.Node{leader, but(s.Cluster, leader)[0]} {
		data := filepath.Join(n.Dir, "data")
		ok(t, world.Fill(data))
		s.judge.disturbed()
		s.leaves("full disk of one node", s.fails(), s.flipBudget(2), but(s.Cluster, n)...)
		ok(t, world.Empty(data))
		s.judge.disturbed()
		s.recovers()
		s.returnsHome()
	}
}

func TestSlowDiskOfOneNodeKeepsNoFlipBack(t *testing.T) {
	s := injecting(t)
	leader, rest := s.leader()
	s.badDisk("takes 0.3 s longer", rest[0], "fsync,fdatasync:delay_exit=300000", 1)
	s.badDisk("takes 0.3 s longer", leader, "fsync,fdatasync:delay_exit=300000", 2)
}

func TestFailingDiskOfOneNodeKeepsNoFlipBack(t *testing.T) {
	s := injecting(t)
	leader, rest := s.leader()
	s.badDisk("fails", rest[0], "fsync,fdatasync:error=EIO", 1)
	s.badDisk("fails", leader, "fsync,fdatasync:error=EIO", 2)
}

func TestHungDiskOfTheLeaderCostsItTheLeadAndNothingElse(t *testing.T) {
	s := injecting(t)
	leader, _ := s.leader()
	s.judge.allow(diskDeadline)
	s.badDisk("hangs", leader, "fsync,fdatasync:delay_exit=30000000", 1)
}

// diskDeadline is how long a node waits for its disk before it gives up its part in the cluster.
const diskDeadline = 10 * time.Second

func injecting(t *testing.T) *scene {
	t.Helper()
	if err := world.Tracing(); err != nil {
		t.Skipf("cannot tamper with system calls: %v", err)
	}
	return stage(t, 3)
}

// badDisk has every sync of a node go wrong, which the word says, through an incident.
func (s *scene) badDisk(what string, n *cluster.Node, inject string, elections int) {
	s.t.Helper()
	stop, err := world.Inject(n.PID(), inject)
	ok(s.t, err)
	failed := s.fails()
	s.judge.disturbed()
	s.leaves("each sync of one node "+what, failed, s.flipBudget(elections)+s.judge.allowed(), but(s.Cluster, n)...)
	ok(s.t, stop())
	s.judge.disturbed()
	if _, err := s.judge.wait(n.ID, s.aws, time.Now(), 30*time.Second); err != nil {
		s.t.Error(err)
	}
	s.recovers()
	s.returnsHome()
}
