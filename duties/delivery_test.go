package duties

import (
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net"
	"net/http"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"failoverdns/state"
	"failoverdns/webhook"
)

// receiver is a real HTTP server on connections in memory, so that it lives in virtual time.
type receiver struct {
	conns chan net.Conn
	ended chan struct{}

	mu     sync.Mutex
	answer func(n int) int // the status of request n, counted from 1; 200 without it
	ids    []string        // webhook-id of each request, in order
	texts  []string
	at     []time.Time
	server *http.Server
}

func newReceiver(t *testing.T) *receiver {
	r := &receiver{conns: make(chan net.Conn), ended: make(chan struct{})}
	r.server = &http.Server{Handler: r}
	go func() { _ = r.server.Serve(r) }()
	t.Cleanup(func() { r.server.Close() })
	return r
}

func (r *receiver) Accept() (net.Conn, error) {
	select {
	case c := <-r.conns:
		return c, nil
	case <-r.ended:
		return nil, net.ErrClosed
	}
}

func (r *receiver) Close() error   { close(r.ended); return nil }
func (r *receiver) Addr() net.Addr { return &net.TCPAddr{} }

func (r *receiver) dial(ctx context.Context, _, _ string) (net.Conn, error) {
	near, far := net.Pipe()
	select {
	case r.conns <- far:
		return near, nil
	case <-r.ended:
		return nil, net.ErrClosed
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

func (r *receiver) ServeHTTP(w http.ResponseWriter, q *http.Request) {
	b, _ := io.ReadAll(q.Body)
	var m struct{ Data struct{ Text string } }
	_ = json.Unmarshal(b, &m)
	r.mu.Lock()
	r.ids, r.texts, r.at = append(r.ids, q.Header.Get("Webhook-Id")), append(r.texts, m.Data.Text), append(r.at, time.Now())
	status := 200
	if r.answer != nil {
		status = r.answer(len(r.ids))
	}
	r.mu.Unlock()
	if status == 0 {
		<-q.Context().Done() // hangs until the client is gone
		return
	}
	w.WriteHeader(status)
}

func (r *receiver) seen() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.ids)
}

func (r *receiver) answering(f func(n int) int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.answer = f
}

// delivering runs a test with a leader that delivers notable events to a receiver. lead starts one reign, and gives its
// end.
func delivering(t *testing.T, test func(w *world, r *receiver, lead func() (end func()))) {
	synctest.Test(t, func(t *testing.T) {
		w := &world{t: t, began: time.Now(), st: state.New()}
		w.st, _ = w.st.Configure(1, []state.Member{{ID: "ns1", Voter: true}, {ID: "ns2", Voter: true}})
		w.declare()
		r := newReceiver(t)
		transport := &http.Transport{DialContext: r.dial}
		t.Cleanup(transport.CloseIdleConnections)
		sender := &webhook.Sender{Transport: transport}
		target := webhook.Target{Name: "pager", URL: "http://pager.example/", Format: webhook.Failover, Timeout: 10 * time.Second, Events: []string{"override-*"}}
		lead := func() func() {
			d := New(Leader{State: w.state, Clock: w.clock, Propose: w.propose, Log: slog.New(slog.DiscardHandler),
				Webhooks: func() []webhook.Target { return []webhook.Target{target} }, Send: sender.Send})
			ctx, cancel := context.WithCancel(t.Context())
			var running sync.WaitGroup
			running.Go(func() { d.Run(ctx) })
			w.wake = d.Wake
			time.Sleep(time.Millisecond)
			return func() { cancel(); running.Wait() }
		}
		test(w, r, lead)
	})
}

// speak makes n events that the webhook wants, and as many that it does not.
func (w *world) speak(n int) {
	w.t.Helper()
	for range n {
		w.must(&state.SetOverride{Scope: state.ScopeSite, Target: "aws", Word: state.ForceDown, Force: true})
		w.must(&state.ClearOverride{Scope: state.ScopeSite, Target: "aws", Force: true})
	}
	w.wake()
}

// wanted are the IDs of the kept events that the webhook wants, after the first skip.
func (w *world) wanted() (out []string) {
	for _, e := range w.state().Events.All() {
		if e.Type == "override-set" || e.Type == "override-cleared" {
			out = append(out, webhook.ID(e))
		}
	}
	return out
}

func TestEventsReachTheWebhookInOrderAndOnce(t *testing.T) {
	delivering(t, func(w *world, r *receiver, lead func() func()) {
		defer lead()()
		w.speak(5)
		time.Sleep(3 * time.Second)
		if got := r.seen(); !slices.Equal(got, w.wanted()) || len(got) != 10 {
			t.Errorf("got %v, want %v", got, w.wanted())
		}
		mark, _ := w.state().Deliveries.Get("pager")
		if _, last, _ := w.state().Events.Last(); mark.Sent != 10 || mark.Through < last.ID-2 {
			t.Errorf("mark %+v; the last event is %d", mark, last.ID)
		}
	})
}

func TestWebhookThatIsNewHearsOnlyWhatHappensFromNowOn(t *testing.T) {
	delivering(t, func(w *world, r *receiver, lead func() func()) {
		w.wake = func() {}
		w.speak(3)
		defer lead()()
		time.Sleep(3 * time.Second)
		if got := r.seen(); got != nil {
			t.Errorf("it heard %v", got)
		}
	})
}

func TestFailedDeliveryIsTriedAgainWithGrowingPausesAndNothingOvertakes(t *testing.T) {
	delivering(t, func(w *world, r *receiver, lead func() func()) {
		defer lead()()
		r.answering(func(n int) int {
			if n <= 6 {
				return 500
			}
			return 204
		})
		w.speak(1)
		time.Sleep(20 * time.Second)
		if mark, _ := w.state().Deliveries.Get("pager"); mark.Error != "it answered 500 Internal Server Error" || mark.Sent != 0 {
			t.Errorf("while it fails: %+v", mark)
		}
		time.Sleep(2 * time.Minute)
		got, want := r.seen(), w.wanted()
		if len(got) != 8 || got[0] != want[0] || got[5] != want[0] || got[6] != want[0] || got[7] != want[1] {
			t.Errorf("got %v of %v", got, want)
		}
		for try := range 6 {
			pause, most := r.at[try+1].Sub(r.at[try]), firstBackoff<<try
			if pause < most/2 || pause > most+time.Millisecond {
				t.Errorf("pause %d is %s, not from %s to %s", try, pause, most/2, most)
			}
		}
		if mark, _ := w.state().Deliveries.Get("pager"); mark.Error != "" || mark.Sent != 2 {
			t.Errorf("after it recovered: %+v", mark)
		}
	})
}

func TestNextLeaderGoesOnWhereTheLastOneWasCutOff(t *testing.T) {
	delivering(t, func(w *world, r *receiver, lead func() func()) {
		end := lead()
		r.answering(func(n int) int {
			if n > 3 {
				return 0 // it hangs: the leader is lost in the middle of a delivery
			}
			return 200
		})
		w.speak(4)
		time.Sleep(5 * time.Second)
		end()
		r.answering(nil)
		defer lead()()
		time.Sleep(5 * time.Second)
		var first []string
		for _, id := range r.seen() {
			if !slices.Contains(first, id) {
				first = append(first, id)
			}
		}
		if !slices.Equal(first, w.wanted()) {
			t.Errorf("each first time: %v, want %v", first, w.wanted())
		}
		if again := len(r.seen()) - len(first); again != 1 {
			t.Errorf("%d deliveries were repeated; only the one that hung was to be", again)
		}
	})
}

func TestReceiverThatHangsCostsItsTimeoutAndIsTriedAgain(t *testing.T) {
	delivering(t, func(w *world, r *receiver, lead func() func()) {
		defer lead()()
		r.answering(func(n int) int { return map[bool]int{true: 0, false: 200}[n == 1] })
		w.speak(1)
		time.Sleep(9 * time.Second)
		if len(r.seen()) != 1 {
			t.Fatalf("%d requests within the timeout", len(r.seen()))
		}
		time.Sleep(5 * time.Second)
		if got := r.seen(); len(got) != 3 || got[0] != got[1] {
			t.Errorf("got %v", got)
		}
	})
}

func TestEventThatIsRefusedAsMalformedIsGivenUpAndTheNextOneGoesOn(t *testing.T) {
	delivering(t, func(w *world, r *receiver, lead func() func()) {
		defer lead()()
		r.answering(func(n int) int { return map[bool]int{true: 400, false: 200}[n <= refusals] })
		w.speak(1)
		time.Sleep(5 * time.Minute)
		got, want := r.seen(), w.wanted()
		if len(got) != refusals+1 || got[refusals] != want[1] {
			t.Errorf("got %v of %v", got, want)
		}
		if mark, _ := w.state().Deliveries.Get("pager"); mark.Lost != 1 || mark.Sent != 1 {
			t.Errorf("mark %+v", mark)
		}
	})
}

func TestEventIsGivenUpAfterADay(t *testing.T) {
	delivering(t, func(w *world, r *receiver, lead func() func()) {
		defer lead()()
		r.answering(func(int) int { return 503 })
		w.speak(1)
		time.Sleep(23 * time.Hour)
		if mark, _ := w.state().Deliveries.Get("pager"); mark.Lost != 0 || mark.Failing.IsZero() && mark.Error == "" {
			t.Errorf("after 23 hours: %+v", mark)
		}
		time.Sleep(2 * time.Hour)
		if mark, _ := w.state().Deliveries.Get("pager"); mark.Lost != 2 {
			t.Errorf("after 25 hours: %+v", mark)
		}
		if tries := len(r.seen()); tries > 24*60/2 {
			t.Errorf("%d tries in a day", tries)
		}
	})
}

func TestReceiverThatAsksForPatienceGetsIt(t *testing.T) {
	for after, want := range map[time.Duration]time.Duration{90 * time.Second: 90 * time.Second, 2 * time.Hour: mostPatience} {
		if got := backoff(0, &webhook.Failure{After: after}); got != want {
			t.Errorf("asked for %s, got %s", after, got)
		}
	}
}

func TestBackoffIsCapped(t *testing.T) {
	for try := range 200 {
		if d := backoff(try, nil); d > mostBackoff || d < min(firstBackoff<<min(try, 20), mostBackoff)/2 {
			t.Errorf("try %d: %s", try, d)
		}
	}
}
