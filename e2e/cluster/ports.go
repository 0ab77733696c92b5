package cluster

import (
	"fmt"
	"net"
	"strconv"
)

// The ports of clusters: below the ephemeral range of every common system, so that no outgoing connection takes one.
const (
	firstPort = 25000
	lastPort  = 25999
	blockSize = 40 // ports of one cluster
)

// ports is a block of ports on 127.0.0.1 that no other cluster on this machine has while lock is open. The lock is
// the block's first port.
type ports struct {
	lock net.Listener
	next int
	end  int
}

// reserve finds a block whose lock is free.
func reserve() (*ports, error) {
	for first := firstPort; first+blockSize-1 <= lastPort; first += blockSize {
		if l, err := net.Listen("tcp", loopback(first)); err == nil {
			return &ports{lock: l, next: first + 1, end: first + blockSize}, nil
		}
	}
	return nil, fmt.Errorf("no block of %d ports is free between %d and %d on 127.0.0.1", blockSize, firstPort, lastPort)
}

// take gives the next port that nobody listens on, over TCP and UDP.
func (p *ports) take() (int, error) {
	for ; p.next < p.end; p.next++ {
		if free(p.next) {
			p.next++
			return p.next - 1, nil
		}
	}
	return 0, fmt.Errorf("no port is left before %d on 127.0.0.1", p.end)
}

func free(port int) bool {
	l, err := net.Listen("tcp", loopback(port))
	if err != nil {
		return false
	}
	defer l.Close()
	u, err := net.ListenPacket("udp", loopback(port))
	if err != nil {
		return false
	}
	u.Close()
	return true
}

func (p *ports) release() { p.lock.Close() }

func loopback(port int) string { return net.JoinHostPort("127.0.0.1", strconv.Itoa(port)) }
