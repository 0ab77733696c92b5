package e2e

import (
	"context"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/miekg/dns"

	"failoverdns/api"
	"failoverdns/e2e/cluster"
)

// killing is how long nodes are killed at random.
const killing = 25 * time.Second

// recorded is how long before a kill an answer must have been given for the node to know it afterwards: the promise is
// 100 ms; the rest is for the time that query and answer take on a busy machine.
const recorded = 150 * time.Millisecond

// sighting is one consistent look at a node: this answer at this serial.
type sighting struct {
	at     time.Time // when the answer was there
	life   int       // of the node's process, from 1
	serial uint32
	answer string
}

// witness looks at one node again and again.
type witness struct {
	node *cluster.Node

	mu    sync.Mutex // guards what follows
	life  int
	kills map[int]time.Time // by life: when the kill was sent
	all   []sighting
}

func TestNodesKilledAtRandomForgetNothingThatTheyHadAnswered(t *testing.T) {
	c := launch(t, cluster.Spec{Interval: fast})
	seed := seeded(t)
	k := &killer{t: t, c: c, rng: rand.New(rand.NewPCG(seed, 0)), op: &operator{wanted: map[string]bool{"": true}}}
	ctx, cancel := context.WithTimeout(t.Context(), killing)
	defer cancel()
	looking, stop := context.WithCancel(t.Context())
	defer stop()
	var all, eyes sync.WaitGroup
	for _, n := range c.Nodes() {
		w := &witness{node: n, life: 1, kills: map[int]time.Time{}}
		k.eyes = append(k.eyes, w)
		eyes.Go(func() { w.look(looking) })
	}
	all.Go(func() { flap(ctx, t, c.Site("azure"), rand.New(rand.NewPCG(seed, 1))) })
	all.Go(func() { k.op.work(ctx, c, rand.New(rand.NewPCG(seed, 2))) })
	k.run(ctx)
	all.Wait()

	ok(t, c.Site("azure").SetFaults(cluster.Faults{}))
	for _, n := range c.Nodes() {
		ok(t, n.WaitReady(soon(t)))
	}
	ok(t, c.WaitVerdicts(soon(t), "up"))
	for _, n := range c.Nodes() {
		eventually(t, func() error { return k.op.kept(t.Context(), n) })
	}
	eventually(t, func() error { return alike(soon(t), c) })
	stop()
	eyes.Wait()
	judge(t, k.eyes)
	if t.Logf("%d orders were acknowledged", k.op.acked); k.op.acked < 3 {
		t.Error("too few orders were acknowledged for this test to mean anything")
	}
}

// killer kills one, two or all nodes, and starts them again, in a random order after random times.
type killer struct {
	t    *testing.T
	c    *cluster.Cluster
	rng  *rand.Rand
	eyes []*witness
	op   *operator
}

func (k *killer) run(ctx context.Context) {
	for round := 1; ctx.Err() == nil; round++ {
		pause(ctx, time.Duration(k.rng.IntN(3500))*time.Millisecond)
		howMany := []int{1, 1, 1, 2, 3}[k.rng.IntN(5)] // most of the time there is to be a quorum, for things to happen
		some := k.rng.Perm(len(k.eyes))[:howMany]
		for _, i := range some {
			k.eyes[i].kill()
			pause(ctx, time.Duration(k.rng.IntN(100))*time.Millisecond)
		}
		k.t.Logf("round %d: killed %d", round, len(some))
		k.rng.Shuffle(len(some), func(i, j int) { some[i], some[j] = some[j], some[i] })
		for _, i := range some {
			pause(ctx, time.Duration(k.rng.IntN(1000))*time.Millisecond)
			k.eyes[i].start(k.t)
		}
	}
}

func pause(ctx context.Context, d time.Duration) {
	select {
	case <-ctx.Done():
	case <-time.After(d):
	}
}

// kill ends the node's life, and keeps when.
func (w *witness) kill() {
	w.mu.Lock()
	w.kills[w.life] = time.Now()
	w.mu.Unlock()
	w.node.Kill()
}

func (w *witness) start(t *testing.T) {
	w.mu.Lock()
	w.life++
	w.mu.Unlock()
	ok(t, w.node.Start())
}

// look asks for serial, answer, and serial again: where both are equal, the answer belongs to that serial.
func (w *witness) look(ctx context.Context) {
	for ctx.Err() == nil {
		if s, good := w.sight(ctx); good {
			w.mu.Lock()
			if w.life == s.life {
				w.all = append(w.all, s)
			}
			w.mu.Unlock()
		}
		pause(ctx, 5*time.Millisecond)
	}
}

func (w *witness) sight(ctx context.Context) (s sighting, good bool) {
	ctx, cancel := context.WithTimeout(ctx, time.Second)
	defer cancel()
	w.mu.Lock()
	s.life = w.life
	w.mu.Unlock()
	before, err := w.node.Serial(ctx, zone)
	if err != nil {
		return s, false
	}
	m, err := w.node.Query(ctx, login, dns.TypeA)
	if err != nil {
		return s, false
	}
	s.at, s.answer = time.Now(), cluster.Answer(m)
	s.serial, err = w.node.Serial(ctx, zone)
	return s, err == nil && s.serial == before
}

// flap breaks and mends a site, sometimes for too short to count.
func flap(ctx context.Context, t *testing.T, s *cluster.Site, rng *rand.Rand) {
	for broken := true; ctx.Err() == nil; broken = !broken {
		f := cluster.Faults{}
		if broken {
			f.Status = 503
		}
		if err := s.SetFaults(f); err != nil {
			t.Error(err)
		}
		pause(ctx, time.Duration(500+rng.IntN(3000))*time.Millisecond)
	}
}

// operator sets and clears an override, and knows what may stand: the last that was acknowledged, and whatever was
// tried since with an outcome that nobody knows.
type operator struct {
	wanted map[string]bool // by reason; empty: none
	acked  int
}

// work is the operator's, until the context ends.
func (o *operator) work(ctx context.Context, c *cluster.Cluster, rng *rand.Rand) {
	const target = "azure"
	for i := 1; ctx.Err() == nil; i++ {
		reason := ""
		n := c.Nodes()[rng.IntN(len(c.Nodes()))]
		var err error
		if word := []string{"down", "up", ""}[rng.IntN(3)]; word != "" {
			reason = fmt.Sprintf("order %d", i)
			_, err = n.API().SetOverride(ctx, api.OverrideRequest{Who: api.Who{Author: "chaos", Reason: reason},
				Scope: "site", Target: target, Word: word, For: "1h", Force: true}, false)
		} else {
			_, err = n.API().ClearOverride(ctx, api.ClearRequest{Who: api.Who{Author: "chaos", Reason: "enough"},
				Scope: "site", Target: target, Force: true}, false)
		}
		if err == nil {
			o.wanted, o.acked = map[string]bool{}, o.acked+1
		}
		o.wanted[reason] = true
		pause(ctx, time.Duration(rng.IntN(600))*time.Millisecond)
	}
}

// kept says what is missing of what was acknowledged.
func (o *operator) kept(ctx context.Context, n *cluster.Node) error {
	all, err := n.API().Overrides(ctx)
	if err != nil {
		return err
	}
	got := ""
	for _, v := range all.Overrides {
		got = v.Reason
	}
	if !o.wanted[got] {
		return fmt.Errorf("%s has the override %q; it may be one of %v", n.ID, got, o.wanted)
	}
	return nil
}

// alike wants all nodes to have the same state: members say index and hash.
func alike(ctx context.Context, c *cluster.Cluster) error {
	m, err := c.Nodes()[0].API().Members(ctx)
	if err != nil {
		return err
	}
	for _, one := range m.Cluster.Members {
		if !one.Reachable || one.Diverged {
			return fmt.Errorf("%s is reachable %t, differs %t", one.ID, one.Reachable, one.Diverged)
		}
		if first := m.Cluster.Members[0]; one.Index != first.Index || one.Hash != first.Hash {
			return fmt.Errorf("%s is at %d, %s; %s at %d, %s", one.ID, one.Index, one.Hash, first.ID, first.Index, first.Hash)
		}
	}
	return nil
}

// judge holds what was seen against the promise.
func judge(t *testing.T, eyes []*witness) {
	t.Helper()
	agreed := map[uint32]string{} // the answer at each serial, on whatever node
	last := map[string]sighting{}
	for _, w := range eyes {
		for _, s := range w.all {
			if s.answer != azure && s.answer != aws {
				t.Errorf("%s answered %s in its life %d", w.node.ID, s.answer, s.life)
			}
			if was, seen := agreed[s.serial]; seen && was != s.answer {
				t.Errorf("%s answered %s at serial %d, where %s was answered, too", w.node.ID, s.answer, s.serial, was)
			}
			agreed[s.serial] = s.answer
		}
		w.judge(t)
		last[w.node.ID] = w.all[len(w.all)-1]
	}
	for id, s := range last {
		if first := last[eyes[0].node.ID]; s.serial != first.serial {
			t.Errorf("at the end %s is at serial %d, %s at %d", id, s.serial, eyes[0].node.ID, first.serial)
		}
	}
	t.Logf("%d serials were seen", len(agreed))
	if len(agreed) < 4 {
		t.Error("too little has happened for this test to mean anything")
	}
}

// judge wants no step back within a life, and after a kill none behind what was answered well before it.
func (w *witness) judge(t *testing.T) {
	t.Helper()
	if len(w.all) == 0 {
		t.Fatalf("%s never answered", w.node.ID)
	}
	floor, before := uint32(0), sighting{}
	for i, s := range w.all {
		switch {
		case s.life == before.life && s.serial < before.serial:
			t.Errorf("%s stepped back from serial %d to %d in its life %d", w.node.ID, before.serial, s.serial, s.life)
		case s.life != before.life && s.serial < floor:
			t.Errorf("%s, killed and started, answered first at serial %d; it had answered at %d %s before it was killed", w.node.ID, s.serial, floor, recorded)
		}
		if i == 0 || s.life != before.life {
			t.Logf("%s: life %d begins at serial %d with %s", w.node.ID, s.life, s.serial, s.answer)
		}
		if kill, killed := w.kills[s.life]; !killed || s.at.Before(kill.Add(-recorded)) {
			floor = max(floor, s.serial)
		}
		before = s
	}
}
