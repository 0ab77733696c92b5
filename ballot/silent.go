package ballot

import (
	"maps"
	"slices"
	"time"

	"failoverdns/health"
	"failoverdns/state"
)

// inContact is the silence below which a leader may be asked: its heartbeats come more often.
const inContact = 5 * time.Second

// Silent tells for how long no leader has been in contact with this node. A session that a leader would have closed by
// then is void from here on: no leader may have been there to close it, and what was counted meanwhile is no vote.
func (b *Ballot) Silent(d time.Duration) {
	st := b.state()
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, s := range st.Sessions.Prefix(b.node + "/") {
		if s.Node == b.node && s.Boot == b.boot && d > state.LostAfter(s.Interval) {
			b.lost[s.Interval] = s.Number
		}
	}
	b.closing = d < inContact
	if b.closing && len(b.lost) > 0 {
		select {
		case b.wake <- struct{}{}:
		default:
		}
	}
}

// voidSession is the command that ends a void session which the state still has, or nil.
func (b *Ballot) voidSession() state.Body {
	st := b.state()
	b.mu.Lock()
	defer b.mu.Unlock()
	if !b.closing {
		return nil
	}
	for _, interval := range slices.Sorted(maps.Keys(b.lost)) {
		s, ok := st.Sessions.Get(state.SessionKey(b.node, interval))
		if ok && s.Number == b.lost[interval] {
			return &state.SessionClose{Node: b.node, Interval: interval, Number: s.Number, Recount: true}
		}
		delete(b.lost, interval)
	}
	return nil
}

// Own is this node's opinion of an endpoint by its own counts, whatever the sessions, and whether its latest probe that
// counted was a success. The opinion is none if this node has not counted enough of the check as the state has it.
func (b *Ballot) Own(e *state.Endpoint) (opinion health.Opinion, good bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	c := b.own[e.ID]
	if c == nil || c.revision != e.Revision {
		return health.None, false
	}
	opinion, _ = c.Vote()
	successes, _ := c.Runs()
	return opinion, successes > 0
}
