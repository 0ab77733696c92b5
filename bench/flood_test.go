//go:build linux

package main

import (
	"encoding/binary"
	"math/rand/v2"
	"net"
	"net/netip"
	"runtime"
	"testing"
	"time"

	"github.com/miekg/dns"
)

func TestFloodComesFromAllNetworksButTheClients(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 1))
	for _, networks := range []int{1, 1 << 16} {
		seen := map[netip.Prefix]bool{}
		for i := range 1 << 17 {
			seen[netip.PrefixFrom(floodSource(i, networks, random), 24).Masked()] = true
		}
		if len(seen) != networks && len(seen) != networks-1 {
			t.Errorf("of %d networks %d send", networks, len(seen))
		}
		if seen[netip.PrefixFrom(floodClient, 24).Masked()] {
			t.Error("the client's sends")
		}
	}
}

func TestFloodAsksForRandomNamesOfTheZone(t *testing.T) {
	packets, err := makeFlood(53)
	if err != nil {
		t.Fatal(err)
	}
	random, seen := rand.New(rand.NewPCG(1, 1)), map[string]bool{}
	for range 1000 {
		vary(packets[0].Buffers[0], random)
		m := new(dns.Msg)
		if err := m.Unpack(packets[0].Buffers[0]); err != nil || !dns.IsSubDomain(zoneName+".", m.Question[0].Name) {
			t.Fatalf("%v, %v", m, err)
		}
		seen[m.Question[0].Name] = true
	}
	if len(seen) != 1000 {
		t.Errorf("%d names of 1000", len(seen))
	}
}

// TestPatientClientTellsWhatWasLost asks a server that forgets the first query of every fourth question, all queries of
// every fifth, and cuts the answer of every seventh.
func TestPatientClientTellsWhatWasLost(t *testing.T) {
	if runtime.NumCPU() <= clientCore {
		t.Skip("this machine has no second core")
	}
	conn, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	go forget(conn)
	got, err := askPatiently(t.Context(), conn.LocalAddr().(*net.UDPAddr).Port, 300*time.Millisecond)
	if err != nil {
		t.Fatal(err)
	}
	var again, lost, cut int
	for id := range got.asked {
		if id%5 == 0 {
			lost++
		}
		if id%5 == 0 || id%4 == 0 {
			again++
		}
		if id%5 != 0 && id%7 == 1 {
			cut++
		}
	}
	if got.asked < 50 || got.again < again || got.lost != lost || got.cut != cut || len(got.took) == 0 {
		t.Errorf("of %d %d were asked again, %d were lost, %d cut; that were %d, %d and %d", got.asked, again, lost, cut, got.again, got.lost, got.cut)
	}
}

// forget is that server.
func forget(conn net.PacketConn) {
	seen := map[uint16]bool{}
	for b := make([]byte, 512); ; {
		n, from, err := conn.ReadFrom(b)
		if err != nil {
			return
		}
		id := binary.BigEndian.Uint16(b)
		if b[2] |= 0x80; id%7 == 1 {
			b[2] |= 2
		}
		if id%5 != 0 && (seen[id] || id%4 != 0) {
			_, _ = conn.WriteTo(b[:n], from)
		}
		seen[id], b[2] = true, 0
	}
}
