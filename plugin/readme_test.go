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
}

func TestReadmeListsEveryMetricWithItsLabels(t *testing.T) {
	queries.WithLabelValues("dns://:53", "a.example.", "NOERROR")
	listed := map[string]bool{}
	for _, m := range regexp.MustCompile("`(coredns_failover_[a-z_]+)\\{([a-z, ]*)\\}`").FindAllStringSubmatch(readme(t), -1) {
		listed[m[1]+" ["+strings.ReplaceAll(m[2], ",", "")+"]"] = true
	}
	all := slices.Clone(descs)
	ch := make(chan *prometheus.Desc, 16)
	for _, c := range []prometheus.Collector{queries, probesDone, probeFailures, probeDuration, probeLastRun, flips, incidentSeconds} {
		c.Describe(ch)
		all = append(all, <-ch)
	}
	parts := regexp.MustCompile(`fqName: "([^"]+)".*variableLabels: \{([^}]*)\}`)
	for _, d := range all {
		m := parts.FindStringSubmatch(d.String())
		if m == nil {
			t.Fatalf("Expected a name and labels in %s", d)
		}
		if key := m[1] + " [" + strings.ReplaceAll(m[2], ",", " ") + "]"; !listed[key] {
			t.Errorf("Expected %s in the README's metrics", key)
		}
	}
	if len(listed) != len(all) {
		t.Errorf("Expected the README to list the %d metrics there are, got %d", len(all), len(listed))
	}
}
