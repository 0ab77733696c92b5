package raftstore

import (
	"testing"
	"testing/synctest"
	"time"
)

// TestLeaderStopsAtOnceThoughAnotherNodeIsAway: Raft by itself offers the lead to the first of those who have the whole
// log, and after a quiet time that may be the one that is away.
func TestLeaderStopsAtOnceThoughAnotherNodeIsAway(t *testing.T) {
	for _, away := range []int{0, 1} {
		synctest.Test(t, func(t *testing.T) {
			c := memCluster(t)
			defer c.end()
			c.start("ns1", "ns2", "ns3")
			leader := c.leader()
			others := c.except(leader.ID())
			c.net.Isolate(others[away], leader.ID(), others[1-away])
			time.Sleep(20 * time.Second)
			began := time.Now()
			c.stop(leader.ID())
			if took := time.Since(began); took > time.Second {
				t.Errorf("%s leads, %s is away: the stop took %s", leader.ID(), others[away], took)
			}
		})
	}
}
