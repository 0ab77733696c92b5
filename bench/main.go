// Command bench measures failoverdns on this machine's loopback, beside the name servers that people run, and prints
// tables in Markdown: what a query costs, what a flip costs, what a change costs, what probing costs.
//
// It promises: every figure is of this run and of real processes; servers are measured in turn, in several rounds, with
// the same zone, the same queries, the same core for the server and another for the client; a peer that is not installed
// is named and left out; nothing is left behind, also on Ctrl-C.
//
// A figure in seconds belongs to the machine and the hour; a ratio of two figures of one run is what can be compared
// with another run's. So no test asserts a figure of this program.
//
// The parts: peers.go says how each server is started, process.go starts it on its core and reads what the operating
// system says that it used, load.go asks (with dnsperf) and says how many answers came back; each measure_*.go is one
// table.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"

	"failoverdns/e2e/cluster"
)

// settings are what the flags say.
type settings struct {
	binaries string
	rounds   int
	length   time.Duration
	size     int    // record sets of the largest zone
	dir      string // for all files; removed at the end
}

// measure is one table, by name.
type measure struct {
	name, about string
	run         func(context.Context, settings) error
}

var measures = []measure{
	{"answers", "CPU time for each answered query, beside other servers", answers},
	{"flips", "latency of answers while a group flips, and from vote to answer by the group's size", flips},
	{"flood", "what a flood of random names takes from a client behind the rate limit, beside other servers", flood},
	{"scale", "load, memory and one change, by the zone's size", scale},
	{"zones", "10,000 zones on one node: start, memory, a flip and a change among them", zones},
	{"blocks", "10,000 server blocks in one Corefile: check, start and memory", blocks},
	{"writes", "writes that three nodes acknowledge in a second, by the number of clients", writes},
	{"snapshots", "latency of answers while a node writes a snapshot of a large zone, and while another restarts with it", snapshots},
	{"probes", "10,000 health checks of each kind on one core", probing},
}

func main() {
	cluster.RunToy()
	s := settings{}
	flag.StringVar(&s.binaries, "bin", "bin", "directory of the binaries failoverdns and failoverctl")
	flag.IntVar(&s.rounds, "rounds", 3, "rounds of each measurement; tables show medians and ranges")
	flag.DurationVar(&s.length, "length", 2*time.Second, "how long one server is asked in one round")
	flag.IntVar(&s.size, "size", 1_000_000, "record sets of the large zone in scale and snapshots; at least 10,000")
	only := flag.String("only", "", "comma-separated names of tables; default all")
	flag.Usage = usage
	flag.Parse()
	chosen, err := choose(*only)
	if err == nil && s.size < 10_000 {
		err = fmt.Errorf("-size %d is less than 10,000", s.size)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(2)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
	defer stop()
	if err := run(ctx, s, chosen); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		stop()
		os.Exit(1)
	}
}

func usage() {
	fmt.Fprintf(flag.CommandLine.Output(), "bench measures failoverdns beside other name servers.\n\nTables:\n")
	for _, m := range measures {
		fmt.Fprintf(flag.CommandLine.Output(), "  %-9s %s\n", m.name, m.about)
	}
	fmt.Fprintln(flag.CommandLine.Output(), "\nFlags:")
	flag.PrintDefaults()
}

func choose(only string) ([]measure, error) {
	if only == "" {
		return measures, nil
	}
	var out []measure
	for _, name := range strings.Split(only, ",") {
		i := slices.IndexFunc(measures, func(m measure) bool { return m.name == name })
		if i < 0 {
			return nil, fmt.Errorf("no table is named %q; run with -h to see them", name)
		}
		out = append(out, measures[i])
	}
	return out, nil
}

func run(ctx context.Context, s settings, chosen []measure) (err error) {
	if s.binaries, err = filepath.Abs(s.binaries); err != nil {
		return err
	}
	if s.dir, err = os.MkdirTemp("", "failoverdns-bench-"); err != nil {
		return err
	}
	defer os.RemoveAll(s.dir)
	fmt.Printf("Measured %s on %s.\n", time.Now().UTC().Format("2006-01-02 15:04 MST"), machine())
	for _, m := range chosen {
		began := time.Now()
		progress("%s: %s", m.name, m.about)
		if err := m.run(ctx, s); err != nil {
			return errors.Join(fmt.Errorf("%s: %w", m.name, err), ctx.Err())
		}
		progress("%s: done in %s", m.name, time.Since(began).Round(time.Second))
	}
	return nil
}

// progress tells a waiting person; tables alone go to standard output.
func progress(format string, args ...any) { fmt.Fprintf(os.Stderr, "bench: "+format+"\n", args...) }
