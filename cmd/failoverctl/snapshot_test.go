package main

import (
	"bytes"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"failoverdns/api"
	"failoverdns/archive"
)

// backedUp is a backup as a server sends it.
func backedUp(t *testing.T, stale bool) []byte {
	t.Helper()
	var b bytes.Buffer
	m := archive.Meta{Cluster: "5f1c9e77a0b34d2c8e61f00d7c2ab913", Node: "ns2", Time: time.Date(2026, 11, 22, 4, 30, 0, 0, time.UTC), Index: 4711, Term: 4, Hash: "00ff00ff00ff00ff", Level: 2, Program: "1.0.0",
		Stale: stale, Members: []archive.Member{{ID: "ns1", Address: "192.0.2.1:7053", Suffrage: "voter"}, {ID: "ns2", Address: "192.0.2.2:7053", Suffrage: "voter"}}}
	if stale {
		m.Age = 90
	}
	if err := archive.Write(&b, m, []byte("{\"format\":\"failoverdns-state\"}\n{\"table\":\"zones\",\"row\":{}}\n{\"table\":\"events\",\"row\":{}}\n{\"table\":\"events\",\"row\":{}}\n")); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func TestSnapshotsAreSavedWholeAndInspected(t *testing.T) {
	sent := backedUp(t, false)
	server := &canned{reply: func(w http.ResponseWriter, r *http.Request) bool {
		w.Header().Set("Content-Type", api.Gzip)
		if r.URL.Query().Has("stale") {
			sent = backedUp(t, true)
		}
		_, _ = w.Write(sent)
		return true
	}}
	url := serve(t, server)
	file := filepath.Join(t.TempDir(), "a.tar.gz")
	for _, c := range []struct{ page, command string }{
		{"snapshot-save", "snapshot save FILE"}, {"snapshot-inspect", "snapshot inspect FILE"}, {"", "snapshot save FILE --stale"}, {"snapshot-inspect-stale", "snapshot inspect FILE"},
	} {
		out, errs, status := ctl(t, url, strings.Fields(strings.ReplaceAll(c.command, "FILE", file))...)
		if status != exitDone || errs != "" {
			t.Fatalf("%s: exit status %d: %s", c.command, status, errs)
		}
		if c.page != "" {
			golden(t, c.page+".golden", saw.as(out, strings.NewReplacer(file, "FILE", fmt.Sprintf("%d bytes", len(sent)), "N bytes").Replace(out)))
		}
		if b, err := os.ReadFile(file); err != nil || !bytes.Equal(b, sent) {
			t.Errorf("%s: the file is not what was sent: %v", c.command, err)
		}
	}

	was := sent
	sent = sent[:len(sent)-9]
	if _, errs, status := ctl(t, url, "snapshot", "save", file); status != exitRefused || !strings.Contains(errs, "nothing was written") {
		t.Errorf("of a backup that is cut short: exit status %d: %s", status, errs)
	}
	if b, err := os.ReadFile(file); err != nil || !bytes.Equal(b, was) {
		t.Errorf("the earlier file is gone: %v", err)
	}
}

func TestRestoreLooksAtTheFileFirst(t *testing.T) {
	server := &canned{reply: done}
	url := serve(t, server)
	file := filepath.Join(t.TempDir(), "a.tar.gz")
	whole := backedUp(t, false)
	if err := os.WriteFile(file, whole[:100], 0o600); err != nil {
		t.Fatal(err)
	}
	if _, errs, status := ctl(t, url, "snapshot", "restore", file, "--reason", "r"); status != exitRefused || !strings.Contains(errs, "nothing was changed") || len(server.asked) != 0 {
		t.Errorf("a damaged file: exit status %d after %d requests: %s", status, len(server.asked), errs)
	}
	if err := os.WriteFile(file, whole, 0o600); err != nil {
		t.Fatal(err)
	}
	_, errs, status := ctl(t, url, strings.Fields("snapshot restore "+file+" --reason drill --author ana@ops --force --plan")...)
	if status != exitDone || len(server.asked) != 1 {
		t.Fatalf("exit status %d after %d requests: %s", status, len(server.asked), errs)
	}
	r := server.asked[0]
	if r.Method != "POST" || r.URL.Path != "/v1/snapshot/restore" || r.URL.RawQuery != "author=ana%40ops&force=true&name=a.tar.gz&plan=&reason=drill" || server.body[0] != string(whole) {
		t.Errorf("it asked %s %s with %d bytes", r.Method, r.URL, len(server.body[0]))
	}
}

// TestPlanOfARestoreNamesWhatWouldGo up to a bound, also where force is wanted.
func TestPlanOfARestoreNamesWhatWouldGo(t *testing.T) {
	var b strings.Builder
	writtenPage(&terminal{out: &b}, &api.Written{Refusal: &api.Problem{Detail: "zone x is answered now", Code: api.CodeNeedsForce},
		Gone: []api.Gone{{Kind: "record-sets", Count: 140, Names: []string{"a A", "b A", "c A", "d A", "e A", "f A", "g A", "h A", "i A"}}, {Kind: "tokens", Count: 1, Names: []string{"4uwq ops1"}}}})
	want := "It would be refused: zone x is answered now (needs-force)\n  would go: 140 record sets: a A, b A, c A, d A, e A, f A, g A, h A and 132 more\n  would go: 1 token: 4uwq ops1\n"
	if b.String() != want {
		t.Errorf("got\n%swant\n%s", b.String(), want)
	}
}
