package duties

import (
	"context"
	"slices"
	"sync"
	"time"

	"failoverdns/state"
)

const (
	// leastPace and mostPace bound how often a flattened target is looked up. In between it is the least TTL of the
	// answers that its addresses go into: they may be as old as that anyway, and what the target's own TTL was the
	// resolver does not tell.
	leastPace = 10 * time.Second
	mostPace  = 5 * time.Minute
	// lookUpTimeout bounds one look-up.
	lookUpTimeout = 5 * time.Second
	// lookUpsAtOnce bounds how many are under way, so that a resolver is not flooded when a leader begins.
	lookUpsAtOnce = 32
)

// targets is one leader's looking up of flattened targets. It belongs to the goroutine of keepTargets.
type targets struct {
	*Duties
	next    map[string]time.Time // by target, when to look it up again
	failing map[string]bool
	mu      sync.Mutex // guards failing and next while look-ups are under way
}

// keepTargets looks flattened targets up until the context ends.
func (d *Duties) keepTargets(ctx context.Context) {
	if d.leader.LookUp == nil {
		return
	}
	t := &targets{Duties: d, next: map[string]time.Time{}, failing: map[string]bool{}}
	for ctx.Err() == nil {
		t.lookUpDue(ctx)
		select {
		case <-ctx.Done():
		case <-d.declared:
		case <-time.After(round):
		}
	}
}

// lookUpDue looks up what is due, side by side, and returns when all have answered or timed out.
func (t *targets) lookUpDue(ctx context.Context) {
	st := t.leader.State()
	var all sync.WaitGroup
	defer all.Wait()
	places := make(chan struct{}, lookUpsAtOnce)
	t.forget(st)
	for key, x := range st.Targets.All() {
		if !t.begin(st, key, x) {
			continue
		}
		select {
		case <-ctx.Done():
			return
		case places <- struct{}{}:
		}
		all.Go(func() {
			defer func() { <-places }()
			t.lookUp(ctx, key, x)
		})
	}
}

// forget drops what is known of targets that are no more, so that one which returns is looked up at once.
func (t *targets) forget(st *state.State) {
	for key := range t.next {
		if !st.Targets.Has(key) {
			delete(t.next, key)
			delete(t.failing, key)
		}
	}
}

// begin says whether a target is due, and sets when it will be the next time.
func (t *targets) begin(st *state.State, key string, x *state.Target) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	now := time.Now()
	if now.Before(t.next[key]) {
		return false
	}
	t.next[key] = now.Add(pace(st, x))
	return true
}

func pace(st *state.State, x *state.Target) time.Duration {
	ttl, _ := st.TargetTTL(x.Name)
	return min(max(time.Duration(ttl)*time.Second, leastPace), mostPace)
}

// lookUp looks one target up and proposes what changed. What fails keeps the last result and is tried again soon; at
// once, in the next round, where there is nothing to answer with yet.
func (t *targets) lookUp(ctx context.Context, key string, x *state.Target) {
	within, cancel := context.WithTimeout(ctx, lookUpTimeout)
	defer cancel()
	began := time.Now()
	found, err := t.leader.LookUp(within, x.Name.Bare(), x.Addresses)
	if ctx.Err() != nil {
		return
	}
	found = state.Normal(found)
	found = found[:min(len(found), state.MaxResolved)]
	t.note(key, x, began, err)
	if err == nil && !slices.Equal(found, x.Addresses) && !t.propose(ctx, &state.Resolved{Target: x.Name, Addresses: found}) {
		t.again(key, began)
	}
}

// note tells of a target that begins or ceases to fail.
func (t *targets) note(key string, x *state.Target, began time.Time, err error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	switch was := t.failing[key]; {
	case err != nil && !was:
		t.leader.Log.Warn("a flattened target cannot be looked up; its answer stays as it was", "target", x.Name.Bare(), "error", err)
	case err == nil && was:
		t.leader.Log.Info("a flattened target can be looked up again", "target", x.Name.Bare())
	}
	t.failing[key] = err != nil
	switch {
	case err != nil && len(x.Addresses) == 0:
		t.next[key] = began.Add(round)
	case err != nil:
		t.next[key] = began.Add(leastPace)
	}
}

// again has a target looked up in the next round.
func (t *targets) again(key string, began time.Time) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.next[key] = began.Add(round)
}
