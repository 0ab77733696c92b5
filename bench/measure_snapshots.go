package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"failoverdns/api"
	"failoverdns/e2e/cluster"
)

// stretch is a time in which something went on.
type stretch struct{ from, to time.Time }

// within are the replies to queries that were sent in one of the stretches.
func within(all []reply, stretches []stretch) (out []reply) {
	for _, r := range all {
		if slices.ContainsFunc(stretches, func(s stretch) bool { return !r.sent.Before(s.from) && r.sent.Before(s.to) }) {
			out = append(out, r)
		}
	}
	return out
}

// snapshots measures the latency of the answers of a node with a large zone while it writes Raft's snapshot, while it
// gives a backup, and while another node restarts: it leads, and has a core of its own; the other two share the other.
func snapshots(ctx context.Context, s settings) error {
	c, err := s.largeCluster(ctx)
	if err != nil {
		return err
	}
	defer c.Close()
	rows := [][]string{{"", "p99 just before, µs", "p99 meanwhile, µs", "ratio", "most, ms", "lost", "answers", "it takes, s"}}
	for _, one := range []struct {
		name string
		run  func(context.Context, *cluster.Cluster) ([]stretch, error)
	}{
		{"Raft's snapshot is written", s.snapshot},
		{"a backup is taken", s.backup},
		{"another node restarts", s.restart},
	} {
		quiet, busy, stretches, err := s.during(ctx, c, one.run)
		if err != nil {
			return fmt.Errorf("%s: %w", one.name, err)
		}
		row := append([]string{one.name}, meanwhile(quiet, busy, stretches)...)
		progress("%s", row)
		rows = append(rows, row)
	}
	fmt.Printf("\n## Answers during snapshots and restarts, with %d record sets\n\nThree nodes, logs synced to disk; the leader is asked each %s, with a core of its own; the others share the other core with who asks. Just before is %s in which nothing happens.\n\n%s", s.size, latencyEvery, s.length, table(rows))
	return nil
}

// meanwhile are the cells that compare the replies of the stretches with those of the quiet time before.
func meanwhile(quiet, busy []reply, stretches []stretch) []string {
	before, came := latencies(quiet), latencies(busy)
	lost := fmt.Sprint(len(busy) - len(came))
	if len(before) == 0 || len(came) == 0 {
		return []string{"–", "–", "–", "–", lost, fmt.Sprint(len(came)), "–"}
	}
	var took []float64
	for _, s := range stretches {
		took = append(took, s.to.Sub(s.from).Seconds())
	}
	was, is := quantile(before, 0.99), quantile(came, 0.99)
	return []string{fmt.Sprint(was.Microseconds()), fmt.Sprint(is.Microseconds()), fmt.Sprintf("%.2f", float64(is)/float64(was)),
		millis(quantile(came, 1)), lost, fmt.Sprint(len(came)), spread(took, "%.1f")}
}

// during follows the first node's answers while nothing happens and then while something runs, and gives the replies of
// the quiet time and those of its stretches.
func (s settings) during(ctx context.Context, c *cluster.Cluster, run func(context.Context, *cluster.Cluster) ([]stretch, error)) (quiet, busy []reply, _ []stretch, err error) {
	until, stop := context.WithCancel(ctx)
	defer stop()
	var all []reply
	done := make(chan error, 1)
	go func() (err error) {
		defer func() { done <- err }()
		all, err = follow(until, c.Nodes()[0].DNS, "host-0000000."+c.Spec().Zone+".")
		return err
	}()
	var stretches []stretch
	still := stretch{from: time.Now()}
	if err = pause(ctx, s.length); err == nil {
		still.to = time.Now()
		stretches, err = run(ctx, c)
	}
	stop()
	if failed := <-done; err == nil {
		err = failed
	}
	return within(all, []stretch{still}), within(all, stretches), stretches, err
}

// largeCluster starts three nodes with a large zone; the first has the server's core, and leads.
func (s settings) largeCluster(ctx context.Context) (c *cluster.Cluster, err error) {
	w, err := makeWorkload(s.dir, s.size)
	if err != nil {
		return nil, err
	}
	zone, err := os.ReadFile(w.zone)
	if err != nil {
		return nil, err
	}
	place := func(name string) cluster.Place {
		core := clientCore
		if name == "ns1" {
			core = serverCore
		}
		return cluster.Place{Address: "127.0.0.1", Within: []string{"taskset", "-c", fmt.Sprint(core)}}
	}
	c, err = cluster.New(cluster.Spec{Binaries: s.binaries, Zone: zoneName, ZoneFile: string(zone), Serve: []string{"steered"}, Place: place,
		Timing: "wan"})
	if err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			_ = c.Close()
		}
	}()
	if err := c.Start(ctx); err != nil {
		return nil, err
	}
	leader, err := c.Leader(ctx)
	if err != nil {
		return nil, err
	}
	if leader != c.Nodes()[0] {
		q := api.MemberRequest{Who: api.Who{Author: "bench", Reason: "measurement"}, Node: c.Nodes()[0].ID}
		if _, err := leader.API().ChangeMember(ctx, api.MemberTransfer, q, false); err != nil {
			return nil, fmt.Errorf("have the first node lead: %w", err)
		}
	}
	return c, pause(ctx, 10*time.Second) // for what the start leaves to be done
}

// Raft looks each minute or two whether enough entries have come since the last snapshot.
const (
	snapshotEntries = 300
	snapshotWithin  = 150 * time.Second
)

// snapshot has the first node's log grow, and waits for the snapshot that follows.
func (s settings) snapshot(ctx context.Context, c *cluster.Cluster) ([]stretch, error) {
	n := c.Nodes()[0]
	for i := range snapshotEntries {
		set := api.RecordChange{Verb: api.RecordsSet, Name: "changed", Type: "A", Data: []string{address(i)}}
		if _, err := n.API().ChangeRecords(ctx, setRequest(zoneName, set), false); err != nil {
			return nil, err
		}
	}
	var one stretch
	for end := time.Now().Add(snapshotWithin); time.Now().Before(end); {
		writing, err := writesSnapshot(n)
		switch {
		case err != nil:
			return nil, err
		case writing && one.from.IsZero():
			one.from = time.Now()
		case !writing && !one.from.IsZero():
			one.to = time.Now()
			return []stretch{one}, nil
		}
		if err := pause(ctx, 5*time.Millisecond); err != nil {
			return nil, err
		}
	}
	return nil, fmt.Errorf("%s wrote no snapshot within %s", n.ID, snapshotWithin)
}

// writesSnapshot says whether there is a snapshot in the making: Raft gives its directory another name when it is whole.
func writesSnapshot(n *cluster.Node) (bool, error) {
	entries, err := os.ReadDir(filepath.Join(n.Dir, "data", "snapshots"))
	return slices.ContainsFunc(entries, func(e os.DirEntry) bool { return strings.HasSuffix(e.Name(), ".tmp") }), err
}

// backup takes a backup from the first node, round after round.
func (s settings) backup(ctx context.Context, c *cluster.Cluster) (all []stretch, err error) {
	admin, err := api.NewClient(api.Options{Servers: []string{"http://" + c.Nodes()[0].Admin}, Timeout: 2 * time.Minute})
	if err != nil {
		return nil, err
	}
	for range s.rounds {
		began := time.Now()
		if _, err := admin.Backup(ctx, true); err != nil {
			return nil, err
		}
		all = append(all, stretch{began, time.Now()})
	}
	return all, nil
}

// restart stops the second node and starts it, and waits until it answers again.
func (s settings) restart(ctx context.Context, c *cluster.Cluster) ([]stretch, error) {
	n := c.Nodes()[1]
	began := time.Now()
	if err := n.Stop(); err != nil {
		return nil, err
	}
	if err := n.Start(); err != nil {
		return nil, err
	}
	err := n.WaitReady(ctx)
	return []stretch{{began, time.Now()}}, err
}
