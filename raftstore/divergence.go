package raftstore

import (
	"errors"
	"fmt"

	"github.com/hashicorp/raft"
)

// A former leader's log may hold entries that it alone wrote, where the cluster went on with others. As long as the leader's
// log reaches back so far, Raft replaces them one by one. Where a snapshot takes their place the Raft paper has a node discard
// its log (figure 13, InstallSnapshot, rule 7), and the library does not (raft #697): an entry of another term at the
// snapshot's index has it refuse all that follows, and take the same snapshot again for ever; entries before that stay,
// and are sent to others once the node leads. So such entries end here: those from the snapshot's index on before Raft is
// given the snapshot, since what Raft remembers of the log's end goes away with its instance only; those before it as soon
// as Raft has the snapshot.

// place is where an entry is.
type place struct{ index, term uint64 }

// unfit says why Raft must not be given a snapshot that ends with that entry, or is nil.
//
// One that is older than what Raft has applied no leader needs to send. But what is left of one's replication to a node that
// was removed does, to the node that was let in again meanwhile; and Raft would take over the members that the snapshot
// lists, this node not among them.
func (s *Store) unfit(in *instance, end place) error {
	if have := s.raftApplied(); end.index < have {
		return fmt.Errorf("the snapshot is of index %d, and this node is at %d", end.index, have)
	}
	if !diverges(in.disk, end) {
		return nil
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
		s.log.Info("entries that this node logged as a leader that had lost the others are dropped: the cluster went on without them", "from", committed.index, "to", last)
	}
}

// IsMonotonic implements raft.MonotonicLogStore. Raft asks when it has installed a snapshot, and then deletes the whole log: so
// it is where nothing is behind the snapshot, which holds all that was committed of it.
func (d raftDisk) IsMonotonic() bool {
	last, err := d.LastIndex()
	if err != nil {
		return false
	}
	list, err := d.snaps.List()
	return err == nil && len(list) > 0 && last <= list[0].Index
}
