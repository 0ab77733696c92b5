package e2e

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"failoverdns/e2e/cluster"
	"failoverdns/trust"
)

// TestCertificatesAndThenTheCAAreReplacedUnderALiveCluster goes the way of docs/certificates.md with the commands that
// it names: no node restarts, no leadership is lost, and every query is answered.
func TestCertificatesAndThenTheCAAreReplacedUnderALiveCluster(t *testing.T) {
	c := launch(t, cluster.Spec{Interval: fast})
	seen := observe(t, c)
	began, first := time.Now(), c.Nodes()[0]
	before, expiry := members(t, first), certExpiry(t, first)
	cert := func(args ...string) {
		t.Helper()
		out, err := first.Ctl(soon(t), append(append([]string{"cert"}, args...), "--ca", c.TrustDir())...)
		ok(t, err)
		if out.Status != 0 {
			t.Fatal(unexpected(fmt.Sprint(args), out))
		}
	}
	reissue := func(n *cluster.Node) { cert("issue", n.ID, "--out", n.Dir, "--host", "127.0.0.1") }
	giveCA := func(n *cluster.Node) {
		b, err := os.ReadFile(filepath.Join(c.TrustDir(), trust.CAFile))
		ok(t, err)
		ok(t, os.WriteFile(filepath.Join(n.Dir, trust.CAFile), b, 0o600))
	}

	own := t.TempDir()
	done(t, first, "cert init --ca", own)
	for _, dir := range []string{own, c.TrustDir()} {
		if page := done(t, first, "cert show", filepath.Join(dir, trust.CAFile)); !strings.Contains(page, "authority") {
			t.Errorf("cert show says\n%s", page)
		}
	}
	replaced(t, c, "a new certificate of the same CA", reissue)
	if now := certExpiry(t, first); now <= expiry {
		t.Errorf("the metric says that the certificate ends at %f, and before it was %f", now, expiry)
	}
	cert("rotate")
	replaced(t, c, "both CAs", giveCA)
	replaced(t, c, "a certificate of the new CA", reissue)
	cert("retire")
	replaced(t, c, "the new CA alone", giveCA)
	sameReign(t, before, members(t, first))

	last := followerOf(t, c) // what it dials and takes from here on is of the new CA only
	ok(t, last.Stop())
	ok(t, last.Start())
	ok(t, last.WaitReady(soon(t)))
	eventually(t, func() error { return ledBy(t, c.Nodes()) })
	sameReign(t, before, members(t, first))
	healthy(t, first)
	for _, n := range but(c, last) {
		onlyAnswers(t, seen, []*cluster.Node{n}, began, azure)
	}
}

// replaced does a step on every node, and waits until each has taken it.
func replaced(t *testing.T, c *cluster.Cluster, step string, do func(*cluster.Node)) {
	t.Helper()
	const word = "certificates reloaded"
	said := map[string]int{}
	for _, n := range c.Nodes() {
		said[n.ID] = strings.Count(n.Log(), word)
		do(n)
	}
	eventually(t, func() error {
		for _, n := range c.Nodes() {
			if strings.Count(n.Log(), word) == said[n.ID] {
				return fmt.Errorf("%s has not taken %s", n.ID, step)
			}
		}
		return ledBy(t, c.Nodes())
	})
}

func certExpiry(t *testing.T, n *cluster.Node) float64 {
	t.Helper()
	return metric(t, n, `coredns_failover_cert_expiry_timestamp_seconds{certificate="cluster"}`)
}

// metric reads one series of a node.
func metric(t *testing.T, n *cluster.Node, series string) float64 {
	t.Helper()
	var b bytes.Buffer
	ok(t, n.WriteMetrics(soon(t), &b))
	for line := range strings.Lines(b.String()) {
		if value, found := strings.CutPrefix(line, series+" "); found {
			f, err := strconv.ParseFloat(strings.TrimSpace(value), 64)
			ok(t, err)
			return f
		}
	}
	t.Fatalf("%s has no %s", n.ID, series)
	return 0
}
