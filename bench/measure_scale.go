package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"failoverdns/api"
)

// scaled is what a zone's size costs.
type scaled struct {
	names               int
	load, change, again time.Duration
	resident            int64
	command             []float64 // ms from the request for a change of one record set to the answer
}

// scale measures, by the number of record sets in one zone: how long a new node takes to answer, how much memory
// it holds, how long a change of one record takes from the command and from the file to the answer, and how long a
// restart takes.
func scale(ctx context.Context, s settings) error {
	var all []scaled
	for _, names := range []int{1000, s.size / 10, s.size} {
		one, err := s.scaled(ctx, names)
		if err != nil {
			return fmt.Errorf("%d record sets: %w", names, err)
		}
		progress("%d record sets: answers after %s, restarted %s, %d MiB", names, one.load.Round(time.Millisecond), one.again.Round(time.Millisecond), one.resident>>20)
		all = append(all, one)
	}
	fmt.Printf("\n## One zone by its record sets\n\nOne node on one core, logs synced to disk. Memory is resident (VmRSS) after the restart; a record set's share is that above the smallest zone's.\n\n%s", scaleTable(all))
	fmt.Printf("\n## One record set changed by command, by the zone's record sets\n\nFrom the request to the admin API to the answer, the log synced to disk between; %d changes, one after the other.\n\n%s", s.changes(), changeTable(all))
	return nil
}

func scaleTable(all []scaled) string {
	rows := [][]string{{"record sets", "first start to answer, s", "changed file to answer, s", "restart to answer, s", "memory, MiB", "bytes a record set"}}
	for _, c := range all {
		each := "–"
		if c.names > all[0].names {
			each = fmt.Sprint((c.resident - all[0].resident) / int64(c.names-all[0].names))
		}
		rows = append(rows, []string{fmt.Sprint(c.names), fmt.Sprintf("%.2f", c.load.Seconds()), fmt.Sprintf("%.2f", c.change.Seconds()),
			fmt.Sprintf("%.2f", c.again.Seconds()), fmt.Sprint(c.resident >> 20), each})
	}
	return table(rows)
}

func changeTable(all []scaled) string {
	rows := [][]string{{"record sets", "ms: median", "p99", "ratio of medians"}}
	for _, c := range all {
		rows = append(rows, []string{fmt.Sprint(c.names), fmt.Sprintf("%.1f", median(c.command)), fmt.Sprintf("%.1f", quantile(c.command, 0.99)),
			fmt.Sprintf("%.2f", median(c.command)/median(all[0].command))})
	}
	return table(rows)
}

// changes is how often one thing is changed to find out how long it takes.
func (s settings) changes() int { return 20 * s.rounds }

// changedByCommand has a node change one record set of a zone again and again, and gives the milliseconds that each
// change took up to the answer.
func (s settings) changedByCommand(ctx context.Context, port int, zone string) (took []float64, err error) {
	admin, err := adminOf(port)
	if err != nil {
		return nil, err
	}
	for i := range s.changes() {
		address := fmt.Sprintf("192.0.2.%d", i%200+1)
		one, err := toAnswer(ctx, port, "changed."+zone+".", address, func() error {
			_, err := admin.ChangeRecords(ctx, setRequest(zone, api.RecordChange{Verb: api.RecordsSet, Name: "changed", Type: "A", Data: []string{address}}), false)
			return err
		})
		if err != nil {
			return nil, err
		}
		took = append(took, one)
	}
	return took, nil
}

func setRequest(zone string, changes ...api.RecordChange) api.RecordsRequest {
	return api.RecordsRequest{Who: api.Who{Author: "bench", Reason: "measurement"}, Zone: zone, Changes: changes}
}

// adminOf is a client of the node whose DNS port this is.
func adminOf(port int) (*api.Client, error) {
	return api.NewClient(api.Options{Servers: []string{fmt.Sprintf("http://127.0.0.1:%d", port+1)}, Timeout: time.Minute})
}

func (s settings) scaled(ctx context.Context, names int) (c scaled, err error) {
	c.names = names
	w, err := makeWorkload(s.dir, names)
	if err != nil {
		return c, err
	}
	form := ours(s.binaries)[0]
	began := time.Now()
	running, port, err := s.startPeer(ctx, form, w)
	if err != nil {
		return c, err
	}
	c.load = time.Since(began)
	defer func() { running.stop() }()
	if c.command, err = s.changedByCommand(ctx, port, zoneName); err != nil {
		return c, err
	}
	if c.change, err = s.changed(ctx, running, port, w); err != nil {
		return c, err
	}
	dir, argv := running.cmd.Dir, running.cmd.Args
	running.stop()
	began = time.Now()
	if running, err = start(form.name, dir, argv...); err != nil {
		return c, err
	}
	if err := waitAnswer(ctx, running, port, host(names-1)+"."+zoneName+"."); err != nil {
		return c, err
	}
	c.again = time.Since(began)
	if err := pause(ctx, 5*time.Second); err != nil { // for what the start leaves to be done
		return c, err
	}
	c.resident, err = running.resident()
	return c, err
}

// changed adds one record to the zone file, and waits for its answer.
func (s settings) changed(ctx context.Context, p *process, port int, w workload) (time.Duration, error) {
	f, err := os.OpenFile(w.zone, os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		return 0, err
	}
	name := "added-" + strings.TrimSuffix(filepath.Base(w.zone), ".zone")
	if _, err = fmt.Fprintf(f, "%s IN A 192.0.2.77\n", name); err != nil {
		f.Close()
		return 0, err
	}
	if err := f.Close(); err != nil {
		return 0, err
	}
	began := time.Now()
	if err := unix.Kill(p.cmd.Process.Pid, unix.SIGUSR1); err != nil {
		return 0, err
	}
	err = waitAnswer(ctx, p, port, name+"."+zoneName+".")
	return time.Since(began), err
}
