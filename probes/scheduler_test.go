package probes

import (
	"context"
	"fmt"
	"log/slog"
	"maps"
	"math"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"failoverdns/health"
)

// bench runs a scheduler with a fake probe in virtual time and keeps what comes out.
type bench struct {
	*Scheduler
	mu      sync.Mutex // guards what follows
	takes   func(Target) (time.Duration, health.Outcome)
	recheck func(Result) bool
	flying  map[string]int
	overlap int
	results map[string][]Result
	quiet   bool // count only
	total   int
	late    time.Duration // the worst
}

func newBench(node string) *bench {
	b := &bench{
		flying: map[string]int{}, results: map[string][]Result{},
		takes:   func(Target) (time.Duration, health.Outcome) { return 5 * time.Millisecond, health.Success },
		recheck: func(Result) bool { return false },
	}
	b.Scheduler = New(node, b.probe, b.sink, slog.New(slog.DiscardHandler))
	return b
}

func (b *bench) probe(ctx context.Context, t Target) Result {
	b.mu.Lock()
	if b.flying[t.Endpoint]++; b.flying[t.Endpoint] > 1 {
		b.overlap++
	}
	takes, outcome := b.takes(t)
	b.mu.Unlock()
	r := Result{Started: time.Now(), Outcome: outcome}
	select {
	case <-time.After(takes):
	case <-ctx.Done():
	}
	b.mu.Lock()
	b.flying[t.Endpoint]--
	b.mu.Unlock()
	r.Duration = time.Since(r.Started)
	return r
}

func (b *bench) sink(r Result) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.total++
	b.late = max(b.late, r.Late)
	if !b.quiet {
		b.results[r.Endpoint] = append(b.results[r.Endpoint], r)
	}
	return b.recheck(r)
}

// starts are the times of an endpoint's probes since the first.
func (b *bench) starts(endpoint string) []time.Duration {
	b.mu.Lock()
	defer b.mu.Unlock()
	var out []time.Duration
	for _, r := range b.results[endpoint] {
		out = append(out, r.Started.Sub(b.results[endpoint][0].Started))
	}
	return out
}

func endpoint(name string, interval time.Duration) Target {
	return Target{Endpoint: name, Revision: 1, Check: health.Check{Kind: health.TCP, Port: 443, Interval: interval, Timeout: interval * 2 / 5}}
}

func endpoints(n int, interval time.Duration) []Target {
	out := make([]Target, n)
	for i := range out {
		out[i] = endpoint(fmt.Sprintf("azure/https@203.0.%d.%d", i/256, i%256), interval)
	}
	return out
}

func seconds(s ...float64) []time.Duration {
	out := make([]time.Duration, len(s))
	for i := range s {
		out[i] = time.Duration(s[i] * float64(time.Second))
	}
	return out
}

func TestProbesStartOneIntervalApartWhateverTheyTake(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench("ns1")
		n := 0
		b.takes = func(Target) (time.Duration, health.Outcome) {
			n++
			return time.Duration(n) * 137 * time.Millisecond % (4 * time.Second), health.Failure
		}
		b.Update([]Target{endpoint("a", 10*time.Second)})
		time.Sleep(time.Hour + time.Second)
		b.Stop()
		starts := b.starts("a")
		if len(starts) < 360 {
			t.Fatalf("%d probes in an hour", len(starts))
		}
		for i, s := range starts {
			if s != time.Duration(i)*10*time.Second {
				t.Fatalf("probe %d started after %s", i, s)
			}
		}
	})
}

func TestPhaseComesFromNodeAndEndpointOnTheWallClock(t *testing.T) {
	phase := func(node, endpointName string, wait time.Duration) (phase time.Duration) {
		synctest.Test(t, func(t *testing.T) {
			time.Sleep(wait)
			b := newBench(node)
			b.Update([]Target{endpoint(endpointName, 10*time.Second)})
			time.Sleep(11 * time.Second)
			b.Stop()
			phase = time.Duration(b.results[endpointName][0].Started.UnixNano() % int64(10*time.Second))
		})
		return phase
	}
	first := phase("ns1", "a", 0)
	if again := phase("ns1", "a", 3777*time.Millisecond); again != first {
		t.Errorf("after a restart the phase is %s, was %s", again, first)
	}
	if other := phase("ns2", "a", 0); other == first {
		t.Error("two nodes have the same phase")
	}
	if other := phase("ns1", "b", 0); other == first {
		t.Error("two endpoints have the same phase")
	}
}

func TestPhasesAreSpreadEvenly(t *testing.T) {
	const n, parts, interval = 10_000, 100, 10 * time.Second
	var counts [parts]int
	for _, e := range endpoints(n, interval) {
		p := phaseOf("ns1", e.Endpoint, interval)
		if p < 0 || p >= interval {
			t.Fatalf("phase %s is not within the interval", p)
		}
		counts[int(p*parts/interval)]++
	}
	chi := 0.0
	for _, c := range counts {
		chi += math.Pow(float64(c)-n/parts, 2) / (n / parts)
	}
	if chi > 160 { // 99 degrees of freedom: exceeded by chance once in 10,000
		t.Errorf("chi square %.0f: %v", chi, counts)
	}
}

func TestProbeThatOverranLeavesStartsOut(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench("ns1")
		n := 0
		b.takes = func(Target) (time.Duration, health.Outcome) {
			if n++; n == 2 {
				return 25 * time.Second, health.Failure
			}
			return time.Second, health.Success
		}
		b.Update([]Target{endpoint("a", 10*time.Second)})
		time.Sleep(61 * time.Second)
		b.Stop()
		if got, want := b.starts("a"), seconds(0, 10, 40, 50); !slices.Equal(got[:4], want) {
			t.Errorf("starts %v, want %v", got, want)
		}
		if late := b.results["a"][2].Late; late != 20*time.Second {
			t.Errorf("late by %s, want 20s", late)
		}
		if b.overlap != 0 {
			t.Errorf("%d overlapping probes", b.overlap)
		}
	})
}

func TestRecheckFollowsTheEndOfTheProbeBeforeUntilDecided(t *testing.T) {
	tests := []struct {
		name    string
		recheck time.Duration
		takes   time.Duration
		want    []time.Duration
	}{
		{"quick failures", time.Second, 10 * time.Millisecond, seconds(0, 10, 11, 12, 20, 30)},
		{"slow failures", time.Second, 4 * time.Second, seconds(0, 10, 14, 18, 30, 40)}, // 18 + 4 is past 20
		{"off", 0, 4 * time.Second, seconds(0, 10, 20, 30, 40, 50)},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b := newBench("ns1")
				e := endpoint("a", 10*time.Second)
				e.Check.Recheck, e.Check.Failures, e.Check.Successes = test.recheck, 3, 3
				counter := health.NewCounter(e.Check, false)
				b.recheck = func(r Result) bool { counter.Observe(r.Outcome, r.Started); return counter.Deciding() }
				n := 0
				b.takes = func(Target) (time.Duration, health.Outcome) {
					if n++; n == 1 {
						return 0, health.Success
					}
					return test.takes, health.Failure
				}
				b.Update([]Target{e})
				time.Sleep(65 * time.Second)
				b.Stop()
				if got := b.starts("a"); len(got) < 6 || !slices.Equal(got[:6], test.want) {
					t.Errorf("starts %v, want %v", got, test.want)
				}
			})
		})
	}
}

func TestRecheckThatPassesReturnsToThePhase(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench("ns1")
		e := endpoint("a", 10*time.Second)
		e.Check.Recheck = time.Second
		outcomes := []health.Outcome{health.Success, health.Failure, health.Success}
		n := 0
		b.takes = func(Target) (time.Duration, health.Outcome) { n++; return 0, outcomes[min(n-1, 2)] }
		b.recheck = func(r Result) bool { return r.Outcome == health.Failure }
		b.Update([]Target{e})
		time.Sleep(50 * time.Second)
		b.Stop()
		if got, want := b.starts("a"), seconds(0, 10, 11, 20, 30); !slices.Equal(got[:5], want) {
			t.Errorf("starts %v, want %v", got, want)
		}
	})
}

func TestUpdateDisturbsOnlyWhatChanged(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench("ns1")
		b.takes = func(Target) (time.Duration, health.Outcome) { return 3 * time.Second, health.Success }
		a, c, d := endpoint("a", 10*time.Second), endpoint("c", 10*time.Second), endpoint("d", 10*time.Second)
		b.Update([]Target{a, c, d})
		for range 33 { // updates at any moment, probes in flight included
			time.Sleep(time.Second)
			b.Update([]Target{a, c, d})
		}
		c2 := c
		c2.Revision = 2
		removed := time.Now()
		b.Update([]Target{a, c2})
		time.Sleep(60 * time.Second)
		b.Stop()
		if starts := b.starts("a"); len(starts) < 9 || starts[8] != 80*time.Second {
			t.Errorf("the unchanged endpoint started at %v", starts)
		}
		for _, r := range b.results["d"] {
			if r.Started.Add(r.Duration).After(removed) {
				t.Errorf("a result of the removed endpoint came after Update: %+v", r)
			}
		}
		if b.Latest("d") != nil {
			t.Error("results of the removed endpoint are still kept")
		}
		last := uint64(1)
		for _, r := range b.results["c"] {
			if r.Revision < last || r.Revision == 1 && r.Started.Add(r.Duration).After(removed) {
				t.Errorf("revision %d after %d", r.Revision, last)
			}
			last = r.Revision
		}
		if last != 2 || b.overlap != 0 {
			t.Errorf("last revision %d, %d overlaps", last, b.overlap)
		}
	})
}

func TestRevisionAndReturnWaitForTheProbeInFlight(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var mu sync.Mutex
		flying, worst, revisions := 0, 0, map[uint64]int{}
		deaf := func(ctx context.Context, target Target) Result { // does not heed its context
			mu.Lock()
			flying++
			worst = max(worst, flying)
			mu.Unlock()
			time.Sleep(700 * time.Millisecond)
			mu.Lock()
			defer mu.Unlock()
			flying--
			return Result{Outcome: health.Success}
		}
		s := New("ns1", deaf, func(r Result) bool { revisions[r.Revision]++; return false }, slog.New(slog.DiscardHandler))
		e := endpoint("a", time.Second)
		for i := range 40 {
			e.Revision = uint64(i)
			s.Update([]Target{e})
			time.Sleep(430 * time.Millisecond)
			if i%3 == 0 {
				s.Update(nil)
			}
		}
		e.Revision = 99
		s.Update([]Target{e})
		time.Sleep(10 * time.Second)
		s.Stop()
		if worst != 1 {
			t.Errorf("%d probes of one endpoint in flight", worst)
		}
		if revisions[99] < 8 {
			t.Errorf("results %v", revisions)
		}
	})
}

func TestNothingIsDeliveredAfterStop(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench("ns1")
		b.takes = func(Target) (time.Duration, health.Outcome) { return 300 * time.Millisecond, health.Success }
		b.Update(endpoints(50, time.Second))
		time.Sleep(10 * time.Second)
		began := time.Now()
		b.Stop()
		if took := time.Since(began); took > 0 {
			t.Errorf("Stop waited %s for cancelled probes", took)
		}
		total := b.total
		b.Update(endpoints(50, time.Second))
		time.Sleep(10 * time.Second)
		if b.total != total || total < 450 {
			t.Errorf("%d results before Stop, %d after", total, b.total-total)
		}
		b.Stop()
	})
}

func TestEndpointListedTwiceIsProbedOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench("ns1")
		first, second := endpoint("a", time.Second), endpoint("a", time.Second)
		second.Revision = 2
		b.Update([]Target{first, second})
		time.Sleep(10 * time.Second)
		b.Stop()
		if n := len(b.results["a"]); n < 9 || n > 10 || b.results["a"][0].Revision != 1 {
			t.Errorf("%d results, revision %d", n, b.results["a"][0].Revision)
		}
	})
}

func TestLatestHoldsTheLastTwentyInOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench("ns1")
		b.Update([]Target{endpoint("a", time.Second)})
		for _, wait := range []time.Duration{5, 20, 20} {
			time.Sleep(wait*time.Second + 100*time.Millisecond)
			synctest.Wait()
			b.mu.Lock()
			all := slices.Clone(b.results["a"])
			b.mu.Unlock()
			if got, want := b.Latest("a"), all[max(0, len(all)-keep):]; !slices.Equal(got, want) {
				t.Errorf("latest %v, want %v", got, want)
			}
		}
		b.Stop()
		if b.Latest("b") != nil {
			t.Error("results of an unknown endpoint")
		}
	})
}

func TestTooManyInFlightAbstainsAndDelaysNobody(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench("ns1")
		b.slots = make(chan struct{}, 10)
		b.takes = func(Target) (time.Duration, health.Outcome) { return 4 * time.Second, health.Failure }
		b.Update(endpoints(100, 10*time.Second))
		time.Sleep(time.Minute)
		b.Stop()
		outcomes := map[health.Reason]int{}
		for name, results := range b.results {
			for i, r := range results {
				outcomes[r.Reason]++
				if r.Late != 0 || b.starts(name)[i] != time.Duration(i)*10*time.Second {
					t.Fatalf("%s: probe %d is late by %s", name, i, r.Late)
				}
			}
		}
		if outcomes[""] == 0 || outcomes[health.Resources] == 0 || len(outcomes) != 2 {
			t.Errorf("reasons %v", outcomes)
		}
	})
}

func TestTenThousandEndpointsDoNotDrift(t *testing.T) {
	const n, interval, hours = 10_000, 6 * time.Minute, 2
	synctest.Test(t, func(t *testing.T) {
		b := newBench("ns1")
		b.quiet = true
		b.takes = func(t Target) (time.Duration, health.Outcome) {
			return time.Duration(len(t.Endpoint)%4) * 15 * time.Second, health.Failure // up to 45 s: a third in flight
		}
		all := endpoints(n, interval)
		b.Update(all)
		time.Sleep(hours*time.Hour + time.Nanosecond)
		phases := map[string]time.Duration{}
		for _, e := range all {
			for _, r := range b.Latest(e.Endpoint) {
				phases[e.Endpoint] = time.Duration(r.Started.UnixNano() % int64(interval))
				if want := phaseOf("ns1", e.Endpoint, interval); phases[e.Endpoint] != want {
					t.Fatalf("%s drifted from %s to %s", e.Endpoint, want, phases[e.Endpoint])
				}
			}
		}
		b.Stop()
		least := n * (int(hours*time.Hour/interval) - 1)
		if b.total < least || b.overlap != 0 || b.late != 0 || len(slices.Collect(maps.Keys(phases))) != n {
			t.Errorf("%d results (least %d), %d overlaps, late by %s", b.total, least, b.overlap, b.late)
		}
	})
}

func TestClockReturnsToThePhaseAfterAStandstill(t *testing.T) {
	at := time.Unix(1_000_000_000, 0)
	c := newClock(at, 10*time.Second, 3*time.Second)
	if c.first != at.Add(3*time.Second) {
		t.Fatalf("first start %s", c.first.Sub(at))
	}
	tests := []struct{ after, notBefore, want float64 }{
		{3, 3, 13}, {3, 3.1, 13}, {3, 12.9, 13}, {3, 13, 13}, {3, 13.1, 23}, {3.2, 3.3, 13}, {12, 12, 13}, {3, 1000, 1003}, {-50, -40, 3},
	}
	for _, test := range tests {
		d := seconds(test.after, test.notBefore, test.want)
		if got := c.next(at.Add(d[0]), at.Add(d[1])).Sub(at); got != d[2] {
			t.Errorf("after %v, not before %v: %s, want %s", test.after, test.notBefore, got, d[2])
		}
	}
}

func TestEndpointsSharePhasesSoThatAProcessWakesUpForMany(t *testing.T) {
	const interval = 10 * time.Second
	at := map[time.Duration]int{}
	for _, e := range endpoints(10_000, interval) {
		at[phaseOf("ns1", e.Endpoint, interval)]++
	}
	if len(at) > 1000 {
		t.Errorf("10,000 endpoints start at %d moments of their interval, want at most 1000", len(at))
	}
	for p := range at {
		if p%(10*time.Millisecond) != 0 {
			t.Fatalf("phase %s is not a thousandth of %s", p, interval)
		}
	}
}
