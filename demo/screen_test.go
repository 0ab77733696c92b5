package main

import (
	"strings"
	"testing"
	"time"
)

func sample() view {
	now := time.Now()
	return view{
		Stage: "azure is dead.",
		Nodes: []nodeRow{{ID: "ns1", At: "127.0.0.1:25002", Role: "leader", Answer: "127.0.0.12", TTL: 60, Serial: 7}},
		Sites: []siteRow{{Name: "aws", Rank: "secondary", Address: "127.0.0.12", Alive: true, Verdict: "up",
			Votes: []voteCell{{Node: "ns1", Opinion: "up", Probes: []bool{false, true}}}}},
		Notes: []note{
			{ID: 1, At: now.Add(-time.Minute), Since: 0, Kind: act, Text: "killed azure"},
			{ID: 0, At: now.Add(-time.Minute), Since: 0, Kind: vote, Text: "ns1 votes"},
			{ID: 2, At: now, Since: time.Second, Kind: decision, Text: "flip"},
		},
	}
}

func TestLinesAreWrittenOnceAndOnlyWhenTheirPlaceInTimeIsSure(t *testing.T) {
	var out strings.Builder
	l := &lines{out: &out, written: map[int]bool{}}
	l.frame(sample())
	l.frame(sample())
	if got := out.String(); strings.Count(got, "killed azure") != 1 || strings.Count(got, "ns1 votes") != 1 || strings.Contains(got, "flip") {
		t.Errorf("after two frames:\n%s", got)
	}
	l.last(sample())
	got := out.String()
	if strings.Count(got, "* azure is dead.") != 1 || strings.Count(got, "+1.00 s  flip") != 1 || strings.Contains(got, "\x1b") {
		t.Errorf("at the end:\n%s", got)
	}
	for _, row := range []string{
		"ns1   127.0.0.1:25002   leader     127.0.0.12 (aws)       60    7",
		"aws     secondary  127.0.0.12   runs     up       ns1 up   x+",
	} {
		if !strings.Contains(got, row) {
			t.Errorf("no row %q in:\n%s", row, got)
		}
	}
}

func TestRedrawNeverGrowsOverTheTerminal(t *testing.T) {
	var out strings.Builder
	r := &redraw{out: &out, size: func() (int, int) { return 80, 14 }}
	v := sample()
	for i := range 50 {
		v.Notes = append(v.Notes, note{ID: i + 3, Text: "more"})
	}
	r.frame(v)
	if lines := strings.Count(out.String(), "\n"); lines > 13 {
		t.Errorf("%d lines on a terminal of 14", lines)
	}
	first := out.Len()
	r.frame(v)
	if again := out.String()[first:]; !strings.Contains(again, "\x1b[13A") && !strings.Contains(again, "\x1b[12A") {
		t.Errorf("the second frame does not begin at the first one's top: %q", again[:20])
	}
}

func TestUncolouredTextHasNoEscapes(t *testing.T) {
	if got := painter(false).paint(red, "x"); got != "x" {
		t.Errorf("%q", got)
	}
	if got := painter(true).paint(red, "x"); got != "\x1b[31mx\x1b[0m" {
		t.Errorf("%q", got)
	}
}
