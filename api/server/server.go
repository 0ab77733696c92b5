package server

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"sync"
	"time"

	"failoverdns/api"
)

// The bounds of one connection. A write waits for a commit, so answers may take some seconds.
const (
	headerTimeout = 5 * time.Second
	bodyTimeout   = 10 * time.Second
	answerTimeout = 20 * time.Second
	idleTimeout   = 60 * time.Second
	maxHeader     = 16 << 10 // bytes
	maxConns      = 256
)

// Server is the admin API of one node.
type Server struct {
	node    Node
	log     *slog.Logger
	now     func() time.Time // wall clock
	streams chan struct{}    // one for each open event stream
	refused *refusals

	mu       sync.Mutex // guards the rest
	listener net.Listener
	http     *http.Server
}

// New makes the admin API of a node. It serves nothing before Start.
func New(n Node, log *slog.Logger) *Server {
	return &Server{node: n, log: log, now: time.Now, streams: make(chan struct{}, maxStreams), refused: new(refusals)}
}

// Start listens and serves until Stop. Only loopback addresses are taken: any other demands TLS and tokens.
func (s *Server) Start(address string) error {
	if err := checkAddress(address); err != nil {
		return err
	}
	l, err := net.Listen("tcp", address)
	if err != nil {
		return fmt.Errorf("admin %s: %w", address, err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.listener != nil {
		l.Close()
		return fmt.Errorf("admin %s: the admin API listens on %s already", address, s.listener.Addr())
	}
	ends, cancel := context.WithCancel(context.Background())
	base := context.WithValue(context.Background(), streamsEnd{}, ends)
	s.listener, s.http = l, &http.Server{
		Handler: s.Handler(), ReadHeaderTimeout: headerTimeout, ReadTimeout: bodyTimeout, WriteTimeout: answerTimeout,
		IdleTimeout: idleTimeout, MaxHeaderBytes: maxHeader, BaseContext: func(net.Listener) context.Context { return base },
		ErrorLog: slog.NewLogLogger(s.log.Handler(), slog.LevelDebug),
	}
	s.http.RegisterOnShutdown(cancel) // of event streams only: a write must not lose its answer
	go func(h *http.Server) {
		if err := h.Serve(limit(l, maxConns)); !errors.Is(err, http.ErrServerClosed) {
			s.log.Error("the admin API stopped serving", "address", address, "error", err)
		}
	}(s.http)
	s.log.Info("the admin API listens", "address", l.Addr().String())
	return nil
}

// Addr is where the API listens, nil if it does not.
func (s *Server) Addr() net.Addr {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.listener == nil {
		return nil
	}
	return s.listener.Addr()
}

// Stop ends event streams, lets other requests end until the context does, and frees the address. A stopped Server
// may be started again.
func (s *Server) Stop(ctx context.Context) error {
	s.mu.Lock()
	h := s.http
	s.listener, s.http = nil, nil
	s.mu.Unlock()
	if h == nil {
		return nil
	}
	if err := h.Shutdown(ctx); err != nil {
		h.Close()
		return fmt.Errorf("stop the admin API: %w", err)
	}
	return nil
}

func checkAddress(address string) error {
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		return fmt.Errorf("admin %q is no HOST:PORT", address)
	}
	if !loopback(host) {
		return fmt.Errorf("admin %q: without TLS and tokens the admin API listens on loopback addresses only; use 127.0.0.1 or [::1], and ssh to reach it from elsewhere", address)
	}
	return nil
}

func loopback(host string) bool {
	if host == "localhost" {
		return true
	}
	ip, err := netip.ParseAddr(strings.Trim(host, "[]"))
	return err == nil && ip.IsLoopback()
}

// Handler is the whole API, for a server of one's own.
func (s *Server) Handler() http.Handler {
	mux := http.NewServeMux()
	for _, r := range routes() {
		mux.Handle(r.method+" "+r.path, s.handler(&r))
	}
	for path, methods := range methodsByPath() {
		mux.HandleFunc(path, func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Allow", methods)
			s.fail(w, r, &api.Problem{Status: http.StatusMethodNotAllowed, Code: api.CodeNotAllowed, Detail: fmt.Sprintf("%s takes %s, not %s", r.URL.Path, methods, r.Method)})
		})
	}
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		s.fail(w, r, notFound("", "there is no %s here; /v1/openapi.json lists what there is", r.URL.Path))
	})
	return s.guard(mux)
}

func methodsByPath() map[string]string {
	out := map[string]string{}
	for _, r := range routes() {
		if out[r.path] != "" {
			out[r.path] += ", "
		}
		out[r.path] += r.method
	}
	return out
}

func (s *Server) handler(r *route) http.Handler {
	params := r.all()
	serve := *r
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		err := checkQuery(r.URL.Query(), params)
		switch {
		case err != nil:
			s.fail(w, r, err)
		case serve.special != nil:
			serve.special(s, w, r)
		case serve.write != nil:
			s.serveWrite(w, r, serve.write)
		case serve.path == "/v1/events" && strings.Contains(r.Header.Get("Accept"), api.EventStream):
			s.serveStream(w, r)
		default:
			s.serveRead(w, r, serve.read)
		}
	})
}

// guard refuses what a browser sends on behalf of another site. Without tokens the loopback address is all the
// protection there is, and a foreign name that resolves to it (DNS rebinding), or a form on a foreign page, gets past.
func (s *Server) guard(next http.Handler) http.Handler {
	origin := http.NewCrossOriginProtection()
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		host := r.Host
		if h, _, err := net.SplitHostPort(host); err == nil {
			host = h
		}
		if !loopback(host) {
			s.refused.host.Add(1)
			s.fail(w, r, &api.Problem{Status: http.StatusForbidden, Code: api.CodeNotAllowed, Detail: fmt.Sprintf("the Host %q is not a loopback address; without tokens no other is taken", r.Host)})
			return
		}
		if err := origin.Check(r); err != nil {
			s.refused.origin.Add(1)
			s.fail(w, r, &api.Problem{Status: http.StatusForbidden, Code: api.CodeNotAllowed, Detail: "the request comes from another site's page"})
			return
		}
		next.ServeHTTP(w, r)
	})
}
