package e2e

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"failoverdns/api"
	"failoverdns/e2e/cluster"
)

// oneIn is what takes each site out by a switch, and a rule that demands one of them. With no site in, answers would
// hold both.
var oneIn = []string{"all-down all", "switch azure-in {", "sites azure", "}", "switch aws-in {", "sites aws", "}",
	"rule one-in assertion {", "switches azure-in aws-in", "wait 0s", "}"}

// TestConcurrentOperatorsNeverTakeEverySiteOut: in each round operators at all nodes take both sites out at once, by
// every means there is. One site goes, the other stays, and whoever wanted the other is told of the rule.
func TestConcurrentOperatorsNeverTakeEverySiteOut(t *testing.T) {
	c := launch(t, cluster.Spec{Interval: 2 * time.Second, Lines: oneIn}) // no flip by health is wanted
	seen := observe(t, c)
	start := time.Now()
	looks := lookOn(t, c)
	lost := map[string]int{}
	for range 4 {
		said := allTakeOut(t, c)
		out, in := gone(t, c)
		for _, s := range said[out] {
			if s.Status != 0 {
				t.Error(unexpected("against "+out, s))
			}
		}
		for _, s := range said[in] {
			if s.Status != 1 || !strings.Contains(s.Err, "rule one-in demands at least 1 of azure-in, aws-in on") {
				t.Error(unexpected("against "+in, s))
			}
			lost[in]++
		}
		windowsDecided(t, c, in)
		back := time.Now()
		ok(t, seen.Wait(soon(t), map[string]string{"azure": azure, "aws": aws}[in], back))
		bringIn(t, c, out)
	}
	ok(t, looks())
	onlyAnswers(t, seen, c.Nodes(), start, azure, aws)
	t.Logf("commands that the rule refused, by the site that stayed: %v", lost)
}

// allTakeOut has every node take commands against both sites at the same time, and gives what each of those said, by
// site. Windows are planned before, to begin in the middle.
func allTakeOut(t *testing.T, c *cluster.Cluster) map[string][]cluster.Output {
	t.Helper()
	for i, site := range []string{"azure", "aws"} {
		command(t, c.Nodes()[i], 0, "maintenance", "add", "site", site, "--in", "1s", "--for", "10m", "--force", "--reason", "disks")
	}
	var mu sync.Mutex // guards said
	said := map[string][]cluster.Output{}
	var all sync.WaitGroup
	ctx := soon(t)
	for _, n := range c.Nodes() {
		for _, site := range []string{"azure", "aws"} {
			for _, args := range [][]string{{"switch", "set", site + "-in=off"}, {"site", "down", site, "--for", "10m"}} {
				all.Go(func() {
					out, err := n.CLI(ctx, append(args, "--force", "--reason", "e2e", "--timeout", "20s")...)
					if err != nil {
						out = cluster.Output{Err: err.Error(), Status: -1}
					}
					mu.Lock()
					defer mu.Unlock()
					said[site] = append(said[site], out)
				})
			}
		}
	}
	all.Wait()
	return said
}

// gone is the site that was taken out, and the one that was not.
func gone(t *testing.T, c *cluster.Cluster) (out, in string) {
	t.Helper()
	a, err := c.Nodes()[0].Consistent().Switches(soon(t))
	ok(t, err)
	for _, s := range a.Switches {
		if s.On && len(s.Out) == 0 {
			in = s.Sites[0]
		} else {
			out = s.Sites[0]
		}
	}
	if in == "" || out == "" {
		t.Fatalf("one switch is to stand and one not: %+v", a.Switches)
	}
	return out, in
}

// windowsDecided waits until no window is planned any more. That of the site which stays in was refused by the rule.
func windowsDecided(t *testing.T, c *cluster.Cluster, in string) {
	t.Helper()
	eventually(t, func() error {
		a, err := c.Nodes()[1].Consistent().Maintenance(t.Context())
		if err != nil {
			return err
		}
		last := map[string]api.Window{}
		for _, w := range a.Windows {
			if w.Standing == api.WindowPlanned {
				return fmt.Errorf("window %d is still planned", w.ID)
			}
			if w.ID >= last[w.Target].ID {
				last[w.Target] = w
			}
		}
		if w := last[in]; w.Standing != api.WindowRefused || !strings.Contains(w.Why, "rule one-in demands") {
			t.Fatalf("the window that would have taken the last site out: %+v", w)
		}
		return nil
	})
}

func bringIn(t *testing.T, c *cluster.Cluster, site string) {
	t.Helper()
	n := followerOf(t, c)
	command(t, n, 0, "switch", "set", site+"-in=on", "--reason", "next round")
	a, err := n.Consistent().Switches(soon(t))
	ok(t, err)
	for _, s := range a.Switches {
		if len(s.Out) > 0 {
			command(t, n, 0, "site", "clear", site, "--reason", "next round", "--wait")
		}
	}
}

// lookOn reads every node's own state all the time, each of which must have a site in service, and answer with one. The
// function that it gives ends that.
func lookOn(t *testing.T, c *cluster.Cluster) (end func() error) {
	ctx, cancel := context.WithCancel(t.Context())
	t.Cleanup(cancel)
	var all sync.WaitGroup
	wrong := make(chan error, len(c.Nodes()))
	for _, n := range c.Nodes() {
		all.Go(func() { wrong <- alwaysInService(ctx, n) })
	}
	return func() error {
		cancel()
		all.Wait()
		for range c.Nodes() {
			if err := <-wrong; err != nil {
				return err
			}
		}
		return nil
	}
}

func alwaysInService(ctx context.Context, n *cluster.Node) error {
	for looks := 0; ; looks++ {
		rules, err := n.API().Switches(ctx)
		if err == nil && (len(rules.Rules) != 1 || rules.Rules[0].On < 1 || !rules.Rules[0].Kept) {
			return fmt.Errorf("%s: the rule is broken: %+v", n.ID, rules)
		}
		s, err2 := n.API().Status(ctx)
		if err2 == nil {
			err2 = answersFromService(s)
		}
		switch {
		case ctx.Err() != nil && looks > 0:
			return nil
		case err != nil || err2 != nil:
			return fmt.Errorf("%s, after %d looks: %v, %v", n.ID, looks, err, err2)
		}
		select {
		case <-ctx.Done():
		case <-time.After(often):
		}
	}
}

// answersFromService says whether a group's active site is one that operators took out.
func answersFromService(s *api.Status) error {
	for _, g := range s.Groups {
		for _, x := range g.Sites {
			if x.Active && (x.Word == "forced down" || x.Word == "switched off") {
				return fmt.Errorf("%s is answered from %s, which is %s", g.Name, x.Site, x.Word)
			}
		}
	}
	return nil
}
