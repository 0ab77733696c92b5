package e2e

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"failoverdns/e2e/cluster"
)

// TestMaintenanceWindowBeginsAndEndsAfterItsLeaderIsKilled, never early: the cluster clock stands still while nobody leads.
func TestMaintenanceWindowBeginsAndEndsAfterItsLeaderIsKilled(t *testing.T) {
	c := launch(t, cluster.Spec{Interval: fast})
	seen := observe(t, c)
	const in, lasts = 10 * time.Second, 5 * time.Second
	planned := time.Now()
	command(t, followerOf(t, c), 0, "maintenance", "add", "site", "azure", "--in", in.String(), "--for", lasts.String(), "--reason", "disks", "--wait")
	command(t, c.Node("ns2"), 1, "maintenance", "add", "site", "azure", "--in", "12s", "--for", "1h", "--reason", "cables")
	old, err := c.Leader(soon(t))
	ok(t, err)
	old.Kill()
	ok(t, old.Start())
	ok(t, old.WaitReady(soon(t)))
	for _, n := range c.Nodes() {
		noOtherAnswer(t, seen, n, planned, azure)
	}
	_, err = c.Leader(soon(t))
	ok(t, err)
	if page := command(t, old, 0, "maintenance", "list", "--consistent"); !strings.Contains(page, "planned") {
		t.Errorf("the one that was killed does not know of the window:\n%s", page)
	}
	ok(t, seen.Wait(within(t, in+slack+20*time.Second), aws, planned))
	ok(t, seen.Wait(within(t, lasts+slack+20*time.Second), azure, planned.Add(in+lasts)))
	for _, n := range c.Nodes() {
		if began, _ := seen.First(n.ID, aws, planned); began.Sub(planned) < in {
			t.Errorf("%s: the window began after %s of %s", n.ID, began.Sub(planned), in)
		}
	}
	if page := command(t, c.Node("ns3"), 0, "maintenance", "list", "--consistent"); !strings.Contains(page, "ended") {
		t.Errorf("the window has not ended:\n%s", page)
	}
	command(t, c.Node("ns1"), 0, "maintenance", "add", "node", "ns3", "--in", "1h", "--reason", "a new disk")
	a, err := c.Node("ns1").Consistent().Maintenance(soon(t))
	ok(t, err)
	for _, w := range a.Windows {
		if w.Reason == "a new disk" {
			command(t, c.Node("ns2"), 0, "maintenance", "cancel", fmt.Sprint(w.ID), "--reason", "the disk did not come")
		}
	}
	if page := command(t, c.Node("ns3"), 0, "maintenance", "list", "--consistent"); !strings.Contains(page, "cancelled") {
		t.Errorf("the second window is not cancelled:\n%s", page)
	}
}
