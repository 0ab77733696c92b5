package failover

import (
	"net/netip"
	"os"

	"failoverdns/listener"
)

// rateLimit is the line "ratelimit".
type rateLimit struct {
	at *line
	listener.RateLimit
}

// Defaults of the rate limit. Prefixes are those of BIND, NSD and Knot: the networks that one operator or household
// gets. One answer in two of those held back is sent cut, as they do too.
const (
	limitSlip = 2
	limitIPv4 = 24
	limitIPv6 = 56
	limitMost = 1_000_000
)

var rateLimitProperties = map[string]property[rateLimit]{
	"errors": {usage: "errors COUNT", least: 1, most: 1, read: func(r *rateLimit, l *line) (err error) {
		r.Errors, err = l.number(l.args()[0], 1, limitMost)
		return err
	}},
	"slip": {usage: "slip COUNT", least: 1, most: 1, read: func(r *rateLimit, l *line) (err error) {
		r.Slip, err = l.number(l.args()[0], 0, 100)
		return err
	}},
	"prefix": {usage: "prefix IPV4-LENGTH IPV6-LENGTH", least: 2, most: 2, read: func(r *rateLimit, l *line) (err error) {
		r.IPv4, r.IPv6, err = l.prefixLengths()
		return err
	}},
	"exempt": {usage: "exempt CIDR...", least: 1, most: many, repeat: true, read: func(r *rateLimit, l *line) (err error) {
		r.Exempt, err = l.exempt(r.Exempt)
		return err
	}},
}

func readRateLimit(c *local, l *line) (err error) {
	r := &rateLimit{at: l, RateLimit: listener.RateLimit{Slip: limitSlip, IPv4: limitIPv4, IPv6: limitIPv6}}
	if r.Answers, err = l.number(l.args()[0], 1, limitMost); err != nil {
		return err
	}
	r.Errors = r.Answers
	c.rateLimit = r
	return readBlock(r, "ratelimit", l.block, rateLimitProperties)
}

// prefixLengths are those of networks by which clients are counted.
func (l *line) prefixLengths() (ipv4, ipv6 int, err error) {
	if ipv4, err = l.number(l.args()[0], 8, 32); err == nil {
		ipv6, err = l.number(l.args()[1], 16, 128)
	}
	return ipv4, ipv6, err
}

// exempt adds networks to those that are not counted.
func (l *line) exempt(have []netip.Prefix) ([]netip.Prefix, error) {
	for _, w := range l.args() {
		p, err := netip.ParsePrefix(w)
		if err != nil {
			return nil, l.errorf("exempt %q is no network; write it like 192.0.2.0/24", w)
		}
		have = append(have, p.Masked())
	}
	return have, nil
}

// cookies is the line "cookies".
type cookies struct {
	at   *line
	path string
}

func readCookies(c *local, l *line) error {
	c.cookies = &cookies{l, path(c.root, l.args()[0])}
	return nil
}

// secrets reads the file.
func (c *cookies) secrets() ([]listener.Secret, error) {
	text, err := os.ReadFile(c.path)
	if err != nil {
		return nil, c.at.errorf("cookies: %w", err)
	}
	all, err := listener.ParseSecrets(string(text))
	if err != nil {
		return nil, c.at.errorf("cookies: %s: %w", c.path, err)
	}
	return all, nil
}

// defend adds what the blocks say of cookies and the rate limit.
func (c *corefile) defend(l *listener.Config) (err error) {
	if r := c.once.rateLimit; r != nil {
		l.RateLimit = &r.RateLimit
	}
	if k := c.once.cookies; k != nil {
		l.Secrets, err = k.secrets()
	}
	return err
}
