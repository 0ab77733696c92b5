package failover

import (
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
	"github.com/prometheus/client_golang/prometheus/testutil/promlint"
	"github.com/prometheus/common/expfmt"

	"failoverdns/api/server"
	"failoverdns/health"
	"failoverdns/node"
	"failoverdns/probes"
	"failoverdns/state"
)

// snapshot collects what a function sets.
type snapshot struct{ set func(setter) }

func (s snapshot) Describe(ch chan<- *prometheus.Desc) {
	for _, d := range descs {
		ch <- d
	}
}

func (s snapshot) Collect(ch chan<- prometheus.Metric) {
	s.set(func(d *prometheus.Desc, v float64, labels ...string) {
		ch <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, v, labels...)
	})
}

func TestStateMetricsShowGroupsEndpointsAndSerials(t *testing.T) {
	_, cfg := goodConfig(t, "smallest")
	st := declared(t, cfg)
	want := `
# HELP coredns_failover_active_site 1 for the site with which a group answers, 0 for its others.
# TYPE coredns_failover_active_site gauge
coredns_failover_active_site{group="auth.example.com",site="aws"} 0
coredns_failover_active_site{group="auth.example.com",site="azure"} 1
# HELP coredns_failover_endpoint_up The cluster's verdict of an endpoint; unknown counts as up.
# TYPE coredns_failover_endpoint_up gauge
coredns_failover_endpoint_up{endpoint="aws/https@198.51.100.20"} 1
coredns_failover_endpoint_up{endpoint="azure/https@203.0.113.10"} 1
# HELP coredns_failover_failback_waiting Whether a site that is up waits for failback.
# TYPE coredns_failover_failback_waiting gauge
coredns_failover_failback_waiting{group="auth.example.com"} 0
# HELP coredns_failover_state_index Log index of the state from which this node answers.
# TYPE coredns_failover_state_index gauge
coredns_failover_state_index 2
`
	c := snapshot{func(s setter) { collectState(st, s) }}
	if err := testutil.CollectAndCompare(c, strings.NewReader(want), "coredns_failover_active_site", "coredns_failover_endpoint_up", "coredns_failover_failback_waiting", "coredns_failover_state_index"); err != nil {
		t.Error(err)
	}
}

func TestNextExpiryOfAScopeIsTheSoonest(t *testing.T) {
	wall := time.Unix(1_000_000, 0)
	st := &state.State{Clock: time.Hour, Wall: wall}
	for site, expires := range map[string]state.Clock{"a": 3 * time.Hour, "b": 2 * time.Hour, "c": 0} {
		st.Overrides = st.Overrides.With(state.OverrideKey(state.ScopeSite, site), &state.Override{Scope: state.ScopeSite, Target: site, Expires: expires})
	}
	want := `
# HELP coredns_failover_override_expiry_timestamp_seconds When the next override or pin of a scope expires.
# TYPE coredns_failover_override_expiry_timestamp_seconds gauge
coredns_failover_override_expiry_timestamp_seconds{scope="site"} 1.0036e+06
`
	c := snapshot{func(s setter) { collectOverrides(st, s) }}
	if err := testutil.CollectAndCompare(c, strings.NewReader(want), "coredns_failover_override_expiry_timestamp_seconds"); err != nil {
		t.Error(err)
	}
}

func TestHistoryCountsEachFlipAndIncidentOnce(t *testing.T) {
	flips.Reset()
	incidentSeconds.Reset()
	st := new(state.State)
	event := func(id uint64, e state.Event) {
		e.ID = id
		st.Events = st.Events.With(key(id), &e)
	}
	event(1, state.Event{Type: "flip", Group: "g", Reason: "failover"})
	var f follower
	f.reset(st)
	f.follow(st)
	event(2, state.Event{Type: "flip", Group: "g", Reason: "preferred"})
	event(3, state.Event{Type: "vote", Group: "g"})
	st.Incidents = st.Incidents.With(key(1), &state.Incident{ID: 1, FirstFailed: 10 * time.Second, FirstVote: 30 * time.Second, Decided: 31 * time.Second})
	st.Incidents = st.Incidents.With(key(2), &state.Incident{ID: 2, Decided: 40 * time.Second}) // an override's
	f.follow(st)
	f.follow(st)
	if got := testutil.ToFloat64(flips.WithLabelValues("g", "preferred")); got != 1 {
		t.Errorf("Expected one flip, got %v", got)
	}
	if got := testutil.CollectAndCount(flips); got != 1 {
		t.Errorf("Expected nothing of what was before, got %d series", got)
	}
	want := "coredns_failover_incident_seconds_sum{stage=\"detect\"} 20\n"
	text, err := testutil.CollectAndFormat(incidentSeconds, expfmt.TypeTextPlain, "coredns_failover_incident_seconds")
	if err != nil || !strings.Contains(string(text), want) || !strings.Contains(string(text), "_count{stage=\"agree\"} 1\n") {
		t.Errorf("Expected 20 s to the first vote and one incident, got %s (%v)", text, err)
	}
}

// key orders small numbers.
func key(id uint64) string { return string(rune('0' + id)) }

func TestProbesAreCountedByCheckResultAndReason(t *testing.T) {
	probesDone.Reset()
	probeFailures.Reset()
	for _, r := range []probes.Result{
		{Endpoint: "vpn.a.example/azure/tcp@203.0.113.10", Outcome: health.Failure, Reason: health.Refused, Started: time.Unix(7, 5e8)},
		{Endpoint: "vpn.a.example/azure/tcp@203.0.113.10", Outcome: health.Success},
		{Endpoint: "vpn.a.example/azure/tcp@2001:db8::1", Outcome: health.Abstained, Reason: health.NoRoute},
	} {
		countProbe(r)
	}
	const check = "vpn.a.example/azure/tcp"
	for result, want := range map[string]float64{"success": 1, "failure": 1, "abstained": 1} {
		if got := testutil.ToFloat64(probesDone.WithLabelValues(check, result)); got != want {
			t.Errorf("%s: Expected %v, got %v", result, want, got)
		}
	}
	if got := testutil.ToFloat64(probeFailures.WithLabelValues(check, "refused")); got != 1 {
		t.Errorf("Expected one refused probe, got %v", got)
	}
	if n := testutil.CollectAndCount(probeFailures); n != 1 {
		t.Errorf("Expected abstained probes not to count as failed, got %d series", n)
	}
}

func TestMetricNamesFollowPrometheusRules(t *testing.T) {
	_, cfg := goodConfig(t, "smallest")
	st := declared(t, cfg)
	status := node.Status{CertExpiry: time.Unix(1e9, 0)}
	status.Leader = "ns1"
	c := snapshot{func(s setter) {
		collectState(st, s)
		collectOverrides(st, s)
		collectLocal(node.Local{}, s)
		collectNode(status, s)
	}}
	refused := refusedBy{map[string]uint64{"handshake": 3}, adminAPI.Refused()}
	for _, lint := range append([]prometheus.Collector{c, refused}, counted...) {
		problems, err := testutil.CollectAndLint(lint)
		if err != nil {
			t.Fatal(err)
		}
		for _, p := range problems {
			t.Errorf("Expected no problem of %s, got %s", p.Metric, problem(p))
		}
	}
}

// refusedBy collects refusals: of the port, of the admin API.
type refusedBy [2]map[string]uint64

func (r refusedBy) Describe(ch chan<- *prometheus.Desc) { ch <- authFailures }
func (r refusedBy) Collect(ch chan<- prometheus.Metric) { collectRefused(ch, r[0], r[1]) }

func TestRefusalsAreThereFromTheStart(t *testing.T) {
	want := `
# HELP coredns_failover_auth_failures_total Connections that the cluster's port refused, and requests that the admin API refused, because of who sent them, by reason.
# TYPE coredns_failover_auth_failures_total counter
coredns_failover_auth_failures_total{reason="admin-certificate"} 0
coredns_failover_auth_failures_total{reason="admin-clear"} 0
coredns_failover_auth_failures_total{reason="admin-expired"} 0
coredns_failover_auth_failures_total{reason="admin-host"} 0
coredns_failover_auth_failures_total{reason="admin-nobody"} 0
coredns_failover_auth_failures_total{reason="admin-origin"} 0
coredns_failover_auth_failures_total{reason="admin-revoked"} 0
coredns_failover_auth_failures_total{reason="admin-role"} 0
coredns_failover_auth_failures_total{reason="admin-token"} 0
coredns_failover_auth_failures_total{reason="handshake"} 3
`
	c := refusedBy{map[string]uint64{"handshake": 3}, server.NewService(logger).Refused()}
	if err := testutil.CollectAndCompare(c, strings.NewReader(want)); err != nil {
		t.Error(err)
	}
}

func TestSwapsAreMeasuredByStageAndOnlyWhereTheClocksAllow(t *testing.T) {
	incidentSeconds.Reset()
	countSwap(node.Swap{Leader: true, Incidents: 2, Commit: 3 * time.Millisecond, Swapped: 4 * time.Millisecond})
	countSwap(node.Swap{Incidents: 1, Swapped: -time.Second})                // another machine's clock is ahead
	countSwap(node.Swap{Leader: true, Commit: time.Millisecond, Swapped: 2}) // no incident
	text, err := testutil.CollectAndFormat(incidentSeconds, expfmt.TypeTextPlain, "coredns_failover_incident_seconds")
	for _, want := range []string{`_count{stage="commit"} 2`, `_count{stage="apply"} 2`, `_sum{stage="commit"} 0.006`, `_sum{stage="apply"} 0.008`} {
		if err != nil || !strings.Contains(string(text), want+"\n") {
			t.Errorf("Expected %s in %s (%v)", want, text, err)
		}
	}
}

func problem(p promlint.Problem) string { return p.Text }

func TestLocalWordsAreCounted(t *testing.T) {
	l := node.Local{Hold: 3, Emergency: []node.Emergency{{Groups: []string{"a", "b"}}, {Vain: "there is no such group"}},
		Modes: []node.Mode{{Rule: state.NoQuorum{Mode: state.NoQuorumRefuse}}, {Rule: state.NoQuorum{Mode: state.NoQuorumRefuse}}}}
	want := `
# HELP coredns_failover_emergency Groups that answer by this node's local emergency file.
# TYPE coredns_failover_emergency gauge
coredns_failover_emergency 2
# HELP coredns_failover_emergency_invalid Whether the emergency file is ignored because it is not valid, or has lines without effect.
# TYPE coredns_failover_emergency_invalid gauge
coredns_failover_emergency_invalid 1
# HELP coredns_failover_no_quorum_active Zones served by their no-quorum rule on this node now, by rule.
# TYPE coredns_failover_no_quorum_active gauge
coredns_failover_no_quorum_active{mode="hold"} 3
coredns_failover_no_quorum_active{mode="local"} 0
coredns_failover_no_quorum_active{mode="refuse"} 2
`
	if err := testutil.CollectAndCompare(snapshot{func(s setter) { collectLocal(l, s) }}, strings.NewReader(want)); err != nil {
		t.Error(err)
	}
}
