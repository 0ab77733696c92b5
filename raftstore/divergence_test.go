package raftstore

import (
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hashicorp/raft"
)

// TestWhatALostLeaderLoggedAloneGivesWayToASnapshot: it neither keeps the node from the cluster, nor stays.
func TestWhatALostLeaderLoggedAloneGivesWayToASnapshot(t *testing.T) {
	for name, of := range map[string]struct{ alone, others int }{
		"it reaches the snapshot's index": {2, 1},
		"it reaches beyond it":            {9, 1},
		"it ends before it":               {3, 9},
		"there is nothing":                {0, 3},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c := memCluster(t)
				c.compaction = Compaction{Threshold: 1, Trailing: 1, Every: time.Hour}
				defer c.end()
				c.start("ns1", "ns2", "ns3")
				lost := c.leader()
				mustPropose(t, lost, announce(lost, lost.ID(), "before"))
				time.Sleep(time.Second)
				others := c.except(lost.ID())
				c.net.Isolate(lost.ID(), others...)
				for range of.alone {
					lost.raft.Load().Barrier(0)
				}
				snapshot(t, lost) // so that it does not hold any more what the others' logs begin with, too
				l := c.leader(others...)
				for range of.others {
					mustPropose(t, l, announce(l, l.ID(), time.Now().String()))
				}
				snapshot(t, l)
				c.net.Rejoin(lost.ID(), others...)
				eventually(t, "it has what it missed", func() bool { return version(lost, l.ID()) == version(l, l.ID()) })
				mustPropose(t, l, announce(l, l.ID(), "after"))
				eventually(t, "it follows", func() bool { return version(lost, l.ID()) == "after" })
				if lost.State().Hash != l.State().Hash {
					t.Error("it has another state")
				}
				whole := c.stores[slices.DeleteFunc(others, func(id string) bool { return id == l.ID() })[0]].disk.Load()
				for e := range entries(t, lost.disk.Load()) {
					if diverges(whole, e) {
						t.Errorf("it still has %+v", e)
					}
				}
			})
		})
	}
}

func snapshot(t *testing.T, s *Store) {
	t.Helper()
	if err := s.raft.Load().Snapshot().Error(); err != nil {
		t.Fatal(err)
	}
}

// entries are where the log has some.
func entries(t *testing.T, d *disk) func(yield func(place) bool) {
	first, err := d.FirstIndex()
	if err != nil {
		t.Fatal(err)
	}
	last, err := d.LastIndex()
	if err != nil {
		t.Fatal(err)
	}
	return func(yield func(place) bool) {
		for i := first; i <= last; i++ {
			var l raft.Log
			if d.GetLog(i, &l) == nil && !yield(place{l.Index, l.Term}) {
				return
			}
		}
	}
}

// TestLogThatReachesBeyondASnapshotIsKept: this node may have said of what is behind the snapshot that it has it.
func TestLogThatReachesBeyondASnapshotIsKept(t *testing.T) {
	store, err := openBolt(t.TempDir(), true)
	if err != nil {
		t.Fatal(err)
	}
	d := guard(store, diskDeadline)
	defer d.close()
	snaps := raft.NewInmemSnapshotStore()
	for i := range 9 {
		if err := d.StoreLog(&raft.Log{Index: uint64(i + 1), Term: 1}); err != nil {
			t.Fatal(err)
		}
	}
	for end, deleted := range map[uint64]bool{7: false, 8: false, 9: true, 10: true} {
		sink, err := snaps.Create(raft.SnapshotVersionMax, end, 1, raft.Configuration{}, 1, nil)
		if err != nil {
			t.Fatal(err)
		}
		if err := sink.Close(); err != nil {
			t.Fatal(err)
		}
		if is := (raftDisk{d, snaps}).IsMonotonic(); is != deleted {
			t.Errorf("the log ends at 9, the snapshot at %d: Raft deletes the log: %t", end, is)
		}
	}
}
