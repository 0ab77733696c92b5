package health

import (
	"reflect"
	"strings"
	"testing"
	"time"
)

func TestURLBeginsACheck(t *testing.T) {
	tests := []struct {
		url  string
		want Check
		back string // as URL gives it
	}{
		{"http://a.example.com", Check{Kind: HTTP, Host: "a.example.com", Port: 80, Path: "/"}, "http://a.example.com/"},
		{"HTTPS://Login.Example.COM./healthz?x=1", Check{Kind: HTTPS, Host: "login.example.com", Port: 443, Path: "/healthz?x=1"}, "https://login.example.com/healthz?x=1"},
		{"https://a:8443/a%20b", Check{Kind: HTTPS, Host: "a", Port: 8443, Path: "/a%20b"}, "https://a:8443/a%20b"},
		{"http://[2001:db8::1]:8080/", Check{Kind: HTTP, Host: "2001:db8::1", Port: 8080, Path: "/"}, "http://[2001:db8::1]:8080/"},
		{"https://a:443/", Check{Kind: HTTPS, Host: "a", Port: 443, Path: "/"}, "https://a/"},
		{"http://a:443/", Check{Kind: HTTP, Host: "a", Port: 443, Path: "/"}, "http://a:443/"},
		{"tcp://:5432", Check{Kind: TCP, Port: 5432}, "tcp://:5432"},
	}
	for _, test := range tests {
		c, err := ParseURL(test.url)
		if err != nil || !reflect.DeepEqual(c, test.want) {
			t.Errorf("%s: %+v, %v", test.url, c, err)
		}
		if got := c.URL(); got != test.back {
			t.Errorf("%s is written %s, want %s", test.url, got, test.back)
		}
		again, err := ParseURL(c.URL())
		if err != nil || !again.Equal(&c) {
			t.Errorf("%s does not read back: %+v, %v", c.URL(), again, err)
		}
	}
}

func TestURLIsRefusedWithTheWayOut(t *testing.T) {
	for url, want := range map[string]string{
		"ftp://a/":               `"ftp://a/": a check's URL begins with http://, https:// or tcp://`,
		"a.example.com":          `"a.example.com": a check's URL begins with http://, https:// or tcp://`,
		"http://":                `"http://" has no host; the host is sent as Host header and TLS server name`,
		"https:///healthz":       `"https:///healthz" has no host; the host is sent as Host header and TLS server name`,
		"https://u:p@a/":         `a check's URL may not hold a user or password; use: header Authorization file:PATH`,
		"https://a:0/":           `"https://a:0/": port "0" is not between 1 and 65535`,
		"https://a:65536/":       `"https://a:65536/": port "65536" is not between 1 and 65535`,
		"https://a:b/":           `"https://a:b/" is no URL: invalid port ":b" after host`,
		"https://a/#x":           `"https://a/#x": the part after # is never sent to a server; leave it out`,
		"https://bücher.example": `"https://bücher.example": write the host in its ASCII form (xn--…, RFC 5891)`,
		"tcp://":                 `"tcp://" is no TCP check; write tcp://:PORT`,
		"tcp://:443/x":           `"tcp://:443/x" is no TCP check; write tcp://:PORT`,
		"tcp://a:443":            `"tcp://a:443" names a host; a TCP check connects to the site's addresses: write tcp://:443, or add: dial a`,
		"tcp://:70000":           `"tcp://:70000": port "70000" is not between 1 and 65535`,
	} {
		if _, err := ParseURL(url); err == nil || err.Error() != want {
			t.Errorf("%s: %v\nwant %s", url, err, want)
		}
	}
}

func parsed(t *testing.T, url string) Check {
	t.Helper()
	c, err := ParseURL(url)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestDefaultsAreTheContracts(t *testing.T) {
	c := parsed(t, "https://a/")
	if err := c.Complete(); err != nil {
		t.Fatal(err)
	}
	want := Check{Kind: HTTPS, Host: "a", Port: 443, Path: "/", Interval: 10 * time.Second, Timeout: 4 * time.Second,
		Failures: 3, Successes: 3, Method: "GET"}
	if !reflect.DeepEqual(c, want) {
		t.Errorf("got %+v", c)
	}
	if d := c.WorstDetection(); d != 34*time.Second {
		t.Errorf("worst detection %s, want 30s and one timeout", d)
	}
	for interval, timeout := range map[time.Duration]time.Duration{
		500 * time.Millisecond: 200 * time.Millisecond, time.Second: 400 * time.Millisecond, time.Hour: 4 * time.Second,
	} {
		c := Check{Kind: TCP, Port: 1, Interval: interval}
		if err := c.Complete(); err != nil || c.Timeout != timeout || c.Method != "" {
			t.Errorf("interval %s: timeout %s, method %q, %v", interval, c.Timeout, c.Method, err)
		}
	}
}

func TestCheckOutOfRangeIsRefused(t *testing.T) {
	const ms = time.Millisecond
	tests := []struct {
		url    string
		change func(*Check)
		want   string
	}{
		{"http://a/", func(c *Check) { c.Interval = 499 * ms }, "interval 499ms is not between 500ms and 1h0m0s"},
		{"http://a/", func(c *Check) { c.Interval = 2 * time.Hour }, "interval 2h0m0s is not between 500ms and 1h0m0s"},
		{"http://a/", func(c *Check) { c.Interval = -1 }, "interval -1ns is not between 500ms and 1h0m0s"},
		{"http://a/", func(c *Check) { c.Timeout = 10 * time.Second }, "timeout 10s is not between 10ms and less than the interval, 10s: two probes of one endpoint are never in flight"},
		{"http://a/", func(c *Check) { c.Timeout = ms }, "timeout 1ms is not between 10ms and less than the interval, 10s: two probes of one endpoint are never in flight"},
		{"http://a/", func(c *Check) { c.Failures = 65 }, "failures 65 is not between 1 and 64"},
		{"http://a/", func(c *Check) { c.Failures = -1 }, "failures -1 is not between 1 and 64"},
		{"http://a/", func(c *Check) { c.Window = 2 }, "failures 3 of 2: the window is not between 3 and 64"},
		{"http://a/", func(c *Check) { c.Window = 65 }, "failures 3 of 65: the window is not between 3 and 64"},
		{"http://a/", func(c *Check) { c.Successes = 65 }, "successes 65 is not between 1 and 64"},
		{"http://a/", func(c *Check) { c.Recheck = 99 * ms }, "recheck 99ms is not between 100ms and the interval, 10s"},
		{"http://a/", func(c *Check) { c.Recheck = 11 * time.Second }, "recheck 11s is not between 100ms and the interval, 10s"},
		{"http://a/", func(c *Check) { c.Match = strings.Repeat("x", 5121) }, "match is 5121 bytes long; only the first 5120 of a body are read"},
		{"http://a/", func(c *Check) { c.Status = []StatusRange{{200, 299}, {99, 100}} }, "status 99-100 is no range of HTTP status codes (100 to 599)"},
		{"http://a/", func(c *Check) { c.Status = []StatusRange{{300, 200}} }, "status 300-200 is no range of HTTP status codes (100 to 599)"},
		{"http://a/", func(c *Check) { c.Insecure = true }, "insecure and server-name belong to https checks, not to http"},
		{"tcp://:1", func(c *Check) { c.ServerName = "a" }, "insecure and server-name belong to https checks, not to tcp"},
		{"tcp://:1", func(c *Check) { c.Match = "a" }, "method, header, status, match and follow-redirects belong to http and https checks, not to tcp"},
		{"tcp://:1", func(c *Check) { c.FollowRedirects = true }, "method, header, status, match and follow-redirects belong to http and https checks, not to tcp"},
		{"http://a/", func(c *Check) { c.Method = "GE T" }, `method "GE T" is no HTTP method`},
		{"http://a/", func(c *Check) { c.Method, c.Match = "HEAD", "x" }, "match needs a body, and the answer to a HEAD request has none; use: method GET"},
		{"http://a/", func(c *Check) { c.Headers = []Header{{Name: "X:"}} }, `header "X:" is no name of a header field`},
		{"http://a/", func(c *Check) { c.Headers = []Header{{Name: "host", Value: "b"}} }, `header "host": the Host is that of the check's URL; change the URL`},
		{"http://a/", func(c *Check) { c.Headers = []Header{{Name: "Content-Length", Value: "1"}} }, `header "Content-Length" is the prober's own to set`},
		{"http://a/", func(c *Check) { c.Headers = []Header{{Name: "X", Value: "1", File: "/f"}} }, `header "X" has both a value and a file`},
		{"http://a/", func(c *Check) { c.Headers = []Header{{Name: "X", Value: "a\r\nY: b"}} }, `header "X": its value has control characters`},
		{"http://a/", func(c *Check) { c.Dial = "b:0" }, `dial "b:0": port "0" is not between 1 and 65535`},
		{"http://a/", func(c *Check) { c.Dial = "http://b" }, `dial "http://b": port "//b" is not between 1 and 65535`},
		{"http://a/", func(c *Check) { c.Dial = "b/c" }, `dial "b/c" is not HOST or HOST:PORT`},
		{"http://a/", func(c *Check) { c.Dial = ":443" }, `dial ":443" is not HOST or HOST:PORT`},
		{"http://a/", func(c *Check) { c.Path = "healthz" }, `path "healthz" does not begin with /`},
		{"http://a/", func(c *Check) { c.Host = "" }, "the host is empty; it is sent as Host header and TLS server name"},
		{"http://a/", func(c *Check) { c.Port = 0 }, "port 0 is not between 1 and 65535"},
		{"http://a/", func(c *Check) { c.Kind = "icmp" }, `kind "icmp" is none of: http, https, tcp`},
	}
	for _, test := range tests {
		c := parsed(t, test.url)
		test.change(&c)
		if err := c.Complete(); err == nil || err.Error() != test.want {
			t.Errorf("%v\nwant %s", err, test.want)
		}
	}
}

func TestDialIsHostWithOrWithoutPort(t *testing.T) {
	tests := []struct {
		in, host string
		port     uint16
	}{
		{"a.example.com", "a.example.com", 0}, {"a:443", "a", 443}, {"192.0.2.1", "192.0.2.1", 0}, {"192.0.2.1:80", "192.0.2.1", 80},
		{"2001:db8::1", "2001:db8::1", 0}, {"[2001:db8::1]", "2001:db8::1", 0}, {"[2001:db8::1]:80", "2001:db8::1", 80},
	}
	for _, test := range tests {
		if host, port, err := ParseDial(test.in); err != nil || host != test.host || port != test.port {
			t.Errorf("%s: %q %d, %v", test.in, host, port, err)
		}
	}
}

func TestStatusPasses(t *testing.T) {
	plain := Check{}
	chosen := Check{Status: []StatusRange{{200, 204}, {401, 401}}}
	for status, want := range map[int][2]bool{
		101: {false, false}, 199: {false, false}, 200: {true, true}, 204: {true, true}, 205: {true, false}, 302: {true, false},
		399: {true, false}, 400: {false, false}, 401: {false, true}, 503: {false, false},
	} {
		if got := [2]bool{plain.Passes(status), chosen.Passes(status)}; got != want {
			t.Errorf("%d: %v, want %v", status, got, want)
		}
	}
}

// TestEveryFieldMakesARevision changes each field by reflection, so that a new one cannot be forgotten in Equal.
func TestEveryFieldMakesARevision(t *testing.T) {
	full := parsed(t, "https://a/")
	if err := full.Complete(); err != nil {
		t.Fatal(err)
	}
	for i := range reflect.TypeFor[Check]().NumField() {
		changed := full
		field := reflect.ValueOf(&changed).Elem().Field(i)
		switch field.Kind() {
		case reflect.String:
			field.SetString(field.String() + "x")
		case reflect.Int, reflect.Int64:
			field.SetInt(field.Int() + 1)
		case reflect.Uint16:
			field.SetUint(field.Uint() + 1)
		case reflect.Bool:
			field.SetBool(!field.Bool())
		case reflect.Slice:
			field.Set(reflect.MakeSlice(field.Type(), 1, 1))
		default:
			t.Fatalf("no change known for a field of kind %s", field.Kind())
		}
		if changed.Equal(&full) || full.Equal(&changed) {
			t.Errorf("a changed %s is no new revision", reflect.TypeFor[Check]().Field(i).Name)
		}
	}
	same := full
	same.Headers, same.Status = []Header{}, []StatusRange{}
	if !same.Equal(&full) {
		t.Error("empty lists differ from absent ones")
	}
}

func TestRecheckShortensDetection(t *testing.T) {
	c := Check{Kind: TCP, Port: 1, Recheck: time.Second}
	if err := c.Complete(); err != nil {
		t.Fatal(err)
	}
	if d := c.WorstDetection(); d != 22*time.Second { // 10 s to the first failure, which takes 4 s, as do the next two
		t.Errorf("worst detection %s", d)
	}
}
