package e2e

import (
	"fmt"
	"testing"
	"time"

	"failoverdns/e2e/cluster"
)

// TestSiteThatBreaksHalfWayIsLeftInTime: whatever a site does instead of its work, the incident is that of a dead one. The
// sites take turns, since the cluster returns to none by itself.
func TestSiteThatBreaksHalfWayIsLeftInTime(t *testing.T) {
	c := launch(t, cluster.Spec{Interval: fast, TLS: true, Lines: []string{"failback manual"}})
	seen := observe(t, c)
	spec, answers := c.Spec(), []string{azure, aws}
	for i, way := range []struct {
		name   string
		faults cluster.Faults
		reason string // of ns1's vote
	}{
		{"says nothing", cluster.Faults{Hang: cluster.HangSilent}, "timeout"},
		{"stops in the TLS handshake", cluster.Faults{Hang: cluster.HangHandshake}, "timeout"},
		{"sends a header without end", cluster.Faults{Hang: cluster.HangHeader}, "timeout"},
		{"sends a body without end", cluster.Faults{Hang: cluster.HangBody}, "timeout"},
		{"resets connections", cluster.Faults{Reset: []string{"ns1", "ns2", "ns3"}}, "reset"},
		{"resets those of all nodes but one", cluster.Faults{Reset: []string{"ns1", "ns2"}}, "reset"},
		{"shows an expired certificate", cluster.Faults{Certificate: cluster.ExpiredCertificate}, "tls"},
		{"shows a certificate of another name", cluster.Faults{Certificate: cluster.ForeignCertificate}, "tls"},
	} {
		good := t.Run(way.name, func(t *testing.T) {
			from, to := i%2, 1-i%2
			site := c.Sites()[from]
			broken := time.Now()
			ok(t, site.SetFaults(way.faults))
			flips(t, seen, c.Nodes(), broken, spec.Detection()+slack, answers[from], answers[to])
			onlyAnswers(t, seen, c.Nodes(), broken, answers...)
			counted(t, "site that "+way.name, seen, c.Nodes(), broken, answers[to], least(spec, way.reason))
			eventually(t, func() error { return votesFor(t, c.Node("ns3"), site, "ns1", way.reason) })
			ok(t, site.SetFaults(cluster.Faults{}))
			ok(t, c.WaitVerdicts(soon(t), "up"))
		})
		if !good {
			return // the next one needs the sites as this one leaves them
		}
	}
}

// least is what a flip takes at the least: the first failed probe begins at once, and the third ends with its timeout if
// that is what fails it.
func least(spec cluster.Spec, reason string) time.Duration {
	least := (cluster.Failures - 1) * spec.Interval
	if reason == "timeout" {
		least += spec.Timeout
	}
	return least
}

// votesFor wants a node to know why another votes a site down.
func votesFor(t *testing.T, at *cluster.Node, s *cluster.Site, voter, reason string) error {
	t.Helper()
	v, err := at.API().Votes(soon(t), s.Name+"/health@"+s.Servers[0].Address)
	if err != nil {
		return err
	}
	for _, vote := range v.Endpoint.Votes {
		if vote.Node == voter && vote.Opinion == "down" {
			if t.Logf("%s: %s", vote.Reason, vote.Detail); vote.Reason == reason {
				return nil
			}
		}
	}
	return fmt.Errorf("%s does not vote down because of %s, but: %+v", voter, reason, v.Endpoint.Votes)
}
