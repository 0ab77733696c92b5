// Package health holds what a health check is, as data, and the pure rules that turn probe results into votes, votes
// into verdicts, and returns into holds. It has no I/O and no clock: whoever calls it says what time it is.
package health

import (
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Kind is a probe type.
type Kind string

// The probe types.
const (
	HTTP  Kind = "http"
	HTTPS Kind = "https"
	TCP   Kind = "tcp"
)

// Check is how an endpoint is probed. It is part of the replicated state: header values read from files are not in
// it, only the files' paths.
type Check struct {
	Kind Kind   `json:"kind"`
	Host string `json:"host,omitempty"` // of the URL: the Host header and the TLS server name; never looked up
	Port uint16 `json:"port"`
	Path string `json:"path,omitempty"` // with the query string

	Interval  time.Duration `json:"interval"`          // start to start; at least 500 ms
	Timeout   time.Duration `json:"timeout"`           // connect, TLS and response together
	Failures  int           `json:"failures"`          // 1 to 64
	Window    int           `json:"window,omitempty"`  // failures count among so many results; 0: in a row
	Successes int           `json:"successes"`         // in a row, 1 to 64
	Recheck   time.Duration `json:"recheck,omitempty"` // spacing of tries after a first failure; 0: the interval

	Dial            string        `json:"dial,omitempty"` // HOST[:PORT] to connect to instead of the site's addresses
	Method          string        `json:"method,omitempty"`
	Headers         []Header      `json:"headers,omitempty"`
	Status          []StatusRange `json:"status,omitempty"`
	Match           string        `json:"match,omitempty"` // must stand in the first MatchWindow bytes of the body
	FollowRedirects bool          `json:"follow_redirects,omitempty"`
	Insecure        bool          `json:"insecure,omitempty"`
	ServerName      string        `json:"server_name,omitempty"` // TLS server name, if not the URL's host
}

// Header is sent with each request. With File the value is read on each node and never leaves it.
type Header struct {
	Name  string `json:"name"`
	Value string `json:"value,omitempty"`
	File  string `json:"file,omitempty"`
}

// StatusRange passes status codes From to To, both included.
type StatusRange struct {
	From int `json:"from"`
	To   int `json:"to"`
}

// Defaults and bounds. 3 failures, 10 s apart, and the 5,120 bytes of MatchWindow are Route 53's (Developer Guide,
// "Values that you specify when you create or update health checks").
const (
	DefaultInterval  = 10 * time.Second
	MinInterval      = 500 * time.Millisecond
	MaxInterval      = time.Hour
	MaxTimeout       = 4 * time.Second // of the default; 0.4 of the interval if that is less
	DefaultFailures  = 3
	DefaultSuccesses = 3
	MaxCount         = 64
	MatchWindow      = 5120
)

// ParseURL begins a check from its URL: http, https, or tcp://:PORT.
func ParseURL(s string) (Check, error) {
	u, err := url.Parse(s)
	if err != nil {
		return Check{}, fmt.Errorf("%q is no URL: %w", s, errors.Unwrap(err))
	}
	c := Check{Kind: Kind(u.Scheme), Host: strings.TrimSuffix(strings.ToLower(u.Hostname()), ".")}
	switch {
	case u.User != nil:
		return Check{}, errors.New("a check's URL may not hold a user or password; use: header Authorization file:PATH")
	case u.Fragment != "":
		return Check{}, fmt.Errorf("%q: the part after # is never sent to a server; leave it out", s)
	case strings.ContainsFunc(c.Host, func(r rune) bool { return r >= 0x80 }):
		return Check{}, fmt.Errorf("%q: write the host in its ASCII form (xn--…, RFC 5891)", s)
	}
	switch c.Kind {
	case HTTP, HTTPS:
		c.Port = map[Kind]uint16{HTTP: 80, HTTPS: 443}[c.Kind]
		c.Path = u.RequestURI()
		if c.Host == "" {
			return Check{}, fmt.Errorf("%q has no host; the host is sent as Host header and TLS server name", s)
		}
	case TCP:
		if u.Path != "" || u.RawQuery != "" || u.Host == "" || u.Port() == "" {
			return Check{}, fmt.Errorf("%q is no TCP check; write tcp://:PORT", s)
		}
		if c.Host != "" {
			return Check{}, fmt.Errorf("%q names a host; a TCP check connects to the site's addresses: write tcp://:%s, or add: dial %s", s, u.Port(), u.Hostname())
		}
	default:
		return Check{}, fmt.Errorf("%q: a check's URL begins with http://, https:// or tcp://", s)
	}
	if p := u.Port(); p != "" {
		n, err := strconv.ParseUint(p, 10, 16)
		if err != nil || n == 0 {
			return Check{}, fmt.Errorf("%q: port %q is not between 1 and 65535", s, p)
		}
		c.Port = uint16(n)
	}
	return c, nil
}

// Complete fills in the defaults and says what is out of range.
func (c *Check) Complete() error {
	if c.Interval == 0 {
		c.Interval = DefaultInterval
	}
	if c.Timeout == 0 {
		c.Timeout = min(MaxTimeout, c.Interval*2/5)
	}
	if c.Failures == 0 {
		c.Failures = DefaultFailures
	}
	if c.Successes == 0 {
		c.Successes = DefaultSuccesses
	}
	if c.Method == "" && c.Kind != TCP {
		c.Method = "GET"
	}
	switch {
	case c.Interval < MinInterval || c.Interval > MaxInterval:
		return fmt.Errorf("interval %s is not between %s and %s", c.Interval, MinInterval, MaxInterval)
	case c.Timeout < 10*time.Millisecond || c.Timeout >= c.Interval:
		return fmt.Errorf("timeout %s is not between 10ms and less than the interval, %s: two probes of one endpoint are never in flight", c.Timeout, c.Interval)
	case c.Failures < 1 || c.Failures > MaxCount:
		return fmt.Errorf("failures %d is not between 1 and %d", c.Failures, MaxCount)
	case c.Window != 0 && (c.Window < c.Failures || c.Window > MaxCount):
		return fmt.Errorf("failures %d of %d: the window is not between %d and %d", c.Failures, c.Window, c.Failures, MaxCount)
	case c.Successes < 1 || c.Successes > MaxCount:
		return fmt.Errorf("successes %d is not between 1 and %d", c.Successes, MaxCount)
	case c.Recheck != 0 && (c.Recheck < 100*time.Millisecond || c.Recheck > c.Interval):
		return fmt.Errorf("recheck %s is not between 100ms and the interval, %s", c.Recheck, c.Interval)
	case len(c.Match) > MatchWindow:
		return fmt.Errorf("match is %d bytes long; only the first %d of a body are read", len(c.Match), MatchWindow)
	}
	return c.fits()
}

// Equal says whether two checks probe alike; a check that changes is a new revision.
func (c *Check) Equal(o *Check) bool {
	a, b := *c, *o
	if !slices.Equal(a.Headers, b.Headers) || !slices.Equal(a.Status, b.Status) {
		return false
	}
	a.Headers, b.Headers, a.Status, b.Status = nil, nil, nil, nil
	return a.Kind == b.Kind && a.Host == b.Host && a.Port == b.Port && a.Path == b.Path &&
		a.Interval == b.Interval && a.Timeout == b.Timeout && a.Failures == b.Failures && a.Window == b.Window &&
		a.Successes == b.Successes && a.Recheck == b.Recheck && a.Dial == b.Dial && a.Method == b.Method &&
		a.Match == b.Match && a.FollowRedirects == b.FollowRedirects && a.Insecure == b.Insecure && a.ServerName == b.ServerName
}

// URL is the check's URL as it would be written.
func (c *Check) URL() string {
	host := c.Host
	if strings.Contains(host, ":") {
		host = "[" + host + "]"
	}
	if !(c.Kind == HTTP && c.Port == 80 || c.Kind == HTTPS && c.Port == 443) {
		host += ":" + strconv.Itoa(int(c.Port))
	}
	return string(c.Kind) + "://" + host + c.Path
}

// Passes says whether an HTTP status is a success: 200 to 399 unless Status says otherwise.
func (c *Check) Passes(status int) bool {
	if len(c.Status) == 0 {
		return status >= 200 && status <= 399
	}
	return slices.ContainsFunc(c.Status, func(r StatusRange) bool { return r.From <= status && status <= r.To })
}

// WorstDetection is the longest time from an endpoint's death to this node's vote: the probe just before it passed,
// so a whole interval goes by, then the run of failures, the last of which may take the whole timeout.
func (c *Check) WorstDetection() time.Duration {
	spacing := c.Interval
	if c.Recheck > 0 {
		spacing = max(c.Recheck, c.Timeout)
	}
	return c.Interval + time.Duration(c.Failures-1)*spacing + c.Timeout
}
