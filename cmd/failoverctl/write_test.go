package main

import (
	"context"
	"encoding/json"
	"fmt"
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
		_ = json.NewEncoder(w).Encode(api.Members{Meta: api.Meta{At: time.Date(2026, 11, 22, 5, 0, 0, 15e6, time.UTC)}, Cluster: api.Cluster{Members: []api.Member{{ID: "ns1", Reachable: true, Index: 7}, {ID: "ns2", Reachable: true, Index: 8}, {ID: "ns3", Error: "refused"}}}})
		return true
	}
	a := api.Written{Meta: api.Meta{Node: "ns1", Index: 7, At: time.Date(2026, 11, 22, 5, 0, 0, 0, time.UTC)}, Done: !r.URL.Query().Has("plan"), Events: []string{"site azure is forced down for 24h0m0s"},
		Changes: []api.Change{{Group: "auth.example.com", From: "azure", To: "aws", TTL: 60, Why: "the first site that is up and not held; azure is forced down",
			Before: []api.Cell{{Names: []string{"auth.example.com"}, TTL: 60, A: []string{"203.0.113.10"}}}, After: []api.Cell{{Names: []string{"auth.example.com", "a.auth.example.com", "b.auth.example.com", "c.auth.example.com", "d.auth.example.com"}, More: 99_900, TTL: 60, A: []string{"198.51.100.20"}}}}}}
	if clear := a.At.Add(time.Minute); a.Done {
		a.Changes[0].Clear = &clear
	} else {
		a.Blocks = []api.Notice{{Code: api.BlockPin, Text: "group auth.example.com is pinned to azure by ben@ops: cost; a failover takes its place", Next: "failoverctl unpin auth.example.com --reason TEXT"}}
	}
	_ = json.NewEncoder(w).Encode(a)
	return true
}

// TestWritesSayWhatTheyAsk holds each operating command against the request that it makes.
func TestWritesSayWhatTheyAsk(t *testing.T) {
	const by = ` --author ana@ops`
	for _, c := range []struct{ command, method, path, query, body string }{
		{"site down azure --reason r --for 2h --force", "PUT", "/v1/overrides", "", `{"author":"ana@ops","reason":"r","scope":"site","target":"azure","word":"down","for":"2h","force":true}`},
		{"site up azure --reason r --plan", "PUT", "/v1/overrides", "plan=", `{"author":"ana@ops","reason":"r","scope":"site","target":"azure","word":"up","for":"24h"}`},
		{"address down azure@203.0.113.10 --reason r", "PUT", "/v1/overrides", "", `{"author":"ana@ops","reason":"r","scope":"address","target":"azure@203.0.113.10","word":"down","for":"24h"}`},
		{"endpoint clear azure/https@203.0.113.10 --reason r", "DELETE", "/v1/overrides", "author=ana%40ops&reason=r&scope=endpoint&target=azure%2Fhttps%40203.0.113.10", ""},
		{"check mute azure/https --reason r --for never", "PUT", "/v1/overrides", "", `{"author":"ana@ops","reason":"r","scope":"check","target":"azure/https","word":"mute","for":"never"}`},
		{"node unmute ns3 --reason r", "DELETE", "/v1/overrides", "author=ana%40ops&reason=r&scope=node&target=ns3", ""},
		{"site extend azure --for 1h", "POST", "/v1/extend", "", `{"author":"ana@ops","scope":"site","target":"azure","for":"1h"}`},
		{"failover all --to aws --reason r --force", "PUT", "/v1/pins", "", `{"author":"ana@ops","reason":"r","group":"all","site":"aws","for":"24h","force":true}`},
		{"unpin auth.example.com --reason r", "DELETE", "/v1/pins", "author=ana%40ops&group=auth.example.com&reason=r", ""},
		{"failback auth.example.com --reason r", "POST", "/v1/failback", "", `{"author":"ana@ops","reason":"r","group":"auth.example.com"}`},
		{"drill auth.example.com --to aws --for 5m --reason r", "POST", "/v1/drills", "", `{"author":"ana@ops","reason":"r","group":"auth.example.com","site":"aws","for":"5m"}`},
		{"drill abort 3 --reason r", "DELETE", "/v1/drills", "author=ana%40ops&id=3&reason=r", ""},
		{"maintenance add site azure --at 2026-01-31T23:00+01:00 --for 2h --reason r", "POST", "/v1/maintenance", "", `{"author":"ana@ops","reason":"r","scope":"site","target":"azure","word":"down","at":"2026-01-31T22:00:00Z","for":"2h"}`},
		{"maintenance add node ns3 --in 30m --reason r --plan", "POST", "/v1/maintenance", "plan=", `{"author":"ana@ops","reason":"r","scope":"node","target":"ns3","word":"mute","in":"30m","for":"1h"}`},
		{"maintenance add site aws --up --in 30m --reason r --force --break-glass", "POST", "/v1/maintenance", "", `{"author":"ana@ops","reason":"r","scope":"site","target":"aws","word":"up","in":"30m","for":"1h","force":true,"break_glass":true}`},
		{"maintenance cancel 3 --reason r", "DELETE", "/v1/maintenance", "author=ana%40ops&id=3&reason=r", ""},
		{"switch set azure-in=off aws-in=on --reason r --break-glass", "PUT", "/v1/switches", "", `{"author":"ana@ops","reason":"r","set":[{"name":"azure-in","on":false},{"name":"aws-in","on":true}],"break_glass":true}`},
		{"site clear azure --reason r --break-glass", "DELETE", "/v1/overrides", "author=ana%40ops&break_glass=true&reason=r&scope=site&target=azure", ""},
		{"config adopt ns2 auth.example.com --reason r", "POST", "/v1/config/adopt", "", `{"author":"ana@ops","reason":"r","node":"ns2","zone":"auth.example.com"}`},
		{"record set auth.example.com www A 192.0.2.1 192.0.2.2 --ttl 60 --reason r", "POST", "/v1/records", "", `{"author":"ana@ops","reason":"r","zone":"auth.example.com","changes":[{"verb":"set","name":"www","type":"A","ttl":60,"data":["192.0.2.1","192.0.2.2"]}]}`},
		{"record add auth.example.com _acme-challenge TXT --plan -- -dash --data", "POST", "/v1/records", "plan=", `{"author":"ana@ops","reason":"","zone":"auth.example.com","changes":[{"verb":"add","name":"_acme-challenge","type":"TXT","data":["-dash","--data"]}]}`},
		{"record remove auth.example.com _acme-challenge TXT x --if-version 7", "POST", "/v1/records", "", `{"author":"ana@ops","reason":"","zone":"auth.example.com","changes":[{"verb":"remove","name":"_acme-challenge","type":"TXT","data":["x"],"version":7}]}`},
		{"record set auth.example.com @ TXT x --if-version 0", "POST", "/v1/records", "", `{"author":"ana@ops","reason":"","zone":"auth.example.com","changes":[{"verb":"set","name":"@","type":"TXT","data":["x"],"version":0}]}`},
		{"record delete auth.example.com www A", "POST", "/v1/records", "", `{"author":"ana@ops","reason":"","zone":"auth.example.com","changes":[{"verb":"delete","name":"www","type":"A"}]}`},
		{"zone create acme.example.net --ns ns1.example.net --ns ns2.acme.example.net=192.0.2.2,2001:db8::2 --reason r", "PUT", "/v1/zones", "", `{"author":"ana@ops","reason":"r","zone":"acme.example.net","nameservers":[{"name":"ns1.example.net"},{"name":"ns2.acme.example.net","addresses":["192.0.2.2","2001:db8::2"]}],"ttl":60}`},
		{"zone delete acme.example.net --reason r --force", "DELETE", "/v1/zones", "author=ana%40ops&force=true&reason=r&zone=acme.example.net", ""},
		{"cluster promote ns4 --reason r", "POST", "/v1/cluster/promote", "", `{"author":"ana@ops","reason":"r","node":"ns4"}`},
		{"cluster demote ns4 --reason r --plan", "POST", "/v1/cluster/demote", "plan=", `{"author":"ana@ops","reason":"r","node":"ns4"}`},
		{"cluster remove ns4 --reason r --force --confirm ns4", "POST", "/v1/cluster/remove", "", `{"author":"ana@ops","reason":"r","node":"ns4","force":true}`},
		{"cluster transfer ns2 --reason r", "POST", "/v1/cluster/transfer", "", `{"author":"ana@ops","reason":"r","node":"ns2"}`},
		{"cluster transfer --reason r", "POST", "/v1/cluster/transfer", "", `{"author":"ana@ops","reason":"r","node":""}`},
		{"config adopt ns2 all --reason r --plan", "POST", "/v1/config/adopt", "plan=", `{"author":"ana@ops","reason":"r","node":"ns2","zone":"all"}`},
	} {
		server := &canned{reply: done}
		_, errs, status := ctl(t, serve(t, server), withAuthor(c.command, by)...)
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

// TestEachWriteIsAnsweredAsRecorded: what every writing command asks and prints, and its JSON by the API's document.
func TestEachWriteIsAnsweredAsRecorded(t *testing.T) {
	dir := t.TempDir()
	backup := filepath.Join(dir, "a.tar.gz")
	if err := os.WriteFile(backup, backedUp(t, false), 0o600); err != nil {
		t.Fatal(err)
	}
	var all strings.Builder
	for i, command := range writes {
		if !strings.Contains(command, " extend ") {
			command += " --reason r"
		}
		args := func(run string) []string {
			return strings.Fields(strings.NewReplacer("BACKUP", backup, "TOKEN", filepath.Join(dir, fmt.Sprint(i, run))).Replace(command + " --author ana@ops"))
		}
		server := &canned{reply: wrote}
		out, errs, status := ctl(t, serve(t, server), args("page")...)
		if status != exitDone || errs != "" || len(server.asked) != 1 {
			t.Fatalf("%s: exit status %d after %d requests: %s", command, status, len(server.asked), errs)
		}
		saw.kept(out)
		fmt.Fprintf(&all, "$ failoverctl %s\n%s\n", command, strings.ReplaceAll(out, dir, "DIR"))
		asDocumented(t, &canned{reply: wrote}, exitDone, append(args("json"), "-o", "json")...)
	}
	golden(t, "writes.golden", all.String())
}

// writes is a line for each command that writes.
var writes = []string{
	"address down azure@203.0.113.10", "address up azure@203.0.113.10", "address extend azure@203.0.113.10", "address clear azure@203.0.113.10",
	"check mute azure/https", "check extend azure/https", "check unmute azure/https",
	"cluster demote ns4", "cluster promote ns4", "cluster remove ns4", "cluster transfer ns2",
	"config adopt ns2 auth.example.com",
	"drill auth.example.com --to aws", "drill abort 3",
	"endpoint down azure/https@203.0.113.10", "endpoint up azure/https@203.0.113.10", "endpoint extend azure/https@203.0.113.10", "endpoint clear azure/https@203.0.113.10",
	"failover auth.example.com --to aws", "failback auth.example.com", "unpin auth.example.com",
	"maintenance add site azure --in 1h", "maintenance cancel 3",
	"node mute ns3", "node extend ns3", "node unmute ns3",
	"record set auth.example.com www A 192.0.2.1", "record add auth.example.com www A 192.0.2.2", "record remove auth.example.com www A 192.0.2.2", "record delete auth.example.com www A",
	"site down azure", "site up azure", "site extend azure", "site clear azure",
	"snapshot restore BACKUP",
	"switch set azure-in=off",
	"token create ops1 --role operate --out TOKEN", "token revoke 4uwqkz3p",
	"webhook forget pager",
	"zone create acme.example.net --ns ns1.example.net", "zone delete acme.example.net",
}

// wrote answers a write with what it was asked for.
func wrote(w http.ResponseWriter, r *http.Request) bool {
	w.Header().Set("Content-Type", api.JSON)
	_ = json.NewEncoder(w).Encode(api.Written{Meta: api.Meta{Node: "ns1", Index: 7, At: time.Date(2026, 11, 22, 5, 0, 0, 0, time.UTC)}, Done: true, Events: []string{"asked was " + r.Method + " " + r.URL.Path}, Changes: []api.Change{}})
	return true
}

// withAuthor puts flags in front of the values behind --.
func withAuthor(command, by string) []string {
	words, values, dashes := strings.Cut(command, " -- ")
	args := strings.Fields(words + by)
	if dashes {
		args = append(append(args, "--"), strings.Fields(values)...)
	}
	return args
}

// TestRecordWritesFindTheDeepestZone and show what the set is then.
func TestRecordWritesFindTheDeepestZone(t *testing.T) {
	server := &canned{reply: func(w http.ResponseWriter, r *http.Request) bool {
		w.Header().Set("Content-Type", api.JSON)
		switch r.Method {
		case "GET":
			_ = json.NewEncoder(w).Encode(api.Zones{Zones: []api.Zone{{Zone: "example.net."}, {Zone: "acme.example.net."}, {Zone: "net."}, {Zone: "me.example.net."}}})
		default:
			_ = json.NewEncoder(w).Encode(api.Written{Meta: api.Meta{Node: "ns1", Index: 7}, Done: true, Events: []string{"example.net: x set"},
				Records: []api.RecordSet{{Name: "x.acme.example.net.", Type: "TXT", TTL: 60, Data: []string{`"one"`, `"two"`}, Kind: api.SetDynamic, Version: 7}, {Name: "y.acme.example.net.", Type: "A", Kind: api.SetDynamic}}})
		}
		return true
	}}
	out, errs, status := ctl(t, serve(t, server), "record", "add", "auto", "X.acme.example.net", "TXT", "two")
	if status != exitDone || errs != "" || len(server.asked) != 2 || !strings.Contains(server.body[1], `"zone":"acme.example.net."`) {
		t.Errorf("exit status %d, %d requests, %q: %s", status, len(server.asked), server.body, errs)
	}
	golden(t, "record-write.golden", out)
	if _, errs, status = ctl(t, serve(t, server), "record", "add", "auto", "x.example.org", "TXT", "two"); status != exitUsage || !strings.Contains(errs, `no zone here holds "x.example.org"`) {
		t.Errorf("a name in no zone: exit status %d: %s", status, errs)
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
		at := time.Date(2026, 11, 22, 5, 0, asked, 0, time.UTC)
		_ = json.NewEncoder(w).Encode(api.Members{Meta: api.Meta{At: at}, Cluster: api.Cluster{Members: []api.Member{{ID: "ns1", Reachable: true, Index: index}, {ID: "ns2", Role: "witness", Reachable: true, Index: 7}}}})
		return true
	}})
	out, errs, status := ctl(t, url, "site", "down", "azure", "--reason", "r", "--wait")
	if status != exitDone || asked != 3 || !strings.Contains(out, "Every live node (2)") ||
		!strings.Contains(out, "05:00:01.000 UTC  ns2 has it\n05:00:03.000 UTC  ns1 answers so\n") {
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
		{nobody, "site down azure --reason r --for soon", exitUsage, "nor never\nTry: failoverctl site down --help"},
		{nobody, "drill auth.example.com --to aws --reason r --for never", exitUsage, `--for "never" is no duration from 1s on (30m, 24h)` + "\nTry: failoverctl drill --help"},
		{nobody, "maintenance add site azure --in 1h --reason r --for never", exitUsage, `--for "never" is no duration from 1s on`},
		{nobody, "record set z n A 192.0.2.1 --ttl -5", exitUsage, `--ttl "-5" is not a whole number from 0 to 4294967295` + "\nTry: failoverctl record set --help"},
		{nobody, "record set z n A 192.0.2.1 --if-version x", exitUsage, `--if-version "x" is not a whole number from 0 on`},
		{nobody, "zone create z --ns a.b --reason r --ttl 4294967296", exitUsage, `--ttl "4294967296" is not a whole number`},
		{nobody, "status extra", exitUsage, `failoverctl status takes no arguments, and "extra" is one`},
		{nobody, "cluster join 192.0.2.1:7053", exitUsage, "join needs --token FILE, as failoverctl token create --join wrote it\n"},
		{nobody, "snapshot inspect /nowhere", exitRefused, "read the backup: open /nowhere"},
		{nobody, "snapshot restore /nowhere --reason r", exitRefused, "nothing was changed"},
		{nobody, "events --last many", exitUsage, `--last "many" is not a whole number`},
		{nobody, "status --timeout soon", exitUsage, `--timeout "soon" is not a duration like 30s`},
		{nobody, "status --consistent=maybe", exitUsage, `--consistent "maybe" is not true or false`},
		{nobody, "cert issue ns1 --validity 1y", exitUsage, `--validity "1y" is not a duration`},
		{nobody, "incidents x", exitUsage, "no ID"},
		{nobody, "maintenance add site azure --reason r", exitUsage, "--at TIME or --in DURATION"},
		{nobody, "maintenance add site azure --at 22:00 --reason r", exitUsage, "no time with its zone"},
		{nobody, "maintenance add site azure --at 2026-01-31T22:00Z --in 1h --reason r", exitUsage, "--at TIME or --in DURATION"},
		{nobody, "maintenance add node ns1 --up --in 1h --reason r", exitUsage, "is muted"},
		{nobody, "maintenance add site azure --in soon --reason r", exitUsage, "no duration"},
		{nobody, "maintenance cancel x --reason r", exitUsage, "no ID of a maintenance window"},
		{nobody, "switch set azure-in --reason r", exitUsage, "NAME=on nor NAME=off"},
		{refusing(409, api.CodeSafetyRule), "switch set azure-in=off --reason r", exitRefused, "failoverctl rule list"},
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
		<-r.Context().Done()
		return true
	}})
	interrupt := func(out string) {
		if strings.Contains(out, "later") {
			cancel()
		}
	}
	out, _, status := ctlSeen(t, ctx, interrupt, url, "events", "-f")
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

func TestWebhookIsTestedByTheNodeThatAnswers(t *testing.T) {
	for answer, c := range map[string]struct {
		api.WebhookTest
		status int
	}{
		"webhook-test":        {api.WebhookTest{Delivered: true, Took: 0.012}, exitDone},
		"webhook-test-failed": {api.WebhookTest{Error: "connection refused"}, exitRefused},
	} {
		server := &canned{reply: func(w http.ResponseWriter, _ *http.Request) bool {
			w.Header().Set("Content-Type", api.JSON)
			c.Meta, c.Webhook = api.Meta{Node: "ns1", Index: 7}, "pager"
			_ = json.NewEncoder(w).Encode(c.WebhookTest)
			return true
		}}
		out, _, status := ctl(t, serve(t, server), "webhook", "test", "pager")
		if status != c.status {
			t.Errorf("%s: exit status %d", answer, status)
		}
		golden(t, answer+".golden", out)
		asDocumented(t, server, c.status, "webhook", "test", "pager", "-o", "json")
	}
}
