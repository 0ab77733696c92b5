// Package listener answers DNS queries over UDP in batches, from the zones' images, without allocating: sockets of its
// own, one for each processor, on the addresses of CoreDNS's servers. They share the port (SO_REUSEPORT), and a program
// in the kernel gives all packets to them. What is no plain question for a zone served here goes to CoreDNS, through
// the DNS library's own server, and gets the answer that CoreDNS gives.
//
// Promised: an answer made here is octet for octet CoreDNS's own, with the plugins that the caller knows to change
// nothing. A packet is answered by one configuration, whole. A reload loses no query, nor does the end: CoreDNS's
// socket takes over before these are closed. A goroutine of a socket owns its buffers, and takes one mutex for each
// batch, against those who read its tallies.
//
// Streams is the same for connections, without answering anything: CoreDNS's servers accept from it. It limits how many are
// open, bounds their writes, and loses none when servers take turns.
//
// Demanded of the caller: Prepare before CoreDNS opens its own sockets, Serve once CoreDNS's server runs, Commit or
// Rollback after each Prepare that was a reload.
//
// The packets' part is Linux only; elsewhere Prepare reports an error, and CoreDNS's own sockets serve.
package listener

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime"
	"sync"
)

// Listener is the sockets of a process.
type Listener struct {
	log *slog.Logger

	mu    sync.Mutex // guards ports and their fields
	ports map[string]*port
	fresh []*port // opened by a Prepare that is not committed
	after bool    // a Prepare is pending
	gone  counts  // of ports that are closed

	defence *defence // of the last Prepare
}

// New is a listener that listens nowhere yet.
func New(log *slog.Logger) *Listener {
	return &Listener{log: log, ports: map[string]*port{}, gone: counts{}}
}

// Prepare opens sockets at the addresses that have none. Those that cannot be opened are left to CoreDNS, and the error
// says why. What is open goes on as it was until Commit.
func (l *Listener) Prepare(c Config) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, p := range l.ports {
		p.pending = nil
	}
	l.after, l.fresh = true, nil
	var errs []error
	l.defence = l.defence.next(c)
	for _, a := range c.Addresses {
		next := &active{route: newRoute(a.Blocks), zones: c.Zones, defence: l.defence}
		if p := l.ports[a.Name]; p != nil {
			p.pending = next
			continue
		}
		sockets, err := a.open(readers())
		if err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", a.Name, err))
			continue
		}
		p := &port{name: a.Name, log: l.log, sockets: sockets, pending: next, kept: len(a.Passed) > 0}
		p.active.Store(next)
		l.ports[a.Name] = p
		l.fresh = append(l.fresh, p)
	}
	return errors.Join(errs...)
}

// readers is how many sockets an address gets: one for each processor that there is. Go may have more threads than that.
func readers() int { return min(runtime.NumCPU(), runtime.GOMAXPROCS(0)) }

func (a Address) open(n int) ([]*socket, error) {
	if len(a.Passed) > 0 {
		return adopt(a.Passed, n)
	}
	return open(a.Host, n)
}

// Serve tells which server answers what is passed on at an address. With the first one the address's sockets begin.
func (l *Listener) Serve(name string, s Server) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if p := l.ports[name]; p != nil {
		p.serve(s)
	}
}

// Commit puts the configuration of the last Prepare into force, and closes the addresses that it does not have.
func (l *Listener) Commit() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.after {
		return
	}
	l.after, l.fresh = false, nil
	for name, p := range l.ports {
		if p.pending == nil {
			l.drop(context.Background(), name)
			continue
		}
		p.active.Store(p.pending)
	}
}

// Rollback forgets the last Prepare.
func (l *Listener) Rollback() {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, p := range l.fresh {
		l.drop(context.Background(), p.name)
	}
	l.after, l.fresh = false, nil
}

// drop closes one address.
func (l *Listener) drop(ctx context.Context, name string) {
	if err := l.ports[name].close(ctx); err != nil {
		l.log.Warn("the fast path did not end cleanly", "address", name, "error", err)
	}
	l.gone.add(name, l.ports[name])
	delete(l.ports, name)
}

// Stop gives all addresses back to CoreDNS's sockets.
func (l *Listener) Stop(ctx context.Context) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for name := range l.ports {
		l.drop(ctx, name)
	}
}

// Open says whether an address has sockets.
func (l *Listener) Open(name string) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.ports[name] != nil
}
