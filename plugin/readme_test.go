package failover

import (
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
)

func readme(t *testing.T) string {
	t.Helper()
	b, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func TestReadmesExamplesAreGoodCorefiles(t *testing.T) {
	page, err := os.ReadFile("../README.md")
	if err != nil {
		t.Fatal(err)
	}
	examples := regexp.MustCompile(`(?s)~~~ corefile\n(.*?)~~~`).FindAllStringSubmatch(readme(t)+string(page), -1)
	if len(examples) < 6 {
		t.Fatalf("Expected at least 6 examples, got %d", len(examples))
	}
	for _, e := range examples {
		c, err := corefileOf(e[1])
		if err != nil {
			t.Errorf("Expected a good Corefile, got %v in\n%s", err, e[1])
			continue
		}
		cfg, err := c.config()
		if err != nil {
			t.Errorf("Expected a good Corefile, got %v in\n%s", err, e[1])
			continue
		}
		declared(t, cfg)
	}
}

func TestReadmeHasTheSectionsOfAPluginsManPageInOrder(t *testing.T) {
	var got []string
	for _, m := range regexp.MustCompile(`(?m)^## (.*)$`).FindAllStringSubmatch(readme(t), -1) {
		got = append(got, m[1])
	}
	want := []string{"Name", "Description", "Syntax", "Metrics", "Ready", "Examples", "Bugs", "See Also"}
	if !slices.Equal(got, want) {
		t.Errorf("Expected the sections %v, got %v", want, got)
	}
}

func TestReadmesSyntaxNamesEveryProperty(t *testing.T) {
	_, syntax, _ := strings.Cut(readme(t), "In full:")
	syntax, _, _ = strings.Cut(syntax, "\n\n* ")
	words := strings.FieldsFunc(syntax, func(r rune) bool { return strings.ContainsRune(" \n|", r) })
	has := func(word string) {
		if !slices.Contains(words, word) {
			t.Errorf("Expected the property %q in the README's syntax", word)
		}
	}
	for word := range allProperties {
		has(word)
	}
	for word := range siteProperties {
		has(word)
	}
	for word := range switchProperties {
		has(word)
	}
	for word := range ruleProperties {
		has(word)
	}
	for word := range checkProperties {
		has(word)
	}
	for word := range recordProperties {
		has(word)
	}
	for word := range clusterProperties {
		has(word)
	}
	for word := range adminProperties {
		has(word)
	}
	for word := range webhookProperties {
		has(word)
	}
	for word := range rateLimitProperties {
		has(word)
	}
	for word := range connectionsProperties {
		has(word)
	}
}

func TestReadmeListsEveryMetricWithItsLabels(t *testing.T) {
	queries.WithLabelValues("dns://:53", "a.example.", "NOERROR")
	listed := map[string]bool{}
	for _, m := range regexp.MustCompile("`(coredns_failover_[a-z_]+)\\{([a-z, ]*)\\}`").FindAllStringSubmatch(readme(t), -1) {
		listed[m[1]+" ["+strings.ReplaceAll(m[2], ",", "")+"]"] = true
	}
	all := metricsThereAre(t)
	for key := range all {
		if !listed[key] {
			t.Errorf("Expected %s in the README's metrics", key)
		}
	}
	if len(listed) != len(all) {
		t.Errorf("Expected the README to list the %d metrics there are, got %d", len(all), len(listed))
	}
}

// metricsThereAre are the names of all metrics with their labels.
func metricsThereAre(t *testing.T) map[string]bool {
	t.Helper()
	all := append(slices.Concat(descs, fastDescs), authFailures)
	ch := make(chan *prometheus.Desc, 16)
	for _, c := range counted {
		c.Describe(ch)
		all = append(all, <-ch)
	}
	parts := regexp.MustCompile(`fqName: "([^"]+)".*variableLabels: \{([^}]*)\}`)
	out := map[string]bool{}
	for _, d := range all {
		m := parts.FindStringSubmatch(d.String())
		if m == nil {
			t.Fatalf("Expected a name and labels in %s", d)
		}
		out[m[1]+" ["+strings.ReplaceAll(m[2], ",", " ")+"]"] = true
	}
	return out
}

// TestEveryPromisedMetricIsThere holds the names that dashboards and alerts rely on: a name that goes breaks them.
func TestEveryPromisedMetricIsThere(t *testing.T) {
	all := metricsThereAre(t)
	for _, m := range strings.Fields(`site_up{group,site} active_site{group,site} endpoint_up{endpoint} votes{endpoint,node,vote}
		probes_total{check,result} probe_failures_total{check,reason} probe_duration_seconds{check}
		probe_last_run_timestamp_seconds{check} abstaining{} flips_total{group,cause} incident_seconds{stage}
		failback_waiting{group} overrides{scope} override_expiry_timestamp_seconds{scope} state_age_seconds{} state_index{}
		quorum{} config_drift{} cert_expiry_timestamp_seconds{certificate} raft_state{state} raft_last_contact_seconds{}
		raft_commit_seconds{} state_diverged{} auth_failures_total{reason} zone_serial{zone}
		queries_total{server,zone,rcode}`) {
		name, labels, _ := strings.Cut(strings.TrimSuffix(m, "}"), "{")
		if key := "coredns_failover_" + name + " [" + strings.ReplaceAll(labels, ",", " ") + "]"; !all[key] {
			t.Errorf("Expected the metric %s", key)
		}
	}
}
