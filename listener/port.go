package listener

import (
	"context"
	"log/slog"
	"net"
	"sync"
	"sync/atomic"

	"failoverdns/zone"
)

// active is what a port answers by now.
type active struct {
	route *route
	zones func() *zone.Set
	*defence
}

// port is one address with its sockets. The listener's mutex guards its methods but pass.
type port struct {
	name    string
	log     *slog.Logger
	sockets []*socket
	kept    bool // somebody else keeps the sockets open, with what waits in them
	active  atomic.Pointer[active]
	ending  atomic.Bool
	passage atomic.Pointer[passage]
	pending *active // of a reload that is under way; nil if the address is to be closed with it
	running sync.WaitGroup
	once    sync.Once

	passed, malformed, overflow, limited, shed atomic.Uint64
}

// serve sends what is passed on to a server, and lets the sockets answer.
func (p *port) serve(s Server) {
	old := p.passage.Swap(newPassage(p.sockets[0].local, s))
	p.once.Do(func() {
		for _, one := range p.sockets {
			p.running.Go(func() { one.run(p) })
		}
	})
	if old != nil {
		go old.stop(context.Background()) // CoreDNS answers what it has before its old server ends
	}
}

// close leaves new packets to CoreDNS's socket, answers those that are there, and closes the sockets. What waits in kept
// sockets is their next reader's.
func (p *port) close(ctx context.Context) (err error) {
	if !p.kept {
		err = leave(p.sockets)
	}
	p.ending.Store(true)
	p.once.Do(func() {}) // not served yet: never
	p.running.Wait()     // sockets look every 200 ms
	if last := p.passage.Load(); last != nil {
		if e := last.stop(ctx); err == nil {
			err = e
		}
	}
	for _, s := range p.sockets {
		s.close()
	}
	return err
}

var _ net.PacketConn = (*passage)(nil)
