package main

import (
	"context"
	"encoding/json"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"failoverdns/api"
)

// done answers every write, and members that have applied it.
func done(w http.ResponseWriter, r *http.Request) bool {
	w.Header().Set("Content-Type", api.JSON)
	if r.URL.Path == "/v1/members" {
		_ = json.NewEncoder(w).Encode(api.Members{Cluster: api.Cluster{Members: []api.Member{{ID: "ns1", Reachable: true, Index: 7}, {ID: "ns2", Reachable: true, Index: 8}, {ID: "ns3", Error: "refused"}}}})
		return true
	}
	a := api.Written{Meta: api.Meta{Node: "ns1", Index: 7}, Done: !r.URL.Query().Has("plan"), Events: []string{"site azure is forced down for 24h0m0s"},
		Changes: []api.Change{{Group: "auth.example.com", From: "azure", To: "aws", Why: "the first site that is up and not held; azure is forced down",
			Before: []api.Cell{{Names: []string{"auth.example.com"}, TTL: 60, A: []string{"203.0.113.10"}}}, After: []api.Cell{{Names: []string{"auth.example.com"}, TTL: 60, A: []string{"198.51.100.20"}}}}}}
	_ = json.NewEncoder(w).Encode(a)
	return true
}

// TestWritesSayWhatTheyAsk holds each operating command against the request that it makes.
func TestWritesSayWhatTheyAsk(t *testing.T) {
	const by = ` --author ana@ops`
	for _, c := range []struct{ command, method, path, query, body string }{
		{"site down azure --reason r --for 2h --force", "PUT", "/v1/overrides", "", `{"author":"ana@ops","reason":"r","scope":"site","target":"azure","word":"down","for":"2h","force":true}`},
		{"site up azure --reason r --plan", "PUT", "/v1/overrides", "plan=", `{"author":"ana@ops","reason":"r","scope":"site","target":"azure","word":"up","for":"24h0m0s"}`},
		{"address down azure@203.0.113.10 --reason r", "PUT", "/v1/overrides", "", `{"author":"ana@ops","reason":"r","scope":"address","target":"azure@203.0.113.10","word":"down","for":"24h0m0s"}`},
		{"endpoint clear azure/https@203.0.113.10 --reason r", "DELETE", "/v1/overrides", "author=ana%40ops&reason=r&scope=endpoint&target=azure%2Fhttps%40203.0.113.10", ""},
		{"check mute azure/https --reason r --for never", "PUT", "/v1/overrides", "", `{"author":"ana@ops","reason":"r","scope":"check","target":"azure/https","word":"mute","for":"never"}`},
		{"node unmute ns3 --reason r", "DELETE", "/v1/overrides", "author=ana%40ops&reason=r&scope=node&target=ns3", ""},
		{"site extend azure --for 1h", "POST", "/v1/extend", "", `{"author":"ana@ops","scope":"site","target":"azure","for":"1h"}`},
		{"failover all --to aws --reason r --force", "PUT", "/v1/pins", "", `{"author":"ana@ops","reason":"r","group":"all","site":"aws","for":"24h0m0s","force":true}`},
		{"unpin auth.example.com --reason r", "DELETE", "/v1/pins", "author=ana%40ops&group=auth.example.com&reason=r", ""},
		{"failback auth.example.com --reason r", "POST", "/v1/failback", "", `{"author":"ana@ops","reason":"r","group":"auth.example.com"}`},
		{"config adopt ns2 auth.example.com --reason r", "POST", "/v1/config/adopt", "", `{"author":"ana@ops","reason":"r","node":"ns2","zone":"auth.example.com"}`},
		{"config adopt ns2 all --reason r --plan", "POST", "/v1/config/adopt", "plan=", `{"author":"ana@ops","reason":"r","node":"ns2","zone":"all"}`},
	} {
		server := &canned{reply: done}
		_, errs, status := ctl(t, serve(t, server), strings.Fields(c.command+by)...)
		if status != exitDone || errs != "" || len(server.asked) != 1 {
			t.Fatalf("%s: exit status %d, %d requests: %s", c.command, status, len(server.asked), errs)
		}
		r := server.asked[0]
		if r.Method != c.method || r.URL.Path != c.path || r.URL.RawQuery != c.query || server.body[0] != c.body {
			t.Errorf("%s asked %s %s %s\nwant %s %s?%s %s", c.command, r.Method, r.URL, server.body[0], c.method, c.path, c.query, c.body)
		}
		if r.Header.Get(api.RequestIDHeader) == "" {
			t.Errorf("%s: the write has no request ID", c.command)
		}
	}
}

func TestWritesAreShownAsRecorded(t *testing.T) {
	url := serve(t, &canned{reply: done})
	out, _, _ := ctl(t, url, "site", "down", "azure", "--reason", "r")
	golden(t, "write.golden", out)
	out, _, _ = ctl(t, url, "site", "down", "azure", "--reason", "r", "--plan")
	golden(t, "write-plan.golden", out)
	out, _, _ = ctl(t, url, "site", "down", "azure", "--reason", "r", "--wait")
	golden(t, "write-wait.golden", out)
}

func TestWaitReturnsWhenTheLastLiveNodeHasIt(t *testing.T) {
	asked := 0
	url := serve(t, &canned{reply: func(w http.ResponseWriter, r *http.Request) bool {
		if r.URL.Path != "/v1/members" {
			return done(w, r)
		}
		asked++
		index := uint64(6)
		if asked == 3 {
			index = 7
		}
		w.Header().Set("Content-Type", api.JSON)
		_ = json.NewEncoder(w).Encode(api.Members{Cluster: api.Cluster{Members: []api.Member{{ID: "ns1", Reachable: true, Index: index}}}})
		return true
	}})
	out, errs, status := ctl(t, url, "site", "down", "azure", "--reason", "r", "--wait")
	if status != exitDone || asked != 3 || !strings.Contains(out, "Every live node (1)") {
		t.Errorf("exit status %d after %d looks: %s%s", status, asked, out, errs)
	}
}

func TestExitStatusTellsWhatHappened(t *testing.T) {
	refusing := func(status int, code string) string {
		return serve(t, &canned{reply: func(w http.ResponseWriter, _ *http.Request) bool {
			problem(w, status, code, "because")
			return true
		}})
	}
	nobody := "http://" + closedPort(t)
	down := "site down azure --reason r"
	for _, c := range []struct {
		servers, command string
		status           int
		says             string
	}{
		{refusing(409, api.CodeNeedsForce), down, exitRefused, "--force does it all the same"},
		{refusing(404, api.CodeNotFound), "votes nothing", exitRefused, "because"},
		{refusing(503, api.CodeNoLeader), down, exitRefused, "because"},
		{refusing(504, api.CodeUnknownOutcome), down, exitUnknown, "--request-id"},
		{nobody, "status", exitUnreachable, "no server answers"},
		{nobody, down, exitUnreachable, "no server answers"},
		{nobody + "," + serve(t, &canned{reply: done}), down, exitDone, ""},
		{nobody, "site down azure", exitUsage, "--reason"},
		{nobody, "site down --reason r", exitUsage, "accepts 1 arg"},
		{nobody, "site", exitUsage, "needs one of its commands"},
		{nobody, "statsu", exitUsage, "did you mean status?"},
		{nobody, "status --colour", exitUsage, "unknown flag"},
		{nobody, "status -o yaml", exitUsage, "neither table nor json"},
		{nobody, "site down azure --reason r --for soon", exitUsage, "--for"},
		{nobody, "incidents x", exitUsage, "no ID"},
		{nobody, "failover all --reason r", exitUsage, "--to SITE"},
		{"ftp://x", "status", exitUsage, "is no URL"},
		{nobody, "status --token-file /nowhere", exitUsage, "read the token"},
	} {
		_, errs, status := ctl(t, c.servers, strings.Fields(c.command)...)
		if status != c.status || !strings.Contains(errs, c.says) {
			t.Errorf("%s: exit status %d, want %d with %q; got:\n%s", c.command, status, c.status, c.says, errs)
		}
	}
}

func TestPlanThatIsRefusedExitsOne(t *testing.T) {
	url := serve(t, &canned{reply: func(w http.ResponseWriter, _ *http.Request) bool {
		w.Header().Set("Content-Type", api.JSON)
		_ = json.NewEncoder(w).Encode(api.Written{Refusal: &api.Problem{Title: "t", Detail: "it is the last site", Code: api.CodeNeedsForce}})
		return true
	}})
	out, _, status := ctl(t, url, "site", "down", "azure", "--reason", "r", "--plan")
	if status != exitRefused || !strings.Contains(out, "would be refused: it is the last site (needs-force)") {
		t.Errorf("exit status %d: %s", status, out)
	}
}

func TestEventsFollowUntilInterrupted(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	url := serve(t, &canned{files: map[string]string{"/v1/events": "events"}, reply: func(w http.ResponseWriter, r *http.Request) bool {
		if r.Header.Get("Accept") != api.EventStream {
			return false
		}
		w.Header().Set("Content-Type", api.EventStream)
		_, _ = w.Write([]byte("id: 999\ndata: {\"id\":999,\"type\":\"flip\",\"text\":\"came \\u001b[2Jlater\"}\n\n"))
		w.(http.Flusher).Flush()
		time.AfterFunc(50*time.Millisecond, cancel)
		<-r.Context().Done()
		return true
	}})
	out, _, status := ctlContext(t, ctx, url, "events", "-f")
	if status != exitDone || !strings.Contains(out, "flip              came") || strings.Contains(out, "\x1b") {
		t.Errorf("exit status %d: %q", status, out)
	}
}

func TestCertificatesAreMadeAndShown(t *testing.T) {
	dir := t.TempDir()
	ca, node := filepath.Join(dir, "ca"), filepath.Join(dir, "nodes")
	for _, command := range [][]string{{"cert", "init", "--ca", ca}, {"cert", "issue", "ns1", "--ca", ca, "--out", node, "--host", "192.0.2.1", "--host", "ns1.example.net"}} {
		if out, errs, status := ctl(t, "", command...); status != exitDone {
			t.Fatalf("%v: exit status %d: %s%s", command, status, out, errs)
		}
	}
	out, errs, status := ctl(t, "", "cert", "show", filepath.Join(node, "ns1.pem"), filepath.Join(ca, "ca.pem"))
	if status != exitDone || !strings.Contains(out, "node ns1") || !strings.Contains(out, "ns1.example.net, 192.0.2.1") || !strings.Contains(out, "authority: ") {
		t.Errorf("exit status %d: %s%s", status, out, errs)
	}
	if _, errs, status := ctl(t, "", "cert", "init", "--ca", ca); status != exitRefused || !strings.Contains(errs, "exists") {
		t.Errorf("a second init: exit status %d: %s", status, errs)
	}
	if err := os.WriteFile(filepath.Join(dir, "x"), []byte("no PEM"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, errs, status := ctl(t, "", "cert", "show", filepath.Join(dir, "x")); status != exitRefused || !strings.Contains(errs, "no PEM certificate") {
		t.Errorf("no certificate: exit status %d: %s", status, errs)
	}
}

func TestTextFromElsewhereCannotCommandTheTerminal(t *testing.T) {
	term := &terminal{colour: true}
	if got := term.clean(term.paint(red, "x") + "\x1b[2J\x1b]0;t\a"); strings.Contains(got, "\x1b[2J") || strings.Contains(got, "\a") || !strings.Contains(got, "\x1b[31mx\x1b[0m") {
		t.Errorf("%q", got)
	}
}

func TestColourOnlyWhereItIsWanted(t *testing.T) {
	if colourful(os.NewFile(0, "none"), func(string) string { return "1" }) {
		t.Error("NO_COLOR is not obeyed")
	}
	f, err := os.Create(filepath.Join(t.TempDir(), "f"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if colourful(f, func(string) string { return "" }) {
		t.Error("a file is no terminal")
	}
}

func TestSpansAreTheTwoGreatestUnits(t *testing.T) {
	for d, want := range map[time.Duration]string{0: "0s", 59 * time.Second: "59s", 61 * time.Second: "1m 1s", time.Hour: "1h", 25*time.Hour + time.Minute: "1d 1h", 24*time.Hour + time.Minute: "1d"} {
		if got := span(d); got != want {
			t.Errorf("%s: %q, want %q", d, got, want)
		}
	}
}

func closedPort(t *testing.T) string {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

func TestEventWithoutATimeShowsADash(t *testing.T) {
	url := serve(t, &canned{reply: func(w http.ResponseWriter, _ *http.Request) bool {
		w.Header().Set("Content-Type", api.JSON)
		_, _ = w.Write([]byte(`{"events":[{"id":1,"type":"node","text":"ns1 is a member"}]}`))
		return true
	}})
	if out, _, status := ctl(t, url, "events"); status != exitDone || out != "-                         node              ns1 is a member\n" {
		t.Errorf("exit status %d: %q", status, out)
	}
}
