package e2e

import (
	"context"
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"failoverdns/e2e/cluster"
)

// dataDir is a node's data directory.
func dataDir(n *cluster.Node) string { return filepath.Join(n.Dir, "data") }

func TestAnyOneNodeAloneAfterAPowerCutAnswersWithWhatItHadApplied(t *testing.T) {
	c := launch(t, cluster.Spec{Interval: fast})
	seen := observe(t, c)
	broken := time.Now()
	ok(t, c.Site("azure").SetFaults(cluster.Faults{Status: 503}))
	ok(t, seen.Wait(soon(t), aws, broken))
	agreed := serial(t, c)
	time.Sleep(200 * time.Millisecond) // the promise: what was answered 100 ms ago is on disk
	for _, n := range c.Nodes() {
		n.Kill()
	}
	ok(t, c.Site("azure").SetFaults(cluster.Faults{})) // the world goes on; a node alone must not follow it
	seen.Stop()

	cold := c.Observe(login, 5*time.Millisecond) // the very first answer counts
	t.Cleanup(cold.Stop)
	for _, n := range c.Nodes() {
		t.Run(n.ID, func(t *testing.T) {
			started, led := time.Now(), reigns(n)
			ok(t, n.Start())
			ok(t, cold.Wait(soon(t), aws, started, n.ID))
			ok(t, n.WaitReady(soon(t)))
			eventually(t, func() error { return saysNoQuorum(t, n) })
			time.Sleep(3 * time.Second) // it must not lead, whatever elections it holds: there is nothing to wait for
			ok(t, saysNoQuorum(t, n))
			if m := members(t, n); m.Cluster.Leader != "" || m.Cluster.RaftState == "leader" {
				t.Errorf("alone it says that %q leads, and that it is %s itself", m.Cluster.Leader, m.Cluster.RaftState)
			}
			if got, err := n.Serial(soon(t), zone); err != nil || got != agreed {
				t.Errorf("its serial is %d, not %d: %v", got, agreed, err)
			}
			if reigns(n) != led {
				t.Error("alone it has led")
			}
			onlyAnswered(t, cold, n, started, aws)
			n.Kill()
		})
	}
}

// reigns is how often a node has led, by its log.
func reigns(n *cluster.Node) int { return strings.Count(n.Log(), "this node leads") }

func TestDataDirectoryIsOfOneProcessAndOneNode(t *testing.T) {
	c := prepare(t, cluster.Spec{})
	first, second := c.Node("ns1"), c.Node("ns2")
	ok(t, first.Start()) // it waits for its peers; the directory is its own all the same
	eventually(t, func() error { return waits(soon(t), first, "ns3") })
	text, err := second.Corefile()
	ok(t, err)
	ok(t, second.WriteCorefile(strings.Replace(text, "data data", "data "+dataDir(first), 1)))
	ok(t, endsSaying(soon(t), second, "in use by another process"))
	if !first.Running() {
		t.Error("the first process has ended")
	}
	first.Kill()
	ok(t, endsSaying(soon(t), second, `belongs to node "ns1", this one is "ns2"`))
}

// endsSaying starts a node that must end by itself, with these words among its last.
func endsSaying(ctx context.Context, n *cluster.Node, words string) error {
	if err := n.Start(); err != nil {
		return err
	}
	for n.Running() {
		select {
		case <-ctx.Done():
			n.Kill()
			return fmt.Errorf("%s goes on, and does not say %q", n.ID, words)
		case <-time.After(often):
		}
	}
	if !strings.Contains(n.Tail(5), words) {
		return fmt.Errorf("%s does not say %q, but:\n%s", n.ID, words, n.Tail(5))
	}
	return nil
}
