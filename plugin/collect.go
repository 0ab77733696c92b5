package failover

import (
	"sync"
	"sync/atomic"

	"github.com/coredns/coredns/plugin"
	"github.com/prometheus/client_golang/prometheus"

	"failoverdns/node"
	"failoverdns/state"
)

// answering is the node from whose images this process answers.
var answering atomic.Pointer[node.Node]

var registerOnce sync.Once

// observe makes a node the one that answers and is measured.
func observe(n *node.Node) {
	if answering.Swap(n) == n {
		return // a reload: the node goes on
	}
	n.OnResult(countProbe)
	n.OnApplied(countSwap)
	n.OnDelivery(countDelivery)
	history.reset(n.State())
	registerOnce.Do(func() {
		prometheus.MustRegister(collector{}, fastCollector{})
		mergeFast()
	})
}

// authFailures is a counter that other parts keep.
var authFailures = prometheus.NewDesc(prometheus.BuildFQName(plugin.Namespace, name, "auth_failures_total"),
	"Connections that the cluster's port refused, and requests that the admin API refused, because of who sent them, by reason.", []string{"reason"}, nil)

// gauge describes a metric that is read at each scrape.
func gauge(metric, help string, labels ...string) *prometheus.Desc {
	return prometheus.NewDesc(prometheus.BuildFQName(plugin.Namespace, name, metric), help, labels, nil)
}

var (
	siteUp          = gauge("site_up", "Whether a site is up in a group, overrides included.", "group", "site")
	activeSite      = gauge("active_site", "1 for the site with which a group answers, 0 for its others.", "group", "site")
	endpointUp      = gauge("endpoint_up", "The cluster's verdict of an endpoint; unknown counts as up.", "endpoint")
	votes           = gauge("votes", "Each node's standing vote on an endpoint.", "endpoint", "node", "vote")
	abstaining      = gauge("abstaining", "Endpoints on which this node abstains because of its own faults.")
	failbackWaiting = gauge("failback_waiting", "Whether a site that is up waits for failback.", "group")
	overrides       = gauge("overrides", "Overrides and pins in force, by scope.", "scope")
	overrideExpiry  = gauge("override_expiry_timestamp_seconds", "When the next override or pin of a scope expires.", "scope")
	stateAge        = gauge("state_age_seconds", "How old the state is from which this node answers.")
	stateIndex      = gauge("state_index", "Log index of the state from which this node answers.")
	quorum          = gauge("quorum", "Whether this node is in contact with a leader that has a majority.")
	configDrift     = gauge("config_drift", "Zones that some node's Corefile declares otherwise than what is in force.")
	certExpiry      = gauge("cert_expiry_timestamp_seconds", "When a certificate in use on this node ends: cluster, or admin.", "certificate")
	raftState       = gauge("raft_state", "1 for this node's state in Raft.", "state")
	raftContact     = gauge("raft_last_contact_seconds", "Time since this node last heard of the leader.")
	stateDiverged   = gauge("state_diverged", "Nodes whose state differs from the leader's at the same index: it must be 0.")
	emergencies     = gauge("emergency", "Groups that answer by this node's local emergency file.")
	emergencyBad    = gauge("emergency_invalid", "Whether the emergency file is ignored because it is not valid, or has lines without effect.")
	noQuorumActive  = gauge("no_quorum_active", "Zones served by their no-quorum rule on this node now, by rule.", "mode")
	zoneSerial      = gauge("zone_serial", "The SOA serial with which this node answers.", "zone")
)

var descs = []*prometheus.Desc{
	siteUp, activeSite, endpointUp, votes, abstaining, failbackWaiting, overrides, overrideExpiry, stateAge, stateIndex,
	quorum, configDrift, certExpiry, raftState, raftContact, stateDiverged, zoneSerial,
	emergencies, emergencyBad, noQuorumActive,
	webhookPending, webhookSuccess, webhookFailing, snapshotFailures, snapshotSuccess,
	switchOn, switchBrokeGlass, ruleHolds, gateOpen, drillRunning, drillCompleted, drillEnd, drillSeconds, windowCount, windowNext,
}

// collector reads the node at each scrape.
type collector struct{}

// Describe implements prometheus.Collector.
func (collector) Describe(ch chan<- *prometheus.Desc) {
	for _, d := range descs {
		ch <- d
	}
	ch <- authFailures
	for _, c := range followed {
		c.Describe(ch)
	}
}

// Collect implements prometheus.Collector.
func (collector) Collect(ch chan<- prometheus.Metric) {
	n := answering.Load()
	if n == nil {
		return
	}
	set := func(d *prometheus.Desc, v float64, labels ...string) {
		ch <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, v, labels...)
	}
	st := n.State()
	history.follow(st)
	for _, c := range followed {
		c.Collect(ch)
	}
	answered := n.Answered()
	collectState(answered.State, set)
	collectLocal(answered.Local, set)
	collectOverrides(st, set)
	collectOperators(st, set)
	collectWebhooks(n.Webhooks(), st, set)
	s := n.Status()
	collectNode(s, set)
	if at := adminAPI.CertExpiry(); !at.IsZero() {
		set(certExpiry, float64(at.Unix()), "admin")
	}
	collectBackups(n.Backups(), ch)
	collectRefused(ch, s.Status.Refused, adminAPI.Refused())
}

// collectRefused tells who was turned away. Every reason is there from the start, so that its first count is an
// increase.
func collectRefused(ch chan<- prometheus.Metric, port, admin map[string]uint64) {
	for _, counts := range []map[string]uint64{port, admin} {
		for reason, count := range counts {
			ch <- prometheus.MustNewConstMetric(authFailures, prometheus.CounterValue, float64(count), reason)
		}
	}
}

type setter func(d *prometheus.Desc, v float64, labels ...string)

func collectState(st *state.State, set setter) {
	set(stateIndex, float64(st.Index))
	for _, z := range st.Zones.All() {
		set(zoneSerial, float64(z.Serial), z.Name.Bare())
	}
	for id, e := range st.Endpoints.All() {
		set(endpointUp, bit(!e.Down()), id)
		for _, v := range e.Votes {
			set(votes, 1, id, v.Node, string(v.Opinion))
		}
	}
	for group, g := range st.Groups.All() {
		waits := false
		for _, s := range g.States {
			set(siteUp, bit(s.Up), group, s.Site)
			set(activeSite, bit(s.Site == g.Active), group, s.Site)
			waits = waits || s.Held
		}
		set(failbackWaiting, bit(waits), group)
	}
	drift := 0
	for _, o := range st.Offers.All() {
		if o.Drift {
			drift++
		}
	}
	set(configDrift, float64(drift))
}

// collectLocal tells of the words that this node alone goes by.
func collectLocal(l node.Local, set setter) {
	groups, bad := 0, l.Invalid != ""
	for _, e := range l.Emergency {
		groups += len(e.Groups)
		bad = bad || e.Vain != ""
	}
	set(emergencies, float64(groups))
	set(emergencyBad, bit(bad))
	zones := map[state.NoQuorumMode]int{state.NoQuorumHold: l.Hold, state.NoQuorumRefuse: 0, state.NoQuorumLocal: 0}
	for _, m := range l.Modes {
		zones[m.Rule.Mode]++
	}
	for mode, n := range zones {
		set(noQuorumActive, float64(n), string(mode))
	}
}

// scopePin stands beside the overrides' scopes.
const scopePin = "pin"

func collectOverrides(st *state.State, set setter) {
	count, next := map[string]int{}, map[string]state.Clock{}
	for _, s := range []state.Scope{state.ScopeSite, state.ScopeAddress, state.ScopeEndpoint, state.ScopeCheck, state.ScopeNode, scopePin} {
		count[string(s)] = 0
	}
	add := func(scope string, expires state.Clock) {
		count[scope]++
		if expires != 0 && (next[scope] == 0 || expires < next[scope]) {
			next[scope] = expires
		}
	}
	for _, o := range st.Overrides.All() {
		add(string(o.Scope), o.Expires)
	}
	for _, g := range st.Groups.All() {
		if g.Pin != nil {
			add(scopePin, g.Pin.Expires)
		}
	}
	for scope, c := range count {
		set(overrides, float64(c), scope)
		if expires := next[scope]; expires != 0 {
			set(overrideExpiry, float64(st.Wall.Add(expires-st.Clock).Unix()), scope)
		}
	}
}

func collectNode(s node.Status, set setter) {
	set(stateAge, s.StateAge.Seconds())
	set(quorum, bit(s.Quorum))
	set(abstaining, float64(s.Abstaining))
	set(stateDiverged, float64(len(s.Diverged)))
	for _, r := range []string{"leader", "follower", "candidate", "shutdown"} {
		set(raftState, bit(s.Raft == r), r)
	}
	if !s.CertExpiry.IsZero() {
		set(certExpiry, float64(s.CertExpiry.Unix()), "cluster")
	}
	if s.Leader != "" && s.LastContact >= 0 {
		set(raftContact, s.LastContact.Seconds())
	}
}

func bit(b bool) float64 {
	if b {
		return 1
	}
	return 0
}
