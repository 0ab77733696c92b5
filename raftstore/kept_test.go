package raftstore

import (
	"bytes"
	"context"
	"errors"
	"io"
	"reflect"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// TestWriteWaitsForTheDisksOfAMajority: entries that two of three nodes have in memory alone are not acknowledged.
func TestWriteWaitsForTheDisksOfAMajority(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := memCluster(t)
		var mu sync.Mutex // guards disks
		disks := map[string]*hanging{}
		c.openLog = func(id string) func(string, bool) (logStore, error) {
			return func(dir string, noSync bool) (logStore, error) {
				s, err := openBolt(dir, noSync)
				mu.Lock()
				defer mu.Unlock()
				disks[id] = &hanging{logStore: s}
				return disks[id], err
			}
		}
		defer c.end()
		c.start("ns1", "ns2", "ns3")
		l := c.leader()
		mustPropose(t, l, announce(l, l.ID(), "before"))
		followers := c.except(l.ID())
		const hang = 2 * time.Second // less than costs the lead
		for _, c := range []struct {
			slow  []string
			waits bool
		}{{followers[:1], false}, {followers[1:], false}, {followers, true}, {[]string{l.ID(), followers[0]}, true}} {
			mu.Lock()
			for _, id := range c.slow {
				disks[id].pause(hang)
			}
			mu.Unlock()
			began := time.Now()
			mustPropose(t, l, announce(l, l.ID(), began.String()))
			if took := time.Since(began); took >= hang != c.waits {
				t.Errorf("with the disks of %v hanging, the write was acknowledged after %s", c.slow, took)
			}
			time.Sleep(10 * time.Second)
		}
	})
}

// TestLogIsSyncedUnlessATestSaysOtherwise looks into the database that openBolt opens: each of its commits ends with
// fdatasync, unless NoSync is set.
func TestLogIsSyncedUnlessATestSaysOtherwise(t *testing.T) {
	for _, noSync := range []bool{false, true} {
		store, err := openBolt(t.TempDir(), noSync)
		if err != nil {
			t.Fatal(err)
		}
		db := reflect.ValueOf(store).Elem().FieldByName("conn").Elem()
		if got := db.FieldByName("NoSync").Bool(); got != noSync {
			t.Errorf("opened with noSync %v, the database has NoSync %v", noSync, got)
		}
		if err := store.Close(); err != nil {
			t.Fatal(err)
		}
	}
	if (Config{}).NoSync {
		t.Error("the zero configuration does not sync")
	}
}

// TestRemovedNodeKeepsItsStateAndSaysSo, whether it was there or away, and the others go on without it.
func TestRemovedNodeKeepsItsStateAndSaysSo(t *testing.T) {
	for _, away := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			c := memCluster(t)
			defer c.end()
			c.start("ns1", "ns2", "ns3")
			l := c.leader()
			gone := c.other(l)
			mustPropose(t, l, announce(l, l.ID(), "kept"))
			eventually(t, "it has the entry", func() bool { return version(gone, l.ID()) == "kept" })
			if err := l.Raise(t.Context()); err != nil { // so that the removal is recorded although a member is away
				t.Fatal(err)
			}
			if away {
				c.net.Isolate(gone.ID(), c.except(gone.ID())...)
			}
			if out, err := l.ChangeMembers(t.Context(), Change{Op: Remove, Node: gone.ID(), Author: "ann", Reason: "retired"}); err != nil || out.Refusal != nil {
				t.Fatal(out.Refusal, err)
			}
			left := removalOf(l.State(), gone.ID())
			mustPropose(t, l, announce(l, l.ID(), "without it"))
			if away {
				time.Sleep(5 * time.Minute)
				if st := gone.Status(); st.Phase == PhaseRemoved {
					t.Error("it cannot know yet that it was removed")
				}
				c.net.Rejoin(gone.ID(), c.except(gone.ID())...)
			}
			time.Sleep(time.Minute)
			for range 10 {
				if st := gone.Status(); st.Phase != PhaseRemoved || st.Detail == "" || version(gone, l.ID()) != "kept" {
					t.Errorf("away %v: %+v", away, st)
				} else if r := st.Removed; r == nil || *r != *left || r.Author != "ann" || r.Reason != "retired" || r.At.IsZero() {
					t.Errorf("away %v: it says that it was removed so: %+v; the others have %+v", away, r, left)
				}
				time.Sleep(time.Minute)
			}
			if st := l.Status(); !st.Self || st.Voters != 2 {
				t.Errorf("the leader: %+v", st)
			}
			mustPropose(t, l, announce(l, l.ID(), "undisturbed"))
		})
	}
}

// TestNodeWithoutALeaderIsNotTakenForARemovedOne: the others have none either, or know it still.
func TestNodeWithoutALeaderIsNotTakenForARemovedOne(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := memCluster(t)
		defer c.end()
		c.start("ns1", "ns2", "ns3")
		l := c.leader()
		f := c.other(l)
		running := func(when string) {
			t.Helper()
			for id, s := range c.stores {
				if st := s.Status(); st.Phase != PhaseRunning {
					t.Errorf("%s, %s: %+v", when, id, st)
				}
			}
		}
		for range 3 {
			c.net.Isolate(f.ID(), c.except(f.ID())...)
			time.Sleep(2 * time.Minute)
			running("cut off")
			c.net.Rejoin(f.ID(), c.except(f.ID())...)
			time.Sleep(20 * time.Second)
			running("back")
		}
		last := c.stores[c.except(l.ID())[0]].ID()
		c.stop(c.except(last)...)
		time.Sleep(2 * time.Minute)
		running("alone")
	})
}

// TestSnapshotThatCannotBeReadTouchesNothing: a truncated one, a foreign one, and one with a byte changed.
func TestSnapshotThatCannotBeReadTouchesNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := startLone(t, t.TempDir())
		defer stopStore(t, s)
		mustPropose(t, s, announce(s, "ns1", "1"))
		var good bytes.Buffer
		if err := s.State().Encode(&good); err != nil {
			t.Fatal(err)
		}
		changed := bytes.Clone(good.Bytes())
		changed[len(changed)/2] ^= 1
		for what, b := range map[string][]byte{
			"empty": nil, "truncated": good.Bytes()[:good.Len()/2], "without its end": good.Bytes()[:good.Len()-1], "foreign": []byte("PK\x03\x04 some archive"), "changed": changed,
		} {
			m := newMachine(s.State(), s.log)
			before := m.current.Load()
			if err := m.Restore(io.NopCloser(bytes.NewReader(b))); err == nil {
				t.Errorf("a snapshot that is %s was taken", what)
			}
			if m.current.Load() != before {
				t.Errorf("a snapshot that is %s changed the state", what)
			}
		}
	})
}

// TestHungFileOfTheAppliedIndexDelaysNoAnswer: it is written off the path that applies.
func TestHungFileOfTheAppliedIndexDelaysNoAnswer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := startLone(t, t.TempDir())
		mustPropose(t, s, announce(s, "ns1", "1"))
		hung := &recorder{wake: make(chan struct{}, 1), log: s.log} // nobody writes
		s.machine.applied = hung.record
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		for serial := range 100 {
			if _, err := s.Propose(ctx, declare(s, serial+1)); err != nil {
				t.Fatalf("change %d: %v", serial, errors.Join(err, ctx.Err()))
			}
		}
		if got := hung.want.Load(); got != s.State().Index {
			t.Errorf("index %d is wanted on disk, and %d applied", got, s.State().Index)
		}
		stopStore(t, s)
	})
}
