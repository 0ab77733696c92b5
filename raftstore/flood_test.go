package raftstore

import (
	"bufio"
	"crypto/tls"
	"encoding/binary"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"failoverdns/state"
	"failoverdns/trust"
)

// TestMalformedHandshakesAndJoinsLeaveNothingBehind: thousands of connections that are no member's, at a real port. Each
// ends and is counted, none is let in; then goroutines, memory and connections are what they were, and the node works.
func TestMalformedHandshakesAndJoinsLeaveNothingBehind(t *testing.T) {
	if testing.Short() {
		t.Skip("it takes some seconds")
	}
	c := newCluster(t, 1, nil, loopback(t, 1))
	c.timing = LAN
	c.issue("ns9")
	defer c.end()
	c.start("ns1")
	s := c.leader()
	good := c.joinToken(s, state.Voter, time.Hour)
	a := &assault{t: t, address: addressOf(c.peers, "ns1"), member: c.trust("ns1"), joiner: c.trust("ns9"), pin: good.Pin, token: good.ID}

	a.wave(200, 1) // what is made once and kept is there from here on
	goroutines, memory, index := a.settled(s, 0), heap(), s.State().Index
	refused := total(s)
	const tries = 4000
	a.wave(tries, 2)

	if now := a.settled(s, goroutines); now > goroutines {
		t.Errorf("%d goroutines before, %d after", goroutines, now)
	}
	if now := heap(); now > memory+2<<20 {
		t.Errorf("%d bytes of memory before, %d after", memory, now)
	}
	if counted := total(s) - refused; counted != tries {
		t.Errorf("%d tries, %d refusals counted", tries, counted)
	}
	if st := s.State(); st.Index != index || st.Nodes.Len() != 1 || st.Admissions.Len() != 0 {
		t.Errorf("something was written: index %d, before %d", st.Index, index)
	}
	mustPropose(t, s, announce(s, "ns1", "after"))
}

func total(s *Store) (n uint64) {
	for _, c := range s.Status().Refused {
		n += c
	}
	return n
}

func heap() uint64 {
	runtime.GC()
	runtime.GC() // what finalizers let go
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

// assault is what strangers do to a port.
type assault struct {
	t       *testing.T
	address string
	member  *trust.Files
	joiner  *trust.Files
	pin     [32]byte
	token   string
}

// settled waits until the port has no connection and there are no more goroutines than there were.
func (a *assault) settled(s *Store, goal int) (goroutines int) {
	a.t.Helper()
	eventually(a.t, "the port has no connection", func() bool {
		s.port.mu.Lock()
		defer s.port.mu.Unlock()
		return len(s.port.conns) == 0 && len(s.port.slots) == 0
	})
	for began := time.Now(); time.Since(began) < 10*time.Second; time.Sleep(50 * time.Millisecond) {
		if goroutines = runtime.NumGoroutine(); goroutines <= goal {
			break
		}
		if goal == 0 && time.Since(began) > 2*time.Second {
			break
		}
	}
	return goroutines
}

// wave makes so many tries, drawn from a seed, eight at a time.
func (a *assault) wave(tries int, seed uint64) {
	var all sync.WaitGroup
	for worker := range 8 {
		draw := rand.New(rand.NewPCG(seed, uint64(worker)))
		all.Go(func() {
			for range tries / 8 {
				a.try(draw)
			}
		})
	}
	all.Wait()
}

func (a *assault) try(draw *rand.Rand) {
	conn, err := net.Dial("tcp", a.address)
	if err != nil {
		a.t.Errorf("the port does not answer: %v", err)
		return
	}
	defer conn.Close()
	conn.SetDeadline(time.Now().Add(2 * handshakeTimeout))
	switch draw.IntN(8) {
	case 0:
		a.send(conn, noise(draw, 1+draw.IntN(600)))
	case 1:
		a.send(conn, []byte("POST "+pathJoin+" HTTP/1.1\r\nHost: ns1\r\nContent-Length: 1000000000\r\n\r\n"))
	case 2: // a record that promises more than it has
		b := noise(draw, 5+draw.IntN(300))
		copy(b, []byte{22, 3, 1})
		binary.BigEndian.PutUint16(b[3:], uint16(draw.Uint32()))
		a.send(conn, b)
	case 3: // the first flight of a member, damaged
		b := a.hello()
		for range 1 + draw.IntN(5) {
			b[draw.IntN(len(b))] ^= byte(1 + draw.IntN(255))
		}
		a.send(conn, b)
	case 4: // cut off
		b := a.hello()
		a.send(conn, b[:draw.IntN(len(b))])
	case 5:
		a.shake(conn, &tls.Config{InsecureSkipVerify: true, NextProtos: []string{protocolRaft}})
	case 6:
		a.shake(conn, a.joiner.ClientConfig("ns1", []string{protocolRaft, protocolCalls}[draw.IntN(2)]))
	default:
		a.join(conn, draw)
	}
}

func noise(draw *rand.Rand, n int) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(draw.Uint32())
	}
	if b[0] == 22 {
		b[0] = 23
	}
	return b
}

// hello is a new first flight of a member.
func (a *assault) hello() []byte {
	here, there := net.Pipe()
	defer there.Close()
	go tls.Client(here, a.member.ClientConfig("ns1", protocolRaft)).Handshake()
	b := make([]byte, 4096)
	n, err := there.Read(b)
	if err != nil {
		a.t.Error(err)
	}
	return b[:n]
}

// send sends bytes and no more, and waits for the end.
func (a *assault) send(conn net.Conn, b []byte) {
	conn.Write(b) // it may be closed meanwhile
	conn.(*net.TCPConn).CloseWrite()
	io.Copy(io.Discard, conn)
}

func (a *assault) shake(conn net.Conn, cfg *tls.Config) {
	tc := tls.Client(conn, cfg)
	if tc.Handshake() != nil {
		return
	}
	if n, _ := tc.Read(make([]byte, 1)); n > 0 {
		a.t.Errorf("the port speaks to a stranger")
	}
}

// join comes to the door with a certificate, and with what is no request or has no good token.
func (a *assault) join(conn net.Conn, draw *rand.Rand) {
	tc := tls.Client(conn, a.joiner.JoinConfig(trust.Pin(a.pin), protocolJoin))
	if tc.Handshake() != nil {
		return
	}
	body := `{"id":"ns9","role":"voter","address":"ns9:1","token":"` + a.token + `","secret":"` + strings.Repeat("x", draw.IntN(100)) + `"}`
	if draw.IntN(2) == 0 {
		body = string(noise(draw, 20+draw.IntN(2*maxJoinRequest)))
	}
	fmt.Fprintf(tc, "POST %s HTTP/1.1\r\nHost: ns1\r\nContent-Length: %d\r\n\r\n%s", pathJoin, len(body), body)
	res, err := http.ReadResponse(bufio.NewReader(tc), nil)
	if err != nil {
		return // turned away at the door
	}
	defer res.Body.Close()
	text, _ := io.ReadAll(res.Body)
	if res.StatusCode == http.StatusOK && !strings.Contains(string(text), `"refusal"`) {
		a.t.Errorf("a stranger is let in: HTTP status %d %s", res.StatusCode, text)
	}
}
