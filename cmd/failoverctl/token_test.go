package main

import (
	"encoding/json"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"failoverdns/api"
	"failoverdns/token"
)

// TestTokenIsMadeHereAndOnlyItsHashTravels holds the request against the file that the command writes.
func TestTokenIsMadeHereAndOnlyItsHashTravels(t *testing.T) {
	server := &canned{reply: done}
	url, file := serve(t, server), filepath.Join(t.TempDir(), "ops1.token")
	out, errs, status := ctl(t, url, "token", "create", "ops1", "--role", "operate", "--zone", "auth.example.com", "--reason", "night shift", "--out", file, "-o", "json")
	if status != exitDone || errs != "" {
		t.Fatalf("exit status %d: %s", status, errs)
	}
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(file)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the file's mode is %v, %v", info.Mode(), err)
	}
	k, err := token.Parse(strings.TrimSpace(string(b)))
	if err != nil {
		t.Fatal(err)
	}
	var q api.TokenRequest
	if err := json.Unmarshal([]byte(server.body[0]), &q); err != nil {
		t.Fatal(err)
	}
	if q.ID != k.ID || !k.Matches(q.Hash) || q.Role != "operate" || q.Kind != api.TokenAPI || q.For != tokenFor || len(q.Zones) != 1 || q.Name != "ops1" {
		t.Errorf("asked for %+v", q)
	}
	if strings.Contains(server.body[0]+out, k.Secret()) {
		t.Error("the secret travels, or is printed")
	}
}

func TestTokenThatTheClusterDoesNotTakeLeavesNoFile(t *testing.T) {
	dir := t.TempDir()
	refuse := func(status int, code string) string {
		return serve(t, &canned{reply: func(w http.ResponseWriter, _ *http.Request) bool {
			problem(w, status, code, "because")
			return true
		}})
	}
	for name, c := range map[string]struct {
		url   string
		extra string
		keeps bool
	}{
		"refused": {refuse(403, api.CodeForbidden), "", false},
		"plan":    {serve(t, &canned{reply: done}), "--plan", false},
		"unknown": {refuse(504, api.CodeUnknownOutcome), "", true},
		"taken":   {serve(t, &canned{reply: done}), "", true},
	} {
		file := filepath.Join(dir, name)
		ctl(t, c.url, strings.Fields("token create ops1 --role read --reason r --out "+file+" "+c.extra)...)
		if _, err := os.Stat(file); (err == nil) != c.keeps {
			t.Errorf("%s: the file: %v", name, err)
		}
	}
	server := &canned{reply: done}
	url, file := serve(t, server), filepath.Join(dir, "unknown")
	if _, errs, status := ctl(t, url, strings.Fields("token create ops1 --role read --reason r --out "+file)...); status != exitUsage || !strings.Contains(errs, "is there already") {
		t.Errorf("over a file: exit status %d: %s", status, errs)
	}
	if _, errs, status := ctl(t, url, strings.Fields("token create ops1 --role read --reason r --request-id abc --out "+file)...); status != exitDone {
		t.Fatalf("the same again: exit status %d: %s", status, errs)
	}
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if k, err := token.Parse(strings.TrimSpace(string(b))); err != nil || !strings.Contains(server.body[0], k.Hash()) {
		t.Errorf("the same again is for another token: %s, %v", server.body[0], err)
	}
}

func TestLineForATokenFileIsOfTheTokenThatIsWritten(t *testing.T) {
	file := filepath.Join(t.TempDir(), "root.token")
	line, errs, status := ctl(t, "", "token", "hash", "root", "--role", "admin", "--zone", "a.example", "--for", "24h", "--out", file)
	if status != exitDone {
		t.Fatalf("exit status %d: %s", status, errs)
	}
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	k, err := token.Parse(strings.TrimSpace(string(b)))
	if err != nil {
		t.Fatal(err)
	}
	all, err := token.ParseFile([]byte(line))
	if e := all[k.ID]; err != nil || e == nil || !k.Matches(e.Hash) || e.Role != "admin" || e.Name != "root" || e.Until.IsZero() || len(e.Zones) != 1 {
		t.Errorf("%q: %v", line, err)
	}
	if again, _, _ := ctl(t, "", "token", "hash", "root", "--role", "admin", "--zone", "a.example", "--for", "24h", "--out", file); again != line {
		t.Errorf("of the same file %q, then %q", line, again)
	}
	for command, says := range map[string]string{
		"token hash root --out " + file + "2":                           "none of: read",
		"token hash two words --role read":                              "accepts 1 arg",
		"token create x --role voter --reason r":                        "none of: read, operate, admin",
		"token create x --join --role admin --reason r":                 "none of: voter",
		"token create x --role read":                                    "--reason",
		"status --cert x":                                               "belong together",
		"status --ca /nowhere":                                          "read the CA",
		"status --server https://127.0.0.1:1 --cert /nowhere --key /no": "client certificate",
	} {
		if _, errs, status := ctl(t, "http://127.0.0.1:1", strings.Fields(command)...); status != exitUsage || !strings.Contains(errs, says) {
			t.Errorf("%s: exit status %d: %s", command, status, errs)
		}
	}
}

// dated is a time that differs from run to run.
var dated = regexp.MustCompile(`\d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC \(in \w+ ?\w*\)`)

// gaps are as wide as the paths beside them.
var gaps = regexp.MustCompile(` {2,}`)

// TestAuthorityIsRotatedByTheCommands: what issue signs after rotate is good by the file of both and by the new one
// alone, and a client's certificate says its role.
func TestAuthorityIsRotatedByTheCommands(t *testing.T) {
	dir := t.TempDir()
	must := func(command string) string {
		t.Helper()
		out, errs, status := ctl(t, "", strings.Fields(command)...)
		if status != exitDone {
			t.Fatalf("%s: exit status %d: %s", command, status, errs)
		}
		page := dated.ReplaceAllString(strings.ReplaceAll(out, dir, "DIR"), "UNTIL")
		return saw.as(out, gaps.ReplaceAllString(page, "  "))
	}
	ca := " --ca " + dir
	golden(t, "cert-init.golden", must("cert init"+ca))
	golden(t, "cert-rotate.golden", must("cert rotate"+ca))
	if _, errs, status := ctl(t, "", strings.Fields("cert rotate"+ca)...); status == exitDone || !strings.Contains(errs, "cert retire") {
		t.Errorf("a second rotation: exit status %d: %s", status, errs)
	}
	golden(t, "cert-issue.golden", must("cert issue ana --role operate --zone auth.example.com --out "+dir+ca))
	golden(t, "cert-retire.golden", must("cert retire"+ca))
	golden(t, "cert-show.golden", must("cert show "+filepath.Join(dir, "ana.pem")))
	for command, says := range map[string]string{
		"cert issue ns1 --zone a.example" + ca:         "goes with --role",
		"cert issue ana --role read --host x" + ca:     "no host name",
		"cert issue ana --role root --out " + dir + ca: "none of: read, operate, admin",
	} {
		if _, errs, status := ctl(t, "", strings.Fields(command)...); status == exitDone || !strings.Contains(errs, says) {
			t.Errorf("%s: exit status %d: %s", command, status, errs)
		}
	}
}
