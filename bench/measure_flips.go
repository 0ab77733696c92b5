package main

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/miekg/dns"

	"failoverdns/api"
	"failoverdns/e2e/cluster"
)

// flips measures what a flip does to those who ask meanwhile, and how long a flip takes from the operator's word to the
// new answer of the last of three nodes.
func flips(ctx context.Context, s settings) error {
	if err := s.latency(ctx); err != nil {
		return err
	}
	return s.span(ctx)
}

// The latency measurement asks at a steady rate that is far from what the server can bear: a queue would measure itself.
const (
	latencyNames = 1000
	latencyEvery = 500 * time.Microsecond
)

// latency compares the latency of answers of a quiet node with that of one whose group of 1,000 names flips each
// second.
func (s settings) latency(ctx context.Context) error {
	steered := ours(s.binaries)[steeredForm]
	running, port, err := s.startPeer(ctx, steered, workload{names: latencyNames})
	if err != nil {
		return err
	}
	defer running.stop()
	admin, err := adminOf(port)
	if err != nil {
		return err
	}
	if _, err := sample(ctx, port, time.Second); err != nil { // to warm it
		return err
	}
	var quiet, busy []float64
	for round := range s.rounds {
		for _, flipping := range []bool{false, true} {
			p99, err := s.sampled(ctx, port, flipping, admin)
			if err != nil {
				return err
			}
			progress("round %d of %d, flipping %v: p99 %.0f µs", round+1, s.rounds, flipping, p99)
			if flipping {
				busy = append(busy, p99)
			} else {
				quiet = append(quiet, p99)
			}
		}
	}
	fmt.Printf("\n## Latency of answers while a group of %d names flips\n\nOne query each %s; 99th percentile, median (range) of %d rounds of %s.\n\n", latencyNames, latencyEvery, s.rounds, s.length)
	fmt.Print(table([][]string{{"", "p99, µs", "ratio"},
		{"nothing happens", spread(quiet, "%.0f"), "1.00"},
		{"it flips each second", spread(busy, "%.0f"), fmt.Sprintf("%.2f", median(busy)/median(quiet))}}))
	return nil
}

// sampled is the 99th percentile of latencies, in µs, while the group flips each second or nothing happens.
func (s settings) sampled(ctx context.Context, port int, flipping bool, admin *api.Client) (float64, error) {
	var group sync.WaitGroup
	var failed error
	until, stop := context.WithTimeout(ctx, s.length)
	defer stop()
	if flipping {
		group.Go(func() { failed = flipEachSecond(until, admin) })
	}
	all, err := sample(ctx, port, s.length)
	group.Wait()
	if err == nil {
		err = failed
	}
	if err != nil {
		return 0, err
	}
	return float64(quantile(all, 0.99).Nanoseconds()) / 1000, nil
}

func flipEachSecond(ctx context.Context, admin *api.Client) error {
	for i := 0; ; i++ {
		if err := pin(context.WithoutCancel(ctx), admin, zoneName, []string{"two", "one"}[i%2]); err != nil {
			return err
		}
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(time.Second):
		}
	}
}

func pin(ctx context.Context, admin *api.Client, group, site string) error {
	who := api.Who{Author: "bench", Reason: "measurement"}
	_, err := admin.Pin(ctx, api.PinRequest{Who: who, Group: group, Site: site, For: "1h", Force: true}, false)
	return err
}

// sample asks for the zone's last name again and again, and gives the latency of each answer.
func sample(ctx context.Context, port int, length time.Duration) ([]time.Duration, error) {
	until, stop := context.WithTimeout(ctx, length)
	defer stop()
	replies, err := follow(until, fmt.Sprintf("127.0.0.1:%d", port), host(latencyNames-1)+"."+zoneName+".")
	if err != nil {
		return nil, err
	}
	all := latencies(replies)
	if len(all) < len(replies) {
		return nil, fmt.Errorf("%d of %d answers stayed out", len(replies)-len(all), len(replies))
	}
	return all, ctx.Err()
}

// span measures from the operator's word, with three nodes, to the new answer of the last of them, by the size of
// the group.
func (s settings) span(ctx context.Context) error {
	rows := [][]string{{"names of the group", "until the last of three nodes answers so, ms: median", "p99", "ratio of medians"}}
	yardstick := 0.0
	for _, names := range []int{10, 10_000, 100_000} {
		took, err := s.spans(ctx, names)
		if err != nil {
			return fmt.Errorf("%d names: %w", names, err)
		}
		if yardstick == 0 {
			yardstick = median(took)
		}
		progress("%d names: median %.1f ms", names, median(took))
		rows = append(rows, []string{fmt.Sprint(names), fmt.Sprintf("%.1f", median(took)), fmt.Sprintf("%.1f", quantile(took, 0.99)), fmt.Sprintf("%.2f", median(took)/yardstick)})
	}
	fmt.Printf("\n## A flip by the size of its group\n\nThree nodes, logs synced to disk, TLS, %d flips by command; seen from outside by asking each node each 0.5 ms for the group's last name.\n\n%s", flipsMeasured(s), table(rows))
	return nil
}

func flipsMeasured(s settings) int { return 10 * s.rounds }

// spans flips a group of a cluster of three, and gives the milliseconds that each flip took.
func (s settings) spans(ctx context.Context, names int) (took []float64, err error) {
	spec := cluster.Spec{Binaries: s.binaries}
	for i := range names {
		spec.Serve = append(spec.Serve, host(i))
	}
	c, err := cluster.New(spec)
	if err != nil {
		return nil, err
	}
	defer c.Close()
	if err := c.Start(ctx); err != nil {
		return nil, err
	}
	leader, err := c.Leader(ctx)
	if err != nil {
		return nil, err
	}
	last := host(names-1) + "." + c.Spec().Zone
	for i := range flipsMeasured(s) {
		site := c.Spec().Sites[(i+1)%2]
		address := site.Addresses[0]
		began, done := time.Now(), make(chan error, 1)
		go func() { done <- pin(ctx, leader.API(), c.Spec().Zone, site.Name) }() // it answers with all names: answers come first
		for _, n := range c.Nodes() {
			if err := waitFor(ctx, n, last, address); err != nil {
				return nil, err
			}
		}
		took = append(took, float64(time.Since(began).Microseconds())/1000)
		if err := <-done; err != nil {
			return nil, err
		}
	}
	return took, nil
}

func waitFor(ctx context.Context, n *cluster.Node, name, address string) error {
	for end := time.Now().Add(10 * time.Second); time.Now().Before(end); time.Sleep(500 * time.Microsecond) {
		if m, err := n.Query(ctx, name, dns.TypeA); err == nil && cluster.Answer(m) == address {
			return nil
		}
	}
	return fmt.Errorf("%s did not answer %s with %s within 10 s", n.ID, name, address)
}
