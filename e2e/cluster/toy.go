package cluster

import (
	"encoding/json"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"os"
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
	Reset  []string `json:"reset,omitempty"`  // nodes whose connections are reset
	Status int      `json:"status,omitempty"` // of the answer; 0 is 200
}

// toy is a toy site's server, in its own process.
type toy struct {
	name string

	mu     sync.Mutex // guards faults
	faults Faults
}

// RunToy serves a toy site and exits, if this program was started to be one. Else it returns.
func RunToy() {
	if len(os.Args) < 2 || os.Args[1] != toyWord {
		return
	}
	if len(os.Args) != 6 {
		log.Fatalf("%s takes: NAME ADDRESS:PORT CERT KEY", toyWord)
	}
	log.SetFlags(log.LstdFlags | log.Lmicroseconds)
	if err := serveToy(os.Args[2], os.Args[3], os.Args[4], os.Args[5]); err != nil {
		log.Fatal(err)
	}
	os.Exit(0)
}

func serveToy(name, at, cert, key string) error {
	l, err := net.Listen("tcp", at)
	if err != nil {
		return fmt.Errorf("toy site %s: %w", name, err)
	}
	t := &toy{name: name}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /", t.answer)
	mux.HandleFunc("PUT /faults", t.setFaults)
	s := &http.Server{Handler: mux, ReadHeaderTimeout: 5 * time.Second}
	log.Printf("toy site %s serves at %s", name, at)
	if cert != "" {
		return s.ServeTLS(l, cert, key)
	}
	return s.Serve(l)
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

// answer says which site this is, or misbehaves.
func (t *toy) answer(w http.ResponseWriter, r *http.Request) {
	t.mu.Lock()
	f := t.faults
	t.mu.Unlock()
	node := r.Header.Get(nodeHeader)
	if slices.Contains(f.Reset, node) {
		reset(w)
		return
	}
	if f.Status != 0 {
		w.WriteHeader(f.Status)
	}
	_, _ = io.WriteString(w, "this is "+t.name+", healthy\n") // a prober that has gone does not matter
}

// reset ends the connection with RST.
func reset(w http.ResponseWriter) {
	conn, _, err := http.NewResponseController(w).Hijack()
	if err != nil {
		log.Printf("cannot take over the connection: %v", err)
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
