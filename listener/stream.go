package listener

import (
	"errors"
	"log/slog"
	"net"
	"os"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// Streams is the listening sockets of a process for connections. A socket belongs to its address and outlives reloads: the
// servers of an address take turns at it, so that what waits in its queue is never lost.
type Streams struct {
	log  *slog.Logger
	gate *gate

	mu    sync.Mutex // guards ports and their users
	ports map[string]*streamPort
}

// NewStreams has no sockets yet.
func NewStreams(log *slog.Logger) *Streams {
	return &Streams{log: log, gate: newGate(), ports: map[string]*streamPort{}}
}

// Limit sets the limits for connections that come from now on.
func (s *Streams) Limit(c Connections) { s.gate.limit(c) }

// Counts is what became of connections, by address.
func (s *Streams) Counts() map[string]StreamCounts { return s.gate.snapshot() }

// streamPort is one address.
type streamPort struct {
	name    string
	sockets []net.Listener
	taker   atomic.Pointer[Stream] // who gets the connections: the newest that accepts
	users   []*Stream              // the oldest first
	begin   sync.Once              // for the sockets' goroutines
	running sync.WaitGroup
}

// Stream is an address as one server sees it: a net.Listener.
type Stream struct {
	streams *Streams
	port    *streamPort
	write   time.Duration
	conns   chan *conn
	fresh   atomic.Int64 // connections that came this way and were sent nothing yet

	begin sync.Once
	over  chan struct{} // closed when a newer server takes the connections, or at the end
	ended chan struct{} // closed at the end
	once  [2]sync.Once  // for over and ended
}

// Listen gives a server its part in an address. The first one opens the sockets. Each write of a connection may take
// as long as write says; 0 leaves that to the server.
func (s *Streams) Listen(name string, write time.Duration, open func() ([]net.Listener, error)) (*Stream, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	p := s.ports[name]
	if p == nil {
		sockets, err := open()
		if err != nil {
			return nil, err
		}
		p = &streamPort{name: name, sockets: sockets}
		s.gate.know(name)
		s.ports[name] = p
	}
	one := &Stream{streams: s, port: p, write: write, conns: make(chan *conn), over: make(chan struct{}), ended: make(chan struct{})}
	p.users = append(p.users, one)
	return one, nil
}

// Accept implements net.Listener. The newest server that calls it gets all connections.
func (s *Stream) Accept() (net.Conn, error) {
	s.begin.Do(s.take)
	select {
	case c := <-s.conns:
		return c, nil
	case <-s.ended:
		return nil, net.ErrClosed
	}
}

// Addr implements net.Listener.
func (s *Stream) Addr() net.Addr { return s.port.sockets[0].Addr() }

// take makes a server the one that gets the connections, unless a newer one does.
func (s *Stream) take() {
	s.streams.mu.Lock()
	defer s.streams.mu.Unlock()
	p := s.port
	old := p.taker.Load()
	if old != nil && slices.Index(p.users, old) > slices.Index(p.users, s) {
		s.finish()
		return
	}
	p.taker.Store(s)
	if old != nil {
		old.finish()
	}
	p.begin.Do(func() {
		for _, socket := range p.sockets {
			p.running.Go(func() { s.streams.accept(p, socket) })
		}
	})
}

func (s *Stream) finish() { s.once[0].Do(func() { close(s.over) }) }

// acceptPause is how long a socket waits when the system has no descriptors left.
const acceptPause = 100 * time.Millisecond

// accept lets connections in until the socket is closed or its deadline is over.
func (s *Streams) accept(p *streamPort, socket net.Listener) {
	failing := false
	for {
		raw, err := socket.Accept()
		switch {
		case errors.Is(err, net.ErrClosed), errors.Is(err, os.ErrDeadlineExceeded):
			return
		case err != nil:
			if !failing {
				s.log.Error("connections cannot be accepted", "address", p.name, "error", err)
			}
			failing = true
			time.Sleep(acceptPause)
			continue
		}
		failing = false
		if c := s.gate.admit(p.name, raw, p.taker.Load().write); c != nil {
			p.hand(c)
		} else {
			reset(raw)
		}
	}
}

// hand gives a connection to the server whose turn it is.
func (p *streamPort) hand(c *conn) {
	for {
		to := p.taker.Load()
		to.fresh.Add(1)
		c.fresh = func() { to.fresh.Add(-1) }
		select {
		case to.conns <- c:
			return
		case <-to.over:
		}
		if p.taker.Load() == to {
			c.Close()
			return
		}
		c.fresh()
	}
}

// Drain ends a server's turn without losing a query: it waits until a newer server takes the connections, or leaves those
// that come from now on to the socket's queue, and then for the first answers on the connections that it has, for the grace
// at most. Who holds the other end of a passed socket finds the queue as it is.
func (s *Stream) Drain(grace time.Duration) {
	timer := time.NewTimer(grace)
	defer timer.Stop()
	turn := s.over
	if s.last() {
		turn = s.port.pause()
	}
	select {
	case <-turn:
	case <-timer.C:
		return
	}
	tick := time.NewTicker(2 * time.Millisecond)
	defer tick.Stop()
	for s.fresh.Load() > 0 {
		select {
		case <-tick.C:
		case <-timer.C:
			return
		}
	}
}

// last says whether there is no newer server at the address.
func (s *Stream) last() bool {
	s.streams.mu.Lock()
	defer s.streams.mu.Unlock()
	return slices.Index(s.port.users, s) == len(s.port.users)-1
}

// pause stops accepting. What it gives is closed when the last connection has been handed over.
func (p *streamPort) pause() chan struct{} {
	for _, socket := range p.sockets {
		if l, ok := socket.(*net.TCPListener); ok {
			l.SetDeadline(time.Unix(1, 0))
		}
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		p.running.Wait()
	}()
	return done
}

// Close implements net.Listener. With its last user an address is closed.
func (s *Stream) Close() error {
	s.finish()
	var err error
	s.once[1].Do(func() {
		close(s.ended)
		err = s.leave()
	})
	return err
}

func (s *Stream) leave() error {
	s.streams.mu.Lock()
	defer s.streams.mu.Unlock()
	p := s.port
	p.users = slices.DeleteFunc(p.users, func(o *Stream) bool { return o == s })
	if len(p.users) > 0 {
		return nil
	}
	delete(s.streams.ports, p.name)
	var errs []error
	for _, socket := range p.sockets {
		errs = append(errs, socket.Close())
	}
	return errors.Join(errs...)
}
