package server

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"failoverdns/api"
)

// withRecords is a world whose zone has a dynamic record set, beside a zone that was made by command.
func withRecords(t *testing.T) *world {
	w := declared(t)
	h := w.server().Handler()
	for _, c := range []struct{ method, path, body string }{
		{"POST", "/v1/records", `{"author":"certbot@www1","reason":"a certificate","zone":"auth.example.com","changes":[{"verb":"add","name":"_acme-challenge.login","type":"TXT","ttl":60,"data":["LoqXcYV8q5ONbJQxbmR7SCTNo3tiAXDfowyjxAjEuX0"]}]}`},
		{"PUT", "/v1/zones", `{"author":"ana@ops","reason":"for challenges","zone":"acme.example.net","nameservers":[{"name":"ns1.example.net"},{"name":"ns2.acme.example.net","addresses":["192.0.2.2","2001:db8::2"]}]}`},
		{"POST", "/v1/records", `{"author":"ana@ops","reason":"","zone":"acme.example.net.","changes":[{"verb":"set","name":"host","type":"A","data":["192.0.2.7","192.0.2.8"]},{"verb":"set","name":"mail","type":"MX","data":["10 host"]}]}`},
	} {
		if status, body := sent(h, c.method, c.path, c.body); status != http.StatusOK {
			t.Fatalf("%s %s: %d %s", c.method, c.path, status, body)
		}
	}
	return w
}

func sent(h http.Handler, method, path, body string) (int, string) {
	w := httptest.NewRecorder()
	r := httptest.NewRequest(method, "http://127.0.0.1:8053"+path, strings.NewReader(body))
	r.Header.Set("Content-Type", api.JSON)
	h.ServeHTTP(w, r)
	return w.Code, w.Body.String()
}

func TestZonesAndRecordsAnswerAsRecorded(t *testing.T) {
	h := withRecords(t).server().Handler()
	for file, path := range map[string]string{
		"zones": "/v1/zones", "zone": "/v1/zones?zone=acme.example.net", "zone-export": "/v1/zones/export?zone=auth.example.com",
		"records": "/v1/records?zone=auth.example.com", "records-dynamic": "/v1/records?zone=acme.example.net&dynamic",
		"record":          "/v1/records?zone=auth.example.com&name=_acme-challenge.login&type=TXT",
		"explain-dynamic": "/v1/explain?name=_acme-challenge.login.auth.example.com&type=TXT",
	} {
		golden(t, h, file, path)
	}
}

// TestRecordsAreRefusedWithFieldValueAndWayOut asks for what may not be; nothing of any change is done.
func TestRecordsAreRefusedWithFieldValueAndWayOut(t *testing.T) {
	w := withRecords(t)
	h := w.server().Handler()
	before := w.st.Zones
	change := func(zone, changes string) string {
		return `{"author":"ana@ops","reason":"r","zone":"` + zone + `","changes":[{"verb":"set","name":"first","type":"TXT","data":["x"]},` + changes + `]}`
	}
	for _, c := range []struct {
		body   string
		status int
		code   string
		text   string
	}{
		{change("auth.example.com", `{"verb":"set","name":"login","type":"A","data":["192.0.2.1"]}`), 409, api.CodeConflict, "steered by group auth.example.com, which Corefile:2 declares"},
		{change("auth.example.com", `{"verb":"delete","name":"ns1","type":"A"}`), 409, api.CodeConflict, "declared in Corefile:2"},
		{change("auth.example.com", `{"verb":"set","name":"_acme-challenge.login","type":"TXT","data":["x"],"version":0}`), 412, api.CodeVersion, "is there already, at version"},
		{change("auth.example.com", `{"verb":"set","name":"_acme-challenge.login","type":"TXT","data":["x"],"version":3}`), 412, api.CodeVersion, "and the change is for version 3"},
		{change("auth.example.com", `{"verb":"set","name":"x","type":"A","data":["192.0.2.256"]}`), 400, api.CodeInvalid, `x A: the data \"192.0.2.256\"`},
		{change("auth.example.com", `{"verb":"set","name":"x","type":"NOSUCH","data":["x"]}`), 400, api.CodeInvalid, `type \"NOSUCH\" is not known by name`},
		{change("auth.example.com", `{"verb":"set","name":"x..y","type":"A","data":["192.0.2.1"]}`), 400, api.CodeInvalid, "empty label"},
		{change("auth.example.com", `{"verb":"set","name":"x.","type":"A","data":["192.0.2.1"]}`), 400, api.CodeInvalid, "x is not in zone auth.example.com"},
		{change("auth.example.com", `{"verb":"grow","name":"x","type":"A","data":["192.0.2.1"]}`), 400, api.CodeInvalid, `no change \"grow\"`},
		{change("nosuch.example", `{"verb":"set","name":"x","type":"A","data":["192.0.2.1"]}`), 404, api.CodeNotFound, "there is no zone nosuch.example"},
		{change("auth.example.com", `{"verb":"set","name":"x","type":"A","colour":1}`), 400, api.CodeInvalid, "colour"},
	} {
		status, body := sent(h, "POST", "/v1/records", c.body)
		if status != c.status || !strings.Contains(body, `"code": "`+c.code+`"`) || !strings.Contains(body, c.text) {
			t.Errorf("%s: %d %s\nwant %d %s %s", c.body, status, body, c.status, c.code, c.text)
		}
	}
	if w.st.Zones != before {
		t.Error("a refused change left something behind")
	}
	if status, body := sent(h, "POST", "/v1/records", `{"author":"a","zone":"`+strings.Repeat("x", api.MaxRecordsBody)+`"}`); status != http.StatusRequestEntityTooLarge {
		t.Errorf("a body of more than 4 MiB: %d %.200s", status, body)
	}
}

// TestZoneDeletedByCommandIsGone and one that a file declares is not.
func TestZoneDeletedByCommandIsGone(t *testing.T) {
	w := withRecords(t)
	h := w.server().Handler()
	for _, c := range []struct {
		query  string
		status int
		text   string
	}{
		{"zone=auth.example.com&force", 409, "still declared by ns1 (Corefile:2)"},
		{"zone=acme.example.net", 409, "2 dynamic record sets; --force"},
		{"zone=acme.example.net&force", 200, "zone acme.example.net is deleted"},
		{"zone=acme.example.net&force", 404, "there is no zone"},
	} {
		status, body := sent(h, "DELETE", "/v1/zones?author=ana&reason=r&"+c.query, "")
		if status != c.status || !strings.Contains(body, c.text) {
			t.Errorf("%s: %d %s, want %d %s", c.query, status, body, c.status, c.text)
		}
	}
}

// TestPlanOfRecordsChangesNothing and says what it would do.
func TestPlanOfRecordsChangesNothing(t *testing.T) {
	w := withRecords(t)
	before := w.st
	status, body := sent(w.server().Handler(), "POST", "/v1/records?plan", `{"author":"ana","reason":"","zone":"auth.example.com","changes":[{"verb":"set","name":"x","type":"TXT","data":["1"]}]}`)
	var a api.Written
	if err := json.Unmarshal([]byte(body), &a); err != nil || status != 200 || a.Done || len(a.Events) != 1 || !strings.Contains(a.Events[0], "x.auth.example.com TXT set to 1 record") {
		t.Errorf("%d %s, %v", status, body, err)
	}
	if w.st != before {
		t.Error("a plan was done")
	}
}

// TestNamesAreRefusedAsTheyAreTypedByMistake wherever the API takes one; what is escaped is meant, and data may hold any
// octet that the DNS allows.
func TestNamesAreRefusedAsTheyAreTypedByMistake(t *testing.T) {
	w := withRecords(t)
	h := w.server().Handler()
	before := w.st.Zones
	const by, ns = `{"author":"a","reason":"r",`, `"nameservers":[{"name":"ns1.example.net"}]}`
	for _, c := range []struct{ method, path, body, says string }{
		{"PUT", "/v1/zones", by + `"zone":"bad zone",` + ns, `it holds the character ' '; one that is meant is written \\032`},
		{"PUT", "/v1/zones", by + `"zone":"bücher.example",` + ns, `in the DNS it is \"xn--bcher-kva.example\"`},
		{"PUT", "/v1/zones", by + `"zone":"x.example","nameservers":[{"name":"ns1.bücher.example"}]}`, `in the DNS it is \"ns1.xn--bcher-kva.example\"`},
		{"DELETE", "/v1/zones?author=a&reason=r&zone=b%C3%BCcher.example", "", "xn--bcher-kva.example"},
		{"POST", "/v1/records", by + `"zone":"auth.example.com","changes":[{"verb":"set","name":"größe","type":"A","data":["192.0.2.1"]}]}`, `in the DNS it is \"xn--gre-6ka8i\"`},
		{"POST", "/v1/records", by + `"zone":"auth.example.com","changes":[{"verb":"set","name":"a b","type":"A","data":["192.0.2.1"]}]}`, `\\032`},
		{"GET", "/v1/explain?name=b%C3%BCcher.example", "", "xn--bcher-kva.example"},
		{"GET", "/v1/zones?zone=b%C3%BCcher.example", "", "xn--bcher-kva.example"},
		{"POST", "/v1/tokens", by + `"id":"aaaaaaaa","kind":"api","name":"x","hash":"` + strings.Repeat("ab", 32) + `","role":"read","zones":["bücher.example"]}`, "xn--bcher-kva.example"},
	} {
		if status, body := sent(h, c.method, c.path, c.body); status != http.StatusBadRequest || !strings.Contains(body, c.says) {
			t.Errorf("%s %s %s: %d %s\nwant %q", c.method, c.path, c.body, status, body, c.says)
		}
	}
	if w.st.Zones != before {
		t.Error("a refused name changed zones")
	}
	meant := by + `"zone":"auth.example.com","changes":[{"verb":"set","name":"b\\252cher\\032x","type":"TXT","data":["größe und mehr"]}]}`
	if status, body := sent(h, "POST", "/v1/records", meant); status != http.StatusOK || !strings.Contains(body, `b\\252cher\\032x.auth.example.com.`) {
		t.Errorf("an escaped name: %d %s", status, body)
	}
}
