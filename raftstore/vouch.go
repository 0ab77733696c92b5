package raftstore

import (
	"slices"
	"sync"
	"time"
)

const (
	// vouchedFor is how long a member's word stands. Within it the log comes, which then speaks for itself.
	vouchedFor = time.Minute
	// vouchPause is the least time between two rounds of asking: strangers must not be able to cause more.
	vouchPause = time.Second
	// maxVouched bounds the nodes that are remembered.
	maxVouched = 64
)

// vouched remembers nodes for which a member spoke. A node that was away while the membership changed does not know
// the leader that could tell it: without another's word the two would never speak again.
type vouched struct {
	mu    sync.Mutex           // guards what follows
	until map[string]time.Time // by node ID
	asked time.Time            // the last round
	busy  bool
}

func (v *vouched) has(id string) bool {
	v.mu.Lock()
	defer v.mu.Unlock()
	until, ok := v.until[id]
	return ok && time.Now().Before(until)
}

func (v *vouched) add(ids ...string) {
	now := time.Now()
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.until == nil {
		v.until = map[string]time.Time{}
	}
	for id, until := range v.until {
		if now.After(until) {
			delete(v.until, id)
		}
	}
	for _, id := range ids {
		if len(v.until) < maxVouched || !v.until[id].IsZero() {
			v.until[id] = now.Add(vouchedFor)
		}
	}
}

// begin says whether a round of asking may begin; end ends it.
func (v *vouched) begin() bool {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.busy || time.Since(v.asked) < vouchPause {
		return false
	}
	v.busy, v.asked = true, time.Now()
	return true
}

func (v *vouched) end() {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.busy = false
}

// askForVoucher asks the members that this node knows whether they know one that it does not. It does so only where
// this node may have missed something: while a leader is in contact its list is the newest there is. A list that is
// older than this node's own can do no harm: whoever is in it was a member, and Raft bears with those.
func (s *Store) askForVoucher(id string) {
	r := s.raft.Load()
	if r == nil || s.reigns() || time.Since(r.LastContact()) < inContact || !s.vouched.begin() {
		return
	}
	go func() {
		defer s.vouched.end()
		for by, a := range s.askAll(s.contacts()) {
			if a.err == nil && slices.Contains(a.hello.Configured, id) {
				s.log.Info("a node that is not known here is a member by the word of another", "node", id, "by", by)
				s.vouched.add(id)
				return
			}
		}
	}()
}
