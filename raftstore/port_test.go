package raftstore

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"io"
	"math/big"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hashicorp/raft"

	"failoverdns/raftstore/memnet"
	"failoverdns/trust"
)

// A wrapper without these methods would turn pre-vote off, and leave the transport open.
var (
	_ raft.WithPreVote = (*transport)(nil)
	_ raft.WithClose   = (*transport)(nil)
)

// knock dials a node with a TLS configuration of its own and says whether it got past the handshake.
func knock(t *testing.T, c *cluster, address string, cfg *tls.Config) error {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	raw, err := c.net.Host("stranger").Dial(ctx, address)
	if err != nil {
		return err
	}
	defer raw.Close()
	tc := tls.Client(raw, cfg)
	if err := tc.HandshakeContext(ctx); err != nil {
		return err
	}
	// A server's refusal comes after a TLS 1.3 client is done: it is seen as the end of the connection.
	tc.SetReadDeadline(time.Now().Add(time.Second))
	if _, err := tc.Read(make([]byte, 1)); !strings.Contains(err.Error(), "timeout") {
		return err
	}
	return nil
}

// signed makes a certificate of the cluster's CA without a node ID.
func signed(t *testing.T, certs string) tls.Certificate {
	t.Helper()
	read := func(name string) []byte {
		b, err := os.ReadFile(filepath.Join(certs, name))
		if err != nil {
			t.Fatal(err)
		}
		block, _ := pem.Decode(b)
		return block.Bytes
	}
	ca, err := x509.ParseCertificate(read(trust.CAFile))
	if err != nil {
		t.Fatal(err)
	}
	caKey, err := x509.ParsePKCS8PrivateKey(read(trust.CAKeyFile))
	if err != nil {
		t.Fatal(err)
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.CreateCertificate(rand.Reader, &x509.Certificate{
		SerialNumber: big.NewInt(2), Subject: pkix.Name{CommonName: "ns2"}, DNSNames: []string{"ns2"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth},
	}, ca, &key.PublicKey, caKey)
	if err != nil {
		t.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
}

func TestOnlyMembersGetPastTheHandshake(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := memCluster(t)
		defer c.end()
		c.start("ns1", "ns2", "ns3")
		target := c.leader()
		address, id := addressOf(c.peers, target.ID()), target.ID()
		member := c.except(id)[0]
		c.issue("ns9")
		foreign := newCluster(t, 3, c.net, func(i int) string { return "x:1" })
		nameless := &tls.Config{Certificates: []tls.Certificate{signed(t, c.certs)}, InsecureSkipVerify: true, NextProtos: []string{protocolRaft}}
		for _, k := range []struct {
			name    string
			cfg     *tls.Config
			counted string // empty: let in
		}{
			{"a member, Raft", c.trust(member).ClientConfig(id, protocolRaft), ""},
			{"a member, calls", c.trust(member).ClientConfig(id, protocolCalls), ""},
			{"signed, but no member, Raft", c.trust("ns9").ClientConfig(id, protocolRaft), refusedStranger},
			{"signed, but no member, calls", c.trust("ns9").ClientConfig(id, protocolCalls), refusedStranger},
			{"a member's ID by a foreign CA", &tls.Config{Certificates: foreign.trust(member).ClientConfig(id, "").Certificates, InsecureSkipVerify: true, NextProtos: []string{protocolRaft}}, refusedHandshake},
			{"signed, but no node ID", nameless, refusedHandshake},
			{"no certificate", &tls.Config{InsecureSkipVerify: true, NextProtos: []string{protocolRaft}}, refusedHandshake},
			{"another protocol", c.trust(member).ClientConfig(id, "h2"), refusedHandshake},
		} {
			before := target.Status().Refused[k.counted]
			err := knock(t, c, address, k.cfg)
			if (err == nil) != (k.counted == "") {
				t.Errorf("%s: %v", k.name, err)
			}
			if k.counted != "" && target.Status().Refused[k.counted] != before+1 {
				t.Errorf("%s: counted %v, want one more %s", k.name, target.Status().Refused, k.counted)
			}
		}
	})
}

func TestSilentConnectionsDoNotHoldThePort(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := memCluster(t)
		defer c.end()
		c.start("ns1", "ns2", "ns3")
		l := c.leader()
		for range maxHandshakes + 10 {
			raw, err := c.net.Host("stranger").Dial(t.Context(), addressOf(c.peers, l.ID()))
			if err != nil {
				t.Fatal(err)
			}
			defer raw.Close()
		}
		time.Sleep(handshakeTimeout + time.Second)
		mustPropose(t, c.other(l), announce(l, l.ID(), "1"))
		if st := l.Status(); st.Refused[refusedHandshake] < maxHandshakes {
			t.Fatalf("%+v", st.Refused)
		}
	})
}

// transportPair is two transports, of ns1 and ns2, that reach each other; ns2's Raft has applied what is said. It says what
// either has heard.
func transportPair(t *testing.T, applied uint64) (t1, t2 *transport, heard chan word, end func()) {
	c := newCluster(t, 2, memnet.New(0), func(i int) string { return []string{"a:1", "b:1"}[i] })
	heard = make(chan word, 1)
	open := func(id string) (*port, *transport) {
		cfg := c.config(id)
		if err := cfg.complete(); err != nil {
			t.Fatal(err)
		}
		p, err := openPort(&cfg, func(string, string) bool { return true })
		if err != nil {
			t.Fatal(err)
		}
		s := &Store{cfg: cfg, peers: c.peers, port: p, found: map[string]sighting{}}
		return p, newTransport(streams{p.listen(p.raft, advertised(cfg.Advertise)), s.dial, t.Context()}, addressBook{s}, func(w word) { heard <- w },
			func(raft.ServerID) {}, func(end place) error {
				if end.index < applied {
					return fmt.Errorf("index %d, and this node is at %d", end.index, applied)
				}
				return nil
			}, raftLogger(cfg.Logger))
	}
	p1, t1 := open("ns1")
	p2, t2 := open("ns2")
	return t1, t2, heard, func() {
		t1.Close()
		t2.Close()
		p1.close()
		p2.close()
	}
}

func TestHeartbeatsGoTheWayOfAllCalls(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		t1, t2, heard, end := transportPair(t, 0)
		defer end()
		t2.SetHeartbeatHandler(func(raft.RPC) { t.Error("a heartbeat was handled beside the main loop") })
		go func() {
			for range 2 {
				rpc := <-t2.Consumer()
				rpc.Respond(&raft.AppendEntriesResponse{Success: true}, nil)
			}
		}()
		header := raft.RPCHeader{ID: []byte("ns1"), Addr: []byte("a:1")}
		var res raft.AppendEntriesResponse
		if err := t1.AppendEntries("ns2", "b:1", &raft.AppendEntriesRequest{RPCHeader: header, Term: 1}, &res); err != nil || !res.Success {
			t.Fatal(err)
		}
		if err := t1.AppendEntries("ns2", "b:1", &raft.AppendEntriesRequest{RPCHeader: header, Term: 1, LeaderCommitIndex: 7}, &res); err != nil {
			t.Fatal(err)
		}
		if w := <-heard; w.commit != 7 {
			t.Fatalf("%+v", w)
		}
		if _, err := t1.AppendEntriesPipeline("ns2", "b:1"); err != raft.ErrPipelineReplicationNotSupported {
			t.Fatalf("pipelining is on: %v", err)
		}
	})
}

func TestSnapshotOlderThanWhatIsAppliedDoesNotComeToRaft(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		t1, t2, _, end := transportPair(t, 7)
		defer end()
		var came []uint64
		go func() {
			rpc := <-t2.Consumer()
			came = append(came, rpc.Command.(*raft.InstallSnapshotRequest).LastLogIndex)
			io.Copy(io.Discard, rpc.Reader)
			rpc.Respond(&raft.InstallSnapshotResponse{Success: true}, nil)
		}()
		send := func(index uint64) error {
			body := bytes.Repeat([]byte("s"), 100_000)
			var res raft.InstallSnapshotResponse
			return t1.InstallSnapshot("ns2", "b:1", &raft.InstallSnapshotRequest{RPCHeader: raft.RPCHeader{ID: []byte("ns1"), Addr: []byte("a:1")},
				SnapshotVersion: raft.SnapshotVersionMax, Term: 1, LastLogIndex: index, Size: int64(len(body))}, &res, bytes.NewReader(body))
		}
		for range 2 {
			if err := send(6); err == nil || !strings.Contains(err.Error(), "index 6, and this node is at 7") {
				t.Errorf("Expected a refusal, got %v", err)
			}
		}
		if err := send(7); err != nil || !slices.Equal(came, []uint64{7}) {
			t.Errorf("Expected Raft to get the snapshot of 7 alone, got %v (%v)", came, err)
		}
	})
}

// loopback gives addresses within the tests' range of ports.
func loopback(t *testing.T, n int) func(int) string {
	t.Helper()
	var out []string
	for port := 21000; port < 22000 && len(out) < n; port++ {
		a := net.JoinHostPort("127.0.0.1", big.NewInt(int64(port)).String())
		l, err := net.Listen("tcp", a)
		if err != nil {
			continue
		}
		l.Close()
		out = append(out, a)
	}
	if len(out) < n {
		t.Skip("no free ports")
	}
	return func(i int) string { return out[i] }
}

func TestThreeNodesOverRealSocketsAndDisks(t *testing.T) {
	if testing.Short() {
		t.Skip("it takes some seconds")
	}
	c := newCluster(t, 3, nil, loopback(t, 3))
	c.timing = LAN
	c.calls = func(id string) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, `"`+id+`"`) })
	}
	defer c.end()
	c.start("ns2", "ns3", "ns1")
	l := c.leader()
	mustPropose(t, l, announce(l, l.ID(), "1"))
	f := c.other(l)
	mustPropose(t, f, announce(f, f.ID(), "2"))
	mustPropose(t, f, declare(f, 1))
	var answered string
	if err := f.Call(t.Context(), l.ID(), http.MethodGet, "/", nil, &answered); err != nil || answered != l.ID() {
		t.Fatal(answered, err)
	}
	eventually(t, "the follower is fresh", func() bool { return f.Age() < 500*time.Millisecond })

	old := l.ID()
	c.stop(old)
	next := c.leader(c.except(old)...)
	index := mustPropose(t, next, announce(next, next.ID(), "3")).Index
	c.start(old)
	back := c.stores[old]
	if back.State().Zones.Len() != 1 {
		t.Fatal("its first answers have no zone")
	}
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	if err := back.WaitIndex(ctx, index); err != nil {
		t.Fatal(err)
	}
	if a, b := back.State(), next.State(); a.Index == b.Index && a.Hash != b.Hash {
		t.Fatal("the states differ")
	}
}
