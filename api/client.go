package api

import (
	"bytes"
	"cmp"
	"context"
	"crypto/rand"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync/atomic"
	"time"
)

// DefaultServer is where a node on this machine listens.
const DefaultServer = "http://127.0.0.1:8053"

// DefaultTimeout bounds one call of a Client, all its servers together.
const DefaultTimeout = 10 * time.Second

// dialTimeout bounds one connection attempt: a server that drops packets must leave time for the next one.
const dialTimeout = 2 * time.Second

// maxAnswer bounds what is read of an answer, in bytes.
const maxAnswer = 64 << 20

// Options are what a Client is made of. The zero value asks DefaultServer without a token.
type Options struct {
	Servers    []string          // base URLs, tried in order
	Token      string            // sent as bearer token (RFC 6750 section 2.1); only to https or loopback
	Consistent bool              // reads ask the leader first
	Timeout    time.Duration     // of one call; DefaultTimeout if 0
	TLS        *tls.Config       // of https servers; nil: the system's roots, and no certificate of one's own
	Transport  http.RoundTripper // instead of all that
	UserAgent  string
}

// Client asks the first of its servers that answers. It stays with that one until it fails.
type Client struct {
	servers    []*url.URL
	preferred  atomic.Int32 // index of the server that answered last
	token      string
	consistent bool
	timeout    time.Duration
	http       *http.Client
	agent      string
}

// NewClient checks the options and makes a client.
func NewClient(o Options) (*Client, error) {
	if len(o.Servers) == 0 {
		o.Servers = []string{DefaultServer}
	}
	c := &Client{token: o.Token, consistent: o.Consistent, timeout: o.Timeout, agent: o.UserAgent}
	for _, s := range o.Servers {
		u, err := parseServer(s, o.Token != "")
		if err != nil {
			return nil, err
		}
		c.servers = append(c.servers, u)
	}
	if c.timeout <= 0 {
		c.timeout = DefaultTimeout
	}
	if o.Transport == nil {
		o.Transport = newTransport(o.TLS)
	}
	c.http = &http.Client{Transport: o.Transport, CheckRedirect: refuseRedirect}
	return c, nil
}

// newTransport obeys no proxy setting: the servers are named one by one, and a token must not pass a proxy.
func newTransport(c *tls.Config) *http.Transport {
	return &http.Transport{
		TLSClientConfig:     c,
		DialContext:         (&net.Dialer{Timeout: dialTimeout}).DialContext,
		TLSHandshakeTimeout: dialTimeout,
		ForceAttemptHTTP2:   true,
		IdleConnTimeout:     30 * time.Second,
	}
}

func refuseRedirect(r *http.Request, _ []*http.Request) error {
	return fmt.Errorf("the server redirects to %q; name that server itself", r.URL)
}

func parseServer(s string, token bool) (*url.URL, error) {
	s = strings.TrimSpace(s)
	if s != "" && !strings.Contains(s, "://") {
		s = "http://" + s
	}
	u, err := url.Parse(s)
	switch {
	case err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https":
		return nil, fmt.Errorf("server %q is no URL like http://127.0.0.1:8053 or https://ns1.example.net:8053", s)
	case u.User != nil || u.RawQuery != "" || u.Fragment != "":
		return nil, fmt.Errorf("server %q may hold scheme, host, port and path only", u.Redacted())
	case token && u.Scheme == "http" && !loopback(u.Hostname()):
		return nil, fmt.Errorf("server %q: a token is not sent in the clear; use https", s)
	}
	u.Path = strings.TrimSuffix(u.Path, "/")
	return u, nil
}

func loopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

// NewRequestID makes a name for a write, for use with WithRequestID.
func NewRequestID() string { return rand.Text() }

type requestIDKey struct{}

// WithRequestID gives the writes of a context this ID, so that a write whose outcome is unknown can be repeated.
// Without it each write gets an ID of its own.
func WithRequestID(ctx context.Context, id string) context.Context {
	return context.WithValue(ctx, requestIDKey{}, id)
}

// call is one request, before it is known who will answer it.
type call struct {
	method string
	path   string // escaped
	query  url.Values
	body   []byte
	media  string  // of body; JSON if empty
	raw    *[]byte // where an answer goes that is no JSON
	id     string  // of a write
}

// accept is the media type of the answer, if it is not JSON.
func (w *call) accept() string {
	if w.raw != nil {
		return Gzip
	}
	return ""
}

func (c *Client) get(ctx context.Context, path string, query url.Values, into Answer) error {
	if query == nil {
		query = url.Values{}
	}
	if c.consistent {
		query.Set("consistent", "")
	}
	return c.do(ctx, &call{method: http.MethodGet, path: path, query: query}, into)
}

func (c *Client) write(ctx context.Context, method, path string, query url.Values, body any, plan bool) (*Written, error) {
	w := &call{method: method, path: path, query: query}
	if w.query == nil {
		w.query = url.Values{}
	}
	if body != nil {
		b, err := json.Marshal(body)
		if err != nil {
			return nil, fmt.Errorf("encode the request: %w", err)
		}
		w.body = b
	}
	return c.send(ctx, w, plan)
}

// doJSON is do with a body, for what is no command of the cluster.
func (c *Client) doJSON(ctx context.Context, w *call, body any, into Answer) error {
	b, err := json.Marshal(body)
	if err != nil {
		return fmt.Errorf("encode the request: %w", err)
	}
	w.body = b
	return c.do(ctx, w, into)
}

// send does a write.
func (c *Client) send(ctx context.Context, w *call, plan bool) (*Written, error) {
	if plan {
		w.query.Set("plan", "")
	}
	w.id, _ = ctx.Value(requestIDKey{}).(string)
	if w.id == "" {
		w.id = NewRequestID()
	}
	into := new(Written)
	return into, c.do(ctx, w, into)
}

// do asks one server after the other until one answers; an error answer is an answer. A write that a server may
// have got is repeated at the next one under the same request ID, and if nobody then says what became of it, the
// outcome is unknown.
func (c *Client) do(ctx context.Context, w *call, into Answer) error {
	ctx, cancel := context.WithTimeout(ctx, c.timeout)
	defer cancel()
	var tries []error
	sent := false
	first := int(c.preferred.Load())
	for i := range c.servers {
		at := (first + i) % len(c.servers)
		answered, err := c.try(ctx, w, at, len(c.servers)-i, into)
		if answered {
			c.preferred.Store(int32(at))
			return c.settle(err, w, sent)
		}
		tries = append(tries, err)
		sent = sent || !neverSent(err)
		if ctx.Err() != nil {
			break
		}
	}
	kind := ErrUnreachable
	if sent && w.id != "" {
		kind = ErrUnknownOutcome
	}
	return &TransportError{kind, tries}
}

// settle judges an answer to a write of which an earlier try may have been taken: that nobody could do it now says
// nothing about the earlier try.
func (c *Client) settle(err error, w *call, sent bool) error {
	var p *Problem
	if w.id != "" && sent && errors.As(err, &p) && p.Status >= 500 {
		return &TransportError{ErrUnknownOutcome, []error{err}}
	}
	return err
}

// try asks one server, in its share of the time that is left. answered is false where it gave no HTTP answer.
func (c *Client) try(ctx context.Context, w *call, at, left int, into Answer) (answered bool, err error) {
	if deadline, ok := ctx.Deadline(); ok {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, time.Until(deadline)/time.Duration(left))
		defer cancel()
	}
	r, err := c.request(ctx, w, at)
	if err != nil {
		return false, err
	}
	res, err := c.http.Do(r)
	if err != nil {
		return false, err
	}
	defer res.Body.Close()
	b, err := io.ReadAll(io.LimitReader(res.Body, maxAnswer))
	if err != nil {
		return false, fmt.Errorf("read the answer of %s: %w", c.servers[at], err)
	}
	if res.StatusCode >= 400 {
		return true, problemOf(res, b)
	}
	if w.raw != nil {
		*w.raw = b
		return true, nil
	}
	if err := json.Unmarshal(b, into); err != nil {
		err = fmt.Errorf("the answer of %s is none of this API: %w", c.servers[at], err)
		if w.id != "" {
			err = &TransportError{ErrUnknownOutcome, []error{err}}
		}
		return true, err
	}
	return true, nil
}

func (c *Client) request(ctx context.Context, w *call, at int) (*http.Request, error) {
	u := c.servers[at].JoinPath(w.path)
	u.RawQuery = w.query.Encode()
	var body io.Reader
	if w.body != nil {
		body = bytes.NewReader(w.body)
	}
	r, err := http.NewRequestWithContext(ctx, w.method, u.String(), body)
	if err != nil {
		return nil, fmt.Errorf("make a request to %s: %w", c.servers[at], err)
	}
	r.Header.Set("Accept", cmp.Or(w.accept(), JSON)+", "+ProblemJSON)
	if w.body != nil {
		r.Header.Set("Content-Type", cmp.Or(w.media, JSON))
	}
	if w.id != "" {
		r.Header.Set(RequestIDHeader, w.id)
	}
	if c.token != "" {
		r.Header.Set("Authorization", "Bearer "+c.token)
	}
	if c.agent != "" {
		r.Header.Set("User-Agent", c.agent)
	}
	return r, nil
}

// neverSent says whether an error came before a byte of the request left.
func neverSent(err error) bool {
	var op *net.OpError
	return errors.As(err, &op) && op.Op == "dial"
}

// problemOf decodes an error answer; one that is no problem document (from a proxy, say) becomes one.
func problemOf(res *http.Response, body []byte) error {
	p := new(Problem)
	if json.Unmarshal(body, p) != nil || p.Title == "" {
		p = &Problem{Title: http.StatusText(res.StatusCode), Detail: fmt.Sprintf("%s answers HTTP status %s, and not in this API's form: is it an admin API?", res.Request.URL.Host, res.Status)}
	}
	p.Status = res.StatusCode
	return p
}
