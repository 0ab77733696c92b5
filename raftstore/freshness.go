package raftstore

import (
	"sync"
	"time"
)

// freshness knows when this node last had applied all that a leader in contact had committed. Leaders say their
// commit index about each Timing.Commit, in quiet times too.
type freshness struct {
	covered func(commit uint64) bool // whether all entries up to there are applied here; may read the log
	reached func(index uint64) bool  // whether the state is that far; reads memory only

	mu    sync.Mutex // guards what follows
	fresh time.Time
	once  bool  // it was so at least once in this process
	open  *word // the oldest word of a leader that is not covered yet
}

// word is what a leader said, and when.
type word struct {
	at     time.Time
	commit uint64
}

// heard takes a leader's word.
func (f *freshness) heard(w word) {
	done := f.covered(w.commit)
	f.mu.Lock()
	defer f.mu.Unlock()
	if done {
		f.fresh, f.open, f.once = w.at, nil, true
		return
	}
	f.look()
	if f.open == nil {
		f.open = &w
	}
}

// led notes that this node itself is the leader, which knows all there is.
func (f *freshness) led() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.fresh, f.open, f.once = time.Now(), nil, true
}

// look sees whether the open word is covered meanwhile. Callers hold mu.
func (f *freshness) look() {
	if f.open != nil && f.reached(f.open.commit) {
		f.fresh, f.open, f.once = f.open.at, nil, true
	}
}

// age is the time since then.
func (f *freshness) age() time.Duration {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.look()
	return time.Since(f.fresh)
}

// caughtUp says whether this node had, at least once, applied all that a leader in contact had committed.
func (f *freshness) caughtUp() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.look()
	return f.once
}
