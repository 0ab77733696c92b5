package state

import (
	"fmt"
	"time"
)

// Delivery is how far the events are through with one webhook: the leader's mark, which the next leader goes on from.
// Where a webhook points and how it is signed stands in the nodes' files, and never here.
type Delivery struct {
	Webhook string    `json:"webhook"`
	Through uint64    `json:"through"` // ID of the last event that is done with
	At      Clock     `json:"at"`      // of this mark
	Sent    uint64    `json:"sent"`    // events delivered since the mark was made
	Lost    uint64    `json:"lost"`    // events given up, or no longer kept when their turn came
	Last    time.Time `json:"last,omitzero"`
	Failing time.Time `json:"failing,omitzero"` // since when deliveries fail; zero: they do not
	Error   string    `json:"error,omitempty"`  // of the failing one; names no URL
}

// maxDeliveries bounds the marks; the longest unmoved one makes room.
const maxDeliveries = 64

// MaxWebhookName bounds a webhook's name, in bytes.
const MaxWebhookName = 63

// Delivered moves a webhook's mark, and says how it went. The first one of a webhook makes it.
type Delivered struct {
	Webhook string `json:"webhook"`
	Through uint64 `json:"through"`
	Sent    uint64 `json:"sent,omitempty"`
	Lost    uint64 `json:"lost,omitempty"`
	Error   string `json:"error,omitempty"` // deliveries fail now; empty: they do not
}

// ForgetWebhook drops the mark of a webhook that is no longer wanted.
type ForgetWebhook struct {
	Webhook string `json:"webhook"`
	Reason  string `json:"reason,omitempty"`
}

func (*Delivered) kind() kind     { return kindDelivered }
func (*ForgetWebhook) kind() kind { return kindWebhookGone }

func (c *Delivered) apply(t *txn) *Refusal {
	if c.Webhook == "" || len(c.Webhook) > MaxWebhookName {
		return refuse(RefusedInvalid, "webhook %q is no name of 1 to %d bytes", c.Webhook, MaxWebhookName)
	}
	next := Delivery{Webhook: c.Webhook}
	if old, ok := t.s.Deliveries.Get(c.Webhook); ok {
		next = *old
	}
	next.Through, next.At = max(next.Through, c.Through), t.s.Clock
	next.Sent, next.Lost = next.Sent+c.Sent, next.Lost+c.Lost
	if c.Sent > 0 {
		next.Last = t.s.Wall
	}
	switch {
	case c.Error == "":
		next.Failing, next.Error = time.Time{}, ""
	case next.Error == "":
		next.Failing = t.s.Wall
		fallthrough
	default:
		next.Error = cut(c.Error, maxNoteText)
	}
	t.s.Deliveries = t.s.Deliveries.With(c.Webhook, &next)
	t.boundDeliveries(c.Webhook)
	return nil
}

// boundDeliveries drops the mark that has not moved for longest, but for the one that just did.
func (t *txn) boundDeliveries(keep string) {
	for t.s.Deliveries.Len() > maxDeliveries {
		var oldest *Delivery
		for name, d := range t.s.Deliveries.All() {
			if name != keep && (oldest == nil || d.At < oldest.At) {
				oldest = d
			}
		}
		t.s.Deliveries = t.s.Deliveries.Without(oldest.Webhook)
	}
}

func (c *ForgetWebhook) apply(t *txn) *Refusal {
	if !t.s.Deliveries.Has(c.Webhook) {
		return refuse(RefusedNotFound, "there is no webhook %q; failoverctl webhook list names them", c.Webhook)
	}
	t.s.Deliveries = t.s.Deliveries.Without(c.Webhook)
	t.event(Event{Type: "webhook-forgotten", Reason: c.Reason, Text: fmt.Sprintf("deliveries to webhook %s are forgotten, %s%s", c.Webhook, byWhom(t.h.Author), because(c.Reason))})
	return nil
}

// EventsAfter walks the kept events with IDs above one, in order; lost counts those between that are no longer kept.
func (s *State) EventsAfter(id uint64) (events []*Event, lost uint64) {
	_, last, ok := s.Events.Last()
	if !ok || last.ID <= id {
		return nil, 0
	}
	_, first, _ := s.Events.First()
	if first.ID > id+1 {
		lost = first.ID - id - 1
	}
	for n := max(id+1, first.ID); n <= last.ID; n++ {
		if e, ok := s.Events.Get(numberKey(n)); ok {
			events = append(events, e)
		}
	}
	return events, lost
}
