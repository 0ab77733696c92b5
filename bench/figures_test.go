package main

import (
	"os"
	"slices"
	"strings"
	"testing"
	"time"
)

func TestQuantilesAreValuesThatWereMeasured(t *testing.T) {
	for _, c := range []struct {
		values []int
		q      float64
		want   int
	}{{[]int{3}, 0.5, 3}, {[]int{4, 1}, 0.5, 1}, {[]int{9, 1, 5}, 0.5, 5}, {[]int{9, 1, 5}, 1, 9}, {[]int{9, 1, 5}, 0, 1}} {
		if got := quantile(c.values, c.q); got != c.want {
			t.Errorf("quantile %v of %v is %d, not %d", c.q, c.values, got, c.want)
		}
	}
	hundred := make([]int, 100)
	for i := range hundred {
		hundred[i] = 100 - i
	}
	if got := quantile(hundred, 0.99); got != 99 {
		t.Errorf("the 99th percentile of 1 to 100 is %d", got)
	}
}

func TestSpreadTellsMedianAndRange(t *testing.T) {
	if got := spread([]float64{3, 1, 2}, "%.0f"); got != "2 (1–3)" {
		t.Errorf("got %s", got)
	}
	if got := spread([]float64{1.25}, "%.2f"); got != "1.25" {
		t.Errorf("got %s", got)
	}
}

func TestProcessTimesAreReadBehindAnyName(t *testing.T) {
	got, err := parseStat("17 (a ) name) S 1 17 17 0 -1 4194560 9 8 7 6 12 3 40 500 20 0 1 0 99 0 0")
	if err != nil || got != 5550*time.Millisecond {
		t.Errorf("got %s, %v", got, err)
	}
	if _, err := parseStat("17 (x) S 1 2"); err == nil {
		t.Error("a line that is cut short was taken")
	}
	if own, err := cpuOf(os.Getpid()); err != nil || own <= 0 {
		t.Skipf("no /proc here: %v", err)
	}
}

func TestDnsperfIsUnderstood(t *testing.T) {
	const said = `Statistics:

  Queries sent:         51234
  Queries completed:    51230 (99.99%)
  Queries lost:         4 (0.01%)

  Response codes:       NOERROR 46100 (89.99%), NXDOMAIN 5130 (10.01%)
  Run time (s):         2.000214
  Queries per second:   25612.259528

  Average Latency (s):  0.003801 (min 0.000052, max 0.091000)
`
	got, err := parseDnsperf(said)
	if want := (load{51230, 4, 3801 * time.Microsecond, 91 * time.Millisecond}); err != nil || got != want {
		t.Errorf("got %+v, %v", got, err)
	}
	if _, err := parseDnsperf(strings.ReplaceAll(said, "lost", "gone")); err == nil {
		t.Error("another version's words were taken for none lost")
	}
}

// TestLatenessIsTheDistanceFromTheEndpointsOwnClock, wherever in the interval its phase lies.
func TestLatenessIsTheDistanceFromTheEndpointsOwnClock(t *testing.T) {
	began := time.Unix(1_000_000_007, 0)
	at := func(ms ...int) (out []time.Time) {
		for i, d := range ms {
			out = append(out, began.Add(time.Duration(i)*time.Second+time.Duration(d)*time.Millisecond))
		}
		return out
	}
	for _, c := range []struct {
		times []time.Time
		want  []time.Duration
	}{{at(0, 0, 0), []time.Duration{0, 0, 0}},
		{at(0, 30, -20), []time.Duration{0, 30 * time.Millisecond, 20 * time.Millisecond}},
		{at(90, 0, 0), []time.Duration{90 * time.Millisecond, 0, 0}}} {
		if got := deviations(c.times, time.Second); !slices.Equal(got, c.want) {
			t.Errorf("%v: got %v, want %v", c.times, got, c.want)
		}
	}
}

// TestWorkloadsAreTheSameInEveryRun, and one question in ten has no answer.
func TestWorkloadsAreTheSameInEveryRun(t *testing.T) {
	read := func() (zone, queries string) {
		w, err := makeWorkload(t.TempDir(), 100)
		if err != nil {
			t.Fatal(err)
		}
		z, err1 := os.ReadFile(w.zone)
		q, err2 := os.ReadFile(w.queries)
		if err1 != nil || err2 != nil {
			t.Fatal(err1, err2)
		}
		return string(z), string(q)
	}
	zone, queries := read()
	if z, q := read(); z != zone || q != queries {
		t.Error("two runs differ")
	}
	if n := strings.Count(zone, "host-"); n != 100 {
		t.Errorf("the zone has %d hosts", n)
	}
	all, misses := strings.Count(queries, "\n"), strings.Count(queries, "no-host")
	if all != 100_000 || misses < 9_500 || misses > 10_500 {
		t.Errorf("%d of %d questions miss", misses, all)
	}
}

func TestRepliesCountWithinTheirStretchesOnly(t *testing.T) {
	began := time.Now()
	at := func(s int) time.Time { return began.Add(time.Duration(s) * time.Second) }
	var all []reply
	for s := range 10 {
		all = append(all, reply{at(s), time.Duration(s) * time.Millisecond})
	}
	all[3].took = lostAfter
	got := within(all, []stretch{{at(2), at(4)}, {at(8), at(9)}})
	if len(got) != 3 || got[0].sent != at(2) || got[1].sent != at(3) || got[2].sent != at(8) {
		t.Errorf("got %v", got)
	}
	if came := latencies(got); !slices.Equal(came, []time.Duration{2 * time.Millisecond, 8 * time.Millisecond}) {
		t.Errorf("of these %v were answered", came)
	}
}
