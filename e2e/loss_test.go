//go:build linux

package e2e

import (
	"testing"
	"time"
)

// endsInTime is all that is bounded of a flip while packets are lost: votes and elections are lost with them.
const endsInTime = 45 * time.Second

func TestThreeInTenPacketsLostBetweenNodesKeepNoFlipBackForLong(t *testing.T) {
	s := stage(t, 3)
	for _, n := range s.Nodes() {
		ok(t, s.net.Host(n.ID).Lose(30))
	}
	s.judge.disturbed()
	s.judge.allow(endsInTime)
	failed := s.fails()
	s.leaves("30 % of packets lost between all", failed, endsInTime, s.Nodes()...)
	for _, n := range s.Nodes() {
		ok(t, s.net.Host(n.ID).Lose(0))
	}
	s.judge.disturbed()
	s.recovers()
	s.returnsHome()
}
