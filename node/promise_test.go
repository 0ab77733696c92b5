package node

import (
	"bytes"
	"context"
	"log/slog"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"failoverdns/health"
	"failoverdns/probes"
	"failoverdns/raftstore"
	"failoverdns/record"
	"failoverdns/state"
)

// TestSteadyProbingWritesNothing: only changes of opinion travel; a failure here and there is none.
func TestSteadyProbingWritesNothing(t *testing.T) {
	inWorld(t, three, func(w *world) {
		time.Sleep(time.Minute) // offers and announcements are through
		before := w.nodes["ns1"].State().Index
		for range 20 {
			w.breakSite("*", "azure")
			time.Sleep(2*interval - time.Second) // two failures in a row at most
			w.mendSite("*", "azure")
			time.Sleep(interval + time.Second)
		}
		if after := w.nodes["ns1"].State().Index; after != before {
			t.Errorf("ten minutes of probing brought the state from index %d to %d", before, after)
		}
	})
}

// TestStateIsEqualOnAllNodesAtTheSameIndex compares whole states, byte for byte, at each index that nodes were seen at
// in the course of an incident, an override and the loss of the leader.
func TestStateIsEqualOnAllNodesAtTheSameIndex(t *testing.T) {
	inWorld(t, three, func(w *world) {
		var seen sightings
		watched, stop := context.WithCancel(w.t.Context())
		var watchers sync.WaitGroup
		for id, n := range w.nodes {
			watchers.Go(func() { seen.follow(watched, w.t, id, n) })
		}
		w.breakSite("*", "azure")
		w.eventually(detect, "all nodes answer with aws", w.answer(aws, three...))
		leader := w.leader(three...)
		w.override(leader, &state.SetOverride{Scope: state.ScopeSite, Target: "azure", Word: state.ForceUp, Reason: "test", For: time.Hour})
		w.eventually(time.Second, "all nodes answer with azure", w.answer(azure, three...))
		w.kill(leader)
		w.mendSite("*", "azure")
		time.Sleep(2 * time.Minute)
		w.net.Rejoin(leader, slices.DeleteFunc(slices.Clone(three), func(id string) bool { return id == leader })...)
		time.Sleep(time.Minute)
		stop()
		watchers.Wait()
		if seen.compared < 10 {
			t.Errorf("only %d states of one index were seen on two nodes", seen.compared)
		}
	})
}

// sightings are the states that nodes were seen with, by index.
type sightings struct {
	mu       sync.Mutex // guards the rest
	states   map[uint64][]byte
	compared int
}

func (s *sightings) follow(ctx context.Context, t *testing.T, id string, n *Node) {
	for {
		changed := n.Changed()
		s.see(t, id, n.State())
		select {
		case <-ctx.Done():
			return
		case <-changed:
		}
	}
}

func (s *sightings) see(t *testing.T, id string, st *state.State) {
	var b bytes.Buffer
	if err := st.Encode(&b); err != nil {
		t.Error(err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.states == nil {
		s.states = map[uint64][]byte{}
	}
	other, ok := s.states[st.Index]
	if !ok {
		s.states[st.Index] = b.Bytes()
		return
	}
	s.compared++
	if !bytes.Equal(other, b.Bytes()) {
		t.Errorf("at index %d node %s has another state than a node before it", st.Index, id)
	}
}

// override proposes an operator's command by way of a node.
func (w *world) override(by string, body state.Body) {
	w.t.Helper()
	res, err := w.nodes[by].Propose(w.t.Context(), state.Command{Header: state.Header{Author: "ann"}, Body: body})
	if err != nil || res.Refusal != nil {
		w.t.Fatalf("%T: %v %v", body, err, res.Refusal)
	}
}

// TestSilenceOfANodeClosesItsSessionsAndChangesNoVerdict: its votes are void then, n stays, and the verdict to which
// they led stands.
func TestSilenceOfANodeClosesItsSessionsAndChangesNoVerdict(t *testing.T) {
	inWorld(t, three, func(w *world) {
		leader := w.leader(three...)
		lost := three[(slices.Index(three, leader)+1)%3]
		third := three[(slices.Index(three, leader)+2)%3]
		w.breakSite(lost, "azure")
		w.breakSite(leader, "azure")
		w.eventually(detect, "all nodes answer with aws", w.answer(aws, three...))
		w.kill(lost)
		open := func() bool { return w.nodes[leader].State().Sessions.Has(state.SessionKey(lost, interval)) }
		w.holds(27*time.Second, "the session is open", open) // contact is every 2 s: the last was up to 2 s before
		w.eventually(6*time.Second, "the session is closed", func() bool { return !open() })
		e, _ := w.nodes[leader].State().Endpoints.Get("azure/https@" + azure)
		if slices.ContainsFunc(e.Votes, func(v state.Vote) bool { return v.Node == lost }) {
			t.Errorf("a vote of %s is still there: %v", lost, e.Votes)
		}
		if n := w.nodes[leader].State().Probers(); n != 3 {
			t.Errorf("n is %d", n)
		}
		w.holds(2*time.Minute, "the verdict stands", w.answer(aws, leader, third))
	})
}

// TestOfferWaitsForALeader: without one nothing is offered, and what waited is in force soon after there is one again.
func TestOfferWaitsForALeader(t *testing.T) {
	inWorld(t, three, func(w *world) {
		for _, id := range three {
			w.kill(id)
		}
		time.Sleep(time.Minute)
		w.roll("ns2", "other.auth.example.com")
		w.holds(10*time.Minute, "the changed zone is not in force", func() bool { return !w.declared("ns2", "other.auth.example.com") })
		for i, id := range three {
			w.net.Rejoin(id, slices.Delete(slices.Clone(three), i, i+1)...)
		}
		w.eventually(time.Minute, "the changed zone is in force", func() bool { return w.declared("ns1", "other.auth.example.com") })
	})
}

// TestChangeOfLeaderOffersNothing: a leader whose file is an older one than that in force does not bring it back, nor
// does its restart.
func TestChangeOfLeaderOffersNothing(t *testing.T) {
	inWorld(t, three, func(w *world) {
		w.roll("ns1", "other.auth.example.com")
		in := func() bool { return w.declared("ns1", "other.auth.example.com") }
		w.eventually(10*time.Second, "the changed zone is in force", in)
		for range 4 {
			old := w.leader(three...)
			rest := slices.DeleteFunc(slices.Clone(three), func(id string) bool { return id == old })
			if old == "ns1" { // its file is the new one; a restart with an older one would be a roll-back
				w.kill(old)
				w.leader(rest...)
				w.net.Rejoin(old, rest...)
			} else {
				w.stop(old)
				w.leader(rest...)
				w.start(old)
			}
			w.holds(30*time.Second, "the changed zone stays in force", func() bool { return w.declared(rest[0], "other.auth.example.com") })
		}
	})
}

// roll reloads a node with a zone that steers one name more.
func (w *world) roll(id, name string) {
	cfg := w.config(id)
	d := *cfg.Declarations[0]
	d.Groups = slices.Clone(d.Groups)
	d.Groups[0].Cells = slices.Clone(d.Groups[0].Cells)
	d.Groups[0].Cells[0].Names = append(slices.Clone(d.Groups[0].Cells[0].Names), record.MustParseName(name))
	cfg.Declarations = []*state.Declaration{&d}
	w.nodes[id].Reload(cfg)
}

// declared says whether a node answers a name.
func (w *world) declared(id, name string) bool {
	return w.nodes[id].Lookup(record.MustParseName(name), record.A).RCode == "NOERROR"
}

// TestBrandNewNodeAnswersOnlyOnceItHasCaughtUp: the answers of long ago, past which its way through the log leads, are
// never given.
func TestBrandNewNodeAnswersOnlyOnceItHasCaughtUp(t *testing.T) {
	inBubble(t, func(w *world) {
		for _, id := range three {
			w.start(id)
		}
		late := w.cutBeforeItBegins()
		rest := slices.DeleteFunc(slices.Clone(three), func(id string) bool { return id == late })
		w.eventually(2*time.Minute, "the others answer", w.answer(azure, rest...))
		time.Sleep(time.Minute)
		for range 400 { // more than travels at once
			w.override(rest[0], &state.SetOverride{Scope: state.ScopeSite, Target: "aws", Word: state.ForceUp, Reason: "history", For: time.Hour})
		}
		w.breakSite("*", "azure")
		w.eventually(detect, "the others answer with aws", w.answer(aws, rest...))
		served := w.config(late)
		served.Declarations = nil // so that nothing but being new keeps it from being ready
		w.nodes[late].Reload(served)
		w.net.Rejoin(late, rest...)
		for began := time.Now(); time.Since(began) < 20*time.Second; time.Sleep(time.Millisecond) {
			n := w.nodes[late]
			if ok, why := n.Ready(); answers(n, azure) || ok && !answers(n, aws) {
				t.Fatalf("%s after %s: at index %d of %d it answers with azure, or is ready too early: ready %v %s", late, time.Since(began), n.State().Index, w.nodes[rest[0]].State().Index, ok, why)
			}
		}
		if ok, why := w.nodes[late].Ready(); !ok || !answers(w.nodes[late], aws) {
			t.Errorf("it has not caught up: ready %v %s", ok, why)
		}
	})
}

// TestNodeThatAbstainsSaysSoAndVotesNothing: faults of its own are no failures of what it probes.
func TestNodeThatAbstainsSaysSoAndVotesNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, []string{"ns1"})
		defer w.stopAll()
		n, err := New(w.config("ns1"), Platform{Network: w.net.Host("ns1"), NoSync: true, Log: slog.New(slog.DiscardHandler),
			Probe: func(context.Context, probes.Target) probes.Result {
				return probes.Result{Started: time.Now(), Outcome: health.Abstained, Reason: health.NoRoute, Detail: "no route"}
			}})
		if err != nil {
			t.Fatal(err)
		}
		w.nodes["ns1"] = n
		if err := n.Start(); err != nil {
			t.Fatal(err)
		}
		w.eventually(time.Minute, "it answers", w.answer(azure, "ns1"))
		time.Sleep(10 * interval)
		if s := n.Status(); s.Abstaining != 2 {
			t.Errorf("it says that it abstains on %d endpoints, and probes 2", s.Abstaining)
		}
		for _, e := range n.State().Endpoints.All() {
			if len(e.Votes) > 0 || e.Verdict != health.VerdictUnknown || !answers(n, azure) {
				t.Errorf("%s is %s by the votes %v", e.ID, e.Verdict, e.Votes)
			}
		}
	})
}

// cutBeforeItBegins cuts one node off that took part in the first start and has not begun itself, and names it.
func (w *world) cutBeforeItBegins() (late string) {
	phase := func(id string) raftstore.Phase { return w.nodes[id].Status().Phase }
	for range 60_000 {
		time.Sleep(time.Millisecond)
		begun := slices.ContainsFunc(three, func(id string) bool { return phase(id) == raftstore.PhaseRunning })
		i := slices.IndexFunc(three, func(id string) bool { return phase(id) != raftstore.PhaseRunning })
		if begun && i >= 0 {
			w.kill(three[i])
			return three[i]
		}
	}
	w.t.Fatal("no node was late")
	return ""
}
