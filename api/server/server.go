package server

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"failoverdns/api"
	"failoverdns/node"
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
	node     Node
	log      *slog.Logger
	now      func() time.Time // wall clock
	streams  chan struct{}    // one for each open event stream
	refused  *refusals
	door     atomic.Pointer[door]
	noting   chan struct{} // held while the use of a token is being noted
	failures failures
	noted    atomic.Int64 // when a forbidden request was last put into the audit trail, as nanoseconds

	mu       sync.Mutex // guards the rest
	listener net.Listener
	http     *http.Server
	stop     context.CancelFunc // of what watches the door's files
}

// New makes the admin API of a node. It serves nothing before Start.
func New(n Node, log *slog.Logger) *Server {
	s := &Server{node: n, log: log, now: time.Now, streams: make(chan struct{}, maxStreams), refused: new(refusals), noting: make(chan struct{}, 1)}
	s.door.Store(new(door))
	return s
}

// Start listens and serves until Stop. Without tokens or certificates of clients only loopback addresses are taken.
func (s *Server) Start(c node.AdminConfig) error {
	d, err := newDoor(c)
	if err != nil {
		return err
	}
	l, err := net.Listen("tcp", d.address)
	if err != nil {
		return fmt.Errorf("admin %s: %w", d.address, err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.listener != nil {
		l.Close()
		return fmt.Errorf("admin %s: the admin API listens on %s already", d.address, s.listener.Addr())
	}
	s.door.Store(d)
	ends, cancel := context.WithCancel(context.Background())
	base := context.WithValue(context.Background(), streamsEnd{}, ends)
	s.listener, s.http = l, &http.Server{
		Handler: s.Handler(), ReadHeaderTimeout: headerTimeout, ReadTimeout: bodyTimeout, WriteTimeout: answerTimeout,
		IdleTimeout: idleTimeout, MaxHeaderBytes: maxHeader, BaseContext: func(net.Listener) context.Context { return base },
		ErrorLog: slog.NewLogLogger(s.log.Handler(), slog.LevelDebug),
	}
	s.http.RegisterOnShutdown(cancel) // of event streams only: a write must not lose its answer
	go func(h *http.Server) {
		if err := h.Serve(&doorway{limit(l, maxConns, maxConnsEach), s}); !errors.Is(err, http.ErrServerClosed) {
			s.log.Error("the admin API stopped serving", "address", d.address, "error", err)
		}
	}(s.http)
	watched, stop := context.WithCancel(context.Background())
	s.stop = stop
	go s.watch(watched)
	s.log.Info("the admin API listens", "address", l.Addr().String(), "tls", d.tls != nil, "lets in", d.words())
	return nil
}

// Reopen changes how one gets in, at the same address; what was open stays so until its next request.
func (s *Server) Reopen(c node.AdminConfig) error {
	d, err := newDoor(c)
	if err != nil {
		return err
	}
	s.door.Store(d)
	s.log.Info("the admin API has a new configuration", "address", d.address, "tls", d.tls != nil, "lets in", d.words())
	return nil
}

// filePoll is how often certificates and tokens are looked at, as a node's other files are.
const filePoll = 5 * time.Second

// watch keeps up with the door's files, and warns before its certificate ends.
func (s *Server) watch(ctx context.Context) {
	t := time.NewTicker(filePoll)
	defer t.Stop()
	var warned time.Time
	for {
		if at, soon := s.door.Load().ending(s.now()); soon && s.now().Sub(warned) >= warnEvery {
			warned = s.now()
			s.log.Warn("the admin API's certificate ends soon, or has ended; a new one in the same files is taken without a restart", "ends", at)
		}
		select {
		case <-ctx.Done():
			return
		case <-t.C:
			s.door.Load().reload(s.log)
		}
	}
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
	stop := s.stop
	s.listener, s.http = nil, nil
	s.mu.Unlock()
	if h == nil {
		return nil
	}
	stop()
	if err := h.Shutdown(ctx); err != nil {
		h.Close()
		return fmt.Errorf("stop the admin API: %w", err)
	}
	return nil
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
		if refusal := s.allows(&serve, r); refusal != nil {
			err = refusal
		}
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

// allows says whether whoever asks may do what the route does, where it asks it. What a write reaches is known later.
func (s *Server) allows(t *route, r *http.Request) error {
	who := identityOf(r)
	err := who.may(t)
	switch {
	case err != nil:
	case t.names != nil:
		err = who.mayReach(t.names(s.node.State(), r, r.URL.Query()))
	case t.method != http.MethodGet && t.write == nil:
		err = who.mayReach(everywhere)
	}
	if err != nil {
		s.refused.add(refusedRole)
		s.note(r, err)
	}
	return err
}

// guard lets in who may come in, and refuses what a browser sends on behalf of another site. Where nobody has to say who
// they are, the loopback address is all the protection there is, and a foreign name that resolves to it (DNS
// rebinding), or a form on a foreign page, gets past.
func (s *Server) guard(next http.Handler) http.Handler {
	origin := http.NewCrossOriginProtection()
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		d := s.door.Load()
		if d.tls != nil && r.TLS == nil {
			s.turnAway(w, r, &stranger{refusedClear, errClear.Error()})
			return
		}
		if d.open() && !loopback(hostOf(r)) {
			s.refused.add(refusedHost)
			s.fail(w, r, &api.Problem{Status: http.StatusForbidden, Code: api.CodeNotAllowed, Detail: fmt.Sprintf("the Host %q is not a loopback address; without tokens no other is taken", r.Host)})
			return
		}
		who, why := s.identify(r)
		if why != nil {
			s.turnAway(w, r, why)
			return
		}
		if err := origin.Check(r); err != nil {
			s.refused.add(refusedOrigin)
			s.fail(w, r, &api.Problem{Status: http.StatusForbidden, Code: api.CodeNotAllowed, Detail: "the request comes from another site's page"})
			return
		}
		next.ServeHTTP(w, r.WithContext(who.in(r.Context())))
	})
}

func hostOf(r *http.Request) string {
	if h, _, err := net.SplitHostPort(r.Host); err == nil {
		return h
	}
	return r.Host
}
