package probes

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"failoverdns/health"
)

func TestMisbehavingServersGetTheirReason(t *testing.T) {
	short := timeout(2 * time.Second) // long enough to connect and send on a busy machine
	bomb := gzipBomb(t)               // made here: compressing while the others run would starve them
	ok := "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"
	tests := []struct {
		name   string
		talk   func(net.Conn)
		change func(*health.Check)
		reason health.Reason
		detail string
	}{
		{"good", answer(ok), nil, "", ""},
		{"good with match", answer(ok), match("ell"), "", ""},
		{"HTTP/1.0 without length", answer("HTTP/1.0 200 OK\r\n\r\nhello"), match("hello"), "", ""},
		{"204 without body", answer("HTTP/1.1 204 No Content\r\n\r\n"), nil, "", ""},
		{"204 with match", answer("HTTP/1.1 204 No Content\r\n\r\n"), match("x"), health.Match, "body of 0 bytes"},
		{"chunked", answer("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nhel\r\n2\r\nlo\r\n0\r\n\r\n"), match("hello"), "", ""},
		{"interim response first", answer("HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n" + ok), match("hello"), "", ""},
		{"no reason phrase", answer("HTTP/1.1 503\r\n\r\n"), nil, health.Status, "503"},
		{"redirect passes", answer("HTTP/1.1 302 Found\r\nLocation: http://169.254.169.254/\r\n\r\n"), nil, "", ""},
		{"status", answer("HTTP/1.1 503 Service Unavailable\r\n\r\n"), nil, health.Status, "503 Service Unavailable"},
		{"status with control characters", answer("HTTP/1.1 500 a\x1b[31mb\r\n\r\n"), nil, health.Status, "500 a [31mb"},
		{"endless interim responses", func(c net.Conn) { readRequest(c); trickle(c, "HTTP/1.1 100 Continue\r\n\r\n", 0) }, nil, health.Protocol, "longer than 16384 bytes"},
		{"reset at once", reset, nil, health.Reset, "reset"},
		{"reset after the request", func(c net.Conn) { readRequest(c); reset(c) }, nil, health.Reset, "no complete response header: connection reset"},
		{"reset in the body", func(c net.Conn) {
			answer("HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\nhel")(c)
			time.Sleep(20 * time.Millisecond)
			reset(c)
		}, match("hello"), health.Reset, "match not found in 3 bytes of the body: connection reset"},
		{"closed without a response", answer(""), nil, health.Protocol, "closed without a response"},
		{"closed in the header", answer("HTTP/1.1 200 OK\r\nServer: x"), nil, health.Protocol, "no complete response header: the connection was closed"},
		{"closed in the body", answer("HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\nhel"), match("hello"), health.Protocol, "match not found in 3 bytes of the body: the connection was closed"},
		{"broken chunk", answer("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n"), match("hello"), health.Protocol, "chunk"},
		{"half open", block, short, health.Timeout, "no complete response header within 2s"},
		{"slow header", func(c net.Conn) {
			answer("HTTP/1.1 200 OK\r\n")(c)
			trickle(c, "X-A: b\r\n", 20*time.Millisecond)
		}, short, health.Timeout, "no complete response header within 2s"},
		{"slow body", func(c net.Conn) {
			answer("HTTP/1.1 200 OK\r\n\r\n")(c)
			trickle(c, ".", 20*time.Millisecond)
		}, func(c *health.Check) { short(c); c.Match = "x" }, health.Timeout, "bytes of the body within 2s"},
		{"endless header", func(c net.Conn) { answer("HTTP/1.1 200 OK\r\n")(c); trickle(c, "X-A: b\r\n", 0) }, nil, health.Protocol, "longer than 16384 bytes"},
		{"100 kB header", answer("HTTP/1.1 200 OK\r\nX-A: " + strings.Repeat("a", 100_000) + "\r\n\r\n"), nil, health.Protocol, "longer than 16384 bytes"},
		{"100 kB status line", answer("HTTP/1.1 200 " + strings.Repeat("a", 100_000)), nil, health.Protocol, "longer than 16384 bytes"},
		{"header of 16,384 bytes", answer(headerOf(maxHeader)), match("hello"), "", ""},
		{"header of 16,385 bytes", answer(headerOf(maxHeader + 1)), nil, health.Protocol, "longer than 16384 bytes"},
		{"endless body without match", func(c net.Conn) { answer("HTTP/1.1 200 OK\r\n\r\n")(c); trickle(c, strings.Repeat("x", 4096), 0) }, nil, "", ""},
		{"endless body", func(c net.Conn) { answer("HTTP/1.1 200 OK\r\n\r\n")(c); trickle(c, strings.Repeat("x", 4096), 0) }, match("hello"), health.Match, "first 5120 bytes"},
		{"endless chunk extensions", func(c net.Conn) {
			answer("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")(c)
			trickle(c, "1;"+strings.Repeat("e", 200)+"\r\nx\r\n", 0)
		}, match("hello"), health.Protocol, "match not found"},
		{"gzip bomb", answer(bomb), match("hello"), health.Match, "match not found in"},
		{"no HTTP", answer("SSH-2.0-OpenSSH_9.9\r\n"), nil, health.Protocol, "malformed HTTP"},
		{"HTTP/0.9", answer("<html>hello</html>"), nil, health.Protocol, "malformed HTTP"},
		{"HTTP/2 only", answer("\x00\x00\x12\x04\x00\x00\x00\x00\x00\n"), nil, health.Protocol, "malformed HTTP"},
		{"two lengths", answer("HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab"), nil, health.Protocol, "Content-Length"},
		{"header without colon", answer("HTTP/1.1 200 OK\r\nX-A b\r\n\r\n"), nil, health.Protocol, "malformed MIME header"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			at := serve(t, test.talk)
			change := test.change
			if change == nil {
				change = func(*health.Check) {}
			}
			r := expect(t, &Env{}, target(t, "http://login.example.com/healthz", at, change), test.reason, test.detail)
			if r.Address != at.Addr() {
				t.Errorf("address %s, want %s", r.Address, at.Addr())
			}
			if len(r.Detail) > maxDetail {
				t.Errorf("detail of %d bytes", len(r.Detail))
			}
		})
	}
}

// headerOf is a good response whose header has a number of bytes.
func headerOf(n int) string {
	head := "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nX-A: "
	return head + strings.Repeat("a", n-len(head)-4) + "\r\n\r\nhello"
}

// gzipBomb is a response of some kilobytes that would unpack to 16 MiB.
func gzipBomb(t *testing.T) string {
	t.Helper()
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	if _, err := io.CopyN(w, zeros{}, 16<<20); err != nil {
		t.Fatal(err)
	}
	w.Close()
	return fmt.Sprintf("HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: %d\r\n\r\n%s", b.Len(), b.String())
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) { clear(p); return len(p), nil }

func TestMatchLiesWhollyInTheFirst5120Bytes(t *testing.T) {
	tests := []struct {
		name   string
		begin  int
		reason health.Reason
	}{
		{"at the start", 0, ""},
		{"across two reads", 2998, ""},
		{"up to the last byte", health.MatchWindow - 5, ""},
		{"across the boundary", health.MatchWindow - 4, health.Match},
		{"behind it", health.MatchWindow, health.Match},
	}
	for _, test := range tests {
		body := strings.Repeat(".", test.begin) + "hello" + strings.Repeat(".", 4000)
		at := serve(t, func(c net.Conn) {
			readRequest(c)
			fmt.Fprintf(c, "HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s", len(body), body[:3000])
			time.Sleep(5 * time.Millisecond)
			io.WriteString(c, body[3000:])
		})
		t.Run(test.name, func(t *testing.T) {
			expect(t, &Env{}, target(t, "http://h/", at, match("hello")), test.reason, "")
		})
	}
}

func TestNoMoreIsReadThanNeeded(t *testing.T) {
	var read int
	at := serve(t, func(c net.Conn) { answer("HTTP/1.1 200 OK\r\n\r\n" + strings.Repeat("x", 1<<20))(c); block(c) })
	env := &Env{Dial: func(ctx context.Context, network, address string) (net.Conn, error) {
		conn, err := dialer.DialContext(ctx, network, address)
		return &counted{conn, &read}, err
	}}
	expect(t, env, target(t, "http://h/", at, match("y")), health.Match, "first 5120")
	if read > maxHeader+health.MatchWindow {
		t.Errorf("%d bytes were read", read)
	}
}

type counted struct {
	net.Conn
	read *int
}

func (c *counted) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	*c.read += n
	return n, err
}

// seen serves 200 and keeps the requests.
func seen(t *testing.T) (requests chan *http.Request, talk func(net.Conn)) {
	requests = make(chan *http.Request, 10)
	return requests, func(c net.Conn) {
		requests <- readRequest(c)
		io.WriteString(c, "HTTP/1.1 200 OK\r\n\r\n")
	}
}

func TestRequestIsThatOfTheCheck(t *testing.T) {
	requests, talk := seen(t)
	at := serve(t, talk)
	secret := filepath.Join(t.TempDir(), "token")
	os.WriteFile(secret, []byte("Bearer one\n"), 0o600)
	probe := target(t, "http://Login.Example.com/health%20z?deep=1&a=b", at, func(c *health.Check) {
		c.Method = "OPTIONS"
		c.Headers = []health.Header{{Name: "authorization", File: secret}, {Name: "X-Probe", Value: "1"}}
	})
	expect(t, &Env{Version: "1.2"}, probe, "", "")
	r := <-requests
	got := map[string]string{"method": r.Method, "uri": r.RequestURI, "host": r.Host, "proto": r.Proto}
	for _, name := range []string{"Authorization", "X-Probe", "User-Agent", "Accept-Encoding", "Accept", "Connection"} {
		got[name] = strings.Join(r.Header.Values(name), "|")
	}
	want := map[string]string{
		"method": "OPTIONS", "uri": "/health%20z?deep=1&a=b", "host": fmt.Sprintf("login.example.com:%d", at.Port()),
		"proto": "HTTP/1.1", "Authorization": "Bearer one", "X-Probe": "1", "User-Agent": "failoverdns/1.2",
		"Accept-Encoding": "identity", "Accept": "*/*", "Connection": "close",
	}
	for k, v := range want {
		if got[k] != v {
			t.Errorf("%s: got %q, want %q", k, got[k], v)
		}
	}
	os.WriteFile(secret, []byte("Bearer two\r\n"), 0o600)
	expect(t, &Env{}, probe, "", "")
	if got := (<-requests).Header.Get("Authorization"); got != "Bearer two" {
		t.Errorf("after the file has changed %q was sent", got)
	}
}

func TestHostHeaderHasThePortOnlyWhereItIsNotTheDefault(t *testing.T) {
	for url, want := range map[string]string{
		"http://h:80/": "h", "https://h:443/": "h", "http://h:443/": "h:443", "https://h:8443/": "h:8443",
		"http://[2001:db8::1]/": "[2001:db8::1]", "https://[2001:db8::1]:8443/": "[2001:db8::1]:8443",
	} {
		c, err := health.ParseURL(url)
		if err != nil {
			t.Fatal(err)
		}
		h, err := firstHop(&c)
		if err != nil {
			t.Fatal(err)
		}
		if got := hostHeader(h.url); got != want {
			t.Errorf("%s: Host %q, want %q", url, got, want)
		}
	}
}

func TestUnreadableHeaderFileAbstainsWithoutItsContent(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	pipe := filepath.Join(dir, "pipe")
	if err := syscall.Mkfifo(pipe, 0o600); err != nil {
		t.Fatal(err)
	}
	at := serve(t, answer("HTTP/1.1 200 OK\r\n\r\n"))
	for path, detail := range map[string]string{
		filepath.Join(dir, "absent"):           "no such file",
		dir:                                    "no regular file",
		pipe:                                   "no regular file",
		write("lines", "hunter2\r\nX-Evil: 1"): "more than one line",
		write("huge", strings.Repeat("a", 9<<10)): "longer than 8192 bytes",
	} {
		probe := target(t, "http://h/", at, func(c *health.Check) {
			c.Headers = []health.Header{{Name: "Authorization", File: path}}
		})
		r := expect(t, &Env{}, probe, health.Secret, detail)
		if strings.Contains(r.Detail, "hunter2") {
			t.Errorf("the secret is in the detail: %q", r.Detail)
		}
	}
}

func TestStatusRangesAndHead(t *testing.T) {
	at := serve(t, answer("HTTP/1.1 404 Not Found\r\nContent-Length: 1000\r\n\r\n"))
	passes := func(c *health.Check) { c.Status = []health.StatusRange{{From: 200, To: 204}, {From: 404, To: 404}} }
	expect(t, &Env{}, target(t, "http://h/", at, passes), "", "")
	expect(t, &Env{}, target(t, "http://h/", at, passes, func(c *health.Check) { c.Method = "HEAD" }), "", "")
	expect(t, &Env{}, target(t, "http://h/", at), health.Status, "404 Not Found")
}

func TestProxySettingsAreNotObeyed(t *testing.T) {
	proxied := make(chan struct{}, 10)
	proxy := serve(t, func(net.Conn) { proxied <- struct{}{} })
	for _, name := range []string{"HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "ALL_PROXY"} {
		t.Setenv(name, "http://"+proxy.String())
	}
	at := serve(t, answer("HTTP/1.1 200 OK\r\n\r\n"))
	expect(t, &Env{}, target(t, "http://login.example.com/", at), "", "")
	if len(proxied) > 0 {
		t.Error("the proxy was dialled")
	}
}

func TestEndedContextIsNoFailure(t *testing.T) {
	at := serve(t, block)
	ctx, cancel := context.WithCancelCause(context.Background())
	time.AfterFunc(20*time.Millisecond, func() { cancel(errors.New("removed")) })
	began := time.Now()
	r := (&Env{}).Probe(ctx, target(t, "http://h/", at))
	if r.Outcome != health.Abstained || r.Reason != health.Resources || time.Since(began) > 20*time.Second {
		t.Errorf("got %+v after %s", r, time.Since(began))
	}
}

// BenchmarkHTTPProbe is one whole probe over loopback: connect, request, response, close.
func BenchmarkHTTPProbe(b *testing.B) {
	at := serve(b, answer("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"))
	env, probe := &Env{}, target(b, "http://login.example.com/healthz", at)
	b.ReportAllocs()
	for b.Loop() {
		if r := env.Probe(context.Background(), probe); r.Outcome != health.Success {
			b.Fatal(r)
		}
	}
}
