package raftstore

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"time"

	"github.com/hashicorp/raft"

	"failoverdns/state"
	"failoverdns/token"
)

const (
	pathJoin  = "/raftstore/v1/join"  // of a node that is no member, behind the door
	pathAdmit = "/raftstore/v1/admit" // the same, handed on to the leader by a member
	// pathListed is of a node that was a member, behind the door.
	pathListed = "/raftstore/v1/listed"
	// maxJoinRequest bounds what a stranger may send, in bytes.
	maxJoinRequest = 8 << 10
)

// joinRequest is what a node says that wants to join.
type joinRequest struct {
	ID          string     `json:"id"`
	Incarnation string     `json:"incarnation"`
	Address     string     `json:"address"` // HOST:PORT to dial it at
	Role        state.Role `json:"role"`
	Level       int        `json:"level"`
	Token       string     `json:"token"` // ID
	Secret      string     `json:"secret"`
}

// joinAnswer is what it hears: the members, or why not.
type joinAnswer struct {
	Members []Peer         `json:"members,omitempty"`
	Decided uint64         `json:"decided,omitempty"` // as in hello: who knows less may not know of the new member
	Refusal *state.Refusal `json:"refusal,omitempty"`
	Fault   string         `json:"fault,omitempty"` // nothing was decided; it may ask again
}

// newJoinServer serves those who came in by the door.
func (s *Store) newJoinServer() *http.Server {
	mux := http.NewServeMux()
	mux.HandleFunc("POST "+pathJoin, s.serveJoin)
	mux.HandleFunc("POST "+pathListed, s.serveListed)
	h := &http.Server{
		Handler:           http.MaxBytesHandler(mux, maxJoinRequest),
		ReadHeaderTimeout: handshakeTimeout,
		ReadTimeout:       handshakeTimeout,
		WriteTimeout:      callTimeout,
		MaxHeaderBytes:    maxJoinRequest,
		ErrorLog:          slog.NewLogLogger(s.log.Handler(), slog.LevelDebug),
		ConnContext: func(ctx context.Context, c net.Conn) context.Context {
			return context.WithValue(context.WithValue(ctx, guestKey{}, c), callerKey{}, c.(*guest).peer)
		},
	}
	h.SetKeepAlivesEnabled(false)
	return h
}

type guestKey struct{}

func (s *Store) serveJoin(w http.ResponseWriter, r *http.Request) {
	q, ok := readJoin(w, r)
	if !ok {
		return
	}
	if id := Caller(r.Context()); q.ID != id {
		answerJSON(w, joinAnswer{Refusal: refusal(state.RefusedInvalid, "the certificate is that of node %q, not of %q", id, q.ID)})
		return
	}
	a := s.admitNode(r.Context(), q)
	if g, ok := r.Context().Value(guestKey{}).(*guest); ok && a.Refusal == nil {
		g.heard.Store(true)
	}
	answerJSON(w, a)
}

func (s *Store) serveAdmit(w http.ResponseWriter, r *http.Request) {
	if q, ok := readJoin(w, r); ok {
		answerJSON(w, s.admitHere(r.Context(), q))
	}
}

func readJoin(w http.ResponseWriter, r *http.Request) (q joinRequest, ok bool) {
	if err := json.NewDecoder(r.Body).Decode(&q); err != nil {
		http.Error(w, "the request to join cannot be read", http.StatusBadRequest)
		return q, false
	}
	return q, true
}

// admitNode has the leader decide, and waits for one if there is none for the moment.
func (s *Store) admitNode(ctx context.Context, q joinRequest) joinAnswer {
	giveUp := time.Now().Add(leaderWait)
	for {
		a := s.admitOnce(ctx, q)
		if a.Fault == "" || time.Now().After(giveUp) || s.breathe(ctx) != nil {
			return a
		}
	}
}

func (s *Store) admitOnce(ctx context.Context, q joinRequest) (a joinAnswer) {
	switch id, _, self := s.Leader(); {
	case self:
		return s.admitHere(ctx, q)
	case id == "" || id == s.cfg.ID:
		return joinAnswer{Fault: "the cluster has no leader now"}
	default:
		if err := s.Call(ctx, id, http.MethodPost, pathAdmit, q, &a); err != nil {
			return joinAnswer{Fault: err.Error()}
		}
		return a
	}
}

// admitHere lets a node in, on this leader: its token first, then its place in Raft's configuration, without a vote.
func (s *Store) admitHere(ctx context.Context, q joinRequest) joinAnswer {
	if err := s.changes.take(ctx); err != nil {
		return joinAnswer{Fault: err.Error()}
	}
	defer s.changes.pass()
	r, _, ok := s.leading()
	if !ok {
		return joinAnswer{Fault: errNotHere.Error()}
	}
	hash, refused := s.checkJoin(&q)
	if refused != nil {
		s.log.Warn("a node that wants to join is refused", "node", q.ID, "reason", refused.Text)
		return joinAnswer{Refusal: refused}
	}
	admit := &state.Admit{Node: q.ID, Incarnation: q.Incarnation, Address: q.Address, Role: q.Role, Token: q.Token, Hash: hash, Level: q.Level}
	switch out, err := s.proposeHere(ctx, state.Command{Header: state.Header{Node: s.cfg.ID}, Body: admit}); {
	case err != nil:
		return joinAnswer{Fault: err.Error()}
	case out.Refusal != nil:
		s.log.Warn("a node that wants to join is refused", "node", q.ID, "reason", out.Refusal.Text)
		return joinAnswer{Refusal: out.Refusal}
	}
	if s.memberAddress(q.ID) != q.Address {
		if err := await(ctx, r.AddNonvoter(raft.ServerID(q.ID), raft.ServerAddress(q.Address), 0, configTimeout)); err != nil {
			return joinAnswer{Fault: fmt.Sprintf("the membership did not change: %v", err)}
		}
	}
	s.log.Info("a node joins", "node", q.ID, "address", q.Address, "role", q.Role)
	return joinAnswer{Members: s.whereabouts(), Decided: s.decided()}
}

// checkJoin looks at what must be right before anything is written, and gives the hash of the secret. A wrong secret
// leaves no entry in the log.
func (s *Store) checkJoin(q *joinRequest) (hash string, refused *state.Refusal) {
	t, err := token.Of(q.Token, q.Secret)
	known, ok := s.State().Tokens.Get(q.Token)
	if err != nil || !ok || !t.Matches(known.Hash) {
		return "", refusal(state.RefusedNotFound, "there is no such token; failoverctl token create --join makes one")
	}
	if !isAddress(q.Address) || len(q.Incarnation) != len(randomID()) {
		return "", refusal(state.RefusedInvalid, "the address %.80q is no HOST:PORT that others can dial", q.Address)
	}
	return t.Hash(), nil
}
