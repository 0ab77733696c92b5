//go:build linux

package e2e

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/miekg/dns"

	"failoverdns/e2e/cluster"
)

// idleConnections are held open to each node, all from one host.
const idleConnections = 10_000

func TestFloodOfRandomNamesAndGarbageKeepsNoFlipBack(t *testing.T) {
	s := stage(t, 3)
	seed := seeded(t)
	ctx, cancel := context.WithCancel(context.Background())
	var all sync.WaitGroup
	for i, n := range s.Nodes() {
		all.Go(func() { flood(ctx, t, n, rand.New(rand.NewPCG(seed, uint64(i)))) })
	}
	defer all.Wait()
	defer cancel()
	time.Sleep(time.Second)
	s.leaves("flood of random names and garbage", s.fails(), s.flipBudget(1), s.Nodes()...)
	s.recovers()
	s.returnsHome()
}

// flood sends random names, random bytes, and packets cut short, some thousands a second: an eighth of a core of its own.
func flood(ctx context.Context, t *testing.T, n *cluster.Node, rng *rand.Rand) {
	conn, err := net.Dial("udp", n.DNS)
	if err != nil {
		t.Error(err)
		return
	}
	defer conn.Close()
	go drain(conn)
	for sent := 0; ctx.Err() == nil; {
		for range 20 {
			_, _ = conn.Write(oddPacket(rng)) // a full buffer is part of a flood
			sent++
		}
		pause(ctx, 5*time.Millisecond)
	}
}

func drain(conn net.Conn) {
	for buf := make([]byte, 4096); ; {
		if _, err := conn.Read(buf); err != nil {
			return
		}
	}
}

func oddPacket(rng *rand.Rand) []byte {
	q := new(dns.Msg)
	q.SetQuestion(fmt.Sprintf("%x.%s.", rng.Uint64(), zone), uint16(rng.IntN(300)))
	b, err := q.Pack()
	if err != nil {
		return nil
	}
	switch rng.IntN(4) {
	case 0:
		return b[:rng.IntN(len(b))]
	case 1:
		for range 1 + rng.IntN(8) {
			b[rng.IntN(len(b))] = byte(rng.Uint32())
		}
	case 2:
		b = make([]byte, rng.IntN(512))
		for i := range b {
			b[i] = byte(rng.Uint32())
		}
	}
	return b
}

func TestTenThousandIdleConnectionsKeepNoFlipBack(t *testing.T) {
	s := stage(t, 3)
	n := s.Nodes()[0]
	var conns []net.Conn
	defer func() {
		for _, c := range conns {
			c.Close()
		}
	}()
	for range idleConnections {
		c, err := net.DialTimeout("tcp", n.DNS, 2*time.Second)
		if errors.Is(err, syscall.ECONNRESET) {
			continue // turned away before it was seen
		}
		if err != nil {
			t.Fatalf("after %d connections: %v", len(conns), err)
		}
		conns = append(conns, c)
	}
	s.leaves("10,000 idle TCP connections to one node", s.fails(), s.flipBudget(1), s.Nodes()...)
	m, err := n.QueryTCP(soon(t), login, dns.TypeA)
	for end := time.Now().Add(15 * time.Second); err != nil && time.Now().Before(end); { // this host has had its share
		time.Sleep(100 * time.Millisecond)
		m, err = n.QueryTCP(soon(t), login, dns.TypeA)
	}
	ok(t, err)
	if got := cluster.Answer(m); got != s.aws {
		t.Errorf("over TCP it answers %s", got)
	}
}
