package cluster

import (
	"crypto/tls"
	"encoding/json"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"
)

// toyWord as the first argument makes this program a toy site's server.
const toyWord = "serve-a-toy-site"

// nodeHeader is what each node's probes carry in it: the node's ID.
const nodeHeader = "X-Node"

// Faults is how a toy server misbehaves. The zero value is a healthy one.
type Faults struct {
	Reset       []string `json:"reset,omitempty"`       // nodes whose connections are reset
	Status      int      `json:"status,omitempty"`      // of the answer; 0 is 200
	Hang        Hang     `json:"hang,omitempty"`        // where it stops half-way, for everybody
	Certificate string   `json:"certificate,omitempty"` // which it shows under TLS; empty: a good one
}

// Hang is a point at which a server neither goes on nor ends the connection.
type Hang string

const (
	HangSilent    Hang = "silent"    // it takes the connection, and says nothing
	HangHandshake Hang = "handshake" // it stops in the middle of the TLS handshake
	HangHeader    Hang = "header"    // the header of its response never ends
	HangBody      Hang = "body"      // the body never ends
)

// Certificates of toy sites that no prober should take.
const (
	ExpiredCertificate = "expired"
	ForeignCertificate = "foreign" // of another name
)

// goodCertificate is the file's name of the one that they show otherwise.
const goodCertificate = "sites"

// trickle is the spacing of the parts of what never ends: it keeps a connection busy, and any timeout for silence from
// ending it.
const trickle = 10 * time.Millisecond

// toy is a toy site's server, in its own process.
type toy struct {
	name  string
	certs map[string]tls.Certificate // by name; none: no TLS

	mu     sync.Mutex // guards faults
	faults Faults
}

// RunToy serves a toy site and exits, if this program was started to be one. Else it returns.
func RunToy() {
	if len(os.Args) < 2 || os.Args[1] != toyWord {
		return
	}
	if len(os.Args) != 6 {
		log.Fatalf("%s takes: NAME ADDRESS:PORT SOCKET CERTIFICATES", toyWord)
	}
	log.SetFlags(log.LstdFlags | log.Lmicroseconds)
	t := &toy{name: os.Args[2]}
	if err := t.serve(os.Args[3], os.Args[4], os.Args[5]); err != nil {
		log.Fatalf("toy site %s: %v", t.name, err)
	}
	os.Exit(0)
}

// serve serves the site at an address, and takes orders at a socket in the file system: those reach it whatever the
// network and the site are like. certificates is a directory; empty: no TLS.
func (t *toy) serve(at, socket, certificates string) error {
	if err := t.loadCertificates(certificates); err != nil {
		return err
	}
	if err := t.takeOrders(socket); err != nil {
		return err
	}
	l, err := net.Listen("tcp", at)
	if err != nil {
		return err
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /", t.answer)
	s := &http.Server{Handler: mux, ReadHeaderTimeout: 5 * time.Second, TLSConfig: &tls.Config{GetCertificate: t.certificate}}
	log.Printf("toy site %s serves at %s", t.name, at)
	if len(t.certs) > 0 {
		return s.ServeTLS(&faultyListener{l, t}, "", "")
	}
	return s.Serve(&faultyListener{l, t})
}

func (t *toy) loadCertificates(dir string) error {
	if dir == "" {
		return nil
	}
	t.certs = map[string]tls.Certificate{}
	for _, name := range []string{goodCertificate, ExpiredCertificate, ForeignCertificate} {
		pair, err := tls.LoadX509KeyPair(filepath.Join(dir, name+".pem"), filepath.Join(dir, name+"-key.pem"))
		if err != nil {
			return err
		}
		t.certs[name] = pair
	}
	return nil
}

func (t *toy) certificate(*tls.ClientHelloInfo) (*tls.Certificate, error) {
	name := t.now().Certificate
	if name == "" {
		name = goodCertificate
	}
	pair, ok := t.certs[name]
	if !ok {
		return nil, fmt.Errorf("there is no certificate %q", name)
	}
	return &pair, nil
}

func (t *toy) takeOrders(socket string) error {
	_ = os.Remove(socket) // of a server that was killed
	l, err := net.Listen("unix", socket)
	if err != nil {
		return err
	}
	mux := http.NewServeMux()
	mux.HandleFunc("PUT /faults", t.setFaults)
	go func() { log.Fatal(http.Serve(l, mux)) }()
	return nil
}

func (t *toy) setFaults(w http.ResponseWriter, r *http.Request) {
	var f Faults
	if err := json.NewDecoder(r.Body).Decode(&f); err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	t.mu.Lock()
	t.faults = f
	t.mu.Unlock()
	log.Printf("faults: %+v", f)
}

func (t *toy) now() Faults {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.faults
}

// answer says which site this is, or misbehaves.
func (t *toy) answer(w http.ResponseWriter, r *http.Request) {
	f := t.now()
	switch {
	case slices.Contains(f.Reset, r.Header.Get(nodeHeader)):
		reset(w)
	case f.Hang == HangHeader:
		if conn := takeOver(w); conn != nil {
			trickleInto(conn, "HTTP/1.1 200 OK\r\n", "X-More: to come\r\n")
			conn.Close()
		}
	case f.Hang == HangBody:
		if conn := takeOver(w); conn != nil {
			trickleInto(conn, "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n\r\n", "more to come\n")
			conn.Close()
		}
	default:
		if f.Status != 0 {
			w.WriteHeader(f.Status)
		}
		_, _ = io.WriteString(w, "this is "+t.name+", healthy\n") // a prober that has gone does not matter
	}
}

// trickleInto writes without end, until the other side has had enough.
func trickleInto(w io.Writer, first, more string) {
	_, err := io.WriteString(w, first)
	for err == nil {
		time.Sleep(trickle)
		_, err = io.WriteString(w, more)
	}
}

// reset ends the connection with RST.
func reset(w http.ResponseWriter) {
	conn := takeOver(w)
	if conn == nil {
		return
	}
	if s, ok := conn.(interface{ NetConn() net.Conn }); ok { // TLS
		conn = s.NetConn()
	}
	if tcp, ok := conn.(*net.TCPConn); ok {
		_ = tcp.SetLinger(0) // closing then sends RST
	}
	conn.Close()
}

func takeOver(w http.ResponseWriter) net.Conn {
	conn, _, err := http.NewResponseController(w).Hijack()
	if err != nil {
		log.Printf("cannot take over the connection: %v", err)
		return nil
	}
	return conn
}

// faultyListener has connections misbehave before HTTP begins.
type faultyListener struct {
	net.Listener
	toy *toy
}

func (l *faultyListener) Accept() (net.Conn, error) {
	for {
		conn, err := l.Listener.Accept()
		if err != nil {
			return nil, err
		}
		switch l.toy.now().Hang {
		case HangSilent:
			go outlast(conn)
		case HangHandshake:
			return &stalling{conn}, nil
		default:
			return conn, nil
		}
	}
}

// outlast keeps a connection open, and silent, until the other side ends it.
func outlast(conn net.Conn) {
	_, _ = io.Copy(io.Discard, conn)
	conn.Close()
}

// stalling sends the beginning of the first thing that it is to send.
type stalling struct{ net.Conn }

func (s *stalling) Write(b []byte) (int, error) {
	n, err := s.Conn.Write(b[:len(b)/2])
	if err == nil {
		outlast(s.Conn)
		err = net.ErrClosed
	}
	return n, err
}
