package world

import (
	"fmt"
	"math/rand/v2"
	"net"
	"slices"
	"strings"
	"testing"
	"time"
)

var start = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

const ms = time.Millisecond

func newLine(i Impairment, seed uint64) *line {
	return &line{imp: i, rng: rand.New(rand.NewPCG(seed, 0)), began: start}
}

// send puts frames with the names 0, 1, … on a line, one each spacing, and gives their names and times of arrival.
func send(l *line, frames int, spacing time.Duration) (names []string, at []time.Duration) {
	for now := start; frames > l.number-l.passed.Duplicated+l.passed.Dropped; now = now.Add(spacing) {
		l.take([]byte(fmt.Sprint(l.number-l.passed.Duplicated+l.passed.Dropped)), now)
	}
	for due, some := l.next(); some; due, some = l.next() {
		for _, b := range l.arrived(due) {
			names, at = append(names, string(b)), append(at, due.Sub(start))
		}
	}
	return names, at
}

func TestWireLetsFramesPassAtTheTimesThatItsImpairmentSays(t *testing.T) {
	for _, c := range []struct {
		name   string
		imp    Impairment
		frames int
		want   string // NAME@MILLISECONDS
	}{
		{"none", Impairment{}, 3, "0@0 1@10 2@20"},
		{"delay", Impairment{Delay: 50 * ms}, 3, "0@50 1@60 2@70"},
		{"all twice", Impairment{Delay: 5 * ms, Duplicate: 100}, 2, "0@5 0@5 1@15 1@15"},
		{"all late is a delay", Impairment{Reorder: 100, Late: 30 * ms}, 2, "0@30 1@40"},
		{"what comes in a stall passes after it, in order", Impairment{StallEvery: 20 * ms, StallFor: 15 * ms}, 6, "0@0 1@10 2@35 3@35 4@55 5@55"},
		{"another host's frames", Impairment{Delay: time.Second, Duplicate: 100, Only: []string{"198.18.1.1"}}, 2, "0@0 1@10"},
	} {
		t.Run(c.name, func(t *testing.T) {
			names, at := send(newLine(c.imp, 1), c.frames, 10*ms)
			var got []string
			for i := range names {
				got = append(got, fmt.Sprintf("%s@%d", names[i], at[i]/ms))
			}
			if s := strings.Join(got, " "); s != c.want {
				t.Errorf("%s, not %s", s, c.want)
			}
		})
	}
}

func TestJitterAloneKeepsTheOrder(t *testing.T) {
	names, at := send(newLine(Impairment{Delay: 10 * ms, Jitter: 50 * ms}, 7), 500, ms)
	differ := false
	for i := range names {
		sent := time.Duration(i) * ms
		if names[i] != fmt.Sprint(i) {
			t.Fatalf("frame %s arrives as number %d", names[i], i)
		}
		if late := at[i] - sent; late < 10*ms || late >= 60*ms {
			t.Fatalf("frame %d takes %s", i, late)
		}
		differ = differ || at[i]-sent > 30*ms
	}
	if !differ {
		t.Error("there is no jitter")
	}
}

func TestReorderedFramesAreOvertakenAndNoneIsLost(t *testing.T) {
	l := newLine(Impairment{Reorder: 20, Late: 5 * ms, Duplicate: 10}, 3)
	names, _ := send(l, 900, ms)
	if slices.IsSortedFunc(names, func(a, b string) int { return len(a)*1000 - len(b)*1000 + strings.Compare(a, b) }) {
		t.Error("they are in order")
	}
	seen := map[string]bool{}
	for _, n := range names {
		seen[n] = true
	}
	if p := l.passed; len(seen) != 900 || len(names) != 900+p.Duplicated || p.Duplicated < 45 || p.Duplicated > 135 || p.Reordered < 120 || p.Reordered > 240 {
		t.Errorf("%d frames of 900 arrive, %d in all: %+v", len(seen), len(names), p)
	}
}

func TestSeedDecidesWhatAWireDoes(t *testing.T) {
	imp := Impairment{Delay: ms, Jitter: 20 * ms, Duplicate: 30, Reorder: 30, Late: 10 * ms}
	run := func(seed uint64) string {
		names, at := send(newLine(imp, seed), 100, ms)
		return fmt.Sprint(names, at)
	}
	once := run(5)
	if again := run(5); again != once {
		t.Error("one seed, two outcomes")
	}
	if run(6) == once {
		t.Error("two seeds, one outcome")
	}
}

func TestFullWireDrops(t *testing.T) {
	l := newLine(Impairment{Delay: time.Hour}, 1)
	if names, _ := send(l, maxQueued+20, ms); len(names) != maxQueued || l.passed.Dropped != 20 {
		t.Errorf("%d frames arrive, %d were dropped", len(names), l.passed.Dropped)
	}
}

func TestImpairmentConcernsFramesOfTheNamedAddressesOnly(t *testing.T) {
	ip := func(from, to string) []byte {
		b := make([]byte, headers)
		b[etherType] = 0x08
		copy(b[source:], net.ParseIP(from).To4())
		copy(b[destination:], net.ParseIP(to).To4())
		return b
	}
	arp := ip("10.0.0.1", "10.0.0.2")
	arp[etherType+1] = 0x06
	for _, c := range []struct {
		name string
		data []byte
		only string
		want bool
	}{
		{"from it", ip("10.0.0.1", "10.0.0.2"), "10.0.0.1", true},
		{"to it", ip("10.0.0.1", "10.0.0.2"), "10.0.0.2", true},
		{"neither", ip("10.0.0.1", "10.0.0.2"), "10.0.0.3", false},
		{"ARP", arp, "10.0.0.1", false},
		{"too short", []byte{1, 2, 3}, "10.0.0.1", false},
	} {
		if got := concerns(c.data, []string{c.only}); got != c.want {
			t.Errorf("%s: %t", c.name, got)
		}
		if !concerns(c.data, nil) {
			t.Errorf("%s: without addresses each is meant", c.name)
		}
	}
}
