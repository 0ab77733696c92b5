package e2e

import (
	"strings"
	"testing"
	"time"

	"failoverdns/e2e/cluster"
)

func TestLossOfOneNodeCostsNoAnswerAndNoFlip(t *testing.T) {
	for _, role := range []string{"follower", "leader"} {
		t.Run(role, func(t *testing.T) {
			c := launch(t, cluster.Spec{})
			seen := observe(t, c)
			spec := c.Spec()
			victim, err := c.Leader(soon(t))
			ok(t, err)
			if role == "follower" {
				victim = but(c, victim)[0]
			}
			rest := but(c, victim)

			victim.Kill()
			killed := c.Site("azure").Kill() // both at once: the worst moment, since an election may be under way
			flips(t, seen, rest, killed, spec.Detection()+slack, azure, aws)
			onlyAnswers(t, seen, rest, killed, azure, aws)

			ok(t, victim.Start())
			returned := time.Now()
			ok(t, seen.Wait(soon(t), aws, returned, victim.ID)) // until it has caught up it answers as it did when it died
			caughtUp, _ := seen.First(victim.ID, aws, returned)
			t.Logf("%s has caught up %.2f s after its start", victim.ID, caughtUp.Sub(returned).Seconds())
			ok(t, victim.WaitReady(soon(t)))
			ok(t, seen.Wait(soon(t), aws, time.Now()))
			onlyAnswers(t, seen, c.Nodes(), caughtUp, aws)
		})
	}
}

func TestLastNodeOfThreeKeepsAnsweringHoldsAndSaysSo(t *testing.T) {
	c := launch(t, cluster.Spec{Interval: fast})
	seen := observe(t, c)
	spec := c.Spec()
	last := c.Node("ns2")

	c.Node("ns1").Kill()
	lost := c.Node("ns3").Kill()
	c.Site("azure").Kill()
	eventually(t, func() error { return saysNoQuorum(t, last) })
	time.Sleep(spec.Detection() + slack) // it must hold: there is nothing to wait for
	onlyAnswers(t, seen, []*cluster.Node{last}, lost, azure)

	returned := time.Now()
	ok(t, c.Node("ns1").Start())
	flips(t, seen, []*cluster.Node{last}, returned, 15*time.Second, azure, aws)
}

// saysNoQuorum wants failoverctl status to say that there is no quorum, and to exit with 1.
func saysNoQuorum(t *testing.T, n *cluster.Node) error {
	out, err := n.CLI(t.Context(), "status")
	if err != nil {
		return err
	}
	if out.Status != 1 || !strings.Contains(strings.ToLower(out.Out), "no quorum") {
		return unexpected("status", out)
	}
	return nil
}

func TestCleanStopHandsOverLeadership(t *testing.T) {
	c := launch(t, cluster.Spec{})
	seen := observe(t, c)
	old, err := c.Leader(soon(t))
	ok(t, err)
	rest := but(c, old)

	asked := time.Now()
	stopped := make(chan error, 1)
	go func() { stopped <- old.Stop() }()
	eventually(t, func() error { return ledBy(t, rest) })
	took := time.Since(asked)
	t.Logf("another node leads %.2f s after SIGTERM", took.Seconds())
	if took > 900*time.Millisecond { // an election begins after the heartbeat timeout of 1 s at the earliest
		t.Error("that is no hand-over")
	}
	ok(t, <-stopped)
	onlyAnswers(t, seen, rest, asked, azure)
}
