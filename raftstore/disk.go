package raftstore

import (
	"errors"
	"fmt"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"sync"
	"time"

	"github.com/hashicorp/raft"
	raftboltdb "github.com/hashicorp/raft-boltdb/v2"
	"go.etcd.io/bbolt"
)

const (
	logFile = "raft.db"
	// diskDeadline is how long one access to the log may take before this node gives up its part in Raft.
	diskDeadline = 10 * time.Second
	// boltLockTimeout bounds the wait for the file's lock; bbolt's default is to wait for ever.
	boltLockTimeout = time.Second
)

// logStore is what a disk guards: raft-boltdb, or a test's.
type logStore interface {
	raft.LogStore
	raft.StableStore
	Close() error
}

// disk guards a log store with a deadline. After the first fault, a missed deadline or a failed write, every call
// fails: a late write may still land, so what the store holds is known again only once it was opened anew.
type disk struct {
	store    logStore
	deadline time.Duration
	failed   chan struct{} // closed at the first fault

	mu  sync.Mutex // guards err
	err error

	calls sync.WaitGroup // running in the store, the late ones included
}

func openBolt(dir string, noSync bool) (store logStore, err error) {
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true)) // see access
	defer func() {                                           // bbolt panics on some kinds of damage
		if r := recover(); r != nil {
			err = fmt.Errorf("open the log: %v", r)
		}
	}()
	b, err := raftboltdb.New(raftboltdb.Options{
		Path: filepath.Join(dir, logFile), NoSync: noSync,
		BoltOptions:             &bbolt.Options{Timeout: boltLockTimeout, NoSync: noSync},
		MsgpackUseNewTimeFormat: true,
	})
	if err != nil {
		return nil, fmt.Errorf("open the log: %w", err)
	}
	return b, nil
}

func guard(store logStore, deadline time.Duration) *disk {
	return &disk{store: store, deadline: deadline, failed: make(chan struct{})}
}

// fault is the first fault, or nil.
func (d *disk) fault() error {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.err
}

func (d *disk) fail(err error) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.err == nil {
		d.err = err
		close(d.failed)
	}
	return d.err
}

// close waits for every call to return, however late, and closes the store.
func (d *disk) close() error {
	d.calls.Wait()
	return d.store.Close()
}

type diskAnswer[T any] struct {
	v   T
	err error
}

// access makes one call with the deadline. What the call works on must be its own: it may go on after access returned.
// bbolt maps its file into memory: where that was cut short, or a sector cannot be read, the kernel sends SIGBUS, which
// would end the process and its answers with it. So faults are panics here, and panics are errors.
func access[T any](d *disk, what string, f func() (T, error)) (T, error) {
	var none T
	if err := d.fault(); err != nil {
		return none, err
	}
	done := make(chan diskAnswer[T], 1)
	d.calls.Go(func() {
		debug.SetPanicOnFault(true) // of this goroutine, which ends with the call
		defer func() {
			if r := recover(); r != nil {
				done <- diskAnswer[T]{err: fmt.Errorf("%v", r)}
			}
		}()
		v, err := f()
		done <- diskAnswer[T]{v, err}
	})
	timer := time.NewTimer(d.deadline)
	defer timer.Stop()
	select {
	case a := <-done:
		if a.err != nil && !isNotFound(a.err) {
			return none, d.fail(fmt.Errorf("%s: %w", what, a.err))
		}
		return a.v, a.err
	case <-timer.C:
		return none, d.fail(fmt.Errorf("%s: the disk did not answer within %s", what, d.deadline))
	}
}

func isNotFound(err error) bool {
	return errors.Is(err, raft.ErrLogNotFound) || err.Error() == raftboltdb.ErrKeyNotFound.Error()
}

// write is access for calls without a value.
func write(d *disk, what string, f func() error) error {
	_, err := access(d, what, func() (struct{}, error) { return struct{}{}, f() })
	return err
}

func (d *disk) FirstIndex() (uint64, error) {
	return access(d, "read the log's first index", d.store.FirstIndex)
}

func (d *disk) LastIndex() (uint64, error) {
	return access(d, "read the log's last index", d.store.LastIndex)
}

func (d *disk) GetLog(index uint64, l *raft.Log) error {
	got, err := access(d, "read a log entry", func() (*raft.Log, error) {
		var own raft.Log // not the caller's: a late call would write into it
		err := d.store.GetLog(index, &own)
		return &own, err
	})
	if err == nil {
		*l = *got
	}
	return err
}

func (d *disk) StoreLog(l *raft.Log) error { return d.StoreLogs([]*raft.Log{l}) }

func (d *disk) StoreLogs(logs []*raft.Log) error {
	return write(d, "write log entries", func() error { return d.store.StoreLogs(logs) })
}

func (d *disk) DeleteRange(first, last uint64) error {
	return write(d, "delete log entries", func() error { return d.store.DeleteRange(first, last) })
}

func (d *disk) Set(key, val []byte) error {
	return write(d, "write to the stable store", func() error { return d.store.Set(key, val) })
}

func (d *disk) Get(key []byte) ([]byte, error) {
	return access(d, "read the stable store", func() ([]byte, error) { return d.store.Get(key) })
}

func (d *disk) SetUint64(key []byte, val uint64) error {
	return write(d, "write to the stable store", func() error { return d.store.SetUint64(key, val) })
}

func (d *disk) GetUint64(key []byte) (uint64, error) {
	return access(d, "read the stable store", func() (uint64, error) { return d.store.GetUint64(key) })
}

// raftDisk is the disk as Raft's own goroutines see it. Raft panics when it cannot read an entry or save its term,
// which would end the process and its answers with it; so there the goroutine ends instead, and with the disk's fault
// the whole instance does (run.go).
type raftDisk struct {
	*disk
	snaps raft.SnapshotStore
}

func (d raftDisk) SetUint64(key []byte, val uint64) error {
	return endOnFault(d.disk.SetUint64(key, val))
}

func endOnFault(err error) error {
	if err != nil && !isNotFound(err) {
		runtime.Goexit()
	}
	return err
}
