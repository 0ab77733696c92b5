package main

import (
	"bytes"
	"context"
	"encoding/json"
	"flag"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"failoverdns/api"
)

var update = flag.Bool("update", false, "write the golden files anew; then read the difference")

// answers is where the server's tests keep what the handlers answer: the CLI is tested against the real thing.
const answers = "../../api/server/testdata"

// canned is a server that gives recorded answers, and keeps what it was asked.
type canned struct {
	t     *testing.T
	files map[string]string // path: a file of answers
	reply func(w http.ResponseWriter, r *http.Request) bool
	asked []*http.Request
	body  []string
}

func (c *canned) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	b, _ := io.ReadAll(r.Body)
	c.asked, c.body = append(c.asked, r), append(c.body, string(b))
	if c.reply != nil && c.reply(w, r) {
		return
	}
	file, ok := c.files[r.URL.Path]
	if !ok {
		problem(w, 404, api.CodeNotFound, "there is no "+r.URL.Path)
		return
	}
	b, err := os.ReadFile(filepath.Join(answers, file+".json"))
	if err != nil {
		c.t.Error(err)
	}
	w.Header().Set("Content-Type", api.JSON)
	_, _ = w.Write(b)
}

func problem(w http.ResponseWriter, status int, code, detail string) {
	w.Header().Set("Content-Type", api.ProblemJSON)
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(api.Problem{Title: "refused", Status: status, Code: code, Detail: detail})
}

// ctl runs the program against servers and gives its output, errors and exit status.
func ctl(t *testing.T, servers string, args ...string) (out, errs string, status int) {
	t.Helper()
	return ctlContext(t, t.Context(), servers, args...)
}

func ctlContext(t *testing.T, ctx context.Context, servers string, args ...string) (out, errs string, status int) {
	t.Helper()
	return ctlSeen(t, ctx, func(string) {}, servers, args...)
}

// ctlSeen is ctlContext with somebody who is told of each write what has been written so far.
func ctlSeen(t *testing.T, ctx context.Context, see func(out string), servers string, args ...string) (out, errs string, status int) {
	t.Helper()
	o, e := watched{see: see}, bytes.Buffer{}
	env := map[string]string{"FAILOVER_SERVER": servers}
	term := &terminal{out: &o, err: &e, env: func(k string) string { return env[k] }, now: func() time.Time { return time.Date(2026, 11, 22, 5, 0, 0, 0, time.UTC) }}
	status = run(ctx, term, args)
	saw.ran(args, o.String())
	return o.String(), e.String(), status
}

// watched is a buffer that tells somebody what it holds.
type watched struct {
	bytes.Buffer
	see func(string)
}

func (w *watched) Write(b []byte) (int, error) {
	defer func() { w.see(w.String()) }()
	return w.Buffer.Write(b)
}

func serve(t *testing.T, c *canned) string {
	c.t = t
	s := httptest.NewServer(c)
	t.Cleanup(s.Close)
	return s.URL
}

// TestEachCommandPrintsAsRecorded holds every look against a golden page, and its exit status.
func TestEachCommandPrintsAsRecorded(t *testing.T) {
	for _, c := range []struct {
		page, path, answer, command string
		status                      int
	}{
		{"status-healthy", "/v1/status", "status-healthy", "status", 0},
		{"status-failed-over", "/v1/status", "status-failed-over", "status", 0},
		{"status-returning", "/v1/status", "status-returning", "status", 0},
		{"status-overridden", "/v1/status", "status-overridden", "status", 0},
		{"status-pinned", "/v1/status", "status-pinned", "status", 0},
		{"status-pin-yields", "/v1/status", "status-pin-yields", "status", 0},
		{"status-ends-soon", "/v1/status", "status-ends-soon", "status", 0},
		{"status-no-quorum", "/v1/status", "status-no-quorum", "status", 1},
		{"status-no-leader", "/v1/status", "status-no-leader", "status", 1},
		{"status-disk-fault", "/v1/status", "status-disk-fault", "status", 1},
		{"status-emergency", "/v1/status", "status-emergency", "status", 1},
		{"status-emergency-invalid", "/v1/status", "status-emergency-invalid", "status", 1},
		{"status-no-quorum-local", "/v1/status", "status-no-quorum-local", "status", 1},
		{"status-no-quorum-refuse", "/v1/status", "status-no-quorum-refuse", "status", 1},
		{"explain-emergency", "/v1/explain", "explain-emergency", "explain login.auth.example.com", 0},
		{"status-all-down", "/v1/status", "status-all-down", "status", 1},
		{"status-drift", "/v1/status", "status-drift", "status", 1},
		{"status-diverged", "/v1/status", "status-diverged", "status", 1},
		{"status-starting", "/v1/status", "status-starting", "status", 1},
		{"status-removed", "/v1/status", "status-removed", "status", 1},
		{"cluster-removed", "/v1/members", "members-removed", "cluster status", 1},
		{"sites", "/v1/sites", "sites", "sites", 0},
		{"checks", "/v1/checks", "checks", "checks", 0},
		{"votes", "/v1/votes", "votes", "votes azure/https@203.0.113.10", 0},
		{"explain-steered", "/v1/explain", "explain-steered", "explain login.auth.example.com", 0},
		{"explain-nxdomain", "/v1/explain", "explain-nxdomain", "explain nothing.auth.example.com AAAA", 0},
		{"overrides", "/v1/overrides", "overrides", "overrides", 0},
		{"overrides-pinned", "/v1/overrides", "overrides-pinned", "overrides", 0},
		{"overrides-none", "/v1/overrides", "overrides-none", "overrides", 0},
		{"events", "/v1/events", "events", "events", 0},
		{"drills", "/v1/drills", "drills", "drill list", 0},
		{"drill", "/v1/drills", "drill", "drill show 1", 0},
		{"status-drill", "/v1/status", "status-drill", "status", 0},
		{"maintenance", "/v1/maintenance", "maintenance", "maintenance list", 0},
		{"status-maintenance", "/v1/status", "status-maintenance", "status", 0},
		{"overrides-maintenance", "/v1/overrides", "overrides-maintenance", "overrides", 0},
		{"switches", "/v1/switches", "switches", "switch list", 0},
		{"rules", "/v1/switches", "switches", "rule list", 0},
		{"status-switched", "/v1/status", "status-switched", "status", 0},
		{"explain-switched", "/v1/explain", "explain-switched", "explain login.auth.example.com", 0},
		{"status-certificate", "/v1/status", "status-certificate", "status", 0},
		{"status-certificate-over", "/v1/status", "status-certificate-over", "status", 0},
		{"webhooks", "/v1/webhooks", "webhooks", "webhook list", 0},
		{"status-webhooks", "/v1/status", "status-webhooks", "status", 0},
		{"audit", "/v1/audit", "audit", "audit --author ben@ops", 0},
		{"tokens", "/v1/tokens", "tokens", "token list", 0},
		{"incidents", "/v1/incidents", "incidents", "incidents", 0},
		{"incident", "/v1/incidents", "incident", "incidents 1", 0},
		{"members", "/v1/members", "members", "cluster members", 0},
		{"cluster", "/v1/members", "members", "cluster status", 0},
		{"zones", "/v1/zones", "zones", "zone list", 0},
		{"zone", "/v1/zones", "zone", "zone show acme.example.net", 0},
		{"zone-export", "/v1/zones/export", "zone-export", "zone export auth.example.com", 0},
		{"records", "/v1/records", "records", "record list auth.example.com", 0},
		{"record", "/v1/records", "record", "record list auth.example.com _acme-challenge.login TXT", 0},
		{"records-dynamic", "/v1/records", "records-dynamic", "record list acme.example.net --dynamic", 0},
		{"explain-dynamic", "/v1/explain", "explain-dynamic", "explain _acme-challenge.login.auth.example.com TXT", 0},
		{"cluster-diverged", "/v1/members", "members-diverged", "cluster status", 1},
		{"config", "/v1/config", "config", "config diff", 0},
		{"config-drift", "/v1/config", "config-drift", "config diff", 1},
	} {
		t.Run(c.page, func(t *testing.T) {
			server := &canned{files: map[string]string{c.path: c.answer}}
			out, errs, status := ctl(t, serve(t, server), strings.Fields(c.command)...)
			if status != c.status || errs != "" {
				t.Errorf("exit status %d, want %d; errors %q", status, c.status, errs)
			}
			golden(t, c.page+".golden", out)
			sameJSON(t, server, c.answer, c.command, c.status)
		})
	}
}

// sameJSON holds the JSON output against the server's own answer: nothing may get lost in the client's types.
func sameJSON(t *testing.T, server *canned, answer, command string, want int) {
	t.Helper()
	out := asDocumented(t, server, want, append(strings.Fields(command), "-o", "json")...)
	recorded, err := os.ReadFile(filepath.Join(answers, answer+".json"))
	if err != nil {
		t.Fatal(err)
	}
	if out != string(recorded) {
		t.Errorf("-o json differs from the server's answer:\n%s", out)
	}
}

func golden(t *testing.T, file, got string) {
	t.Helper()
	saw.kept(got)
	path := filepath.Join("testdata", file)
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatalf("%v (go test -update writes it)", err)
	}
	if got != string(want) {
		t.Errorf("%s differs; go test -update writes it anew.\ngot:\n%s", path, got)
	}
}
