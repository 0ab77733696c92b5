//go:build linux

package e2e

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/miekg/dns"

	"failoverdns/e2e/cluster"
)

// The limits for connections by default: docs/listener.md.
const (
	mostConnections = 1000
	mostOfNetwork   = 100
)

// floodNetworks are the networks from which idle connections come: four times as many as fill all places.
const floodNetworks = 40

// from is a client's dialer at an address of this machine.
func from(ip string) *net.Dialer {
	return &net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(ip)}, Timeout: 5 * time.Second}
}

// idle opens connections that ask nothing, from many networks, and holds all of them.
func idle(t *testing.T, n *cluster.Node, count int) {
	t.Helper()
	var mu sync.Mutex
	var conns []net.Conn
	t.Cleanup(func() {
		for _, c := range conns {
			c.Close()
		}
	})
	var all sync.WaitGroup
	for network := range floodNetworks {
		all.Go(func() {
			for i := range count / floodNetworks {
				c, err := from(fmt.Sprintf("127.1.%d.%d", network, 1+i%200)).Dial("tcp", n.DNS)
				if err != nil {
					continue // reset before it was seen
				}
				mu.Lock()
				conns = append(conns, c)
				mu.Unlock()
			}
		})
	}
	all.Wait()
}

// seriesOf is the sum of a metric's series that have a text in their labels.
func seriesOf(t *testing.T, n *cluster.Node, name, labels string) (sum float64) {
	t.Helper()
	var text bytes.Buffer
	ok(t, n.WriteMetrics(soon(t), &text))
	for lines := bufio.NewScanner(&text); lines.Scan(); {
		words := strings.Fields(lines.Text())
		if series, _, _ := strings.Cut(words[0], "{"); len(words) != 2 || series != name || !strings.Contains(words[0], labels) {
			continue
		}
		v, err := strconv.ParseFloat(words[1], 64)
		ok(t, err)
		sum += v
	}
	return sum
}

// asking asks all the time until the test stops it, each query once, and gives how long each took.
func asking(ctx context.Context, t *testing.T, c *dns.Client, at string) (times []time.Duration) {
	for ctx.Err() == nil {
		m, took, err := c.Exchange(new(dns.Msg).SetQuestion(login+".", dns.TypeA), at)
		if err != nil || cluster.Answer(m) != azure {
			t.Errorf("over %s: %v (%v)", c.Net, m, err)
			return times
		}
		times = append(times, took)
		pause(ctx, 5*time.Millisecond)
	}
	return times
}

// summary is the median and the worst of some times.
func summary(times []time.Duration) string {
	if len(times) == 0 {
		return "none"
	}
	slices.Sort(times)
	return fmt.Sprintf("%d answers, half of them within %s, all within %s", len(times), times[len(times)/2], times[len(times)-1])
}

func TestTenThousandIdleConnectionsTakeNothingFromOthers(t *testing.T) {
	c := launch(t, cluster.Spec{Nodes: 1, Interval: fast})
	n := c.Nodes()[0]
	observe(t, c)
	for _, under := range []string{"quiet", "10,000 idle connections"} {
		ctx, stop := context.WithCancel(t.Context())
		var udp, tcp []time.Duration
		var clients sync.WaitGroup
		clients.Go(func() { udp = asking(ctx, t, &dns.Client{Net: "udp", Timeout: 5 * time.Second}, n.DNS) })
		clients.Go(func() {
			tcp = asking(ctx, t, &dns.Client{Net: "tcp", Timeout: 5 * time.Second, Dialer: from("127.9.9.9")}, n.DNS)
		})
		if under == "quiet" {
			pause(ctx, time.Second)
		} else {
			idle(t, n, idleConnections)
		}
		open := seriesOf(t, n, "coredns_failover_connections", "")
		stop()
		clients.Wait()
		t.Logf("%s: UDP: %s; TCP: %s; %.0f connections open", under, summary(udp), summary(tcp), open)
		if open > mostConnections {
			t.Errorf("Expected at most %d connections, got %.0f", mostConnections, open)
		}
	}
	refused, evicted := seriesOf(t, n, "coredns_failover_connections_refused_total", "network"), seriesOf(t, n, "coredns_failover_connections_evicted_total", "")
	t.Logf("%.0f turned away, %.0f closed to make room", refused, evicted)
	if refused+evicted < idleConnections/2 {
		t.Errorf("Expected most of %d connections to be turned away or closed, got %.0f and %.0f", idleConnections, refused, evicted)
	}
}

func TestNetworkWithIdleConnectionsHasItsShareAndNoMore(t *testing.T) {
	c := launch(t, cluster.Spec{Nodes: 1, Interval: fast})
	n := c.Nodes()[0]
	for range 3 * mostOfNetwork {
		conn, err := from("127.2.0.1").Dial("tcp", n.DNS)
		if errors.Is(err, syscall.ECONNRESET) {
			continue // turned away before it was seen
		}
		ok(t, err)
		defer conn.Close()
	}
	ctx, stop := context.WithTimeout(t.Context(), 200*time.Millisecond)
	defer stop()
	asking(ctx, t, &dns.Client{Net: "tcp", Timeout: 5 * time.Second, Dialer: from("127.2.1.1")}, n.DNS)
	if refused := seriesOf(t, n, "coredns_failover_connections_refused_total", "network"); refused < mostOfNetwork {
		t.Errorf("Expected at least %d connections to be turned away, got %.0f", mostOfNetwork, refused)
	}
}

func TestClientThatSendsAByteASecondIsCutOff(t *testing.T) {
	c := launch(t, cluster.Spec{Nodes: 1, Interval: fast})
	conn, err := from("127.3.0.1").Dial("tcp", c.Nodes()[0].DNS)
	ok(t, err)
	defer conn.Close()
	go func() { // a query of 65,535 octets
		for t.Context().Err() == nil {
			if _, err := conn.Write([]byte{255}); err != nil {
				return
			}
			pause(t.Context(), time.Second)
		}
	}()
	began := time.Now()
	ok(t, conn.SetReadDeadline(began.Add(60*time.Second)))
	_, err = conn.Read(make([]byte, 1))
	if timeout, is := err.(net.Error); err == nil || is && timeout.Timeout() {
		t.Errorf("Expected the connection to be closed, got %v", err)
	}
	t.Logf("closed after %s with: %v", time.Since(began).Round(time.Millisecond), err)
}
