package node

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/netip"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"failoverdns/health"
	"failoverdns/probes"
	"failoverdns/raftstore/memnet"
	"failoverdns/record"
	"failoverdns/state"
	"failoverdns/trust"
	"failoverdns/zone"
)

// world is a cluster of whole nodes in virtual time: real Raft, TLS, stores and images over a network in memory;
// only the probes' targets are made up.
type world struct {
	t     *testing.T
	dir   string
	net   *memnet.Network
	ids   []string
	nodes map[string]*Node
	joins map[string]joining // nodes that did not found the cluster
	grows bool               // a single node has a port, for others to join

	declares func() *state.Declaration // what configurations declare
	resolver *cloud                    // nil: names are not looked up

	logs io.Writer // what all nodes log

	mu      sync.Mutex
	dead    map[string]bool        // "node>site" and "*>site": that probe is refused
	refused map[string][]time.Time // by node: when a probe had been
}

const (
	azure  = "203.0.113.10"
	aws    = "198.51.100.20"
	oneWay = 20 * time.Millisecond
)

// inBubble runs a test in virtual time, with no node started.
func inBubble(t *testing.T, test func(w *world)) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, three)
		defer w.stopAll()
		test(w)
	})
}

// inWorld runs a test in a bubble with nodes that found a cluster and hold the smallest declaration.
func inWorld(t *testing.T, ids []string, test func(w *world)) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, ids)
		defer w.stopAll()
		for _, id := range ids {
			w.start(id)
		}
		w.eventually(time.Minute, "all nodes are ready", func() bool { return w.all(func(n *Node) bool { ok, _ := n.Ready(); return ok }) })
		w.eventually(2*time.Minute, "every verdict is up", w.verdictsUp)
		test(w)
	})
}

func newWorld(t *testing.T, ids []string) *world {
	w := &world{t: t, dir: t.TempDir(), net: memnet.New(oneWay), ids: ids, nodes: map[string]*Node{}, joins: map[string]joining{}, dead: map[string]bool{}, refused: map[string][]time.Time{}, declares: declaration, logs: io.Discard}
	if err := trust.InitCA(w.dir); err != nil {
		t.Fatal(err)
	}
	for _, id := range ids {
		if err := trust.Issue(w.dir, w.dir, id, nil, 24*time.Hour); err != nil {
			t.Fatal(err)
		}
	}
	return w
}

func (w *world) config(id string) Config {
	cfg := Config{ID: id, DataDir: filepath.Join(w.dir, "data-"+id), Role: state.Voter, Probe: true, Timing: WAN, Version: "test",
		Declarations: []*state.Declaration{w.declares()}}
	if len(w.ids) == 1 && !w.grows {
		return cfg
	}
	cfg.Listen = id + ":7400"
	if j, ok := w.joins[id]; ok {
		cfg.Join, cfg.Role, cfg.Probe = j.at, j.role, j.role != state.Replica
	} else {
		cfg.Peers = w.founders()
	}
	cfg.TLS = &TLSFiles{filepath.Join(w.dir, id+".pem"), filepath.Join(w.dir, id+"-key.pem"), filepath.Join(w.dir, "ca.pem")}
	return cfg
}

// declaration is the smallest useful block: two sites, one check each, three names.
func declaration() *state.Declaration {
	apex := record.MustParseName("auth.example.com")
	soa, sets := zone.Made(apex, []zone.NameServer{{Name: record.MustParseName("ns1.auth.example.com"), Addresses: []netip.Addr{netip.MustParseAddr("192.0.2.1")}}}, 60)
	d := &state.Declaration{Zone: apex, Source: "Corefile:1", SOA: soa, Sets: sets, NoQuorum: state.NoQuorum{Mode: state.NoQuorumHold}}
	for name, address := range map[string]string{"azure": azure, "aws": aws} {
		d.Sites = append(d.Sites, state.SiteDecl{Name: name, Addresses: []netip.Addr{netip.MustParseAddr(address)}, MinHealthy: 1,
			Checks: []state.CheckDecl{{Name: "https", Check: mustCheck("https://login.auth.example.com/healthz")}}})
	}
	slices.SortFunc(d.Sites, func(a, b state.SiteDecl) int { return strings.Compare(b.Name, a.Name) })
	d.Groups = []state.GroupDecl{{Name: "auth.example.com", Sites: []string{"azure", "aws"}, Failback: health.Failback{Mode: health.FailbackAuto},
		AllDown: state.AllDownPrimary, Cells: []state.CellDecl{{Names: []record.Name{apex, record.MustParseName("login.auth.example.com")}, TTL: 60}}}}
	return d
}

func mustCheck(url string) health.Check {
	c, err := health.ParseURL(url)
	if err == nil {
		err = c.Complete()
	}
	if err != nil {
		panic(err)
	}
	return c
}

func (w *world) start(id string) *Node {
	n := w.open(id)
	w.begin(id, n)
	return n
}

// open makes a node that answers, and takes no part yet.
func (w *world) open(id string) *Node {
	p := Platform{Network: w.net.Host(id), NoSync: true, Log: slog.New(slog.NewTextHandler(w.logs, nil)).With("at", id),
		Probe: func(ctx context.Context, t probes.Target) probes.Result { return w.probe(id, t) }}
	if w.resolver != nil {
		p.Resolver = cloudSeen{w.resolver, id}
	}
	n, err := New(w.config(id), p)
	if err != nil {
		w.t.Fatalf("start %s: %v", id, err)
	}
	return n
}

func (w *world) begin(id string, n *Node) {
	w.nodes[id] = n
	if err := n.Start(); err != nil {
		w.t.Fatalf("start %s: %v", id, err)
	}
}

func (w *world) stop(id string) {
	n := w.nodes[id]
	delete(w.nodes, id)
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	if err := n.Stop(ctx); err != nil {
		w.t.Errorf("stop %s: %v", id, err)
	}
}

func (w *world) stopAll() {
	var all sync.WaitGroup
	for _, id := range w.ids {
		if w.nodes[id] != nil {
			all.Go(func() { w.nodes[id].Stop(context.Background()) })
		}
	}
	all.Wait()
	clear(w.nodes)
}

// kill cuts a node off from everything; what it does from then on nobody sees.
func (w *world) kill(id string) {
	w.net.Isolate(id, slices.DeleteFunc(slices.Clone(w.ids), func(o string) bool { return o == id })...)
}

func (w *world) probe(node string, t probes.Target) probes.Result {
	site := strings.SplitN(t.Endpoint, "/", 2)[0]
	w.mu.Lock()
	refused := w.dead["*>"+site] || w.dead[node+">"+site]
	w.mu.Unlock()
	time.Sleep(10 * time.Millisecond)
	r := probes.Result{Outcome: health.Success, Address: t.Address, Duration: 10 * time.Millisecond}
	if refused {
		r.Outcome, r.Reason, r.Detail = health.Failure, health.Refused, "connection refused"
		w.mu.Lock()
		w.refused[node] = append(w.refused[node], time.Now())
		w.mu.Unlock()
	}
	return r
}

// breakSite makes a site refuse the probes of a node, or of all ("*").
func (w *world) breakSite(node, site string) { w.set(node, site, true) }
func (w *world) mendSite(node, site string)  { w.set(node, site, false) }

func (w *world) set(node, site string, dead bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.dead[node+">"+site] = dead
}

func (w *world) all(f func(*Node) bool) bool {
	for _, n := range w.nodes {
		if !f(n) {
			return false
		}
	}
	return true
}

func (w *world) verdictsUp() bool {
	return w.all(func(n *Node) bool {
		for _, e := range n.State().Endpoints.All() {
			if e.Verdict != health.VerdictUp {
				return false
			}
		}
		return n.State().Endpoints.Len() > 0
	})
}

// eventually waits in virtual time, in small steps, and gives how long it took.
func (w *world) eventually(within time.Duration, what string, f func() bool) time.Duration {
	w.t.Helper()
	began := time.Now()
	for !f() {
		if time.Since(began) > within {
			w.t.Fatalf("after %s it is not so that %s\n%s", within, what, w.describe())
		}
		time.Sleep(20 * time.Millisecond)
	}
	return time.Since(began)
}

// holds demands that something is so all the time.
func (w *world) holds(during time.Duration, what string, f func() bool) {
	w.t.Helper()
	for began := time.Now(); time.Since(began) < during; time.Sleep(50 * time.Millisecond) {
		if !f() {
			w.t.Fatalf("after %s it is no longer so that %s\n%s", time.Since(began), what, w.describe())
		}
	}
}

// answers says whether a node answers login with an address, over DNS's own code path.
func answers(n *Node, address string) bool {
	l := n.Lookup(record.MustParseName("login.auth.example.com"), record.A)
	return len(l.Answer) == 1 && strings.HasSuffix(l.Answer[0], address)
}

func (w *world) answer(address string, ids ...string) func() bool {
	return func() bool {
		for _, id := range ids {
			if n := w.nodes[id]; n != nil && !answers(n, address) {
				return false
			}
		}
		return true
	}
}

// leader is the ID of the node that leads, waiting for one.
func (w *world) leader(among ...string) (id string) {
	w.t.Helper()
	w.eventually(time.Minute, "somebody leads", func() bool {
		for _, o := range among {
			if _, _, self := w.nodes[o].store.Leader(); self {
				id = o
				return true
			}
		}
		return false
	})
	return id
}

func (w *world) describe() string {
	var b strings.Builder
	for _, id := range w.ids {
		n := w.nodes[id]
		if n == nil {
			fmt.Fprintf(&b, "%s: stopped\n", id)
			continue
		}
		s := n.Status()
		fmt.Fprintf(&b, "%s: %s %s leader=%q term=%d index=%d ready=%v %s\n", id, s.Phase, s.Raft, s.Leader, s.Term, n.State().Index, s.Ready, s.NotReady)
		for _, e := range n.State().Endpoints.All() {
			fmt.Fprintf(&b, "  %s %s %v\n", e.ID, e.Verdict, e.Votes)
		}
	}
	return b.String()
}

// sameState says whether nodes at one index have one hash.
func (w *world) sameState() {
	w.t.Helper()
	byIndex := map[uint64]string{}
	for id, n := range w.nodes {
		st := n.State()
		is := fmt.Sprintf("%016x", st.Hash)
		if was, ok := byIndex[st.Index]; ok && was != is {
			w.t.Errorf("at index %d node %s has hash %s, another %s", st.Index, id, is, was)
		}
		byIndex[st.Index] = is
	}
}
