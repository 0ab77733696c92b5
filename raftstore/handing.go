package raftstore

import (
	"context"
	"errors"
	"sync"

	"github.com/hashicorp/raft"

	"failoverdns/state"
)

// errStillHanding refuses a second attempt to hand the lead to a node that has not caught up with the first.
var errStillHanding = errors.New("this leader has tried to hand the lead to that node, which still lacks what the leader had then: wait until it has caught up, or hand it to another one")

// handing keeps Raft from a second attempt to hand the lead to a node that has not caught up with the first. Raft first has
// the node catch up; an attempt that is given up then leaves a word for the replication to it, and for a second one there
// may be no place. That waits for ever if the lead ends meanwhile, and Raft, which takes it to be under way, refuses all
// commands of its later leads (raft #696).
type handing struct {
	mu   sync.Mutex // guards what follows
	last map[raft.ServerID]attempted
}

// attempted is when an attempt began whose node has not been asked to take the lead.
type attempted struct {
	term, index uint64 // of the lead, and the end of its log
}

// before is the attempt of a term that a node is not known to have caught up with.
func (h *handing) before(id raft.ServerID, term uint64) (a attempted, ok bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	a, ok = h.last[id]
	return a, ok && a.term == term
}

func (h *handing) note(id raft.ServerID, a attempted) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.last == nil {
		h.last = map[raft.ServerID]attempted{}
	}
	h.last[id] = a
}

// asks forgets an attempt: its node had caught up, and is asked to take the lead.
func (h *handing) asks(id raft.ServerID) {
	h.mu.Lock()
	defer h.mu.Unlock()
	delete(h.last, id)
}

// transfer hands the lead to a node.
func (s *Store) transfer(ctx context.Context, r *raft.Raft, id raft.ServerID, address raft.ServerAddress) error {
	term, index := r.CurrentTerm(), r.LastIndex()
	a, tried := s.handing.before(id, term)
	if tried {
		if x := s.standingOf(ctx, string(id)); x.err != nil || x.LastIndex < a.index {
			return errStillHanding
		}
	}
	s.handing.note(id, attempted{term, index})
	err := await(ctx, r.LeadershipTransferToServer(id, address))
	if errors.Is(err, raft.ErrLeadershipTransferInProgress) {
		s.handing.note(id, a) // nothing was begun: it is as it was before
	}
	return err
}

// transferTo hands the lead to a node as an operator asks.
func (s *Store) transferTo(ctx context.Context, r *raft.Raft, id raft.ServerID, address raft.ServerAddress) (out Outcome, err error) {
	out.Index = s.State().Index
	switch err = s.transfer(ctx, r, id, address); {
	case errors.Is(err, errStillHanding):
		out.Refusal, err = refusal(state.RefusedConflict, "%s", err), nil
	case err != nil:
		err = judge(err)
	}
	return out, err
}
