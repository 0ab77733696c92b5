package main

import (
	"context"
	"fmt"
	"net/netip"
	"os"
	"strconv"
	"strings"
	"sync"
	"time"
)

// floodLimit is the servers' rate limit, in answers a second and network; the client asks for half of it.
const (
	floodLimit = 400
	floodEvery = 2 * time.Second / floodLimit
)

// floodClient is who asks in earnest, from a network of its own.
var floodClient = netip.MustParseAddr("127.200.7.1")

// deluge is what the client has to bear.
type deluge struct {
	name     string
	networks int // that the flood comes from; 0: there is none
}

var deluges = []deluge{{"none", 0}, {"from one network", 1}, {"from 65,535 networks", 1 << 16}}

// borne is what a server and its client bore.
type borne struct {
	client  patience
	sent    int           // the flood's packets
	dropped int           // by the kernel, since the server's sockets were full
	poured  time.Duration // CPU time of the flooder
	took    time.Duration // CPU time of the server
	before  int64         // bytes resident
	after   int64
}

// flood measures what a flood of random names, as fast as one core sends them, takes from a client that stays behind the
// rate limit.
func flood(ctx context.Context, s settings) error {
	w, err := makeWorkload(s.dir, 10_000)
	if err != nil {
		return err
	}
	rows := [][]string{{"server", "flood", "its packets a second", "CPU to send one, µs", "to take one, µs", "kernel dropped", "client lost at first", "in the end", "came cut", "p99, µs", "memory, MiB: before", "after"}}
	for _, p := range flooded(s.binaries) {
		if _, err := p.binary(); err != nil {
			progress("%s is not installed here, and left out", p.name)
			continue
		}
		for _, d := range deluges {
			all, err := s.bear(ctx, p, d, w)
			if err != nil {
				return err
			}
			rows = append(rows, floodRow(p, d, all, s.length))
			progress("%s", rows[len(rows)-1])
		}
	}
	fmt.Printf("\n## A client during a flood of random names\n\nThe client asks %d times a second from a network of its own, behind a limit of %d; it asks again after %s, and gives up after %d queries. "+
		"The flood is as fast as the client's core sends; server on the other; %d rounds of %s.\n\n",
		time.Second/floodEvery, floodLimit, patienceWait, patienceTries, s.rounds, s.length)
	fmt.Print(table(rows))
	return nil
}

// flooded are the servers to compare, with and without their limits.
func flooded(binaries string) []peer {
	program := ours(binaries)[0].program
	return []peer{
		{"failoverdns", program, failoverdns("", fmt.Sprintf("ratelimit %d", floodLimit))},
		{"failoverdns without limit", program, failoverdns("", "")},
		{"NSD", "nsd", nsdLimited},
		{"Knot DNS", "knotd", knotLimited},
		{"gdnsd (has no limit)", "gdnsd", gdnsd},
	}
}

// bear has a server bear a flood in each round.
func (s settings) bear(ctx context.Context, p peer, d deluge, w workload) (all []borne, err error) {
	for round := range s.rounds {
		b, err := s.bearOnce(ctx, p, d, w)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", p.name, err)
		}
		progress("round %d of %d, %s, flood %s: %d packets, %d dropped by the kernel; of %d queries %d lost at first, %d in the end",
			round+1, s.rounds, p.name, d.name, b.sent, b.dropped, b.client.asked, b.client.again, b.client.lost)
		all = append(all, b)
	}
	return all, nil
}

func (s settings) bearOnce(ctx context.Context, p peer, d deluge, w workload) (b borne, err error) {
	running, port, err := s.startPeer(ctx, p, w)
	if err != nil {
		return b, err
	}
	defer running.stop()
	if _, err := ask(ctx, w.queries, port, time.Second, floodLimit/2); err != nil { // to warm it
		return b, err
	}
	if b.before, err = running.resident(); err != nil {
		return b, err
	}
	used, err := running.cpu()
	if err != nil {
		return b, err
	}
	dropped := droppedAt(port)
	until, stop := context.WithTimeout(ctx, s.length+time.Second)
	defer stop()
	var group sync.WaitGroup
	var failed error
	if d.networks > 0 {
		group.Go(func() { b.sent, b.poured, failed = floodFrom(until, port, d.networks) })
	}
	time.Sleep(500 * time.Millisecond) // the flood has filled what it can
	b.client, err = askPatiently(ctx, port, s.length)
	stop()
	group.Wait()
	if err == nil {
		err = failed
	}
	if err != nil {
		return b, err
	}
	b.dropped = droppedAt(port) - dropped
	now, err := running.cpu()
	if err != nil {
		return b, err
	}
	b.took = now - used
	b.after, err = running.resident()
	return b, err
}

// droppedAt is how many packets for the sockets of a port the kernel has dropped: the last column of /proc/net/udp.
func droppedAt(port int) (total int) {
	for _, path := range []string{"/proc/net/udp", "/proc/net/udp6"} {
		b, err := os.ReadFile(path)
		if err != nil {
			continue
		}
		for line := range strings.Lines(string(b)) {
			f := strings.Fields(line)
			if len(f) < 13 || !strings.HasSuffix(f[1], fmt.Sprintf(":%04X", port)) {
				continue
			}
			n, _ := strconv.Atoi(f[12]) // the kernel writes numbers
			total += n
		}
	}
	return total
}

func floodRow(p peer, d deluge, all []borne, length time.Duration) []string {
	var rate, send, take, dropped, first, lost, cut, p99, before, after []float64
	for _, b := range all {
		asked := float64(b.client.asked)
		rate = append(rate, float64(b.sent)/(length+time.Second).Seconds())
		send = append(send, float64(b.poured.Microseconds())/max(1, float64(b.sent)))
		take = append(take, float64(b.took.Microseconds())/max(1, float64(b.sent-b.dropped)))
		dropped = append(dropped, 100*float64(b.dropped)/max(1, float64(b.sent)))
		first, lost, cut = append(first, 100*float64(b.client.again)/asked), append(lost, 100*float64(b.client.lost)/asked), append(cut, 100*float64(b.client.cut)/asked)
		if len(b.client.took) > 0 {
			p99 = append(p99, float64(quantile(b.client.took, 0.99).Microseconds()))
		}
		before, after = append(before, float64(b.before>>20)), append(after, float64(b.after>>20))
	}
	late := "–"
	if len(p99) > 0 {
		late = spread(p99, "%.0f")
	}
	its := []string{"–", "–", "–", "–"}
	if d.networks > 0 {
		its = []string{spread(rate, "%.0f"), spread(send, "%.2f"), spread(take, "%.2f"), spread(dropped, "%.1f %%")}
	}
	return []string{p.name, d.name, its[0], its[1], its[2], its[3], spread(first, "%.2f %%"), spread(lost, "%.2f %%"),
		spread(cut, "%.2f %%"), late, spread(before, "%.0f"), spread(after, "%.0f")}
}
