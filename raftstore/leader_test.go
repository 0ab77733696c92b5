package raftstore

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"failoverdns/state"
)

func TestLeaderCutOffIsReplacedAndNothingAcknowledgedIsLost(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := memCluster(t)
		defer c.end()
		c.start("ns1", "ns2", "ns3")
		old := c.leader()
		others := c.except(old.ID())
		mustPropose(t, old, announce(old, old.ID(), "kept"))
		reign, err := old.Lead(t.Context())
		if err != nil {
			t.Fatal(err)
		}

		c.net.Isolate(old.ID(), others...)
		cut := time.Now()
		unknown := make(chan error, 1)
		go func() {
			_, err := old.Propose(context.Background(), announce(old, others[0], "lost?"))
			unknown <- err
		}()
		<-reign.Done()
		if d := time.Since(cut); d > 4*time.Second {
			t.Fatalf("the old leader led on for %v", d)
		}
		if err := <-unknown; !errors.Is(err, ErrUnknownOutcome) {
			t.Fatalf("a command that may or may not survive: %v", err)
		}
		if _, ok := old.Clock(); ok {
			t.Fatal("it still has the leader's clock")
		}
		next := c.leader(others...)
		if d := time.Since(cut); d > 15*time.Second {
			t.Fatalf("the new leader came after %v", d)
		}
		if v := version(next, old.ID()); v != "kept" {
			t.Fatalf("the new leader has version %q", v)
		}
		mustPropose(t, next, announce(next, next.ID(), "while cut"))
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		if _, err := old.Propose(ctx, announce(old, old.ID(), "x")); !errors.Is(err, ErrNoLeader) {
			t.Fatalf("propose while cut off: %v", err)
		}
		term := next.Status().Term
		time.Sleep(10 * time.Minute)
		c.net.Rejoin(old.ID(), others...)
		eventually(t, "the old leader catches up", func() bool { return version(old, next.ID()) == "while cut" })
		time.Sleep(20 * time.Second)
		if st := next.Status(); !st.Self || st.Term != term {
			t.Fatalf("the one that came back disturbed the leader (no pre-vote?): %+v, term was %d", st, term)
		}
		mustPropose(t, old, announce(old, old.ID(), "back"))
		if a, b := old.State(), next.State(); a.Index != b.Index || a.Hash != b.Hash {
			t.Fatalf("states differ: %d %x, %d %x", a.Index, a.Hash, b.Index, b.Hash)
		}
	})
}

func TestEveryAcknowledgedWriteSurvivesLeadersComingAndGoing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := memCluster(t)
		defer c.end()
		c.start("ns1", "ns2", "ns3")
		c.leader()
		acknowledged := map[string]string{}
		for round := range 12 {
			l := c.leader()
			writer := l
			if round%2 == 1 {
				writer = c.other(l)
			}
			node, v := c.peers[round%3].ID, fmt.Sprint(round)
			mustPropose(t, writer, announce(writer, node, v))
			acknowledged[node] = v
			switch round % 3 {
			case 0:
				c.stop(l.ID())
				c.leader()
				c.start(l.ID())
			case 1:
				c.net.Isolate(l.ID(), c.except(l.ID())...)
				c.leader(c.except(l.ID())...)
				c.net.Rejoin(l.ID(), c.except(l.ID())...)
			case 2:
				c.end()
				clear(c.stores)
				c.start("ns3", "ns1", "ns2")
			}
		}
		l := c.leader()
		last := mustPropose(t, l, announce(l, "ns1", "end"))
		acknowledged["ns1"] = "end"
		for id, s := range c.stores {
			if err := s.WaitIndex(t.Context(), last.Index); err != nil {
				t.Fatal(err)
			}
			for node, v := range acknowledged {
				if got := version(s, node); got != v {
					t.Errorf("%s has version %q of %s; %q was acknowledged", id, got, node, v)
				}
			}
		}
	})
}

func TestCleanStopHandsTheLeadOver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := memCluster(t)
		defer c.end()
		c.start("ns1", "ns2", "ns3")
		l := c.leader()
		start := time.Now()
		c.stop(l.ID())
		c.leader(c.except(l.ID())...)
		if d := time.Since(start); d > 2*time.Second {
			t.Fatalf("without a leader for %v", d)
		}
	})
}

func TestQuietLogDoesNotAgeAndACutNodeDoes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := memCluster(t)
		defer c.end()
		c.start("ns1", "ns2", "ns3")
		l := c.leader()
		mustPropose(t, l, announce(l, l.ID(), "1"))
		f := c.other(l)
		time.Sleep(time.Hour)
		if age := f.Age(); age > time.Second {
			t.Fatalf("after a quiet hour the follower's age is %v", age)
		}
		if l.Age() != 0 {
			t.Fatalf("the leader's age is %v", l.Age())
		}
		c.net.Isolate(f.ID(), c.except(f.ID())...)
		time.Sleep(10 * time.Minute)
		if age := f.Age(); age < 10*time.Minute || age > 10*time.Minute+time.Second {
			t.Fatalf("after ten minutes alone its age is %v", age)
		}
		if !slices.ContainsFunc(l.Members(), func(m Member) bool { return m.ID == f.ID() && m.Unreached > 9*time.Minute }) {
			t.Fatalf("the leader has no idea: %+v", l.Members())
		}
		if st := l.Status(); st.Tolerance != 0 {
			t.Fatalf("tolerance %d with one of three gone", st.Tolerance)
		}
		c.net.Rejoin(f.ID(), c.except(f.ID())...)
		eventually(t, "it is fresh again", func() bool { return f.Age() < time.Second })
		eventually(t, "all are reached", func() bool { return l.Status().Tolerance == 1 })
	})
}

func TestAnswersChangeOnFollowersWithoutWaitingForTheCommitTimeout(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := memCluster(t)
		c.timing.Commit = time.Second // so that the difference is seen
		var mu sync.Mutex
		at := map[string]time.Time{}
		c.onApply = func(id string, _ *state.State, res state.Result) {
			if len(res.Effect.Zones) > 0 {
				mu.Lock()
				at[id] = time.Now()
				mu.Unlock()
			}
		}
		defer c.end()
		c.start("ns1", "ns2", "ns3")
		l := c.leader()
		mustPropose(t, l, announce(l, l.ID(), "1"))
		for serial := range 5 {
			start := time.Now()
			mustPropose(t, l, declare(l, serial+1))
			time.Sleep(5 * time.Second)
			mu.Lock()
			for id, t1 := range at {
				// At worst a call is under way to each follower, the entry travels in the next one, and the
				// barrier in the one after that: four round trips of 80 ms.
				if d := t1.Sub(start); d < 0 || d > 320*time.Millisecond {
					t.Errorf("serial %d: %s applied it after %v", serial+1, id, d)
				}
			}
			if len(at) != 3 {
				t.Fatalf("%d nodes applied it", len(at))
			}
			clear(at)
			mu.Unlock()
		}
	})
}

func TestMembersCallEachOtherAndTheCallerIsTheCertificates(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := memCluster(t)
		c.calls = func(id string) http.Handler {
			return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if r.URL.Path == "/no" {
					http.Error(w, "not so", http.StatusConflict)
					return
				}
				answerJSON(w, Caller(r.Context())+" calls "+id)
			})
		}
		defer c.end()
		c.start("ns1", "ns2", "ns3")
		c.leader()
		var got string
		if err := c.stores["ns1"].Call(t.Context(), "ns3", http.MethodGet, "/x", nil, &got); err != nil || got != "ns1 calls ns3" {
			t.Fatal(got, err)
		}
		var refused *CallError
		if err := c.stores["ns1"].Call(t.Context(), "ns3", http.MethodGet, "/no", nil, nil); !errors.As(err, &refused) || refused.Status != http.StatusConflict || refused.Text != "not so" {
			t.Fatal(err)
		}
		if err := c.stores["ns1"].Call(t.Context(), "ns9", http.MethodGet, "/x", nil, nil); err == nil || !strings.Contains(err.Error(), `"ns9"`) {
			t.Fatal(err)
		}
	})
}
