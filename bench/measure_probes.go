package main

import (
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"failoverdns/trust"
)

// The checks of this measurement: 100 groups of two sites with 50 addresses each.
const (
	probeGroups   = 100
	probeSite     = 50 // addresses of a site
	probeInterval = 10 * time.Second
	probed        = probeGroups * 2 * probeSite
	watched       = 6 * probeInterval
)

// arrivals is a listener that notes when each address was probed.
type arrivals struct {
	net.Listener
	served atomic.Int64 // requests that were answered, or connections that were taken where nothing is asked
	mu     sync.Mutex   // guards all
	all    map[string][]time.Time
}

func (a *arrivals) Accept() (net.Conn, error) {
	conn, err := a.Listener.Accept()
	if err == nil {
		now, address := time.Now(), conn.LocalAddr().String()
		a.mu.Lock()
		defer a.mu.Unlock()
		a.all[address] = append(a.all[address], now)
	}
	return conn, err
}

// probing measures what 10,000 checks of each kind cost on one core, and how far from their clock they come. The site is
// this program, on addresses of 127.0.0.0/8.
func probing(ctx context.Context, s settings) error {
	rows := [][]string{{"checks", "probes", "expected", "of one core", "CPU per probe, µs", "late, ms: median", "p99", "most"}}
	for _, kind := range []string{"http", "https", "tcp"} {
		row, err := s.probing(ctx, kind)
		if err != nil {
			return fmt.Errorf("%s: %w", kind, err)
		}
		rows = append(rows, row)
	}
	fmt.Printf("\n## %d checks, each %s\n\nOne node on one core, %s; a new connection for each probe, with https a whole TLS handshake with the certificate checked. Late is how far a probe reaches the site from its endpoint's fixed clock, as the site sees it.\n\n%s", probed, probeInterval, watched, table(rows))
	return nil
}

// probing is the table's row for one kind of check.
func (s settings) probing(ctx context.Context, kind string) ([]string, error) {
	dir, err := os.MkdirTemp(s.dir, "prober-")
	if err != nil {
		return nil, err
	}
	l, err := net.Listen("tcp4", "0.0.0.0:0")
	if err != nil {
		return nil, err
	}
	site := &arrivals{Listener: l, all: map[string][]time.Time{}}
	defer l.Close()
	if err := site.serve(kind, dir); err != nil {
		return nil, err
	}
	check := fmt.Sprintf("%s://%s:%d/", kind, zoneName, l.Addr().(*net.TCPAddr).Port)
	if kind == "tcp" {
		check = fmt.Sprintf("tcp://:%d", l.Addr().(*net.TCPAddr).Port)
	}
	running, err := s.startProber(ctx, dir, check)
	if err != nil {
		return nil, err
	}
	defer running.stop()
	progress("probes: %d %s checks; all have begun after %s, and are watched for a minute then", probed, kind, 2*probeInterval)
	if err := pause(ctx, 2*probeInterval); err != nil {
		return nil, err
	}
	site.clear()
	before, err := running.cpu()
	if err != nil {
		return nil, err
	}
	if err := pause(ctx, watched); err != nil {
		return nil, err
	}
	after, err := running.cpu()
	if err != nil {
		return nil, err
	}
	count, off := site.lateness()
	if served := int(site.served.Load()); count == 0 || served < count-probed/100 {
		return nil, fmt.Errorf("of %d probes %d were answered:\n%s", count, served, running.tail())
	}
	used := after - before
	return []string{kind, fmt.Sprint(count), fmt.Sprint(probed * int(watched/probeInterval)), fmt.Sprintf("%.1f %%", 100*used.Seconds()/watched.Seconds()),
		fmt.Sprintf("%.0f", float64(used.Microseconds())/float64(count)), millis(quantile(off, 0.5)), millis(quantile(off, 0.99)), millis(quantile(off, 1))}, nil
}

// serve answers probes of a kind until the listener is closed. The certificate for https, and its CA, are in dir.
func (a *arrivals) serve(kind, dir string) error {
	if kind == "tcp" {
		go func() {
			for conn, err := a.Accept(); err == nil; conn, err = a.Accept() {
				a.served.Add(1)
				go func() {
					_, _ = io.Copy(io.Discard, conn) // until the prober has closed it
					conn.Close()
				}()
			}
		}()
		return nil
	}
	l := net.Listener(a)
	if kind == "https" {
		if err := trust.InitCA(dir); err != nil {
			return err
		}
		if err := trust.Issue(dir, dir, "site", []string{zoneName}, 24*time.Hour); err != nil {
			return err
		}
		pair, err := tls.LoadX509KeyPair(filepath.Join(dir, "site.pem"), filepath.Join(dir, "site-key.pem"))
		if err != nil {
			return err
		}
		l = tls.NewListener(a, &tls.Config{Certificates: []tls.Certificate{pair}})
	}
	server := &http.Server{Handler: http.HandlerFunc(func(http.ResponseWriter, *http.Request) { a.served.Add(1) }), ReadHeaderTimeout: 10 * time.Second}
	go func() { _ = server.Serve(l) }() // ends with the listener
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
	a.served.Store(0)
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

// startProber starts a node with all the checks, and waits until it answers. It trusts the CA in dir, if there is one.
func (s settings) startProber(ctx context.Context, dir, check string) (*process, error) {
	port, err := twoPorts()
	if err != nil {
		return nil, err
	}
	var groups strings.Builder
	for g := range probeGroups {
		fmt.Fprintf(&groups, "record g%d {\nat one %s\nat two %s\ncheck %s {\ninterval %s\n}\n}\n", g, addresses(g, 1), addresses(g, 2), check, probeInterval)
	}
	argv, err := serve(dir, port, "", "serve @\nallow-targets 127.0.0.0/8\n"+groups.String()+"nameserver ns1."+zoneName+" 127.0.0.1")
	if err != nil {
		return nil, err
	}
	argv = append([]string{"SSL_CERT_FILE=" + filepath.Join(dir, trust.CAFile), s.binaries + "/failoverdns"}, argv...)
	running, err := start("failoverdns", dir, append([]string{"env"}, argv...)...)
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
