package server

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"failoverdns/api"
	"failoverdns/archive"
	"failoverdns/state"
)

func postRestore(t *testing.T, h http.Handler, query string, body []byte) (int, string) {
	t.Helper()
	w := httptest.NewRecorder()
	r := httptest.NewRequest("POST", "http://localhost/v1/snapshot/restore?"+query, bytes.NewReader(body))
	r.Header.Set("Content-Type", api.Gzip)
	h.ServeHTTP(w, r)
	return w.Code, w.Body.String()
}

// TestBackupComesBackAsItWas takes one, changes the cluster, and restores it: planned first, then for real.
func TestBackupComesBackAsItWas(t *testing.T) {
	w := declared(t)
	w.must(&state.Raise{Level: state.Level})
	h := w.server().Handler()
	got := httptest.NewRecorder()
	h.ServeHTTP(got, httptest.NewRequest("GET", "http://localhost/v1/snapshot", nil))
	backup := got.Body.Bytes()
	if m, _, err := archive.Read(bytes.NewReader(backup)); got.Code != 200 || err != nil || m.Index != w.State().Index {
		t.Fatalf("%d, %v", got.Code, err)
	}
	w.must(&state.SetOverride{Scope: state.ScopeSite, Target: "azure", Word: state.ForceDown, Reason: "r"})
	const who = "author=ana&reason=drill&name=a.tar.gz"
	active := func() string {
		g, _ := w.State().Groups.Get("auth.example.com")
		return g.Active
	}
	if status, text := sent(h, "PUT", "/v1/zones", `{"author":"a","reason":"r","zone":"acme.example.net","nameservers":[{"name":"ns1.example.net"}]}`); status != 200 {
		t.Fatal(text)
	}
	if status, text := sent(h, "POST", "/v1/records", `{"author":"a","reason":"","zone":"auth.example.com","changes":[{"verb":"set","name":"late","type":"TXT","data":["x"]}]}`); status != 200 {
		t.Fatal(text)
	}
	for _, force := range []string{"", "&force"} {
		_, text := postRestore(t, h, who+"&plan"+force, backup)
		var plan api.Written
		if err := json.Unmarshal([]byte(text), &plan); err != nil {
			t.Fatal(err)
		}
		lost := fmt.Sprint(plan.Gone)
		if want := "[{zones 1 [acme.example.net]} {record-sets 2 [late.auth.example.com TXT acme.example.net NS]} {overrides 1 [site azure]}]"; lost != want || (plan.Refusal == nil) != (force != "") {
			t.Errorf("would go: %s, want %s; refused %v", lost, want, plan.Refusal)
		}
	}
	if code, text := postRestore(t, h, who+"&plan&force", backup); code != 200 || !strings.Contains(text, `"to": "azure"`) || active() != "aws" {
		t.Fatalf("planned: %d, active %s: %s", code, active(), text)
	}
	if code, text := postRestore(t, h, who+"&force", backup); code != 200 || active() != "azure" || w.State().Overrides.Len() != 0 {
		t.Fatalf("restored: %d, active %s: %s", code, active(), text)
	}
	if _, e, _ := w.State().Events.Last(); e.Type != "restored" || !strings.Contains(e.Text, "a.tar.gz, a backup of index") || !strings.Contains(e.Text, "by ana with --force: drill") {
		t.Errorf("the last event is %+v", e)
	}
}

func TestBadBackupsAreRefusedBeforeAnythingIsProposed(t *testing.T) {
	w := declared(t)
	w.must(&state.Raise{Level: state.Level})
	h := w.server().Handler()
	got := httptest.NewRecorder()
	h.ServeHTTP(got, httptest.NewRequest("GET", "http://localhost/v1/snapshot?stale", nil))
	whole := got.Body.Bytes()
	var foreign bytes.Buffer
	if err := archive.Write(&foreign, archive.Meta{Node: "x"}, []byte("{}\n")); err != nil {
		t.Fatal(err)
	}
	before := w.State()
	for name, b := range map[string][]byte{"empty": nil, "cut short": whole[:len(whole)/2], "another program's": []byte("hello"), "of a foreign state": foreign.Bytes()} {
		if code, text := postRestore(t, h, "author=a&reason=r", b); code != http.StatusBadRequest || !strings.Contains(text, "nothing was changed") {
			t.Errorf("%s: %d %s", name, code, text)
		}
	}
	if w.State() != before {
		t.Error("something was proposed")
	}
}
