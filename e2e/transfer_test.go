package e2e

import (
	"strings"
	"testing"
	"time"

	"github.com/miekg/dns"

	"failoverdns/e2e/cluster"
)

// notifyWithin is how soon a secondary has followed a flip.
const notifyWithin = time.Second

// withSecondaries launches a cluster with a secondary of each make. A make that is not installed is left out, loudly;
// CI installs them all.
func withSecondaries(t *testing.T, key *cluster.Key) (*cluster.Cluster, []*cluster.Secondary) {
	t.Helper()
	var makes []cluster.Software
	for _, w := range []cluster.Software{cluster.NSD, cluster.BIND} {
		if err := w.Installed(); err != nil {
			t.Logf("without %s: %v; Debian has the packages nsd and bind9", w.Name, err)
			continue
		}
		makes = append(makes, w)
	}
	if len(makes) == 0 {
		t.Skip("needs a name server to be the secondary; install nsd or bind9")
	}
	c := prepare(t, cluster.Spec{Interval: fast})
	var all []*cluster.Secondary
	for _, w := range makes {
		s, err := c.Secondary(w, key)
		ok(t, err)
		all = append(all, s)
	}
	for _, n := range c.Nodes() {
		text, err := n.Corefile()
		ok(t, err)
		ok(t, n.WriteCorefile(strings.Replace(text, "failover {", cluster.TransferLines(key, all...)+"    failover {", 1)))
	}
	ok(t, c.Start(soon(t)))
	for _, s := range all {
		ok(t, s.Start()) // after the nodes, so that a NOTIFY at their start finds nobody
		t.Cleanup(func() {
			if t.Failed() {
				t.Logf("%s said last:\n%s", s.ID, s.Tail(25))
			}
		})
	}
	return c, all
}

func TestSecondariesOfOtherMakesFollowEachFlip(t *testing.T) {
	followed(t, nil)
}

func TestSecondariesOfOtherMakesFollowEachFlipWithTSIG(t *testing.T) {
	followed(t, &cluster.Key{Name: "xfr.auth.example.com.", Secret: "c2VjcmV0LW9mLXRoZS10ZXN0cy1vbmx5LW5vdGhpbmcgZWxzZQ=="})
}

func followed(t *testing.T, key *cluster.Key) {
	c, all := withSecondaries(t, key)
	n := c.Node("ns1")
	for _, s := range all {
		ok(t, s.Same(soon(t), n, asked()...)) // at its start
	}
	for _, to := range []string{"aws", "azure", "aws"} {
		out, err := n.CLI(soon(t), "failover", zone, "--to", to, "--wait", "--reason", "a test of secondaries")
		ok(t, err)
		if out.Status != 0 {
			t.Fatal(unexpected("failover", out))
		}
		flipped := time.Now()
		for _, s := range all {
			ok(t, s.Same(within(t, notifyWithin), n, asked()...))
			t.Logf("%s has followed to %s %.2f s after every node had", s.ID, to, time.Since(flipped).Seconds())
		}
	}
}

// asked is what nodes and secondaries must answer alike.
func asked() (all []dns.Question) {
	for name, types := range map[string][]uint16{
		zone: {dns.TypeA, dns.TypeNS, dns.TypeTXT}, login: {dns.TypeA, dns.TypeAAAA}, "api." + zone: {dns.TypeA},
		"ns1." + zone: {dns.TypeA}, "nothing." + zone: {dns.TypeA},
	} {
		for _, t := range types {
			all = append(all, dns.Question{Name: dns.Fqdn(name), Qtype: t, Qclass: dns.ClassINET})
		}
	}
	return all
}

func TestTransferIsRefusedWithoutThePluginTransfer(t *testing.T) {
	n := launch(t, cluster.Spec{Nodes: 1, Interval: fast}).Nodes()[0]
	for _, qtype := range []uint16{dns.TypeAXFR, dns.TypeIXFR} {
		m, err := n.QueryTCP(soon(t), zone, qtype)
		ok(t, err)
		if m.Rcode != dns.RcodeRefused || len(m.Answer) > 0 {
			t.Errorf("%s is not refused:\n%s", dns.TypeToString[qtype], m)
		}
	}
}
