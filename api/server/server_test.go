package server

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"failoverdns/api"
	"failoverdns/health"
	"failoverdns/node"
	"failoverdns/raftstore"
	"failoverdns/state"
)

// ask sends one request to a handler; header is "Name: value" pairs.
func ask(h http.Handler, method, path, body string, header ...string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, "http://127.0.0.1:8053"+path, strings.NewReader(body))
	if body != "" {
		r.Header.Set("Content-Type", api.JSON)
	}
	for _, x := range header {
		name, value, _ := strings.Cut(x, ": ")
		r.Header.Set(name, value)
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

func decoded[T any](t *testing.T, w *httptest.ResponseRecorder) *T {
	t.Helper()
	out := new(T)
	d := json.NewDecoder(w.Body)
	d.DisallowUnknownFields()
	if err := d.Decode(out); err != nil {
		t.Fatalf("HTTP status %d: %v", w.Code, err)
	}
	return out
}

const siteDown = `{"author":"ana@ops","reason":"r","scope":"site","target":"azure","word":"down","for":"2h"}`

func TestOverrideMovesTheGroupAndItsEndMovesItBack(t *testing.T) {
	w := declared(t)
	h := w.server().Handler()
	a := decoded[api.Written](t, ask(h, "PUT", "/v1/overrides", siteDown))
	if !a.Done || a.Index != w.st.Index || len(a.Changes) != 1 || a.Changes[0].From != "azure" || a.Changes[0].To != "aws" || len(a.Events) == 0 {
		t.Fatalf("set: %+v", a)
	}
	o, _ := w.st.Overrides.Get(state.OverrideKey(state.ScopeSite, "azure"))
	if o == nil || o.Author != "ana@ops" || o.Reason != "r" || o.Expires-o.Since != 2*time.Hour {
		t.Fatalf("the override is %+v", o)
	}
	if res := ask(h, "POST", "/v1/extend", `{"author":"ana@ops","scope":"site","target":"azure","for":"never"}`); res.Code != 200 {
		t.Fatalf("extend: %s", res.Body)
	}
	if o, _ = w.st.Overrides.Get(state.OverrideKey(state.ScopeSite, "azure")); o.Expires != 0 {
		t.Errorf("extended for ever, it ends at %s", o.Expires)
	}
	a = decoded[api.Written](t, ask(h, "DELETE", "/v1/overrides?scope=site&target=azure&author=a&reason=done", ""))
	if len(a.Changes) != 1 || a.Changes[0].To != "azure" || w.st.Overrides.Len() != 0 {
		t.Errorf("clear: %+v", a)
	}
}

func TestPinUnpinAndFailback(t *testing.T) {
	w := declared(t)
	h := w.server().Handler()
	pin := `{"author":"a","reason":"r","group":"all","site":"aws"}`
	if a := decoded[api.Written](t, ask(h, "PUT", "/v1/pins", pin)); len(a.Changes) != 1 || a.Changes[0].To != "aws" {
		t.Fatalf("pin: %+v", a)
	}
	g, _ := w.st.Groups.Get("auth.example.com")
	if g.Pin == nil || g.Pin.Expires-g.Pin.Since != api.DefaultFor {
		t.Fatalf("the pin is %+v", g.Pin)
	}
	if a := decoded[api.Written](t, ask(h, "DELETE", "/v1/pins?group=auth.example.com&author=a&reason=r", "")); len(a.Changes) != 1 || a.Changes[0].To != "azure" {
		t.Fatalf("unpin: %+v", a)
	}
	held := scenes["returning"](t)
	if a := decoded[api.Written](t, ask(held.server().Handler(), "POST", "/v1/failback", `{"author":"a","reason":"r","group":"auth.example.com"}`)); len(a.Changes) != 1 || a.Changes[0].To != "azure" {
		t.Errorf("failback: %+v", a)
	}
}

func TestAdoptBringsADriftingOfferIntoForce(t *testing.T) {
	w := scenes["drift"](t)
	h := w.server().Handler()
	if res := ask(h, "POST", "/v1/config/adopt", `{"author":"a","reason":"r","node":"ns2","zone":"AUTH.example.com"}`); res.Code != 200 {
		t.Fatal(res.Body)
	}
	g, _ := w.st.Groups.Get("auth.example.com")
	if g.Failback.Mode != health.FailbackManual {
		t.Errorf("failback is %s", g.Failback)
	}
	if s := decoded[api.Status](t, get(h, "/v1/status")); len(s.Drift) != 0 || !s.Healthy() {
		t.Errorf("after adopting: %+v", s.Problems)
	}
}

func TestPlanWritesNothing(t *testing.T) {
	w := declared(t)
	before := w.st
	a := decoded[api.Written](t, ask(w.server().Handler(), "PUT", "/v1/overrides?plan", siteDown))
	if a.Done || len(a.Changes) != 1 || a.Changes[0].To != "aws" || w.st != before {
		t.Errorf("plan: %+v; written: %t", a, w.st != before)
	}
	w.fail(aws)
	before = w.st
	a = decoded[api.Written](t, ask(w.server().Handler(), "PUT", "/v1/overrides?plan=true", siteDown))
	if a.Refusal == nil || a.Refusal.Code != api.CodeNeedsForce || w.st != before {
		t.Errorf("a plan that takes the last site: %+v", a)
	}
}

func TestRepeatedWriteHasNoSecondEffect(t *testing.T) {
	w := declared(t)
	h := w.server().Handler()
	first := decoded[api.Written](t, ask(h, "PUT", "/v1/overrides", siteDown, "Idempotency-Key: abc"))
	events := w.st.Events.Len()
	second := decoded[api.Written](t, ask(h, "PUT", "/v1/overrides", siteDown, "Idempotency-Key: abc"))
	if first.Index != second.Index || !second.Done || w.st.Events.Len() != events {
		t.Errorf("index %d, then %d; %d more events", first.Index, second.Index, w.st.Events.Len()-events)
	}
}

// TestBadRequestsAreRefusedWithTheWayOut holds status, code and text of what is refused, and that nothing changes.
func TestBadRequestsAreRefusedWithTheWayOut(t *testing.T) {
	w := declared(t)
	h := w.server().Handler()
	before := w.st.Overrides.Len()
	long := strings.Repeat("x", api.MaxText+1)
	for _, c := range []struct {
		method, path, body string
		status             int
		code, says         string
		header             []string
	}{
		{"PUT", "/v1/overrides", "", 415, api.CodeMediaType, "Content-Type", nil},
		{"PUT", "/v1/overrides", "{", 400, api.CodeInvalid, "not understood", nil},
		{"PUT", "/v1/overrides", siteDown + "{}", 400, api.CodeInvalid, "goes on", nil},
		{"PUT", "/v1/overrides", `{"colour":"red"}`, 400, api.CodeInvalid, `unknown field \"colour\"`, nil},
		{"PUT", "/v1/overrides", `{"scope":1}`, 400, api.CodeInvalid, "is a string, not a number", nil},
		{"PUT", "/v1/overrides", `"` + strings.Repeat("x", api.MaxBody) + `"`, 413, api.CodeTooLarge, "65536 bytes", nil},
		{"PUT", "/v1/overrides", strings.Replace(siteDown, `"r"`, `""`, 1), 400, api.CodeInvalid, "reason is empty", nil},
		{"PUT", "/v1/overrides", strings.Replace(siteDown, `"r"`, `"`+long+`"`, 1), 400, api.CodeInvalid, "at most 500", nil},
		{"PUT", "/v1/overrides", strings.Replace(siteDown, `"r"`, `"\u001b[2J"`, 1), 400, api.CodeInvalid, "do not print", nil},
		{"PUT", "/v1/overrides", strings.Replace(siteDown, "2h", "soon", 1), 400, api.CodeInvalid, "neither a duration", nil},
		{"PUT", "/v1/overrides", strings.Replace(siteDown, "2h", "-2h", 1), 400, api.CodeInvalid, "neither a duration", nil},
		{"PUT", "/v1/overrides", strings.Replace(siteDown, "azure", "gcp", 1), 404, api.CodeNotFound, "gcp", nil},
		{"PUT", "/v1/overrides", strings.Replace(siteDown, "down", "sideways", 1), 400, api.CodeInvalid, "sideways", nil},
		{"PUT", "/v1/overrides?plam", siteDown, 400, api.CodeInvalid, `no parameter \"plam\"`, nil},
		{"PUT", "/v1/overrides?plan=maybe", siteDown, 400, api.CodeInvalid, "neither true nor false", nil},
		{"PUT", "/v1/overrides?plan&plan", siteDown, 400, api.CodeInvalid, "2 times", nil},
		{"PUT", "/v1/overrides", siteDown, 400, api.CodeInvalid, "letters, digits", []string{"Idempotency-Key: a b"}},
		{"PUT", "/v1/overrides", siteDown, 403, api.CodeNotAllowed, "another site", []string{"Sec-Fetch-Site: cross-site"}},
		{"DELETE", "/v1/overrides?scope=site&target=azure&author=a&reason=r", "", 404, api.CodeNotFound, "no override", nil},
		{"DELETE", "/v1/pins?group=all&author=a&reason=r", "", 404, api.CodeNotFound, "no pin", nil},
		{"PATCH", "/v1/overrides", "", 405, api.CodeNotAllowed, "GET, PUT, DELETE", nil},
		{"GET", "/v2/status", "", 404, api.CodeNotFound, "openapi.json", nil},
		{"GET", "/v1/votes?endpoint=x", "", 404, api.CodeNotFound, "failoverctl checks", nil},
		{"GET", "/v1/votes?endpont=x", "", 400, api.CodeInvalid, "endpont", nil},
		{"GET", "/v1/explain?name=a..b", "", 400, api.CodeInvalid, "empty label", nil},
		{"GET", "/v1/explain?name=a&type=XYZ", "", 400, api.CodeInvalid, "TYPE257", nil},
		{"GET", "/v1/incidents?id=99", "", 404, api.CodeNotFound, "99", nil},
		{"GET", "/v1/status?wait=-1", "", 400, api.CodeInvalid, "no number", nil},
		{"GET", "/v1/sites/gcp/role", "", 404, api.CodeNotFound, "gcp", nil},
		{"GET", "/v1/events", "", 400, api.CodeInvalid, "no event's ID", []string{"Accept: text/event-stream", "Last-Event-ID: x"}},
	} {
		res := ask(h, c.method, c.path, c.body, c.header...)
		body := res.Body.String()
		p := decoded[api.Problem](t, res)
		if res.Code != c.status || p.Status != c.status || p.Code != c.code || !strings.Contains(body, c.says) || p.Title == "" || res.Header().Get("Content-Type") != api.ProblemJSON {
			t.Errorf("%s %s %.60s: HTTP status %d, want %d %s with %q:\n%s", c.method, c.path, c.body, res.Code, c.status, c.code, c.says, body)
		}
	}
	if w.st.Overrides.Len() != before {
		t.Error("a refused request left an override")
	}
}

func TestForeignHostIsRefused(t *testing.T) {
	h := declared(t).server().Handler()
	for host, want := range map[string]int{"127.0.0.1:8053": 200, "localhost": 200, "[::1]:8053": 200, "evil.example": 403, "evil.example:8053": 403, "192.0.2.1": 403, "": 403} {
		r := httptest.NewRequest("GET", "http://127.0.0.1/v1/overrides", nil)
		r.Host = host
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		if w.Code != want {
			t.Errorf("Host %q: HTTP status %d, want %d", host, w.Code, want)
		}
	}
}

func TestWriteWithoutLeaderWasNotDone(t *testing.T) {
	w := declared(t)
	h := w.server().Handler()
	for err, want := range map[error]struct {
		status int
		code   string
	}{
		fmt.Errorf("%w: x", raftstore.ErrNoLeader): {503, api.CodeNoLeader},
		raftstore.ErrUnknownOutcome:                {504, api.CodeUnknownOutcome},
		raftstore.ErrStopped:                       {503, api.CodeNotDone},
	} {
		w.noRaft = err
		res := ask(h, "PUT", "/v1/overrides", siteDown)
		if p := decoded[api.Problem](t, res); res.Code != want.status || p.Code != want.code {
			t.Errorf("%v: HTTP status %d, code %s", err, res.Code, p.Code)
		}
	}
	w.noRaft = raftstore.ErrNoLeader
	if res := get(h, "/v1/status"); res.Code != 200 {
		t.Errorf("a read without a leader: HTTP status %d", res.Code)
	}
	if res := get(h, "/v1/status?consistent"); res.Code != 503 {
		t.Errorf("a consistent read without a leader: HTTP status %d", res.Code)
	}
}

func TestWaitAnswersOnceTheIndexIsApplied(t *testing.T) {
	w := declared(t)
	h := w.server().Handler()
	want := w.st.Index + 1
	time.AfterFunc(20*time.Millisecond, func() { w.pass(time.Second) })
	res := ask(h, "GET", "/v1/overrides?wait="+jsonNumber(want), "")
	if a := decoded[api.Overrides](t, res); a.Index < want {
		t.Errorf("answered at index %d, waited for %d", a.Index, want)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	r := httptest.NewRequest("GET", "http://localhost/v1/overrides?wait=99999", nil).WithContext(ctx)
	rec := httptest.NewRecorder()
	h.ServeHTTP(rec, r)
	if p := decoded[api.Problem](t, rec); rec.Code != 503 || p.Code != api.CodeBehind {
		t.Errorf("HTTP status %d, code %s", rec.Code, p.Code)
	}
}

func jsonNumber(n uint64) string { b, _ := json.Marshal(n); return string(b) }

func TestRoleIsUnknownWithoutALeaderForLong(t *testing.T) {
	w := failedOver(t)
	h := w.server().Handler()
	for site, want := range map[string]string{"aws": "active", "azure": "standby"} {
		if a := decoded[api.Role](t, get(h, "/v1/sites/"+site+"/role?group=auth.example.com")); a.Role != want {
			t.Errorf("%s: %s, want %s", site, a.Role, want)
		}
	}
	w.status.StateAge = 31 * time.Second
	res := get(h, "/v1/sites/aws/role")
	if p := decoded[api.Problem](t, res); res.Code != 503 || p.Role != "unknown" {
		t.Errorf("HTTP status %d, role %q", res.Code, p.Role)
	}
}

func TestExplainNamesTheKindOfEachAnswer(t *testing.T) {
	h := declared(t).server().Handler()
	for query, want := range map[string]string{
		"name=login.auth.example.com":           api.KindSteered,
		"name=LOGIN.auth.example.com.&type=a":   api.KindSteered,
		"name=login.auth.example.com&type=AAAA": api.KindNoData,
		"name=login.auth.example.com&type=TXT":  api.KindNoData,
		"name=auth.example.com&type=SOA":        api.KindSOA,
		"name=auth.example.com&type=NS":         api.KindStatic,
		"name=auth.example.com&type=TYPE1":      api.KindSteered,
		"name=ns1.auth.example.com":             api.KindStatic,
		"name=www.auth.example.com":             api.KindCNAME,
		"name=x.dev.auth.example.com":           api.KindWildcard,
		"name=x.dev.auth.example.com&type=TXT":  api.KindNoData,
		"name=dev.auth.example.com":             api.KindNoData,
		"name=deep.auth.example.com":            api.KindNoData,
		"name=x.deep.auth.example.com":          api.KindNXDomain,
		"name=nothing.auth.example.com":         api.KindNXDomain,
		"name=child.auth.example.com":           api.KindDelegation,
		"name=x.child.auth.example.com&type=MX": api.KindDelegation,
		"name=example.com":                      api.KindNotServed,
		"name=xauth.example.com":                api.KindNotServed,
	} {
		a := decoded[api.Explain](t, get(h, "/v1/explain?"+query))
		if a.Kind != want || len(a.Steps) == 0 {
			t.Errorf("%s: %s, want %s: %s", query, a.Kind, want, strings.Join(a.Steps, "; "))
		}
	}
}

func TestOnlyLoopbackIsListenedOn(t *testing.T) {
	s := New(declared(t), slog.New(slog.DiscardHandler))
	for _, address := range []string{"0.0.0.0:24001", ":24001", "192.0.2.1:24001", "example.net:24001", "127.0.0.1"} {
		if err := s.Start(node.AdminConfig{Address: address}); err == nil || !strings.Contains(err.Error(), address) {
			t.Errorf("%s: %v", address, err)
		}
	}
}

func TestServerStartsAnswersAndStopsWithOpenStreams(t *testing.T) {
	s := declared(t).server()
	if err := s.Start(node.AdminConfig{Address: "127.0.0.1:0"}); err != nil {
		t.Fatal(err)
	}
	if err := s.Start(node.AdminConfig{Address: "127.0.0.1:0"}); err == nil {
		t.Error("a second start is not refused")
	}
	base := "http://" + s.Addr().String()
	c, err := api.NewClient(api.Options{Servers: []string{base}})
	if err != nil {
		t.Fatal(err)
	}
	a, err := c.Status(t.Context())
	if err != nil || !a.Healthy() || a.Node != "ns1" {
		t.Fatalf("%v %+v", err, a)
	}
	ended := make(chan error, 1)
	got := make(chan api.Event, 100)
	ctx, cancel := context.WithCancel(t.Context())
	go func() {
		ended <- c.Follow(ctx, 1, func(e api.Event) error { got <- e; return nil }, nil)
	}()
	if e := <-got; e.ID != 2 {
		t.Errorf("the first event after 1 has the ID %d", e.ID)
	}
	stopping, done := context.WithTimeout(t.Context(), 5*time.Second)
	defer done()
	if err := s.Stop(stopping); err != nil {
		t.Errorf("stop with an open stream: %v", err)
	}
	cancel()
	if err := <-ended; !errors.Is(err, context.Canceled) {
		t.Errorf("follow ended with %v", err)
	}
	if s.Addr() != nil {
		t.Error("a stopped server has an address")
	}
}

func TestFollowGoesOnWhereItWasAfterARestart(t *testing.T) {
	w := declared(t)
	s := w.server()
	address := "127.0.0.1:24031"
	if err := s.Start(node.AdminConfig{Address: address}); err != nil {
		t.Fatal(err)
	}
	c, err := api.NewClient(api.Options{Servers: []string{"http://" + address}})
	if err != nil {
		t.Fatal(err)
	}
	_, last, _ := w.st.Events.Last()
	got := make(chan api.Event, 100)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	go func() { _ = c.Follow(ctx, last.ID, func(e api.Event) error { got <- e; return nil }, nil) }()
	override := func(target string) {
		w.must(&state.SetOverride{Scope: state.ScopeNode, Target: target, Word: state.Mute, Reason: "r"})
	}
	override("ns3")
	if e := <-got; e.ID != last.ID+1 {
		t.Errorf("event %d, want %d", e.ID, last.ID+1)
	}
	if err := s.Stop(t.Context()); err != nil {
		t.Fatal(err)
	}
	override("ns2") // while nobody listens
	if err := s.Start(node.AdminConfig{Address: address}); err != nil {
		t.Fatal(err)
	}
	defer s.Stop(context.Background())
	if e := <-got; e.ID != last.ID+2 {
		t.Errorf("event %d, want %d: none twice, none lost", e.ID, last.ID+2)
	}
}

func TestStreamNamesTheGapOfForgottenEvents(t *testing.T) {
	w := declared(t)
	for _, first, ok := w.st.Events.First(); ok && first.ID < 5; _, first, ok = w.st.Events.First() {
		k, _, _ := w.st.Events.First()
		next := *w.st
		next.Events = next.Events.Without(k)
		w.st = &next
	}
	s := httptest.NewServer(w.server().Handler())
	defer s.Close()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, "GET", s.URL+"/v1/events", nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Accept", api.EventStream)
	r.Header.Set("Last-Event-ID", "2")
	res, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	var got strings.Builder
	for lines := bufio.NewScanner(res.Body); lines.Scan(); {
		fmt.Fprintln(&got, lines.Text())
		if strings.HasPrefix(lines.Text(), "id: ") {
			break
		}
	}
	if !strings.HasSuffix(got.String(), "event: gap\ndata: {\"after\":2,\"before\":5}\n\nid: 5\n") {
		t.Errorf("the stream begins with:\n%s", got.String())
	}
}

func TestConnectionsAreLimited(t *testing.T) {
	inner, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	l := limit(inner, 1, 1)
	defer l.Close()
	accepted := make(chan net.Conn, 2)
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				close(accepted)
				return
			}
			accepted <- c
		}
	}()
	for range 2 {
		c, err := net.Dial("tcp", inner.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
	}
	first := <-accepted
	select {
	case <-accepted:
		t.Fatal("a second connection was taken")
	case <-time.After(50 * time.Millisecond):
	}
	first.Close()
	second := <-accepted
	second.Close()
	l.Close()
	if _, open := <-accepted; open {
		t.Error("a closed listener accepts")
	}
}

// FuzzBodies: no body makes the API panic, answer 5xx, or change the state and say that it did not.
func FuzzBodies(f *testing.F) {
	for _, b := range []string{siteDown, `{}`, `null`, `[]`, `{"author":"a","reason":"r","group":"all","site":"aws","force":true}`, `{"node":"ns1","zone":"\\000."}`, "{\"for\":\"9999999999h\"}"} {
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, body string) {
		w := declared(t)
		h := w.server().Handler()
		for _, r := range writes() {
			if r.body == nil {
				continue
			}
			before := w.st
			res := ask(h, r.method, r.path, body, "Content-Type: "+api.JSON)
			if res.Code >= 500 {
				t.Errorf("%s %s: HTTP status %d: %s", r.method, r.path, res.Code, res.Body)
			}
			if res.Code != 200 && (w.st.Overrides.Len() != before.Overrides.Len() || w.st.Events.Len() != before.Events.Len()) {
				t.Errorf("%s %s: HTTP status %d, and the state changed", r.method, r.path, res.Code)
			}
		}
	})
}
