package main

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"failoverdns/e2e/cluster"
)

// report is what was measured, and what was expected of it.
type report struct {
	c          *cluster.Cluster
	began      time.Time
	away, back *turn
	serials    [3]uint32 // before, away, back; 0 where nodes differed
	queries    int
	silent     int   // queries without an answer
	stray      error // an answer that no site gives, if there was one
	ttl        uint32
}

// expectation is one thing that must have held.
type expectation struct {
	text string
	held bool
}

func (r *report) expectations() []expectation {
	var out []expectation
	for _, t := range []*turn{r.away, r.back} {
		took := last(t.answers).Sub(t.cause)
		out = append(out, expectation{
			fmt.Sprintf("all nodes answered with %s %s after %s was %s; promised: %s", t.to.Name, seconds(took), t.site, t.caused(), seconds(t.bound)),
			len(t.answers) == len(r.c.Nodes()) && took <= t.bound,
		}, expectation{
			fmt.Sprintf("%d nodes voted %s to %s, and one verdict came of it", len(t.votes), t.site, t.word),
			len(t.votes) > len(r.c.Nodes())/2 && !t.verdict.IsZero(),
		})
	}
	sites := r.c.Sites()
	return append(out,
		expectation{fmt.Sprintf("every query was answered: %d of %d", r.queries-r.silent, r.queries), r.queries > 0 && r.silent == 0},
		expectation{"no answer was other than " + sites[0].Servers[0].Address + " or " + sites[1].Servers[0].Address, r.stray == nil},
		expectation{fmt.Sprintf("the serial was equal on all nodes and rose by one with each flip: %d, %d, %d", r.serials[0], r.serials[1], r.serials[2]),
			r.serials[0] != 0 && r.serials[1] == r.serials[0]+1 && r.serials[2] == r.serials[1]+1},
		expectation{fmt.Sprintf("answers carried the TTL %d", r.ttl), r.ttl == 60})
}

func (t *turn) caused() string {
	if t.word == "down" {
		return "killed"
	}
	return "started"
}

func (r *report) good() bool {
	for _, e := range r.expectations() {
		if !e.held {
			return false
		}
	}
	return true
}

// text is the summary.
func (r *report) text() string {
	var b strings.Builder
	b.WriteString("\n")
	for _, t := range []*turn{r.away, r.back} {
		r.table(&b, t)
	}
	fmt.Fprintf(&b, "What a resolver's cache adds: up to the TTL, %d s. So the dead primary is out of every cache %s after its death at the\nlatest", r.ttl,
		seconds(last(r.away.answers).Sub(r.away.cause)+time.Duration(r.ttl)*time.Second))
	spec := r.c.Spec()
	if real := 10 * time.Second; spec.Interval != real {
		fmt.Fprintf(&b, "; at the default interval of 10 s in at most %s", seconds(cluster.Failures*real+4*time.Second+slack+time.Duration(r.ttl)*time.Second))
	}
	b.WriteString(".\n\n")
	for _, e := range r.expectations() {
		mark := "ok    "
		if !e.held {
			mark = "FAILED"
		}
		fmt.Fprintf(&b, "%s  %s\n", mark, e.text)
	}
	if r.stray != nil {
		fmt.Fprintf(&b, "        %v\n", r.stray)
	}
	return b.String()
}

// table shows one turn: each stage, measured and at the least.
func (r *report) table(b *strings.Builder, t *turn) {
	interval := r.c.Spec().Interval
	nodes := r.c.Nodes()
	row := func(stage, measured, least string) { fmt.Fprintf(b, "  %-42s %-40s %s\n", stage, measured, least) }
	fmt.Fprintf(b, "%s %s\n", t.site, t.caused())
	row("STAGE", "MEASURED", "AT THE LEAST")
	row("until each node's first "+t.outcome, r.each(t.probes, func(string) time.Time { return t.cause }), "0 to "+seconds(interval)+": where in the interval it falls")
	row("from that to each node's vote", r.each(t.votes, func(n string) time.Time { return t.probes[n] }), seconds(counting(interval))+": two more intervals")
	row("from the majority's vote to the verdict", since(t.verdict, nth(t.votes, len(nodes)/2)), "0: it is the same commit")
	row("from the verdict to each node's answer", r.each(t.answers, func(string) time.Time { return t.verdict }), fmt.Sprintf("0; asked each %d ms", queryEvery.Milliseconds()))
	row("all together, until the last node answers", since(last(t.answers), t.cause), seconds(t.earliest(nodes, interval))+" by these first probes; promised: "+seconds(t.bound))
	b.WriteString("\n")
}

// each gives a time for each node, counted from another.
func (r *report) each(times map[string]time.Time, from func(node string) time.Time) string {
	var out []string
	for _, n := range r.c.Nodes() {
		out = append(out, n.ID+" "+since(times[n.ID], from(n.ID)))
	}
	return strings.Join(out, "  ")
}

// nth is the n-th of some times in order, from 0; zero if there are fewer.
func nth(times map[string]time.Time, n int) time.Time {
	var all []time.Time
	for _, t := range times {
		all = append(all, t)
	}
	if n >= len(all) {
		return time.Time{}
	}
	slices.SortFunc(all, time.Time.Compare)
	return all[n]
}

func since(t, from time.Time) string {
	if t.IsZero() || from.IsZero() {
		return "-"
	}
	return seconds(t.Sub(from))
}

func seconds(d time.Duration) string { return fmt.Sprintf("%.2f s", max(0, d.Seconds())) }

// opening says what will happen, and how long it will take.
func opening(c *cluster.Cluster) string {
	spec := c.Spec()
	return fmt.Sprintf("Three nodes of failoverdns and two toy sites, for real, on this machine's loopback. The primary site is killed and comes\n"+
		"back. Each node probes each site every %s with a timeout of %s; %d in a row make a vote, two of three votes a verdict.\n"+
		"This takes about %.0f s; Ctrl-C ends it, and leaves nothing behind.\n\n%s\n",
		spec.Interval, spec.Timeout, cluster.Failures, length(c).Round(5*time.Second).Seconds(), further(c))
}

// further says how to look at the cluster while it runs.
func further(c *cluster.Cluster) string {
	n := c.Nodes()[0]
	_, port, _ := strings.Cut(n.DNS, ":")
	var b strings.Builder
	b.WriteString("To look further, in another terminal:\n")
	fmt.Fprintf(&b, "  dig @127.0.0.1 -p %s login.%s\n", port, c.Spec().Zone)
	fmt.Fprintf(&b, "  export FAILOVER_SERVER=http://%s\n", n.Admin)
	fmt.Fprintf(&b, "  %s/failoverctl status      # or: sites, votes %s, explain login.%s, events -f\n", c.Spec().Binaries, endpoint(c.Sites()[0]), c.Spec().Zone)
	fmt.Fprintf(&b, "  less %s/ns1/log\n", c.Dir())
	for _, n := range c.Nodes() {
		fmt.Fprintf(&b, "  %s: DNS %s, admin API http://%s, metrics http://%s/metrics\n", n.ID, n.DNS, n.Admin, n.Metrics)
	}
	return b.String()
}
