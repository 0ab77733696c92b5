package duties

import (
	"context"
	"errors"
	"log/slog"
	"net/netip"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"failoverdns/health"
	"failoverdns/record"
	"failoverdns/state"
)

// world is a replicated state that the duties lead, in virtual time.
type world struct {
	t     *testing.T
	began time.Time

	mu     sync.Mutex
	st     *state.State
	broken bool
	wake   func() // of the duties that lead
}

func inWorld(t *testing.T, test func(w *world, d *Duties)) {
	synctest.Test(t, func(t *testing.T) {
		w := &world{t: t, began: time.Now(), st: state.New()}
		w.st, _ = w.st.Configure(1, []state.Member{{ID: "ns1", Voter: true}, {ID: "ns2", Voter: true}})
		w.declare()
		d := New(Leader{State: w.state, Clock: w.clock, Propose: w.propose, Log: slog.New(slog.DiscardHandler)})
		ctx, cancel := context.WithCancel(t.Context())
		var running sync.WaitGroup
		running.Go(func() { d.Run(ctx) })
		synctest.Wait()
		test(w, d)
		cancel()
		running.Wait()
	})
}

func (w *world) declare() {
	w.must(&state.Announce{ID: "ns1", Incarnation: "i", Role: state.Voter, Probe: true})
	apex := record.MustParseName("auth.example.com")
	check, err := health.ParseURL("https://login.auth.example.com/")
	if err == nil {
		err = check.Complete()
	}
	if err != nil {
		w.t.Fatal(err)
	}
	site := func(name, address string) state.SiteDecl {
		return state.SiteDecl{Name: name, Addresses: []netip.Addr{netip.MustParseAddr(address)}, MinHealthy: 1, Checks: []state.CheckDecl{{Name: "https", Check: check}}}
	}
	w.must(&state.Declare{Node: "ns1", Incarnation: "i", Declarations: []*state.Declaration{{
		Zone: apex, Source: "Corefile:1", Sites: []state.SiteDecl{site("azure", "203.0.113.10"), site("aws", "198.51.100.20")},
		Groups: []state.GroupDecl{{Name: "auth.example.com", Sites: []string{"azure", "aws"}, Failback: health.Failback{Mode: health.FailbackAuto},
			AllDown: state.AllDownPrimary, Cells: []state.CellDecl{{Names: []record.Name{apex}, TTL: 60}}}},
	}}})
}

func (w *world) must(body state.Body) {
	w.t.Helper()
	if err := w.propose(w.t.Context(), state.Command{Body: body}); err != nil {
		w.t.Fatalf("%T: %v", body, err)
	}
}

func (w *world) state() *state.State {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.st
}

func (w *world) clock() (state.Clock, bool) { return time.Since(w.began), true }

func (w *world) propose(_ context.Context, c state.Command) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.broken {
		return errors.New("no quorum")
	}
	c.Clock = time.Since(w.began)
	next, r := w.st.Apply(w.st.Index+1, c)
	w.st = next
	if r.Refusal != nil {
		return r.Refusal
	}
	return nil
}

func (w *world) session(node string) (*state.Session, bool) {
	return w.state().Sessions.Get(state.SessionKey(node, health.DefaultInterval))
}

// talk keeps nodes in contact for a time.
func talk(d *Duties, during time.Duration, nodes ...string) {
	for began := time.Now(); time.Since(began) < during; time.Sleep(2 * time.Second) {
		for _, n := range nodes {
			d.Heard(n, "boot-"+n)
		}
	}
}

func TestNodeInContactGetsASessionAtOnce(t *testing.T) {
	inWorld(t, func(w *world, d *Duties) {
		d.Heard("ns1", "boot-ns1")
		synctest.Wait()
		if s, ok := w.session("ns1"); !ok || s.Boot != "boot-ns1" {
			t.Errorf("session %+v, %v", s, ok)
		}
		if _, ok := w.session("ns2"); ok {
			t.Error("a node that was never heard has a session")
		}
	})
}

func TestSilentNodesSessionIsClosedAfterThirtySecondsAndNotBefore(t *testing.T) {
	inWorld(t, func(w *world, d *Duties) {
		talk(d, 10*time.Second, "ns1", "ns2")
		talk(d, 28*time.Second, "ns1")
		if _, ok := w.session("ns2"); !ok {
			t.Error("the session was closed before 30 s of silence")
		}
		talk(d, 6*time.Second, "ns1")
		if _, ok := w.session("ns2"); ok {
			t.Error("the session is open after 30 s of silence")
		}
		if _, ok := w.session("ns1"); !ok {
			t.Error("the session of a node in contact was closed")
		}
	})
}

func TestRestartedNodeGetsANewSession(t *testing.T) {
	inWorld(t, func(w *world, d *Duties) {
		talk(d, 4*time.Second, "ns1")
		first, _ := w.session("ns1")
		d.Heard("ns1", "another-boot")
		synctest.Wait()
		if second, ok := w.session("ns1"); !ok || second.Number == first.Number || second.Boot != "another-boot" {
			t.Errorf("session %+v after the restart, %+v before", second, first)
		}
	})
}

func TestExpiryIsSentWhenItIsDue(t *testing.T) {
	inWorld(t, func(w *world, d *Duties) {
		w.must(&state.SetOverride{Scope: state.ScopeSite, Target: "azure", Word: state.ForceDown, Reason: "test", For: 90 * time.Second})
		d.Wake()
		time.Sleep(89 * time.Second)
		if w.state().Overrides.Len() != 1 {
			t.Fatal("the override ended before its time")
		}
		time.Sleep(time.Second + 10*time.Millisecond)
		if w.state().Overrides.Len() != 0 {
			t.Error("the override is still there after its time")
		}
	})
}

func TestDutyThatDidNotGetThroughIsTriedAgain(t *testing.T) {
	inWorld(t, func(w *world, d *Duties) {
		w.must(&state.SetOverride{Scope: state.ScopeSite, Target: "azure", Word: state.ForceDown, Reason: "test", For: 10 * time.Second})
		w.mu.Lock()
		w.broken = true
		w.mu.Unlock()
		time.Sleep(time.Minute)
		w.mu.Lock()
		w.broken = false
		w.mu.Unlock()
		time.Sleep(2 * time.Second)
		if w.state().Overrides.Len() != 0 {
			t.Error("the override that was due without a quorum did not end with one")
		}
	})
}
