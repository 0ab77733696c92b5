package raftstore

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"time"
)

const (
	// maxCall bounds a call's request and answer, in bytes: a command of 256 KiB with room to spare.
	maxCall = 4 << 20
	// callTimeout bounds a call whose context has no earlier end.
	callTimeout = 30 * time.Second
	// idleCalls is how long a client keeps an idle connection; servers keep theirs longer, so that the client is the
	// one that closes.
	idleCalls = 45 * time.Second

	pathHello    = "/raftstore/v1/hello"
	pathPropose  = "/raftstore/v1/propose"
	pathStanding = "/raftstore/v1/standing"
)

// CallError is an answer of another node that is no success.
type CallError struct {
	Node   string
	Status int    // HTTP
	Text   string // what the node said, shortened
}

func (e *CallError) Error() string {
	return fmt.Sprintf("node %q answered %d %s: %s", e.Node, e.Status, http.StatusText(e.Status), e.Text)
}

// unreached is a call that never arrived.
type unreached struct{ error }

func (u unreached) Unwrap() error { return u.error }

type callerKey struct{}

// Caller is the node ID of the member whose call this is the request context of.
func Caller(ctx context.Context) string {
	id, _ := ctx.Value(callerKey{}).(string)
	return id
}

// newCallServer serves calls. Only a member gets past the store's own calls to next.
func (s *Store) newCallServer(next http.Handler) *http.Server {
	mux := http.NewServeMux()
	mux.HandleFunc("POST "+pathHello, s.serveHello)
	mux.HandleFunc("POST "+pathPropose, s.members(http.HandlerFunc(s.servePropose)))
	mux.HandleFunc("GET "+pathStanding, s.members(http.HandlerFunc(s.serveStanding)))
	mux.HandleFunc("POST "+pathAdmit, s.members(http.HandlerFunc(s.serveAdmit)))
	mux.HandleFunc("POST "+pathChange, s.members(http.HandlerFunc(s.serveChange)))
	mux.HandleFunc("/", s.members(next))
	return &http.Server{
		Handler:           http.MaxBytesHandler(mux, maxCall),
		ReadHeaderTimeout: 5 * time.Second,
		ReadTimeout:       callTimeout,
		WriteTimeout:      2 * callTimeout,
		IdleTimeout:       2 * idleCalls,
		MaxHeaderBytes:    16 << 10,
		ErrorLog:          slog.NewLogLogger(s.log.Handler(), slog.LevelDebug),
		ConnContext: func(ctx context.Context, c net.Conn) context.Context {
			return context.WithValue(ctx, callerKey{}, c.(*peerConn).peer)
		},
	}
}

// members lets members pass.
func (s *Store) members(next http.Handler) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if id := Caller(r.Context()); !s.isMember(id) {
			http.Error(w, fmt.Sprintf("node %q is no member of this cluster", id), http.StatusForbidden)
			return
		}
		next.ServeHTTP(w, r)
	}
}

// newCallClient makes the client of calls: a URL's host is a node ID.
func (s *Store) newCallClient() *http.Client {
	return &http.Client{Transport: &http.Transport{
		DialContext: func(ctx context.Context, _, hostPort string) (net.Conn, error) {
			id, _, _ := strings.Cut(hostPort, ":")
			ctx, cancel := context.WithCancel(ctx)
			defer cancel()
			defer context.AfterFunc(s.ctx, cancel)() // net/http lets a dial outlive its call, but not this Store
			c, err := s.dial(ctx, id, protocolCalls)
			if err != nil {
				return nil, unreached{err}
			}
			return c, nil
		},
		MaxIdleConnsPerHost:    2,
		MaxConnsPerHost:        16,
		IdleConnTimeout:        idleCalls,
		MaxResponseHeaderBytes: 16 << 10,
		DisableCompression:     true,
	}}
}

// Call asks another node: in is sent as JSON (nothing, if nil), and the answer read into out (ignored, if nil). An
// answer that is no success is a *CallError.
func (s *Store) Call(ctx context.Context, nodeID, method, path string, in, out any) error {
	var body []byte
	if in != nil {
		b, err := json.Marshal(in)
		if err != nil {
			return fmt.Errorf("call node %q: %w", nodeID, err)
		}
		body = b
	}
	answer, err := s.call(ctx, nodeID, method, path, "application/json", body)
	if err != nil {
		return err
	}
	if out == nil {
		return nil
	}
	if err := json.Unmarshal(answer, out); err != nil {
		return fmt.Errorf("call node %q: its answer to %s %s: %w", nodeID, method, path, err)
	}
	return nil
}

func (s *Store) call(ctx context.Context, nodeID, method, path, contentType string, body []byte) ([]byte, error) {
	switch {
	case s.port == nil:
		return nil, unreached{fmt.Errorf("call node %q: this node is on its own", nodeID)}
	case nodeID == s.cfg.ID:
		return nil, unreached{fmt.Errorf("call node %q: that is this node", nodeID)}
	}
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, method, "http://"+nodeID+path, bytes.NewReader(body))
	if err != nil {
		return nil, unreached{fmt.Errorf("call node %q: %w", nodeID, err)}
	}
	req.Header.Set("Content-Type", contentType)
	res, err := s.client.Do(req)
	if err != nil {
		return nil, fmt.Errorf("call node %q: %w", nodeID, errors.Unwrap(err)) // without the made-up URL
	}
	defer res.Body.Close()
	answer, err := io.ReadAll(io.LimitReader(res.Body, maxCall))
	if err != nil {
		return nil, fmt.Errorf("call node %q: read its answer: %w", nodeID, err)
	}
	if res.StatusCode/100 != 2 {
		return nil, &CallError{nodeID, res.StatusCode, strings.TrimSpace(string(answer[:min(len(answer), 500)]))}
	}
	return answer, nil
}

func answerJSON(w http.ResponseWriter, v any) {
	w.Header().Set("Content-Type", "application/json")
	// The client is a node that reads what it asked for; if it went away there is nobody to tell.
	_ = json.NewEncoder(w).Encode(v)
}
