// Package node is the one process-wide node: it builds the parts and ties them together, and outlives Corefile
// reloads. It knows no Caddy and no Corefile syntax; parts that stand above it (the admin API, a listener) are handed
// in as services.
//
// The way through it: the store applies a command and calls applied, on its own goroutine and in log order; that
// swaps the zones' images at once and wakes the others. Seven goroutines belong to the node: probing keeps the
// scheduler at what the state says, contact keeps the leader informed of this node, offering gets the declarations of
// its Corefile into the state, leading does the leader's duties while this node leads, watch looks whether there is a
// leader, emergency reads the local emergency file, memory gives
// back what a large zone's load took. The ballot has one of its own.
//
// What is answered is the replicated state, but where words of this node alone stand above it: the emergency file, and
// the rules for the time without a quorum. The type answering owns the images, behind one mutex, and makes a view of
// the state by those words.
package node

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"failoverdns/ballot"
	"failoverdns/duties"
	"failoverdns/health"
	"failoverdns/probes"
	"failoverdns/raftstore"
	"failoverdns/record"
	"failoverdns/state"
	"failoverdns/trust"
	"failoverdns/webhook"
	"failoverdns/zone"
)

// Platform is what a node stands on. The zero value is the real world; tests put in a network and a probe of theirs.
type Platform struct {
	Network  raftstore.Network
	Probe    func(context.Context, probes.Target) probes.Result
	Resolver probes.Resolver                  // nil: the configured ones, or the system's
	NoSync   bool                             // tests only: commit without fsync
	Applied  func(*state.State, state.Result) // tests only: told of each applied command, after the answers have moved
	Log      *slog.Logger

	Compaction raftstore.Compaction // tests only: logs so short that snapshots take their place
}

// Node is a running node. All exported methods may be called from any goroutine.
type Node struct {
	platform Platform
	log      *slog.Logger
	boot     string
	services []Service

	cfg    atomic.Pointer[Config]
	env    atomic.Pointer[probes.Env]
	store  *raftstore.Store
	trust  *trust.Files // nil for a node on its own
	zones  *zone.Set
	ballot *ballot.Ballot

	answering *answering
	duties    *duties.Duties
	probing   *probes.Scheduler

	checksChanged chan struct{}
	offersChanged chan struct{}
	contactNow    chan struct{}
	grown         chan struct{}

	mu        sync.Mutex
	changed   chan struct{}         // guarded by mu; closed and renewed at each applied command
	observers []func(probes.Result) // guarded by mu
	heard     map[string]contact    // guarded by mu; by node ID, while this node leads
	refused   map[string]string     // guarded by mu; why the state refused an offer, by digest

	own atomic.Pointer[[]*state.Packed] // what the Corefile declares

	deliveries deliveries

	swaps  swaps
	hashes hashes
	teller teller

	backups backups

	stop context.CancelFunc
	done sync.WaitGroup
}

// New builds a node and recovers its state; it answers from that at once. Start makes it take part.
func New(cfg Config, p Platform, services ...Service) (*Node, error) {
	if p.Log == nil {
		p.Log = slog.Default()
	}
	n := &Node{platform: p, log: p.Log, services: services, zones: zone.NewSet(), changed: make(chan struct{}),
		checksChanged: make(chan struct{}, 1), offersChanged: make(chan struct{}, 1), contactNow: make(chan struct{}, 1), grown: make(chan struct{}, 1),
		heard: map[string]contact{}, refused: map[string]string{}}
	n.keep(&cfg)
	if err := n.open(&cfg); err != nil {
		return nil, err
	}
	n.boot = n.store.Boot()
	n.hashes.applied(n.store.State())
	n.teller.last = n.store.State()
	n.ballot = ballot.New(n.ID(), n.boot, n.store.State, n.propose, n.log)
	n.answering = newAnswering(n.zones, n.ballot.Own, n.log)
	n.answering.caught = n.store.CaughtUp
	n.answering.load(n.store.State(), readEmergency(cfg.DataDir))
	n.duties = duties.New(duties.Leader{State: n.store.State, Clock: n.store.Clock, Propose: n.propose, LookUp: n.lookUp, Log: n.log,
		Webhooks: func() []webhook.Target { return n.Config().Webhooks }, Send: n.send, Delivered: n.deliveries.tell, Measure: n.measures, DrillTimes: n.drillTimes})
	n.prepareProbing(&cfg)
	return n, nil
}

func (n *Node) open(cfg *Config) error {
	id, err := identity(cfg)
	if err != nil {
		return err
	}
	if cfg.TLS != nil {
		files, err := trust.Load(cfg.TLS.Cert, cfg.TLS.Key, cfg.TLS.CA)
		if err != nil {
			return err
		}
		n.trust = files
	}
	sc := raftstore.Config{ID: id, Dir: cfg.DataDir, Listen: cfg.Listen, Advertise: cfg.Advertise, Role: cfg.Role, Trust: n.trust,
		Timing: timing(cfg), Network: n.platform.Network, NoSync: n.platform.NoSync, Calls: n.calls(),
		OnApply: n.applied, Logger: n.log, Compaction: n.platform.Compaction}
	for _, p := range cfg.Peers {
		sc.Peers = append(sc.Peers, raftstore.Peer{ID: p.ID, Address: p.Address})
	}
	if cfg.Join != nil {
		sc.Join = &raftstore.JoinAt{Address: cfg.Join.Address, TokenFile: cfg.Join.TokenFile}
	}
	store, err := raftstore.Open(sc)
	if err != nil {
		return err
	}
	n.store = store
	return nil
}

// alone is the timing of a node without peers: nobody is waited for, so it leads at once.
var alone = raftstore.Timing{Heartbeat: 100 * time.Millisecond, Election: 100 * time.Millisecond, Lease: 50 * time.Millisecond, Commit: 10 * time.Millisecond}

func timing(cfg *Config) raftstore.Timing {
	switch {
	case len(cfg.Peers) == 0 && cfg.Join == nil:
		return alone
	case cfg.Timing == LAN:
		return raftstore.LAN
	}
	return raftstore.WAN
}

// prepareProbing sets up the prober; a platform's probe stands in for the real one.
func (n *Node) prepareProbing(cfg *Config) {
	n.env.Store(n.probeEnv(cfg))
	probe := n.platform.Probe
	if probe == nil {
		probe = func(ctx context.Context, t probes.Target) probes.Result { return n.env.Load().Probe(ctx, t) }
	}
	n.probing = probes.New(n.ID(), probe, n.observe, n.log)
}

// Start begins to take part: services first, so that the node can be asked what it waits for.
func (n *Node) Start() error {
	for i, s := range n.services {
		if err := s.Start(n); err != nil {
			n.stopServices(context.Background(), n.services[:i])
			return errors.Join(fmt.Errorf("start %s: %w", s.Name(), err), n.store.Stop(context.Background()))
		}
	}
	ctx, cancel := context.WithCancel(context.Background())
	n.stop = cancel
	n.run(func() { n.ballot.Run(ctx) })
	n.run(func() { n.keepProbing(ctx) })
	n.run(func() { n.keepContact(ctx) })
	n.run(func() { n.keepOffering(ctx) })
	n.run(func() { n.keepLeading(ctx) })
	n.run(func() { n.keepWatch(ctx) })
	n.run(func() { n.keepEmergency(ctx) })
	n.run(func() { n.keepMemory(ctx) })
	go n.keepBackups(ctx) // Stop does not wait for it: its disk may hang
	if n.trust != nil {
		n.run(func() { n.keepCertificate(ctx) })
	}
	n.store.Start()
	return nil
}

func (n *Node) run(f func()) { n.done.Go(f) }

// Stop ends the node: leadership is handed over first, probing ends, the stores are closed. The zones' images stay,
// so that queries are answered until the last socket closes.
func (n *Node) Stop(ctx context.Context) error {
	n.probing.Stop()
	err := n.store.Stop(ctx)
	if n.stop != nil {
		n.stop()
	}
	n.done.Wait()
	n.stopServices(ctx, n.services)
	return err
}

func (n *Node) stopServices(ctx context.Context, services []Service) {
	for i := len(services) - 1; i >= 0; i-- {
		if err := services[i].Stop(ctx); err != nil {
			n.log.Warn("a service did not stop cleanly", "service", services[i].Name(), "error", err)
		}
	}
}

// ID is the node's name in the cluster.
func (n *Node) ID() string { return n.store.ID() }

// Config is the configuration in force. It is read only.
func (n *Node) Config() *Config { return n.cfg.Load() }

// State is the replicated state as applied here, never nil.
func (n *Node) State() *state.State { return n.store.State() }

// Answered is what this node answers: State, but where words of this node alone stand above it.
func (n *Node) Answered() Answered { return *n.answering.shown.Load() }

// Zones are the images from which this node answers.
func (n *Node) Zones() *zone.Set { return n.zones }

// Wait returns when State has reached an index, or with the context's error.
func (n *Node) Wait(ctx context.Context, index uint64) error { return n.store.WaitIndex(ctx, index) }

// Propose gets a command committed, here or through the leader. A refusal is no error. raftstore.ErrNoLeader means that
// nothing was done; after any other error the outcome is unknown.
func (n *Node) Propose(ctx context.Context, c state.Command) (state.Result, error) {
	c.Node = n.ID()
	began := time.Now()
	out, err := n.store.Propose(ctx, c)
	if err == nil {
		n.swaps.proposed(out.Index, began)
	}
	return state.Result{Index: out.Index, Refusal: out.Refusal}, err
}

// propose is Propose for the node's own parts, which repeat themselves and need no result.
func (n *Node) propose(ctx context.Context, c state.Command) error {
	r, err := n.Propose(ctx, c)
	if err != nil {
		return err
	}
	if r.Refusal != nil {
		return r.Refusal
	}
	return nil
}

// applied follows each command: answers first, then everything that only needs to look.
func (n *Node) applied(st *state.State, r state.Result, at raftstore.Moment) {
	n.answering.applied(st, r.Effect.Zones)
	n.measure(st, r, at)
	n.tellMoves(st, r, at.Logged.IsZero())
	n.tellRefused(st)
	n.hashes.applied(st)
	if large(st, r.Effect.Zones) {
		signal(n.grown)
	}
	if r.Effect.Checks {
		signal(n.checksChanged)
	}
	if len(r.Effect.Events) > 0 {
		n.duties.Wake()
	}
	n.mu.Lock()
	close(n.changed)
	n.changed = make(chan struct{})
	n.mu.Unlock()
	if n.platform.Applied != nil {
		n.platform.Applied(st, r)
	}
}

// Changed is closed at the next applied command: take it, look at State, then wait.
func (n *Node) Changed() <-chan struct{} {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.changed
}

// OnResult adds an observer of this node's probe results; it must not wait.
func (n *Node) OnResult(f func(probes.Result)) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.observers = append(n.observers, f)
}

func (n *Node) observe(r probes.Result) (recheck bool) {
	recheck = n.ballot.Observe(r)
	n.mu.Lock()
	observers := n.observers
	n.mu.Unlock()
	for _, f := range observers {
		f(r)
	}
	return recheck
}

// Latest is this node's own probing of an endpoint; ok is false where it does not probe it.
func (n *Node) Latest(endpoint string) (l Latest, ok bool) {
	l.Results = n.probing.Latest(endpoint)
	slices.Reverse(l.Results)
	l.Vote, l.Successes, l.Failures, ok = n.ballot.Count(endpoint)
	return l, ok || len(l.Results) > 0
}

// Lookup is the answer that this node would give now.
func (n *Node) Lookup(name record.Name, t record.Type) Lookup {
	images := n.zones.Images()
	image := images.FindFor(name, t)
	if image == nil {
		return Lookup{RCode: "REFUSED"}
	}
	rcode, answer, authority := image.Lookup(name, t, images)
	return Lookup{rcode, answer, authority}
}

// Abstaining counts the endpoints on which this node holds no opinion because of its own faults.
func (n *Node) Abstaining() int {
	count := 0
	for id := range n.State().Endpoints.All() {
		if r := n.probing.Latest(id); len(r) > 0 && r[len(r)-1].Outcome == health.Abstained {
			count++
		}
	}
	return count
}

func signal(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

// wait returns early when the context ends or a signal comes.
func wait(ctx context.Context, d time.Duration, signals <-chan struct{}) {
	select {
	case <-ctx.Done():
	case <-signals:
	case <-time.After(d):
	}
}
