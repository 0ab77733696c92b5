package listener

import (
	"container/list"
	"net"
	"net/netip"
	"sync"
	"time"
)

// Connections says how many connections may be open at a time, over TCP, TLS and HTTPS together: RFC 7766, section 6.2.2,
// and RFC 9210, section 5, ask for both limits.
type Connections struct {
	Total      int
	Network    int // of one client's network
	IPv4, IPv6 int // prefix lengths of a network
	Exempt     []netip.Prefix
}

// StreamCounts is what became of the connections of one address.
type StreamCounts struct {
	Open    int
	Network uint64 // turned away: the client's network has its share
	Total   uint64 // turned away: all others were being answered
	Evicted uint64 // closed for a newcomer's sake
}

// gate counts all connections of a process. Who comes when all places are taken gets the place of the connection that has
// waited longest since it came or since its last answer: clients that work are served under a flood of idle ones.
type gate struct {
	mu       sync.Mutex // guards what follows
	limits   Connections
	networks map[netip.Prefix]int
	waiting  *list.List // of *conn, all that are open, the longest without an answer first
	counts   map[string]*StreamCounts
}

func newGate() *gate {
	return &gate{networks: map[netip.Prefix]int{}, waiting: list.New(), counts: map[string]*StreamCounts{}}
}

// limit sets the limits for those that come from now on.
func (g *gate) limit(c Connections) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.limits = c
}

// know begins an address's counts, so that its first connection turned away is an increase.
func (g *gate) know(address string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.of(address)
}

// of is the counts of an address. The caller holds the mutex.
func (g *gate) of(address string) *StreamCounts {
	if g.counts[address] == nil {
		g.counts[address] = new(StreamCounts)
	}
	return g.counts[address]
}

// admit lets a connection in, or gives nil; it is the caller's to close then.
func (g *gate) admit(address string, raw net.Conn, write time.Duration) *conn {
	client := clientOf(raw)
	c := &conn{Conn: raw, gate: g, address: address, write: write, fresh: func() {}}
	g.mu.Lock()
	defer g.mu.Unlock()
	c.exempt = contains(g.limits.Exempt, client)
	c.network = g.limits.network(client)
	if !c.exempt && g.networks[c.network] >= g.limits.Network {
		g.of(address).Network++
		return nil
	}
	if g.waiting.Len() >= g.limits.Total && !g.evict() {
		g.of(address).Total++
		return nil
	}
	g.networks[c.network]++
	g.of(address).Open++
	c.place = g.waiting.PushBack(c)
	return c
}

// evict closes the connection that has waited longest, of those from which nothing is being answered.
func (g *gate) evict() bool {
	for e := g.waiting.Front(); e != nil; e = e.Next() {
		c := e.Value.(*conn)
		if c.exempt || !c.reading {
			continue
		}
		g.of(c.address).Evicted++
		g.remove(c)
		reset(c.Conn) // its reader ends with an error
		return true
	}
	return false
}

// remove forgets a connection, once. The caller holds the mutex.
func (g *gate) remove(c *conn) {
	if c.place == nil {
		return
	}
	g.waiting.Remove(c.place)
	c.place = nil
	g.of(c.address).Open--
	if g.networks[c.network]--; g.networks[c.network] == 0 {
		delete(g.networks, c.network)
	}
}

// answers puts a connection behind all that have had no answer since.
func (g *gate) answers(c *conn) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if c.place != nil {
		g.waiting.MoveToBack(c.place)
	}
}

// snapshot is the counts of all addresses.
func (g *gate) snapshot() map[string]StreamCounts {
	g.mu.Lock()
	defer g.mu.Unlock()
	all := map[string]StreamCounts{}
	for address, c := range g.counts {
		all[address] = *c
	}
	return all
}

// network is the part of a client's address that connections are counted by.
func (c Connections) network(client netip.Addr) netip.Prefix {
	bits := c.IPv6
	if client.Is4() {
		bits = c.IPv4
	}
	p, _ := client.Prefix(bits) // the zero prefix for a client without an address: all of them are one network
	return p
}

func contains(all []netip.Prefix, a netip.Addr) bool {
	for _, p := range all {
		if p.Contains(a) {
			return true
		}
	}
	return false
}

func clientOf(c net.Conn) netip.Addr {
	if a, ok := c.RemoteAddr().(*net.TCPAddr); ok {
		return a.AddrPort().Addr().Unmap().WithZone("")
	}
	return netip.Addr{}
}

// reset closes a connection without the system keeping anything of it: a flood shall not leave its ends behind.
func reset(c net.Conn) {
	if t, ok := c.(*net.TCPConn); ok {
		t.SetLinger(0)
	}
	c.Close()
}

// conn is a connection that is counted. Reading is bounded by who reads, writing by this: the DNS library sets no deadline
// for it, and who asks for a large zone and takes nothing of it would hold its connection for ever.
type conn struct {
	net.Conn
	gate    *gate
	address string
	network netip.Prefix
	exempt  bool
	write   time.Duration // 0: who writes bounds it
	fresh   func()        // told once, of the first octets sent or the end; before the connection is handed over

	place   *list.Element // guarded by the gate's mutex; nil once it is closed
	reading bool          // guarded by the gate's mutex
	once    sync.Once     // for fresh
}

// Read implements net.Conn.
func (c *conn) Read(b []byte) (int, error) {
	c.mark(true)
	defer c.mark(false)
	return c.Conn.Read(b)
}

func (c *conn) mark(reading bool) {
	c.gate.mu.Lock()
	defer c.gate.mu.Unlock()
	c.reading = reading
}

// Write implements net.Conn.
func (c *conn) Write(b []byte) (int, error) {
	c.gate.answers(c)
	if c.write > 0 {
		c.Conn.SetWriteDeadline(time.Now().Add(c.write))
	}
	n, err := c.Conn.Write(b)
	c.once.Do(c.fresh)
	return n, err
}

// Close implements net.Conn.
func (c *conn) Close() error {
	c.once.Do(c.fresh)
	c.gate.mu.Lock()
	c.gate.remove(c)
	c.gate.mu.Unlock()
	return c.Conn.Close()
}
