package main

import (
	"regexp"
	"strings"
	"testing"

	"github.com/spf13/cobra"
)

func TestArgumentsCompleteWithWhatTheClusterHas(t *testing.T) {
	url := serve(t, &canned{files: map[string]string{"/v1/status": "status-failed-over", "/v1/sites": "sites", "/v1/checks": "checks",
		"/v1/members": "members", "/v1/maintenance": "maintenance", "/v1/incidents": "incidents", "/v1/overrides": "overrides", "/v1/config": "config-drift"}})
	for _, c := range []struct{ typed, want string }{
		{"failover |", "all auth.example.com"},
		{"failover auth.example.com --to |a", "aws azure"},
		{"failover auth.example.com |", ""},
		{"site down |az", "azure"},
		{"site clear |", "azure"},
		{"address down |", "aws@198.51.100.20 azure@203.0.113.10"},
		{"votes |", "aws/https@198.51.100.20 azure/https@203.0.113.10"},
		{"endpoint clear |", ""},
		{"check mute |azure", "azure/https"},
		{"node mute |", "ns1 ns2 ns3"},
		{"node unmute |", "ns3"},
		{"explain |login", "login.auth.example.com"},
		{"explain login.auth.example.com |AA", "AAAA"},
		{"incidents |", "1"},
		{"config adopt |", "ns2"},
		{"config adopt ns2 |", "auth.example.com. all"},
		{"maintenance add |a", "address"},
		{"maintenance add site |azure", "azure azure@203.0.113.10 azure/https@203.0.113.10 azure/https"},
		{"maintenance cancel |", "4"},
		{"status -o |", "table json"},
	} {
		before, typed, _ := strings.Cut(c.typed, "|")
		args := append([]string{cobra.ShellCompRequestCmd}, strings.Fields(before)...)
		out, _, status := ctl(t, url, append(args, typed)...)
		var words []string
		for line := range strings.Lines(out) {
			if word, _, _ := strings.Cut(strings.TrimSpace(line), "\t"); !strings.HasPrefix(word, ":") {
				words = append(words, word)
			}
		}
		if got := strings.Join(words, " "); status != exitDone || got != c.want {
			t.Errorf("%q completes with %q, want %q", c.typed, got, c.want)
		}
		if !strings.Contains(out, ":4\n") {
			t.Errorf("%q goes on to complete file names: %s", c.typed, out)
		}
	}
}

func TestCompletionIsSilentWhereNobodyAnswers(t *testing.T) {
	out, _, status := ctl(t, "http://"+closedPort(t), cobra.ShellCompRequestCmd, "site", "down", "")
	if status != exitDone || out != ":4\n" {
		t.Errorf("exit status %d: %q", status, out)
	}
}

func TestScriptsForEachShellAreMade(t *testing.T) {
	for _, shell := range []string{"bash", "zsh", "fish"} {
		if out, errs, status := ctl(t, "", "completion", shell); status != exitDone || !strings.Contains(out, "failoverctl") {
			t.Errorf("%s: exit status %d: %s", shell, status, errs)
		}
	}
}

// filesOnly are commands whose arguments are files, or are up to the one who types.
var filesOnly = regexp.MustCompile(`^failoverctl (cert|local|config diff|cluster join|token create|token hash|zone create|completion|help|snapshot)\b`)

func TestEveryArgumentThatTheClusterKnowsCompletes(t *testing.T) {
	var walk func(c *cobra.Command)
	walk = func(c *cobra.Command) {
		takes := regexp.MustCompile(`[A-Z]{3}`).MatchString(strings.TrimPrefix(c.Use, c.Name()))
		if takes && c.ValidArgsFunction == nil && !filesOnly.MatchString(c.CommandPath()) {
			t.Errorf("%s %s completes nothing", c.CommandPath(), c.Use)
		}
		for _, sub := range c.Commands() {
			walk(sub)
		}
	}
	walk(newRoot(&terminal{env: func(string) string { return "" }}))
}
