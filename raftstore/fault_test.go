package raftstore

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hashicorp/raft"

	"failoverdns/state"
)

func TestFollowerFarBehindGetsASnapshotAndTellsOfIt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := memCluster(t)
		whole := make(chan string, 100)
		c.onApply = func(id string, _ *state.State, res state.Result) {
			if res.Effect.Checks && len(res.Effect.Zones) > 0 && res.Effect.Zones[0].Whole && len(res.Effect.Events) == 0 {
				whole <- id
			}
		}
		defer c.end()
		c.start("ns1", "ns2", "ns3")
		l := c.leader()
		mustPropose(t, l, declare(l, 1))
		f := c.other(l)
		id := f.ID()
		c.stop(id)
		var wg sync.WaitGroup
		for i := range 16 {
			wg.Go(func() {
				for j := range 100 {
					mustPropose(t, l, announce(l, l.ID(), fmt.Sprint(i, j)))
				}
			})
		}
		wg.Wait()
		last := mustPropose(t, l, announce(l, l.ID(), "last"))
		if err := l.raft.Load().Snapshot().Error(); err != nil {
			t.Fatal(err)
		}
		c.start(id)
		f = c.stores[id]
		if err := f.WaitIndex(t.Context(), last.Index); err != nil {
			t.Fatal(err)
		}
		for got := range whole {
			if got == id {
				break
			}
		}
		if f.State().Hash != l.State().Hash {
			t.Fatal("the states differ")
		}
		eventually(t, "it is fresh", func() bool { return f.Age() < time.Second })
	})
}

func TestHungDiskCostsTheLeaderItsLeadAndNothingElse(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := memCluster(t)
		var mu sync.Mutex
		disks := map[string]*hanging{}
		c.openLog = func(id string) func(string, bool) (logStore, error) {
			return func(dir string, noSync bool) (logStore, error) {
				s, err := openBolt(dir, noSync)
				if err != nil {
					return nil, err
				}
				h := &hanging{logStore: s}
				mu.Lock()
				disks[id] = h
				mu.Unlock()
				return h, nil
			}
		}
		defer c.end()
		c.start("ns1", "ns2", "ns3")
		old := c.leader()
		mustPropose(t, old, announce(old, old.ID(), "before"))
		mu.Lock()
		first := disks[old.ID()]
		mu.Unlock()
		first.pause(5 * time.Minute)
		start := time.Now()
		out := make(chan error, 1)
		go func() {
			_, err := old.Propose(context.Background(), announce(old, old.ID(), "hung"))
			out <- err
		}()
		if err := <-out; !errors.Is(err, ErrUnknownOutcome) {
			t.Fatal(err)
		}
		next := c.leader(c.except(old.ID())...)
		if d := time.Since(start); d > 30*time.Second {
			t.Fatalf("the others had no leader for %v", d)
		}
		mustPropose(t, next, announce(next, next.ID(), "meanwhile"))
		time.Sleep(time.Minute)
		if st := old.Status(); st.Phase != PhaseFault || !strings.Contains(st.Detail, "did not answer") {
			t.Fatalf("%+v", st)
		}
		if version(old, old.ID()) == "" {
			t.Fatal("it does not answer any more")
		}
		time.Sleep(5 * time.Minute)
		eventually(t, "it is back with a log opened anew", func() bool {
			return old.Status().Phase == PhaseRunning && version(old, next.ID()) == "meanwhile" && old.Age() < time.Second
		})
		mustPropose(t, old, announce(old, old.ID(), "after"))
	})
}

// hanging is a log store whose writes can be made to hang.
type hanging struct {
	logStore
	mu    sync.Mutex // guards until
	until time.Time
}

func (h *hanging) pause(d time.Duration) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.until = time.Now().Add(d)
}

func (h *hanging) wait() {
	h.mu.Lock()
	d := time.Until(h.until)
	h.mu.Unlock()
	time.Sleep(d)
}
func (h *hanging) StoreLogs(l []*raft.Log) error {
	h.wait()
	return h.logStore.StoreLogs(l)
}

func (h *hanging) SetUint64(k []byte, v uint64) error {
	h.wait()
	return h.logStore.SetUint64(k, v)
}

func (h *hanging) Set(k, v []byte) error {
	h.wait()
	return h.logStore.Set(k, v)
}

func TestFullDiskIsTriedAgainUntilThereIsRoom(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := memCluster(t)
		var mu sync.Mutex
		full := ""
		c.openLog = func(id string) func(string, bool) (logStore, error) {
			return func(dir string, noSync bool) (logStore, error) {
				s, err := openBolt(dir, noSync)
				return &limited{s, func() error {
					mu.Lock()
					defer mu.Unlock()
					if full == id {
						return syscall.ENOSPC
					}
					return nil
				}}, err
			}
		}
		defer c.end()
		c.start("ns1", "ns2", "ns3")
		for _, victim := range []*Store{c.leader(), c.other(c.leader())} {
			mu.Lock()
			full = victim.ID()
			mu.Unlock()
			writer := c.other(victim)
			eventually(t, "the others write without it", func() bool {
				_, err := writer.Propose(t.Context(), announce(writer, writer.ID(), victim.ID()))
				return err == nil
			})
			eventually(t, "it says so", func() bool { return strings.Contains(victim.Status().Detail, "no space left") })
			time.Sleep(10 * time.Minute)
			mu.Lock()
			full = ""
			mu.Unlock()
			eventually(t, "it is back", func() bool {
				return victim.Status().Phase == PhaseRunning && version(victim, writer.ID()) == victim.ID() && victim.Age() < time.Second
			})
		}
	})
}

func TestLogLostUnderARunningNodeKeepsItOutOfTheCluster(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := memCluster(t)
		var mu sync.Mutex
		full := ""
		c.openLog = func(id string) func(string, bool) (logStore, error) {
			return func(dir string, noSync bool) (logStore, error) {
				s, err := openBolt(dir, noSync)
				return &limited{s, func() error {
					mu.Lock()
					defer mu.Unlock()
					if full == id {
						return syscall.ENOSPC
					}
					return nil
				}}, err
			}
		}
		defer c.end()
		c.start("ns1", "ns2", "ns3")
		victim := c.other(c.leader())
		mustPropose(t, victim, announce(victim, victim.ID(), "before"))
		mu.Lock()
		full = victim.ID()
		mu.Unlock()
		if err := os.Remove(filepath.Join(c.dir(victim.ID()), logFile)); err != nil { // to make room
			t.Fatal(err)
		}
		writer := c.leader()
		mustPropose(t, writer, announce(writer, writer.ID(), "meanwhile"))
		eventually(t, "it says so", func() bool { return victim.Status().Phase == PhaseDamaged })
		time.Sleep(time.Minute)
		if st := victim.Status(); !strings.Contains(st.Detail, "then join") || st.Raft != "" || version(victim, victim.ID()) != "before" {
			t.Fatalf("%+v, version %q", st, version(victim, victim.ID()))
		}
		mustPropose(t, writer, announce(writer, writer.ID(), "after"))
	})
}

// limited is a log store that asks before each write.
type limited struct {
	logStore
	room func() error
}

func (l *limited) StoreLogs(logs []*raft.Log) error {
	if err := l.room(); err != nil {
		return err
	}
	return l.logStore.StoreLogs(logs)
}

func (l *limited) SetUint64(k []byte, v uint64) error {
	if err := l.room(); err != nil {
		return err
	}
	return l.logStore.SetUint64(k, v)
}

func TestHaltedLeaderHandsTheLeadOver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := memCluster(t)
		var bad atomic.Value
		bad.Store("")
		c.onApply = func(id string, st *state.State, _ state.Result) {
			if n, ok := st.Nodes.Get(id); ok && id == bad.Load() && n.Version == "boom" {
				panic("boom")
			}
		}
		defer c.end()
		c.start("ns1", "ns2", "ns3")
		l := c.leader()
		bad.Store(l.ID())
		if _, err := l.Propose(t.Context(), announce(l, l.ID(), "boom")); !errors.Is(err, ErrUnknownOutcome) {
			t.Fatal(err)
		}
		start := time.Now()
		next := c.leader(c.except(l.ID())...)
		if d := time.Since(start); d > 3*time.Second {
			t.Fatalf("the lead was handed over after %v", d)
		}
		mustPropose(t, next, announce(next, next.ID(), "1"))
		if st := l.Status(); st.Phase != PhaseHalted || st.Self {
			t.Fatalf("%+v", st)
		}
		// Alone with one other it must never lead, however often it is elected.
		other := c.except(l.ID())
		c.stop(next.ID())
		last := c.leader(slices.DeleteFunc(other, func(id string) bool { return id == next.ID() })...)
		mustPropose(t, last, announce(last, last.ID(), "2"))
	})
}

func TestDamagedEntryIsNotApplied(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for _, kind := range []raft.LogType{raft.LogCommand, raft.LogConfiguration} {
			dir := t.TempDir()
			s := startLone(t, dir)
			mustPropose(t, s, announce(s, "ns1", "1"))
			at := mustPropose(t, s, announce(s, "ns1", "2")).Index
			killed := copyDir(t, dir)
			stopStore(t, s)
			store, err := openBolt(killed, true)
			if err != nil {
				t.Fatal(err)
			}
			if err := store.StoreLog(&raft.Log{Index: at, Term: 2, Type: kind, Data: []byte{1, 1, '{', '"'}}); err != nil {
				t.Fatal(err)
			}
			if err := store.Close(); err != nil {
				t.Fatal(err)
			}
			recordAll(t, killed, at)
			s = startLone(t, killed)
			time.Sleep(time.Minute)
			st := s.Status()
			if (st.Phase != PhaseDamaged && st.Phase != PhaseHalted) || !strings.Contains(st.Detail, "then join") {
				t.Errorf("%v: %+v", kind, st)
			}
			if v := version(s, "ns1"); v != "1" {
				t.Errorf("%v: version %q", kind, v)
			}
			stopStore(t, s)
		}
	})
}
