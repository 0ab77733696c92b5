package e2e

import (
	"bytes"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"failoverdns/api"
	"failoverdns/e2e/cluster"
)

// measured is how many flips are measured.
const measured = 24

// gathering is how long a vote waits at its node for others that may share its command.
const gathering = 10 * time.Millisecond

// aboveMinimum is what the promise allows above counting and timeouts, at the median.
const aboveMinimum = 100 * time.Millisecond

func TestPartOfAFlipAboveTheMinimumIsMeasuredOnEveryIncident(t *testing.T) {
	// Without failback both sites take turns: every flip is a failover, and no hold grows with the flapping.
	c := launch(t, cluster.Spec{Interval: fast, Lines: []string{"failback manual"}})
	seen := observe(t, c)
	sites, answers := c.Sites(), []string{azure, aws}
	for i := range measured {
		from, to := i%2, (i+1)%2
		broken := time.Now()
		ok(t, sites[from].SetFaults(cluster.Faults{Status: 503}))
		ok(t, seen.Wait(soon(t), answers[to], broken))
		ok(t, sites[from].SetFaults(cluster.Faults{}))
		ok(t, c.WaitVerdicts(soon(t), "up"))
	}
	list, err := c.Node("ns1").API().Incidents(soon(t), 0)
	ok(t, err)
	if len(list.Incidents) != measured {
		t.Fatalf("%d incidents, not %d", len(list.Incidents), measured)
	}
	var above, commit []time.Duration
	for _, in := range list.Incidents {
		a, cm := measurement(t, c, in.ID)
		above, commit = append(above, a), append(commit, cm)
	}
	t.Logf("above the minimum, from the deciding vote to the last node's answers: %s", spread(above))
	t.Logf("of which commit: %s", spread(commit))
	if median := above[len(above)/2]; median > aboveMinimum {
		t.Errorf("the median %s is more than the promised %s", median, aboveMinimum)
	}
}

// measurement asks a node, which asks all, for the times of one incident.
func measurement(t *testing.T, c *cluster.Cluster, id uint64) (above, commit time.Duration) {
	t.Helper()
	page, err := c.Node("ns2").API().Incidents(soon(t), id)
	ok(t, err)
	nodes := page.Incidents[0].Nodes
	if len(nodes) != len(c.Nodes()) {
		t.Fatalf("incident %d has the times of %d nodes", id, len(nodes))
	}
	last, way := 0.0, -1.0 // seconds: to the last node's answers, and of the vote to the leader
	for _, n := range nodes {
		if n.Error != "" || n.Swapped <= 0 || n.Apply <= 0 {
			t.Errorf("incident %d: %s has no times: %+v", id, n.Node, n)
		}
		last = max(last, n.Swapped)
		if n.Leader {
			commit = inSeconds(n.Commit)
		}
		if n.Proposed > 0 {
			way = max(0, n.Proposed-n.Swapped)
		}
	}
	if commit == 0 || way < 0 {
		t.Errorf("incident %d: nobody led, or nobody proposed: %+v", id, nodes)
	}
	return gathering + inSeconds(way+last), commit
}

func inSeconds(s float64) time.Duration { return time.Duration(s * float64(time.Second)) }

// spread sorts durations and says where they lie.
func spread(d []time.Duration) string {
	slices.Sort(d)
	at := func(part float64) time.Duration {
		return d[min(len(d)-1, int(part*float64(len(d))))].Round(10 * time.Microsecond)
	}
	return fmt.Sprintf("median %s, p99 %s, of %d", at(0.5), at(0.99), len(d))
}

func TestIncidentPageShowsEachNodesTimes(t *testing.T) {
	c := launch(t, cluster.Spec{Interval: fast})
	seen := observe(t, c)
	killed := c.Site("azure").Kill()
	ok(t, seen.Wait(soon(t), aws, killed))
	out, err := c.Node("ns1").CLI(soon(t), "incidents", "1")
	ok(t, err)
	t.Log(out.Out)
	list, err := c.Node("ns1").API().Incidents(soon(t), 1)
	ok(t, err)
	in := list.Incidents[0]
	if in.Detect <= 0 || in.Agree < 0 || !slices.ContainsFunc(in.Nodes, func(s api.Swap) bool { return s.Leader && s.Commit > 0 }) {
		t.Errorf("a part of the time is missing: %+v", in)
	}
}

// promised are the metrics that dashboards and alerts rely on; node-local ones for want of a quorum have tests of their
// own.
const promised = `site_up active_site endpoint_up votes probes_total probe_failures_total probe_duration_seconds_count
	probe_last_run_timestamp_seconds abstaining flips_total incident_seconds_count failback_waiting overrides
	override_expiry_timestamp_seconds state_age_seconds state_index quorum config_drift cert_expiry_timestamp_seconds
	raft_state raft_last_contact_seconds raft_commit_seconds_count state_diverged auth_failures_total zone_serial
	queries_total`

func TestEveryPromisedMetricIsScrapedAfterAFailover(t *testing.T) {
	c := launch(t, cluster.Spec{Interval: fast})
	seen := observe(t, c)
	killed := c.Site("azure").Kill()
	ok(t, seen.Wait(soon(t), aws, killed))
	command(t, c.Node("ns1"), 0, "node", "mute", "ns3", "--reason", "so that something expires", "--wait")
	var all bytes.Buffer
	for _, n := range c.Nodes() { // some are the leader's alone, some the followers'
		ok(t, n.WriteMetrics(soon(t), &all))
	}
	for _, name := range strings.Fields(promised) {
		if !regexp.MustCompile(`(?m)^coredns_failover_` + name + `(\{[^}]*\})? `).Match(all.Bytes()) {
			t.Errorf("no node has the metric %s", name)
		}
	}
	for _, stage := range []string{"detect", "agree", "commit", "apply"} {
		if !strings.Contains(all.String(), `coredns_failover_incident_seconds_count{stage="`+stage+`"} 1`) {
			t.Errorf("the stage %s is not measured", stage)
		}
	}
	if strings.Count(all.String(), "coredns_failover_state_diverged 0\n") != len(c.Nodes()) {
		t.Error("states differ, or that is not measured")
	}
}
