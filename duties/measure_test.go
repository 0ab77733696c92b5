package duties

import (
	"context"
	"log/slog"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"failoverdns/state"
)

// measuring runs a test with a leader whose members answer as told.
func measuring(t *testing.T, answer func() []state.Measure, test func(w *world)) {
	synctest.Test(t, func(t *testing.T) {
		w := &world{t: t, began: time.Now(), st: state.New()}
		w.st, _ = w.st.Configure(1, []state.Member{{ID: "ns1", Voter: true}, {ID: "ns2", Voter: true}})
		w.declare()
		d := New(Leader{State: w.state, Clock: w.clock, Propose: w.propose, Log: slog.New(slog.DiscardHandler),
			Measure: func(context.Context, uint64) []state.Measure { return answer() }})
		ctx, cancel := context.WithCancel(t.Context())
		var running sync.WaitGroup
		running.Go(func() { d.Run(ctx) })
		w.must(&state.SetOverride{Scope: state.ScopeSite, Target: "azure", Word: state.ForceDown})
		test(w)
		cancel()
		running.Wait()
	})
}

func (w *world) measures() []state.Measure {
	_, in, ok := w.state().Incidents.Last()
	if !ok {
		w.t.Fatal("there is no incident")
	}
	return in.Measures
}

func TestIncidentKeepsHowFastTheNodesFollowedOnceAllHaveTold(t *testing.T) {
	measuring(t, func() []state.Measure {
		return []state.Measure{{Node: "ns1", Swapped: time.Millisecond}, {Node: "ns2", Swapped: 2 * time.Millisecond}}
	}, func(w *world) {
		time.Sleep(4 * time.Second)
		if got := w.measures(); len(got) != 2 || got[1].Swapped != 2*time.Millisecond {
			t.Errorf("got %+v", got)
		}
	})
}

func TestNodeThatDoesNotAnswerIsWaitedForAndThenNamed(t *testing.T) {
	measuring(t, func() []state.Measure {
		return []state.Measure{{Node: "ns1"}, {Node: "ns2", Error: "connection refused"}}
	}, func(w *world) {
		time.Sleep(measurePatience - time.Second)
		if got := w.measures(); got != nil {
			t.Errorf("within the patience: %+v", got)
		}
		time.Sleep(3 * time.Second)
		if got := w.measures(); len(got) != 2 || got[1].Error != "connection refused" {
			t.Errorf("got %+v", got)
		}
	})
}
