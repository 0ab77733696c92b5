package node

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"
)

// A schedule is what happens to a cluster, as data. Its text is one step a line, "12.5s isolate ns1", and is read back
// as it was printed. The words are those of trial.do.
type schedule []step

// step is one thing that happens, at a time counted from the beginning.
type step struct {
	at    time.Duration
	words []string
}

func (s step) String() string { return fmt.Sprintf("%-9s %s", s.at, strings.Join(s.words, " ")) }

func (s schedule) String() string {
	var b strings.Builder
	for _, st := range s {
		b.WriteString(st.String() + "\n")
	}
	return b.String()
}

// last is when the last step happens.
func (s schedule) last() time.Duration {
	if len(s) == 0 {
		return 0
	}
	return s[len(s)-1].at
}

// sorted brings steps into the order of their times; steps of one time stay as they are.
func (s schedule) sorted() schedule {
	slices.SortStableFunc(s, func(a, b step) int { return int(a.at - b.at) })
	return s
}

// parseSchedule reads a schedule; what follows # is a comment.
func parseSchedule(text string) (s schedule, err error) {
	for i, line := range strings.Split(text, "\n") {
		line, _, _ = strings.Cut(line, "#")
		words := strings.Fields(line)
		if len(words) == 0 {
			continue
		}
		at, err := time.ParseDuration(words[0])
		if err != nil || len(words) < 2 {
			return nil, fmt.Errorf("line %d: %q is no step: a time and what happens then, as in: 12.5s isolate ns1", i+1, line)
		}
		s = append(s, step{at, words[1:]})
	}
	return s.sorted(), nil
}

func TestPrintedScheduleIsReadBackAsItWas(t *testing.T) {
	for seed := range uint64(50) {
		drawn := drawSchedule(seed)
		read, err := parseSchedule("# a comment\n" + drawn.String())
		if err != nil || read.String() != drawn.String() {
			t.Fatalf("seed %d: %v\n%s\nwas read as\n%s", seed, err, drawn, read)
		}
	}
	for _, bad := range []string{"isolate ns1", "12s", "soon isolate ns1"} {
		if _, err := parseSchedule(bad); err == nil {
			t.Errorf("%q is taken for a schedule", bad)
		}
	}
}
