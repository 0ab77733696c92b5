package raftstore

import (
	"errors"
	"iter"
	"os"
	"path/filepath"
	"slices"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hashicorp/raft"

	"failoverdns/state"
)

// TestWhatALostLeaderLoggedAloneGivesWayToASnapshot: it neither keeps the node from the cluster, nor stays.
func TestWhatALostLeaderLoggedAloneGivesWayToASnapshot(t *testing.T) {
	for name, of := range map[string]struct{ alone, others int }{
		"it ends right before it": {2, 1},
		"it ends where it ends":   {3, 1},
		"it reaches beyond it":    {9, 1},
		"it ends well before it":  {3, 9},
		"there is nothing":        {0, 3},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c := memCluster(t)
				c.compaction = Compaction{Threshold: 1, Trailing: 1, Every: time.Hour}
				defer c.end()
				c.start("ns1", "ns2", "ns3")
				lost, l, third := c.lostLeader(of.alone, of.others)
				eventually(t, "it has what it missed", func() bool { return version(lost, l.ID()) == version(l, l.ID()) })
				mustPropose(t, l, announce(l, l.ID(), "after"))
				eventually(t, "it follows", func() bool { return version(lost, l.ID()) == "after" })
				if lost.State().Hash != l.State().Hash {
					t.Error("it has another state")
				}
				for e := range entries(t, lost.disk.Load()) {
					if diverges(third.disk.Load(), e) {
						t.Errorf("it still has %+v", e)
					}
				}
			})
		})
	}
}

// lostLeader cuts the leader off, has it log entries alone, and the others some in their place, of which the new leader has a
// snapshot and the third node all; and has it come back.
func (c *cluster) lostLeader(alone, instead int) (lost, leader, third *Store) {
	c.t.Helper()
	lost = c.leader()
	mustPropose(c.t, lost, announce(lost, lost.ID(), "before"))
	time.Sleep(time.Second)
	others := c.except(lost.ID())
	c.net.Isolate(lost.ID(), others...)
	for range alone {
		lost.raft.Load().Barrier(0)
	}
	snapshot(c.t, lost) // so that it does not hold any more what the others' logs begin with, too
	leader = c.leader(others...)
	for range instead {
		mustPropose(c.t, leader, announce(leader, leader.ID(), time.Now().String()))
	}
	snapshot(c.t, leader)
	time.Sleep(4 * rpcTimeout) // so that nothing from before it is on its way
	c.net.Rejoin(lost.ID(), others...)
	return lost, leader, c.stores[slices.DeleteFunc(others, func(id string) bool { return id == leader.ID() })[0]]
}

func snapshot(t testing.TB, s *Store) {
	t.Helper()
	if err := s.raft.Load().Snapshot().Error(); err != nil {
		t.Fatal(err)
	}
}

// entries are where the log has some.
func entries(t *testing.T, d *disk) iter.Seq[place] {
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

// behind has one node miss what the others log meanwhile, and take a snapshot for it, so that its log is empty then.
func (c *cluster) behind(l, node *Store, commands ...state.Command) {
	c.t.Helper()
	mustPropose(c.t, l, announce(l, l.ID(), "before"))
	time.Sleep(time.Second)
	others := c.except(node.ID())
	c.net.Isolate(node.ID(), others...)
	for _, command := range commands {
		mustPropose(c.t, l, command)
	}
	time.Sleep(time.Second)
	for _, id := range others {
		snapshot(c.t, c.stores[id])
	}
	c.net.Rejoin(node.ID(), others...)
	eventually(c.t, "it has the snapshot", func() bool { return node.State().Hash == l.State().Hash })
	time.Sleep(time.Second)
}

// TestLogThatBeginsBehindASnapshotFollowsOnIt: the entries behind it were a leader's that nobody heard.
func TestLogThatBeginsBehindASnapshotFollowsOnIt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := memCluster(t)
		c.compaction = Compaction{Threshold: 1, Trailing: 1, Every: time.Hour}
		defer c.end()
		c.start("ns1", "ns2", "ns3")
		l := c.leader()
		heir := c.other(l)
		c.behind(l, heir, announce(l, l.ID(), "one"), announce(l, l.ID(), "two"))
		go l.raft.Load().LeadershipTransferToServer(raftID(heir.ID()), raftAddress(addressOf(c.peers, heir.ID())))
		for heir.raft.Load().State() != raft.Leader {
			time.Sleep(time.Millisecond)
		}
		others := c.except(heir.ID())
		c.net.Isolate(heir.ID(), others...)
		time.Sleep(100 * time.Millisecond)
		l = c.leader(others...)
		if end, err := newest(heir.disk.Load(), heir.snaps); err != nil || end.index == 0 || diverging(t, heir, l) == 0 {
			t.Fatalf("its log has nothing that the others' have not, behind its snapshot %+v (%v)", end, err)
		}
		c.net.Rejoin(heir.ID(), others...)
		mustPropose(t, l, announce(l, l.ID(), "after"))
		eventually(t, "it follows", func() bool { return version(heir, l.ID()) == "after" })
		if n := diverging(t, heir, l); n > 0 {
			t.Errorf("its log has %d other entries", n)
		}
	})
}

// diverging counts the entries of one log that the other has not, or has others in their place.
func diverging(t *testing.T, one, other *Store) (n int) {
	var l raft.Log
	for e := range entries(t, one.disk.Load()) {
		if err := other.disk.Load().GetLog(e.index, &l); err != nil || l.Term != e.term {
			n++
		}
	}
	return n
}

// failsToDelete is a log whose first deletion fails once there are two snapshots.
type failsToDelete struct {
	logStore
	dir    string
	failed *atomic.Bool
}

func (f failsToDelete) DeleteRange(first, last uint64) error {
	if list, err := os.ReadDir(filepath.Join(f.dir, "snapshots")); err != nil || len(list) > 1 && f.failed.CompareAndSwap(false, true) {
		return errors.Join(errors.New("input/output error"), err)
	}
	return f.logStore.DeleteRange(first, last)
}

// TestLogIsTidiedAfterAFaultBetweenSnapshotAndDeletion: what was never committed goes then.
func TestLogIsTidiedAfterAFaultBetweenSnapshotAndDeletion(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := memCluster(t)
		failed := map[string]*atomic.Bool{"ns1": {}, "ns2": {}, "ns3": {}}
		c.openLog = func(id string) func(string, bool) (logStore, error) {
			return func(dir string, noSync bool) (logStore, error) {
				s, err := openBolt(dir, noSync)
				return failsToDelete{s, dir, failed[id]}, err
			}
		}
		c.compaction = Compaction{Threshold: 1, Trailing: 1, Every: time.Hour}
		defer c.end()
		c.start("ns1", "ns2", "ns3")
		lost, l, third := c.lostLeader(3, 9)
		eventually(t, "its disk failed", failed[lost.ID()].Load)
		mustPropose(t, l, announce(l, l.ID(), "after"))
		eventually(t, "it follows", func() bool { return version(lost, l.ID()) == "after" })
		if n := diverging(t, lost, third); n > 0 {
			t.Errorf("its log has %d other entries", n)
		}
	})
}

// TestNodeThatHasNothingButASnapshotIsRecovered: the snapshot ends with an entry that does not change the state.
func TestNodeThatHasNothingButASnapshotIsRecovered(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := memCluster(t)
		c.compaction = Compaction{Threshold: 1, Trailing: 1, Every: time.Hour}
		defer c.end()
		c.start("ns1", "ns2", "ns3")
		l := c.leader()
		node := c.other(l)
		c.behind(l, node, declare(l, 1), declare(l, 2))
		if end, err := newest(node.disk.Load(), node.snaps); err != nil || end.index <= node.State().Index {
			t.Fatalf("the snapshot's end %+v (%v) is not behind the state, %d", end, err, node.State().Index)
		}
		c.net.Isolate(node.ID(), c.except(node.ID())...)
		eventually(t, "no leader", func() bool { id, _, _ := node.Leader(); return id == "" })
		p, err := node.PlanRecovery(t.Context(), nil, true)
		if err != nil {
			t.Fatal(err)
		}
		if err := node.Recover(t.Context(), p); err != nil {
			t.Error(err)
		}
	})
}

func TestLogIsTidiedByTheNewestSnapshot(t *testing.T) {
	for name, of := range map[string]struct {
		log  []place
		end  place
		left []place
	}{
		"it has the snapshot's end":  {[]place{{4, 1}, {5, 1}, {6, 1}}, place{5, 1}, []place{{4, 1}, {5, 1}, {6, 1}}},
		"it begins behind it":        {[]place{{6, 1}, {7, 1}}, place{5, 1}, []place{{6, 1}, {7, 1}}},
		"it ends before it":          {[]place{{3, 1}, {4, 1}}, place{9, 2}, nil},
		"it has a hole there":        {[]place{{3, 1}, {4, 1}, {10, 2}}, place{9, 2}, []place{{10, 2}}},
		"it has another entry there": {[]place{{4, 1}, {5, 1}, {6, 1}}, place{5, 2}, nil},
		"there is nothing in it":     {nil, place{5, 1}, nil},
		"there is no snapshot":       {[]place{{1, 1}, {2, 1}}, place{}, []place{{1, 1}, {2, 1}}},
		"there is neither":           {nil, place{}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			store, err := openBolt(dir, true)
			if err != nil {
				t.Fatal(err)
			}
			d := guard(store, diskDeadline)
			defer d.close()
			s := &Store{log: testLogger("ns1")}
			if s.snaps, err = raft.NewFileSnapshotStoreWithLogger(dir, snapshotsKept, raftLogger(s.log)); err != nil {
				t.Fatal(err)
			}
			for _, e := range of.log {
				if err := d.StoreLog(&raft.Log{Index: e.index, Term: e.term}); err != nil {
					t.Fatal(err)
				}
			}
			if of.end.index > 0 {
				_, transport := raft.NewInmemTransport("")
				sink, err := s.snaps.Create(raft.SnapshotVersionMax, of.end.index, of.end.term, raft.Configuration{}, 1, transport)
				if err != nil {
					t.Fatal(err)
				}
				if err := sink.Close(); err != nil {
					t.Fatal(err)
				}
			}
			if err := s.tidy(d); err != nil {
				t.Fatal(err)
			}
			if left := slices.Collect(entries(t, d)); !slices.Equal(left, of.left) {
				t.Errorf("left are %+v", left)
			}
		})
	}
}
