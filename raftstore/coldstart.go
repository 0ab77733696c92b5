package raftstore

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sort"

	"github.com/hashicorp/raft"

	"failoverdns/state"
)

const (
	snapshotsKept   = 3
	damagedSnapshot = "damaged-snapshots"
)

// recoverState brings m to the newest snapshot and the log behind it up to the index recorded as applied, and never
// past it: what lies behind may yet be replaced by another leader. It says whether there is Raft state at all. An error
// means that Raft must not run on this directory; m then holds what could be read.
func recoverState(m *machine, d *disk, snaps *raft.FileSnapshotStore, dir string, recorded uint64) (known bool, err error) {
	from, floor, bad, err := readSnapshot(m, snaps) // first: whatever the log is like, this may be good
	if err != nil {
		return true, err
	}
	known, err = hasState(d, snaps)
	if err != nil {
		return true, err
	}
	lost := error(nil)
	if known {
		lost = checkIdentity(d)
	}
	until := max(recorded, floor)
	if err := replay(m, d, from+1, until); err != nil {
		return true, errors.Join(lost, err)
	}
	if err := errors.Join(lost, checkLog(d, max(from, until))); err != nil {
		return true, err
	}
	for _, id := range bad {
		if err := setAside(dir, id); err != nil {
			return true, err
		}
	}
	return known, nil
}

// hasState says whether this node ever took part: it has entries, a snapshot, or gave a vote. A term alone may be
// left of a bootstrap that was cut short.
func hasState(d *disk, snaps *raft.FileSnapshotStore) (bool, error) {
	last, err := d.LastIndex()
	if err != nil {
		return false, err
	}
	list, err := snaps.List()
	if err != nil {
		return false, fmt.Errorf("list the snapshots: %w", err)
	}
	vote, err := d.GetUint64([]byte("LastVoteTerm"))
	if err != nil && !isNotFound(err) {
		return false, err
	}
	return last > 0 || len(list) > 0 || vote > 0, nil
}

// checkIdentity finds a log that is younger than the state beside it: the file was lost and made anew. The votes that
// this node gave were in it, so that it could vote twice. The snapshot may reach the recorded index all the same, since
// a clean stop takes one.
func checkIdentity(d *disk) error {
	id, err := d.Get(keyID)
	if len(id) == 0 && (err == nil || isNotFound(err)) {
		return fmt.Errorf("%s was lost, and with it what this node voted", logFile)
	}
	return err
}

// checkReopened finds a log that does not hold any more what it held when this process began: the file was lost, or
// replaced by an older one.
func checkReopened(d *disk, snaps *raft.FileSnapshotStore, applied uint64) error {
	if err := checkIdentity(d); err != nil {
		return err
	}
	last, err := d.LastIndex()
	if err != nil {
		return err
	}
	end, err := newest(d, snaps)
	if err != nil {
		return err
	}
	if reach := max(last, end.index); reach < applied {
		return fmt.Errorf("it ends at entry %d, but %d was applied here", reach, applied)
	}
	return checkLog(d, end.index)
}

// readSnapshot brings m to the newest snapshot that can be read. It gives the log index of that one, the one of the
// newest of all, and the IDs of those that cannot be read. Raft trusts the newest one unread, so the log must reach
// that far.
func readSnapshot(m *machine, snaps *raft.FileSnapshotStore) (from, floor uint64, bad []string, err error) {
	list, err := snaps.List()
	if err != nil {
		return 0, 0, nil, fmt.Errorf("list the snapshots: %w", err)
	}
	for i, meta := range list {
		if i == 0 {
			floor = meta.Index
		}
		st, err := openSnapshot(snaps, meta.ID)
		if err == nil {
			m.current.Store(st)
			return meta.Index, floor, bad, nil
		}
		m.log.Error("a snapshot cannot be read; trying the one before it", "snapshot", meta.ID, "error", err)
		bad = append(bad, meta.ID)
	}
	return 0, floor, bad, nil
}

func openSnapshot(snaps *raft.FileSnapshotStore, id string) (*state.State, error) {
	_, r, err := snaps.Open(id)
	if err != nil {
		return nil, err
	}
	defer r.Close()
	return state.Decode(r)
}

// replay applies the entries first to last. An entry that this version does not know ends it without an error: the
// machine has halted then, and Raft may run all the same.
func replay(m *machine, d *disk, first, last uint64) error {
	for i := first; i <= last && m.halt() == nil; i++ {
		var l raft.Log
		err := d.GetLog(i, &l)
		if errors.Is(err, raft.ErrLogNotFound) {
			return fmt.Errorf("entry %d is missing, but %d was applied here", i, last)
		}
		if err != nil {
			return fmt.Errorf("entry %d: %w", i, err)
		}
		if err := replayOne(m, &l); err != nil {
			return fmt.Errorf("entry %d: %w", i, err)
		}
	}
	return nil
}

func replayOne(m *machine, l *raft.Log) (err error) {
	defer func() { // Raft panics on a configuration that it cannot decode
		if r := recover(); r != nil {
			err = fmt.Errorf("%v", r)
		}
	}()
	switch l.Type {
	case raft.LogCommand:
		m.Apply(l)
	case raft.LogConfiguration:
		m.StoreConfiguration(l.Index, raft.DecodeConfiguration(l.Data))
	}
	return nil
}

// checkLog reads every entry, those too that are applied: Raft sends them to followers, and would end the process over
// one that cannot be read. Holes are damage behind the applied ones only: a snapshot that was taken from the leader
// leaves one before it.
func checkLog(d *disk, applied uint64) error {
	first, err := d.FirstIndex()
	if err != nil {
		return err
	}
	last, err := d.LastIndex()
	if err != nil {
		return err
	}
	for i := first; i <= last && last > 0; i++ {
		var l raft.Log
		err := d.GetLog(i, &l)
		if errors.Is(err, raft.ErrLogNotFound) && i <= applied {
			i = beforeRun(d, i, last) // a recovered cluster goes on very much higher
			continue
		}
		if err == nil && l.Index != i {
			err = fmt.Errorf("it says that it is entry %d", l.Index)
		}
		if err != nil {
			return fmt.Errorf("entry %d of %d: %w", i, last, err)
		}
	}
	return nil
}

// beforeRun is the end of the hole that i is in: the entry before the ones that reach to last.
func beforeRun(d *disk, i, last uint64) uint64 {
	n := sort.Search(int(last-i), func(n int) bool {
		var l raft.Log
		return !errors.Is(d.GetLog(i+1+uint64(n), &l), raft.ErrLogNotFound)
	})
	return i + uint64(n)
}

// setAside moves a snapshot that cannot be read out of Raft's sight.
func setAside(dir, id string) error {
	to := filepath.Join(dir, damagedSnapshot)
	if err := os.MkdirAll(to, 0o700); err != nil {
		return fmt.Errorf("set a damaged snapshot aside: %w", err)
	}
	if err := os.Rename(filepath.Join(dir, "snapshots", id), filepath.Join(to, id)); err != nil {
		return fmt.Errorf("set a damaged snapshot aside: %w", err)
	}
	return nil
}
