package raftstore

import (
	"errors"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hashicorp/raft"
)

// flaky is a log store in memory that can hang or fail.
type flaky struct {
	*raft.InmemStore
	mu   sync.Mutex // guards what follows
	hang time.Duration
	err  error
}

func newFlaky() *flaky { return &flaky{InmemStore: raft.NewInmemStore()} }

func (f *flaky) Close() error { return nil }

func (f *flaky) set(hang time.Duration, err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.hang, f.err = hang, err
}

func (f *flaky) wait() error {
	f.mu.Lock()
	hang, err := f.hang, f.err
	f.mu.Unlock()
	time.Sleep(hang)
	return err
}

func (f *flaky) StoreLogs(l []*raft.Log) error {
	if err := f.wait(); err != nil {
		return err
	}
	return f.InmemStore.StoreLogs(l)
}

func (f *flaky) GetLog(i uint64, l *raft.Log) error {
	if err := f.wait(); err != nil {
		return err
	}
	return f.InmemStore.GetLog(i, l)
}

func TestHungDiskFailsEveryCallAfterOneDeadline(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := newFlaky()
		d := guard(store, 10*time.Second)
		if err := d.StoreLog(&raft.Log{Index: 1}); err != nil {
			t.Fatal(err)
		}
		store.set(time.Minute, nil)
		start := time.Now()
		if err := d.StoreLog(&raft.Log{Index: 2}); err == nil || !strings.Contains(err.Error(), "10s") {
			t.Fatal(err)
		}
		if took := time.Since(start); took != 10*time.Second {
			t.Fatalf("it took %v", took)
		}
		store.set(0, nil)
		if _, err := d.FirstIndex(); err == nil || time.Since(start) != 10*time.Second {
			t.Fatal("a call after the missed deadline went to the store")
		}
		select {
		case <-d.failed:
		default:
			t.Fatal("nobody was told")
		}
		if err := d.close(); err != nil {
			t.Fatal(err)
		}
		if waited := time.Since(start); waited != time.Minute {
			t.Fatalf("close came %v after the hung write began: it did not wait for it", waited)
		}
		if last, _ := store.LastIndex(); last != 2 {
			t.Fatal("the late write should have landed: that is why the store is opened anew")
		}
	})
}

func TestMissingEntriesAndKeysAreNoFault(t *testing.T) {
	store, err := openBolt(t.TempDir(), true)
	if err != nil {
		t.Fatal(err)
	}
	d := guard(store, time.Second)
	defer d.close()
	if err := d.GetLog(1, new(raft.Log)); !errors.Is(err, raft.ErrLogNotFound) {
		t.Fatal(err)
	}
	if _, err := d.GetUint64([]byte("x")); err == nil || err.Error() != "not found" {
		t.Fatal(err) // Raft compares this text
	}
	if d.fault() != nil {
		t.Fatal(d.fault())
	}
}

func TestFailedWriteIsAFault(t *testing.T) {
	store := newFlaky()
	full := errors.New("no space left on device")
	store.set(0, full)
	d := guard(store, time.Second)
	if err := d.StoreLog(&raft.Log{Index: 1}); !errors.Is(err, full) {
		t.Fatal(err)
	}
	store.set(0, nil)
	if err := d.StoreLog(&raft.Log{Index: 1}); !errors.Is(err, full) {
		t.Fatal("the fault was forgotten")
	}
}

func TestRaftGoroutineEndsInsteadOfThePanic(t *testing.T) {
	store := newFlaky()
	store.set(0, errors.New("input/output error"))
	d := raftDisk{disk: guard(store, time.Second)}
	reached, ended := false, make(chan struct{})
	go func() {
		defer close(ended)
		d.GetLog(1, new(raft.Log)) //nolint:errcheck
		reached = true
	}()
	<-ended
	if reached {
		t.Fatal("Raft would have gone on with the error, into its panic")
	}
}
