package failover

import (
	"strings"

	"github.com/coredns/coredns/plugin"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promauto"

	"failoverdns/health"
	"failoverdns/node"
	"failoverdns/probes"
)

// What this process counts itself. All else is read from the node at each scrape, see collect.go.
var (
	queries = promauto.NewCounterVec(prometheus.CounterOpts{
		Namespace: plugin.Namespace, Subsystem: name, Name: "queries_total",
		Help: "Queries answered, by server, zone of the server block and rcode.",
	}, []string{"server", "zone", "rcode"})

	probesDone = promauto.NewCounterVec(prometheus.CounterOpts{
		Namespace: plugin.Namespace, Subsystem: name, Name: "probes_total",
		Help: "Probes by this node, by check and result: success, failure or abstained.",
	}, []string{"check", "result"})

	probeFailures = promauto.NewCounterVec(prometheus.CounterOpts{
		Namespace: plugin.Namespace, Subsystem: name, Name: "probe_failures_total",
		Help: "Failed probes by this node, by check and reason.",
	}, []string{"check", "reason"})

	probeDuration = promauto.NewHistogramVec(prometheus.HistogramOpts{
		Namespace: plugin.Namespace, Subsystem: name, Name: "probe_duration_seconds",
		Help:    "How long this node's probes took, by check.",
		Buckets: []float64{.001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2, 4, 10},
	}, []string{"check"})

	raftCommit = promauto.NewHistogram(prometheus.HistogramOpts{
		Namespace: plugin.Namespace, Subsystem: name, Name: "raft_commit_seconds",
		Help:    "Time from this node's log to the disks of a majority, for commands while this node led.",
		Buckets: []float64{.0005, .001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5},
	})

	probeLastRun = promauto.NewGaugeVec(prometheus.GaugeOpts{
		Namespace: plugin.Namespace, Subsystem: name, Name: "probe_last_run_timestamp_seconds",
		Help: "When this node's latest probe of the check began.",
	}, []string{"check"})
)

// counted are all of them, and those of history.go and metrics_operate.go.
var counted = []prometheus.Collector{queries, probesDone, probeFailures, probeDuration, probeLastRun, raftCommit, flips, incidentSeconds, deliveries,
	drillsDone, windowsRefused, writesRefused}

// countSwap is told of each command that this node applies. A time that two clocks measured may be negative, and is
// then no measurement.
func countSwap(s node.Swap) {
	if s.Leader {
		raftCommit.Observe(s.Commit.Seconds())
	}
	for range s.Incidents {
		if s.Leader {
			incidentSeconds.WithLabelValues("commit").Observe(s.Commit.Seconds())
		}
		if s.Swapped > 0 {
			incidentSeconds.WithLabelValues("apply").Observe(s.Swapped.Seconds())
		}
	}
}

// countProbe is told of each probe of this node.
func countProbe(r probes.Result) {
	check := checkOf(r.Endpoint)
	probesDone.WithLabelValues(check, string(r.Outcome)).Inc()
	if r.Outcome == health.Failure {
		probeFailures.WithLabelValues(check, string(r.Reason)).Inc()
	}
	probeDuration.WithLabelValues(check).Observe(r.Duration.Seconds())
	probeLastRun.WithLabelValues(check).Set(float64(r.Started.UnixNano()) / 1e9)
}

// checkOf is the check's part of an endpoint's ID.
func checkOf(endpoint string) string {
	if i := strings.LastIndexByte(endpoint, '@'); i >= 0 {
		return endpoint[:i]
	}
	return endpoint
}
