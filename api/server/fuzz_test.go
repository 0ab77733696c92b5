package server

import (
	"bytes"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"failoverdns/api"
	"failoverdns/token"
)

// FuzzRequests sends requests of any form to the handlers, once open and once with tokens: none panics, none is the
// server's own fault, and none gets past the guard without a token.
func FuzzRequests(f *testing.F) {
	path := filepath.Join(f.TempDir(), "tokens")
	if err := os.WriteFile(path, nil, 0o600); err != nil {
		f.Fatal(err)
	}
	tokens, err := token.Open(path, checkEntry)
	if err != nil {
		f.Fatal(err)
	}
	for _, r := range routes() {
		f.Add(r.method, strings.ReplaceAll(r.path, "{site}", "azure"), "Bearer "+token.New().Text(), siteDown)
	}
	f.Add("PUT", "/v1/overrides?plan", "Basic x", `{"for":"-1ns"}`)
	f.Add("POST", "/v1/tokens", "Bearer failover_aaaaaaaa_", `{"author":"a","reason":"r","id":"aaaaaaaa","kind":"api","name":"x","hash":"`+hashOf(1)+`","role":"read","zones":["."],"for":"never"}`)
	f.Add("GET", "/v1/explain?name=%00&type=TYPE65536", "", "")
	f.Add("GET", "/v1/sites/%2e%2e%2f/role", "bearer", "{")
	f.Fuzz(func(t *testing.T, method, path, authorization, body string) {
		request := func() *http.Request {
			r, err := http.NewRequest(method, "http://127.0.0.1:8053"+path, strings.NewReader(body))
			if err != nil || r.URL.Host != "127.0.0.1:8053" {
				t.Skip("no client can send this")
			}
			r.RemoteAddr, r.RequestURI = "192.0.2.1:1", r.URL.RequestURI()
			r.Header.Set("Content-Type", api.JSON)
			r.Header.Set("Authorization", authorization)
			return r
		}
		w := declared(t)
		open := httptest.NewRecorder()
		w.server().Handler().ServeHTTP(open, request())
		if open.Code == http.StatusInternalServerError {
			t.Errorf("%s %s: %s", method, path, open.Body)
		}
		s := New(w, slog.New(slog.DiscardHandler))
		s.door.Store(&door{tokens: tokens})
		before := w.State()
		shut := httptest.NewRecorder()
		s.Handler().ServeHTTP(shut, request())
		b, _ := io.ReadAll(shut.Body)
		if shut.Code != http.StatusUnauthorized || bytes.Contains(b, []byte("ns1")) || w.State() != before {
			t.Errorf("%s %s with %q: HTTP status %d %s", method, path, authorization, shut.Code, b)
		}
	})
}
