// Command demo runs the main job for real on this machine's loopback: three nodes of failoverdns and two toy sites, as
// processes. It kills the primary site, shows how nodes probe, vote, agree and answer otherwise, starts the site
// again, shows the way back, and measures each step against the least time that it can take.
//
// It promises: no root, nothing else to install, nothing left behind, also on Ctrl-C; exit status 0 only if every
// expectation held, so that it is a check as well as a show.
//
// The parts: story.go says what happens, watch.go sees what comes of it, board.go holds what is known now and is
// shared by all goroutines, and screen.go, terminal.go and lines.go draw it and know nothing of the story; turn.go and
// summary.go measure and judge.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"syscall"
	"time"

	"failoverdns/e2e/cluster"
)

// interrupted is the exit status after Ctrl-C, as shells give it.
const interrupted = 130

func main() {
	cluster.RunToy()
	binaries := flag.String("bin", "bin", "directory of the binaries failoverdns and failoverctl")
	flag.Usage = func() {
		fmt.Fprintf(flag.CommandLine.Output(), "demo kills a primary site and shows the failover.\n\n"+
			"Environment:\n  DEMO_REAL=1  probe at the real 10 s instead of 1 s\n  DEMO_KEEP=1  leave all running at the end, until Ctrl-C\n\nFlags:\n")
		flag.PrintDefaults()
	}
	flag.Parse()
	// SIGPIPE too: a reader of the output that has gone must not keep the clean-up from being done.
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM, syscall.SIGHUP, syscall.SIGPIPE)
	defer stop()
	os.Exit(run(ctx, *binaries))
}

// run gives the exit status.
func run(ctx context.Context, binaries string) int {
	spec := cluster.Spec{Binaries: binaries, Interval: time.Second}
	if isSet("DEMO_REAL") {
		spec.Interval, spec.Timeout = 10*time.Second, 4*time.Second
	}
	c, err := cluster.New(spec)
	if err != nil {
		return failed(err)
	}
	good, err := tell(ctx, c)
	if closed := c.Close(); closed != nil {
		good, err = false, errors.Join(err, closed)
	}
	ended := ctx.Err() != nil
	if ended {
		fmt.Println("\nEnded by a signal. All processes have ended too, and all files are removed.")
	}
	switch {
	case good:
		return 0
	case ended:
		return interrupted
	case err != nil:
		return failed(err)
	}
	return 1
}

// tell tells the story, and says whether every expectation held.
func tell(ctx context.Context, c *cluster.Cluster) (bool, error) {
	fmt.Print(opening(c))
	b := newBoard(c)
	s := newScreen(os.Stdout, b)
	r, err := newStory(c, b).run(ctx)
	s.close()
	if err != nil {
		return false, err
	}
	fmt.Print(r.text())
	if isSet("DEMO_KEEP") {
		fmt.Print("\n" + further(c) + "\nAll of it goes on running until Ctrl-C.\n")
		<-ctx.Done()
	}
	return r.good(), nil
}

func isSet(variable string) bool {
	v := os.Getenv(variable)
	return v != "" && v != "0"
}

func failed(err error) int {
	fmt.Fprintln(os.Stderr, "demo:", err)
	return 1
}
