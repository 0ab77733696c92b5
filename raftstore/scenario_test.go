package raftstore

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hashicorp/raft"

	"failoverdns/record"
	"failoverdns/state"
)

// declare changes the answers of a zone.
func declare(s *Store, serial int) state.Command {
	zone := record.MustParseName("example.com")
	soa := state.SOA{TTL: 60, MName: record.MustParseName("ns1.example.com"), RName: record.MustParseName("hostmaster.example.com"), Serial: uint32(serial), Refresh: 3600, Retry: 600, Expire: 86400, Minimum: 60}
	return state.Command{Body: &state.Declare{Node: s.ID(), Incarnation: s.Incarnation(), Declarations: []*state.Declaration{{Zone: zone, Source: "Corefile:1", SOA: soa, NoQuorum: state.NoQuorum{Mode: state.NoQuorumHold}}}}}
}

func TestThreeNodesBeginInAnyOrderAndAnyPace(t *testing.T) {
	for _, order := range [][]string{{"ns1", "ns2", "ns3"}, {"ns3", "ns1", "ns2"}, {"ns2", "ns3", "ns1"}} {
		for _, pace := range []time.Duration{0, 300 * time.Millisecond, time.Minute} {
			synctest.Test(t, func(t *testing.T) {
				c := memCluster(t)
				defer c.end()
				for _, id := range order {
					c.start(id)
					time.Sleep(pace)
				}
				l := c.leader()
				mustPropose(t, l, announce(l, l.ID(), "1"))
				f := c.other(l)
				mustPropose(t, f, announce(f, f.ID(), "2"))
				if got := version(f, f.ID()); got != "2" {
					t.Fatalf("the follower that proposed sees version %q", got)
				}
				for id, s := range c.stores {
					if st := s.Status(); st.Phase != PhaseRunning || st.Voters != 3 || st.Tolerance != 1 {
						t.Fatalf("%s: %+v", id, st)
					}
				}
			})
		}
	}
}

func TestWaitingNodeNamesWhomItWaitsFor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := memCluster(t)
		defer c.end()
		c.start("ns1", "ns2")
		time.Sleep(time.Minute)
		for _, s := range c.stores {
			st := s.Status()
			if st.Phase != PhaseWaiting || len(st.Waiting) != 1 || st.Waiting[0].ID != "ns3" || st.Raft != "" {
				t.Fatalf("%+v", st)
			}
		}
		for _, s := range c.stores {
			if err := s.Reload(c.peers[:2]); err != nil {
				t.Fatal(err)
			}
		}
		if l := c.leader(); l.Status().Voters != 2 {
			t.Fatalf("%+v", l.Status())
		}
	})
}

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

func TestRestartedNodesAnswerAtOnceWithWhatWasLastAgreed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := memCluster(t)
		defer c.end()
		c.start("ns1", "ns2", "ns3")
		l := c.leader()
		mustPropose(t, l, announce(l, l.ID(), "1"))
		index := mustPropose(t, l, declare(l, 1)).Index
		time.Sleep(time.Second)
		killed := map[string]string{}
		for _, p := range c.peers {
			killed[p.ID] = copyDir(t, c.dir(p.ID))
		}
		c.end()
		clear(c.stores)
		for id, dir := range killed {
			if err := os.CopyFS(c.dir(id)+"-killed", os.DirFS(dir)); err != nil {
				t.Fatal(err)
			}
			cfg := c.config(id)
			cfg.Dir = c.dir(id) + "-killed"
			s, err := Open(cfg)
			if err != nil {
				t.Fatal(err)
			}
			c.stores[id] = s
			if st := s.State(); st.Index < index || st.Zones.Len() != 1 {
				t.Fatalf("%s begins at %d with %d zones; %d was answered", id, st.Index, st.Zones.Len(), index)
			}
		}
		for _, s := range c.stores {
			s.Start()
		}
		next := c.leader()
		mustPropose(t, next, declare(next, 2))
	})
}

func TestWipedNodeIsKeptOut(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := memCluster(t)
		defer c.end()
		c.start("ns1", "ns2", "ns3")
		l := c.leader()
		f := c.other(l)
		mustPropose(t, f, announce(f, f.ID(), "1"))
		c.stop(f.ID())
		if err := os.RemoveAll(c.dir(f.ID())); err != nil {
			t.Fatal(err)
		}
		c.start(f.ID())
		f = c.stores[f.ID()]
		time.Sleep(time.Minute)
		st := f.Status()
		if st.Phase != PhaseWiped || !strings.Contains(st.Detail, "then join") || st.Raft != "" || f.State().Index != 0 {
			t.Fatalf("%+v", st)
		}
		if n := l.Status().Refused[refusedStranger]; n != 0 {
			t.Fatalf("the leader refused it %d times; it must hear where it stands", n)
		}
		if f.Status().Refused[refusedStranger] == 0 {
			t.Fatal("the wiped node took Raft streams")
		}
	})
}

func TestNodeThatMissedTheBootstrapTakesTheLog(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := memCluster(t)
		defer c.end()
		for _, p := range c.peers {
			c.open(p.ID)
		}
		c.stores["ns1"].Start()
		c.stores["ns2"].Start()
		c.stores["ns3"].startCalls() // it answers hello, and dies before it can do more
		l := c.leader("ns1", "ns2")
		mustPropose(t, l, announce(l, l.ID(), "1"))
		late := c.stores["ns3"]
		late.server.Close()
		c.stop("ns3")
		c.start("ns3")
		late = c.stores["ns3"]
		eventually(t, "it has the log", func() bool { return version(late, l.ID()) == "1" })
		if st := late.Status(); st.Phase != PhaseRunning {
			t.Fatalf("%+v", st)
		}
	})
}

func TestFollowerFarBehindGetsASnapshotAndTellsOfIt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := memCluster(t)
		whole := make(chan string, 100)
		c.onApply = func(id string, _ *state.State, res state.Result) {
			if res.Effect.Checks && len(res.Effect.Zones) > 0 && res.Effect.Zones[0].Whole && len(res.Effect.Events) == 0 {
				whole <- id
			}
		}
		defer c.end()
		c.start("ns1", "ns2", "ns3")
		l := c.leader()
		mustPropose(t, l, declare(l, 1))
		f := c.other(l)
		id := f.ID()
		c.stop(id)
		var wg sync.WaitGroup
		for i := range 16 {
			wg.Go(func() {
				for j := range 100 {
					mustPropose(t, l, announce(l, l.ID(), fmt.Sprint(i, j)))
				}
			})
		}
		wg.Wait()
		last := mustPropose(t, l, announce(l, l.ID(), "last"))
		if err := l.raft.Load().Snapshot().Error(); err != nil {
			t.Fatal(err)
		}
		c.start(id)
		f = c.stores[id]
		if err := f.WaitIndex(t.Context(), last.Index); err != nil {
			t.Fatal(err)
		}
		for got := range whole {
			if got == id {
				break
			}
		}
		if f.State().Hash != l.State().Hash {
			t.Fatal("the states differ")
		}
		eventually(t, "it is fresh", func() bool { return f.Age() < time.Second })
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

func TestHungDiskCostsTheLeaderItsLeadAndNothingElse(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := memCluster(t)
		var mu sync.Mutex
		disks := map[string]*hanging{}
		c.openLog = func(id string) func(string, bool) (logStore, error) {
			return func(dir string, noSync bool) (logStore, error) {
				s, err := openBolt(dir, noSync)
				if err != nil {
					return nil, err
				}
				h := &hanging{logStore: s}
				mu.Lock()
				disks[id] = h
				mu.Unlock()
				return h, nil
			}
		}
		defer c.end()
		c.start("ns1", "ns2", "ns3")
		old := c.leader()
		mustPropose(t, old, announce(old, old.ID(), "before"))
		mu.Lock()
		first := disks[old.ID()]
		mu.Unlock()
		first.pause(5 * time.Minute)
		start := time.Now()
		out := make(chan error, 1)
		go func() {
			_, err := old.Propose(context.Background(), announce(old, old.ID(), "hung"))
			out <- err
		}()
		if err := <-out; !errors.Is(err, ErrUnknownOutcome) {
			t.Fatal(err)
		}
		next := c.leader(c.except(old.ID())...)
		if d := time.Since(start); d > 30*time.Second {
			t.Fatalf("the others had no leader for %v", d)
		}
		mustPropose(t, next, announce(next, next.ID(), "meanwhile"))
		time.Sleep(time.Minute)
		if st := old.Status(); st.Phase != PhaseFault || !strings.Contains(st.Detail, "did not answer") {
			t.Fatalf("%+v", st)
		}
		if version(old, old.ID()) == "" {
			t.Fatal("it does not answer any more")
		}
		time.Sleep(5 * time.Minute)
		eventually(t, "it is back with a log opened anew", func() bool {
			return old.Status().Phase == PhaseRunning && version(old, next.ID()) == "meanwhile" && old.Age() < time.Second
		})
		mustPropose(t, old, announce(old, old.ID(), "after"))
	})
}

// hanging is a log store whose writes can be made to hang.
type hanging struct {
	logStore
	mu    sync.Mutex // guards until
	until time.Time
}

func (h *hanging) pause(d time.Duration) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.until = time.Now().Add(d)
}

func (h *hanging) wait() {
	h.mu.Lock()
	d := time.Until(h.until)
	h.mu.Unlock()
	time.Sleep(d)
}
func (h *hanging) StoreLogs(l []*raft.Log) error {
	h.wait()
	return h.logStore.StoreLogs(l)
}

func (h *hanging) SetUint64(k []byte, v uint64) error {
	h.wait()
	return h.logStore.SetUint64(k, v)
}

func (h *hanging) Set(k, v []byte) error {
	h.wait()
	return h.logStore.Set(k, v)
}
