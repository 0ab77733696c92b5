package failover

import (
	"os"
	"strings"
	"testing"
	"time"

	"failoverdns/node"
)

func TestSnapshotsAreReadWithTheirDefaultsAndBounds(t *testing.T) {
	b, err := os.ReadFile("testdata/good/smallest.corefile")
	if err != nil {
		t.Fatal(err)
	}
	with := func(lines string) (node.Config, error) {
		c, err := corefileOf(strings.Replace(string(b), "serve ", lines+"\n        serve ", 1))
		if err != nil {
			return node.Config{}, err
		}
		return c.config()
	}
	for _, x := range []struct {
		lines string
		want  node.Snapshots
	}{
		{"snapshots /var/backups", node.Snapshots{Dir: "/var/backups", Every: time.Hour, Keep: 48}},
		{"snapshots /var/backups {\n every 10m\n keep 7\n }", node.Snapshots{Dir: "/var/backups", Every: 10 * time.Minute, Keep: 7}},
	} {
		if cfg, err := with(x.lines); err != nil || cfg.Snapshots != x.want {
			t.Errorf("%q: %+v, %v", x.lines, cfg.Snapshots, err)
		}
	}
	for _, lines := range []string{"snapshots", "snapshots a {\n every 1s\n }", "snapshots a {\n keep 0\n }", "snapshots a {\n often\n }"} {
		if cfg, err := with(lines); err == nil {
			t.Errorf("%q was taken: %+v", lines, cfg.Snapshots)
		}
	}
}
