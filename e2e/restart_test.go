package e2e

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"failoverdns/e2e/cluster"
)

func TestRestartOfAllNodesWhilePrimaryIsDownAnswersWithSecondaryFromTheFirst(t *testing.T) {
	for _, end := range []string{"killed", "stopped cleanly"} {
		t.Run(end, func(t *testing.T) {
			c := launch(t, cluster.Spec{Interval: fast})
			seen := observe(t, c)
			killed := c.Site("azure").Kill()
			ok(t, seen.Wait(soon(t), aws, killed))
			time.Sleep(200 * time.Millisecond) // the promise: what was answered 100 ms ago is on disk
			for _, n := range c.Nodes() {
				if end == "killed" {
					n.Kill()
				} else {
					ok(t, n.Stop())
				}
			}

			down := time.Now()
			again := c.Observe(login, 5*time.Millisecond) // the very first answer counts
			t.Cleanup(again.Stop)
			for _, n := range c.Nodes() {
				ok(t, n.Start())
			}
			ok(t, again.Wait(soon(t), aws, down))
			for _, n := range c.Nodes() {
				ok(t, n.WaitReady(soon(t)))
				onlyAnswered(t, again, n, down, aws)
			}
		})
	}
}

// onlyAnswered fails if a node, where it answered at all, answered otherwise.
func onlyAnswered(t *testing.T, o *cluster.Observer, n *cluster.Node, since time.Time, answer string) {
	t.Helper()
	i := slices.IndexFunc(o.Samples(n.ID, since), func(s cluster.Sample) bool { return s.Err == nil && s.Answer != answer })
	if i >= 0 {
		s := o.Samples(n.ID, since)[i]
		t.Errorf("%s answered %s at %s after its start", n.ID, s, s.Got.Sub(since))
	}
}

func TestNodesFormOneClusterInWhateverOrderTheyStart(t *testing.T) {
	for _, order := range [][]string{{"ns3", "ns1", "ns2"}, {"ns2", "ns3", "ns1"}} {
		t.Run(fmt.Sprint(order), func(t *testing.T) {
			c := prepare(t, cluster.Spec{Interval: fast})
			for _, s := range c.Sites() {
				ok(t, s.Start(soon(t)))
			}
			for i, id := range order {
				n := c.Node(id)
				ok(t, n.Start())
				if i == len(order)-1 {
					break
				}
				eventually(t, func() error { return waits(soon(t), n, order[len(order)-1]) })
				if err := n.Ready(soon(t)); err == nil {
					t.Errorf("%s is ready before the cluster is", id)
				}
			}
			for _, n := range c.Nodes() {
				ok(t, n.WaitReady(soon(t)))
			}
			ok(t, c.WaitVerdicts(soon(t), "up"))
			observe(t, c)
			serial(t, c)
		})
	}
}

// waits wants a node to name a peer that it waits for.
func waits(ctx context.Context, n *cluster.Node, missing string) error {
	m, err := n.API().Members(ctx)
	if err != nil {
		return err
	}
	if m.Cluster.Ready {
		return errors.New(n.ID + " says that it is ready")
	}
	for _, w := range m.Cluster.Waiting {
		if containsWord(w, missing) {
			return nil
		}
	}
	return fmt.Errorf("%s waits for %q in phase %q, and does not name %s", n.ID, m.Cluster.Waiting, m.Cluster.Phase, missing)
}
