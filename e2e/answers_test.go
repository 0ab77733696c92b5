package e2e

import (
	"bytes"
	"strings"
	"testing"

	"github.com/miekg/dns"

	"failoverdns/e2e/cluster"
)

func TestAnswersOfASingleNodeWithoutClusterBlock(t *testing.T) {
	n := launch(t, cluster.Spec{Nodes: 1, Interval: fast, Serve: []string{"@", "login", "a.b"}}).Nodes()[0]
	for _, c := range []want{
		{"login." + zone, dns.TypeA, "NOERROR", "login.auth.example.com. 60 A 127.0.0.11", ""},
		{"LoGiN." + zone, dns.TypeA, "NOERROR", "LoGiN.auth.example.com. 60 A 127.0.0.11", ""},
		{zone, dns.TypeA, "NOERROR", "auth.example.com. 60 A 127.0.0.11", ""},
		{"login." + zone, dns.TypeAAAA, "NOERROR", "", "auth.example.com. 60 SOA"},
		{"b." + zone, dns.TypeA, "NOERROR", "", "auth.example.com. 60 SOA"}, // an empty non-terminal: RFC 4592 section 2.2.2
		{"nothing." + zone, dns.TypeA, "NXDOMAIN", "", "auth.example.com. 60 SOA"},
		{"ns1." + zone, dns.TypeA, "NOERROR", "ns1.auth.example.com. * A 192.0.2.1", ""},
		{zone, dns.TypeNS, "NOERROR", "auth.example.com. * NS ns1.auth.example.com.", ""},
		{zone, dns.TypeSOA, "NOERROR", "auth.example.com. * SOA", ""},
		{"login.example.com", dns.TypeA, "REFUSED", "", ""},
	} {
		t.Run(c.name+" "+dns.TypeToString[c.qtype], func(t *testing.T) { c.check(t, n) })
	}
}

func TestAnswersOfAZoneFile(t *testing.T) {
	n := launch(t, cluster.Spec{Nodes: 1, Interval: fast, Serve: []string{"login"}, ZoneFile: `
$TTL 300
@        IN SOA ns.example.net. admin.example.net. 7 3600 600 86400 30
@        IN NS  ns.example.net.
www      IN CNAME login
*.apps   IN TXT "wild"
x.apps   IN TXT "named"
child    IN NS  ns.child
ns.child IN A   192.0.2.9
`}).Nodes()[0]
	for _, c := range []want{
		{"www." + zone, dns.TypeA, "NOERROR", "www.auth.example.com. 300 CNAME login.auth.example.com.|login.auth.example.com. 60 A 127.0.0.11", ""},
		{"y.apps." + zone, dns.TypeTXT, "NOERROR", `y.apps.auth.example.com. 300 TXT "wild"`, ""},
		{"x.apps." + zone, dns.TypeTXT, "NOERROR", `x.apps.auth.example.com. 300 TXT "named"`, ""},
		{"y.x.apps." + zone, dns.TypeTXT, "NXDOMAIN", "", "auth.example.com. 30 SOA"}, // the closest encloser is x.apps
		{"login." + zone, dns.TypeTXT, "NOERROR", "", "auth.example.com. 30 SOA"},
		{"apps." + zone, dns.TypeA, "NOERROR", "", "auth.example.com. 30 SOA"},
	} {
		t.Run(c.name+" "+dns.TypeToString[c.qtype], func(t *testing.T) { c.check(t, n) })
	}
	t.Run("delegation", func(t *testing.T) {
		m, err := n.Query(soon(t), "a.child."+zone, dns.TypeA)
		ok(t, err)
		if m.Authoritative || len(m.Answer) != 0 || len(m.Ns) != 1 || len(m.Extra) != 1 {
			t.Errorf("a referral has no AA, the NS in the authority section and its glue; it is:\n%s", m)
		}
	})
}

// want is a question and what its authoritative answer holds. Records are written without the class and joined by
// "|"; a TTL of * is any; text behind what is wanted does not matter.
type want struct {
	name      string
	qtype     uint16
	rcode     string
	answer    string
	authority string
}

// check asks over UDP and TCP, which must not differ.
func (w *want) check(t *testing.T, n *cluster.Node) {
	over, err := n.Query(soon(t), w.name, w.qtype)
	ok(t, err)
	tcp, err := n.QueryTCP(soon(t), w.name, w.qtype)
	ok(t, err)
	for _, m := range []*dns.Msg{over, tcp} {
		if got := dns.RcodeToString[m.Rcode]; got != w.rcode {
			t.Errorf("response code %s, not %s", got, w.rcode)
		}
		if authoritative := w.rcode != "REFUSED"; m.Authoritative != authoritative || m.RecursionAvailable {
			t.Errorf("flags AA %t, RA %t", m.Authoritative, m.RecursionAvailable)
		}
		if m.Question[0].Name != dns.Fqdn(w.name) {
			t.Errorf("the question came back as %q", m.Question[0].Name)
		}
		compare(t, "answer", m.Answer, w.answer)
		compare(t, "authority", authorityOf(m), w.authority)
	}
}

// authorityOf leaves out NS records, which an answer may but need not carry.
func authorityOf(m *dns.Msg) (out []dns.RR) {
	for _, r := range m.Ns {
		if r.Header().Rrtype != dns.TypeNS {
			out = append(out, r)
		}
	}
	return out
}

func compare(t *testing.T, section string, got []dns.RR, want string) {
	t.Helper()
	var wanted []string
	if want != "" {
		wanted = strings.Split(want, "|")
	}
	if len(got) != len(wanted) {
		t.Errorf("%s has %d records, not %d: %v", section, len(got), len(wanted), got)
		return
	}
	for i, r := range got {
		f := strings.Fields(r.String()) // name, TTL, class, type, data
		w := strings.Fields(wanted[i])
		if w[1] == "*" {
			w[1] = f[1]
		}
		if text := strings.Join(append(f[:2:2], f[3:]...), " "); !strings.HasPrefix(text, strings.Join(w, " ")) {
			t.Errorf("%s holds %q, not %q", section, text, wanted[i])
		}
	}
}

func TestMetricsTellOfAFlip(t *testing.T) {
	c := launch(t, cluster.Spec{Nodes: 1, Interval: fast})
	seen := observe(t, c)
	killed := c.Site("azure").Kill()
	ok(t, seen.Wait(soon(t), aws, killed))

	var text bytes.Buffer
	ok(t, c.Nodes()[0].WriteMetrics(soon(t), &text))
	for _, line := range []string{
		`coredns_failover_active_site{group="auth.example.com",site="aws"} 1`,
		`coredns_failover_active_site{group="auth.example.com",site="azure"} 0`,
		`coredns_failover_site_up{group="auth.example.com",site="azure"} 0`,
		`coredns_failover_quorum 1`,
	} {
		if !strings.Contains(text.String(), line+"\n") {
			t.Errorf("the metrics lack %s", line)
		}
	}
	if t.Failed() {
		for l := range strings.Lines(text.String()) {
			if strings.HasPrefix(l, "coredns_failover_") {
				t.Log(strings.TrimSpace(l))
			}
		}
	}
}
