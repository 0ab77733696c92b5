package probes

import (
	"context"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strconv"
	"strings"

	"failoverdns/health"
)

// maxRedirects bounds how many redirects one probe follows.
const maxRedirects = 5

// hop is one request of a probe.
type hop struct {
	url    *url.URL // scheme, host in lower case with a port that is not the default, path and query
	method string
	first  bool
	own    bool // goes to the host of the check's URL: its headers, server name and insecure apply
}

// firstHop is the check's own request.
func firstHop(c *health.Check) (*hop, error) {
	u, err := url.Parse(c.URL())
	if err != nil {
		return nil, newFault(health.Protocol, "the check's URL: %v", err)
	}
	return &hop{url: u, method: c.Method, first: true, own: true}, nil
}

// follow gives the hop that a redirect asks for, or nil if the response is to be judged as it stands. From https to
// http is refused: a check that asks for a verified answer must not end with one that anybody on the way can give.
func (v *visit) follow(h *hop, resp *http.Response) (*hop, error) {
	location := resp.Header.Get("Location")
	if !v.target.Check.FollowRedirects || location == "" || !redirects(resp.StatusCode) {
		return nil, nil
	}
	u, err := h.url.Parse(location)
	if err != nil {
		return nil, newFault(health.Protocol, "redirect to an unreadable URL")
	}
	u.User, u.Fragment, u.Host = nil, "", strings.ToLower(u.Host)
	switch {
	case u.Scheme != "http" && u.Scheme != "https" || u.Hostname() == "":
		return nil, newFault(health.Protocol, "redirect to %s, which is neither http nor https", u.Scheme)
	case h.url.Scheme == "https" && u.Scheme == "http":
		return nil, newFault(health.Protocol, "redirect from https to http://%s is not followed", u.Host)
	}
	if _, err := portOf(u); err != nil {
		return nil, newFault(health.Protocol, "redirect to port %q", u.Port())
	}
	next := &hop{url: u, method: h.method, own: u.Hostname() == v.target.Check.Host}
	if keeps := resp.StatusCode == 307 || resp.StatusCode == 308; !keeps && h.method != http.MethodHead {
		next.method = http.MethodGet
	}
	return next, nil
}

func redirects(status int) bool {
	switch status {
	case 301, 302, 303, 307, 308:
		return true
	}
	return false
}

// places is where a hop is dialled. The check's own host and names that this cluster steers stay at the address under
// probe: looking them up would give whichever site is active. At the check's own port that is the port already dialled.
func (v *visit) places(ctx context.Context, h *hop) ([]netip.AddrPort, error) {
	if h.first {
		return v.env.locate(ctx, v.target)
	}
	port, err := portOf(h.url)
	if err != nil {
		return nil, err
	}
	host := h.url.Hostname()
	switch {
	case h.own && port == v.target.Check.Port:
		return []netip.AddrPort{v.start}, nil
	case h.own, v.env.Steered != nil && v.env.Steered(host):
		return []netip.AddrPort{netip.AddrPortFrom(v.start.Addr(), port)}, nil
	}
	return v.env.resolve(ctx, host, port)
}

// portOf is a URL's port, or its scheme's.
func portOf(u *url.URL) (uint16, error) {
	if u.Port() == "" {
		if u.Scheme == "https" {
			return 443, nil
		}
		return 80, nil
	}
	n, err := strconv.ParseUint(u.Port(), 10, 16)
	return uint16(n), err
}

// hostHeader is the Host of a URL: with the port unless it is the scheme's own (RFC 9110, 7.2).
func hostHeader(u *url.URL) string {
	if host, port, err := net.SplitHostPort(u.Host); err == nil {
		if u.Scheme == "http" && port == "80" || u.Scheme == "https" && port == "443" {
			if strings.Contains(host, ":") {
				return "[" + host + "]"
			}
			return host
		}
	}
	return u.Host
}
