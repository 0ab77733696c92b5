package server

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"failoverdns/api"
	"failoverdns/record"
	"failoverdns/state"
	"failoverdns/token"
)

func hashOf(n int) string { return fmt.Sprintf("%064x", n) }

// withTokens is a world with tokens in each standing.
func withTokens(t *testing.T) *world {
	w := declared(t)
	for i, c := range []state.TokenCreate{
		{ID: "aaaaaaaa", Kind: state.TokenAPI, Name: "ops1", Role: "operate", Zones: []record.Name{record.MustParseName("auth.example.com")}, For: 90 * 24 * time.Hour, Reason: "night shift"},
		{ID: "bbbbbbbb", Kind: state.TokenAPI, Name: "grafana", Role: "read"},
		{ID: "cccccccc", Kind: state.TokenJoin, Name: "ns4", Role: "voter", OneUse: true, For: time.Hour},
		{ID: "dddddddd", Kind: state.TokenJoin, Name: "ns5", Role: "replica", OneUse: true, For: time.Hour},
		{ID: "eeeeeeee", Kind: state.TokenAPI, Name: "ops0", Role: "admin", For: time.Minute},
		{ID: "ffffffff", Kind: state.TokenAPI, Name: "left", Role: "admin"},
	} {
		c.Hash = hashOf(i)
		w.must(&c)
	}
	w.must(&state.TokenUse{ID: "cccccccc", Hash: hashOf(2), By: "ns4/i-ns4"})
	w.must(&state.TokenUse{ID: "bbbbbbbb", By: "ns2"})
	w.must(&state.TokenRevoke{ID: "ffffffff", Reason: "has left"})
	w.pass(10 * time.Minute)
	return w
}

func TestTokensAreListedWithoutTheirHashes(t *testing.T) {
	h := withTokens(t).server().Handler()
	golden(t, h, "tokens", "/v1/tokens")
	if body := get(h, "/v1/tokens").Body.String(); strings.Contains(body, hashOf(0)) {
		t.Error("the list holds a hash")
	}
}

func TestTokenIsMadeUsedAndRevokedThroughTheAPI(t *testing.T) {
	g := newGated(t)
	c, admin, k := g.client(), g.fileToken("root", "admin").Text(), token.New()
	body := fmt.Sprintf(`{"author":"ana@ops","reason":"r","id":%q,"kind":"api","name":"ops1","hash":%q,"role":"operate","zones":["AUTH.example.com."],"for":"2h"}`, k.ID, k.Hash())
	if status, answer := g.asked(c, "POST", "/v1/tokens?plan", body, admin); status != http.StatusOK || g.State().Tokens.Len() != 0 {
		t.Fatalf("plan: HTTP status %d %s", status, answer)
	}
	if status, answer := g.asked(c, "POST", "/v1/tokens", body, admin); status != http.StatusOK {
		t.Fatalf("HTTP status %d %s", status, answer)
	}
	x, _ := g.State().Tokens.Get(k.ID)
	if x == nil || x.Author != "ana@ops via token root" || len(x.Zones) != 1 || x.Zones[0].Bare() != "auth.example.com" || x.Expires-x.Created != 2*time.Hour {
		t.Fatalf("the token is %+v", x)
	}
	if status, answer := g.asked(c, "PUT", "/v1/overrides", siteDown, k.Text()); status != http.StatusOK {
		t.Errorf("the new token: HTTP status %d %s", status, answer)
	}
	if status, answer := g.asked(c, "DELETE", "/v1/tokens?author=a&reason=r&id="+k.ID, "", admin); status != http.StatusOK {
		t.Errorf("revoke: HTTP status %d %s", status, answer)
	}
	if status, _ := g.asked(c, "PUT", "/v1/overrides", siteDown, k.Text()); status != http.StatusUnauthorized {
		t.Errorf("the revoked token: HTTP status %d", status)
	}
}

// TestTokenForOneZoneMakesAndSeesNoTokens: it could make one for more than it has.
func TestTokenForOneZoneMakesAndSeesNoTokens(t *testing.T) {
	g := newGated(t)
	c, admin, k := g.client(), g.fileToken("zone-admin", "admin", "auth.example.com").Text(), token.New()
	body := fmt.Sprintf(`{"author":"a","reason":"r","id":%q,"kind":"api","name":"x","hash":%q,"role":"admin"}`, k.ID, k.Hash())
	for _, x := range []struct{ method, path, body string }{
		{"GET", "/v1/tokens", ""}, {"POST", "/v1/tokens", body}, {"DELETE", "/v1/tokens?author=a&reason=r&id=" + k.ID, ""},
	} {
		if status, answer := g.asked(c, x.method, x.path, x.body, admin); status != http.StatusForbidden {
			t.Errorf("%s: HTTP status %d %s", x.method, status, answer)
		}
	}
}

func TestTokenRequestsOfNonsenseAreRefused(t *testing.T) {
	h := declared(t).server().Handler()
	good := fmt.Sprintf(`{"author":"a","reason":"r","id":"aaaaaaaa","kind":"api","name":"x","hash":%q,"role":"read"}`, hashOf(1))
	for says, body := range map[string]string{
		"name is empty":        strings.Replace(good, `"x"`, `""`, 1),
		"neither api nor join": strings.Replace(good, `"api"`, `"root"`, 1),
		"none of: read":        strings.Replace(good, `"read"`, `"root"`, 1),
		"no SHA-256":           strings.Replace(good, hashOf(1), "hunter2", 1),
		"zones":                strings.Replace(good, `"role"`, `"zones":["a..b"],"role"`, 1),
		"reason is empty":      strings.Replace(good, `"r"`, `""`, 1),
	} {
		res := ask(h, "POST", "/v1/tokens", body)
		if p := decoded[api.Problem](t, res); res.Code != http.StatusBadRequest || !strings.Contains(p.Detail, says) || strings.Contains(p.Detail, "hunter2") {
			t.Errorf("want %q: HTTP status %d %s", says, res.Code, p.Detail)
		}
	}
}
