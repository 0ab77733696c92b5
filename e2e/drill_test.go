package e2e

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"failoverdns/api"
	"failoverdns/e2e/cluster"
)

func TestDrillMovesAllNodesAndReturnsByItselfWithAReport(t *testing.T) {
	c := launch(t, cluster.Spec{Interval: fast, Lines: []string{"failback manual"}})
	seen := observe(t, c)
	const lasts = 5 * time.Second
	began := time.Now()
	command(t, followerOf(t, c), 0, "drill", zone, "--to", "aws", "--for", lasts.String(), "--reason", "rehearsal")
	flips(t, seen, c.Nodes(), began, undone, azure, aws)
	moved := time.Now()
	flips(t, seen, c.Nodes(), moved, lasts+slack, aws, azure)
	eventually(t, func() error {
		a, err := c.Node("ns3").API().Drills(t.Context(), 1)
		if err == nil && len(a.Drills[0].Return) != 3 {
			err = errors.New("the way back is not measured yet")
		}
		return err
	})
	page := command(t, c.Node("ns2"), 0, "drill", "show", "1", "--consistent")
	for _, text := range []string{"outcome  completed", "The way back", "answers with azure", "led"} {
		if !strings.Contains(page, text) {
			t.Errorf("the report does not say %q:\n%s", text, page)
		}
	}
	t.Log(page)

	began = time.Now()
	command(t, c.Node("ns1"), 0, "drill", zone, "--to", "aws", "--for", "10m", "--reason", "another rehearsal")
	flips(t, seen, c.Nodes(), began, undone, azure, aws)
	aborted := time.Now()
	command(t, followerOf(t, c), 0, "drill", "abort", "2", "--reason", "enough", "--wait")
	flips(t, seen, c.Nodes(), aborted, undone, aws, azure)
	if page := command(t, c.Node("ns3"), 0, "drill", "list", "--consistent"); !strings.Contains(page, "completed") || !strings.Contains(page, "another rehearsal") {
		t.Errorf("the list of drills:\n%s", page)
	}
}

// TestManualFailbackWaitsForItsCommand, however long the first site has been up.
func TestManualFailbackWaitsForItsCommand(t *testing.T) {
	c := launch(t, cluster.Spec{Interval: fast, Lines: []string{"failback manual"}})
	seen := observe(t, c)
	killed := c.Site("azure").Kill()
	flips(t, seen, c.Nodes(), killed, specDetection(c)+slack, azure, aws)
	ok(t, c.Site("azure").Start(soon(t)))
	ok(t, c.WaitVerdicts(soon(t), "up"))
	back := time.Now()
	time.Sleep(4 * often) // it must not flip: there is nothing to wait for
	onlyAnswers(t, seen, c.Nodes(), back, aws)
	asked := time.Now()
	command(t, followerOf(t, c), 0, "failback", zone, "--reason", "azure is well again", "--wait")
	flips(t, seen, c.Nodes(), asked, undone, aws, azure)
}

// TestDrillGoesOnUnderANewLeader: the leader is killed when the way out was measured. The drill ends on time, and the new
// leader measures the way back.
func TestDrillGoesOnUnderANewLeader(t *testing.T) {
	c := launch(t, cluster.Spec{Interval: fast, Lines: []string{"failback manual"}})
	seen := observe(t, c)
	const lasts = 12 * time.Second
	began := time.Now()
	command(t, followerOf(t, c), 0, "drill", zone, "--to", "aws", "--for", lasts.String(), "--reason", "rehearsal")
	flips(t, seen, c.Nodes(), began, undone, azure, aws)
	moved := time.Now()
	old, err := c.Leader(soon(t))
	ok(t, err)
	eventually(t, func() error { return timed(t, old, func(d *api.Drill) []api.Swap { return d.Out }) })
	old.Kill()
	killed := time.Now()
	again, err := c.Leader(soon(t))
	ok(t, err)
	leaderless := time.Since(killed)
	rest := but(c, old)
	if age := time.Since(began); age > lasts {
		t.Skipf("the new leader was there after %s: this machine is too slow for this test", age)
	}
	for _, n := range rest {
		ok(t, seen.Wait(within(t, lasts+leaderless+slack), azure, moved, n.ID))
	}
	flips(t, seen, rest, began, lasts+leaderless+slack, aws, azure)
	for _, n := range rest {
		if back, _ := seen.First(n.ID, azure, moved); back.Sub(began) < lasts-slack {
			t.Errorf("%s: the drill ended after %s of %s", n.ID, back.Sub(began), lasts)
		}
	}
	eventually(t, func() error { return timed(t, again, func(d *api.Drill) []api.Swap { return d.Return }) })
	ok(t, old.Start())
	ok(t, old.WaitReady(soon(t)))
	eventually(t, func() error { // it is ready before it has heard of a leader
		_, err := old.Consistent().Drills(t.Context(), 1)
		return err
	})
	for _, n := range c.Nodes() {
		drillReported(t, n, old, again, lasts)
	}
}

// timed wants the times of every node, or why it has none.
func timed(t *testing.T, n *cluster.Node, of func(*api.Drill) []api.Swap) error {
	a, err := n.API().Drills(t.Context(), 1)
	if err == nil && len(of(&a.Drills[0])) != 3 {
		err = errors.New("the move is not measured yet")
	}
	return err
}

// drillReported reads the report of a drill that began under one leader and ended under another, while the first was dead.
func drillReported(t *testing.T, n, old, again *cluster.Node, lasts time.Duration) {
	t.Helper()
	var a api.Drills
	ok(t, json.Unmarshal([]byte(command(t, n, 0, "drill", "show", "1", "--consistent", "-o", "json")), &a))
	d := a.Drills[0]
	if d.Outcome != "completed" || d.Why != "" || d.From != "azure" || d.To != "aws" || d.Back != d.From || d.Ends != nil || d.Ended == nil ||
		d.For != lasts.Seconds() || d.Lasted < d.For || len(d.Health) != 1 || !d.Health[0].Up {
		t.Errorf("%s tells of the drill: %+v", n.ID, d)
	}
	for _, s := range d.Out {
		if s.Error != "" || s.Swapped <= 0 || s.Leader != (s.Node == old.ID) {
			t.Errorf("%s tells of the way out: %+v", n.ID, s)
		}
	}
	for _, s := range d.Return {
		if (s.Error != "") != (s.Node == old.ID) || (s.Swapped > 0) != (s.Node != old.ID) || s.Leader != (s.Node == again.ID) {
			t.Errorf("%s tells of the way back: %+v", n.ID, s)
		}
	}
	page := command(t, n, 0, "drill", "show", "1", "--consistent")
	for _, text := range []string{"for 12s", "outcome  completed", "answers with " + d.Back, "The way out", "The way back", "led"} {
		if !strings.Contains(page, text) {
			t.Errorf("the report does not say %q:\n%s", text, page)
		}
	}
	if n == old {
		t.Log(page)
	}
}

func TestDrillEndsWhenItsSiteDies(t *testing.T) {
	c := launch(t, cluster.Spec{Interval: fast})
	seen := observe(t, c)
	began := time.Now()
	command(t, c.Node("ns1"), 0, "drill", zone, "--to", "aws", "--for", "10m", "--reason", "rehearsal")
	flips(t, seen, c.Nodes(), began, undone, azure, aws)
	killed := c.Site("aws").Kill()
	flips(t, seen, c.Nodes(), killed, specDetection(c)+slack, aws, azure)
	if page := command(t, c.Node("ns2"), 0, "drill", "show", "1", "--consistent"); !strings.Contains(page, "aborted: site aws is down") {
		t.Errorf("the report does not say why it ended:\n%s", page)
	}
	command(t, c.Node("ns3"), 1, "drill", zone, "--to", "aws", "--reason", "too soon")
}

func TestSwitchesTurnTogetherOrNotAtAllUnderARule(t *testing.T) {
	c := launch(t, cluster.Spec{Interval: fast, Lines: []string{"switch azure-in {", "sites azure", "}", "switch aws-in {", "sites aws", "}",
		"rule one-in assertion {", "switches azure-in aws-in", "wait 0s", "}"}})
	seen := observe(t, c)
	began := time.Now()
	command(t, c.Node("ns1"), 1, "switch", "set", "azure-in=off", "aws-in=off", "--force", "--reason", "a mistake")
	for _, n := range c.Nodes() {
		ok(t, seen.Wait(soon(t), azure, time.Now(), n.ID))
	}
	onlyAnswers(t, seen, c.Nodes(), began, azure)
	moved := time.Now()
	command(t, followerOf(t, c), 0, "switch", "set", "azure-in=off", "--reason", "move", "--wait")
	flips(t, seen, c.Nodes(), moved, undone, azure, aws)
	command(t, c.Node("ns2"), 1, "switch", "set", "aws-in=off", "--force", "--reason", "behind the other's back")
	command(t, c.Node("ns2"), 1, "site", "down", "aws", "--force", "--reason", "by another way")
	back := time.Now()
	command(t, c.Node("ns3"), 0, "switch", "set", "azure-in=on", "aws-in=off", "--reason", "back", "--wait")
	flips(t, seen, c.Nodes(), back, undone, aws, azure)
	for page, says := range map[string]string{
		command(t, c.Node("ns1"), 0, "switch", "list", "--consistent"): "aws-in",
		command(t, c.Node("ns1"), 0, "rule", "list", "--consistent"):   "one-in",
	} {
		if !strings.Contains(page, says) {
			t.Errorf("%q is not in\n%s", says, page)
		}
	}
}
