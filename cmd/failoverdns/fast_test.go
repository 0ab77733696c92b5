package main

import (
	"bytes"
	"encoding/hex"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/miekg/dns"
)

// slowAt serves the same zone without the fast path, metricsAt both's metrics.
const (
	slowAt    = "127.0.0.1:26020"
	metricsAt = "127.0.0.1:26021"
	countedAt = "127.0.0.1:26022" // CoreDNS's prometheus listens at an address once in a process
)

const slowChild = `
child.auth.example.org:26020 {
    bind 127.0.0.1
    failover {
        listener off
    }
}
`

const slowBlock = `
auth.example.org:26020 {
    bind 127.0.0.1
    errors
    nsid ns1
    failover {
        listener off
    }
}
`

// both sends a packet to two servers and gives their answers, nil where none comes in time.
func both(t *testing.T, b []byte, wait time.Duration) (fast, slow []byte) {
	t.Helper()
	var conns [2]net.Conn
	for i, at := range []string{plainAt, slowAt} {
		c, err := net.Dial("udp", at)
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		if _, err := c.Write(b); err != nil {
			t.Fatal(err)
		}
		conns[i] = c
	}
	return within(t, conns[0], wait), within(t, conns[1], wait)
}

// within is the next packet of a connection, or nil if none comes in time.
func within(t *testing.T, c net.Conn, wait time.Duration) []byte {
	t.Helper()
	if err := c.SetReadDeadline(time.Now().Add(wait)); err != nil {
		t.Fatal(err)
	}
	buf := make([]byte, dns.MaxMsgSize)
	n, err := c.Read(buf)
	if errors.Is(err, os.ErrDeadlineExceeded) {
		return nil
	}
	if err != nil {
		t.Fatal(err)
	}
	return buf[:n]
}

// wantSame wants both servers to give the same answer, or none. Most answers that do not come at once never do: only where
// one server has answered the other is waited for.
func wantSame(t *testing.T, packet []byte) {
	t.Helper()
	fast, slow := both(t, packet, 50*time.Millisecond)
	if (fast == nil) != (slow == nil) {
		fast, slow = both(t, packet, patience)
	}
	if !bytes.Equal(fast, slow) {
		t.Errorf("%s\ngets  %s\n%s\nwant %s\n%s", hex.EncodeToString(packet), hex.EncodeToString(fast), text(fast), hex.EncodeToString(slow), text(slow))
	}
}

func text(b []byte) string {
	m := new(dns.Msg)
	if err := m.Unpack(b); err != nil {
		return err.Error()
	}
	return m.String()
}

// oddPackets are plain questions with everything that EDNS and the header allow.
func oddPackets(t *testing.T) (all [][]byte) {
	options := [][]dns.EDNS0{
		nil, {&dns.EDNS0_COOKIE{Code: dns.EDNS0COOKIE, Cookie: "0102030405060708"}}, {&dns.EDNS0_PADDING{Padding: make([]byte, 40)}},
		{&dns.EDNS0_NSID{Code: dns.EDNS0NSID}}, {&dns.EDNS0_LOCAL{Code: 65001, Data: []byte{1, 2}}},
		{&dns.EDNS0_SUBNET{Code: dns.EDNS0SUBNET, Family: 1, SourceNetmask: 24, Address: net.IPv4(192, 0, 2, 0)}},
	}
	for _, name := range []string{"login", "LoGiN", "big", "mail", "www", "alias", "X.wild", "x.child", "child", "inchild", "nochild", "nothing"} {
		for i, o := range options {
			for _, size := range []uint16{0, 100, 511, 512, 600, 1232, 4096, 65535} {
				q := edns(question(name, []uint16{dns.TypeA, dns.TypeMX, dns.TypeNS, dns.TypeTXT}[i%4]), size)
				q.IsEdns0().Option = o
				q.IsEdns0().SetDo(size%2 == 0)
				q.RecursionDesired, q.CheckingDisabled, q.AuthenticatedData = i%2 == 0, i%3 == 0, size > 600
				all = append(all, pack(t, q))
			}
		}
	}
	q := question("login", dns.TypeA)
	for _, change := range []func(){
		func() { q.Authoritative = true }, func() { q.Truncated = true }, func() { q.RecursionAvailable = true }, func() { q.Zero = true },
		func() { q.Rcode = 3 }, func() { q.SetEdns0(1232, false).IsEdns0().SetVersion(1) }, func() { q.IsEdns0().SetVersion(0); q.IsEdns0().SetExtendedRcode(16) },
	} {
		change()
		all = append(all, pack(t, q))
	}
	return append(all, pack(t, new(dns.Msg).SetQuestion(".", dns.TypeNS)), pack(t, new(dns.Msg).SetQuestion("example.com.", dns.TypeA)))
}

func TestFastPathAnswersOctetForOctetAsCoreDNS(t *testing.T) {
	dir := t.TempDir()
	bootZone(t, dir)
	site(t)
	boot(t, plain(dir, "prometheus "+metricsAt, "nsid ns1")+childBlock+slowBlock+slowChild)
	all := append(goodPackets(t), oddPackets(t)...)
	for _, packet := range all {
		wantSame(t, packet)
	}
	if n := metric(t, metricsAt, `coredns_failover_fast_answers_total\{server="dns://`+plainAt+`"\}`); n < 200 {
		t.Errorf("The fast path has given %v answers of %d: is it on?", n, len(all))
	}
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	r := rand.New(rand.NewPCG(seed, 0))
	for range 1000 {
		wantSame(t, mutate(r, all[r.IntN(len(all))]))
	}
}

// metric is the sum of the series that a pattern matches.
func metric(t *testing.T, at, pattern string) (sum float64) {
	t.Helper()
	body, err := get("http://" + at + "/metrics")
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range regexp.MustCompile(`(?m)^`+pattern+` (\S+)$`).FindAllStringSubmatch(body, -1) {
		v, err := strconv.ParseFloat(m[1], 64)
		if err != nil {
			t.Fatal(err)
		}
		sum += v
	}
	return sum
}

// TestFastPathCountsAsCoreDNSDoes asks the same of a server with and without the fast path, both with prometheus.
func TestFastPathCountsAsCoreDNSDoes(t *testing.T) {
	dir := t.TempDir()
	bootZone(t, dir)
	site(t)
	boot(t, plain(dir, "prometheus "+countedAt)+strings.Replace(slowBlock, "errors", "prometheus "+countedAt, 1))
	series := func(at string) []string {
		labels := `[^}]*server="dns://` + at + `"[^}]*`
		var all []string
		for _, s := range []string{
			`dns_requests_total\{` + labels + `type="A"[^}]*\}`, `dns_requests_total\{` + labels + `type="other"[^}]*\}`,
			`dns_do_requests_total\{` + labels + `\}`, `dns_responses_total\{` + labels + `\}`,
			`dns_request_size_bytes_sum\{` + labels + `\}`, `dns_response_size_bytes_sum\{` + labels + `\}`, `dns_response_size_bytes_count\{` + labels + `\}`,
			`dns_response_size_bytes_bucket\{le="100"` + labels + `\}`, `dns_response_size_bytes_bucket\{le="200"` + labels + `\}`,
			`dns_request_duration_seconds_count\{` + labels + `\}`, `failover_queries_total\{` + labels + `\}`,
		} {
			all = append(all, fmt.Sprint(metric(t, countedAt, "coredns_"+s)))
		}
		return all
	}
	fast, slow := series(plainAt), series(slowAt)
	for _, at := range []string{plainAt, slowAt} {
		for _, name := range []string{"login", "x.wild", "nothing", "www", "child"} {
			for _, qtype := range []uint16{dns.TypeA, dns.TypeLOC} {
				q := question(name, qtype).SetEdns0(1232, true)
				if _, _, err := (&dns.Client{Timeout: patience}).Exchange(q, at); err != nil {
					t.Fatal(err)
				}
			}
		}
	}
	grown := func(before, after []string) (out []string) {
		for i := range before {
			a, _ := strconv.ParseFloat(before[i], 64)
			b, _ := strconv.ParseFloat(after[i], 64)
			out = append(out, fmt.Sprint(b-a))
		}
		return out
	}
	eventually(t, func() error { // CoreDNS counts after it has answered
		gotFast, gotSlow := grown(fast, series(plainAt)), grown(slow, series(slowAt))
		if !slices.Equal(gotFast, gotSlow) || gotSlow[0] != "5" {
			return fmt.Errorf("expected the same growth with and without the fast path, got\n%v\n%v", gotFast, gotSlow)
		}
		return nil
	})
	if n := metric(t, countedAt, `coredns_failover_fast_answers_total\{server="dns://`+plainAt+`"\}`); n < 10 {
		t.Errorf("The fast path has given %v answers: is it on?", n)
	}
}
