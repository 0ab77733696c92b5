package main

import (
	"testing"
	"time"

	"failoverdns/e2e/cluster"
)

func TestEarliestIsTheMajoritysFirstProbeAndTwoIntervals(t *testing.T) {
	cause := time.Unix(100, 0)
	at := func(ms int) time.Time { return cause.Add(time.Duration(ms) * time.Millisecond) }
	nodes := []*cluster.Node{{ID: "ns1"}, {ID: "ns2"}, {ID: "ns3"}}
	for _, c := range []struct {
		name   string
		probes map[string]time.Time
		want   time.Duration
	}{
		{"the second of three decides", map[string]time.Time{"ns1": at(900), "ns2": at(100), "ns3": at(400)}, 2400 * time.Millisecond},
		{"a probe that was in flight counts from the cause", map[string]time.Time{"ns1": at(-50), "ns2": at(-20), "ns3": at(400)}, 2 * time.Second},
		{"two nodes are a majority", map[string]time.Time{"ns1": at(300), "ns3": at(400)}, 2400 * time.Millisecond},
		{"one is none", map[string]time.Time{"ns1": at(300)}, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			turn := &turn{cause: cause, probes: c.probes}
			if got := turn.earliest(nodes, time.Second); got != c.want {
				t.Errorf("%s, not %s", got, c.want)
			}
		})
	}
}

func TestNthAndLastOfTimes(t *testing.T) {
	times := map[string]time.Time{"a": time.Unix(3, 0), "b": time.Unix(1, 0), "c": time.Unix(2, 0)}
	if got := nth(times, 1); got != time.Unix(2, 0) {
		t.Errorf("the second is %v", got)
	}
	if got := nth(times, 3); !got.IsZero() {
		t.Errorf("the fourth of three is %v", got)
	}
	if got := last(times); got != time.Unix(3, 0) {
		t.Errorf("the last is %v", got)
	}
}
