package probes

import (
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"testing"
	"time"

	"failoverdns/health"
)

func follows(c *health.Check) { c.FollowRedirects = true }

// site serves paths: "/a" → "/b" and so on by a table of locations; what is not in it gets 200.
func site(locations map[string]string, requests *[]*http.Request) func(net.Conn) {
	return func(c net.Conn) {
		r := readRequest(c)
		if r == nil {
			return
		}
		if requests != nil {
			*requests = append(*requests, r) // the prober asks one after another
		}
		if to, ok := locations[r.URL.Path]; ok {
			status, to, _ := strings.Cut(to, " ")
			fmt.Fprintf(c, "HTTP/1.1 %s Redirect\r\nLocation: %s\r\n\r\n", status, to)
			return
		}
		io.WriteString(c, "HTTP/1.1 200 OK\r\n\r\nhello")
	}
}

func TestRedirectsAreFollowedOnRequestOnly(t *testing.T) {
	locations := map[string]string{"/": "302 /b", "/b": "301 c", "/loop": "302 /loop", "/meta": "302 http://169.254.169.254/latest/",
		"/name": "307 http://innocent.example.com/", "/file": "302 file:///etc/passwd", "/bad": "302 http://[::1", "/none": "302 ",
		"/gopher": "302 gopher://x/", "/lost": "302 http://lost.example.com/", "/zero": "302 http://h.example.com:99999/"}
	at := serve(t, site(locations, nil))
	env := &Env{Resolver: &fixedNames{addrs: map[string][]string{"innocent.example.com.": {"fd00:ec2::254"}}}}
	tests := []struct {
		path   string
		reason health.Reason
		detail string
	}{
		{"/", "", ""},
		{"/none", health.Match, ""}, // no location: judged as it stands
		{"/loop", health.Protocol, "more than 5 redirects"},
		{"/meta", health.Denied, "169.254.169.254 is link-local"},
		{"/name", health.Denied, "fd00:ec2::254 is Amazon's metadata service"},
		{"/lost", health.Unreachable, `the name "lost.example.com" has no address`},
		{"/file", health.Protocol, "redirect to file, which is neither http nor https"},
		{"/gopher", health.Protocol, "redirect to gopher"},
		{"/bad", health.Protocol, "redirect to an unreadable URL"},
		{"/zero", health.Protocol, `redirect to port "99999"`},
	}
	for _, test := range tests {
		t.Run(test.path, func(t *testing.T) {
			expect(t, env, target(t, "http://h.example.com"+test.path, at, follows, match("hello")), test.reason, test.detail)
			expect(t, env, target(t, "http://h.example.com"+test.path, at), "", "")
		})
	}
}

func TestRedirectToTheOwnHostStaysAtTheAddressUnderProbe(t *testing.T) {
	ca := newAuthority(t)
	config := &tls.Config{Certificates: []tls.Certificate{leaf(t, ca, -time.Hour, time.Hour, "h.example.com")}}
	secure := serve(t, over(config, answer("HTTP/1.1 200 OK\r\n\r\nhello")))
	location := fmt.Sprintf("301 https://H.example.com:%d/", secure.Port())
	plain := serve(t, site(map[string]string{"/": location}, nil))
	names := &fixedNames{}
	env := &Env{Roots: ca.pool, Resolver: names}
	expect(t, env, target(t, "http://h.example.com/", plain, follows, match("hello")), "", "")
	if len(names.asked) != 0 {
		t.Errorf("looked up %v", names.asked)
	}
}

func TestRedirectToASteeredNameStaysAtTheAddressUnderProbe(t *testing.T) {
	var requests []*http.Request
	at := serve(t, func(c net.Conn) {
		r := readRequest(c)
		requests = append(requests, r)
		if strings.HasPrefix(r.Host, "www.") {
			io.WriteString(c, "HTTP/1.1 200 OK\r\n\r\n")
			return
		}
		fmt.Fprintf(c, "HTTP/1.1 301 Moved\r\nLocation: http://www.%s/\r\n\r\n", r.Host)
	})
	env := &Env{Resolver: &fixedNames{}, Steered: func(host string) bool { return host == "www.example.com" }}
	r := expect(t, env, target(t, "http://example.com/", at, follows), "", "")
	if len(requests) != 2 || r.Address != at.Addr() {
		t.Errorf("%d requests, the last to %s", len(requests), r.Address)
	}
}

func TestRedirectFromHTTPSToHTTPIsRefused(t *testing.T) {
	ca := newAuthority(t)
	config := &tls.Config{Certificates: []tls.Certificate{leaf(t, ca, -time.Hour, time.Hour, "h.example.com")}}
	at := serve(t, over(config, site(map[string]string{"/": "302 http://h.example.com/?token=hunter2"}, nil)))
	r := expect(t, &Env{Roots: ca.pool}, target(t, "https://h.example.com/", at, follows), health.Protocol, "from https to http://h.example.com is not followed")
	if strings.Contains(r.Detail, "hunter2") {
		t.Errorf("the query is in the detail: %q", r.Detail)
	}
}

func TestSecretHeadersStayWithTheChecksOwnHost(t *testing.T) {
	var theirs []*http.Request
	other := serve(t, site(nil, &theirs))
	var ours []*http.Request
	locations := map[string]string{"/": "307 /again", "/again": fmt.Sprintf("303 http://other.example.com:%d/", other.Port())}
	at := serve(t, site(locations, &ours))
	env := &Env{Resolver: &fixedNames{addrs: map[string][]string{"other.example.com.": {"127.0.0.1"}}}}
	probe := target(t, "http://h.example.com/", at, follows, func(c *health.Check) {
		c.Method = "POST"
		c.Headers = []health.Header{{Name: "Authorization", Value: "Bearer x"}, {Name: "User-Agent", Value: "mine"}}
	})
	expect(t, env, probe, "", "")
	if len(ours) != 2 || len(theirs) != 1 {
		t.Fatalf("%d and %d requests, want 2 and 1", len(ours), len(theirs))
	}
	for _, r := range ours {
		if r.Header.Get("Authorization") != "Bearer x" || r.Method != "POST" || r.UserAgent() != "mine" {
			t.Errorf("own host got %s %v", r.Method, r.Header)
		}
	}
	if r := theirs[0]; r.Header.Get("Authorization") != "" || r.Method != "GET" || r.UserAgent() != "failoverdns" {
		t.Errorf("other host got %s %v", r.Method, r.Header)
	}
}

func TestRedirectsShareTheTimeoutOfTheProbe(t *testing.T) {
	at := serve(t, func(c net.Conn) {
		readRequest(c)
		time.Sleep(60 * time.Millisecond)
		io.WriteString(c, "HTTP/1.1 302 Found\r\nLocation: /\r\n\r\n")
	})
	// Five redirects take 300 ms: if each had a timeout of its own, they would be too many instead.
	r := expect(t, &Env{}, target(t, "http://h.example.com/", at, follows, timeout(150*time.Millisecond)), health.Timeout, "")
	if r.Address != (netip.MustParseAddr("127.0.0.1")) {
		t.Errorf("it ended at %s", r.Address)
	}
}
