package raftstore

import (
	"context"
	"net/http"
	"sync"
	"time"

	"github.com/hashicorp/raft"
)

// standingTimeout bounds asking a member where it stands.
const standingTimeout = 2 * time.Second

// standing is where a member stands: what it knows, and how far its log goes.
type standing struct {
	ID        string `json:"id"`
	Level     int    `json:"level"` // the highest feature level that it knows
	LastIndex uint64 `json:"last_index"`
	LastTerm  uint64 `json:"last_term"` // of that entry
	Leader    string `json:"leader,omitempty"`

	err error // why there is no answer
}

func (s *Store) serveStanding(w http.ResponseWriter, _ *http.Request) {
	me := standing{ID: s.cfg.ID, Level: s.cfg.level}
	me.Leader, _, _ = s.Leader()
	if d := s.disk.Load(); d != nil {
		me.LastIndex, me.LastTerm, _ = lastEntry(d, s.snaps) // one that cannot read its log is behind
	}
	answerJSON(w, me)
}

// lastEntry is where a log ends, be it in a snapshot.
func lastEntry(d *disk, snaps *raft.FileSnapshotStore) (index, term uint64, err error) {
	if index, err = d.LastIndex(); err != nil {
		return 0, 0, err
	}
	if end, err := newest(d, snaps); err != nil || end.index >= index {
		return end.index, end.term, err
	}
	var l raft.Log
	err = d.GetLog(index, &l)
	return l.Index, l.Term, err
}

// standings asks members where they stand, all at once.
func (s *Store) standings(ctx context.Context, ids []string) map[string]standing {
	var mu sync.Mutex // guards out
	out := map[string]standing{}
	var wg sync.WaitGroup
	for _, id := range ids {
		wg.Go(func() {
			x := s.standingOf(ctx, id)
			mu.Lock()
			defer mu.Unlock()
			out[id] = x
		})
	}
	wg.Wait()
	return out
}

func (s *Store) standingOf(ctx context.Context, id string) (x standing) {
	ctx, cancel := context.WithTimeout(ctx, standingTimeout)
	defer cancel()
	x.err = s.Call(ctx, id, http.MethodGet, pathStanding, nil, &x)
	return x
}
