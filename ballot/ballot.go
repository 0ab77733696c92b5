// Package ballot turns this node's probe results into its votes: it counts them, compares what it holds with what the
// replicated state has of it, and proposes the difference.
//
// It is level-triggered: each result of an endpoint compares the node's opinion with its vote in the state, so a vote
// that was lost with a leader is proposed again by itself, and none is proposed twice without need. Counts belong to
// a session and a revision of the check; when either changes, counting starts afresh. A session in which this node was
// out of a leader's contact for so long that a leader would have closed it is void here at once, and closed by this
// node's own word as soon as a leader is back. So nothing that was concluded in isolation is replayed later.
//
// Beside the votes each endpoint has a count for this node alone, which goes on whatever the sessions are. It is what
// "no-quorum local" goes by, and is never proposed.
//
// Observe is called from the probers' goroutines, Silent by the one that watches for a leader, Run owns the proposing.
// There is no Raft here: a Proposer is given.
package ballot

import (
	"context"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"sync"
	"time"

	"failoverdns/health"
	"failoverdns/probes"
	"failoverdns/state"
)

const (
	// together is how long votes wait for others to share a command.
	together = 10 * time.Millisecond
	// retryAfter is the pause after a command that did not get through.
	retryAfter = 250 * time.Millisecond
	// proposeTimeout bounds one command.
	proposeTimeout = 10 * time.Second
	// perCommand bounds the votes of one command, far below the size that a command may have.
	perCommand = 200
)

// Proposer gets a command committed.
type Proposer func(context.Context, state.Command) error

// Ballot holds one node's counts.
type Ballot struct {
	node    string
	boot    string // of this process: sessions are opened for it
	state   func() *state.State
	propose Proposer
	log     *slog.Logger
	wake    chan struct{}

	mu      sync.Mutex
	counts  map[string]*count        // guarded by mu; by endpoint ID
	own     map[string]*count        // guarded by mu; likewise, whatever the session; never proposed
	pending map[string]bool          // guarded by mu; endpoints whose vote differs from the state's
	lost    map[time.Duration]uint64 // guarded by mu; void sessions by interval
	closing bool                     // guarded by mu; a leader is in contact, so void sessions can be closed
}

// count is one endpoint's counter, with what it counts for.
type count struct {
	*health.Counter
	revision uint64
	session  uint64
	reason   health.Reason // of the last failure or abstention
	detail   string
}

// New makes a ballot for a node; boot identifies the process, state gives the replicated state as applied here.
func New(node, boot string, state func() *state.State, propose Proposer, log *slog.Logger) *Ballot {
	return &Ballot{node: node, boot: boot, state: state, propose: propose, log: log,
		wake: make(chan struct{}, 1), counts: map[string]*count{}, own: map[string]*count{}, pending: map[string]bool{}, lost: map[time.Duration]uint64{}}
}

// Observe counts a result and says whether the next probe should come at the check's recheck spacing. Results that
// come while no session is open for this process count for this node alone.
func (b *Ballot) Observe(r probes.Result) (recheck bool) {
	st := b.state()
	e, ok := st.Endpoints.Get(r.Endpoint)
	if !ok || e.Revision != r.Revision {
		return false
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	own := counted(b.own, e, 0)
	own.take(r)
	session, ok := b.session(st, e.Spec.Interval)
	if !ok {
		return e.Spec.Recheck > 0 && own.Deciding()
	}
	c := counted(b.counts, e, session)
	c.take(r)
	b.compare(e, c)
	return e.Spec.Recheck > 0 && c.Deciding()
}

// session is the number of this process's open session at an interval, unless it is void.
func (b *Ballot) session(st *state.State, interval time.Duration) (number uint64, ok bool) {
	s, ok := st.Sessions.Get(state.SessionKey(b.node, interval))
	if !ok || s.Boot != b.boot || s.Number == b.lost[interval] {
		return 0, false
	}
	return s.Number, true
}

func (c *count) take(r probes.Result) {
	if r.Outcome != health.Success {
		c.reason, c.detail = r.Reason, r.Detail
	}
	c.Observe(r.Outcome, r.Started)
}

// counted finds an endpoint's counter, or begins a new one where session or revision changed.
func counted(counts map[string]*count, e *state.Endpoint, session uint64) *count {
	known := e.Verdict != health.VerdictUnknown
	c := counts[e.ID]
	if c == nil || c.revision != e.Revision || c.session != session {
		c = &count{Counter: health.NewCounter(e.Spec, known), revision: e.Revision, session: session}
		counts[e.ID] = c
	}
	if known {
		c.Known()
	}
	return c
}

// compare marks an endpoint whose vote in the state is not this node's opinion.
func (b *Ballot) compare(e *state.Endpoint, c *count) {
	if opinion, _ := c.Vote(); opinion == b.standing(e, c.session) {
		delete(b.pending, e.ID)
		return
	}
	b.pending[e.ID] = true
	select {
	case b.wake <- struct{}{}:
	default:
	}
}

// standing is this node's vote in the state.
func (b *Ballot) standing(e *state.Endpoint, session uint64) health.Opinion {
	for _, v := range e.Votes {
		if v.Node == b.node && v.Session == session {
			return v.Opinion
		}
	}
	return health.None
}

// Count is an endpoint's vote and runs, for people; ok is false where nothing has been counted.
func (b *Ballot) Count(endpoint string) (vote health.Opinion, successes, failures int, ok bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	c := b.counts[endpoint]
	if c == nil {
		return health.None, 0, 0, false
	}
	vote, _ = c.Vote()
	successes, failures = c.Runs()
	return vote, successes, failures, true
}

// Forget drops the counts of endpoints that are no more.
func (b *Ballot) Forget() {
	st := b.state()
	b.mu.Lock()
	defer b.mu.Unlock()
	gone := func(id string) bool { return !st.Endpoints.Has(id) }
	maps.DeleteFunc(b.counts, func(id string, _ *count) bool { return gone(id) })
	maps.DeleteFunc(b.own, func(id string, _ *count) bool { return gone(id) })
	maps.DeleteFunc(b.pending, func(id string, _ bool) bool { return gone(id) })
}

// Run proposes votes until the context ends.
func (b *Ballot) Run(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-b.wake:
		}
		pause := together
		for sleep(ctx, pause) {
			body := b.next()
			if body == nil {
				break
			}
			pause = together
			if err := b.send(ctx, body); err != nil {
				b.log.Debug("a command is not through yet", "command", fmt.Sprintf("%T", body), "error", err)
				pause = retryAfter
			}
		}
	}
}

// next is what to propose now, or nil: the ends of void sessions before votes.
func (b *Ballot) next() state.Body {
	if c := b.voidSession(); c != nil {
		return c
	}
	if votes := b.collect(); len(votes) > 0 {
		return &state.Votes{Node: b.node, Votes: votes}
	}
	return nil
}

// collect gives the votes to propose now, and drops what the state has got by itself.
func (b *Ballot) collect() []state.Cast {
	st, now := b.state(), time.Now()
	b.mu.Lock()
	defer b.mu.Unlock()
	var votes []state.Cast
	for _, id := range slices.Sorted(maps.Keys(b.pending)) {
		e, ok := st.Endpoints.Get(id)
		c := b.counts[id]
		if !ok || c == nil || !b.current(st, e, c) {
			delete(b.pending, id)
			continue
		}
		opinion, first := c.Vote()
		if opinion == b.standing(e, c.session) {
			delete(b.pending, id)
			continue
		}
		if votes = append(votes, c.cast(id, opinion, first, now)); len(votes) == perCommand {
			break
		}
	}
	return votes
}

// current says whether a counter still counts for the state's revision and an open session of this process.
func (b *Ballot) current(st *state.State, e *state.Endpoint, c *count) bool {
	number, ok := b.session(st, e.Spec.Interval)
	return ok && number == c.session && e.Revision == c.revision
}

func (c *count) cast(id string, o health.Opinion, first, now time.Time) state.Cast {
	v := state.Cast{Endpoint: id, Revision: c.revision, Session: c.session, Opinion: o}
	if o != health.Up {
		v.Reason, v.Detail = c.reason, c.detail
	}
	if o == health.Down {
		v.SinceFirst = now.Sub(first)
	}
	return v
}

func (b *Ballot) send(ctx context.Context, body state.Body) error {
	ctx, cancel := context.WithTimeout(ctx, proposeTimeout)
	defer cancel()
	return b.propose(ctx, state.Command{Header: state.Header{Node: b.node}, Body: body})
}

// sleep waits and says whether the context still lives.
func sleep(ctx context.Context, d time.Duration) bool {
	select {
	case <-ctx.Done():
		return false
	case <-time.After(d):
		return true
	}
}

// Targets lists what a node probes: every endpoint of the replicated state.
func Targets(st *state.State) []probes.Target {
	out := make([]probes.Target, 0, st.Endpoints.Len())
	for _, e := range st.Endpoints.All() {
		out = append(out, probes.Target{Endpoint: e.ID, Revision: e.Revision, Check: e.Spec, Address: e.Address, Host: e.Host})
	}
	return out
}
