package raftstore

import (
	"context"
	"time"

	"github.com/hashicorp/raft"

	"failoverdns/state"
)

// keepEvery is how often a leader looks whether a member is due for a change that nobody has to ask for.
const keepEvery = 2 * time.Second

// keepMembers is the leader's part in the membership beside what operators ask for: it gives the vote to nodes that
// joined for one once they have caught up, takes it from those whose Corefile makes them replicas, and follows their
// addresses. It never removes anybody. It ends with the reign.
func (s *Store) keepMembers(reign context.Context, r *raft.Raft) {
	told := map[string]string{}
	for {
		select {
		case <-reign.Done():
			return
		case <-time.After(keepEvery):
		}
		if s.port == nil {
			continue
		}
		s.readdress(r)
		for id, op := range s.dueChanges() {
			why := s.changeByItself(reign, id, op)
			if why != "" && why != told[id] && reign.Err() == nil {
				s.log.Info("a change of a member's vote waits", "node", id, "change", op, "why", why)
			}
			told[id] = why
		}
	}
}

// dueChanges are the members whose vote is not what it is to be.
func (s *Store) dueChanges() map[string]Op {
	due := map[string]Op{}
	for id, n := range s.State().Nodes.All() {
		switch voter := n.Suffrage == "voter"; {
		case n.Promote && !voter && n.Announced && n.Role != state.Replica:
			due[id] = Promote
		case n.Announced && n.Role == state.Replica && voter:
			due[id] = Demote
		}
	}
	return due
}

// changeByItself does a change, unless the guard rails refuse it, and says why not.
func (s *Store) changeByItself(ctx context.Context, id string, op Op) (why string) {
	why = "its Corefile says replica"
	if op == Promote {
		why = "it has caught up"
	}
	ctx, cancel := context.WithTimeout(ctx, configTimeout)
	defer cancel()
	out, err := s.changeHere(ctx, Change{Op: op, Node: id, Reason: why})
	switch {
	case err != nil:
		return err.Error()
	case out.Refusal != nil:
		return out.Refusal.Text
	}
	return ""
}
