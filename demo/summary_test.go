package main

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"failoverdns/e2e/cluster"
)

// unstarted is a cluster of which nothing runs.
func unstarted(t *testing.T) *cluster.Cluster {
	t.Helper()
	dir := t.TempDir()
	for _, name := range []string{"failoverdns", "failoverctl"} {
		if err := os.WriteFile(filepath.Join(dir, name), nil, 0o700); err != nil {
			t.Fatal(err)
		}
	}
	c, err := cluster.New(cluster.Spec{Binaries: dir})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := c.Close(); err != nil {
			t.Error(err)
		}
	})
	return c
}

// textbook is a report in which all went as promised.
func textbook(c *cluster.Cluster) *report {
	cause := time.Unix(1000, 0)
	at := func(ms int) map[string]time.Time {
		out := map[string]time.Time{}
		for i, n := range c.Nodes() {
			out[n.ID] = cause.Add(time.Duration(ms+10*i) * time.Millisecond)
		}
		return out
	}
	turn := func(word, outcome string, to *cluster.Site) *turn {
		return &turn{cause: cause, site: "azure", word: word, outcome: outcome, to: to, bound: 4400 * time.Millisecond,
			probes: at(300), votes: at(2300), verdict: cause.Add(2310 * time.Millisecond), answers: at(2320)}
	}
	return &report{c: c, away: turn("down", "failure", c.Sites()[1]), back: turn("up", "success", c.Sites()[0]),
		serials: [3]uint32{7, 8, 9}, queries: 100, ttl: 60}
}

func TestReportIsGoodOnlyIfEveryExpectationHeld(t *testing.T) {
	c := unstarted(t)
	if r := textbook(c); !r.good() {
		t.Fatalf("the textbook case is not good:\n%s", r.text())
	}
	for name, spoil := range map[string]func(*report){
		"a node never changed its answer": func(r *report) { delete(r.away.answers, "ns2") },
		"a node changed it too late":      func(r *report) { r.back.answers["ns3"] = r.back.cause.Add(4401 * time.Millisecond) },
		"only one node voted":             func(r *report) { r.away.votes = map[string]time.Time{"ns1": r.away.cause} },
		"no verdict was seen":             func(r *report) { r.back.verdict = time.Time{} },
		"a query was not answered":        func(r *report) { r.silent = 1 },
		"nothing was asked":               func(r *report) { r.queries = 0 },
		"another answer was seen":         func(r *report) { r.stray = errors.New("SERVFAIL") },
		"serials differed":                func(r *report) { r.serials[1] = 0 },
		"the serial rose by two":          func(r *report) { r.serials[2] = 10 },
		"the TTL is another":              func(r *report) { r.ttl = 300 },
	} {
		t.Run(name, func(t *testing.T) {
			r := textbook(c)
			spoil(r)
			if r.good() || strings.Count(r.text(), "\nFAILED") != 1 {
				t.Errorf("not exactly one expectation failed:\n%s", r.text())
			}
		})
	}
}

func TestSummarySetsMeasuredBesideLeast(t *testing.T) {
	text := textbook(unstarted(t)).text()
	for _, line := range []string{
		"until each node's first failure            ns1 0.30 s  ns2 0.31 s  ns3 0.32 s       0 to 1.00 s",
		"from that to each node's vote              ns1 2.00 s  ns2 2.00 s  ns3 2.00 s       2.00 s",
		"from the verdict to each node's answer     ns1 0.01 s  ns2 0.02 s  ns3 0.03 s       0;",
		"all together, until the last node answers  2.34 s                                   2.31 s by these first probes; promised: 4.40 s",
		"out of every cache 62.34 s after its death",
	} {
		if !strings.Contains(text, line) {
			t.Errorf("no line %q in:\n%s", line, text)
		}
	}
}
