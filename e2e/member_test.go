package e2e

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"failoverdns/e2e/cluster"
)

// token writes a join token for a node into its directory, made by way of another.
func joinToken(t *testing.T, by, n *cluster.Node, role string) string {
	t.Helper()
	file := filepath.Join(n.Dir, cluster.TokenFile)
	ok(t, os.RemoveAll(file))
	command(t, by, 0, "token", "create", n.ID, "--join", "--role", role, "--reason", "growth", "--out", file)
	return file
}

// hasVote wants a node to be a voter, as another one sees it.
func hasVote(t *testing.T, by *cluster.Node, id string, voters int) error {
	m, err := by.API().Members(t.Context())
	if err != nil {
		return err
	}
	for _, x := range m.Cluster.Members {
		if x.ID == id && x.Suffrage == "voter" && m.Cluster.Live == voters {
			return nil
		}
	}
	return fmt.Errorf("%s has no vote yet: %+v", id, m.Cluster.Members)
}

// voters wants so many voters, all of them live.
func voters(t *testing.T, by *cluster.Node, n int) error {
	m, err := by.API().Members(t.Context())
	if err == nil && (m.Cluster.Voters != n || m.Cluster.Live != n) {
		err = fmt.Errorf("%d of %d voters answer, not %d", m.Cluster.Live, m.Cluster.Voters, n)
	}
	return err
}

// TestClusterGrowsToFiveAndShrinksBackUnderQueries: from a node's readiness on, every query is answered, and rightly,
// while the primary site dies in the middle and comes back at the end.
func TestClusterGrowsToFiveAndShrinksBackUnderQueries(t *testing.T) {
	c := prepare(t, cluster.Spec{Interval: fast, Nodes: 5, Founders: 1})
	for _, s := range c.Sites() {
		ok(t, s.Start(soon(t)))
	}
	first := c.Node("ns1")
	ok(t, first.Start())
	ok(t, first.WaitReady(soon(t)))
	seen := c.Observe(login, often)
	t.Cleanup(seen.Stop)
	ready := map[string]time.Time{"ns1": time.Now()}
	join := func(id string, voters int) {
		n := c.Node(id)
		joinToken(t, first, n, "voter")
		ok(t, n.Start())
		ok(t, n.WaitReady(soon(t)))
		ready[id] = time.Now()
		eventually(t, func() error { return hasVote(t, first, id, voters) })
	}
	join("ns2", 2)
	join("ns3", 3)
	ok(t, c.WaitVerdicts(soon(t), "up"))
	grown := time.Now()
	for _, id := range []string{"ns1", "ns2", "ns3"} {
		onlyAnswers(t, seen, []*cluster.Node{c.Node(id)}, ready[id], azure)
	}

	killed := c.Site("azure").Kill()
	three := c.Nodes()[:3]
	flips(t, seen, three, killed, specDetection(c)+slack, azure, aws)
	failedOver := time.Now()
	join("ns4", 4)
	join("ns5", 5)
	page := command(t, c.Node("ns5"), 0, "cluster", "status")
	if !strings.Contains(page, "5 of 5 voters answer, 2 more may be lost") {
		t.Errorf("cluster status:\n%s", page)
	}
	t.Logf("grown from three to five in %s:\n%s", time.Since(failedOver), page)
	for _, n := range c.Nodes() {
		since := failedOver
		if ready[n.ID].After(since) {
			since = ready[n.ID]
		}
		onlyAnswers(t, seen, []*cluster.Node{n}, since, aws)
	}

	command(t, c.Node("ns2"), 0, "cluster", "demote", "ns5", "--reason", "it votes no more, and answers on")
	eventually(t, func() error { return voters(t, first, 4) })
	command(t, c.Node("ns2"), 0, "cluster", "promote", "ns5", "--reason", "it votes again")
	eventually(t, func() error { return hasVote(t, first, "ns5", 5) })

	last := c.Node("ns3")
	for _, id := range []string{"ns1", "ns5", "ns2", "ns4"} { // the founder first
		gone := c.Node(id)
		command(t, last, 0, "cluster", "remove", id, "--reason", "back to one")
		eventually(t, func() error {
			m, err := gone.API().Members(t.Context())
			if err == nil && m.Cluster.Phase != "removed" {
				err = fmt.Errorf("%s says that it is %s", id, m.Cluster.Phase)
			}
			return err
		})
		if err := gone.Ready(t.Context()); err == nil {
			t.Errorf("%s is removed, and ready", id)
		}
		for _, page := range [][]string{{"status"}, {"cluster", "status"}} {
			said := command(t, gone, 1, page...)
			if !strings.Contains(said, id+" was removed from the cluster at ") || !strings.Contains(said, "(back to one). It goes on answering") || !strings.Contains(said, "next: stop it") {
				t.Errorf("%s at %s, which was removed, says\n%s", strings.Join(page, " "), id, said)
			}
		}
		onlyAnswers(t, seen, []*cluster.Node{gone}, ready[id], answersOf(ready[id], failedOver)...)
		ok(t, gone.Stop())
	}
	alone := time.Now()
	ok(t, c.Site("azure").Start(soon(t)))
	ok(t, seen.Wait(within(t, time.Minute), azure, alone, last.ID))
	onlyAnswers(t, seen, []*cluster.Node{last}, ready[last.ID], azure, aws)
	t.Logf("one of five is left, and all of its answers since %s were right", grown.Format(time.TimeOnly))
	command(t, last, 1, "cluster", "remove", last.ID, "--reason", "the last one", "--force", "--confirm", last.ID)
}

// answersOf is what a node may have answered since it was ready: those that came after the failover, one thing only.
func answersOf(ready, failedOver time.Time) []string {
	if ready.After(failedOver) {
		return []string{aws}
	}
	return []string{azure, aws}
}

// TestWipedNodeJoinsAgainWhileCorefilesAreRolledOutAndBack: neither the change of leader, nor the wiped node with its
// old file, nor its way back makes an answer flap or revert.
func TestWipedNodeJoinsAgainWhileCorefilesAreRolledOutAndBack(t *testing.T) {
	c := launch(t, cluster.Spec{Interval: fast, Lines: []string{"record mail {", "at azure 127.0.0.21", "at aws 127.0.0.22", "}"}})
	mail := c.Observe("mail."+zone, often)
	t.Cleanup(mail.Stop)
	const was, is = "127.0.0.21", "127.0.0.23"
	ok(t, mail.Wait(soon(t), was, time.Time{}))
	change := func(n *cluster.Node, from, to string) {
		text, err := n.Corefile()
		ok(t, err)
		ok(t, n.WriteCorefile(strings.Replace(text, "at azure "+from, "at azure "+to, 1)))
		ok(t, n.Reload())
	}
	start := time.Now()
	change(c.Node("ns1"), was, is)
	ok(t, mail.Wait(soon(t), is, start))
	out := time.Now()

	leader, err := c.Leader(soon(t))
	ok(t, err)
	next := but(c, leader, c.Node("ns3"))[0]
	command(t, c.Node("ns1"), 0, "cluster", "transfer", next.ID, "--reason", "before the work on ns3")
	eventually(t, func() error { return ledBy(t, []*cluster.Node{next}) })
	wiped := c.Node("ns3") // with the old file
	ok(t, wiped.Stop())
	ok(t, os.RemoveAll(filepath.Join(wiped.Dir, "data")))
	again := time.Now()
	ok(t, wiped.Start())
	eventually(t, func() error {
		m, err := wiped.API().Members(t.Context())
		if err == nil && m.Cluster.Phase != "wiped" {
			err = fmt.Errorf("it is %s", m.Cluster.Phase)
		}
		return err
	})
	token := joinToken(t, c.Node("ns1"), wiped, "voter")
	if page := command(t, wiped, 1, "cluster", "join", c.Node("ns1").Raft, "--token", token); strings.Contains(page, "Done") {
		t.Errorf("it joined before it was removed: %s", page)
	}
	plan := command(t, c.Node("ns2"), 0, "cluster", "remove", "ns3", "--reason", "its disk was wiped", "--plan")
	for _, want := range []string{"remove ns3: voter at " + wiped.Raft + ", voter, does not answer", "before  3       2       2 needed  0 ", "after   2       2       2 needed  0 "} {
		if !strings.Contains(plan, want) {
			t.Errorf("the plan does not say %q:\n%s", want, plan)
		}
	}
	command(t, c.Node("ns2"), 0, "cluster", "remove", "ns3", "--reason", "its disk was wiped")
	command(t, wiped, 0, "cluster", "join", c.Node("ns1").Raft, "--token", token)
	ok(t, wiped.WaitReady(soon(t)))
	back := time.Now()
	eventually(t, func() error { return hasVote(t, c.Node("ns1"), "ns3", 3) })
	t.Logf("wiped, removed and joined again in %s", time.Since(again))
	onlyAnswers(t, mail, []*cluster.Node{wiped}, back, is)
	noOtherAnswer(t, mail, wiped, again, is, "SERVFAIL")

	change(c.Node("ns2"), was, is)
	change(wiped, was, is)
	for _, n := range c.Nodes() {
		eventually(t, func() error { return driftFree(t, n) })
	}
	onlyAnswers(t, mail, but(c, wiped), out, is)
	undo := time.Now()
	change(wiped, is, was) // and back, the wiped node first
	ok(t, mail.Wait(soon(t), was, undo))
	returned := time.Now()
	change(c.Node("ns1"), is, was)
	change(c.Node("ns2"), is, was)
	for _, n := range c.Nodes() {
		eventually(t, func() error { return driftFree(t, n) })
	}
	onlyAnswers(t, mail, c.Nodes(), returned, was)
}
