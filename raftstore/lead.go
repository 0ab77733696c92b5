package raftstore

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/hashicorp/raft"

	"failoverdns/state"
)

// errLeadLost is the cause of the end of a Lead.
var errLeadLost = errors.New("this node does not lead any more")

// lead is this node's own leadership, as announced: from when a barrier has shown that everything earlier leaders had
// committed is applied here, until Raft steps down.
type lead struct {
	mu      sync.Mutex // guards what follows
	reign   context.Context
	end     context.CancelCauseFunc
	raft    *raft.Raft
	changed chan struct{} // closed and replaced whenever a reign begins
	known   string        // the last leader that was seen
}

func newLead() *lead { return &lead{changed: make(chan struct{})} }

func (l *lead) begin(r *raft.Raft, id string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.reign, l.end = context.WithCancelCause(context.Background())
	l.raft, l.known = r, id
	close(l.changed)
	l.changed = make(chan struct{})
}

func (l *lead) lost() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.reign != nil {
		l.end(errLeadLost)
		l.reign, l.end, l.raft = nil, nil, nil
	}
}

// now is the reign under way, or nil, and a channel that closes when the next begins.
func (l *lead) now() (context.Context, *raft.Raft, <-chan struct{}) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.reign, l.raft, l.changed
}

func (l *lead) saw(id string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.known = id
}

func (l *lead) last() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.known
}

// Lead waits until this node leads, with a state that has all that was ever acknowledged, and returns a context that
// ends when it does not any more. A leadership that was lost and won again gives a new one.
func (s *Store) Lead(ctx context.Context) (context.Context, error) {
	for {
		reign, _, changed := s.lead.now()
		if reign != nil {
			return reign, nil
		}
		select {
		case <-changed:
		case <-s.ctx.Done():
			return nil, ErrStopped
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

// Leader is the node that leads as far as this one knows; empty if it knows none. self says that it is this one and
// ready for it: until then it is named, but self is false.
func (s *Store) Leader() (id, address string, self bool) {
	reign, _, _ := s.lead.now()
	if reign != nil {
		return s.cfg.ID, s.cfg.Advertise, true
	}
	r := s.raft.Load()
	if r == nil {
		return "", "", false
	}
	a, i := r.LeaderWithID()
	if i != "" {
		s.lead.saw(string(i))
	}
	return string(i), string(a), false
}

// reigns says whether this node leads. The barrier before a reign makes every entry that is applied during it this
// node's own.
func (s *Store) reigns() bool {
	reign, _, _ := s.lead.now()
	return reign != nil
}

// Clock is the cluster clock now; false if this node does not lead.
func (s *Store) Clock() (state.Clock, bool) {
	_, clock, ok := s.leading()
	return clock, ok
}

func (s *Store) leading() (*raft.Raft, state.Clock, bool) {
	reign, r, _ := s.lead.now()
	if reign == nil {
		return nil, 0, false
	}
	return r, s.machine.clockNow(), true
}

// followLead announces and ends this node's reigns, in the order in which Raft tells of them. It ends with the
// instance.
func (s *Store) followLead(in *instance) {
	defer s.lead.lost()
	for {
		select {
		case <-in.ended:
			return
		case gained := <-in.notify:
			s.lead.lost()
			if gained {
				s.takeLead(in)
			}
		}
	}
}

// takeLead announces a reign once a barrier is through. A node that has halted must not lead: it cannot know what the
// commands it orders do.
func (s *Store) takeLead(in *instance) {
	if s.machine.halt() != nil {
		s.log.Warn("this node was elected, but has stopped applying: handing the lead over")
	}
	for in.raft.State() == raft.Leader && !in.isEnded() {
		if s.machine.halt() != nil {
			if s.handOver(in.dials, in.raft); in.raft.State() == raft.Leader {
				s.pause(in, time.Second)
			}
			continue
		}
		if err := in.raft.Barrier(enqueueTimeout).Error(); err != nil {
			s.log.Debug("the barrier of a new leader", "error", err)
			s.pause(in, 50*time.Millisecond)
			continue
		}
		if s.machine.halt() == nil && in.raft.State() == raft.Leader {
			s.lead.begin(in.raft, s.cfg.ID)
			s.log.Info("this node leads", "term", in.raft.CurrentTerm(), "index", s.State().Index)
			if reign, r, _ := s.lead.now(); reign != nil {
				s.instances.Go(func() { s.keepMembers(reign, r) })
			}
			return
		}
	}
}

// askAgain has leadership looked at again, as if it had been won anew.
func (in *instance) askAgain() {
	select {
	case in.notify <- true:
	default: // there is news of Raft to look at anyway
	}
}

func (in *instance) isEnded() bool {
	select {
	case <-in.ended:
		return true
	default:
		return false
	}
}

func (s *Store) pause(in *instance, d time.Duration) {
	select {
	case <-in.ended:
	case <-time.After(d):
	}
}
