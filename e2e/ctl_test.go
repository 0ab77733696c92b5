package e2e

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"failoverdns/e2e/cluster"
)

// ctl runs failoverctl against the nodes that FAILOVER_SERVER names, in this order.
func ctl(t *testing.T, ctx context.Context, nodes []*cluster.Node, args ...string) cluster.Output {
	t.Helper()
	var servers []string
	for _, n := range nodes {
		servers = append(servers, "http://"+n.Admin)
	}
	cmd := exec.CommandContext(ctx, filepath.Join(binaries, "failoverctl"), args...)
	cmd.Env = append(os.Environ(), "FAILOVER_SERVER="+strings.Join(servers, ","))
	var errs strings.Builder
	cmd.Stderr = &errs
	out, err := cmd.Output()
	if exit := new(exec.ExitError); err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	return cluster.Output{Out: string(out), Err: errs.String(), Status: cmd.ProcessState.ExitCode()}
}

func TestCommandsGoToTheNextServerWhenOneIsDead(t *testing.T) {
	c := launch(t, cluster.Spec{Interval: fast})
	seen := observe(t, c)
	dead := c.Node("ns1")
	dead.Kill()
	live := but(c, dead)
	_, err := c.Leader(soon(t))
	ok(t, err)
	eventually(t, func() error { return ledBy(t, live) })

	if out := ctl(t, soon(t), c.Nodes(), "status"); out.Status != 0 || !strings.Contains(out.Out, "ns1 does not answer") {
		t.Error(unexpected("status", out))
	}
	asked := time.Now()
	out := ctl(t, soon(t), c.Nodes(), "failover", zone, "--to", "aws", "--reason", "a drill", "--wait")
	if out.Status != 0 || !strings.Contains(out.Out, "Every live node (2) answers so. No reply from ns1.") {
		t.Error(unexpected("failover --wait", out))
	}
	returned := time.Now()
	for _, n := range live { // that is what --wait has promised
		if s := seen.Samples(n.ID, returned); len(s) > 0 && s[0].Answer != aws {
			t.Errorf("%s answered %s after --wait had returned", n.ID, s[0])
		}
	}
	flips(t, seen, live, asked, 2*slack, azure, aws)

	if out := ctl(t, soon(t), []*cluster.Node{dead}, "status"); out.Status != 3 {
		t.Error(unexpected("status", out))
	}
}

func TestWaitReturnsOnlyWhenEveryNodeAnswersSo(t *testing.T) {
	c := launch(t, cluster.Spec{Interval: fast})
	observe(t, c)
	for range 5 {
		for _, to := range []string{"aws", "azure"} {
			out := ctl(t, soon(t), c.Nodes(), "failover", zone, "--to", to, "--reason", "a drill", "--wait")
			if out.Status != 0 || !strings.Contains(out.Out, "Every live node (3) answers so.") {
				t.Fatal(unexpected("failover --wait", out))
			}
			for _, n := range c.Nodes() {
				s, err := n.API().Explain(soon(t), login, "A")
				ok(t, err)
				if s.Group == nil || s.Group.Active != to {
					t.Errorf("%s answers %v after --wait has returned for %s", n.ID, s.Records, to)
				}
			}
		}
	}
}

func TestPlanChangesNothing(t *testing.T) {
	c := launch(t, cluster.Spec{Interval: fast})
	seen := observe(t, c)
	start := time.Now()
	before := serial(t, c)
	out := command(t, c.Node("ns2"), 0, "failover", "all", "--to", "aws", "--reason", "what if", "--plan")
	if !strings.Contains(out, "nothing was changed") || !strings.Contains(out, "answers with aws, no longer with azure") {
		t.Errorf("the plan says:\n%s", out)
	}
	time.Sleep(4 * often) // it must not flip: there is nothing to wait for
	onlyAnswers(t, seen, c.Nodes(), start, azure)
	if after := serial(t, c); after != before {
		t.Errorf("serial %d became %d by a plan", before, after)
	}
}

func TestRoleFollowsAFailover(t *testing.T) {
	c := launch(t, cluster.Spec{Interval: fast})
	seen := observe(t, c)
	killed := c.Site("azure").Kill()
	ok(t, seen.Wait(soon(t), aws, killed))
	for _, n := range c.Nodes() {
		for site, want := range map[string]string{"azure": "standby", "aws": "active"} {
			r, err := n.API().Role(soon(t), site, "")
			ok(t, err)
			if r.Role != want || !r.Quorum {
				t.Errorf("%s says that %s is %s, quorum %t", n.ID, site, r.Role, r.Quorum)
			}
		}
	}
}
