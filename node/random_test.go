package node

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

var (
	schedules = flag.Int("schedules", 0, "run so many random schedules; 0: as many as fit into -for")
	runFor    = flag.Duration("for", 20*time.Second, "real time for random schedules, where -schedules is not set")
	seed      = flag.Uint64("seed", 1, "seed of the first random schedule; 0: a random one. The next ones count on from it")
	replay    = flag.String("replay", "", "run the schedule in this file, and no random one")
	shrinkFor = flag.Duration("shrink", time.Minute, "real time for making a failing schedule shorter")
)

// workers run schedules at once.
const workers = 2

// TestRandomSchedules runs clusters of whole nodes through random troubles in virtual time, under a judge. A failure
// prints the seed and the shortest schedule that still fails:
//
//	go test ./node -run TestRandomSchedules -schedules 1 -seed N
//	go test ./node -run TestRandomSchedules -replay FILE -count 10
//
// A schedule is not all: elections have randomness of their own. What failed once may have to be replayed a few times.
func TestRandomSchedules(t *testing.T) {
	certs := issueCerts(t)
	if *replay != "" {
		replayFile(t, certs, *replay)
		return
	}
	if testing.Short() && *schedules == 0 {
		*runFor = min(*runFor, 5*time.Second)
	}
	if *seed == 0 {
		*seed = rand.Uint64N(1 << 40)
	}
	r := &randomRun{certs: certs, until: time.Now().Add(*runFor)}
	r.next.Store(*seed)
	t.Run("schedules", func(t *testing.T) {
		for i := range workers {
			t.Run(fmt.Sprint(i), func(t *testing.T) {
				t.Parallel()
				r.work(t)
			})
		}
	})
	t.Logf("seeds %d to %d: %s", *seed, *seed+uint64(r.count.schedules)-1, r.count)
}

func (c counts) String() string {
	return fmt.Sprintf("%d schedules, %d steps, %d commands applied, %d verdicts, %d flips, %d elections, %d starts, %d operator commands (%d answered)",
		c.schedules, c.steps, c.applied, c.verdicts, c.flips, c.elections, c.restarts, c.orders, c.kept)
}

// randomRun is shared by the workers.
type randomRun struct {
	certs string
	until time.Time
	next  atomic.Uint64
	over  atomic.Bool

	mu    sync.Mutex // guards count
	count counts
}

func (r *randomRun) work(t *testing.T) {
	for !r.over.Load() {
		if *schedules == 0 && time.Now().After(r.until) {
			return
		}
		n := r.next.Add(1) - 1
		if *schedules > 0 && n >= *seed+uint64(*schedules) {
			return
		}
		s := drawSchedule(n)
		j := try(t, r.certs, s)
		j.count.schedules, j.count.steps = 1, len(s)
		r.mu.Lock()
		r.count.add(j.count)
		r.mu.Unlock()
		if j.failed() {
			r.over.Store(true)
			t.Errorf("seed %d:\n%s\n\n%s\n%s", n, strings.Join(j.wrong, "\n"), s, shrunk(t, r.certs, s))
		}
	}
}

func replayFile(t *testing.T, certs, file string) {
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	s, err := parseSchedule(string(text))
	if err != nil {
		t.Fatal(err)
	}
	if j := try(t, certs, s); j.failed() {
		t.Errorf("%s", strings.Join(j.wrong, "\n"))
	}
}

// tries is how often a shorter schedule may pass before it is taken to pass: elections have luck in them.
const tries = 3

// shrunk drops steps, many at a time at first, while the schedule still fails, and says what is left.
func shrunk(t *testing.T, certs string, s schedule) string {
	until := time.Now().Add(*shrinkFor)
	why := ""
	fails := func(s schedule) bool {
		for range tries {
			if j := try(t, certs, s); j.failed() {
				why = strings.Join(j.wrong, "\n")
				return true
			}
		}
		return false
	}
	for size := len(s) / 2; size > 0 && time.Now().Before(until); {
		dropped := false
		for i := 0; i < len(s) && time.Now().Before(until); {
			shorter := append(append(schedule{}, s[:i]...), s[min(i+size, len(s)):]...)
			if fails(shorter) {
				s, dropped = shorter, true
			} else {
				i += size
			}
		}
		if size == 1 && !dropped {
			break
		}
		size = max(1, min(size/2, len(s)/2))
	}
	return fmt.Sprintf("the shortest that fails:\n%s\n%s", s, why)
}
