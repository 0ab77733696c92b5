package e2e

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/miekg/dns"

	"failoverdns/e2e/cluster"
)

// silent is the no-quorum rules' time without a leader in these tests: longer than an election with timing lan.
const silent = 4 * time.Second

// alone kills all nodes of a cluster but the last.
func alone(c *cluster.Cluster) (last *cluster.Node, lost time.Time) {
	nodes := c.Nodes()
	for _, n := range nodes[:len(nodes)-1] {
		lost = n.Kill()
	}
	return nodes[len(nodes)-1], lost
}

func TestLoneNodeRefusesAndAnswersByItsEmergencyFileAlone(t *testing.T) {
	c := launch(t, cluster.Spec{Lines: []string{"no-quorum refuse " + silent.String()}})
	seen := observe(t, c)
	last, lost := alone(c)
	ok(t, seen.Wait(soon(t), "SERVFAIL", lost, last.ID))
	refused, _ := seen.First(last.ID, "SERVFAIL", lost)
	if early := refused.Sub(lost); early < silent-slack || early > silent+3*slack {
		t.Errorf("it refuses %.2f s after the quorum was lost; allowed are %s and a little", early.Seconds(), silent)
	}
	wantAnswer(t, last, "ns1."+zone, dns.TypeA, "192.0.2.1")
	wantStatus(t, last, 1, "no-quorum refuse "+silent.String(), "SERVFAIL")

	data := filepath.Join(last.Dir, "data")
	written := time.Now()
	wantCLI(t, last, 0, "Wrote "+filepath.Join(data, "emergency"), "local", "pin", "all", "aws", "--for", "1h", "--reason", "ticket 4711", "--data", data)
	ok(t, seen.Wait(soon(t), aws, written, last.ID))
	wantStatus(t, last, 1, "the emergency file of "+last.ID+" pins all to aws", "ticket 4711")

	last.Kill()
	ok(t, last.Start()) // without a quorum, and with the file
	restarted := time.Now()
	ok(t, seen.Wait(soon(t), aws, restarted, last.ID))
	time.Sleep(silent + slack) // by now it would refuse
	onlyAnswers(t, seen, []*cluster.Node{last}, firstAnswer(seen, last, restarted), aws)

	cleared := time.Now()
	wantCLI(t, last, 0, "Cleared all, which was pinned to aws.", "local", "clear", "all", "--data", data)
	ok(t, seen.Wait(soon(t), "SERVFAIL", cleared, last.ID))
	ok(t, c.Nodes()[0].Start())
	ok(t, seen.Wait(soon(t), azure, cleared, last.ID))
}

func TestLoneNodeGoesByItsOwnCountsAndFollowsTheClusterWhenItIsBack(t *testing.T) {
	c := launch(t, cluster.Spec{Interval: fast, Lines: []string{"no-quorum local " + silent.String()}})
	seen := observe(t, c)
	spec := c.Spec()
	last, _ := alone(c)
	before, err := last.Serial(soon(t), zone)
	ok(t, err)
	died := c.Site("azure").Kill()
	flips(t, seen, []*cluster.Node{last}, died, silent+spec.Detection()+2*slack, azure, aws)
	if after, err := last.Serial(soon(t), zone); err != nil || after != before {
		t.Errorf("the serial went from %d to %d (%v): it is no other node's", before, after, err)
	}
	wantStatus(t, last, 1, "no-quorum-local", "by the counts of "+last.ID+" alone")

	returned := time.Now()
	ok(t, c.Nodes()[0].Start())
	eventually(t, func() error {
		out, err := last.CLI(t.Context(), "status")
		if err == nil && strings.Contains(out.Out, "no-quorum") {
			err = fmt.Errorf("it still goes by its own counts:\n%s", out.Out)
		}
		return err
	})
	onlyAnswers(t, seen, []*cluster.Node{last}, returned, aws)
	if after, err := last.Serial(soon(t), zone); err != nil || after != before+1 {
		t.Errorf("the cluster's own flip took the serial from %d to %d (%v)", before, after, err)
	}
}

// firstAnswer is when a node first answered at all since a time.
func firstAnswer(o *cluster.Observer, n *cluster.Node, since time.Time) time.Time {
	for _, s := range o.Samples(n.ID, since) {
		if s.Err == nil {
			return s.Sent
		}
	}
	return time.Now()
}

func wantAnswer(t *testing.T, n *cluster.Node, name string, qtype uint16, want string) {
	t.Helper()
	m, err := n.Query(soon(t), name, qtype)
	ok(t, err)
	if got := cluster.Answer(m); got != want {
		t.Errorf("%s answers %s for %s, want %s", n.ID, got, name, want)
	}
}

func wantStatus(t *testing.T, n *cluster.Node, status int, words ...string) {
	t.Helper()
	out, err := n.CLI(t.Context(), "status")
	ok(t, err)
	for _, w := range words {
		if out.Status != status || !strings.Contains(out.Out, w) {
			t.Errorf("status of %s: exit status %d, or %q is missing in\n%s", n.ID, out.Status, w, out.Out)
		}
	}
}

func wantCLI(t *testing.T, n *cluster.Node, status int, word string, args ...string) {
	t.Helper()
	out, err := n.CLI(t.Context(), args...)
	ok(t, err)
	if out.Status != status || !strings.Contains(out.Out, word) {
		t.Error(unexpected(strings.Join(args, " "), out))
	}
}
