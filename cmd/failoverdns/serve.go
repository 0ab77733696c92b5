package main

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"
	"time"

	"github.com/coredns/caddy"
	"github.com/coredns/caddy/caddyfile"
	clog "github.com/coredns/coredns/plugin/pkg/log"
	"github.com/coreos/go-systemd/v22/daemon"
)

// corefilePoll is how often the Corefile is looked at.
const corefilePoll = 5 * time.Second

// listen takes over the signals that this server acts on.
func listen() <-chan os.Signal {
	signals := make(chan os.Signal, 8)
	signal.Ignore(syscall.SIGHUP)
	signal.Notify(signals, syscall.SIGTERM, syscall.SIGINT, syscall.SIGUSR1, syscall.SIGUSR2)
	return signals
}

// serve runs until a signal ends it.
func serve(in caddy.Input, signals <-chan os.Signal) error {
	started, err := caddy.Start(in)
	if err != nil {
		started.ShutdownCallbacks() // what has started already, the node first of all
		return err
	}
	clog.Infof("failoverdns %s serves %s", caddy.AppVersion, in.Path())
	tell(daemon.SdNotifyReady, "serves "+in.Path())
	tick := time.NewTicker(corefilePoll)
	defer tick.Stop()
	seen := fingerprint(in)
	for {
		select {
		case <-tick.C:
			if next, err := load(in.Path()); err == nil && fingerprint(next) != seen {
				clog.Infof("%s or a certificate that it names has changed", in.Path())
				seen = fingerprint(next) // one that is wrong is not tried again and again
				reload(next)
			}
		case s := <-signals:
			switch s {
			case syscall.SIGUSR1:
				next, err := load(in.Path())
				if err != nil {
					refuse(err)
					continue
				}
				seen = fingerprint(next)
				reload(next)
			case syscall.SIGUSR2:
				clog.Error("SIGUSR2: a binary upgrade is not possible, for two processes cannot share one Raft log; restart the service, one node after another")
			default:
				go force(signals)
				return stop(s)
			}
		}
	}
}

// reload replaces the running instance, or leaves everything as it was.
func reload(in caddy.Input) {
	current := running()
	if current == nil {
		return
	}
	if err := cmp.Or(says(in), closed(in)); err != nil {
		refuse(err)
		return
	}
	if _, err := current.Restart(in); err != nil {
		refuse(fmt.Errorf("%s is not taken: %w", in.Path(), err))
		return
	}
	tell("", "serves "+in.Path())
}

// refuse says why a Corefile does not replace the present one.
func refuse(err error) {
	clog.Errorf("%v; everything stays as it was", err)
	tell("", "everything stays as it was: "+err.Error())
}

// running is the present instance. Caddy's own list is asked, for Restart gives back the old instance with some errors
// that come after the new one has taken over.
func running() *caddy.Instance {
	if list := caddy.Instances(); len(list) > 0 {
		return list[len(list)-1]
	}
	return nil
}

// stop runs the plugins' callbacks while queries are still answered, the node's among them, and closes the sockets
// last.
func stop(s os.Signal) error {
	clog.Infof("%s: stopping", s)
	tell(daemon.SdNotifyStopping, "stopping")
	var errs []error
	if current := running(); current != nil {
		errs = current.ShutdownCallbacks()
	}
	return errors.Join(append(errs, caddy.Stop())...)
}

// force ends the process at a second signal.
func force(signals <-chan os.Signal) {
	for s := range signals {
		if s == syscall.SIGTERM || s == syscall.SIGINT {
			clog.Errorf("%s again: ending at once", s)
			os.Exit(1)
		}
	}
}

// fingerprint changes with a Corefile's meaning, imported files included, and not with comments, and with the
// certificates of its tls lines, which CoreDNS reads at a reload only. A Corefile that does not parse is known by its
// bytes.
func fingerprint(in caddy.Input) string {
	blocks, err := caddyfile.Parse(in.Path(), bytes.NewReader(in.Body()), nil)
	b, errJSON := json.Marshal(blocks)
	if err != nil || errJSON != nil {
		b = in.Body()
	}
	sum := sha256.New()
	sum.Write(b)
	for _, block := range blocks {
		for _, path := range certificates(block) {
			text, _ := os.ReadFile(path) // one that is missing is like an empty one: a reload says so
			fmt.Fprintf(sum, "%s %x", path, sha256.Sum256(text))
		}
	}
	return fmt.Sprintf("%x", sum.Sum(nil))
}

// certificates are the files of a server block's tls lines, as CoreDNS finds them: relative to its root.
func certificates(block caddyfile.ServerBlock) (paths []string) {
	root := ""
	if words := block.Tokens["root"]; len(words) > 1 {
		root = words[1].Text
	}
	words := block.Tokens["tls"]
	for i, w := range words {
		if w.Text == "{" {
			break
		}
		if i == 0 {
			continue
		}
		path := w.Text
		if !filepath.IsAbs(path) {
			path = filepath.Join(root, path)
		}
		paths = append(paths, path)
	}
	return paths
}
