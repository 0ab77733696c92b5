package e2e

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"failoverdns/api"
	"failoverdns/e2e/cluster"
)

// undone is how long the undoing of a wrong flip may take on all nodes, the command's own start included.
const undone = time.Second

func TestWrongFlipIsUndoneByOneCommandAndStaysUndoneUntilUnpinned(t *testing.T) {
	c := launch(t, cluster.Spec{Interval: fast})
	seen := observe(t, c)
	broken := time.Now()
	ok(t, c.Site("azure").SetFaults(cluster.Faults{Status: 503})) // the check is wrong, the site is not
	ok(t, seen.Wait(soon(t), aws, broken))

	asked := time.Now()
	command(t, followerOf(t, c), 0, "failover", zone, "--to", "azure", "--force", "--reason", "the check is wrong", "--for", "1h")
	flips(t, seen, c.Nodes(), asked, undone, aws, azure)
	back := time.Now()
	time.Sleep(specDetection(c) + slack) // it must not flip again: there is nothing to wait for
	onlyAnswers(t, seen, c.Nodes(), back, azure)
	page := command(t, c.Node("ns2"), 0, "status")
	for _, text := range []string{"the check is wrong", "whatever is measured", "failoverctl unpin " + zone} {
		if !strings.Contains(page, text) {
			t.Errorf("status does not say %q:\n%s", text, page)
		}
	}

	unpinned := time.Now()
	command(t, c.Node("ns3"), 0, "unpin", zone, "--reason", "it was down after all", "--wait")
	flips(t, seen, c.Nodes(), unpinned, undone, azure, aws)
}

func TestForcedPinEndsByItselfWhenItExpires(t *testing.T) {
	c := launch(t, cluster.Spec{Interval: fast})
	seen := observe(t, c)
	broken := time.Now()
	ok(t, c.Site("azure").SetFaults(cluster.Faults{Status: 503}))
	ok(t, seen.Wait(soon(t), aws, broken))
	const stands = 4 * time.Second
	asked := time.Now()
	command(t, c.Node("ns1"), 0, "failover", zone, "--to", "azure", "--force", "--reason", "for a while", "--for", stands.String())
	flips(t, seen, c.Nodes(), asked, undone, aws, azure)
	flips(t, seen, c.Nodes(), asked, stands+slack, azure, aws)
	for _, n := range c.Nodes() {
		if early, is := seen.First(n.ID, aws, asked.Add(undone)); is && early.Before(asked.Add(stands)) {
			t.Errorf("%s: the pin ended after %s", n.ID, early.Sub(asked))
		}
	}
}

func TestOverrideSurvivesRestartsAndLeaderChangesAndEndsByItself(t *testing.T) {
	c := launch(t, cluster.Spec{Interval: fast})
	seen := observe(t, c)
	const stands = 25 * time.Second
	set := time.Now()
	command(t, c.Node("ns1"), 0, "site", "down", "azure", "--reason", "disk replacement", "--for", stands.String(), "--wait")
	ok(t, seen.Wait(soon(t), aws, set))
	since := time.Now()

	old, err := c.Leader(soon(t))
	ok(t, err)
	old.Kill()
	again, err := c.Leader(soon(t))
	ok(t, err)
	ok(t, old.Start())
	ok(t, old.WaitReady(soon(t)))
	ok(t, again.Stop())
	ok(t, again.Start())
	ok(t, again.WaitReady(soon(t)))
	for _, n := range c.Nodes() { // the whole cluster at once
		n.Kill()
	}
	for _, n := range c.Nodes() {
		ok(t, n.Start())
	}
	for _, n := range c.Nodes() {
		ok(t, n.WaitReady(soon(t)))
	}
	standing := time.Now()
	if age := standing.Sub(set); age > stands-2*time.Second {
		t.Skipf("the restarts took %s: this machine is too slow for this test", age)
	}
	page := command(t, c.Node("ns2"), 0, "overrides")
	if !strings.Contains(page, "disk replacement") {
		t.Errorf("the override is gone:\n%s", page)
	}
	// The cluster clock stands still while nobody leads, so the end comes late and never early.
	ok(t, seen.Wait(within(t, stands+30*time.Second), azure, set.Add(time.Second)))
	for _, n := range c.Nodes() {
		early, _ := seen.First(n.ID, azure, since)
		if took := early.Sub(set); took < stands {
			t.Errorf("%s: the override ended after %s of %s", n.ID, took, stands)
		}
		noOtherAnswer(t, seen, n, since, aws, azure)
	}
}

// noOtherAnswer fails if a node, where it answered at all, answered with neither of these.
func noOtherAnswer(t *testing.T, o *cluster.Observer, n *cluster.Node, since time.Time, answers ...string) {
	t.Helper()
	for _, s := range o.Samples(n.ID, since) {
		if s.Err == nil && !strings.Contains(strings.Join(answers, " "), s.Answer) {
			t.Errorf("%s answered %s %s later", n.ID, s, s.Sent.Sub(since))
			return
		}
	}
}

func TestCorefilesRolledOutAndBackNeverMakeAnAnswerFlap(t *testing.T) {
	c := launch(t, cluster.Spec{Interval: fast, Lines: []string{"record mail {", "at azure 127.0.0.21", "at aws 127.0.0.22", "}"}})
	seen := observe(t, c)
	mail := c.Observe("mail."+zone, often)
	t.Cleanup(mail.Stop)
	ok(t, mail.Wait(soon(t), "127.0.0.21", time.Time{}))
	start := time.Now()
	change := func(n *cluster.Node, from, to string) {
		text, err := n.Corefile()
		ok(t, err)
		ok(t, n.WriteCorefile(strings.Replace(text, from, to, 1)))
		ok(t, n.Reload())
	}
	const was, is = "at azure 127.0.0.21", "at azure 127.0.0.23"

	change(c.Node("ns1"), was, is) // out: the first node brings it into force, the others follow
	ok(t, mail.Wait(soon(t), "127.0.0.23", start))
	out := time.Now()
	old, err := c.Leader(soon(t))
	ok(t, err)
	ok(t, old.Stop()) // its late Corefile must not revert anything when it is back
	ok(t, old.Start())
	ok(t, old.WaitReady(soon(t)))
	change(c.Node("ns2"), was, is)
	change(c.Node("ns3"), was, is)
	for _, n := range c.Nodes() {
		eventually(t, func() error { return driftFree(t, n) })
	}
	onlyAnswers(t, mail, but(c, old), out, "127.0.0.23")

	back := time.Now()
	change(c.Node("ns3"), is, was) // and back, in another order
	ok(t, mail.Wait(soon(t), "127.0.0.21", back))
	returned := time.Now()
	change(c.Node("ns1"), is, was)
	change(c.Node("ns2"), is, was)
	for _, n := range c.Nodes() {
		eventually(t, func() error { return driftFree(t, n) })
		noOtherAnswer(t, mail, n, returned, "127.0.0.21")
		noOtherAnswer(t, seen, n, start, azure)
	}
}

func TestNodeWithAnotherFileIsDriftUntilItsFileIsAdopted(t *testing.T) {
	c := launch(t, cluster.Spec{Interval: fast, Lines: []string{"ttl 60"}})
	seen := observe(t, c)
	start := time.Now()
	for i, ttl := range []string{"ttl 45", "ttl 30"} { // ns1 brings its file into force; ns2 then offers a third form
		n := c.Nodes()[i]
		text, err := n.Corefile()
		ok(t, err)
		ok(t, n.WriteCorefile(strings.Replace(text, "ttl 60", ttl, 1)))
		ok(t, n.Reload())
		if i == 0 {
			eventually(t, func() error { return hasTTL(seen, c, 45) })
		}
	}
	eventually(t, func() error {
		a, err := c.Node("ns3").API().Offers(t.Context())
		if err == nil && !slices.ContainsFunc(a.Offers, func(o api.Offer) bool { return o.Drift && o.Node == "ns2" }) {
			err = errors.New("no drift of ns2 is shown")
		}
		return err
	})
	if err := hasTTL(seen, c, 45); err != nil {
		t.Error(err)
	}
	page := command(t, c.Node("ns3"), 1, "status")
	if !strings.Contains(page, "failoverctl config adopt ns2 "+zone) {
		t.Errorf("status does not name the way out:\n%s", page)
	}
	command(t, c.Node("ns3"), 0, "config", "adopt", "ns2", zone, "--reason", "ticket 4711", "--wait")
	eventually(t, func() error { return hasTTL(seen, c, 30) })
	onlyAnswers(t, seen, c.Nodes(), start, azure)
}

func TestWipedNodeRevertsNothing(t *testing.T) {
	c := launch(t, cluster.Spec{Interval: fast, Lines: []string{"ttl 60"}})
	seen := observe(t, c)
	start := time.Now()
	for _, n := range []*cluster.Node{c.Node("ns1"), c.Node("ns2")} {
		text, err := n.Corefile()
		ok(t, err)
		ok(t, n.WriteCorefile(strings.Replace(text, "ttl 60", "ttl 45", 1)))
		ok(t, n.Reload())
	}
	eventually(t, func() error { return hasTTL(seen, c, 45) })
	wiped := c.Node("ns3") // with the old file, and without its data
	ok(t, wiped.Stop())
	ok(t, os.RemoveAll(filepath.Join(wiped.Dir, "data")))
	again := time.Now()
	ok(t, wiped.Start())
	eventually(t, func() error {
		m, err := wiped.API().Members(t.Context())
		if err != nil {
			return err
		}
		if m.Cluster.Phase != "wiped" {
			return fmt.Errorf("%s is %s", wiped.ID, m.Cluster.Phase)
		}
		return nil
	})
	rest := but(c, wiped)
	onlyAnswers(t, seen, rest, start, azure)
	for _, n := range rest {
		if got := seen.Last(n.ID).TTL; got != 45 {
			t.Errorf("%s answers with TTL %d", n.ID, got)
		}
	}
	ok(t, seen.Wait(soon(t), "SERVFAIL", again, wiped.ID))
	if _, stale := seen.First(wiped.ID, azure, again); stale {
		t.Errorf("the wiped node answers %s", azure)
	}
}

func hasTTL(o *cluster.Observer, c *cluster.Cluster, ttl uint32) error {
	for _, n := range c.Nodes() {
		if got := o.Last(n.ID).TTL; got != ttl {
			return fmt.Errorf("%s answers with TTL %d, not %d", n.ID, got, ttl)
		}
	}
	return nil
}

// driftFree wants every node's file to be what is in force, as one node sees it.
func driftFree(t *testing.T, n *cluster.Node) error {
	a, err := n.API().Offers(t.Context())
	if err != nil {
		return err
	}
	for _, o := range a.Offers {
		if !o.Matches {
			return fmt.Errorf("%s sees the offer of %s (drift: %t)", n.ID, o.Node, o.Drift)
		}
	}
	return nil
}

func TestConfigDiffSaysWhatACorefileWouldChange(t *testing.T) {
	c := launch(t, cluster.Spec{Interval: fast, Lines: []string{"ttl 60"}})
	n := c.Node("ns2")
	command(t, n, 0, "config", "diff", filepath.Join(n.Dir, "Corefile"))
	text, err := n.Corefile()
	ok(t, err)
	next := filepath.Join(n.Dir, "Corefile.next")
	ok(t, os.WriteFile(next, []byte(strings.Replace(text, "ttl 60", "ttl 60\n        failback manual", 1)), 0o600))
	page := command(t, n, 1, "config", "diff", next)
	for _, want := range []string{"group auth.example.com failback", "auto  ->  manual", "group auth.example.com all-down", "primary  ->  last"} {
		if !strings.Contains(page, want) {
			t.Errorf("diff does not say %q:\n%s", want, page)
		}
	}
	healthy(t, c.Node("ns1")) // looking changes nothing
}
