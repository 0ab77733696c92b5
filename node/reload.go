package node

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"failoverdns/raftstore"
)

// process is the one node of this process. CoreDNS starts a new instance before it stops the old one, so a new
// configuration is kept pending until the old instance says how the reload went.
var process struct {
	sync.Mutex
	node    *Node
	pending *Config
}

// Acquire gives the process-wide node: it starts it, or keeps the configuration for Commit if it runs already. A
// configuration that a running node cannot take is refused, and everything stays as it was.
func Acquire(cfg Config, p Platform, services ...Service) (*Node, error) {
	process.Lock()
	defer process.Unlock()
	if n := process.node; n != nil {
		if err := n.accepts(&cfg); err != nil {
			return nil, err
		}
		process.pending = &cfg
		return n, nil
	}
	n, err := New(cfg, p, services...)
	if err != nil {
		return nil, err
	}
	if err := n.Start(); err != nil {
		return nil, err
	}
	process.node = n
	return n, nil
}

// Commit puts the pending configuration into force: the reload went through.
func Commit() {
	process.Lock()
	defer process.Unlock()
	if process.node != nil && process.pending != nil {
		process.node.Reload(*process.pending)
	}
	process.pending = nil
}

// Rollback forgets the pending configuration: the reload failed.
func Rollback() {
	process.Lock()
	defer process.Unlock()
	process.pending = nil
}

// stopTimeout bounds the stop: handing over leadership takes one round trip, all else is local.
const stopTimeout = 8 * time.Second

// Shutdown stops the process-wide node, once.
func Shutdown() error {
	process.Lock()
	n := process.node
	process.node = nil
	process.Unlock()
	if n == nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.Background(), stopTimeout)
	defer cancel()
	return n.Stop(ctx)
}

// accepts says which changes need a restart.
func (n *Node) accepts(cfg *Config) error {
	was := n.Config()
	fixed := []struct {
		word, was, is string
	}{
		{"id", was.ID, cfg.ID}, {"data", was.DataDir, cfg.DataDir}, {"listen", was.Listen, cfg.Listen},
		{"advertise", was.Advertise, cfg.Advertise}, {"role", string(was.Role), string(cfg.Role)}, {"timing", string(was.Timing), string(cfg.Timing)},
		{"tls", tlsWords(was.TLS), tlsWords(cfg.TLS)},
	}
	for _, f := range fixed {
		if f.was != f.is {
			return fmt.Errorf("cluster %s changed from %q to %q: that takes a restart; everything stays as it was", f.word, f.was, f.is)
		}
	}
	return nil
}

func tlsWords(t *TLSFiles) string {
	if t == nil {
		return ""
	}
	return t.Cert + " " + t.Key + " " + t.CA
}

// Reload puts a configuration into force that accepts has passed. Raft goes on undisturbed.
func (n *Node) Reload(cfg Config) {
	was := n.Config()
	n.keep(&cfg)
	n.env.Store(n.probeEnv(&cfg))
	n.mu.Lock()
	clear(n.refused)
	n.mu.Unlock()
	if !slices.Equal(was.Peers, cfg.Peers) {
		n.reloadPeers(cfg.Peers)
	}
	for _, s := range n.services {
		if err := s.Reload(n); err != nil {
			n.log.Error("a service did not take the new configuration; it goes on with the old one", "service", s.Name(), "error", err)
		}
	}
	signal(n.checksChanged)
	signal(n.offersChanged)
}

// reloadPeers matters to a node that still waits for its first peers; to others the state's members count.
func (n *Node) reloadPeers(peers []Peer) {
	var list []raftstore.Peer
	for _, p := range peers {
		list = append(list, raftstore.Peer{ID: p.ID, Address: p.Address})
	}
	if err := n.store.Reload(list); err != nil {
		n.log.Error("the changed peer list is not taken", "error", err)
	}
}
