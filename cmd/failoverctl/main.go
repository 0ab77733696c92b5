// Command failoverctl is the admin CLI of failoverdns. It talks to the admin API, and for certificates to files; it
// holds no state of its own.
//
// Exit status: 0 done or healthy, 1 refused or unhealthy, 2 usage, 3 nobody answers, 4 outcome unknown (repeat it with
// the request ID that is printed, and it has no second effect).
package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"
	"time"
)

// version is set when a release is built.
var version = "dev"

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	t := &terminal{out: os.Stdout, err: os.Stderr, in: os.Stdin, now: time.Now, env: os.Getenv, colour: colourful(os.Stdout, os.Getenv)}
	status := run(ctx, t, os.Args[1:])
	stop()
	os.Exit(status)
}
