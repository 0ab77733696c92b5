package main

import (
	"context"
	"fmt"
	"sync"
	"time"

	"failoverdns/api"
)

// manyZones are zones that commands make, below the one with the group.
const manyZones = 10_000

// zoned is what one node with a number of zones does.
type zoned struct {
	load         time.Duration
	resident     int64
	flip, change []float64 // ms up to the answer
}

// zones measures a node with one zone beside one with 10,000: how long a restart takes, what memory it holds, and how
// long a flip, and a change in one of them, take.
func zones(ctx context.Context, s settings) error {
	rows := [][]string{{"zones", "restart to answer, s", "memory, MiB", "KiB a zone", "flip, ms: median", "p99", "change of one record set, ms: median", "p99"}}
	var least int64
	for _, count := range []int{1, manyZones} {
		z, err := s.zoned(ctx, count)
		if err != nil {
			return fmt.Errorf("%d zones: %w", count, err)
		}
		each := "–"
		if least > 0 {
			each = fmt.Sprintf("%.1f", float64(z.resident-least)/1024/float64(count-1))
		}
		least = z.resident
		rows = append(rows, []string{fmt.Sprint(count), fmt.Sprintf("%.2f", z.load.Seconds()), fmt.Sprint(z.resident >> 20), each,
			fmt.Sprintf("%.1f", median(z.flip)), fmt.Sprintf("%.1f", quantile(z.flip, 0.99)), fmt.Sprintf("%.1f", median(z.change)), fmt.Sprintf("%.1f", quantile(z.change, 0.99))})
		progress("%s", rows[len(rows)-1])
	}
	fmt.Printf("\n## Many zones on one node\n\nZones made by command, each with SOA, NS and two addresses, beside one with a group; one node on one core, logs synced to disk; %d flips and changes by command, from the request to the answer. Memory is resident after the restart.\n\n%s", s.changes(), table(rows))
	return nil
}

func (s settings) zoned(ctx context.Context, count int) (z zoned, err error) {
	running, port, err := s.startPeer(ctx, ours(s.binaries)[steeredForm], workload{names: 1})
	if err != nil {
		return z, err
	}
	defer func() { running.stop() }()
	if err := makeZones(ctx, port, count); err != nil {
		return z, err
	}
	dir, argv := running.cmd.Dir, running.cmd.Args
	running.stop()
	began := time.Now()
	if running, err = start("failoverdns", dir, argv...); err != nil {
		return z, err
	}
	last := manyZone(count - 1)
	if err := waitAnswer(ctx, running, port, "www."+last+"."); err != nil {
		return z, err
	}
	z.load = time.Since(began)
	if err := pause(ctx, 5*time.Second); err != nil { // for what the start leaves to be done
		return z, err
	}
	if z.resident, err = running.resident(); err != nil {
		return z, err
	}
	if z.change, err = s.changedByCommand(ctx, port, last); err != nil {
		return z, err
	}
	z.flip, err = s.flipped(ctx, port)
	return z, err
}

// flipped has the group's only name go from site to site.
func (s settings) flipped(ctx context.Context, port int) (took []float64, err error) {
	admin, err := adminOf(port)
	if err != nil {
		return nil, err
	}
	for i := range s.changes() {
		site := []string{"two", "one"}[i%2]
		one, err := toAnswer(ctx, port, host(0)+"."+zoneName+".", map[string]string{"one": "192.0.2.1", "two": "192.0.2.2"}[site], func() error {
			return pin(ctx, admin, zoneName, site)
		})
		if err != nil {
			return nil, err
		}
		took = append(took, one)
	}
	return took, nil
}

func manyZone(i int) string { return fmt.Sprintf("zone-%05d.%s", i, zoneName) }

// makeZones makes zones by command, several at a time, so that their commands share the disk's syncs.
func makeZones(ctx context.Context, port, count int) error {
	const workers = 16
	var group sync.WaitGroup
	failed := make([]error, workers)
	for w := range workers {
		group.Go(func() {
			admin, err := adminOf(port)
			for i := w; i < count && err == nil; i += workers {
				err = makeZone(ctx, admin, manyZone(i))
			}
			failed[w] = err
		})
	}
	group.Wait()
	for _, err := range failed {
		if err != nil {
			return err
		}
	}
	return nil
}

func makeZone(ctx context.Context, admin *api.Client, zone string) error {
	_, err := admin.PutZone(ctx, api.ZoneRequest{Who: api.Who{Author: "bench", Reason: "measurement"}, Zone: zone,
		NameServers: []api.NameServer{{Name: "ns1." + zone, Addresses: []string{"127.0.0.1"}}}}, false)
	if err != nil {
		return err
	}
	_, err = admin.ChangeRecords(ctx, setRequest(zone, api.RecordChange{Verb: api.RecordsSet, Name: "www", Type: "A", Data: []string{"192.0.2.9"}}), false)
	return err
}
