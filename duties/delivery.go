package duties

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"reflect"
	"sync"
	"time"

	"failoverdns/state"
	"failoverdns/webhook"
)

const (
	// firstBackoff doubles with each failed try up to mostBackoff, and half of it is drawn, so that receivers that come
	// back are not met by everybody at once.
	firstBackoff = time.Second
	mostBackoff  = 5 * time.Minute
	// mostPatience bounds what a receiver may ask for with Retry-After.
	mostPatience = time.Hour
	// keptFor is how old an event gets before it is given up: a receiver that was away for longer needs no page on it.
	keptFor = 24 * time.Hour
	// refusals is how often a receiver may say that an event is malformed before it is given up: one that it never takes
	// must not keep all behind it waiting for a day.
	refusals = 8
	// markSkipped is how many events that a webhook does not want the mark in the replicated state may lag behind. It
	// follows each delivery at once: what is not marked yet is delivered again by the next leader.
	markSkipped = 64
)

// The results of tries, as counted.
const (
	DeliverySuccess = "success"
	DeliveryFailure = "failure" // it is tried again
	DeliveryDropped = "dropped" // it is not
)

// deliveries is one leader's delivering: a queue for each webhook, so that a slow one keeps no other waiting. It belongs
// to the goroutine of keepDelivering.
type deliveries struct {
	*Duties
	queues map[string]*queue
}

// keepDelivering keeps a queue running for each webhook of this node, until the context ends.
func (d *Duties) keepDelivering(ctx context.Context) {
	if d.leader.Webhooks == nil {
		return
	}
	x := &deliveries{d, map[string]*queue{}}
	for ctx.Err() == nil {
		x.reconcile(ctx)
		select {
		case <-ctx.Done():
		case <-d.happened:
		case <-time.After(round):
		}
	}
	for _, q := range x.queues {
		q.end()
	}
}

// reconcile starts and ends queues as the configuration says, and has all look at the events.
func (x *deliveries) reconcile(ctx context.Context) {
	wanted := map[string]webhook.Target{}
	for _, t := range x.leader.Webhooks() {
		wanted[t.Name] = t
	}
	for name, q := range x.queues {
		if t, ok := wanted[name]; !ok || !reflect.DeepEqual(t, q.target) {
			q.end()
			delete(x.queues, name)
		}
	}
	for name, t := range wanted {
		if x.queues[name] == nil {
			x.queues[name] = x.start(ctx, t)
		}
		select {
		case x.queues[name].wake <- struct{}{}:
		default:
		}
	}
}

func (x *deliveries) start(ctx context.Context, t webhook.Target) *queue {
	ctx, cancel := context.WithCancel(ctx)
	q := &queue{Duties: x.Duties, target: t, wake: make(chan struct{}, 1), cancel: cancel}
	q.done.Go(func() { q.run(ctx) })
	return q
}

// queue delivers the events to one webhook, in order. It belongs to one goroutine.
type queue struct {
	*Duties
	target webhook.Target
	wake   chan struct{}
	cancel context.CancelFunc
	done   sync.WaitGroup

	through    uint64 // done with here
	marked     uint64 // likewise, as the replicated state has it
	sent, lost uint64 // since the mark
	failing    string // why, as the replicated state has it
}

// end stops a queue and waits for it, so that its successor is alone.
func (q *queue) end() {
	q.cancel()
	q.done.Wait()
}

func (q *queue) run(ctx context.Context) {
	if !q.begin(ctx) {
		return
	}
	for ctx.Err() == nil {
		events, lost := q.leader.State().EventsAfter(q.through)
		q.skipLost(ctx, lost)
		for _, e := range events {
			if ctx.Err() != nil {
				return
			}
			if q.target.Wants(e.Type) {
				q.deliver(ctx, e)
			} else {
				q.through = e.ID
			}
			if q.sent+q.lost > 0 || q.through-q.marked >= markSkipped {
				q.mark(ctx, "")
			}
		}
		q.pause(ctx, round, q.wake)
	}
}

// begin goes on from the mark of an earlier leader. A webhook without one begins with what happens from now on.
func (q *queue) begin(ctx context.Context) bool {
	for ctx.Err() == nil {
		st := q.leader.State()
		if mark, ok := st.Deliveries.Get(q.target.Name); ok {
			q.through, q.marked, q.failing = mark.Through, mark.Through, mark.Error
			return true
		}
		first := &state.Delivered{Webhook: q.target.Name}
		if _, last, ok := st.Events.Last(); ok {
			first.Through = last.ID
		}
		if !q.propose(ctx, first) {
			q.pause(ctx, round, nil)
		}
	}
	return false
}

// skipLost passes over events that are no longer kept.
func (q *queue) skipLost(ctx context.Context, n uint64) {
	if n == 0 {
		return
	}
	q.leader.Log.Error("events were not delivered in time and are no longer kept", "webhook", q.target.Name, "events", n)
	q.through, q.lost = q.through+n, q.lost+n
	for range n {
		q.count(DeliveryDropped)
	}
	q.mark(ctx, "")
}

// deliver tries until the receiver has an event, or it is given up.
func (q *queue) deliver(ctx context.Context, e *state.Event) {
	refused := 0
	for try := 0; ctx.Err() == nil; try++ {
		err := q.leader.Send(ctx, &q.target, e)
		if err == nil {
			q.through, q.sent = e.ID, q.sent+1
			q.count(DeliverySuccess)
			return
		}
		if ctx.Err() != nil {
			return // the leadership ended meanwhile: its successor sends it again
		}
		q.count(DeliveryFailure)
		var failure *webhook.Failure
		if errors.As(err, &failure) && failure.Refused() {
			refused++
		}
		if why := q.hopeless(e, refused); why != "" {
			q.through, q.lost = e.ID, q.lost+1
			q.count(DeliveryDropped)
			q.leader.Log.Error("an event is given up for a webhook", "webhook", q.target.Name, "event", e.ID, "type", e.Type, "reason", why, "error", err)
			return
		}
		if err.Error() != q.failing {
			q.leader.Log.Warn("a webhook does not take an event; it is tried again", "webhook", q.target.Name, "event", e.ID, "error", err)
			q.mark(ctx, err.Error())
		}
		q.pause(ctx, backoff(try, failure), nil)
	}
}

// hopeless says why an event is not tried again, or nothing.
func (q *queue) hopeless(e *state.Event, refused int) string {
	now, leads := q.leader.Clock()
	switch {
	case refused >= refusals:
		return fmt.Sprintf("the receiver refused it %d times", refused)
	case leads && now-e.Clock > keptFor:
		return "it is older than " + keptFor.String()
	}
	return ""
}

// backoff is the time to the next try; try counts from 0.
func backoff(try int, f *webhook.Failure) time.Duration {
	d := min(firstBackoff<<min(try, 20), mostBackoff)
	d = d/2 + rand.N(d/2+1)
	if f != nil {
		d = max(d, min(f.After, mostPatience))
	}
	return d
}

// mark puts into the replicated state how far the queue is through.
func (q *queue) mark(ctx context.Context, failing string) {
	body := &state.Delivered{Webhook: q.target.Name, Through: q.through, Sent: q.sent, Lost: q.lost, Error: failing}
	if ctx.Err() == nil && q.propose(ctx, body) {
		q.marked, q.sent, q.lost, q.failing = q.through, 0, 0, failing
	}
}

func (q *queue) count(result string) {
	if q.leader.Delivered != nil {
		q.leader.Delivered(q.target.Name, result)
	}
}

func (q *queue) pause(ctx context.Context, d time.Duration, wake <-chan struct{}) {
	select {
	case <-ctx.Done():
	case <-wake:
	case <-time.After(d):
	}
}
