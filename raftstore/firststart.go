package raftstore

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/hashicorp/raft"
)

const (
	helloTimeout = 2 * time.Second
	helloPause   = 500 * time.Millisecond // and up to twice that
)

// Keys of the stable store; Raft has its own beside them.
var (
	keyID          = []byte("failover/id")
	keyIncarnation = []byte("failover/incarnation")
	keyGenesis     = []byte("failover/genesis")
	keyTerm        = []byte("CurrentTerm") // Raft's
)

// firstStart says hello until it is clear how this node begins, or the store stops. An error is one of the disk.
func (s *Store) firstStart(d *disk) error {
	if s.cfg.Join != nil {
		s.joinFirst()
		return nil
	}
	last, began := "", time.Now()
	for s.ctx.Err() == nil && !s.isSettled() { // an operator may have it join meanwhile
		me := s.hello()
		v := decide(me, s.askAll(me.Peers))
		if len(me.Peers) == 1 && v.move == moveBootstrap {
			v = s.unlessSought(v, began)
		}
		switch v.move {
		case moveFollow:
			s.log.Info("the cluster lists this node: taking its log")
			s.mu.Lock()
			s.settled = true
			s.mu.Unlock()
			return nil
		case moveBootstrap:
			return s.bootstrap(d, me.Peers, v.genesis)
		case moveWait:
			s.setPhase(PhaseWaiting, "waiting for "+waitIDs(v.waits), v.waits)
		case moveWiped:
			s.setPhase(PhaseWiped, "the cluster knows this node by another data directory: remove it, then join", v.waits)
		}
		if now := waitList(v.waits); now != last {
			s.log.Info("the first start waits", "for", now)
			last = now
		}
		select {
		case <-s.ctx.Done():
		case <-s.reloaded:
		case <-time.After(helloPause + rand.N(helloPause)):
		}
	}
	return nil
}

// unlessSought keeps a node from beginning a cluster of one whose list was never added to as the cluster grew, and whose
// disk was then wiped: the leader there dials it several times within two heartbeats.
func (s *Store) unlessSought(v verdict, began time.Time) verdict {
	if by := s.sought.Load(); by != nil {
		return verdict{move: moveWiped, waits: []Wait{{*by, "it takes this node for a member of its cluster: remove it there, then join"}}}
	}
	if time.Since(began) < 2*s.cfg.Timing.Heartbeat {
		return verdict{waits: []Wait{{s.cfg.ID, "it listens for a moment whether a cluster knows it"}}}
	}
	return v
}

// waitIDs names whom a start waits for; the reasons stand beside them in Status.Waiting.
func waitIDs(waits []Wait) string {
	ids := make([]string, len(waits))
	for i, w := range waits {
		ids[i] = w.ID
	}
	return strings.Join(ids, ", ")
}

func waitList(waits []Wait) string {
	out := ""
	for i, w := range waits {
		if i > 0 {
			out += "; "
		}
		out += w.ID + " (" + w.Why + ")"
	}
	return out
}

// bootstrap makes the cluster. The incarnations that took part are on disk first: from the moment at which this node
// has state it must be able to tell a wiped peer from one that was there.
func (s *Store) bootstrap(d *disk, peers []Peer, genesis map[string]string) error {
	b, err := json.Marshal(genesis)
	if err != nil {
		return fmt.Errorf("encode the first incarnations: %w", err)
	}
	if err := d.Set(keyGenesis, b); err != nil {
		return fmt.Errorf("keep the first incarnations: %w", err)
	}
	// A bootstrap that was cut short leaves a term and nothing else (hasState); Raft would take that for state.
	if err := d.SetUint64(keyTerm, 0); err != nil {
		return fmt.Errorf("reset the term: %w", err)
	}
	var c raft.Configuration
	for _, p := range sortedPeers(peers) {
		c.Servers = append(c.Servers, raft.Server{Suffrage: raft.Voter, ID: raft.ServerID(p.ID), Address: raft.ServerAddress(p.Address)})
	}
	if err := raft.BootstrapCluster(s.raftConfig(nil), d, d, s.snaps, nil, c); err != nil {
		return fmt.Errorf("bootstrap: %w", err)
	}
	s.mu.Lock()
	s.genesis, s.settled = genesis, true
	s.mu.Unlock()
	s.log.Info("the cluster begins", "voters", peerList(peers))
	return nil
}

// hello is what this node says of itself.
func (s *Store) hello() hello {
	s.mu.Lock()
	h := hello{ID: s.cfg.ID, Incarnation: s.incarnation, HasState: s.settled, Peers: slices.Clone(s.peers)}
	genesis := s.genesis
	s.mu.Unlock()
	if h.HasState {
		h.Decided = s.decided() // before the lists
		h.Known, h.Members, h.Whereabouts = s.known(genesis), s.listed(), s.whereabouts()
		for _, m := range s.servers() {
			h.Configured = append(h.Configured, m.ID)
			if m.Voter {
				h.Voters = append(h.Voters, m.ID)
			}
		}
		if r := s.raft.Load(); r != nil {
			h.Last = r.LastIndex()
		}
	}
	return h
}

// known is the incarnation of each member, as the state has it, and where it has none as it was at the bootstrap.
// Nobody but members is in it: one that was removed comes back as a stranger.
func (s *Store) known(genesis map[string]string) map[string]string {
	st := s.State()
	if st.Nodes.Len() == 0 {
		return genesis
	}
	out := map[string]string{}
	for id, n := range st.Nodes.All() {
		if n.Incarnation != "" {
			out[id] = n.Incarnation
		} else if g := genesis[id]; g != "" {
			out[id] = g
		}
	}
	return out
}

// askAll says hello to all other peers at once.
func (s *Store) askAll(peers []Peer) map[string]answer {
	var mu sync.Mutex // guards out
	out := map[string]answer{}
	var wg sync.WaitGroup
	for _, p := range peers {
		if p.ID == s.cfg.ID {
			continue
		}
		wg.Go(func() {
			a := s.ask(p.ID)
			mu.Lock()
			defer mu.Unlock()
			out[p.ID] = a
		})
	}
	wg.Wait()
	return out
}

func (s *Store) ask(id string) answer {
	ctx, cancel := context.WithTimeout(s.ctx, helloTimeout)
	defer cancel()
	var h hello
	err := s.Call(ctx, id, http.MethodPost, pathHello, greeting{s.cfg.Advertise}, &h)
	switch {
	case errors.Is(err, context.DeadlineExceeded):
		return answer{err: fmt.Errorf("no answer within %s", helloTimeout)}
	case err != nil:
		return answer{err: err}
	case h.ID != id || h.Incarnation == "":
		return answer{err: fmt.Errorf("it answers as %q, incarnation %q", h.ID, h.Incarnation)}
	}
	s.heardOf(h.Whereabouts)
	return answer{hello: h}
}

func (s *Store) serveHello(w http.ResponseWriter, r *http.Request) {
	var g greeting
	if err := json.NewDecoder(r.Body).Decode(&g); err == nil { // earlier versions say nothing of themselves
		s.heardAddress(Caller(r.Context()), g.Address)
	}
	h := s.hello()
	if id := Caller(r.Context()); h.HasState && !s.isMember(id) {
		h.Removal = removalOf(s.State(), id)
	}
	answerJSON(w, h)
}

// Reload takes a changed list of first voters: while this node waits for them it tries again at once; later only their
// addresses count. A node on its own stays that until it is opened anew.
func (s *Store) Reload(peers []Peer) error {
	if s.port == nil {
		if len(peers) > 0 {
			return errors.New("this node runs on its own; restart it for it to have peers")
		}
		return nil
	}
	if len(peers) == 0 && s.cfg.Join != nil {
		return nil
	}
	if err := checkPeers(s.cfg.ID, peers); err != nil {
		return err
	}
	s.mu.Lock()
	s.peers = slices.Clone(peers)
	s.mu.Unlock()
	select {
	case s.reloaded <- struct{}{}:
	default:
	}
	return nil
}
