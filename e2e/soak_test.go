package e2e

import (
	"bytes"
	"context"
	"fmt"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/miekg/dns"

	"failoverdns/e2e/cluster"
)

// soakVariable says how long the soak takes; without it, soakShort: enough for what leaks with each query or each turn.
const (
	soakVariable = "E2E_SOAK"
	soakShort    = 25 * time.Second
)

// holding is what a process holds, as it says itself at one moment.
type holding struct {
	live       float64 // octets: what the collector's last round left, and as much again (its next goal)
	resident   float64 // octets
	goroutines float64
	files      float64 // descriptors
}

// growth is what one kind of holding may grow by from the first quarter to the last.
type growth struct {
	name  string
	of    func(holding) float64
	part  float64 // of the first quarter's median
	slack float64 // besides: caches that fill, a connection more
}

var growths = []growth{
	{"heap goal, MiB", func(h holding) float64 { return h.live / mib }, 0.10, 3},
	{"resident, MiB", func(h holding) float64 { return h.resident / mib }, 0.10, 12},
	{"goroutines", func(h holding) float64 { return h.goroutines }, 0.05, 10},
	{"descriptors", func(h holding) float64 { return h.files }, 0.05, 8},
}

const mib = 1 << 20

// quarters are the medians of the first and the last quarter of what was held.
func (g growth) quarters(all []holding) (first, last float64) {
	middle := func(part []holding) float64 {
		var values []float64
		for _, h := range part {
			values = append(values, g.of(h))
		}
		slices.Sort(values)
		return values[len(values)/2]
	}
	n := max(1, len(all)/4)
	return middle(all[:n]), middle(all[len(all)-n:])
}

// flat is nil when nothing of what was held has grown.
func flat(all []holding) error {
	for _, g := range growths {
		if first, last := g.quarters(all); last > first*(1+g.part)+g.slack {
			return fmt.Errorf("%s grew from %.1f in the first quarter to %.1f in the last", g.name, first, last)
		}
	}
	return nil
}

func TestLeakIsToldFromNoise(t *testing.T) {
	run := func(change func(i int, h *holding)) (all []holding) {
		random := rand.New(rand.NewPCG(1, 1))
		for i := range 400 {
			h := holding{live: 20*mib + random.Float64()*mib, resident: 60*mib + random.Float64()*8*mib, goroutines: 100 + random.Float64()*8, files: 40 + random.Float64()*5}
			change(i, &h)
			all = append(all, h)
		}
		return all
	}
	if err := flat(run(func(int, *holding) {})); err != nil {
		t.Errorf("noise is taken for a leak: %v", err)
	}
	for name, leak := range map[string]func(i int, h *holding){
		"heap":        func(i int, h *holding) { h.live += float64(i) * mib / 40 },
		"resident":    func(i int, h *holding) { h.resident += float64(i) * mib / 10 },
		"goroutines":  func(i int, h *holding) { h.goroutines += float64(i) / 10 },
		"descriptors": func(i int, h *holding) { h.files += float64(i) / 20 },
	} {
		if err := flat(run(leak)); err == nil || !strings.Contains(err.Error(), strings.Fields(name)[0]) {
			t.Errorf("a leak of %s: %v", name, err)
		}
	}
}

// TestSoakLeavesMemoryGoroutinesAndDescriptorsAsTheyWere has three nodes live through all that ordinary life has, turn
// after turn, under queries: flips, overrides, drills, reloads, a new leader, clients that come and go, a peer that hangs.
func TestSoakLeavesMemoryGoroutinesAndDescriptorsAsTheyWere(t *testing.T) {
	length := soakShort
	if text := os.Getenv(soakVariable); text != "" {
		var err error
		length, err = time.ParseDuration(text)
		ok(t, err)
	}
	c := launch(t, cluster.Spec{Interval: fast, Lines: []string{"failback manual", "ttl 60"}})
	s := &soak{t: t, Cluster: c, seen: observe(t, c), held: map[string][]holding{}}
	ctx, stop := context.WithCancel(t.Context())
	var load sync.WaitGroup
	defer load.Wait()
	defer stop()
	for i, n := range c.Nodes() {
		load.Go(func() { s.query(ctx, n, rand.New(rand.NewPCG(3, uint64(i)))) })
	}
	s.turn() // what is made once is made now
	load.Go(func() { s.watch(ctx, max(250*time.Millisecond, length/400)) })
	turns := 1
	for end := time.Now().Add(length); time.Now().Before(end); turns++ {
		s.turn()
	}
	s.judge(turns)
}

// soak is a cluster that is soaked.
type soak struct {
	*cluster.Cluster
	t     *testing.T
	seen  *cluster.Observer
	turns int

	mu    sync.Mutex // guards what follows
	held  map[string][]holding
	asked int
}

// judge demands that each node holds at the end what it held at the beginning.
func (s *soak) judge(turns int) {
	s.t.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.t.Logf("%d turns, %d queries", turns, s.asked)
	for _, n := range s.Nodes() {
		all := s.held[n.ID]
		if len(all) < 8 {
			s.t.Fatalf("%s was looked at %d times", n.ID, len(all))
		}
		for _, g := range growths {
			first, last := g.quarters(all)
			s.t.Logf("%s: %s: %.1f in the first quarter, %.1f in the last", n.ID, g.name, first, last)
		}
		if err := flat(all); err != nil {
			s.t.Errorf("%s: %v", n.ID, err)
		}
	}
}

// watch looks at what the nodes hold.
func (s *soak) watch(ctx context.Context, every time.Duration) {
	for pause(ctx, every); ctx.Err() == nil; pause(ctx, every) {
		for _, n := range s.Nodes() {
			h, err := held(ctx, n)
			if err != nil {
				continue // a node that hangs is part of it
			}
			s.mu.Lock()
			s.held[n.ID] = append(s.held[n.ID], h)
			s.mu.Unlock()
		}
	}
}

func held(ctx context.Context, n *cluster.Node) (h holding, err error) {
	ctx, cancel := context.WithTimeout(ctx, 2*time.Second)
	defer cancel()
	var text bytes.Buffer
	if err := n.WriteMetrics(ctx, &text); err != nil {
		return h, err
	}
	for name, into := range map[string]*float64{"go_memstats_next_gc_bytes": &h.live, "process_resident_memory_bytes": &h.resident,
		"go_goroutines": &h.goroutines, "process_open_fds": &h.files} {
		m := regexp.MustCompile(`(?m)^` + name + ` (\S+)$`).FindSubmatch(text.Bytes())
		if m == nil {
			return h, fmt.Errorf("%s does not say %s", n.ID, name)
		}
		if *into, err = strconv.ParseFloat(string(m[1]), 64); err != nil {
			return h, err
		}
	}
	return h, nil
}

// query asks a node some hundred times a second: mostly over UDP, for names that are there and that are not.
func (s *soak) query(ctx context.Context, n *cluster.Node, random *rand.Rand) {
	for count := 0; ctx.Err() == nil; count++ {
		name := login
		if random.IntN(4) == 0 {
			name = fmt.Sprintf("%x.%s", random.Uint64(), zone)
		}
		one, cancel := context.WithTimeout(ctx, time.Second)
		ask := n.Query
		if count%20 == 0 {
			ask = n.QueryTCP
		}
		if _, err := ask(one, name, dns.TypeA); err == nil {
			s.mu.Lock()
			s.asked++
			s.mu.Unlock()
		}
		cancel()
		pause(ctx, 2*time.Millisecond)
	}
}

// turn is one turn of ordinary life. It begins and ends with the primary answered.
func (s *soak) turn() {
	s.t.Helper()
	s.turns++
	nodes := s.Nodes()
	odd := nodes[s.turns%len(nodes)]
	s.flip()
	s.order(odd, azure, "site", "down", "aws", "--for", "10m", "--reason", "soak", "--wait")
	s.order(odd, azure, "site", "clear", "aws", "--reason", "soak", "--wait")
	s.order(odd, aws, "drill", zone, "--to", "aws", "--for", "2s", "--reason", "soak")
	ok(s.t, s.seen.Wait(soon(s.t), azure, time.Now().Add(2*time.Second)))
	s.reload()
	s.strangers()
	s.order(odd, azure, "cluster", "transfer", "--reason", "soak")
	s.hang()
}

// flip has the primary fail and recover.
func (s *soak) flip() {
	s.t.Helper()
	began := time.Now()
	ok(s.t, s.Site("azure").SetFaults(cluster.Faults{Status: 503}))
	ok(s.t, s.seen.Wait(soon(s.t), aws, began))
	ok(s.t, s.Site("azure").SetFaults(cluster.Faults{}))
	ok(s.t, s.WaitVerdicts(within(s.t, 2*time.Minute), "up"))
}

// order gives a command, which must lead to an answer on all nodes.
func (s *soak) order(n *cluster.Node, answer string, args ...string) {
	s.t.Helper()
	began := time.Now()
	command(s.t, n, 0, args...)
	ok(s.t, s.seen.Wait(soon(s.t), answer, began))
}

// reload changes all nodes' files.
func (s *soak) reload() {
	s.t.Helper()
	ttl := 30 + s.turns%2*30
	for _, n := range s.Nodes() {
		text, err := n.Corefile()
		ok(s.t, err)
		ok(s.t, n.WriteCorefile(regexp.MustCompile(`ttl \d+`).ReplaceAllString(text, fmt.Sprintf("ttl %d", ttl))))
		ok(s.t, n.Reload())
	}
	for _, n := range s.Nodes() {
		eventually(s.t, func() error {
			if got := s.seen.Last(n.ID).TTL; got != uint32(ttl) {
				return fmt.Errorf("%s answers with TTL %d", n.ID, got)
			}
			return nil
		})
	}
}

// strangers come with connections to each node, for DNS and for the stream of events, and leave without a word.
func (s *soak) strangers() {
	s.t.Helper()
	ctx, cancel := context.WithCancel(s.t.Context())
	defer cancel()
	for _, n := range s.Nodes() {
		for range 50 {
			conn, err := net.Dial("tcp", n.DNS)
			ok(s.t, err)
			defer conn.Close()
		}
		for range 5 {
			r, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+n.Admin+"/v1/events", nil)
			ok(s.t, err)
			answer, err := http.DefaultClient.Do(r)
			ok(s.t, err)
			defer answer.Body.Close()
		}
	}
}

// hang has a node that does not lead stand still until its peers have given its connections up.
func (s *soak) hang() {
	s.t.Helper()
	leader, err := s.Leader(soon(s.t))
	ok(s.t, err)
	n := but(s.Cluster, leader)[s.turns%2]
	ok(s.t, n.Pause())
	pause(s.t.Context(), 3*time.Second)
	ok(s.t, n.Resume())
	ok(s.t, n.WaitReady(soon(s.t)))
	ok(s.t, s.seen.Wait(soon(s.t), azure, time.Now()))
	ok(s.t, s.WaitVerdicts(within(s.t, 2*time.Minute), "up"))
}
