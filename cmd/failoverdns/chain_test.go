package main

import (
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/miekg/dns"
)

const key, secret = "xfr.auth.example.org.", "c2VjcmV0LW9mLXRoZS10ZXN0cy1vbmx5LW5vdGhpbmcgZWxzZQ=="

// signed asks with TSIG, over TCP.
func signed(q *dns.Msg, withSecret string) (*dns.Msg, error) {
	q = q.Copy().SetTsig(key, dns.HmacSHA256, 300, time.Now().Unix())
	c := &dns.Client{Net: "tcp", Timeout: patience, TsigSecret: map[string]string{key: withSecret}}
	m, _, err := c.Exchange(q, plainAt)
	return m, err
}

// TestFlipIsSeenThroughTheWholeChain boots all plugins of this server that pass queries on in front of failover, cache
// among them, and kills a site: the next answer of the node is the next answer of every client.
func TestFlipIsSeenThroughTheWholeChain(t *testing.T) {
	dir := t.TempDir()
	bootZone(t, dir)
	azure := site(t)
	boot(t, plain(dir, "root "+dir, "timeouts {\n read 2s\n }", "multisocket 2", "nsid ns1", "bufsize 1000", "ready "+readyAt+" {\n monitor continuously\n }",
		"health 127.0.0.1:26008", "prometheus 127.0.0.1:26009", "log", "chaos failoverdns tests", "loadbalance", "tsig {\n secret "+key+" "+secret+"\n }",
		"acl {\n block type HINFO net *\n }", "cache 3600 {\n servfail 5m\n }", "transfer {\n to *\n }"))
	for _, c := range []struct {
		claim string
		check func(*testing.T)
	}{
		{"NSID", nsidAnswered}, {"Bufsize", bufsizeOfOperator}, {"ACL", aclBlocks}, {"Loadbalance", shuffled},
		{"TSIG", tsigSigned}, {"Chaos", chaosOfServer}, {"Metrics", measured},
	} {
		t.Run(c.claim, c.check)
	}
	for range 3 {
		answers(t, "127.0.0.1")
	}
	if m := mustExchange(t, "udp", question("gone", dns.TypeA)); m.Rcode != dns.RcodeNameError {
		t.Errorf("Expected NXDOMAIN, got %v", m)
	}
	azure.Close()
	eventually(t, func() error { return nodeAnswers("127.0.0.2") })
	answers(t, "127.0.0.2")
}

// answers fails unless the answer by DNS is an address, by UDP and TCP, and its TTL whole.
func answers(t *testing.T, want string) {
	t.Helper()
	for _, network := range []string{"udp", "tcp"} {
		m := mustExchange(t, network, question("login", dns.TypeA))
		a, ok := m.Answer[0].(*dns.A)
		if !ok || a.A.String() != want || a.Hdr.Ttl != 60 {
			t.Errorf("Expected %s with TTL 60 over %s, got\n%v", want, network, m)
		}
	}
}

// nodeAnswers asks the admin API what the node answers, past all plugins.
func nodeAnswers(want string) error {
	body, err := get("http://" + adminAt + "/v1/explain?name=login.auth.example.org&type=A")
	if err == nil && !strings.Contains(body, want) {
		err = errors.New(body)
	}
	return err
}

func get(url string) (string, error) {
	res, err := http.Get(url)
	if err != nil {
		return "", err
	}
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	if err == nil && res.StatusCode != http.StatusOK {
		err = fmt.Errorf("%s: %s", res.Status, b)
	}
	return string(b), err
}

func nsidAnswered(t *testing.T) {
	q := edns(question("login", dns.TypeA), 1232)
	q.IsEdns0().Option = []dns.EDNS0{&dns.EDNS0_NSID{Code: dns.EDNS0NSID}}
	m := mustExchange(t, "udp", q)
	opt := m.IsEdns0()
	if opt == nil || len(opt.Option) != 1 {
		t.Fatalf("Expected an option, got\n%v", m)
	}
	if got, ok := opt.Option[0].(*dns.EDNS0_NSID); !ok || got.Nsid != hex.EncodeToString([]byte("ns1")) {
		t.Errorf("Expected this server's NSID, got %v", opt.Option[0])
	}
}

func bufsizeOfOperator(t *testing.T) {
	m := mustExchange(t, "udp", edns(question("login", dns.TypeA), 4096))
	if opt := m.IsEdns0(); opt == nil || opt.UDPSize() != 1000 {
		t.Errorf("Expected the operator's 1000 octets, got\n%v", m)
	}
}

func aclBlocks(t *testing.T) {
	rcode(t, mustExchange(t, "udp", question("login", dns.TypeHINFO)), dns.RcodeRefused)
}

func shuffled(t *testing.T) {
	first := map[string]bool{}
	for range 40 {
		m := mustExchange(t, "tcp", question("big", dns.TypeA))
		if len(m.Answer) != 60 {
			t.Fatalf("Expected 60 addresses, got %d", len(m.Answer))
		}
		first[m.Answer[0].String()] = true
	}
	if len(first) < 2 {
		t.Error("Expected addresses in changing order")
	}
}

func tsigSigned(t *testing.T) {
	m, err := signed(question("login", dns.TypeA), secret) // the client verifies
	if err != nil || m.IsTsig() == nil || len(m.Answer) != 1 {
		t.Errorf("Expected a signed answer, got %v (%v)", m, err)
	}
	c := &dns.Client{UDPSize: dns.MaxMsgSize, Timeout: patience, TsigSecret: map[string]string{key: secret}}
	m, _, err = c.Exchange(question("big", dns.TypeA).SetTsig(key, dns.HmacSHA256, 300, time.Now().Unix()), plainAt)
	if err != nil {
		t.Fatal(err)
	}
	if m.Compress = true; !m.Truncated || m.Len() > 512+100 {
		t.Errorf("Expected a signed answer to be cut over UDP, got %v", m)
	}
	m, _ = signed(question("login", dns.TypeA), "d3Jvbmc=")
	if m == nil || m.Rcode != dns.RcodeNotAuth || len(m.Answer) > 0 {
		t.Errorf("Expected NOTAUTH for a wrong signature (RFC 8945 section 5.2), got %v", m)
	}
}

func chaosOfServer(t *testing.T) {
	q := new(dns.Msg).SetQuestion("version.bind.", dns.TypeTXT)
	q.Question[0].Qclass = dns.ClassCHAOS
	rcode(t, mustExchange(t, "udp", q), dns.RcodeRefused) // it is outside the block's zone
	q = question("login", dns.TypeA)
	q.Question[0].Qclass = dns.ClassCHAOS
	rcode(t, mustExchange(t, "udp", q), dns.RcodeRefused)
}

func measured(t *testing.T) {
	body, err := get("http://127.0.0.1:26009/metrics")
	if err != nil {
		t.Fatal(err)
	}
	if !regexp.MustCompile(`(?m)^coredns_failover_queries_total\{rcode="NOERROR",server="dns://127.0.0.1:26000",zone="auth.example.org."\} [1-9]`).MatchString(body) {
		t.Error("Expected queries to be counted by server and zone")
	}
	if !strings.Contains(body, `coredns_dns_requests_total`) {
		t.Error("Expected CoreDNS's own metrics")
	}
}

// TestReadyIsTheWholeNodes boots several failover blocks: CoreDNS's ready keeps one answer for all of them.
func TestReadyIsTheWholeNodes(t *testing.T) {
	dir := t.TempDir()
	bootZone(t, dir)
	site(t)
	certificate(t, dir)
	start(t, plain(dir, "ready "+readyAt+" {\n monitor continuously\n }")+childBlock+encrypted(dir))
	eventually(t, func() error { _, err := get("http://" + readyAt + "/ready"); return err })
	for _, name := range []string{"login.auth.example.org.", "ns.child.auth.example.org."} {
		if m, err := ask("udp", name, dns.TypeA); err != nil || m.Rcode != dns.RcodeSuccess || !m.Authoritative {
			t.Errorf("Expected a ready node to answer for %s, got %v (%v)", name, m, err)
		}
	}
}

// TestNodeThatWaitsForItsPeersIsNotReady and answers SERVFAIL, whichever block is asked.
func TestNodeThatWaitsForItsPeersIsNotReady(t *testing.T) {
	dir := t.TempDir()
	bootZone(t, dir)
	certificate(t, dir)
	cluster := "cluster {\n id dot\n peer dot 127.0.0.1:26010\n peer other 127.0.0.1:26011\n tls " +
		filepath.Join(dir, "dot.pem") + " " + filepath.Join(dir, "dot-key.pem") + " " + filepath.Join(dir, "ca.pem")
	text := strings.Replace(plain(dir, "ready "+readyAt), "cluster {", cluster, 1)
	start(t, text+childBlock+encrypted(dir))
	for range 5 {
		if _, err := get("http://" + readyAt + "/ready"); err == nil || !strings.Contains(err.Error(), "failover") {
			t.Errorf("Expected 503 and the plugin's name, got %v", err)
		}
		for _, name := range []string{"login.auth.example.org.", "ns.child.auth.example.org."} {
			m, err := ask("udp", name, dns.TypeA)
			if err != nil || m.Rcode != dns.RcodeServerFailure {
				t.Errorf("Expected SERVFAIL for %s, got %v (%v)", name, m, err)
			}
		}
	}
}

// TestEveryDirectiveIsOfAPluginThatIsLinked, and in an order that CoreDNS takes.
func TestEveryDirectiveIsOfAPluginThatIsLinked(t *testing.T) {
	source, err := os.ReadFile("directives.go")
	if err != nil {
		t.Fatal(err)
	}
	for _, d := range directives {
		dir := strings.Replace(d, "prometheus", "metrics", 1)
		if d != "failover" && !strings.Contains(string(source), "coredns/plugin/"+dir+"\"") {
			t.Errorf("directive %s has no plugin", d)
		}
	}
}
