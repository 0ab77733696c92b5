package e2e

import (
	"fmt"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/miekg/dns"

	"failoverdns/e2e/cluster"
)

func TestKilledPrimaryLeavesEveryAnswerInTimeAndReturns(t *testing.T) {
	c := launch(t, cluster.Spec{})
	seen := observe(t, c)
	spec := c.Spec()

	killed := c.Site("azure").Kill()
	flips(t, seen, c.Nodes(), killed, spec.Detection()+slack, azure, aws)

	returned := time.Now()
	ok(t, c.Site("azure").Start(soon(t)))
	flips(t, seen, c.Nodes(), returned, spec.Return()+slack, aws, azure)
	onlyAnswers(t, seen, c.Nodes(), killed, azure, aws)
}

func TestHungPrimaryLeavesEveryAnswerInTime(t *testing.T) {
	c := launch(t, cluster.Spec{Interval: fast})
	seen := observe(t, c)
	spec := c.Spec()

	hung := time.Now()
	ok(t, c.Site("azure").Servers[0].Pause())
	flips(t, seen, c.Nodes(), hung, spec.Detection()+slack, azure, aws)
	onlyAnswers(t, seen, c.Nodes(), hung, azure, aws)
}

func TestSiteOverHTTPSFailsOver(t *testing.T) {
	c := launch(t, cluster.Spec{Interval: fast, TLS: true, Nodes: 1})
	seen := observe(t, c)
	spec := c.Spec()

	killed := c.Site("azure").Kill()
	flips(t, seen, c.Nodes(), killed, spec.Detection()+slack, azure, aws)
}

func TestWrongStatusIsAFailure(t *testing.T) {
	c := launch(t, cluster.Spec{Interval: fast, Nodes: 1})
	seen := observe(t, c)
	spec := c.Spec()

	broken := time.Now()
	ok(t, c.Site("azure").SetFaults(cluster.Faults{Status: 503}))
	flips(t, seen, c.Nodes(), broken, spec.Detection()+slack, azure, aws)
	v, err := c.Nodes()[0].API().Votes(soon(t), "azure/health@"+azure)
	ok(t, err)
	if got := v.Endpoint.Votes[0]; got.Reason != "status" || !strings.Contains(got.Detail, "503") {
		t.Errorf("the vote says %q, %q", got.Reason, got.Detail)
	}
}

func TestFamilyThatOnlyOneSiteHasIsNoDataWithTheOther(t *testing.T) {
	l, err := net.Listen("tcp", "[::1]:0")
	if err != nil {
		t.Skipf("no IPv6 on loopback: %v", err)
	}
	l.Close()
	c := launch(t, cluster.Spec{Interval: fast, Nodes: 1, Sites: []cluster.SiteSpec{
		{Name: "azure", Addresses: []string{azure, "::1"}}, {Name: "aws", Addresses: []string{aws}},
	}})
	n := c.Nodes()[0]
	aaaa := func() string {
		m, err := n.Query(soon(t), login, dns.TypeAAAA)
		ok(t, err)
		return cluster.Answer(m)
	}
	if got := aaaa(); got != "::1" {
		t.Errorf("AAAA is %s with azure", got)
	}
	seen := observe(t, c)
	killed := c.Site("azure").Kill()
	ok(t, seen.Wait(soon(t), aws, killed))
	if got := aaaa(); got != "NODATA" {
		t.Errorf("AAAA is %s with aws", got)
	}
}

func TestOneNodeThatCannotReachThePrimaryFlipsNothingAndTwoDo(t *testing.T) {
	c := launch(t, cluster.Spec{Interval: fast})
	seen := observe(t, c)
	spec := c.Spec()
	primary := c.Site("azure")

	alone := time.Now()
	ok(t, primary.SetFaults(cluster.Faults{Reset: []string{"ns1"}}))
	waitForVote(t, c, "azure", "ns1", "down")
	time.Sleep(spec.Detection() + slack) // it must not flip: there is nothing to wait for
	onlyAnswers(t, seen, c.Nodes(), alone, azure)

	two := time.Now()
	ok(t, primary.SetFaults(cluster.Faults{Reset: []string{"ns1", "ns2"}}))
	flips(t, seen, c.Nodes(), two, spec.Detection()+slack, azure, aws)

	cleared := time.Now()
	ok(t, primary.SetFaults(cluster.Faults{}))
	flips(t, seen, c.Nodes(), cleared, spec.Return()+slack, aws, azure)
	onlyAnswers(t, seen, c.Nodes(), alone, azure, aws)
}

func TestDeadAddressLeavesTheAnswerAndItsSiteStays(t *testing.T) {
	const second = "127.0.0.13"
	const both = azure + "," + second
	c := launch(t, cluster.Spec{Interval: fast, Nodes: 1, Sites: []cluster.SiteSpec{
		{Name: "azure", Addresses: []string{azure, second}}, {Name: "aws", Addresses: []string{aws}},
	}})
	seen := c.Observe(login, often)
	t.Cleanup(seen.Stop)
	ok(t, seen.Wait(soon(t), both, time.Time{}))
	spec := c.Spec()
	servers := c.Site("azure").Servers

	killed := servers[0].Kill()
	flips(t, seen, c.Nodes(), killed, spec.Detection()+slack, both, second)
	onlyAnswers(t, seen, c.Nodes(), killed, both, second)

	killed = servers[1].Kill()
	flips(t, seen, c.Nodes(), killed, spec.Detection()+slack, second, aws)
	onlyAnswers(t, seen, c.Nodes(), killed, second, aws)
}

func TestSerialIsEqualOnAllNodesAndRisesWithEachFlip(t *testing.T) {
	c := launch(t, cluster.Spec{Interval: fast})
	seen := observe(t, c)
	before := serial(t, c)

	killed := c.Site("azure").Kill()
	ok(t, seen.Wait(soon(t), aws, killed))
	away := serial(t, c)
	if away != before+1 {
		t.Errorf("serial %d became %d by one flip", before, away)
	}
	returned := time.Now()
	ok(t, c.Site("azure").Start(soon(t)))
	ok(t, seen.Wait(soon(t), azure, returned))
	if back := serial(t, c); back != away+1 {
		t.Errorf("serial %d became %d by one flip", away, back)
	}
}

// serial is the zone's serial, which must be equal on all nodes.
func serial(t *testing.T, c *cluster.Cluster) uint32 {
	t.Helper()
	var all []uint32
	for _, n := range c.Nodes() {
		s, err := n.Serial(soon(t), zone)
		ok(t, err)
		if all = append(all, s); s != all[0] {
			t.Errorf("serials differ: %v", all)
		}
	}
	return all[0]
}

// waitForVote waits until every node knows this vote of a node on a site's endpoint.
func waitForVote(t *testing.T, c *cluster.Cluster, site, node, opinion string) {
	t.Helper()
	endpoint := fmt.Sprintf("%s/health@%s", site, c.Site(site).Servers[0].Address)
	for _, n := range c.Nodes() {
		eventually(t, func() error {
			v, err := n.API().Votes(t.Context(), endpoint)
			if err != nil {
				return err
			}
			for _, vote := range v.Endpoint.Votes {
				if vote.Node == node && vote.Opinion == opinion {
					return nil
				}
			}
			return fmt.Errorf("%s knows the votes %v of %s", n.ID, v.Endpoint.Votes, endpoint)
		})
	}
}

// eventually waits until a condition gives no error.
func eventually(t *testing.T, condition func() error) {
	t.Helper()
	ctx := soon(t)
	for {
		err := condition()
		if err == nil {
			return
		}
		select {
		case <-ctx.Done():
			t.Fatalf("waited too long: %v", err)
		case <-time.After(often):
		}
	}
}
