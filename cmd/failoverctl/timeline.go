package main

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"failoverdns/api"
)

// mark is one thing on an incident's time line.
type mark struct {
	at   time.Time
	who  string
	what string
}

// track is the width of the picture beside the time line, in characters.
const track = 32

// timelineOf lists what happened in an incident, in order: each node's first failed probe and vote, the verdict, each
// node's first changed answer, the return.
func timelineOf(in *api.Incident) (marks []mark) {
	add := func(at time.Time, who, format string, args ...any) {
		marks = append(marks, mark{at, who, fmt.Sprintf(format, args...)})
	}
	downs := 0
	for _, v := range in.Votes {
		if v.Opinion != "down" {
			continue
		}
		downs++
		if v.FirstFailed != nil {
			add(*v.FirstFailed, v.Node, "first failed probe")
		}
		if !v.At.IsZero() {
			add(v.At, v.Node, "votes down%s%s", after(": ", v.Reason), after(", ", v.Detail))
		}
	}
	add(in.Decided, "cluster", "%s; %s", verdictOf(in, downs), strings.TrimSpace("answers: "+moved(in)))
	for _, n := range in.Nodes {
		switch {
		case n.Error != "":
		case n.Leader:
			add(in.Decided.Add(asDuration(n.Swapped)), n.Node, "answers with %s (it led; on a majority's disks after %s)", in.To, exact(n.Commit))
		default:
			add(in.Decided.Add(asDuration(n.Swapped)), n.Node, "answers with %s", in.To)
		}
	}
	if in.Returned != nil {
		add(*in.Returned, "cluster", "%s is up again", in.Site)
	}
	if in.Back != nil {
		add(*in.Back, "cluster", "%s is in service again", in.Site)
	}
	slices.SortStableFunc(marks, func(a, b mark) int { return a.at.Compare(b.at) })
	return marks
}

// verdictOf is what decided: votes, or somebody's word.
func verdictOf(in *api.Incident, downs int) string {
	if in.Endpoint == "" {
		return in.Site + " is down, by " + in.Cause
	}
	return fmt.Sprintf("%s is down by %d of %d votes", in.Site, downs, len(in.Votes))
}

func asDuration(seconds float64) time.Duration { return time.Duration(seconds * float64(time.Second)) }

// timelineTable shows when each thing happened, how long after the first, and where on the way to the last changed
// answer that is.
func timelineTable(t *terminal, in *api.Incident) {
	marks := timelineOf(in)
	first, whole := marks[0].at, in.Decided.Sub(marks[0].at)
	for _, n := range in.Nodes {
		whole = max(whole, in.Decided.Add(asDuration(n.Swapped)).Sub(first))
	}
	t.printf("\n")
	x := t.table("  ", "AT", "AFTER", " ", "WHO", "WHAT")
	for _, m := range marks {
		x.row(m.at.UTC().Format("15:04:05.000"), since(m.at.Sub(first)), picture(m.at.Sub(first), whole), m.who, m.what)
	}
	x.end()
}

// since is the time after the first mark: to the millisecond while that says something.
func since(d time.Duration) string {
	if d < time.Minute {
		return fmt.Sprintf("%.3f s", d.Seconds())
	}
	return span(d)
}

// picture is a line with a point where a mark stands; what lies behind the line's end has an arrow there.
func picture(d, whole time.Duration) string {
	at := 0
	if whole > 0 {
		at = int(int64(d) * (track - 1) / int64(whole))
	}
	if at >= track || d > whole {
		return strings.Repeat("─", track-1) + "→"
	}
	return strings.Repeat("─", at) + "●" + strings.Repeat("─", track-1-at)
}
