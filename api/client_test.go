package api

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

func client(t *testing.T, servers ...string) *Client {
	t.Helper()
	c, err := NewClient(Options{Servers: servers})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// answering is a server that gives every request one answer.
func answering(t *testing.T, status int, body any, seen ...func(*http.Request)) string {
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		for _, f := range seen {
			f(r)
		}
		w.WriteHeader(status)
		_ = json.NewEncoder(w).Encode(body)
	}))
	t.Cleanup(s.Close)
	return s.URL
}

// breaking is a server that takes requests and closes the connection without an answer.
func breaking(t *testing.T, seen ...func(*http.Request)) string {
	s := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		for _, f := range seen {
			f(r)
		}
		panic(http.ErrAbortHandler)
	}))
	t.Cleanup(s.Close)
	return s.URL
}

func closed(t *testing.T) string {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return "http://" + l.Addr().String()
}

func TestFirstServerThatAnswersIsUsedAndKept(t *testing.T) {
	var asked, broken atomic.Int32
	good := answering(t, 200, Status{Meta: Meta{Node: "ns2"}}, func(*http.Request) { asked.Add(1) })
	c := client(t, closed(t), breaking(t, func(*http.Request) { broken.Add(1) }), good)
	for range 3 {
		if a, err := c.Status(t.Context()); err != nil || a.Node != "ns2" {
			t.Fatalf("%+v, %v", a, err)
		}
	}
	if asked.Load() != 3 || broken.Load() != 1 {
		t.Errorf("the good server was asked %d times, the broken one %d", asked.Load(), broken.Load())
	}
}

func TestErrorAnswerIsAnAnswer(t *testing.T) {
	second := 0
	c := client(t, answering(t, 409, Problem{Title: "t", Detail: "the last site", Code: CodeNeedsForce}), answering(t, 200, Written{}, func(*http.Request) { second++ }))
	_, err := c.SetOverride(t.Context(), OverrideRequest{}, false)
	var p *Problem
	if !errors.As(err, &p) || p.Code != CodeNeedsForce || p.Status != 409 || err.Error() != "the last site" || second != 0 {
		t.Errorf("%v; the second server was asked %d times", err, second)
	}
}

func TestAnswerOfSomethingElseSaysSo(t *testing.T) {
	_, err := client(t, answering(t, 404, "not here")).Status(t.Context())
	if err == nil || !strings.Contains(err.Error(), "is it an admin API?") {
		t.Error(err)
	}
	if _, err = client(t, answering(t, 200, []int{})).Status(t.Context()); err == nil || !strings.Contains(err.Error(), "none of this API") {
		t.Error(err)
	}
}

func TestNobodyAnswers(t *testing.T) {
	for name, call := range map[string]func(*Client) error{
		"read":  func(c *Client) error { _, err := c.Sites(t.Context()); return err },
		"write": func(c *Client) error { _, err := c.Failback(t.Context(), FailbackRequest{}, false); return err },
	} {
		if err := call(client(t, closed(t), closed(t))); !errors.Is(err, ErrUnreachable) || errors.Is(err, ErrUnknownOutcome) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestWriteThatMayHaveArrivedIsRepeatedUnderItsID(t *testing.T) {
	seen := make(chan string, 10)
	note := func(r *http.Request) { seen <- r.Header.Get(RequestIDHeader) }
	if _, err := client(t, breaking(t, note), answering(t, 200, Written{Done: true}, note)).Unpin(t.Context(), UnpinRequest{}, false); err != nil {
		t.Fatal(err)
	}
	if first, second := <-seen, <-seen; first == "" || first != second || len(seen) != 0 {
		t.Errorf("the IDs are %q and %q, and %d more", first, second, len(seen))
	}
}

func TestOutcomeIsUnknownWhereNobodyTellsWhatBecameOfAWrite(t *testing.T) {
	for name, servers := range map[string][]string{
		"no answer":               {breaking(t)},
		"no answer, then no one":  {breaking(t), closed(t)},
		"no answer, then too bad": {breaking(t), answering(t, 503, Problem{Title: "t", Code: CodeNoLeader})},
		"the server says so":      {answering(t, 504, Problem{Title: "t", Code: CodeUnknownOutcome})},
		"an answer in no form":    {answering(t, 200, []int{})},
	} {
		if _, err := client(t, servers...).Pin(t.Context(), PinRequest{}, false); !errors.Is(err, ErrUnknownOutcome) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestRequestIDOfTheContextIsSent(t *testing.T) {
	var got string
	c := client(t, answering(t, 200, Written{}, func(r *http.Request) { got = r.Header.Get(RequestIDHeader) }))
	if _, err := c.Adopt(WithRequestID(t.Context(), "mine"), AdoptRequest{}, false); err != nil || got != "mine" {
		t.Errorf("%q, %v", got, err)
	}
	if _, err := c.Adopt(t.Context(), AdoptRequest{}, false); err != nil || len(got) < 20 || len(got) > MaxRequestID {
		t.Errorf("%q, %v", got, err)
	}
}

// TestSilentServerLeavesTimeForTheNext: each server gets its share of the call's time, on virtual time.
func TestSilentServerLeavesTimeForTheNext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		transport := roundTrip(func(r *http.Request) (*http.Response, error) {
			if r.URL.Host == "silent" {
				<-r.Context().Done()
				return nil, r.Context().Err()
			}
			return &http.Response{StatusCode: 200, Request: r, Body: io.NopCloser(strings.NewReader(`{"node":"ns2"}`))}, nil
		})
		c, err := NewClient(Options{Servers: []string{"http://silent", "http://good"}, Timeout: 10 * time.Second, Transport: transport})
		if err != nil {
			t.Fatal(err)
		}
		begun := time.Now()
		a, err := c.Members(t.Context())
		if err != nil || a.Node != "ns2" || time.Since(begun) != 5*time.Second {
			t.Errorf("%+v, %v, after %s", a, err, time.Since(begun))
		}
	})
}

type roundTrip func(*http.Request) (*http.Response, error)

func (f roundTrip) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

func TestServersAreCheckedBeforeAnythingIsSent(t *testing.T) {
	for server, says := range map[string]string{
		"ftp://x":               "is no URL",
		"http://":               "is no URL",
		"":                      "is no URL",
		"http://u:p@x":          "scheme, host, port and path only",
		"http://192.0.2.1:8053": "in the clear",
	} {
		if _, err := NewClient(Options{Servers: []string{server}, Token: "secret"}); err == nil || !strings.Contains(err.Error(), says) || strings.Contains(err.Error(), "u:p") {
			t.Errorf("%q: %v", server, err)
		}
	}
	for _, server := range []string{"https://ns1.example.net", "http://127.0.0.1:1/api/", "localhost:8053", "http://[::1]:8053"} {
		if _, err := NewClient(Options{Servers: []string{server}, Token: "secret"}); err != nil {
			t.Errorf("%q: %v", server, err)
		}
	}
}

func TestRequestsCarryWhatTheOptionsSay(t *testing.T) {
	var got *http.Request
	url := answering(t, 200, Role{}, func(r *http.Request) { got = r })
	c, err := NewClient(Options{Servers: []string{url + "/base/"}, Token: "secret", Consistent: true, UserAgent: "x/1"})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.Role(t.Context(), "rec.example.com/azure", "g/1"); err != nil {
		t.Fatal(err)
	}
	if got.URL.EscapedPath() != "/base/v1/sites/rec.example.com%2Fazure/role" || got.URL.RawQuery != "consistent=&group=g%2F1" {
		t.Errorf("asked %s", got.URL)
	}
	if got.Header.Get("Authorization") != "Bearer secret" || got.UserAgent() != "x/1" {
		t.Errorf("headers %v", got.Header)
	}
}

func TestRedirectIsNotFollowed(t *testing.T) {
	s := httptest.NewServer(http.RedirectHandler("http://192.0.2.1/", http.StatusFound))
	defer s.Close()
	if _, err := client(t, s.URL).Status(t.Context()); err == nil || !strings.Contains(err.Error(), "redirects") {
		t.Error(err)
	}
}

// TestFollowHandsOnEachEventOnce: streams break in the middle, servers change, and repeat what is known.
func TestFollowHandsOnEachEventOnce(t *testing.T) {
	var round atomic.Int32
	var since []string
	stream := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		since = append(since, r.Header.Get("Last-Event-ID"))
		switch round.Add(1) {
		case 1:
			fmt.Fprint(w, ": hello\n\nid: 1\ndata: {\"id\":1}\n\nid: 2\ndata: {\"id\":2}\n\nid: 3\ndata: {\"id\"")
		case 2:
			fmt.Fprint(w, "event: gap\ndata: {\"after\":2,\"before\":4}\n\nid: 2\ndata: {\"id\":2}\n\nid: 4\ndata:{\"id\":4,\ndata: \"text\":\"two lines\"}\n\n")
		case 3:
			w.WriteHeader(503)
			fmt.Fprint(w, `{"title":"busy","status":503}`)
		default:
			fmt.Fprint(w, "data: {\"id\":5}\n\n")
		}
	})
	a, b := httptest.NewServer(stream), httptest.NewServer(stream)
	defer a.Close()
	defer b.Close()
	var got []uint64
	var notices []string
	end := errors.New("enough")
	err := client(t, a.URL, b.URL).Follow(t.Context(), 0, func(e Event) error {
		got = append(got, e.ID)
		if e.ID == 5 {
			return end
		}
		return nil
	}, func(err error) { notices = append(notices, err.Error()) })
	if !errors.Is(err, end) || !slices.Equal(got, []uint64{1, 2, 4, 5}) || !slices.Equal(since, []string{"0", "2", "4", "4"}) {
		t.Errorf("%v; events %v; asked since %v", err, got, since)
	}
	if !slices.ContainsFunc(notices, func(n string) bool { return strings.Contains(n, "between 2 and 4") }) {
		t.Errorf("the gap is not noticed: %q", notices)
	}
}

func TestFollowEndsWhereItIsRefusedOrNobodyAnswers(t *testing.T) {
	never := func(Event) error { return errors.New("an event out of nothing") }
	var p *Problem
	if err := client(t, answering(t, 403, Problem{Title: "t", Status: 403, Code: CodeNotAllowed})).Follow(t.Context(), 0, never, nil); !errors.As(err, &p) {
		t.Errorf("refused: %v", err)
	}
	if err := client(t, closed(t)).Follow(t.Context(), 0, never, nil); !errors.Is(err, ErrUnreachable) {
		t.Errorf("nobody: %v", err)
	}
}

// TestFollowLeavesASilentStream: a connection without even a comment for 45 s is dead, on virtual time.
func TestFollowLeavesASilentStream(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var rounds int
		transport := roundTrip(func(r *http.Request) (*http.Response, error) {
			if rounds++; rounds == 1 {
				return &http.Response{StatusCode: 200, Request: r, Body: silent{r.Context()}}, nil
			}
			return &http.Response{StatusCode: 200, Request: r, Body: io.NopCloser(strings.NewReader("data: {\"id\":1}\n\n"))}, nil
		})
		c, err := NewClient(Options{Transport: transport})
		if err != nil {
			t.Fatal(err)
		}
		begun := time.Now()
		end := errors.New("enough")
		if err := c.Follow(t.Context(), 0, func(Event) error { return end }, nil); !errors.Is(err, end) {
			t.Error(err)
		}
		if d := time.Since(begun); d != streamIdle+backoffLow {
			t.Errorf("went on after %s", d)
		}
	})
}

// silent is a body that says nothing until its request is cancelled.
type silent struct{ ctx context.Context }

func (s silent) Read([]byte) (int, error) { <-s.ctx.Done(); return 0, s.ctx.Err() }
func (s silent) Close() error             { return nil }
