package server

import (
	"context"
	"net/http"
	"time"

	"failoverdns/state"
)

const (
	// noteEvery is how often at most a node puts a forbidden request into the audit trail: the trail is bounded, and a
	// script with the wrong token must not push everything else out of it. All are counted besides.
	noteEvery = time.Second
	// forbiddenTimeout bounds the wait for it; a request is refused all the same.
	forbiddenTimeout = 2 * time.Second
)

// note puts into the audit trail that somebody who is known asked to change what their role or zones do not let them.
func (s *Server) note(r *http.Request, refusal error) {
	who := identityOf(r)
	if who.kind == "" || r.Method == http.MethodGet || r.Method == http.MethodHead || !s.mayNote() {
		return
	}
	author, err := who.author("")
	if err != nil {
		return
	}
	ctx, cancel := context.WithTimeout(r.Context(), forbiddenTimeout)
	defer cancel()
	n := state.Note{Action: r.Method + " " + r.URL.Path, Outcome: "forbidden", Text: refusal.Error()}.Fitting()
	if _, err := s.node.Propose(ctx, state.Command{Header: state.Header{Author: author, Node: s.node.Status().ID, Source: source(r)}, Body: n}); err != nil {
		s.log.Warn("a forbidden request is not in the audit trail", "author", author, "source", source(r), "request", n.Action, "error", err)
	}
}

// mayNote says whether the last note is long enough ago.
func (s *Server) mayNote() bool {
	now, last := s.now().UnixNano(), s.noted.Load()
	return now-last >= int64(noteEvery) && s.noted.CompareAndSwap(last, now)
}
