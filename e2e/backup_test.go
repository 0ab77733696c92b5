package e2e

import (
	"encoding/json"
	"fmt"
	"path/filepath"
	"reflect"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/miekg/dns"

	"failoverdns/api"
	"failoverdns/e2e/cluster"
)

// done runs failoverctl against a node and wants it to succeed.
func done(t *testing.T, n *cluster.Node, words string, more ...string) string {
	t.Helper()
	out, err := n.CLI(soon(t), append(strings.Fields(words), more...)...)
	ok(t, err)
	if out.Status != 0 {
		t.Fatal(unexpected(words, out))
	}
	return out.Out
}

// kept is what a restore must bring back: all that people and the cluster said, and not what nodes say.
type kept struct {
	Overrides []string
	Verdicts  map[string]string
	Incidents []string
	Tokens    []string
	Audit     []string
}

func keptBy(t *testing.T, n *cluster.Node) (k kept) {
	t.Helper()
	a, err := n.Consistent().Overrides(soon(t))
	ok(t, err)
	for _, o := range a.Overrides {
		k.Overrides = append(k.Overrides, fmt.Sprintf("%s %s %s by %s: %s", o.Scope, o.Target, o.Word, o.Author, o.Reason))
	}
	s, err := n.API().Sites(soon(t))
	ok(t, err)
	k.Verdicts = map[string]string{}
	for _, site := range s.Sites {
		for _, e := range site.Endpoints {
			k.Verdicts[e.ID] = e.Verdict
		}
	}
	in, err := n.API().Incidents(soon(t), 0)
	ok(t, err)
	for _, i := range in.Incidents {
		k.Incidents = append(k.Incidents, fmt.Sprintf("%d %s %s %s", i.ID, i.Group, i.Site, i.Cause))
	}
	tokens, err := n.API().Tokens(soon(t))
	ok(t, err)
	for _, x := range tokens.Tokens {
		k.Tokens = append(k.Tokens, fmt.Sprintf("%s %s %s", x.ID, x.Name, x.Role))
	}
	audit, err := n.API().Audits(soon(t), "", 100)
	ok(t, err)
	for _, x := range audit.Entries {
		if !strings.HasPrefix(x.Author, "node:") && x.Action != "restore" {
			k.Audit = append(k.Audit, fmt.Sprintf("%s %s %s", x.Author, x.Action, x.Target))
		}
	}
	return k
}

// TestRestoreOnThreeNewMachinesIsAsItWas takes a backup of a cluster that was worked with, ends it, and restores it in a
// new one: other nodes, other directories, another CA.
func TestRestoreOnThreeNewMachinesIsAsItWas(t *testing.T) {
	old := launch(t, cluster.Spec{Interval: fast})
	seen := observe(t, old)
	n := old.Node("ns2")
	killed := old.Site("azure").Kill()
	ok(t, seen.Wait(soon(t), aws, killed))
	done(t, n, "failover "+zone+" --to aws --for 2h --author ana --reason", "azure burns")
	done(t, n, "site down azure --for 3h --author ben --reason", "until it is rebuilt")
	token := filepath.Join(t.TempDir(), "carl.token")
	done(t, n, "token create carl --role operate --reason help --out", token)
	file := filepath.Join(t.TempDir(), "failover.tar.gz")
	done(t, n, "snapshot save", file)
	if page := done(t, n, "snapshot inspect", file); !strings.Contains(page, "by ns2") {
		t.Errorf("the backup says\n%s", page)
	}
	before := keptBy(t, n)
	serial, err := n.Serial(soon(t), zone)
	ok(t, err)
	for _, n := range old.Nodes() {
		n.Kill()
	}

	fresh := another(t, cluster.Spec{Interval: fast, Prefix: "dns"})
	sameSites(t, old, fresh)
	for _, n := range fresh.Nodes() {
		ok(t, n.Start())
	}
	for _, n := range fresh.Nodes() {
		ok(t, n.WaitReady(soon(t)))
	}
	to := fresh.Node("dns3")
	odd := fresh.Node("dns1") // its file says something else than the backup: so does the new cluster, until then
	text, err := odd.Corefile()
	ok(t, err)
	ok(t, odd.WriteCorefile(strings.Replace(text, "interval 500ms", "interval 700ms", 1)))
	ok(t, odd.Reload())
	eventually(t, func() error { return stands(t, to, "dns1 in force, dns2 superseded, dns3 superseded") })
	if out := done(t, to, "snapshot restore --plan --author ana --reason drill", file); !strings.Contains(out, "aws") {
		t.Errorf("the plan says\n%s", out)
	}
	began := time.Now()
	done(t, to, "snapshot restore --wait --author ana --reason drill", file)
	t.Logf("restored on every node after %.2f s", time.Since(began).Seconds())

	if after := keptBy(t, to); !reflect.DeepEqual(after, before) {
		t.Errorf("it was\n%+v\nand is\n%+v", before, after)
	}
	for _, n := range fresh.Nodes() {
		m, err := n.Query(soon(t), login, dns.TypeA)
		ok(t, err)
		if got := cluster.Answer(m); got != aws {
			t.Errorf("%s answers %s", n.ID, got)
		}
		if now, err := n.Serial(soon(t), zone); err != nil || int32(now-serial) <= 0 {
			t.Errorf("%s has serial %d, and it was %d: %v", n.ID, now, serial, err)
		}
	}
	eventually(t, func() error { return stands(t, to, "dns1 drift, dns2 in force, dns3 in force") })
}

// sameSites lets one cluster's Corefiles speak of another's sites.
func sameSites(t *testing.T, old, fresh *cluster.Cluster) {
	t.Helper()
	port := regexp.MustCompile(`:\d+/healthz`)
	text, err := old.Nodes()[0].Corefile()
	ok(t, err)
	at := port.FindString(text)
	for _, n := range fresh.Nodes() {
		text, err := n.Corefile()
		ok(t, err)
		ok(t, n.WriteCorefile(port.ReplaceAllString(text, at)))
	}
}

// stands wants the nodes' offers to stand so.
func stands(t *testing.T, n *cluster.Node, want string) error {
	a, err := n.API().Offers(soon(t))
	if err != nil {
		return err
	}
	var is []string
	for _, o := range a.Offers {
		word := "superseded"
		switch {
		case o.Drift:
			word = "drift"
		case o.Matches:
			word = "in force"
		}
		is = append(is, o.Node+" "+word)
	}
	if got := strings.Join(is, ", "); got != want {
		return fmt.Errorf("the offers are %s, not %s", got, want)
	}
	return nil
}

// TestOneOfThreeIsRecoveredWhileItAnswers loses two nodes for good, and recovers the third by a command to it.
func TestOneOfThreeIsRecoveredWhileItAnswers(t *testing.T) {
	c := launch(t, cluster.Spec{Interval: fast})
	seen := observe(t, c)
	last := c.Node("ns1")
	if out, err := last.CLI(soon(t), "recover", "--plan", "--reason", "r"); err != nil || out.Status != 1 || !strings.Contains(out.Err, "it has a leader") {
		t.Error(unexpected("recover", out))
	}
	c.Node("ns2").Kill()
	lost := c.Node("ns3").Kill()
	eventually(t, func() error {
		out, err := last.CLI(soon(t), "recover", "--plan", "--reason", "two machines burnt", "-o", "json")
		var plan api.Recovery
		if err == nil {
			err = json.Unmarshal([]byte(out.Out), &plan)
		}
		if err != nil || plan.Confirm != "lose ns2 ns3" {
			return fmt.Errorf("%s", unexpected("recover --plan", out))
		}
		return nil
	})
	if out, err := last.CLI(soon(t), "recover", "--confirm", "yes", "--reason", "r"); err != nil || out.Status != 1 {
		t.Error(unexpected("recover --confirm yes", out))
	}
	began := time.Now()
	done(t, last, "recover --author ana --reason fire --confirm", "lose ns2 ns3")
	eventually(t, func() error { return ledBy(t, []*cluster.Node{last}) })
	t.Logf("it leads alone %.2f s after the command", time.Since(began).Seconds())
	onlyAnswers(t, seen, []*cluster.Node{last}, lost, azure)

	spec := c.Spec()
	killed := c.Site("azure").Kill()
	flips(t, seen, []*cluster.Node{last}, killed, spec.Detection()+slack, azure, aws)

	ok(t, c.Node("ns3").Start())
	eventually(t, func() error {
		out, err := c.Node("ns3").CLI(soon(t), "cluster", "status")
		if err != nil || out.Status != 1 || !strings.Contains(out.Out, "removed") {
			return fmt.Errorf("%s", unexpected("status of the lost node", out))
		}
		return nil
	})
	ok(t, last.Stop())
	ok(t, last.Start())
	ok(t, last.WaitReady(soon(t)))
	eventually(t, func() error { return ledBy(t, []*cluster.Node{last}) })
}

// TestStoppedNodeIsRecoveredFromItsDirectory: a running server keeps its directory; a stopped one's is recovered.
func TestStoppedNodeIsRecoveredFromItsDirectory(t *testing.T) {
	c := launch(t, cluster.Spec{Interval: fast})
	last := c.Node("ns1")
	if out, err := last.Offline("lose ns2 ns3\n", "-recover", "ns1"); err == nil || !strings.Contains(out, "in use by another process") {
		t.Errorf("beside a running server: %v\n%s", err, out)
	}
	for _, n := range c.Nodes() {
		n.Kill()
	}
	if out, err := last.Offline("yes\n", "-recover", "ns1"); err == nil || !strings.Contains(out, "nothing was changed") {
		t.Errorf("without the words: %v\n%s", err, out)
	}
	if out, err := last.Offline("lose ns2 ns3\n", "-recover", "ns1"); err != nil || !strings.Contains(out, "Recovered") {
		t.Fatalf("%v\n%s", err, out)
	}
	ok(t, last.Start())
	ok(t, last.WaitReady(soon(t)))
	eventually(t, func() error { return ledBy(t, []*cluster.Node{last}) })
}
