package main

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"os"
	"strings"
	"sync"
	"time"
)

// The checks of this measurement: 100 groups of two sites with 50 addresses each.
const (
	probeGroups   = 100
	probeSite     = 50 // addresses of a site
	probeInterval = 10 * time.Second
	probed        = probeGroups * 2 * probeSite
)

// arrivals is when each address was probed, as its site sees it.
type arrivals struct {
	mu  sync.Mutex // guards all
	all map[string][]time.Time
}

func (a *arrivals) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	now := time.Now()
	address := r.Context().Value(http.LocalAddrContextKey).(net.Addr).String()
	a.mu.Lock()
	defer a.mu.Unlock()
	a.all[address] = append(a.all[address], now)
}

// probing measures what 10,000 HTTP checks cost on one core, and how far from their clock they come. The site is this
// program, on addresses of 127.0.0.0/8.
func probing(ctx context.Context, s settings) error {
	site := &arrivals{all: map[string][]time.Time{}}
	l, err := net.Listen("tcp4", "0.0.0.0:0")
	if err != nil {
		return err
	}
	server := &http.Server{Handler: site, ReadHeaderTimeout: 10 * time.Second}
	go func() { _ = server.Serve(l) }() // ends with Close
	defer server.Close()
	running, err := s.startProber(ctx, l.Addr().(*net.TCPAddr).Port)
	if err != nil {
		return err
	}
	defer running.stop()
	progress("probes: %d checks; all have begun after %s, and are watched for a minute then", probed, 2*probeInterval)
	if err := pause(ctx, 2*probeInterval); err != nil {
		return err
	}
	site.clear()
	before, err := running.cpu()
	if err != nil {
		return err
	}
	const watched = 6 * probeInterval
	if err := pause(ctx, watched); err != nil {
		return err
	}
	after, err := running.cpu()
	if err != nil {
		return err
	}
	count, off := site.lateness()
	if count == 0 {
		return fmt.Errorf("nothing was probed:\n%s", running.tail())
	}
	used := after - before
	fmt.Printf("\n## %d HTTP checks, each %s\n\nOne node on one core, %s; a new connection for each probe. Late is how far a probe reaches the site from its endpoint's fixed clock, as the site sees it.\n\n", probed, probeInterval, watched)
	fmt.Print(table([][]string{{"probes", "expected", "of one core", "CPU per probe, µs", "late, ms: median", "p99", "most"},
		{fmt.Sprint(count), fmt.Sprint(probed * int(watched/probeInterval)), fmt.Sprintf("%.1f %%", 100*used.Seconds()/watched.Seconds()),
			fmt.Sprintf("%.0f", float64(used.Microseconds())/float64(count)), millis(quantile(off, 0.5)), millis(quantile(off, 0.99)), millis(quantile(off, 1))}}))
	return nil
}

func millis(d time.Duration) string { return fmt.Sprintf("%.1f", float64(d.Microseconds())/1000) }

func pause(ctx context.Context, d time.Duration) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(d):
		return nil
	}
}

func (a *arrivals) clear() {
	a.mu.Lock()
	defer a.mu.Unlock()
	clear(a.all)
}

// lateness gives the number of probes, and of each how far it is from its endpoint's clock: that which its median
// phase within the interval tells.
func (a *arrivals) lateness() (count int, off []time.Duration) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, times := range a.all {
		off = append(off, deviations(times, probeInterval)...)
	}
	return len(off), off
}

// deviations is how far each time is from the clock that goes through the median of their phases.
func deviations(times []time.Time, interval time.Duration) []time.Duration {
	phases := make([]time.Duration, len(times))
	for i, t := range times {
		since := t.Sub(times[0]) + interval/2 // so that no phase lies at the seam
		phases[i] = since % interval
	}
	middle := median(phases)
	for i := range phases {
		phases[i] = max(phases[i]-middle, middle-phases[i])
	}
	return phases
}

// startProber starts a node with all the checks, and waits until it answers.
func (s settings) startProber(ctx context.Context, site int) (*process, error) {
	dir, err := os.MkdirTemp(s.dir, "prober-")
	if err != nil {
		return nil, err
	}
	port, err := twoPorts()
	if err != nil {
		return nil, err
	}
	var groups strings.Builder
	for g := range probeGroups {
		fmt.Fprintf(&groups, "record g%d {\nat one %s\nat two %s\ncheck http://%s:%d/ {\ninterval %s\n}\n}\n", g, addresses(g, 1), addresses(g, 2), zoneName, site, probeInterval)
	}
	argv, err := serve(dir, port, "", "serve @\nallow-targets 127.0.0.0/8\n"+groups.String()+"nameserver ns1."+zoneName+" 127.0.0.1")
	if err != nil {
		return nil, err
	}
	running, err := start("failoverdns", dir, append([]string{s.binaries + "/failoverdns"}, argv...)...)
	if err != nil {
		return nil, err
	}
	if err := waitAnswer(ctx, running, port, "g0."+zoneName+"."); err != nil {
		running.stop()
		return nil, err
	}
	return running, nil
}

func addresses(group, site int) string {
	var out []string
	for i := range probeSite {
		out = append(out, fmt.Sprintf("127.%d.%d.%d", site, group, i+1))
	}
	return strings.Join(out, " ")
}
