package e2e

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/miekg/dns"

	"failoverdns/e2e/cluster"
)

func TestOverrideMovesTrafficShowsItsEndAndIsCleared(t *testing.T) {
	c := launch(t, cluster.Spec{Interval: fast})
	seen := observe(t, c)
	start := time.Now()
	follower := followerOf(t, c) // it forwards

	command(t, follower, 0, "site", "down", "azure", "--for", "10m30s", "--reason", "disk replacement", "--wait")
	flips(t, seen, c.Nodes(), start, slack+time.Second, azure, aws)
	page := command(t, c.Node("ns3"), 0, "status")
	for _, text := range []string{"forced down", "disk replacement", "(in 10m", "failoverctl site clear azure"} {
		if !strings.Contains(page, text) {
			t.Errorf("status does not say %q:\n%s", text, page)
		}
	}

	done(t, follower, "site extend azure --for 20m --wait")

	cleared := time.Now()
	command(t, follower, 0, "site", "clear", "azure", "--reason", "done", "--wait")
	flips(t, seen, c.Nodes(), cleared, slack+time.Second, aws, azure)
	onlyAnswers(t, seen, c.Nodes(), start, azure, aws)
}

// TestEachScopeIsOverriddenExtendedAndCleared by its own commands, each of which every node has followed when it returns.
func TestEachScopeIsOverriddenExtendedAndCleared(t *testing.T) {
	c := launch(t, cluster.Spec{Interval: fast})
	observe(t, c)
	address, endpoint := "azure@"+azure, "azure/health@"+c.Site("azure").Servers[0].Address
	const why = " --reason by-hand"
	for _, step := range [][2]string{
		{"address down " + address + why, aws}, {"address extend " + address + " --for 2h", aws}, {"address clear " + address + why, azure},
		{"address up " + address + why, azure}, {"address clear " + address + why, azure},
		{"endpoint down " + endpoint + why, aws}, {"endpoint extend " + endpoint + " --for 2h", aws}, {"endpoint clear " + endpoint + why, azure},
		{"endpoint up " + endpoint + why, azure}, {"endpoint clear " + endpoint + why, azure},
		{"check mute azure/health" + why, azure}, {"check extend azure/health --for 2h", azure}, {"check unmute azure/health" + why, azure},
		{"node mute ns3" + why, azure}, {"node extend ns3 --for 2h", azure}, {"node unmute ns3" + why, azure},
	} {
		done(t, c.Node("ns2"), step[0], "--wait")
		for _, n := range c.Nodes() {
			wantAnswer(t, n, login, dns.TypeA, step[1])
		}
	}
	if page := done(t, c.Node("ns1"), "overrides --consistent"); strings.Contains(page, "by-hand") {
		t.Errorf("something still stands:\n%s", page)
	}
	if page := done(t, c.Node("ns1"), "votes", endpoint); !strings.Contains(page, "ns3") {
		t.Errorf("votes:\n%s", page)
	}
}

func TestSiteForcedUpStaysWhateverIsMeasured(t *testing.T) {
	c := launch(t, cluster.Spec{Interval: fast})
	seen := observe(t, c)
	command(t, c.Node("ns1"), 0, "site", "up", "azure", "--reason", "the check is wrong", "--wait")

	killed := c.Site("azure").Kill()
	for _, n := range c.Nodes() {
		waitForVote(t, c, "azure", n.ID, "down")
	}
	time.Sleep(often * 4) // it must not flip: there is nothing to wait for
	onlyAnswers(t, seen, c.Nodes(), killed, azure)

	cleared := time.Now()
	command(t, c.Node("ns1"), 0, "site", "clear", "azure", "--reason", "it was right", "--wait")
	flips(t, seen, c.Nodes(), cleared, slack+time.Second, azure, aws)
}

func TestLastSiteThatIsUpIsNotTakenOutUnforced(t *testing.T) {
	c := launch(t, cluster.Spec{Nodes: 1, Interval: fast})
	seen := observe(t, c)
	killed := c.Site("azure").Kill()
	ok(t, seen.Wait(soon(t), aws, killed))
	command(t, c.Nodes()[0], 1, "site", "down", "aws", "--reason", "a mistake")
	onlyAnswers(t, seen, c.Nodes(), killed, azure, aws)
}

func TestExampleCorefileServesAsItStands(t *testing.T) {
	example, err := os.ReadFile("../Corefile.example")
	ok(t, err)
	c := prepare(t, cluster.Spec{Nodes: 1, Zone: "auth.example.com"})
	n := c.Nodes()[0]
	ok(t, n.WriteCorefile(moved(t, string(example), n)))
	ok(t, n.Start())
	ok(t, n.WaitReady(soon(t)))
	seen := c.Observe(login, often)
	t.Cleanup(seen.Stop)
	ok(t, seen.Wait(soon(t), "127.0.0.1", time.Time{})) // nothing answers the checks: the primary stays
	if _, err := os.Stat(filepath.Join(n.Dir, "failoverdns-data")); err != nil {
		t.Errorf("the data directory is not where the documents say: %v", err)
	}
}

// moved gives the example with ports that are this test's own.
func moved(t *testing.T, text string, n *cluster.Node) string {
	t.Helper()
	_, port, _ := strings.Cut(n.DNS, ":")
	for _, r := range [][2]string{
		{"auth.example.com:1053", "auth.example.com:" + port},
		{"prometheus 127.0.0.1:9153", "prometheus " + n.Metrics},
		{"ready 127.0.0.1:8181", "ready " + n.ReadyAt},
		{"    failover {\n", "    failover {\n        admin " + n.Admin + "\n"},
	} {
		if !strings.Contains(text, r[0]) {
			t.Fatalf("Corefile.example has no %q any more", r[0])
		}
		text = strings.Replace(text, r[0], r[1], 1)
	}
	return text
}

// command runs failoverctl, which must exit with a status, and gives what it said.
func command(t *testing.T, n *cluster.Node, status int, args ...string) string {
	t.Helper()
	out, err := n.CLI(soon(t), args...)
	ok(t, err)
	if out.Status != status {
		t.Fatal(unexpected(strings.Join(args, " "), out))
	}
	return out.Out
}

func followerOf(t *testing.T, c *cluster.Cluster) *cluster.Node {
	t.Helper()
	leader, err := c.Leader(soon(t))
	ok(t, err)
	return but(c, leader)[0]
}
