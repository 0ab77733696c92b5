package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/miekg/dns"
)

// cost is what one server used for the queries of one round.
type cost struct {
	perQuery float64 // CPU time, µs
	load     load
	length   time.Duration
}

// answers measures CPU time for each answered query: each server in turn, round after round, so that a slow minute of the
// machine hits all.
func answers(ctx context.Context, s settings) error {
	small, err := makeWorkload(s.dir, 10_000)
	if err != nil {
		return err
	}
	all := append(append([]peer{}, peers...), ours(s.binaries)...)
	costs, missing := map[string][]cost{}, []string{}
	for round := range s.rounds {
		for _, p := range all {
			if _, err := p.binary(); err != nil {
				if round == 0 {
					missing = append(missing, p.name)
				}
				continue
			}
			c, err := s.round(ctx, p, small)
			if err != nil {
				return err
			}
			progress("round %d of %d, %s: %.2f µs, %d answers, %d lost", round+1, s.rounds, p.name, c.perQuery, c.load.answered, c.load.lost)
			costs[p.name] = append(costs[p.name], c)
		}
	}
	fmt.Printf("\n## CPU time for each answered query\n\nUDP, 10,000 names, one question in ten misses; server on one core, dnsperf on another; %d rounds of %s.\n\n", s.rounds, s.length)
	fmt.Print(costTable(all, costs))
	for _, name := range missing {
		fmt.Printf("\n%s is not installed here, and left out.\n", name)
	}
	return s.sizes(ctx)
}

// sizes measures this server with a small and a large zone.
func (s settings) sizes(ctx context.Context) error {
	var measured []peer
	costs := map[string][]cost{}
	p := ours(s.binaries)[0]
	for _, names := range []int{10_000, 1_000_000} {
		w, err := makeWorkload(s.dir, names)
		if err != nil {
			return err
		}
		sized := p
		sized.name = fmt.Sprintf("%d names", names)
		measured = append(measured, sized)
		for range s.rounds {
			c, err := s.round(ctx, sized, w)
			if err != nil {
				return err
			}
			progress("%s: %.2f µs", sized.name, c.perQuery)
			costs[sized.name] = append(costs[sized.name], c)
		}
	}
	fmt.Printf("\n## The same by the size of the zone\n\n%s", costTable(measured, costs))
	return nil
}

// round starts a server, asks it, and stops it.
func (s settings) round(ctx context.Context, p peer, w workload) (c cost, err error) {
	running, port, err := s.startPeer(ctx, p, w)
	if err != nil {
		return c, err
	}
	defer running.stop()
	if _, err := ask(ctx, w.queries, port, time.Second, 0); err != nil { // to warm it
		return c, err
	}
	before, err := running.cpu()
	if err != nil {
		return c, err
	}
	if c.load, err = ask(ctx, w.queries, port, s.length, 0); err != nil {
		return c, fmt.Errorf("%s: %w", p.name, err)
	}
	after, err := running.cpu()
	if err != nil {
		return c, fmt.Errorf("%s: %w\n%s", p.name, err, running.tail())
	}
	if c.load.answered == 0 {
		return c, fmt.Errorf("%s answered nothing:\n%s", p.name, running.tail())
	}
	c.length, c.perQuery = s.length, float64((after-before).Microseconds())/float64(c.load.answered)
	return c, nil
}

// startPeer starts a server and waits until it answers for the zone's last name.
func (s settings) startPeer(ctx context.Context, p peer, w workload) (*process, int, error) {
	program, err := p.binary()
	if err != nil {
		return nil, 0, err
	}
	dir, err := os.MkdirTemp(s.dir, filepath.Base(program)+"-")
	if err != nil {
		return nil, 0, err
	}
	port, err := twoPorts()
	if err != nil {
		return nil, 0, err
	}
	argv, err := p.configure(dir, w, port)
	if err != nil {
		return nil, 0, fmt.Errorf("configure %s: %w", p.name, err)
	}
	running, err := start(p.name, dir, append([]string{program}, argv...)...)
	if err != nil {
		return nil, 0, err
	}
	if err := waitAnswer(ctx, running, port, host(w.names-1)+"."+zoneName+"."); err != nil {
		running.stop()
		return nil, 0, err
	}
	return running, port, nil
}

// waitAnswer waits up to two minutes until a name has an A record.
func waitAnswer(ctx context.Context, p *process, port int, name string) error {
	m := new(dns.Msg)
	m.SetQuestion(name, dns.TypeA)
	client := dns.Client{Timeout: time.Second}
	for range 1200 {
		r, _, err := client.ExchangeContext(ctx, m, fmt.Sprintf("127.0.0.1:%d", port))
		if err == nil && len(r.Answer) > 0 {
			return nil
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-p.done:
			return fmt.Errorf("%s ended by itself:\n%s", p.name, p.tail())
		case <-time.After(100 * time.Millisecond):
		}
	}
	return fmt.Errorf("%s has no answer for %s after two minutes:\n%s", p.name, name, p.tail())
}

// costTable has a row for each server, and its ratio to the first that was measured.
func costTable(all []peer, costs map[string][]cost) string {
	rows := [][]string{{"server", "CPU per answer, µs", "ratio", "answers a second", "lost"}}
	yardstick := 0.0
	for _, p := range all {
		var per, rate []float64
		lost := 0
		for _, c := range costs[p.name] {
			per = append(per, c.perQuery)
			rate = append(rate, float64(c.load.answered)/c.length.Seconds())
			lost += c.load.lost
		}
		if len(per) == 0 {
			continue
		}
		if yardstick == 0 {
			yardstick = median(per)
		}
		rows = append(rows, []string{p.name, spread(per, "%.2f"), fmt.Sprintf("%.2f", median(per)/yardstick), spread(rate, "%.0f"), fmt.Sprint(lost)})
	}
	return table(rows)
}
