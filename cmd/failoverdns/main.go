// Command failoverdns is the server: CoreDNS with the plugins chosen in directives.go, among them failover.
//
// It promises: a Corefile that does not parse never replaces one that runs; SIGTERM and SIGINT stop cleanly, with
// leadership handed over first and queries answered until the sockets close; a second one ends the process at once.
// SIGUSR1 and a changed Corefile reload, one at a time. SIGHUP is ignored, because a terminal that closes sends it.
// SIGUSR2, Caddy's binary upgrade, is refused: two processes cannot share one Raft log.
//
// One goroutine, serve, owns the running instance and starts, reloads and stops it.
package main

import (
	"bytes"
	"cmp"
	"errors"
	"flag"
	"fmt"
	"io"
	stdlog "log"
	"os"
	"runtime"
	"runtime/debug"
	"strings"

	"github.com/coredns/caddy"
	"github.com/coredns/caddy/caddyfile"
	"github.com/coredns/coredns/core/dnsserver"
	clog "github.com/coredns/coredns/plugin/pkg/log"

	_ "golang.org/x/crypto/x509roots/fallback" // an image from scratch has no root certificates

	failover "failoverdns/plugin"
)

// version is set by -ldflags "-X main.version=...".
var version string

func main() { os.Exit(run(os.Args[1:], os.Stdout, os.Stderr)) }

// options are the command line.
type options struct {
	conf    string
	check   bool
	json    bool
	version bool
	recover string
}

// run gives the exit status: 0 done, 1 failed, 2 wrong usage.
func run(args []string, stdout, stderr io.Writer) int {
	o, err := parse(args, stderr)
	switch {
	case errors.Is(err, flag.ErrHelp):
		return 0
	case err != nil:
		return 2
	case o.version:
		fmt.Fprintf(stdout, "failoverdns %s (CoreDNS plugins, %s, %s/%s)\n", versionString(), runtime.Version(), runtime.GOOS, runtime.GOARCH)
		return 0
	}
	if err := prepare(stdout); err != nil {
		fmt.Fprintln(stderr, "failoverdns:", err)
		return 1
	}
	in, err := load(o.conf)
	if err == nil {
		err = cmp.Or(says(in), closed(in))
	}
	switch {
	case err != nil:
	case o.check && o.json:
		err = failover.Declared(in, stdout)
	case o.check:
		err = failover.Check(in, stdout)
	case o.recover != "":
		err = failover.Recover(in, strings.Split(o.recover, ","), os.Stdin, stdout)
	default:
		shareOneProcessor()
		err = serve(in, listen())
	}
	if err != nil {
		fmt.Fprintln(stderr, "failoverdns:", err)
		return 1
	}
	return 0
}

// parse uses a FlagSet of its own: packages of CoreDNS put flags into the process-wide one.
func parse(args []string, stderr io.Writer) (options, error) {
	var o options
	f := flag.NewFlagSet("failoverdns", flag.ContinueOnError)
	f.SetOutput(stderr)
	f.StringVar(&o.conf, "conf", "Corefile", "the Corefile to serve")
	f.BoolVar(&o.check, "check", false, "read the Corefile, print what it means, and exit: 0 if it is good, 1 with file, line and reason if not")
	f.BoolVar(&o.json, "json", false, "with -check: print what the Corefile declares as JSON, for failoverctl config diff")
	f.StringVar(&o.recover, "recover", "", "after losing the majority for good, with the server stopped: make a cluster of this node and the other survivors, as `NODE,...`, and exit; it asks before it does anything")
	f.BoolVar(&o.version, "version", false, "print the version and exit")
	f.StringVar(&dnsserver.Port, "dns.port", dnsserver.DefaultPort, "port of server blocks that name none")
	if err := f.Parse(args); err != nil {
		return o, err
	}
	if o.json && !o.check {
		err := errors.New("-json goes with -check")
		fmt.Fprintln(stderr, "failoverdns:", err)
		return o, err
	}
	if f.NArg() > 0 {
		err := fmt.Errorf("%q is no option; see failoverdns -help", f.Arg(0))
		fmt.Fprintln(stderr, "failoverdns:", err)
		return o, err
	}
	return o, nil
}

// prepare sets what CoreDNS keeps process-wide.
func prepare(stdout io.Writer) error {
	caddy.AppName, caddy.AppVersion, caddy.Quiet = "failoverdns", versionString(), true
	clog.SetOutput(stdout)
	stdlog.SetFlags(stdlog.LstdFlags)
	return dnsserver.SetDirectives(directives)
}

// shareOneProcessor lets two goroutines run at a time on one processor, unless GOMAXPROCS says otherwise. With one, a query
// that comes while a snapshot is written waits until Go's scheduler takes the processor from that, 10 ms and more; with
// two, the system's scheduler gives it to whoever has waited.
func shareOneProcessor() {
	if os.Getenv("GOMAXPROCS") == "" && runtime.GOMAXPROCS(0) == 1 {
		runtime.GOMAXPROCS(2)
	}
}

// load reads a Corefile.
func load(path string) (caddy.Input, error) {
	b, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("%w; name the Corefile with -conf (Corefile.example is one to begin with)", err)
	}
	return caddy.CaddyfileInput{Filepath: path, Contents: b, ServerTypeName: "dns"}, nil
}

// says refuses a Corefile with nothing in it, for which caddy would put in one of its own.
func says(in caddy.Input) error {
	for line := range strings.Lines(strings.TrimPrefix(string(in.Body()), "\ufeff")) {
		if line = strings.TrimSpace(line); line != "" && line[0] != '#' {
			return nil
		}
	}
	return fmt.Errorf("%s has no server block, so it serves nothing (Corefile.example is one to begin with)", in.Path())
}

// closed refuses a Corefile with a block that is not closed, which caddy takes: it may have been cut short, or read while it
// was written.
func closed(in caddy.Input) error {
	var open []int
	d := caddyfile.NewDispenser(in.Path(), bytes.NewReader(in.Body()))
	for d.Next() {
		switch d.Val() {
		case "{":
			open = append(open, d.Line())
		case "}":
			open = open[:max(0, len(open)-1)] // one too many is caddy's to refuse
		}
	}
	if len(open) == 0 {
		return nil
	}
	return fmt.Errorf("%s:%d: the block that begins here is not closed: a \"}\" is missing, or the file is cut short", in.Path(), open[len(open)-1])
}

// versionString is the version given at build time, else that of the source it was built from.
func versionString() string {
	if version != "" {
		return version
	}
	revision, modified := "", ""
	if info, ok := debug.ReadBuildInfo(); ok {
		for _, s := range info.Settings {
			switch {
			case s.Key == "vcs.revision":
				revision = s.Value[:min(12, len(s.Value))]
			case s.Key == "vcs.modified" && s.Value == "true":
				modified = "+"
			}
		}
	}
	return "dev-" + cmp.Or(revision, "unknown") + modified
}
