package health

import (
	"math/rand/v2"
	"strings"
	"testing"
	"time"
)

// counter counts by 3 failures and 3 successes.
func counter(window int, known bool) *Counter {
	return NewCounter(Check{Failures: 3, Successes: 3, Window: window}, known)
}

// outcomes: + success, - failure, ? abstained.
var outcomes = map[byte]Outcome{'+': Success, '-': Failure, '?': Abstained}

// votes: u up, d down, . none.
func letter(o Opinion) byte { return map[Opinion]byte{Up: 'u', Down: 'd', None: '.'}[o] }

func TestCounterTurnsResultsIntoVotes(t *testing.T) {
	tests := []struct {
		name    string
		window  int
		known   bool
		results string
		votes   string
	}{
		{"unknown needs one success", 0, false, "+", "u"},
		{"unknown needs all failures", 0, false, "---", "..d"},
		{"unknown, one success after failures", 0, false, "--+", "..u"},
		{"unknown and down needs all successes", 0, false, "---+++", "..dddu"},
		{"known needs all successes", 0, true, "+++", "..u"},
		{"known, interrupted", 0, true, "++-+++", ".....u"},
		{"known needs all failures", 0, true, "---", "..d"},
		{"failures not in a row", 0, true, "+++--+--+---", "..uuuuuuuuud"},
		{"successes not in a row", 0, true, "---++-++-+++", "..dddddddddu"},
		{"abstained leaves the run", 0, true, "+++-?-?-", "..uuuuud"},
		{"abstained as often as failures", 0, true, "+++???", "..uuu."},
		{"abstentions not in a row", 0, true, "+++??+??+", "..uuuuuuu"},
		{"up again after none", 0, true, "+++???+", "..uuu.u"},
		{"run goes on after none", 0, true, "+++--???-", "..uuuuu.d"},
		{"unknown after none needs one success", 0, false, "---???+", "..ddd.u"},
		{"abstained alone", 0, false, "????", "...."},
		{"window: two in three", 5, true, "+++-+-+-", "..uuuuud"},
		{"window: old failures leave it", 5, true, "+++-++++-++++-++", "..uuuuuuuuuuuuuu"},
		{"window: up needs successes in a row", 5, true, "---+-+++", "..dddddu"},
		{"window: forgotten when up", 5, true, "---+++--+-", "..dddUUUUd"},
		{"window: success alone votes nothing down", 5, true, "---???+", "..ddd.."},
		{"window: abstained is not in it", 5, true, "+++-??-??-", "..uuuuuuud"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			c := counter(test.window, test.known)
			var got []byte
			for i := range test.results {
				got = append(got, letter(c.Observe(outcomes[test.results[i]], time.Unix(int64(i), 0))))
			}
			if want := strings.ToLower(test.votes); string(got) != want {
				t.Errorf("%s gives %s, want %s", test.results, got, want)
			}
		})
	}
}

func TestKnownRaisesWhatUpNeeds(t *testing.T) {
	c := counter(0, false)
	c.Observe(Failure, time.Unix(0, 0))
	c.Known()
	if got := c.Observe(Success, time.Unix(1, 0)); got != None {
		t.Errorf("one success of a known endpoint votes %s", got)
	}
}

func TestRunBeginsWithItsFirstFailedProbe(t *testing.T) {
	tests := []struct {
		name    string
		window  int
		results string
		want    int64 // start of the run, by the number of the result; -1: none
	}{
		{"in a row", 0, "+++---", 3},
		{"goes on while down", 0, "+++------", 3},
		{"a flap while down begins no other", 0, "+++---+--", 3},
		{"interrupted", 0, "+++--+---", 6},
		{"over", 0, "+++---+++", -1},
		{"window", 5, "+++-+--", 3},
		{"window: one failure in five is not a run for ever", 5, "+++-++++-++++-++++---", 18},
		{"window: a failure that has left it", 5, "+++-++++--+-", 8},
		{"window: stays while down", 5, "+++-+-----------", 3},
		{"window: over", 5, "+++---+++", -1},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			c := counter(test.window, true)
			for i := range test.results {
				c.Observe(outcomes[test.results[i]], time.Unix(int64(i), 0))
			}
			_, first := c.Vote()
			if test.want < 0 != first.IsZero() || test.want >= 0 && first.Unix() != test.want {
				t.Errorf("%s: run began at %v, want result %d", test.results, first, test.want)
			}
		})
	}
}

func TestDecidingFromTheFirstFailureUntilTheVote(t *testing.T) {
	for _, test := range []struct{ results, want string }{
		{"+++---+++", "nnnyynnnn"},
		{"+++-+--?-", "nnnynyyyn"},
		{"--+", "yyn"},
	} {
		c := counter(0, true)
		var got []byte
		for i := range test.results {
			c.Observe(outcomes[test.results[i]], time.Unix(int64(i), 0))
			got = append(got, map[bool]byte{true: 'y', false: 'n'}[c.Deciding()])
		}
		if string(got) != test.want {
			t.Errorf("%s: deciding %s, want %s", test.results, got, test.want)
		}
	}
}

// twin is the counter as the contract words it: it keeps every result and reads them anew each time.
type twin struct {
	check Check
	known bool
	all   string // since the window was last forgotten, for failures
	runs  string // ever, without abstentions
	blind int
	vote  Opinion
}

func (w *twin) observe(r byte) Opinion {
	if r == '?' {
		if w.blind++; w.blind >= w.check.Failures {
			w.vote = None
		}
		return w.vote
	}
	w.blind = 0
	w.all, w.runs = w.all+string(r), w.runs+string(r)
	span := w.check.Failures
	if w.check.Window > 0 {
		span = w.check.Window
	}
	recent := w.all[max(0, len(w.all)-span):]
	up := strings.HasSuffix(w.runs, strings.Repeat("+", w.check.Successes))
	switch {
	case r == '-' && strings.Count(recent, "-") >= w.check.Failures:
		w.vote = Down
	case up, r == '+' && !w.known && w.vote == None:
		if w.vote != Up {
			w.all = ""
		}
		w.vote = Up
	}
	return w.vote
}

func TestCounterAgreesWithItsTwin(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	for round := range 20_000 {
		check := Check{Failures: 1 + random.IntN(4), Successes: 1 + random.IntN(4)}
		if random.IntN(2) == 0 {
			check.Window = check.Failures + random.IntN(4)
		}
		known := random.IntN(2) == 0
		c, w := NewCounter(check, known), &twin{check: check, known: known, vote: None}
		results := ""
		for i := range 30 {
			r := "+++---?"[random.IntN(7)]
			results += string(r)
			if got, want := c.Observe(outcomes[r], time.Unix(int64(i), 0)), w.observe(r); got != want {
				t.Fatalf("round %d, %+v, known %v: %s votes %s, want %s", round, check, known, results, got, want)
			}
		}
	}
}
