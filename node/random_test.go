package node

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"runtime/debug"
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
	members   = flag.Bool("members", true, "have members come and go in one of six random schedules")
	shortLogs = flag.Bool("short-logs", true, "have snapshots take the logs' place early in one of three random schedules")
	having    = flag.String("having", "", "of the drawn schedules run only those with a step that this regular expression matches")
	replay    = flag.String("replay", "", "run the schedule in this file, and no random one")
	shrinkFor = flag.Duration("shrink", time.Minute, "real time for making a failing schedule shorter")
)

// news is how often a long run says how far it is.
const news = time.Minute

// TestRandomSchedules runs clusters of whole nodes through random troubles in virtual time, under a judge. A failure
// prints the seed, the shortest schedule that still fails, and the commands that run them again:
//
//	go test ./node -count=1 -run '^TestRandomSchedules$' -schedules 1 -seed N
//	go test ./node -count=10 -run '^TestRandomSchedules$' -replay FILE
//
// A schedule is not all: elections have randomness of their own. What failed once may have to be replayed a few times.
// What was mended stays as a file in testdata/schedules.
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
	defer debug.SetGCPercent(debug.SetGCPercent(400)) // clusters come and go: a fifth of the time would be spent on collecting them
	t.Logf("seeds from %d on", *seed)
	r := &randomRun{certs: certs, having: regexp.MustCompile(*having), began: time.Now(), last: time.Now()}
	r.next.Store(*seed)
	t.Run("schedules", func(t *testing.T) {
		for i := range runtime.GOMAXPROCS(0) {
			t.Run(fmt.Sprint(i), func(t *testing.T) {
				t.Parallel()
				r.work(t)
			})
		}
	})
	t.Logf("seeds %d to %d, %s: %s", *seed, *seed+uint64(r.count.schedules)+r.passed.Load()-1, time.Since(r.began).Round(time.Second), r.count)
}

func (c counts) String() string {
	return fmt.Sprintf("%d schedules, %d steps, %d commands applied, %d verdicts, %d flips, %d elections, %d starts, %d operator commands (%d answered): %d changes of members, %d of roles, %d renewals of certificates, %d turns of switches, %d drills, %d maintenance windows, %d changes of records, %d snapshots installed, %d backups restored",
		c.schedules, c.steps, c.applied, c.verdicts, c.flips, c.elections, c.restarts, c.orders, c.kept, c.members, c.roles, c.renewals, c.turns, c.drills, c.windows, c.writes, c.installs, c.restores)
}

// randomRun is shared by the workers.
type randomRun struct {
	certs  string
	having *regexp.Regexp
	began  time.Time
	next   atomic.Uint64
	passed atomic.Uint64 // seeds whose schedules were not run
	over   atomic.Bool

	mu    sync.Mutex // guards what follows
	count counts
	last  time.Time // when there was news
}

func (r *randomRun) work(t *testing.T) {
	for !r.over.Load() {
		if *schedules == 0 && time.Since(r.began) > *runFor {
			return
		}
		n := r.next.Add(1) - 1
		if *schedules > 0 && n >= *seed+uint64(*schedules) {
			return
		}
		s := drawSchedule(n)
		if !r.having.MatchString(s.String()) {
			r.passed.Add(1)
			continue
		}
		j := try(t, r.certs, s)
		j.count.schedules, j.count.steps = 1, len(s)
		r.note(t, n, j.count)
		if j.failed() {
			r.over.Store(true)
			t.Errorf("seed %d:\n%s\n\n%s\n%s\nreplay the whole: go test ./node -count=1 -run '^TestRandomSchedules$' -schedules 1 -members=%t -short-logs=%t -seed %d",
				n, strings.Join(j.wrong, "\n"), s, shrunk(t, r.certs, s), *members, *shortLogs, n)
		}
	}
}

// note adds a schedule's counts, and says now and then how far the run is.
func (r *randomRun) note(t *testing.T, seed uint64, c counts) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.count.add(c)
	if time.Since(r.last) > news {
		r.last = time.Now()
		t.Logf("seed %d: %s", seed, r.count)
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

// replays is how often a schedule that once failed is run.
var replays = tries

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
	return fmt.Sprintf("the shortest that fails:\n%s\n%s\n%s", s, why, kept(s))
}

// kept writes a schedule to a file, and says how to run it.
func kept(s schedule) string {
	file := filepath.Join(os.TempDir(), fmt.Sprintf("schedule-%d.txt", time.Now().UnixNano()))
	if err := os.WriteFile(file, []byte(s.String()), 0o644); err != nil {
		return err.Error()
	}
	return "replay it: go test ./node -count=10 -run '^TestRandomSchedules$' -replay " + file
}

// TestSchedulesThatOnceFailedPass runs the shortest schedules of bugs that were found by chance; each file says which.
func TestSchedulesThatOnceFailedPass(t *testing.T) {
	certs := issueCerts(t)
	files, err := filepath.Glob("testdata/schedules/*.txt")
	if err != nil || len(files) == 0 {
		t.Fatal("there are none", err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txt"), func(t *testing.T) {
			t.Parallel()
			for range replays {
				replayFile(t, certs, file)
			}
		})
	}
}
