package main

import (
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
)

var (
	metricIn  = regexp.MustCompile(`coredns_failover_[a-z_]+`)
	matcherIn = regexp.MustCompile(`(coredns_failover_[a-z_]+)\{([^}]*)\}`)
	labelIn   = regexp.MustCompile(`([a-z_]+)\s*(?:=~|!~|!=|=)`)
	groupedBy = regexp.MustCompile(`(?:by|on) \(([a-z, ]+)\)`)
	sampleIn  = regexp.MustCompile(`(?m)^(coredns_failover_[a-z_]+)(?:\{([^}]*)\})? `)
)

// ofPrometheus are the labels that a scrape adds, and that of a histogram.
var ofPrometheus = []string{"job", "instance", "le"}

// queriesOf are the expressions of the dashboard and of the alert rules.
func queriesOf(t *testing.T) (out []string) {
	t.Helper()
	var board struct {
		Panels []struct {
			Title   string
			Targets []struct{ Expr string }
		}
	}
	b, err := os.ReadFile("../../deploy/grafana/failoverdns.json")
	if err == nil {
		err = json.Unmarshal(b, &board)
	}
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range board.Panels {
		for _, q := range p.Targets {
			out = append(out, q.Expr)
		}
	}
	rules, err := os.ReadFile("../../deploy/prometheus/failoverdns.rules.yml")
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range regexp.MustCompile(`(?m)^        expr: ((?:\|\n(?:          .*\n)+)|.*)`).FindAllStringSubmatch(string(rules), -1) {
		out = append(out, m[1])
	}
	if len(out) < 40 {
		t.Fatalf("only %d queries were found", len(out))
	}
	return out
}

// scraped are the labels of each metric that a running server gives.
func scraped(t *testing.T) (map[string][]string, error) {
	body, err := get("http://127.0.0.1:26030/metrics")
	if err != nil {
		return nil, err
	}
	out := map[string][]string{}
	for _, m := range sampleIn.FindAllStringSubmatch(body, -1) {
		for _, l := range labelIn.FindAllStringSubmatch(regexp.MustCompile(`"(?:[^"\\]|\\.)*"`).ReplaceAllString(m[2], ""), -1) {
			out[m[1]] = append(out[m[1]], l[1])
		}
		if out[m[1]] == nil {
			out[m[1]] = []string{}
		}
	}
	return out, nil
}

// notHere are metrics that a node on its own does not have, with their labels.
var notHere = map[string][]string{
	"coredns_failover_cert_expiry_timestamp_seconds":           {"certificate"}, // it has no certificate
	"coredns_failover_snapshot_last_success_timestamp_seconds": {},              // it keeps no backups
	"coredns_failover_snapshot_failures_total":                 {},
}

// TestDashboardAndAlertsAskForMetricsThatThereAre boots a server, has people operate it and its site fail over, and holds each
// query's metrics and labels against what Prometheus would scrape from it.
func TestDashboardAndAlertsAskForMetricsThatThereAre(t *testing.T) {
	dir := t.TempDir()
	bootZone(t, dir)
	text := strings.Replace(plain(dir, "prometheus 127.0.0.1:26030"), "        admin "+adminAt, operated+"        admin "+adminAt, 1)
	azure := site(t)
	boot(t, text)
	operate(t)
	azure.Close() // an incident, a flip, and an event that nobody takes
	metrics := maps.Clone(notHere)
	eventually(t, func() error {
		found, err := scraped(t)
		if err != nil {
			return err
		}
		maps.Copy(metrics, found)
		for _, late := range []string{"coredns_failover_flips_total", "coredns_failover_incident_seconds_bucket", "coredns_failover_deliveries_total", "coredns_failover_override_expiry_timestamp_seconds", "coredns_failover_probe_failures_total", "coredns_failover_drill_last_seconds"} {
			if metrics[late] == nil {
				return fmt.Errorf("%s is not there yet", late)
			}
		}
		return nil
	})
	metrics["coredns_failover_webhook_last_success_timestamp_seconds"] = []string{"webhook"} // its receiver is not there
	for _, q := range queriesOf(t) {
		checkQuery(t, q, metrics)
	}
}

func checkQuery(t *testing.T, q string, metrics map[string][]string) {
	t.Helper()
	var known []string
	for _, name := range metricIn.FindAllString(q, -1) {
		labels, ok := metrics[name]
		if !ok {
			t.Errorf("no server gives %s, of %s", name, q)
		}
		known = append(known, labels...)
	}
	for _, m := range matcherIn.FindAllStringSubmatch(q, -1) {
		for _, l := range labelIn.FindAllStringSubmatch(m[2], -1) {
			if !slices.Contains(metrics[m[1]], l[1]) && !slices.Contains(ofPrometheus, l[1]) {
				t.Errorf("%s has no label %s, of %s", m[1], l[1], q)
			}
		}
	}
	if strings.Contains(q, "label_replace") {
		known = append(known, "check")
	}
	for _, m := range groupedBy.FindAllStringSubmatch(q, -1) {
		for l := range strings.SplitSeq(m[1], ", ") {
			if !slices.Contains(known, l) && !slices.Contains(ofPrometheus, l) {
				t.Errorf("none of its metrics has the label %s: %s", l, q)
			}
		}
	}
}

// operated are the parts of a block that people operate, and a webhook.
const operated = `        webhook pager http://127.0.0.1:26010/ {
            timeout 1s
        }
        switch aws-in {
            sites aws
        }
        switch unlocked {
        }
        rule one-in assertion {
            switches aws-in
        }
        rule lock gating {
            switches aws-in
            gates unlocked
        }
`

// operate sets an override, plans a maintenance window, and rehearses a failover, through the admin API.
func operate(t *testing.T) {
	t.Helper()
	for _, c := range []struct{ method, path, body string }{
		{http.MethodPut, "overrides", `"scope":"site","target":"aws","word":"up","for":"1h"`},
		{http.MethodPost, "maintenance", `"scope":"check","target":"azure/tcp","word":"mute","in":"1h","for":"1h"`},
		{http.MethodPost, "drills", `"group":"auth.example.org","site":"aws","for":"1s"`},
	} {
		r, err := http.NewRequest(c.method, "http://"+adminAt+"/v1/"+c.path, strings.NewReader(`{"author":"test","reason":"test",`+c.body+`}`))
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Content-Type", "application/json")
		res, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		defer res.Body.Close()
		if b, _ := io.ReadAll(res.Body); res.StatusCode != http.StatusOK {
			t.Fatalf("%s: %s: %s", c.path, res.Status, b)
		}
	}
}
