package raftstore

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/hashicorp/raft"

	"failoverdns/raftstore/memnet"
	"failoverdns/record"
	"failoverdns/state"
	"failoverdns/trust"
)

// cluster is nodes ns1, ns2, … of one test, over a network in memory or real sockets.
type cluster struct {
	t       testing.TB
	net     *memnet.Network // nil: TCP
	timing  Timing
	certs   string
	dirs    string
	peers   []Peer
	stores  map[string]*Store
	onApply func(id string, st *state.State, res state.Result)
	calls   func(id string) http.Handler
	openLog func(id string) func(dir string, noSync bool) (logStore, error)
	levels  map[string]int // that nodes say they know

	compaction Compaction
}

func newCluster(t testing.TB, n int, net *memnet.Network, address func(i int) string) *cluster {
	t.Helper()
	c := &cluster{t: t, net: net, timing: WAN, certs: t.TempDir(), dirs: t.TempDir(), stores: map[string]*Store{}}
	if err := trust.InitCA(c.certs); err != nil {
		t.Fatal(err)
	}
	for i := range n {
		id := fmt.Sprintf("ns%d", i+1)
		c.peers = append(c.peers, Peer{id, address(i)})
		c.issue(id)
	}
	return c
}

// memCluster is three nodes 40 ms apart, for virtual time.
func memCluster(t testing.TB) *cluster {
	return newCluster(t, 3, memnet.New(40*time.Millisecond), func(i int) string { return fmt.Sprintf("ns%d:5300", i+1) })
}

func (c *cluster) issue(id string) {
	c.t.Helper()
	if err := trust.Issue(c.certs, c.certs, id, nil, 1000*time.Hour); err != nil {
		c.t.Fatal(err)
	}
}

func (c *cluster) trust(id string) *trust.Files {
	c.t.Helper()
	f, err := trust.Load(filepath.Join(c.certs, id+".pem"), filepath.Join(c.certs, id+"-key.pem"), filepath.Join(c.certs, trust.CAFile))
	if err != nil {
		c.t.Fatal(err)
	}
	return f
}

func (c *cluster) dir(id string) string { return filepath.Join(c.dirs, id) }

func (c *cluster) config(id string) Config {
	cfg := Config{ID: id, Dir: c.dir(id), Peers: c.peers, Trust: c.trust(id), Timing: c.timing, Logger: testLogger(id), NoSync: c.net != nil}
	cfg.Listen = addressOf(c.peers, id)
	cfg.level, cfg.Compaction = c.levels[id], c.compaction
	if c.net != nil {
		cfg.Network = c.net.Host(id)
	}
	if c.openLog != nil {
		cfg.openLog = c.openLog(id)
	}
	if c.onApply != nil {
		cfg.OnApply = func(st *state.State, res state.Result, _ Moment) { c.onApply(id, st, res) }
	}
	if c.calls != nil {
		cfg.Calls = c.calls(id)
	}
	return cfg
}

// open opens a node without starting it.
func (c *cluster) open(id string) *Store {
	c.t.Helper()
	s, err := Open(c.config(id))
	if err != nil {
		c.t.Fatal(err)
	}
	c.stores[id] = s
	return s
}

func (c *cluster) start(ids ...string) {
	c.t.Helper()
	for _, id := range ids {
		c.open(id).Start()
	}
}

func (c *cluster) stop(ids ...string) {
	c.t.Helper()
	for _, id := range ids {
		s := c.stores[id]
		if s == nil {
			continue
		}
		delete(c.stores, id)
		stopStore(c.t, s)
	}
}

// end stops all that runs, at once: the last one would have nobody to hand over to.
func (c *cluster) end() {
	done := make(chan struct{})
	for _, s := range c.stores {
		go func() { stopStore(c.t, s); done <- struct{}{} }()
	}
	for range c.stores {
		<-done
	}
}

func stopStore(t testing.TB, s *Store) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	if err := s.Stop(ctx); err != nil {
		t.Errorf("stop %s: %v", s.ID(), err)
	}
}

// leader waits until one of the nodes leads, and gives it.
func (c *cluster) leader(among ...string) *Store {
	c.t.Helper()
	if len(among) == 0 {
		for _, p := range c.peers {
			among = append(among, p.ID)
		}
	}
	for range 600 {
		for _, id := range among {
			if s := c.stores[id]; s != nil {
				if _, _, self := s.Leader(); self {
					return s
				}
			}
		}
		time.Sleep(100 * time.Millisecond)
	}
	for id, s := range c.stores {
		c.t.Logf("%s: %+v", id, s.Status())
	}
	c.t.Fatal("no leader within a minute")
	return nil
}

// other is a node that runs and is not s.
func (c *cluster) other(s *Store) *Store {
	for _, p := range c.peers {
		if o := c.stores[p.ID]; o != nil && o != s {
			return o
		}
	}
	c.t.Fatal("no other node")
	return nil
}

func (c *cluster) except(id string) []string {
	var out []string
	for _, p := range c.peers {
		if p.ID != id {
			out = append(out, p.ID)
		}
	}
	return out
}

// announce is a command that changes the state visibly: version is anything.
func announce(s *Store, node, version string) state.Command {
	n, _ := s.State().Nodes.Get(node)
	incarnation := s.Incarnation()
	if n != nil && n.Incarnation != "" {
		incarnation = n.Incarnation
	}
	return state.Command{Body: &state.Announce{ID: node, Incarnation: incarnation, Role: state.Voter, Probe: true, Version: version}}
}

// declare changes the answers of a zone.
func declare(s *Store, serial int) state.Command {
	zone := record.MustParseName("example.com")
	soa := state.SOA{TTL: 60, MName: record.MustParseName("ns1.example.com"), RName: record.MustParseName("hostmaster.example.com"), Serial: uint32(serial), Refresh: 3600, Retry: 600, Expire: 86400, Minimum: 60}
	return state.Command{Body: &state.Declare{Node: s.ID(), Incarnation: s.Incarnation(), Declarations: []*state.Declaration{{Zone: zone, Source: "Corefile:1", SOA: soa, NoQuorum: state.NoQuorum{Mode: state.NoQuorumHold}}}}}
}

func version(s *Store, node string) string {
	n, ok := s.State().Nodes.Get(node)
	if !ok {
		return ""
	}
	return n.Version
}

func mustPropose(t testing.TB, s *Store, c state.Command) Outcome {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	out, err := s.Propose(ctx, c)
	if err != nil {
		t.Fatalf("propose by way of %s: %v; %+v", s.ID(), err, s.Status())
	}
	if out.Refusal != nil {
		t.Fatalf("propose by way of %s: refused: %v", s.ID(), out.Refusal)
	}
	return out
}

// eventually waits for something that needs no event to wait on.
func eventually(t testing.TB, what string, is func() bool) {
	t.Helper()
	for range 600 {
		if is() {
			return
		}
		time.Sleep(50 * time.Millisecond)
	}
	t.Fatalf("it did not come to pass in 30 s: %s", what)
}

func testLogger(id string) *slog.Logger {
	if os.Getenv("RAFTSTORE_LOG") == "" {
		return slog.New(slog.DiscardHandler)
	}
	return slog.New(slog.NewTextHandler(io.Writer(os.Stderr), &slog.HandlerOptions{Level: slog.LevelDebug})).With("node", id)
}

func raftID(id string) raft.ServerID          { return raft.ServerID(id) }
func raftAddress(a string) raft.ServerAddress { return raft.ServerAddress(a) }
