package state

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

func delivered(t *testing.T, s *State, wall int64, c Delivered) (*State, *Delivery) {
	t.Helper()
	next, res := s.Apply(s.Index+1, Command{Header{Clock: s.Clock + time.Second, Wall: time.Unix(wall, 0).UTC()}, &c})
	if res.Refusal != nil {
		t.Fatal(res.Refusal)
	}
	d, ok := next.Deliveries.Get(c.Webhook)
	if !ok {
		t.Fatalf("webhook %s has no mark", c.Webhook)
	}
	return next, d
}

func TestMarkOfAWebhookNeverGoesBack(t *testing.T) {
	s, _ := delivered(t, sample(t), 1, Delivered{Webhook: "pager", Through: 9, Sent: 2})
	_, d := delivered(t, s, 2, Delivered{Webhook: "pager", Through: 4, Sent: 1})
	if d.Through != 9 || d.Sent != 3 {
		t.Errorf("got %+v", d)
	}
}

func TestMarkSaysSinceWhenDeliveriesFailAndThatTheyNoLongerDo(t *testing.T) {
	s, _ := delivered(t, sample(t), 10, Delivered{Webhook: "pager", Through: 1, Sent: 1})
	s, _ = delivered(t, s, 20, Delivered{Webhook: "pager", Through: 1, Error: "status 500"})
	s, d := delivered(t, s, 30, Delivered{Webhook: "pager", Through: 1, Error: "timeout"})
	if d.Failing.Unix() != 20 || d.Error != "timeout" || d.Last.Unix() != 10 {
		t.Errorf("failing: %+v", d)
	}
	if _, d = delivered(t, s, 40, Delivered{Webhook: "pager", Through: 2, Sent: 1}); !d.Failing.IsZero() || d.Error != "" || d.Last.Unix() != 40 {
		t.Errorf("well again: %+v", d)
	}
}

func TestMarksOfWebhooksAreBoundedAndTheOldestMakesRoom(t *testing.T) {
	s := sample(t)
	for i := range maxDeliveries + 1 {
		s, _ = delivered(t, s, 1, Delivered{Webhook: fmt.Sprint("w", i), Through: 1})
	}
	if s.Deliveries.Len() != maxDeliveries || s.Deliveries.Has("w0") || !s.Deliveries.Has("w1") {
		t.Errorf("%d marks, of w0 %v", s.Deliveries.Len(), s.Deliveries.Has("w0"))
	}
}

func TestForgottenWebhookHasNoMark(t *testing.T) {
	s, _ := delivered(t, sample(t), 1, Delivered{Webhook: "pager", Through: 1})
	if s = by(s, "ann", "", &ForgetWebhook{Webhook: "pager", Reason: "we changed it"}); s.Deliveries.Has("pager") {
		t.Error("it has one still")
	}
	if a := lastAudit(t, s); a.Action != "forget-webhook" || a.Target != "pager" || a.Reason != "we changed it" {
		t.Errorf("audited as %+v", a)
	}
	_, res := s.Apply(s.Index+1, Command{Header{}, &ForgetWebhook{Webhook: "pager"}})
	if res.Refusal == nil || res.Refusal.Code != RefusedNotFound {
		t.Errorf("a second time: %v", res.Refusal)
	}
}

func TestWebhookNameOutOfBoundsIsRefused(t *testing.T) {
	for _, name := range []string{"", strings.Repeat("x", MaxWebhookName+1)} {
		s := sample(t)
		if _, res := s.Apply(s.Index+1, Command{Header{}, &Delivered{Webhook: name}}); res.Refusal == nil {
			t.Errorf("%q is taken", name)
		}
	}
}

func TestEventsAfterCountsWhatIsNoLongerKept(t *testing.T) {
	s := sample(t)
	_, first, _ := s.Events.First()
	s.Events = s.Events.Without(numberKey(first.ID))
	if events, lost := s.EventsAfter(0); lost != first.ID || len(events) != s.Events.Len() || events[0].ID != first.ID+1 {
		t.Errorf("%d events, %d lost", len(events), lost)
	}
	_, last, _ := s.Events.Last()
	if events, lost := s.EventsAfter(last.ID - 1); len(events) != 1 || events[0] != last || lost != 0 {
		t.Errorf("%v, %d lost", events, lost)
	}
	if events, lost := s.EventsAfter(last.ID); events != nil || lost != 0 {
		t.Errorf("%v, %d lost", events, lost)
	}
}
