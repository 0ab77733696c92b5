package raftstore

import (
	"testing"
	"testing/synctest"
)

func TestThreeNodesBeginInAnyOrder(t *testing.T) {
	for _, order := range [][]string{{"ns1", "ns2", "ns3"}, {"ns3", "ns1", "ns2"}, {"ns2", "ns3", "ns1"}} {
		synctest.Test(t, func(t *testing.T) {
			c := memCluster(t)
			defer c.end()
			c.start(order...)
			l := c.leader()
			mustPropose(t, l, announce(l, l.ID(), "1"))
			f := c.other(l)
			mustPropose(t, f, announce(f, f.ID(), "2"))
			if got := version(f, f.ID()); got != "2" {
				t.Fatalf("the follower that proposed sees version %q", got)
			}
		})
	}
}
