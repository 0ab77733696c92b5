package raftstore

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"time"

	"failoverdns/state"
	"failoverdns/token"
	"failoverdns/trust"
)

// JoinAt is how a node without state gets into a running cluster.
type JoinAt struct {
	Address   string // HOST:PORT of any member
	TokenFile string // a join token, see token.ParseJoin; read anew for each try
}

const (
	// joinTimeout bounds one try: the members may have to elect a leader first.
	joinTimeout = leaderWait + configTimeout + handshakeTimeout
	// refusedPause is between tries after a refusal, which only a person can change.
	refusedPause = 10 * time.Second
)

// errRefusedJoin is a decision: asking again with the same token changes nothing.
type errRefusedJoin struct{ *state.Refusal }

// joinFirst is the first start of a node that joins: it asks until it is let in, or the store stops.
func (s *Store) joinFirst() {
	last := ""
	for s.ctx.Err() == nil && !s.isSettled() {
		err := s.joinByFile()
		if err == nil {
			return
		}
		phase, pause := PhaseWaiting, helloPause+rand.N(helloPause)
		var refused errRefusedJoin
		if errors.As(err, &refused) {
			if pause = refusedPause; refused.Code == state.RefusedWiped {
				phase = PhaseWiped
			}
		}
		s.setPhase(phase, "this node is not let into the cluster: "+err.Error(), []Wait{{s.cfg.Join.Address, err.Error()}})
		if now := err.Error(); now != last {
			s.log.Warn("this node is not let into the cluster yet", "by", s.cfg.Join.Address, "reason", now)
			last = now
		}
		select {
		case <-s.ctx.Done():
		case <-s.reloaded:
		case <-time.After(pause):
		}
	}
}

func (s *Store) joinByFile() error {
	b, err := os.ReadFile(s.cfg.Join.TokenFile)
	if err != nil {
		return fmt.Errorf("read the join token: %w", err)
	}
	t, err := token.ParseJoin(string(b))
	if err != nil {
		return fmt.Errorf("%q: %w", s.cfg.Join.TokenFile, err)
	}
	return s.Join(s.ctx, s.cfg.Join.Address, t)
}

// JoinBy is Join with a token as its file has it.
func (s *Store) JoinBy(ctx context.Context, address, words string) error {
	t, err := token.ParseJoin(words)
	if err != nil {
		return err
	}
	return s.Join(ctx, address, t)
}

// Join asks the cluster at an address to let this node in. It is for a node that waits, whose disk was wiped, or that
// was removed; a first start that is under way goes on by itself then.
func (s *Store) Join(ctx context.Context, address string, t *token.Join) error {
	if err := s.mayJoin(t); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, joinTimeout)
	defer cancel()
	a, err := s.askToJoin(ctx, address, t)
	switch {
	case err != nil:
		return fmt.Errorf("ask %s to join: %w", address, err)
	case a.Refusal != nil:
		return errRefusedJoin{a.Refusal}
	case a.Fault != "":
		return fmt.Errorf("ask %s to join: %s", address, a.Fault)
	}
	s.log.Info("the cluster lets this node in: taking its log", "members", peerList(a.Members))
	for _, m := range a.Members {
		s.vouched.add(m.ID)
	}
	s.mu.Lock()
	s.awaited.Store(!s.settled) // a snapshot from before, which comes first, lists others only
	s.sponsors, s.settled = a.Members, true
	s.mu.Unlock()
	s.letIn.Store(a.Decided)
	s.removed.Store(false)
	select {
	case s.reloaded <- struct{}{}:
	default:
	}
	return nil
}

// aloneWayOut is what a node does that runs on its own and is to be in a cluster.
const aloneWayOut = "give it a certificate (failoverctl cert issue ID), in its Corefile cluster { id ID  listen HOST:PORT  tls CERT KEY CA  join HOST:PORT TOKEN-FILE }, and an empty data directory; docs/cluster.md shows each step"

// mayJoin says why this node cannot join as it is.
func (s *Store) mayJoin(t *token.Join) error {
	s.mu.Lock()
	phase, detail, settled := s.phase, s.detail, s.settled
	s.mu.Unlock()
	role := state.Role(t.Role)
	switch {
	case s.port == nil:
		return errors.New("this node runs on its own and has no port for other nodes: " + aloneWayOut)
	case phase == PhaseDamaged:
		return errors.New(detail)
	case role != s.cfg.Role:
		return fmt.Errorf("the token lets a %s in, and this node is a %s: write role %s in its Corefile and restart it, or make another token", role, s.cfg.Role, role)
	case settled && !s.isOutside():
		return errors.New("this node is in a cluster already: failoverctl cluster members shows it")
	}
	return nil
}

// isOutside says whether this node, though it has state, is no member any more.
func (s *Store) isOutside() bool {
	return s.removed.Load() || len(s.servers()) > 0 && s.memberAddress(s.cfg.ID) == ""
}

// askToJoin makes the call of a node that wants to be a member.
func (s *Store) askToJoin(ctx context.Context, address string, t *token.Join) (a joinAnswer, err error) {
	raw, err := s.cfg.Network.Dial(ctx, address)
	if err != nil {
		return a, err
	}
	defer raw.Close()
	defer context.AfterFunc(ctx, func() { raw.Close() })()
	c := tls.Client(raw, s.cfg.Trust.JoinConfig(trust.Pin(t.Pin), protocolJoin))
	if err := c.HandshakeContext(ctx); err != nil {
		return a, err
	}
	q := joinRequest{ID: s.cfg.ID, Incarnation: s.Incarnation(), Address: s.cfg.Advertise, Role: s.cfg.Role,
		Level: s.cfg.level, Token: t.ID, Secret: t.Secret()}
	if err := askOnce(ctx, c, pathJoin, q, &a); err != nil {
		return a, err
	}
	if a.Refusal == nil && a.Fault == "" && len(a.Members) == 0 {
		return a, errors.New("its answer names no members")
	}
	return a, nil
}

// askOnce makes the one call for which a connection through the door is good.
func askOnce(ctx context.Context, c net.Conn, path string, in, out any) error {
	body, err := json.Marshal(in)
	if err != nil {
		return err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://door"+path, bytes.NewReader(body))
	if err != nil {
		return err
	}
	if err := req.Write(c); err != nil {
		return fmt.Errorf("the door is shut: %w", err)
	}
	res, err := http.ReadResponse(bufio.NewReader(io.LimitReader(c, maxCall)), req)
	if err != nil {
		return fmt.Errorf("no answer: %w", err)
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusOK {
		text, _ := io.ReadAll(io.LimitReader(res.Body, 200)) // only to say more
		return fmt.Errorf("it answers %s: %s", res.Status, bytes.TrimSpace(text))
	}
	if err := json.NewDecoder(res.Body).Decode(out); err != nil {
		return fmt.Errorf("its answer: %w", err)
	}
	return nil
}
