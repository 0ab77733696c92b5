//go:build linux

package e2e

import (
	"testing"
	"time"
)

func TestThreeInTenPacketsLostBetweenNodesKeepNoFlipBackForLong(t *testing.T) {
	s := stage(t, 3)
	for _, n := range s.Nodes() {
		ok(t, s.net.Host(n.ID).Lose(30))
	}
	s.judge.disturbed()
	failed := s.fails()
	// Elections are lost to lost packets, too: what is bounded here is that it ends at all.
	s.leaves("30 % of packets lost between all", failed, 45*time.Second, s.Nodes()...)
	for _, n := range s.Nodes() {
		ok(t, s.net.Host(n.ID).Lose(0))
	}
	s.judge.disturbed()
	s.recovers()
	s.returnsHome()
}
