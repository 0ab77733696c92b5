// Package deploy holds tests of what stands in deploy/: rules, pages and units.
package deploy

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

func read(t *testing.T, path string) string {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func all(re, text string) (out []string) {
	for _, m := range regexp.MustCompile(re).FindAllStringSubmatch(text, -1) {
		out = append(out, m[1])
	}
	slices.Sort(out)
	return slices.Compact(out)
}

func alerts(t *testing.T) []string {
	t.Helper()
	names := all(`(?m)^      - alert: (\w+)$`, read(t, "prometheus/failoverdns.rules.yml"))
	if len(names) < 15 {
		t.Fatalf("only %d alerts were found: are the rules still read right?", len(names))
	}
	return names
}

// TestEachAlertHasItsPageAndLinksToIt and no page is left of an alert that is gone.
func TestEachAlertHasItsPageAndLinksToIt(t *testing.T) {
	names := alerts(t)
	if linked := all(`runbook_url: docs/runbooks/(\w+)\.md`, read(t, "prometheus/failoverdns.rules.yml")); !slices.Equal(linked, names) {
		t.Errorf("alerts %v, links %v", names, linked)
	}
	rules := read(t, "prometheus/failoverdns.rules.yml")
	index := read(t, "../docs/operations.md")
	for _, name := range names {
		block, _, _ := strings.Cut(rules[strings.Index(rules, "- alert: "+name+"\n"):], "\n\n")
		if !strings.Contains(block, "docs/runbooks/"+name+".md") {
			t.Errorf("%s links to another alert's page", name)
		}
		page := read(t, "../docs/runbooks/"+name+".md")
		for _, part := range []string{"# " + name + "\n", "\n## What it means\n", "\n## What to do\n", "failoverctl "} {
			if !strings.Contains(page, part) {
				t.Errorf("docs/runbooks/%s.md lacks %q", name, strings.TrimSpace(part))
			}
		}
		if !strings.Contains(index, "(runbooks/"+name+".md)") {
			t.Errorf("docs/operations.md does not list %s", name)
		}
	}
	pages, err := filepath.Glob("../docs/runbooks/*.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, page := range pages {
		if name := strings.TrimSuffix(filepath.Base(page), ".md"); strings.HasPrefix(name, "Failover") && !slices.Contains(names, name) {
			t.Errorf("%s is of no alert", page)
		}
	}
}

// TestEachAlertIsSeenToFire holds the unit tests' coverage; promtool runs them.
func TestEachAlertIsSeenToFire(t *testing.T) {
	tests := read(t, "prometheus/failoverdns_test.yml") + read(t, "prometheus/failoverdns_days_test.yml")
	fired := all(`(?m)alertname: (\w+)\n\s+exp_alerts:\s*(?:\n\s*- )?\[?\{exp_labels`, tests)
	for _, name := range alerts(t) {
		if !slices.Contains(fired, name) {
			t.Errorf("no unit test has %s fire", name)
		}
	}
}

// tool gives a program's path, or skips the test where CI has not installed it.
func tool(t *testing.T, name string) string {
	t.Helper()
	path, err := exec.LookPath(name)
	if err != nil {
		t.Skipf("%s is not installed", name)
	}
	return path
}

func TestRulesPassTheirUnitTests(t *testing.T) {
	promtool := tool(t, "promtool")
	for _, args := range [][]string{{"check", "rules", "failoverdns.rules.yml"}, {"test", "rules", "failoverdns_test.yml", "failoverdns_days_test.yml"}} {
		c := exec.Command(promtool, args...)
		c.Dir = "prometheus"
		if out, err := c.CombinedOutput(); err != nil {
			t.Errorf("promtool %v: %v\n%s", args, err, out)
		}
	}
}

// exposure is the most that systemd-analyze security may find, in tenths: 17 stands for what a server on port 53 needs.
const exposure = "20"

func TestUnitIsValidAndHardened(t *testing.T) {
	analyze := tool(t, "systemd-analyze")
	unit := read(t, "systemd/failoverdns.service")
	for _, want := range []string{"NoNewPrivileges=yes", "CapabilityBoundingSet=CAP_NET_BIND_SERVICE\n", "ProtectSystem=strict", "StateDirectory=failoverdns", "User=failoverdns"} {
		if !strings.Contains(unit, want) {
			t.Errorf("the unit lacks %s", want)
		}
	}
	here := strings.ReplaceAll(unit, "/usr/local/bin/failoverdns", "/bin/true")
	here = regexp.MustCompile(`(?m)^Documentation=.*\n`).ReplaceAllString(here, "")
	file := filepath.Join(t.TempDir(), "failoverdns.service")
	if err := os.WriteFile(file, []byte(here), 0o600); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.Command(analyze, "verify", file).CombinedOutput(); err != nil || strings.Contains(string(out), "failoverdns.service:") {
		t.Errorf("systemd-analyze verify: %v\n%s", err, out)
	}
	if out, err := exec.Command(analyze, "security", "--offline=true", "--threshold="+exposure, file).CombinedOutput(); err != nil {
		t.Errorf("systemd-analyze security: %v\n%s", err, out)
	}
}

// TestLinksOfThePagesLead somewhere: each relative link of the documents names a file that is there.
func TestLinksOfThePagesLead(t *testing.T) {
	var pages []string
	for _, pattern := range []string{"../*.md", "../docs/*.md", "../docs/runbooks/*.md", "../plugin/*.md"} {
		found, err := filepath.Glob(pattern)
		if err != nil {
			t.Fatal(err)
		}
		pages = append(pages, found...)
	}
	for _, page := range pages {
		for _, link := range all(`\]\(([^)#:]+)(?:#[^)]*)?\)`, read(t, page)) {
			if _, err := os.Stat(filepath.Join(filepath.Dir(page), link)); err != nil {
				t.Errorf("%s links to %s, which is not there", page, link)
			}
		}
	}
}
