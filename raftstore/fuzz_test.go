package raftstore

import (
	"bytes"
	"context"
	"crypto/tls"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"failoverdns/state"
	"failoverdns/token"
	"failoverdns/trust"
)

// fuzzed is a node that leads a cluster of its own, in memory but by the real clock, and a join token of it.
func fuzzed(f *testing.F) (*Store, *token.Join) {
	c := memClusterOf(f, 1)
	c.timing = LAN
	c.issue("ns9")
	c.start("ns1")
	f.Cleanup(c.end)
	s := c.leader()
	return s, c.joinToken(s, state.Voter, time.Hour)
}

// knocking is what one connection does to a port: what it was handed on as, and what it was counted as.
func knocking(t *testing.T, p *port, client func(net.Conn)) (handed string, counted uint64) {
	t.Helper()
	total := func() (n uint64) {
		p.mu.Lock()
		defer p.mu.Unlock()
		for _, c := range p.refused {
			n += c
		}
		return n
	}
	before := total()
	here, there := net.Pipe()
	done := make(chan struct{})
	p.slots <- struct{}{}
	go func() { defer close(done); p.welcome(there) }()
	go func() { client(here); here.Close() }()
	for {
		select {
		case c := <-p.raft:
			handed = protocolRaft
			c.Close()
		case c := <-p.calls:
			handed = protocolCalls
			c.Close()
		case c := <-p.joins:
			handed = protocolJoin
			c.(*guest).heard.Store(true)
			c.Close()
		case <-done:
			return handed, total() - before
		case <-time.After(2 * handshakeTimeout):
			t.Fatal("the port holds on to a connection whose client is gone")
		}
	}
}

// bare is a port that hands on to whoever asks, and nobody else.
func bare(f *testing.F, c *cluster) *port {
	cfg := c.config("ns1")
	cfg.Listen = "bare:5300"
	if err := cfg.complete(); err != nil {
		f.Fatal(err)
	}
	p, err := openPort(&cfg, func(id, protocol string) bool { return id == "ns1" || protocol == protocolJoin })
	if err != nil {
		f.Fatal(err)
	}
	f.Cleanup(p.close)
	return p
}

// FuzzPreface sends bytes to the cluster's port, whole or after the first half of a good handshake: the connection ends,
// is handed to nobody, and is counted once.
func FuzzPreface(f *testing.F) {
	c := memClusterOf(f, 1)
	p := bare(f, c)
	hello := clientHello(f, c.trust("ns1").ClientConfig("ns1", protocolRaft))
	f.Add(hello)
	f.Add(hello[:len(hello)/2])
	f.Add(slices.Concat(hello, hello))
	f.Add([]byte("GET / HTTP/1.1\r\n\r\n"))
	f.Add([]byte("\x16\x03\x01\xff\xff\x01\xff\xff\xff"))
	f.Add([]byte("\x80\x2e\x01\x03\x01")) // SSLv2
	f.Fuzz(func(t *testing.T, b []byte) {
		handed, counted := knocking(t, p, func(conn net.Conn) {
			go io.Copy(io.Discard, conn) // a pipe holds nothing: the server must be able to answer
			conn.Write(b)
		})
		if handed != "" || counted != 1 {
			t.Errorf("handed on as %q, counted %d times", handed, counted)
		}
	})
}

// clientHello is the first flight of a TLS client.
func clientHello(f *testing.F, cfg *tls.Config) []byte {
	here, there := net.Pipe()
	go tls.Client(here, cfg).Handshake()
	b := make([]byte, 4096)
	n, err := there.Read(b)
	if err != nil {
		f.Fatal(err)
	}
	there.Close()
	return b[:n]
}

// FuzzProtocols offers protocols (ALPN) with a member's certificate and with that of a node that is none: each
// connection goes to the one server whose protocol was agreed on and that this node may speak, or is refused and counted.
func FuzzProtocols(f *testing.F) {
	c := memClusterOf(f, 1)
	c.issue("ns9")
	p := bare(f, c)
	files := map[bool]*trust.Files{true: c.trust("ns1"), false: c.trust("ns9")}
	ours := []string{protocolRaft, protocolCalls, protocolJoin}
	for _, offer := range append(ours, "", "h2,http/1.1", "h2,"+protocolCalls, protocolJoin+","+protocolRaft, "failover-raft/2", "FAILOVER-RAFT/1", "a,b,a") {
		f.Add(offer, true)
		f.Add(offer, false)
	}
	f.Fuzz(func(t *testing.T, offer string, member bool) {
		cfg := files[member].ClientConfig("ns1", "")
		cfg.NextProtos, cfg.VerifyConnection = nil, nil
		for o := range strings.SplitSeq(offer, ",") {
			if len(o) > 0 && len(o) < 256 && len(cfg.NextProtos) < 50 {
				cfg.NextProtos = append(cfg.NextProtos, o)
			}
		}
		p.door = door{} // how many may enter is another test's
		handed, counted := knocking(t, p, func(conn net.Conn) {
			tc := tls.Client(conn, cfg)
			if tc.Handshake() == nil {
				tc.Read(make([]byte, 1))
			}
		})
		may := func(o string) bool {
			return slices.Contains(cfg.NextProtos, o) && (member || o == protocolJoin)
		}
		switch {
		case handed != "" && (!may(handed) || counted != 0):
			t.Errorf("%q was offered by a member (%v): handed on as %q, counted %d times", cfg.NextProtos, member, handed, counted)
		case handed == "" && counted != 1:
			t.Errorf("%q was offered by a member (%v): handed to nobody, counted %d times", cfg.NextProtos, member, counted)
		case handed == "" && member && slices.ContainsFunc(ours, may):
			t.Errorf("%q was offered by a member, and refused", cfg.NextProtos)
		}
	})
}

// asked is what a server of the port answers a node.
func asked(h http.Handler, caller, method, path string, body []byte) *httptest.ResponseRecorder {
	ctx, cancel := context.WithTimeout(context.WithValue(context.Background(), callerKey{}, caller), 5*time.Second)
	defer cancel()
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequestWithContext(ctx, method, "http://ns1"+path, bytes.NewReader(body)))
	return w
}

// FuzzJoin sends bodies to the door's one call: without a good token nobody gets in, and nothing is written.
func FuzzJoin(f *testing.F) {
	s, good := fuzzed(f)
	f.Add([]byte(`{"id":"ns9","incarnation":"` + randomID() + `","address":"ns9:1","role":"voter","level":2,"token":"` + good.ID + `","secret":"` + token.New().Secret() + `"}`))
	f.Add([]byte(`{"id":"ns9","token":"` + good.ID + `","secret":""}`))
	f.Add([]byte(`{"id":"ns1","token":"../x","secret":"\u0000"}`))
	f.Add([]byte(`{"id":["ns9"]}`))
	f.Add([]byte(strings.Repeat(`{"id":`, 1000)))
	f.Add([]byte(`null`))
	h := s.newJoinServer().Handler
	f.Fuzz(func(t *testing.T, body []byte) {
		if bytes.Contains(body, []byte(good.Secret())) {
			t.Skip("it has the token's secret")
		}
		index := s.State().Index
		w := asked(h, "ns9", http.MethodPost, pathJoin, body)
		switch answer := w.Body.String(); {
		case w.Code != http.StatusOK && w.Code != http.StatusBadRequest:
			t.Errorf("HTTP status %d %s", w.Code, answer)
		case w.Code == http.StatusOK && (strings.Contains(answer, `"members"`) || !strings.Contains(answer, `"refusal"`)):
			t.Errorf("not refused: %s", answer)
		}
		if st := s.State(); st.Index != index || st.Admissions.Len() != 0 || st.Nodes.Len() != 1 || s.machine.halt() != nil {
			t.Errorf("something was written: index %d, before %d; %d nodes; %v", st.Index, index, st.Nodes.Len(), s.machine.halt())
		}
	})
}

// FuzzCalls sends bodies to the calls of a member, and of a node that is none. What a member sends may be refused or
// have its effect, but neither panics nor stops the node; what a stranger sends has none.
func FuzzCalls(f *testing.F) {
	s, _ := fuzzed(f)
	command, err := announce(s, "ns1", "1").Encode()
	if err != nil {
		f.Fatal(err)
	}
	paths := []string{pathHello, pathPropose, pathAdmit, pathChange, pathStanding, "/", "/raftstore/v1/"}
	for i := range paths {
		for _, body := range []string{"", "null", "{}", `{"op":"remove","node":"ns1"}`, `{"op":"transfer"}`, `{"id":"ns9","role":"voter"}`, `{"address":"x"}`, string(command), "\x01\x05{}", "\x02", "\xff\xff"} {
			f.Add(uint8(i), []byte(body))
		}
	}
	h := s.newCallServer(http.NotFoundHandler()).Handler
	f.Fuzz(func(t *testing.T, which uint8, body []byte) {
		path := paths[int(which)%len(paths)]
		method := http.MethodPost
		if path == pathStanding {
			method = http.MethodGet
		}
		before := s.State()
		if w := asked(h, "ns9", method, path, body); path != pathHello && w.Code != http.StatusForbidden && w.Code != http.StatusTemporaryRedirect || s.State() != before {
			t.Errorf("%s by a stranger: HTTP status %d %s; the state changed: %v", path, w.Code, w.Body, s.State() != before)
		}
		if w := asked(h, "ns1", method, path, body); w.Code >= 500 {
			t.Errorf("%s: HTTP status %d %s", path, w.Code, w.Body)
		}
		if err := s.machine.halt(); err != nil {
			t.Fatalf("%s: %v", path, err)
		}
	})
}
