package main

import (
	"context"
	"fmt"
	"sync"
	"time"

	"failoverdns/api"
	"failoverdns/e2e/cluster"
)

// writing is a number of clients that write at the same time, each its own record sets, one request after the other.
type writing struct {
	clients int
	sets    int // of each request
}

var writings = []writing{{1, 1}, {8, 1}, {64, 1}, {1, 1000}, {8, 1000}}

// writes measures how many writes three nodes take: each request compares and sets (a set must still have the version
// that the client's last write gave it), and is acknowledged when a majority has it on disk.
func writes(ctx context.Context, s settings) error {
	c, err := cluster.New(cluster.Spec{Binaries: s.binaries})
	if err != nil {
		return err
	}
	defer c.Close()
	if err := c.Start(ctx); err != nil {
		return err
	}
	leader, err := c.Leader(ctx)
	if err != nil {
		return err
	}
	rows := [][]string{{"clients", "record sets a request", "requests a second", "record sets a second", "ms: median", "p99"}}
	for _, w := range writings {
		var rates, all []float64
		for range s.rounds {
			began := time.Now()
			took, err := s.written(ctx, leader, c.Spec().Zone, w)
			if err != nil {
				return err
			}
			rates, all = append(rates, float64(len(took))/time.Since(began).Seconds()), append(all, took...)
		}
		progress("%d clients, %d sets: %.0f requests a second", w.clients, w.sets, median(rates))
		rows = append(rows, []string{fmt.Sprint(w.clients), fmt.Sprint(w.sets), spread(rates, "%.0f"), fmt.Sprintf("%.0f", median(rates)*float64(w.sets)),
			fmt.Sprintf("%.1f", median(all)), fmt.Sprintf("%.1f", quantile(all, 0.99))})
	}
	fmt.Printf("\n## Writes that three nodes acknowledge\n\nThree nodes, logs synced to disk, TLS between them; record sets compared and set through the leader's API; %d rounds of %s.\n\n%s", s.rounds, s.length, table(rows))
	return nil
}

// written has clients write for one round, and gives the milliseconds of each request.
func (s settings) written(ctx context.Context, leader *cluster.Node, zone string, w writing) ([]float64, error) {
	took, failed := make([][]float64, w.clients), make([]error, w.clients)
	end := time.Now().Add(s.length)
	var group sync.WaitGroup
	for i := range w.clients {
		group.Go(func() { took[i], failed[i] = w.write(ctx, leader, zone, fmt.Sprintf("w%d", i), end) })
	}
	group.Wait()
	var all []float64
	for i := range took {
		if failed[i] != nil {
			return nil, failed[i]
		}
		all = append(all, took[i]...)
	}
	return all, ctx.Err()
}

// write is one client at work. In the end it reads what the cluster has of its sets: the version of its last write.
func (w writing) write(ctx context.Context, leader *cluster.Node, zone, name string, end time.Time) (took []float64, err error) {
	admin, err := api.NewClient(api.Options{Servers: []string{"http://" + leader.Admin}, Consistent: true, Timeout: time.Minute}) // a connection of its own
	if err != nil {
		return nil, err
	}
	first, err := admin.ChangeRecords(ctx, setRequest(zone, w.request(name, 0, nil)...), false)
	if err != nil {
		return nil, err
	}
	version := first.Meta.Index
	for i := 1; time.Now().Before(end) && ctx.Err() == nil; i++ {
		began := time.Now()
		done, err := admin.ChangeRecords(ctx, setRequest(zone, w.request(name, i, &version)...), false)
		if err != nil {
			return nil, err
		}
		took = append(took, float64(time.Since(began).Microseconds())/1000)
		version = done.Meta.Index
	}
	last := w.request(name, 0, nil)[w.sets-1].Name
	r, err := admin.Records(ctx, api.RecordsQuery{Zone: zone, Name: last + "." + zone + "."})
	if err != nil {
		return nil, err
	}
	if len(r.Records) != 1 || r.Records[0].Version != version {
		return nil, fmt.Errorf("%s was acknowledged at version %d, and the cluster has %+v", last, version, r.Records)
	}
	return took, nil
}

// request are a client's i-th request.
func (w writing) request(name string, i int, version *uint64) (out []api.RecordChange) {
	for j := range w.sets {
		out = append(out, api.RecordChange{Verb: api.RecordsSet, Name: fmt.Sprintf("%s-%d", name, j), Type: "A", Data: []string{address(i*w.sets + j)}, Version: version})
	}
	return out
}
