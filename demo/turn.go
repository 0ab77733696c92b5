package main

import (
	"slices"
	"time"

	"failoverdns/e2e/cluster"
)

// slack is what the promise allows beyond counting and timeouts: for commit and swap.
const slack = time.Second

// turn is one change of the primary, and when each step of its way through the cluster was seen. A zero time is a
// step that was not seen.
type turn struct {
	cause   time.Time // when the site was killed, or was started again
	site    string
	word    string        // of votes and verdict: down, up
	outcome string        // of the probes that count
	to      *cluster.Site // whom nodes answer with at the end
	bound   time.Duration // from cause to the last node's answer

	probes  map[string]time.Time // by node: start of the first probe with the new outcome
	votes   map[string]time.Time
	verdict time.Time
	answers map[string]time.Time // by node
	serial  uint32
}

// measure reads the steps from what was seen since the cause.
func (w *watcher) measure(t *turn) {
	w.mu.Lock()
	defer w.mu.Unlock()
	t.probes, t.votes, t.answers = map[string]time.Time{}, map[string]time.Time{}, map[string]time.Time{}
	for _, n := range w.c.Nodes() {
		for _, r := range w.probes[probed{n.ID, t.site}] {
			ended := r.At.Add(time.Duration(r.Took * float64(time.Second)))
			if r.Outcome == t.outcome && ended.After(t.cause) { // one that was in flight counts
				t.probes[n.ID] = r.At
				break
			}
		}
		if at, ok := w.seen.First(n.ID, t.to.Servers[0].Address, t.cause); ok {
			t.answers[n.ID] = at
		}
	}
	for _, e := range w.events {
		switch {
		case e.At.Before(t.cause) || e.Site != t.site:
		case e.Type == "vote" && t.votes[e.Node].IsZero():
			t.votes[e.Node] = e.At
		case e.Type == "verdict" && t.verdict.IsZero():
			t.verdict = e.At
		}
	}
}

// counting is the time between the first and the last probe of a count.
func counting(interval time.Duration) time.Duration { return (cluster.Failures - 1) * interval }

// earliest is the least time from the cause at which a majority can have voted, given when the nodes' first probes
// came.
func (t *turn) earliest(nodes []*cluster.Node, interval time.Duration) time.Duration {
	var all []time.Duration
	for _, n := range nodes {
		if at, ok := t.probes[n.ID]; ok {
			all = append(all, max(0, at.Sub(t.cause))+counting(interval))
		}
	}
	majority := len(nodes)/2 + 1
	if len(all) < majority {
		return 0
	}
	slices.Sort(all)
	return all[majority-1]
}

// last is the greatest of some times.
func last(times map[string]time.Time) (out time.Time) {
	for _, t := range times {
		if t.After(out) {
			out = t
		}
	}
	return out
}
