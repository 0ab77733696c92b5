package main

import (
	"context"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"net"
	"net/netip"
	"runtime"
	"time"

	"github.com/miekg/dns"
	"golang.org/x/net/ipv4"
	"golang.org/x/sys/unix"
)

const (
	floodBatch = 64
	floodLabel = 16 // octets of a random label
)

// floodFrom sends queries for random names to a port of 127.0.0.1 as fast as the client's core does, from addresses of so
// many networks (/24) of 127.0.0.0/8 in turn, and reads no answer: as one who forges addresses. It gives the number of
// packets sent, and the CPU time that this took.
func floodFrom(ctx context.Context, port, networks int) (sent int, took time.Duration, err error) {
	// The thread ends with this goroutine, since it is never unlocked: it yields to all others on its core.
	done := make(chan struct{})
	go func() {
		defer close(done)
		runtime.LockOSThread()
		if err = humble(); err == nil {
			sent, err = pour(ctx, port, networks)
		}
		took = threadTime()
	}()
	<-done
	return sent, took, err
}

// humble binds the thread to the client's core, and lets those who measure there go first.
func humble() error {
	var one unix.CPUSet
	one.Set(clientCore)
	if err := unix.SchedSetaffinity(0, &one); err != nil {
		return fmt.Errorf("bind a thread to core %d: %w", clientCore, err)
	}
	return unix.Setpriority(unix.PRIO_PROCESS, 0, 19)
}

// threadTime is the CPU time that this thread has used, as far as the system says.
func threadTime() time.Duration {
	var u unix.Rusage
	if unix.Getrusage(unix.RUSAGE_THREAD, &u) != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

func pour(ctx context.Context, port, networks int) (sent int, err error) {
	conn, err := net.ListenUDP("udp4", nil)
	if err != nil {
		return 0, err
	}
	defer conn.Close()
	packets, err := makeFlood(port)
	if err != nil {
		return 0, err
	}
	random := rand.New(rand.NewPCG(2, uint64(networks)))
	p := ipv4.NewPacketConn(conn)
	for at := 0; ctx.Err() == nil; {
		for i := range packets {
			vary(packets[i].Buffers[0], random)
			packets[i].OOB = from(packets[i].OOB, floodSource(at, networks, random))
			at++
		}
		n, err := p.WriteBatch(packets, 0)
		if err != nil {
			return sent, fmt.Errorf("flood: %w", err)
		}
		sent += n
	}
	return sent, nil
}

func makeFlood(port int) (all []ipv4.Message, err error) {
	to := &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1), Port: port}
	label := fmt.Sprintf("%0*d", floodLabel, 0)
	for range floodBatch {
		b, err := new(dns.Msg).SetQuestion(label+"."+zoneName+".", dns.TypeA).Pack()
		if err != nil {
			return nil, err
		}
		all = append(all, ipv4.Message{Buffers: [][]byte{b}, Addr: to})
	}
	return all, nil
}

// vary puts another ID and name into a query: 64 random bits in hexadecimal digits.
func vary(b []byte, random *rand.Rand) {
	const digits = "0123456789abcdef"
	binary.BigEndian.PutUint16(b, uint16(random.Uint32()))
	x := random.Uint64()
	for i := range floodLabel {
		b[13+i] = digits[x>>(4*i)&15]
	}
}

// floodSource is the address of the n-th packet's sender: of any network but the client's.
func floodSource(n, networks int, random *rand.Rand) netip.Addr {
	network := n % networks
	a := [4]byte{127, byte(network >> 8), byte(network), byte(1 + random.IntN(254))}
	if c := floodClient.As4(); a[1] == c[1] && a[2] == c[2] {
		a[2]++
	}
	return netip.AddrFrom4(a)
}

// from is a control message that has a packet leave from an address (IP_PKTINFO, ip(7)).
func from(b []byte, source netip.Addr) []byte {
	if b == nil {
		b = (&ipv4.ControlMessage{Src: net.IPv4zero}).Marshal()
	}
	a := source.As4()
	copy(b[unix.SizeofCmsghdr+4:], a[:]) // behind the interface's index
	return b
}
