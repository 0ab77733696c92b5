// Package memnet is a network in memory for tests, made for virtual time: hosts that listen and dial, and links
// between them with a delay, which can be cut and healed in each direction.
//
// It behaves like TCP where that matters: writes do not wait for the reader, what was sent over a cut link arrives
// after it is healed, a dial over a cut link waits, and a close is heard at the other end unless the link is cut.
//
// All methods may be called from any goroutine. Within a testing/synctest bubble the Network must be made there.
package memnet

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"sync"
	"time"
)

// Network is a set of hosts. The zero value is of no use; see New.
type Network struct {
	mu        sync.Mutex // guards all of it, the connections included
	listeners map[string]*listener
	links     map[[2]string]*link // by direction: from, to
	delay     time.Duration
	changed   chan struct{} // closed and replaced when a link or the listeners change
}

// link is one direction between two hosts.
type link struct {
	cut   bool
	delay time.Duration
}

// New makes a network in which everything takes delay, one way.
func New(delay time.Duration) *Network {
	return &Network{listeners: map[string]*listener{}, links: map[[2]string]*link{}, delay: delay, changed: make(chan struct{})}
}

// Host is a process at a place on the network: it listens at addresses of its own and dials others. Processes of one
// name share the links.
type Host struct {
	net   *Network
	name  string
	dead  bool               // guarded by net.mu
	conns map[*conn]struct{} // guarded by net.mu; open ends
}

// Host gives a new process at the host of that name.
func (n *Network) Host(name string) *Host {
	return &Host{net: n, name: name, conns: map[*conn]struct{}{}}
}

// Kill ends a process without a word of its own, as kill -9 does: its listeners are gone, its connections closed, and
// from now on it can neither listen nor dial. Where a link is cut, nobody hears of it until it is healed.
func (h *Host) Kill() {
	var mine []*listener
	h.net.change(func() {
		h.dead = true
		for _, l := range h.net.listeners {
			if l.host == h {
				mine = append(mine, l)
			}
		}
		for c := range h.conns {
			c.end()
		}
	})
	for _, l := range mine {
		l.Close()
	}
}

// Delay sets how long data takes from a to b, and only that way.
func (n *Network) Delay(a, b string, d time.Duration) {
	n.change(func() { n.link(a, b).delay = d })
}

// Cut stops what a sends to b, and only that way. Cutting both ways is two calls, or Isolate.
func (n *Network) Cut(a, b string) { n.change(func() { n.link(a, b).cut = true }) }

// Heal undoes Cut. What was sent in between arrives now.
func (n *Network) Heal(a, b string) { n.change(func() { n.link(a, b).cut = false }) }

// Isolate cuts a host off from the others, both ways; Rejoin heals that.
func (n *Network) Isolate(host string, others ...string) { n.both(host, others, true) }

// Rejoin undoes Isolate.
func (n *Network) Rejoin(host string, others ...string) { n.both(host, others, false) }

func (n *Network) both(host string, others []string, cut bool) {
	n.change(func() {
		for _, o := range others {
			n.link(host, o).cut, n.link(o, host).cut = cut, cut
		}
	})
}

func (n *Network) change(f func()) {
	n.mu.Lock()
	defer n.mu.Unlock()
	f()
	close(n.changed)
	n.changed = make(chan struct{})
}

// link is called with mu held.
func (n *Network) link(a, b string) *link {
	l := n.links[[2]string{a, b}]
	if l == nil {
		l = &link{delay: n.delay}
		n.links[[2]string{a, b}] = l
	}
	return l
}

type addr string

func (addr) Network() string  { return "mem" }
func (a addr) String() string { return string(a) }

type listener struct {
	host    *Host
	address string
	queue   chan *conn
	closed  chan struct{}
	once    sync.Once
}

// Listen takes an address, which must be free.
func (h *Host) Listen(address string) (net.Listener, error) {
	l := &listener{host: h, address: address, queue: make(chan *conn, 128), closed: make(chan struct{})}
	var err error
	h.net.change(func() {
		if h.dead {
			err = fmt.Errorf("listen on %q: %w", address, net.ErrClosed)
			return
		}
		if h.net.listeners[address] != nil {
			err = fmt.Errorf("listen on %q: address in use", address)
			return
		}
		h.net.listeners[address] = l
	})
	if err != nil {
		return nil, err
	}
	return l, nil
}

func (l *listener) Accept() (net.Conn, error) {
	select {
	case c := <-l.queue:
		return c, nil
	case <-l.closed:
		return nil, net.ErrClosed
	}
}

func (l *listener) Close() error {
	l.once.Do(func() {
		l.host.net.change(func() {
			close(l.closed)
			delete(l.host.net.listeners, l.address)
		})
	})
	return nil
}

func (l *listener) Addr() net.Addr { return addr(l.address) }

// errRefused is a dial to an address where nobody listens.
var errRefused = errors.New("connection refused")

// Dial connects to an address. It takes a round trip, waits while a direction is cut, and is refused where nobody
// listens.
func (h *Host) Dial(ctx context.Context, address string) (net.Conn, error) {
	for {
		c, wait, err := h.try(address)
		if err != nil {
			return nil, fmt.Errorf("dial %q: %w", address, err)
		}
		if c != nil {
			select {
			case <-time.After(wait.trip):
				return c, nil
			case <-ctx.Done():
				c.Close()
				return nil, fmt.Errorf("dial %q: %w", address, ctx.Err())
			}
		}
		select {
		case <-wait.changed:
		case <-ctx.Done():
			return nil, fmt.Errorf("dial %q: %w", address, ctx.Err())
		}
	}
}

type waiting struct {
	trip    time.Duration
	changed <-chan struct{}
}

// try connects, or says what to wait for.
func (h *Host) try(address string) (*conn, waiting, error) {
	n := h.net
	n.mu.Lock()
	defer n.mu.Unlock()
	l := n.listeners[address]
	switch {
	case h.dead:
		return nil, waiting{}, net.ErrClosed
	case l == nil:
		return nil, waiting{}, errRefused
	}
	there, back := n.link(h.name, l.host.name), n.link(l.host.name, h.name)
	if there.cut || back.cut {
		return nil, waiting{changed: n.changed}, nil
	}
	up, down := newPipe(there), newPipe(back)
	ours := &conn{net: n, host: h, in: down, out: up, local: addr(h.name), remote: addr(address)}
	theirs := &conn{net: n, host: l.host, in: up, out: down, local: addr(address), remote: addr(h.name)}
	select {
	case l.queue <- theirs:
		h.conns[ours], l.host.conns[theirs] = struct{}{}, struct{}{}
		return ours, waiting{trip: there.delay + back.delay}, nil
	default:
		return nil, waiting{}, errRefused
	}
}

// pipe is one direction of a connection.
type pipe struct {
	link    *link
	sent    []segment
	ended   bool // the writer closed; told after what was sent
	endAt   time.Time
	deaf    bool // the reader closed
	changed chan struct{}
}

type segment struct {
	at   time.Time
	data []byte
}

func newPipe(l *link) *pipe { return &pipe{link: l, changed: make(chan struct{})} }

func (p *pipe) wake() {
	close(p.changed)
	p.changed = make(chan struct{})
}

// conn is one end of a connection.
type conn struct {
	net           *Network
	host          *Host
	in, out       *pipe
	local, remote net.Addr
	closed        bool
	readBy        time.Time
	writeBy       time.Time
}

func (c *conn) Read(b []byte) (int, error) {
	if len(b) == 0 {
		return 0, nil
	}
	for {
		n, wait, pipeChanged, netChanged, err := c.poll(b)
		if n > 0 || err != nil {
			return n, err
		}
		var timer <-chan time.Time
		if wait > 0 {
			timer = time.After(wait)
		}
		select {
		case <-timer:
		case <-pipeChanged:
		case <-netChanged:
		}
	}
}

// poll takes what has arrived, or says what to wait for.
func (c *conn) poll(b []byte) (n int, wait time.Duration, pipeChanged, netChanged <-chan struct{}, err error) {
	c.net.mu.Lock()
	defer c.net.mu.Unlock()
	now, p := time.Now(), c.in
	if c.closed {
		return 0, 0, nil, nil, net.ErrClosed
	}
	if !c.readBy.IsZero() && !now.Before(c.readBy) {
		return 0, 0, nil, nil, os.ErrDeadlineExceeded
	}
	due := time.Time{}
	if !p.link.cut {
		switch {
		case len(p.sent) > 0 && !now.Before(p.sent[0].at):
			return p.take(b), 0, nil, nil, nil
		case len(p.sent) > 0:
			due = p.sent[0].at
		case p.ended && !now.Before(p.endAt):
			return 0, 0, nil, nil, io.EOF
		case p.ended:
			due = p.endAt
		}
	}
	if !c.readBy.IsZero() && (due.IsZero() || c.readBy.Before(due)) {
		due = c.readBy
	}
	if !due.IsZero() {
		wait = due.Sub(now)
	}
	return 0, wait, p.changed, c.net.changed, nil
}

func (p *pipe) take(b []byte) int {
	n := copy(b, p.sent[0].data)
	if p.sent[0].data = p.sent[0].data[n:]; len(p.sent[0].data) == 0 {
		p.sent = p.sent[1:]
	}
	return n
}

func (c *conn) Write(b []byte) (int, error) {
	c.net.mu.Lock()
	defer c.net.mu.Unlock()
	p := c.out
	switch {
	case c.closed:
		return 0, net.ErrClosed
	case !c.writeBy.IsZero() && !time.Now().Before(c.writeBy):
		return 0, os.ErrDeadlineExceeded
	case p.deaf && !p.link.cut:
		return 0, io.ErrClosedPipe
	}
	p.sent = append(p.sent, segment{time.Now().Add(p.link.delay), append([]byte(nil), b...)})
	p.wake()
	return len(b), nil
}

func (c *conn) Close() error {
	c.net.mu.Lock()
	defer c.net.mu.Unlock()
	c.end()
	return nil
}

// end closes one end. It is called with the network's mutex held.
func (c *conn) end() {
	if c.closed {
		return
	}
	delete(c.host.conns, c)
	c.closed = true
	c.out.ended, c.out.endAt = true, time.Now().Add(c.out.link.delay)
	c.in.deaf = true
	c.out.wake()
	c.in.wake()
}

func (c *conn) LocalAddr() net.Addr  { return c.local }
func (c *conn) RemoteAddr() net.Addr { return c.remote }

func (c *conn) SetDeadline(t time.Time) error { return c.set(t, true, true) }

func (c *conn) SetReadDeadline(t time.Time) error { return c.set(t, true, false) }

func (c *conn) SetWriteDeadline(t time.Time) error { return c.set(t, false, true) }

func (c *conn) set(t time.Time, read, write bool) error {
	c.net.mu.Lock()
	defer c.net.mu.Unlock()
	if c.closed {
		return net.ErrClosed
	}
	if read {
		c.readBy = t
		c.in.wake()
	}
	if write { // a write never waits, so its deadline wakes nobody
		c.writeBy = t
	}
	return nil
}
