package raftstore

import (
	"sync"
	"sync/atomic"
	"time"
)

// protocolJoin is spoken by nodes that are no members yet, or not any more. A certificate of the CA opens this door and no
// other; behind it are two calls, one of which wants a token. The other tells a node whether it is itself a member.
const protocolJoin = "failover-join/1"

const (
	maxJoins = 4 // at the same time
	// joinBurst joins may come at once, and one more each joinEvery: people bring nodes by hand.
	joinBurst = 10
	joinEvery = time.Second
)

// door bounds those who ask to join, in number and rate: all that they cost is behind it.
type door struct {
	mu     sync.Mutex // guards what follows
	inside int
	spent  int       // of joinBurst
	since  time.Time // when one was last given back
}

// enter says whether one more may come in. Whoever does must leave.
func (d *door) enter() bool {
	now := time.Now()
	d.mu.Lock()
	defer d.mu.Unlock()
	if back := int(now.Sub(d.since) / joinEvery); back > 0 {
		d.spent = max(0, d.spent-back)
		d.since = now
	}
	if d.inside >= maxJoins || d.spent >= joinBurst {
		return false
	}
	d.inside++
	d.spent++
	return true
}

func (d *door) leave() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.inside--
}

// guest is a connection that came in by the door. One that goes without having been let into the cluster is counted as
// refused, whatever it sent.
type guest struct {
	*peerConn
	heard atomic.Bool // it was let in, or nothing was decided
	leave func()
}

func (p *port) guest(c *peerConn) *guest {
	g := &guest{peerConn: c}
	g.leave = sync.OnceFunc(func() {
		p.door.leave()
		if !g.heard.Load() {
			p.count(refusedToken)
		}
	})
	return g
}

func (g *guest) Close() error {
	g.leave()
	return g.peerConn.Close()
}
