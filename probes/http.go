package probes

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"io"
	"maps"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"time"

	"failoverdns/health"
)

// maxHeader bounds the header of a response, status line and interim responses included, in bytes: Route 53's limit
// (Developer Guide, "How Route 53 determines whether an endpoint is healthy").
const maxHeader = 16 << 10

// visit is one HTTP probe: the first request and those that redirects ask for. It speaks HTTP/1.1 by hand over one
// connection for each request, which keeps all bounds, deadlines and error reasons in sight; http.Transport hides them.
type visit struct {
	env     *Env
	target  Target
	headers http.Header    // the check's own, secrets included: for the check's own host only
	start   netip.AddrPort // where the first request went
	at      netip.AddrPort // last dialled
}

// probeHTTP succeeds when the response has a passing status and the match, if any, in the first bytes of its body.
func probeHTTP(ctx context.Context, env *Env, t Target) (netip.Addr, error) {
	v := &visit{env: env, target: t}
	if err := v.readHeaders(); err != nil {
		return netip.Addr{}, err
	}
	next, err := firstHop(&t.Check)
	for n := 0; err == nil && next != nil; n++ {
		if n > maxRedirects {
			err = newFault(health.Protocol, "more than %d redirects", maxRedirects)
			break
		}
		next, err = v.fetch(ctx, next)
	}
	return v.at.Addr(), err
}

// readHeaders takes the check's headers, reading files anew.
func (v *visit) readHeaders() error {
	v.headers = make(http.Header, len(v.target.Check.Headers)+3)
	for _, h := range v.target.Check.Headers {
		value := h.Value
		if h.File != "" {
			data, err := v.env.readFile(h.File)
			if err != nil {
				return newFault(health.Secret, "header %s: %v", h.Name, err)
			}
			value = string(data)
			if strings.ContainsFunc(value, func(r rune) bool { return r < ' ' && r != '\t' || r == 0x7f }) {
				return newFault(health.Secret, "header %s: %s has control characters or more than one line", h.Name, h.File)
			}
		}
		v.headers.Add(h.Name, value)
	}
	return nil
}

// fetch makes one request, and gives the next hop if the response is a redirect to follow, or judges it.
func (v *visit) fetch(ctx context.Context, h *hop) (*hop, error) {
	places, err := v.places(ctx, h)
	if err != nil {
		return nil, err
	}
	conn, at, err := v.env.connect(ctx, v.target, places)
	v.at = at
	if h.first {
		v.start = at
	}
	if err != nil {
		return nil, err
	}
	defer conn.Close()
	defer bind(ctx, conn)()
	if h.url.Scheme == "https" {
		if conn, err = v.secure(conn, h); err != nil {
			return nil, err
		}
		defer conn.Close()
	}
	resp, err := v.exchange(conn, h)
	if err != nil {
		return nil, err
	}
	if next, err := v.follow(h, resp); next != nil || err != nil {
		return next, err
	}
	return nil, v.judge(resp)
}

// request is what a hop sends. Identity as the only encoding makes a compressed body mere bytes.
func (v *visit) request(h *hop) *http.Request {
	header := make(http.Header, len(v.headers)+3)
	header.Set("User-Agent", v.env.userAgent())
	header.Set("Accept", "*/*")
	header.Set("Accept-Encoding", "identity")
	if h.own {
		maps.Copy(header, v.headers)
	}
	return &http.Request{
		Method: h.method, URL: h.url, Host: hostHeader(h.url), Header: header, Close: true,
		Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
	}
}

// exchange sends the request and reads the header of the final response.
func (v *visit) exchange(conn net.Conn, h *hop) (*http.Response, error) {
	req := v.request(h)
	if err := req.Write(conn); err != nil {
		return nil, v.streamFault(err, "the request could not be sent")
	}
	bounded := &io.LimitedReader{R: conn, N: maxHeader}
	reader := bufio.NewReader(bounded)
	for {
		resp, err := http.ReadResponse(reader, req)
		switch {
		case err != nil && bounded.N <= 0:
			return nil, newFault(health.Protocol, "the response's header is longer than %d bytes", maxHeader)
		case errors.Is(err, io.ErrUnexpectedEOF) && bounded.N == maxHeader:
			return nil, newFault(health.Protocol, "the connection was closed without a response")
		case err != nil:
			return nil, v.streamFault(err, "no complete response header")
		case resp.StatusCode >= 200 || resp.StatusCode == http.StatusSwitchingProtocols:
			bounded.N = health.MatchWindow + maxHeader // framing of a chunked body included
			return resp, nil
		}
	}
}

// judge holds a response against the check. The body is not closed: that would read it to its end.
func (v *visit) judge(resp *http.Response) error {
	if !v.target.Check.Passes(resp.StatusCode) {
		return newFault(health.Status, "%s", resp.Status)
	}
	if v.target.Check.Match == "" {
		return nil
	}
	return v.findMatch(resp.Body, []byte(v.target.Check.Match))
}

// findMatch reads up to health.MatchWindow bytes, and no further than to the end of the match.
func (v *visit) findMatch(body io.Reader, want []byte) error {
	seen := make([]byte, 0, health.MatchWindow)
	for {
		n, err := body.Read(seen[len(seen):cap(seen)])
		from := max(0, len(seen)-len(want)+1) // a match may begin in what was read before
		seen = seen[:len(seen)+n]
		switch {
		case bytes.Contains(seen[from:], want):
			return nil
		case len(seen) == cap(seen):
			return newFault(health.Match, "match not found in the first %d bytes of the body", len(seen))
		case err == io.EOF:
			return newFault(health.Match, "match not found in the body of %d bytes", len(seen))
		case err != nil:
			return v.streamFault(err, "match not found in %d bytes of the body", len(seen))
		}
	}
}

// streamFault reads an error on an open connection; what says how far the probe had come.
func (v *visit) streamFault(err error, what string, args ...any) *fault {
	what = newFault("", what, args...).detail
	var op *net.OpError
	switch {
	case isTimeout(err):
		return newFault(health.Timeout, "%s within %s", what, v.target.Check.Timeout.Round(time.Millisecond))
	case isReset(err):
		return newFault(health.Reset, "%s: connection reset", what)
	case errors.As(err, &op) && (op.Op == "remote error" || op.Op == "local error"): // how crypto/tls gives alerts
		return newFault(health.TLS, "%s: %v", what, op.Err)
	case errors.Is(err, io.ErrUnexpectedEOF):
		return newFault(health.Protocol, "%s: the connection was closed", what)
	}
	return newFault(health.Protocol, "%s: %v", what, err)
}
