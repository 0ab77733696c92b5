package main

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"failoverdns/api"
	"failoverdns/e2e/cluster"
)

const (
	queryEvery = 20 * time.Millisecond // how fine a flip of one node's answer is measured
	lookEvery  = 100 * time.Millisecond
)

// watcher sees what nodes do, writes it on the board, and keeps what the measurements need. It has one goroutine for
// events and one for each node; they end with its context.
type watcher struct {
	c     *cluster.Cluster
	board *board
	seen  *cluster.Observer
	all   sync.WaitGroup

	mu     sync.Mutex // guards what follows
	probes map[probed][]api.Result
	events []api.Event
}

// probed is a node's own probing of a site.
type probed struct{ node, site string }

// watch begins to watch a cluster that runs, until the context ends.
func watch(ctx context.Context, c *cluster.Cluster, b *board) (*watcher, error) {
	w := &watcher{c: c, board: b, seen: c.Observe("login."+c.Spec().Zone, queryEvery), probes: map[probed][]api.Result{}}
	client, err := anyNode(c)
	if err != nil {
		return nil, err
	}
	before, err := client.Events(ctx, 0, 1)
	if err != nil {
		return nil, fmt.Errorf("ask for events: %w", err)
	}
	last := uint64(0)
	for _, e := range before.Events {
		last = e.ID
	}
	w.all.Go(func() {
		_ = client.Follow(ctx, last, w.event, nil) // a stream that ends early shows as stages that were not seen
	})
	for i, n := range c.Nodes() {
		w.all.Go(func() { w.node(ctx, i, n) })
	}
	return w, nil
}

// wait waits for all goroutines, once the context has ended.
func (w *watcher) wait() {
	w.seen.Stop()
	w.all.Wait()
}

// anyNode is a client that asks whichever node answers.
func anyNode(c *cluster.Cluster) (*api.Client, error) {
	var servers []string
	for _, n := range c.Nodes() {
		servers = append(servers, "http://"+n.Admin)
	}
	return api.NewClient(api.Options{Servers: servers})
}

// event keeps an event, and notes those of the line: votes, verdicts, flips.
func (w *watcher) event(e api.Event) error {
	w.mu.Lock()
	w.events = append(w.events, e)
	w.mu.Unlock()
	switch e.Type {
	case "vote":
		w.board.note(e.At, vote, e.Text)
	case "verdict", "flip":
		w.board.note(e.At, decision, e.Text)
	}
	return nil
}

// node looks at one node again and again. A look that fails leaves the row as it was: the answer shows silence.
func (w *watcher) node(ctx context.Context, i int, n *cluster.Node) {
	tick := time.NewTicker(lookEvery)
	defer tick.Stop()
	last := ""
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		last = w.answer(ctx, i, n, last)
		w.role(ctx, i, n)
		w.sites(ctx, i, n)
	}
}

// answer shows what the node answers, and notes when that is new.
func (w *watcher) answer(ctx context.Context, i int, n *cluster.Node, last string) string {
	s := w.seen.Last(n.ID)
	serial, err := n.Serial(ctx, w.c.Spec().Zone)
	w.board.node(i, func(r *nodeRow) {
		r.Answer, r.TTL = s.String(), s.TTL
		if err == nil {
			r.Serial = serial
		}
	})
	if s.String() == last || s.Sent.IsZero() {
		return last
	}
	if last != "" {
		at, found := w.seen.First(n.ID, s.Answer, w.lastOther(n.ID, s.Answer))
		if found {
			w.board.note(at, answer, fmt.Sprintf("%s answers %s", n.ID, s))
		}
	}
	return s.String()
}

// lastOther is when the last query was sent that a node answered otherwise.
func (w *watcher) lastOther(node, answer string) time.Time {
	all := w.seen.Samples(node, time.Time{})
	for _, s := range slices.Backward(all) {
		if s.Answer != answer {
			return s.Sent
		}
	}
	return time.Time{}
}

func (w *watcher) role(ctx context.Context, i int, n *cluster.Node) {
	m, err := n.API().Members(ctx)
	if err == nil {
		w.board.node(i, func(r *nodeRow) { r.Role = m.Cluster.RaftState })
	}
}

// sites looks at every site's endpoint with this node's eyes: its own probes, and the votes and verdict it knows.
func (w *watcher) sites(ctx context.Context, i int, n *cluster.Node) {
	for j, s := range w.c.Sites() {
		v, err := n.API().Votes(ctx, endpoint(s))
		if err != nil || v.Latest == nil {
			continue
		}
		results := w.keep(probed{n.ID, s.Name}, v.Latest.Results)
		w.board.site(j, func(r *siteRow) {
			r.Alive, r.Verdict = s.Servers[0].Running(), v.Endpoint.Verdict
			r.Votes[i] = voteCell{Node: n.ID, Opinion: opinion(v.Endpoint.Votes, n.ID), Probes: outcomes(results)}
		})
	}
}

func endpoint(s *cluster.Site) string { return s.Name + "/health@" + s.Servers[0].Address }

func opinion(votes []api.Vote, node string) string {
	for _, v := range votes {
		if v.Node == node {
			return v.Opinion
		}
	}
	return ""
}

// outcomes are the latest few results.
func outcomes(results []api.Result) (out []bool) {
	const shown = 5
	for _, r := range results[max(0, len(results)-shown):] {
		out = append(out, r.Outcome == "success")
	}
	return out
}

// keep adds results that are new, given newest first, and notes those of a run that changes the site's standing.
func (w *watcher) keep(p probed, latest []api.Result) []api.Result {
	w.mu.Lock()
	defer w.mu.Unlock()
	kept := w.probes[p]
	for _, r := range slices.Backward(latest) {
		if len(kept) > 0 && !r.At.After(kept[len(kept)-1].At) {
			continue
		}
		kept = append(kept, r)
		w.noteProbe(p, kept)
	}
	w.probes[p] = kept
	return kept
}

// noteProbe notes the last of some results if its run is not yet long enough for a vote, or just became so. A run
// from the very first result on is no news.
func (w *watcher) noteProbe(p probed, results []api.Result) {
	last := results[len(results)-1]
	run := 0
	for _, r := range slices.Backward(results) {
		if r.Outcome != last.Outcome {
			break
		}
		run++
	}
	if run == len(results) || run > cluster.Failures {
		return
	}
	k, text := passed, fmt.Sprintf("%s probes %s: passed, %d of %d", p.node, p.site, run, cluster.Successes)
	if last.Outcome != "success" {
		k, text = failing, fmt.Sprintf("%s probes %s: %s %s, %d of %d", p.node, p.site, last.Outcome, last.Reason, run, cluster.Failures)
	}
	w.board.note(last.At, k, text)
}
