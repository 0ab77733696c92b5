package raftstore

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/hashicorp/raft"
)

// TestHeartbeatOfAFormerLeadSaysNothingOfThisOne: one that was on its way as that lead ended may fail long after.
func TestHeartbeatOfAFormerLeadSaysNothingOfThisOne(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newReach()
		tell := func(data any) { r.take(&raft.Observation{Data: data}) }
		want := func(lost time.Duration) {
			t.Helper()
			if got := r.since("ns2"); got != lost {
				t.Errorf("ns2 is out of reach for %s, want %s", got, lost)
			}
		}
		tell(raft.Leader)
		contact := time.Now()
		time.Sleep(3 * time.Second)
		tell(raft.FailedHeartbeatObservation{PeerID: "ns2", LastContact: contact})
		want(3 * time.Second)
		tell(raft.Follower)
		tell(raft.Leader)
		want(0)
		time.Sleep(time.Second)
		tell(raft.FailedHeartbeatObservation{PeerID: "ns2", LastContact: contact}) // of the lead before
		want(0)
		contact = time.Now()
		time.Sleep(time.Second)
		tell(raft.FailedHeartbeatObservation{PeerID: "ns2", LastContact: contact})
		want(time.Second)
		tell(raft.ResumedHeartbeatObservation{PeerID: "ns2"})
		want(0)
	})
}
