package raftstore

import (
	"errors"
	"fmt"

	"github.com/hashicorp/raft"
)

// A node's log may end with entries that were never committed: those of a leader that had lost the others, where the cluster
// went on without them. As long as the log of the leader and this node's have a common entry, Raft replaces them. Where a
// snapshot takes their place the Raft paper has a node discard its log (figure 13, InstallSnapshot, rule 7), and the library
// does not (raft #697): an entry of another term at the snapshot's index has it refuse all that follows, and take the same
// snapshot again for ever; entries before that stay, and are sent to others once the node leads. So:
//
//   - a log that begins right behind a snapshot has the snapshot's last entry in common with others (GetLog);
//   - entries from another snapshot's index on end before Raft is given it, and Raft is started anew, since it remembers where
//     its log ended (unfit, dropDivergent);
//   - those before that index end as soon as Raft has the snapshot (IsMonotonic), or at the next start (tidy).

// place is where an entry is.
type place struct{ index, term uint64 }

// newest is where the newest snapshot ends, or 0.
func newest(d *disk, snaps raft.SnapshotStore) (place, error) {
	list, err := access(d, "list the snapshots", snaps.List)
	if err != nil || len(list) == 0 {
		return place{}, err
	}
	return place{list[0].Index, list[0].Term}, nil
}

// unfit says why Raft must not be given a snapshot that ends there, or is nil.
//
// A leader sends none that is older than what Raft has applied. But what is left of one's replication to a node that was
// removed does, to the node that was let in again meanwhile; and Raft would take over the members that the snapshot lists,
// this node not among them.
func (s *Store) unfit(in *instance, end place) error {
	own, err := newest(in.disk, s.snaps) // while Raft starts it says of nothing yet that it is applied
	if have := max(own.index, s.raftApplied()); err == nil && end.index < have {
		return fmt.Errorf("the snapshot is of index %d, and this node is at %d", end.index, have)
	}
	if !diverges(in.disk, end) {
		return err
	}
	select {
	case in.diverged <- end:
	default: // that was said before
	}
	return fmt.Errorf("this node's log has another entry %d than the snapshot: it is dropped first", end.index)
}

// diverges says whether the log has an entry there that is not the one that the cluster committed.
func diverges(d *disk, committed place) bool {
	var own raft.Log
	return d.GetLog(committed.index, &own) == nil && own.Term != committed.term
}

// dropDivergent deletes the entries from there on, if they are still what they were when Raft was running. A fault is the disk's.
func (s *Store) dropDivergent(d *disk, committed place) {
	if !diverges(d, committed) {
		return
	}
	last, err := d.LastIndex()
	if err := errors.Join(err, d.DeleteRange(committed.index, last)); err == nil {
		s.log.Info("entries that were never committed are dropped: the cluster went on without them", "from", committed.index, "to", last)
	}
}

// tidy ends what was begun with a snapshot: a log that does not have its last entry begins behind it, or is empty.
func (s *Store) tidy(d *disk) error {
	end, err := newest(d, s.snaps)
	if err != nil || end.index == 0 {
		return err
	}
	s.dropDivergent(d, end)
	var own raft.Log
	if err := d.GetLog(end.index, &own); err == nil || !isNotFound(err) {
		return err
	}
	first, err := d.FirstIndex()
	if err != nil || first == 0 || first > end.index {
		return err
	}
	last, err := d.LastIndex()
	if err != nil {
		return err
	}
	return d.DeleteRange(first, min(last, end.index))
}

// GetLog implements raft.LogStore. Of the newest snapshot's last entry, where the log begins behind it, it tells the term: Raft asks
// for that to see whether the log follows on the leader's, and does not look at the snapshot. No node is ever sent that
// entry, since the one before is not there.
func (d raftDisk) GetLog(index uint64, l *raft.Log) error {
	err := d.disk.GetLog(index, l)
	if err == nil || !isNotFound(err) || index < 2 {
		return endOnFault(err)
	}
	first, firstErr := d.FirstIndex()
	end, endErr := newest(d.disk, d.snaps)
	if fault := errors.Join(firstErr, endErr); fault != nil {
		return endOnFault(fault)
	}
	if index != end.index || first > 0 && first <= index {
		return err
	}
	*l = raft.Log{Index: end.index, Term: end.term, Type: raft.LogNoop}
	return nil
}

// IsMonotonic implements raft.MonotonicLogStore. Raft asks when it has installed a snapshot, and then deletes the whole log: so
// it is where nothing is behind the snapshot, which holds all that was committed of it.
func (d raftDisk) IsMonotonic() bool {
	last, err := d.LastIndex()
	if err != nil {
		return false
	}
	end, err := newest(d.disk, d.snaps)
	return err == nil && last <= end.index
}
