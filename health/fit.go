package health

import (
	"errors"
	"fmt"
	"net/netip"
	"strconv"
	"strings"
)

// fits refuses what cannot be probed as it says, and properties that mean nothing for the check's kind.
func (c *Check) fits() error {
	switch {
	case c.Kind != HTTP && c.Kind != HTTPS && c.Kind != TCP:
		return fmt.Errorf("kind %q is none of: http, https, tcp", c.Kind)
	case c.Port == 0:
		return errors.New("port 0 is not between 1 and 65535")
	case c.Kind != HTTPS && (c.Insecure || c.ServerName != ""):
		return fmt.Errorf("insecure and server-name belong to https checks, not to %s", c.Kind)
	}
	if c.Dial != "" {
		if _, _, err := ParseDial(c.Dial); err != nil {
			return err
		}
	}
	if c.Kind == TCP {
		if c.Method != "" || c.Headers != nil || c.Status != nil || c.Match != "" || c.FollowRedirects {
			return errors.New("method, header, status, match and follow-redirects belong to http and https checks, not to tcp")
		}
		return nil
	}
	return c.fitsHTTP()
}

func (c *Check) fitsHTTP() error {
	switch {
	case c.Host == "":
		return errors.New("the host is empty; it is sent as Host header and TLS server name")
	case !strings.HasPrefix(c.Path, "/"):
		return fmt.Errorf("path %q does not begin with /", c.Path)
	case !isToken(c.Method):
		return fmt.Errorf("method %q is no HTTP method", c.Method)
	case c.Method == "HEAD" && c.Match != "":
		return errors.New("match needs a body, and the answer to a HEAD request has none; use: method GET")
	}
	for _, r := range c.Status {
		if r.From < 100 || r.To > 599 || r.From > r.To {
			return fmt.Errorf("status %d-%d is no range of HTTP status codes (100 to 599)", r.From, r.To)
		}
	}
	for _, h := range c.Headers {
		if err := h.fits(); err != nil {
			return err
		}
	}
	return nil
}

// fits refuses headers that cannot be sent, and those that say how the message itself is framed (RFC 9112).
func (h *Header) fits() error {
	if !isToken(h.Name) {
		return fmt.Errorf("header %q is no name of a header field", h.Name)
	}
	switch strings.ToLower(h.Name) {
	case "host":
		return fmt.Errorf("header %q: the Host is that of the check's URL; change the URL", h.Name)
	case "connection", "content-length", "transfer-encoding", "trailer", "te", "upgrade", "expect":
		return fmt.Errorf("header %q is the prober's own to set", h.Name)
	}
	if h.Value != "" && h.File != "" {
		return fmt.Errorf("header %q has both a value and a file", h.Name)
	}
	if strings.ContainsFunc(h.Value, func(r rune) bool { return r < ' ' && r != '\t' || r == 0x7f }) {
		return fmt.Errorf("header %q: its value has control characters", h.Name)
	}
	return nil
}

// isToken follows RFC 9110, section 5.6.2.
func isToken(s string) bool {
	return s != "" && !strings.ContainsFunc(s, func(r rune) bool {
		return r <= ' ' || r >= 0x7f || strings.ContainsRune(`"(),/:;<=>?@[\]{}`, r)
	})
}

// ParseDial splits HOST[:PORT]; the port is 0 if there is none. An IPv6 address stands in brackets before a port.
func ParseDial(s string) (host string, port uint16, err error) {
	if a, err := netip.ParseAddr(strings.TrimSuffix(strings.TrimPrefix(s, "["), "]")); err == nil {
		return a.String(), 0, nil
	}
	host, p, hasPort := s, "", false
	if i := strings.LastIndexByte(s, ':'); i >= 0 {
		host, p, hasPort = s[:i], s[i+1:], true
	}
	host = strings.TrimSuffix(strings.TrimPrefix(host, "["), "]")
	if hasPort {
		n, err := strconv.ParseUint(p, 10, 16)
		if err != nil || n == 0 {
			return "", 0, fmt.Errorf("dial %q: port %q is not between 1 and 65535", s, p)
		}
		port = uint16(n)
	}
	_, notIP := netip.ParseAddr(host)
	if host == "" || notIP != nil && strings.ContainsAny(host, ":[]/ ") {
		return "", 0, fmt.Errorf("dial %q is not HOST or HOST:PORT", s)
	}
	return host, port, nil
}
