package failover

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"failoverdns/node"
)

// snapshots is a line "snapshots" with its block.
type snapshots struct {
	node.Snapshots
}

var snapshotProperties = map[string]property[snapshots]{
	"every": {usage: "every DURATION", least: 1, most: 1, read: readEvery},
	"keep":  {usage: "keep COUNT", least: 1, most: 1, read: readKeep},
}

func readSnapshots(c *local, l *line) error {
	s := &snapshots{node.Snapshots{Dir: path(c.root, l.args()[0]), Every: time.Hour, Keep: 48}}
	if err := readBlock(s, "snapshots", l.block, snapshotProperties); err != nil {
		return err
	}
	c.snapshots = s.Snapshots
	return nil
}

func readEvery(s *snapshots, l *line) (err error) {
	s.Every, err = l.duration(l.args()[0])
	if err == nil && s.Every < time.Minute {
		return l.errorf("snapshots every %s is too often; at least 1m", l.args()[0])
	}
	return err
}

func readKeep(s *snapshots, l *line) (err error) {
	s.Keep, err = l.number(l.args()[0], 1, 10000)
	return err
}

var (
	snapshotFailures = gauge("snapshot_failures_total", "Backups that this node could not keep, since its start.")
	snapshotSuccess  = gauge("snapshot_last_success_timestamp_seconds", "When this node last kept a backup.")
)

func collectBackups(b node.Backups, ch chan<- prometheus.Metric) {
	ch <- prometheus.MustNewConstMetric(snapshotFailures, prometheus.CounterValue, float64(b.Failures))
	if !b.Last.IsZero() {
		ch <- prometheus.MustNewConstMetric(snapshotSuccess, prometheus.GaugeValue, float64(b.Last.Unix()))
	}
}
