package main

import (
	"strings"
	"testing"
	"time"

	"failoverdns/api"
)

func TestTimelineIsInOrderAndHasEveryStep(t *testing.T) {
	at := func(ms int) time.Time {
		return time.Date(2026, 11, 22, 5, 0, 0, 0, time.UTC).Add(time.Duration(ms) * time.Millisecond)
	}
	p := func(ms int) *time.Time { x := at(ms); return &x }
	in := &api.Incident{Site: "azure", From: "azure", To: "aws", Endpoint: "azure/https@192.0.2.1", Decided: at(20500), Returned: p(90000), Back: p(150000),
		Votes: []api.Vote{
			{Node: "ns1", Opinion: "down", At: at(20000), FirstFailed: p(0), Reason: "refused"},
			{Node: "ns2", Opinion: "down", At: at(20500), FirstFailed: p(400)},
			{Node: "ns3", Opinion: "up", At: at(-9000)}},
		Nodes: []api.Swap{{Node: "ns2", Swapped: 0.004}, {Node: "ns1", Leader: true, Swapped: 0.002, Commit: 0.001}, {Node: "ns3", Error: "connection refused"}}}
	var got []string
	for _, m := range timelineOf(in) {
		got = append(got, m.who+": "+m.what)
	}
	want := []string{"ns1: first failed probe", "ns2: first failed probe", "ns1: votes down: refused", "ns2: votes down",
		"cluster: azure is down by 2 of 3 votes; answers: azure to aws", "ns1: answers with aws (it led; on a majority's disks after 1.00 ms)", "ns2: answers with aws",
		"cluster: azure is up again", "cluster: azure is in service again"}
	if strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

func TestPictureHasOnePointOrAnArrow(t *testing.T) {
	for d, want := range map[time.Duration]int{0: 0, 5 * time.Second: track / 2, 10 * time.Second: track - 1} {
		got := []rune(picture(d, 10*time.Second))
		if len(got) != track || got[min(want, track-1)] != '●' && got[want-1] != '●' {
			t.Errorf("%s: %s", d, string(got))
		}
	}
	if got := picture(11*time.Second, 10*time.Second); !strings.HasSuffix(got, "→") || strings.Contains(got, "●") {
		t.Errorf("behind its end: %s", got)
	}
	if got := picture(0, 0); !strings.HasPrefix(got, "●") {
		t.Errorf("of no time at all: %s", got)
	}
}
