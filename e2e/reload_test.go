package e2e

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"failoverdns/api"
	"failoverdns/e2e/cluster"
)

func TestReloadTakesTheChangeAndNeverRestartsRaft(t *testing.T) {
	c := launch(t, cluster.Spec{Lines: []string{"ttl 60"}})
	seen := observe(t, c)
	before := members(t, c.Node("ns1"))
	start := time.Now()

	for _, n := range c.Nodes() {
		text, err := n.Corefile()
		ok(t, err)
		ok(t, n.WriteCorefile(strings.Replace(text, "ttl 60", "ttl 30", 1)))
		ok(t, n.Reload())
	}
	for _, n := range c.Nodes() {
		eventually(t, func() error {
			if got := seen.Last(n.ID).TTL; got != 30 {
				return fmt.Errorf("%s answers with TTL %d", n.ID, got)
			}
			return nil
		})
		sameReign(t, before, members(t, n))
		healthy(t, n) // no drift: the files are equal again
	}
	onlyAnswers(t, seen, c.Nodes(), start, azure)
}

func TestBrokenCorefileLeavesEverythingRunning(t *testing.T) {
	c := launch(t, cluster.Spec{Interval: fast})
	seen := observe(t, c)
	n := c.Node("ns1")
	before := members(t, n)
	start := time.Now()

	good, err := n.Corefile()
	ok(t, err)
	ok(t, n.WriteCorefile(strings.Replace(good, "secondary aws", "secondry aws", 1)))
	ok(t, n.Reload())
	eventually(t, func() error {
		if !strings.Contains(n.Log(), `"secondry"`) {
			return errors.New("the log does not name the unknown word")
		}
		return nil
	})
	sameReign(t, before, members(t, n))
	ok(t, n.Ready(soon(t)))

	killed := c.Site("azure").Kill() // it still probes, votes and flips
	flips(t, seen, c.Nodes(), killed, specDetection(c)+slack, azure, aws)
	onlyAnswers(t, seen, c.Nodes(), start, azure, aws)

	ok(t, n.WriteCorefile(strings.Replace(good, "failover {", "failover {\n        ttl 15", 1)))
	ok(t, n.Reload()) // a failed reload does not spoil the next one
	for _, n := range c.Nodes() {
		eventually(t, func() error {
			if got := seen.Last(n.ID).TTL; got != 15 {
				return fmt.Errorf("%s answers with TTL %d", n.ID, got)
			}
			return nil
		})
	}
}

func specDetection(c *cluster.Cluster) time.Duration {
	s := c.Spec()
	return s.Detection()
}

func members(t *testing.T, n *cluster.Node) *api.Members {
	t.Helper()
	m, err := n.API().Members(soon(t))
	ok(t, err)
	return m
}

// sameReign fails unless leader and term are as they were.
func sameReign(t *testing.T, before, after *api.Members) {
	t.Helper()
	a, b := before.Cluster, after.Cluster
	if a.Leader != b.Leader || a.Term != b.Term {
		t.Errorf("%s says: %s leads in term %d; before it was %s in term %d", after.Node, b.Leader, b.Term, a.Leader, a.Term)
	}
}

// healthy fails unless failoverctl status exits with 0.
func healthy(t *testing.T, n *cluster.Node) {
	t.Helper()
	out, err := n.CLI(soon(t), "status")
	ok(t, err)
	if out.Status != 0 {
		t.Error(unexpected("status", out))
	}
}

// ledBy wants the nodes to agree on one of them as their leader.
func ledBy(t *testing.T, nodes []*cluster.Node) error {
	leader := ""
	for _, n := range nodes {
		m, err := n.API().Members(t.Context())
		if err != nil {
			return err
		}
		if leader == "" {
			leader = m.Cluster.Leader
		}
		if m.Cluster.Leader != leader || !m.Cluster.Quorum {
			return fmt.Errorf("%s says that %q leads, with a quorum: %t", n.ID, m.Cluster.Leader, m.Cluster.Quorum)
		}
	}
	for _, n := range nodes {
		if n.ID == leader {
			return nil
		}
	}
	return fmt.Errorf("%q leads", leader)
}

func unexpected(command string, out cluster.Output) error {
	return fmt.Errorf("failoverctl %s exits with %d, and says:\n%s%s", command, out.Status, out.Out, out.Err)
}

// containsWord says whether a text holds a word on its own.
func containsWord(text, word string) bool {
	for _, f := range strings.FieldsFunc(text, func(r rune) bool { return strings.ContainsRune(" ,;:()\"", r) }) {
		if f == word {
			return true
		}
	}
	return false
}
