package failover

import (
	"slices"
	"sync"

	"github.com/coredns/coredns/plugin"
	"github.com/prometheus/client_golang/prometheus"

	"failoverdns/state"
)

// These are counted when they are scraped, and so are collected by collector, which counts first; incidentSeconds has
// the stages commit and apply from countSwap.
var (
	flips = prometheus.NewCounterVec(prometheus.CounterOpts{
		Namespace: plugin.Namespace, Subsystem: name, Name: "flips_total",
		Help: "Changes of a group's active site since this process began, by group and cause.",
	}, []string{"group", "cause"})

	// The buckets reach from a commit on fast disks to the slowest check.
	incidentSeconds = prometheus.NewHistogramVec(prometheus.HistogramOpts{
		Namespace: plugin.Namespace, Subsystem: name, Name: "incident_seconds",
		Help: "Parts of an incident's time: detect, first failed probe to first vote; agree, up to the verdict; commit, the leader's log to a majority's disks, on the leader only; " +
			"apply, the leader's log to this node's answers, commit included, by two wall clocks where this node does not lead.",
		Buckets: []float64{.0005, .001, .0025, .005, .01, .025, .05, .1, .5, 1, 2, 5, 10, 20, 30, 60, 120, 300},
	}, []string{"stage"})
)

var writesRefused = prometheus.NewCounterVec(prometheus.CounterOpts{
	Namespace: plugin.Namespace, Subsystem: name, Name: "writes_refused_total",
	Help: "Writes of the whole cluster that were refused since this process began, as the audit trail has them, by outcome.",
}, []string{"outcome"})

// refusals are the outcomes that operators should hear of; they are counted from 0, so that the first is an increase.
var refusals = []string{state.RefusedRule, state.RefusedUnsafe, outcomeForbidden}

// outcomeForbidden is that of a request which its author's role or zones do not allow.
const outcomeForbidden = "forbidden"

// followed are what history counts.
var followed = []prometheus.Collector{flips, incidentSeconds, drillsDone, windowsRefused, writesRefused}

// history counts what the replicated state's tables of events, incidents and writes gain.
var history follower

// follower remembers how far the tables have been counted.
type follower struct {
	mu       sync.Mutex
	event    uint64 // guarded by mu
	incident uint64 // guarded by mu
	audit    uint64 // guarded by mu
}

// reset begins after what a state holds: that happened before this process.
func (f *follower) reset(st *state.State) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.event, f.incident, f.audit = 0, 0, 0
	if _, e, ok := st.Events.Last(); ok {
		f.event = e.ID
	}
	if _, i, ok := st.Incidents.Last(); ok {
		f.incident = i.ID
	}
	if _, a, ok := st.Audits.Last(); ok {
		f.audit = a.ID
	}
}

// follow counts what is new.
func (f *follower) follow(st *state.State) {
	startDrillCounts(st)
	for _, outcome := range refusals {
		writesRefused.WithLabelValues(outcome)
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, e := range st.Events.All() {
		if e.ID > f.event {
			f.event = e.ID
			countEvent(e)
		}
	}
	for _, i := range st.Incidents.All() {
		if i.ID > f.incident {
			f.incident = i.ID
			observeIncident(i)
		}
	}
	for _, a := range st.Audits.All() {
		if a.ID > f.audit {
			f.audit = a.ID
			if a.Outcome != state.OutcomeDone {
				writesRefused.WithLabelValues(a.Outcome).Inc()
			}
		}
	}
}

// observeIncident measures an incident that votes began; an override's has no such parts.
func observeIncident(i *state.Incident) {
	times := []state.Clock{i.FirstFailed, i.FirstVote, i.Decided}
	if i.FirstVote == 0 || !slices.IsSorted(times) {
		return
	}
	incidentSeconds.WithLabelValues("detect").Observe((i.FirstVote - i.FirstFailed).Seconds())
	incidentSeconds.WithLabelValues("agree").Observe((i.Decided - i.FirstVote).Seconds())
}
