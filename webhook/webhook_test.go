package webhook

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"failoverdns/state"
)

var happened = time.Date(2026, 11, 22, 3, 0, 0, 0, time.UTC)

func event(typ string) *state.Event {
	return &state.Event{ID: 7, Index: 40, Wall: happened, Type: typ, Group: "auth.example.com", Site: "azure", Author: "ann", Reason: "works", Text: "auth.example.com: site azure is down"}
}

// receive runs a server that keeps the latest request and answers with a status.
func receive(t *testing.T, status int, headers ...string) (url string, got *http.Request, body *[]byte) {
	t.Helper()
	got, body = new(http.Request), new([]byte)
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		*got = *r
		*body, _ = io.ReadAll(r.Body)
		for i := 0; i+1 < len(headers); i += 2 {
			w.Header().Set(headers[i], headers[i+1])
		}
		w.WriteHeader(status)
	}))
	t.Cleanup(s.Close)
	return s.URL, got, body
}

func file(t *testing.T, content string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "f")
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// The example of the Standard Webhooks libraries (standard-webhooks/standard-webhooks, libraries' tests).
func TestSignatureIsThatOfStandardWebhooks(t *testing.T) {
	keys, err := secrets([]byte("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw\n"))
	if err != nil {
		t.Fatal(err)
	}
	got := Sign(keys, "msg_p5jXN8AQM9LWM0D4loKWxJek", time.Unix(1614265330, 0), []byte(`{"test": 2432232314}`))
	if want := "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

func TestTwoSecretsSignTwiceWhileOneIsBeingChanged(t *testing.T) {
	keys, err := secrets([]byte("an-old-secret-of-24-bytes-or-more\n\n a-new-secret-of-24-bytes-or-more \n"))
	if err != nil || len(keys) != 2 {
		t.Fatalf("%d keys, %v", len(keys), err)
	}
	both := Sign(keys, "i", happened, nil)
	if both != Sign(keys[:1], "i", happened, nil)+" "+Sign(keys[1:], "i", happened, nil) {
		t.Errorf("got %s", both)
	}
}

func TestBadSecretsAreRefusedWithoutShowingThem(t *testing.T) {
	for text, says := range map[string]string{"": "no secret", "hunter2": "7 bytes", "whsec_!hunter2!": "line 1 is no base64"} {
		_, err := secrets([]byte(text))
		if err == nil || !strings.Contains(err.Error(), says) || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%q: %v", text, err)
		}
	}
}

func TestRequestCarriesEventIDTimeSignatureAndHeaders(t *testing.T) {
	url, got, body := receive(t, 200)
	secret := "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
	target := &Target{Name: "pager", URL: url + "/in?x=1", Format: Failover, Timeout: time.Minute, Secret: file(t, secret+"\n"),
		Headers: []Header{{"Authorization", file(t, "Bearer s3cret\n")}}}
	sender := &Sender{Now: func() time.Time { return time.Unix(1800000000, 0) }, Agent: "failoverdns/1"}
	if err := sender.Send(t.Context(), target, event("site-down")); err != nil {
		t.Fatal(err)
	}
	keys, _ := secrets([]byte(secret))
	want := map[string]string{"Webhook-Id": "evt_7_1795316400000", "Webhook-Timestamp": "1800000000", "Content-Type": "application/json", "User-Agent": "failoverdns/1",
		"Authorization": "Bearer s3cret", "Webhook-Signature": Sign(keys, "evt_7_1795316400000", time.Unix(1800000000, 0), *body)}
	for name, value := range want {
		if got.Header.Get(name) != value {
			t.Errorf("%s: %q, want %q", name, got.Header.Get(name), value)
		}
	}
	if got.Method != "POST" || got.URL.String() != "/in?x=1" {
		t.Errorf("%s %s", got.Method, got.URL)
	}
	if want := `{"type":"failover.site-down","timestamp":"2026-11-22T03:00:00Z","data":{"id":7,"index":40,"group":"auth.example.com","site":"azure","author":"ann","reason":"works","text":"auth.example.com: site azure is down"}}`; string(*body) != want {
		t.Errorf("got  %s\nwant %s", *body, want)
	}
}

func TestSecretAndURLAreReadAnewForEachRequest(t *testing.T) {
	one, _, first := receive(t, 200)
	two, _, second := receive(t, 200)
	target := &Target{Name: "pager", URLFile: file(t, one+"\n"), Format: Failover, Timeout: time.Minute}
	send := func() {
		t.Helper()
		if err := new(Sender).Send(t.Context(), target, event("flip")); err != nil {
			t.Fatal(err)
		}
	}
	send()
	if err := os.WriteFile(target.URLFile, []byte(two), 0o600); err != nil {
		t.Fatal(err)
	}
	send()
	if len(*first) == 0 || len(*second) == 0 {
		t.Error("the second request went to the first URL")
	}
}

func TestAnswersAreToldApart(t *testing.T) {
	for _, c := range []struct {
		status  int
		ok      bool
		refused bool
	}{{200, true, false}, {204, true, false}, {302, false, false}, {400, false, true}, {401, false, false}, {404, false, false}, {413, false, true}, {422, false, true}, {429, false, false}, {503, false, false}} {
		url, _, _ := receive(t, c.status, "Retry-After", "30", "Location", "/elsewhere")
		err := new(Sender).Send(t.Context(), &Target{Name: "p", URL: url, Format: Failover, Timeout: time.Minute}, event("flip"))
		if c.ok {
			if err != nil {
				t.Errorf("%d: %v", c.status, err)
			}
			continue
		}
		var f *Failure
		if !errors.As(err, &f) || f.Refused() != c.refused || f.Status != c.status || f.After != 30*time.Second {
			t.Errorf("%d: %+v", c.status, f)
		}
	}
}

func TestNoErrorShowsTheURL(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	closed := "http://" + l.Addr().String() + "/services/T0/s3cret"
	l.Close()
	hangs := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		<-r.Context().Done()
	}))
	defer hangs.Close()
	for _, target := range []Target{
		{URL: closed}, {URL: hangs.URL + "/s3cret"}, {URLFile: file(t, "not a URL s3cret")}, {URLFile: file(t, "https://user:s3cret@host/")}, {URL: "http://[::1/s3cret"},
	} {
		target.Name, target.Timeout = "p", 200*time.Millisecond
		err := new(Sender).Send(context.Background(), &target, event("flip"))
		if err == nil || strings.Contains(err.Error(), "s3cret") {
			t.Errorf("got %v", err)
		}
	}
}

func TestPatternsChooseEventsAndQuietOnesMustBeAskedFor(t *testing.T) {
	for _, c := range []struct {
		format  Format
		events  []string
		typ     string
		want    bool
		explain string
	}{
		{Failover, nil, "site-down", true, "notable"},
		{Failover, nil, "vote", false, "quiet"},
		{Failover, []string{"*"}, "vote", true, "asked for"},
		{Failover, []string{"site-*", "flip"}, "site-up", true, "pattern"},
		{Failover, []string{"site-*", "flip"}, "pin-set", false, "not asked for"},
		{Failover, []string{"site-down"}, "site-up", false, "not asked for"},
		{Alertmanager, []string{"site-down"}, "site-up", true, "it resolves the alert"},
	} {
		target := Target{Format: c.format, Events: c.events}
		if got := target.Wants(c.typ); got != c.want {
			t.Errorf("%v of %v: %v, want %v: %s", c.typ, c.events, got, c.want, c.explain)
		}
	}
}

func TestPatternThatNoEventHasIsRefused(t *testing.T) {
	for pattern, ok := range map[string]bool{"site-*": true, "*": true, "flip": true, "flop": false, "[": false, "": false} {
		if err := CheckPattern(pattern); (err == nil) != ok {
			t.Errorf("%q: %v", pattern, err)
		}
	}
}

func TestReturnOfASiteResolvesTheAlertOfItsFall(t *testing.T) {
	url, _, body := receive(t, 200)
	target := &Target{Name: "am", URL: url, Format: Alertmanager, Timeout: time.Minute}
	send := func(e *state.Event) alert {
		if err := new(Sender).Send(t.Context(), target, e); err != nil {
			t.Fatal(err)
		}
		var got []alert
		if err := json.Unmarshal(*body, &got); err != nil || len(got) != 1 {
			t.Fatalf("%v: %s", err, *body)
		}
		return got[0]
	}
	down, up := event("site-down"), event("site-up")
	up.ID, up.Wall, up.Text, up.Reason = 9, happened.Add(time.Minute), "auth.example.com: site azure is up", ""
	fell, rose := send(down), send(up)
	if !equal(fell.Labels, rose.Labels) || fell.Labels["alertname"] != "FailoverEventSiteDown" || fell.Labels["group"] != "auth.example.com" || fell.Labels["site"] != "azure" {
		t.Errorf("labels %v, then %v", fell.Labels, rose.Labels)
	}
	if !fell.StartsAt.Equal(happened) || fell.EndsAt.Sub(fell.StartsAt) != standsFor || !rose.EndsAt.Equal(up.Wall) || rose.EndsAt.Before(rose.StartsAt) {
		t.Errorf("%s to %s, then %s to %s", fell.StartsAt, fell.EndsAt, rose.StartsAt, rose.EndsAt)
	}
}

func equal(a, b map[string]string) bool {
	if len(a) != len(b) {
		return false
	}
	for k, v := range a {
		if b[k] != v {
			return false
		}
	}
	return true
}
