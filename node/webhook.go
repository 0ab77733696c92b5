package node

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"failoverdns/state"
	"failoverdns/webhook"
)

// Webhook is a webhook of this node's configuration, without what is secret of it.
type Webhook struct {
	Name    string
	Format  string
	Events  []string // patterns; none: all that are not quiet
	Signed  bool
	Pending int // kept events that it wants and that no leader has delivered yet
}

// Webhooks are those of this node's configuration, in its order.
func (n *Node) Webhooks() (out []Webhook) {
	st := n.State()
	for _, t := range n.Config().Webhooks {
		out = append(out, Webhook{Name: t.Name, Format: string(t.Format), Events: t.Events, Signed: t.Secret != "", Pending: pending(st, &t)})
	}
	return out
}

// pending counts what a webhook waits for. One without a mark waits for nothing yet.
func pending(st *state.State, t *webhook.Target) (count int) {
	mark, ok := st.Deliveries.Get(t.Name)
	if !ok {
		return 0
	}
	events, _ := st.EventsAfter(mark.Through)
	for _, e := range events {
		if t.Wants(e.Type) {
			count++
		}
	}
	return count
}

// ErrNoWebhook is what TryWebhook gives for a name that this node's configuration does not have.
var ErrNoWebhook = errors.New("this node's configuration has no such webhook")

// TryWebhook sends a made-up event of type "test" from this node, once, whether or not it leads.
func (n *Node) TryWebhook(ctx context.Context, name string) error {
	for _, t := range n.Config().Webhooks {
		if t.Name == name {
			return n.send(ctx, &t, &state.Event{Type: "test", Node: n.ID(), Wall: time.Now(), Text: fmt.Sprintf("a test of webhook %s by %s; nothing happened", name, n.ID())})
		}
	}
	return ErrNoWebhook
}

func (n *Node) send(ctx context.Context, t *webhook.Target, e *state.Event) error {
	s := webhook.Sender{Agent: "failoverdns/" + n.Config().Version}
	return s.Send(ctx, t, e)
}

// deliveries keeps who wants to hear of tries.
type deliveries struct {
	mu        sync.Mutex // guards what follows
	observers []func(webhook, result string)
}

// OnDelivery adds an observer of every try to deliver an event from this node; it must not wait.
func (n *Node) OnDelivery(f func(webhook, result string)) {
	n.deliveries.mu.Lock()
	defer n.deliveries.mu.Unlock()
	n.deliveries.observers = append(n.deliveries.observers, f)
}

func (d *deliveries) tell(webhook, result string) {
	d.mu.Lock()
	observers := d.observers
	d.mu.Unlock()
	for _, f := range observers {
		f(webhook, result)
	}
}
