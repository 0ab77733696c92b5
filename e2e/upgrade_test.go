package e2e

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"failoverdns/e2e/cluster"
)

// previous is the commit that stands for the version before: its commands are of feature level 1.
const previous = "fde77a1"

// buildPrevious builds that version's server out of the repository's history.
func buildPrevious(t *testing.T) string {
	t.Helper()
	if err := exec.Command("git", "cat-file", "-e", previous+"^{commit}").Run(); err != nil {
		t.Skipf("the history does not reach back to %s (a shallow clone, or none): %v", previous, err)
	}
	dir := t.TempDir()
	tree := filepath.Join(dir, "tree")
	run := func(at, name string, args ...string) {
		cmd := exec.Command(name, args...)
		cmd.Dir, cmd.Env = at, append(os.Environ(), "CGO_ENABLED=0")
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("%s %s: %v\n%s", name, strings.Join(args, " "), err, out)
		}
	}
	run("..", "git", "worktree", "add", "--detach", tree, previous)
	t.Cleanup(func() { _ = exec.Command("git", "worktree", "remove", "--force", tree).Run() })
	server := filepath.Join(dir, "failoverdns")
	run(tree, "go", "build", "-trimpath", "-ldflags", "-s -w -X main.version="+previous, "-o", server, "./cmd/failoverdns")
	return server
}

// TestRollingUpgradeCostsNoAnswer puts this version in place of the one before, node by node, under queries. Both work
// in one cluster: it fails over in between, the states stay equal, and nothing is written that the old ones cannot apply.
func TestRollingUpgradeCostsNoAnswer(t *testing.T) {
	c := prepare(t, cluster.Spec{Interval: fast})
	server := buildPrevious(t)
	spec, now := c.Spec(), map[string]string{}
	for _, n := range c.Nodes() {
		now[n.ID], n.Server = n.Server, server
	}
	ok(t, c.Start(soon(t)))
	seen := observe(t, c)

	answer := azure
	for i, n := range c.Nodes() {
		stopped := time.Now()
		ok(t, n.Stop())
		n.Server = now[n.ID]
		ok(t, n.Start())
		ok(t, n.WaitReady(soon(t)))
		ready := time.Now()
		ok(t, seen.Wait(soon(t), answer, ready))
		onlyAnswers(t, seen, but(c, n), stopped, answer)
		onlyAnswers(t, seen, c.Nodes(), ready, answer)
		eventually(t, func() error { return sameState(t, c) })
		if i < 2 {
			refusesWhatIsNew(t, n, filepath.Join(t.TempDir(), "new.token"))
		}
		if i == 1 { // two new ones, one old one
			ok(t, c.WaitVerdicts(soon(t), "up"))
			killed := c.Site("azure").Kill()
			flips(t, seen, c.Nodes(), killed, spec.Detection()+5*slack, azure, aws) // how fast it is, others measure
			eventually(t, func() error { return sameState(t, c) })
			answer = aws
		}
	}
	eventually(t, func() error {
		out, err := c.Node("ns1").CLI(soon(t), "token", "create", "ann", "--role", "read", "--reason", "r", "--out", filepath.Join(t.TempDir(), "ann.token"))
		if err != nil || out.Status != 0 {
			return fmt.Errorf("after the last upgrade: %s", unexpected("token create", out))
		}
		return nil
	})
	eventually(t, func() error { return sameState(t, c) })
}

// refusesWhatIsNew wants a command of level 2 to be refused while a node of level 1 is there, with that node's name.
func refusesWhatIsNew(t *testing.T, n *cluster.Node, token string) {
	t.Helper()
	out, err := n.CLI(soon(t), "token", "create", "ann", "--role", "read", "--reason", "r", "--out", token)
	ok(t, err)
	if out.Status != 1 || !strings.Contains(out.Err, "(version "+previous+")") || !strings.Contains(out.Err, "upgrade it") {
		t.Error(unexpected("token create", out))
	}
	t.Logf("%s refuses: %s", n.ID, strings.TrimSpace(out.Err))
}

// sameState wants every node to answer and none to differ from the leader's state.
func sameState(t *testing.T, c *cluster.Cluster) error {
	leader, err := c.Leader(soon(t))
	if err != nil {
		return err
	}
	m, err := leader.API().Members(soon(t))
	if err != nil {
		return err
	}
	hashes := map[uint64]string{}
	for _, x := range m.Cluster.Members {
		if !x.Reachable || x.Diverged {
			return fmt.Errorf("%s: reachable %v, diverged %v", x.ID, x.Reachable, x.Diverged)
		}
		if h, ok := hashes[x.Index]; ok && h != x.Hash {
			return fmt.Errorf("%s has hash %s at index %d, another has %s", x.ID, x.Hash, x.Index, h)
		}
		hashes[x.Index] = x.Hash
	}
	if len(hashes) != 1 {
		return fmt.Errorf("the nodes are at %d different indexes", len(hashes))
	}
	return nil
}
