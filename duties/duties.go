// Package duties is what the leader alone does: it opens and closes the sessions in which nodes' votes count, sends the
// timers that are due, looks flattened targets up, delivers events to webhooks, and keeps with incidents how fast the nodes
// followed. It decides when, never what: every
// command is judged again as it is applied.
//
// Run belongs to one goroutine and lives as long as this node leads; Heard and Wake may be called from any. Targets are
// looked up on a goroutine of Run's own, and each webhook has one, so a slow resolver or receiver keeps nothing else
// waiting.
//
// A webhook gets the events that it wants in order, each at least once: the replicated state holds a mark that follows
// the deliveries, and whoever leads next goes on from there. What was delivered and not marked yet is delivered again,
// under the same ID.
package duties

import (
	"context"
	"log/slog"
	"net/netip"
	"sync"
	"time"

	"failoverdns/state"
	"failoverdns/webhook"
)

const (
	// round is how often the leader looks around, unless something is due earlier.
	round = time.Second
	// proposeTimeout bounds one command.
	proposeTimeout = 5 * time.Second
)

// Leader is what the duties need of the node that leads.
type Leader struct {
	State   func() *state.State
	Clock   func() (state.Clock, bool) // the cluster clock now; false when not leading
	Propose func(context.Context, state.Command) error
	// LookUp gives the addresses of a flattened target; a family that it cannot tell now keeps those of last. An error
	// keeps all of them. It may be called from several goroutines; nil: nothing is looked up.
	LookUp func(ctx context.Context, host string, last []netip.Addr) ([]netip.Addr, error)
	// DrillTimes asks every node how the command of an index came to its answers; nil: drills are not measured.
	DrillTimes func(ctx context.Context, index uint64) []state.DrillTime
	// Webhooks are those of this node's configuration; nil: none. Send tries one event once. Delivered, if not nil, is told
	// of each try.
	Webhooks  func() []webhook.Target
	Send      func(context.Context, *webhook.Target, *state.Event) error
	Delivered func(name, result string)
	// Measure asks all members how the command of an index came to their answers; nil: nobody is asked.
	Measure func(ctx context.Context, index uint64) []state.Measure
	Log     *slog.Logger
}

// Duties keeps the contacts that sessions depend on.
type Duties struct {
	leader Leader
	wake   chan struct{}
	// declared wakes the looking up of targets, as wake does all else.
	declared chan struct{}
	// happened wakes the deliveries.
	happened chan struct{}

	mu       sync.Mutex
	contacts map[string]contact // guarded by mu; by node ID
}

// contact is when a node was last heard, and which process of it.
type contact struct {
	boot string
	at   time.Time
}

// New makes the duties of a node, for whenever it leads.
func New(leader Leader) *Duties {
	return &Duties{leader: leader, wake: make(chan struct{}, 1), declared: make(chan struct{}, 1), happened: make(chan struct{}, 1), contacts: map[string]contact{}}
}

// Heard notes that a node is in contact.
func (d *Duties) Heard(node, boot string) {
	d.mu.Lock()
	before := d.contacts[node]
	d.contacts[node] = contact{boot, time.Now()}
	d.mu.Unlock()
	if before.boot != boot {
		d.Wake()
	}
}

// Wake makes Run look now: checks, targets or overrides changed.
func (d *Duties) Wake() {
	for _, c := range []chan struct{}{d.wake, d.declared, d.happened} {
		select {
		case c <- struct{}{}:
		default:
		}
	}
}

// Run does the duties until the context ends, which is when leadership does. Silence counts from its start on: an
// earlier leader's contacts are not known here.
func (d *Duties) Run(ctx context.Context) {
	began := time.Now()
	d.mu.Lock()
	clear(d.contacts)
	d.mu.Unlock()
	var beside sync.WaitGroup
	defer beside.Wait()
	beside.Go(func() { d.keepTargets(ctx) })
	beside.Go(func() { d.keepDrills(ctx) })
	beside.Go(func() { d.keepDelivering(ctx) })
	beside.Go(func() { d.keepMeasuring(ctx) })
	for ctx.Err() == nil {
		d.sessions(ctx, began)
		d.due(ctx)
		select {
		case <-ctx.Done():
		case <-d.wake:
		case <-time.After(d.untilDue()):
		}
	}
}

// untilDue is the time to the next timer, at most a round.
func (d *Duties) untilDue() time.Duration {
	at, ok := d.leader.State().NextDue()
	now, leads := d.leader.Clock()
	if !ok || !leads {
		return round
	}
	return min(round, max(at-now, time.Millisecond))
}

func (d *Duties) due(ctx context.Context) {
	at, ok := d.leader.State().NextDue()
	if now, leads := d.leader.Clock(); ok && leads && at <= now {
		d.propose(ctx, &state.Due{})
	}
}

// sessions opens one for each probing node in contact and each check interval, and closes those of silent nodes.
func (d *Duties) sessions(ctx context.Context, began time.Time) {
	st := d.leader.State()
	intervals := st.Intervals()
	for id, node := range st.Nodes.All() {
		if !node.Probe {
			continue
		}
		for _, interval := range intervals {
			if body := d.session(st, id, interval, began); body != nil {
				d.propose(ctx, body)
			}
		}
	}
}

// session gives the command that a node's session needs, or nil.
func (d *Duties) session(st *state.State, id string, interval time.Duration, began time.Time) state.Body {
	d.mu.Lock()
	c, heard := d.contacts[id]
	d.mu.Unlock()
	if !heard {
		c.at = began
	}
	open, ok := st.Sessions.Get(state.SessionKey(id, interval))
	silent := time.Since(c.at) > state.LostAfter(interval)
	switch {
	case ok && silent:
		return &state.SessionClose{Node: id, Interval: interval, Number: open.Number, Recount: true}
	case heard && !silent && (!ok || open.Boot != c.boot):
		return &state.SessionOpen{Node: id, Interval: interval, Boot: c.boot}
	}
	return nil
}

// propose says whether a command got through; if not, its duty is tried again.
func (d *Duties) propose(ctx context.Context, body state.Body) bool {
	ctx, cancel := context.WithTimeout(ctx, proposeTimeout)
	defer cancel()
	err := d.leader.Propose(ctx, state.Command{Body: body})
	if err != nil && ctx.Err() == nil {
		d.leader.Log.Warn("a duty of the leader did not get through; it is tried again", "error", err)
	}
	return err == nil
}
