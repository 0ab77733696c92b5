package failover

import (
	"net"
	"net/netip"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"failoverdns/record"
)

// maxTTL is the greatest TTL, in seconds (RFC 2181 section 8).
const maxTTL = 1<<31 - 1

// duration reads a Go duration above zero.
func (l *line) duration(s string) (time.Duration, error) {
	d, err := time.ParseDuration(s)
	switch {
	case err == nil && d > 0:
		return d, nil
	case err == nil:
		return 0, l.errorf("%s %q is not above zero; leave it out for the default", l.word(), s)
	case isNumber(s):
		return 0, l.errorf("%s %q has no unit; write %ss for seconds", l.word(), s, s)
	}
	return 0, l.errorf("%s %q is no duration; write it like 10s, 500ms or 1m30s", l.word(), s)
}

// ttl reads a TTL in seconds, or as a Go duration of whole seconds.
func (l *line) ttl(s string) (uint32, error) {
	if n, err := strconv.ParseUint(s, 10, 32); err == nil && n <= maxTTL {
		return uint32(n), nil
	}
	d, err := time.ParseDuration(s)
	if err != nil || d < 0 || d%time.Second != 0 || d/time.Second > maxTTL {
		return 0, l.errorf("ttl %q is no TTL; write whole seconds from 0 to %d, or a duration like 60s or 5m", s, maxTTL)
	}
	return uint32(d / time.Second), nil
}

func isNumber(s string) bool {
	_, err := strconv.ParseFloat(s, 64)
	return err == nil
}

// number reads a whole number between two bounds, both included.
func (l *line) number(s string, least, most int) (int, error) {
	n, err := strconv.Atoi(s)
	if err != nil || n < least || n > most {
		return 0, l.errorf("%s %q is no whole number from %d to %d", l.word(), s, least, most)
	}
	return n, nil
}

// address reads an IP address that a record or a probe may hold.
func (l *line) address(s string) (netip.Addr, error) {
	a, err := netip.ParseAddr(s)
	switch {
	case err != nil && strings.ContainsAny(s, " ,"):
		return a, l.errorf("%s %q is no IP address; several are separate words (an environment variable gives one)", l.word(), s)
	case err != nil:
		return a, l.errorf("%s %q is no IP address; for a name write: target NAME", l.word(), s)
	case a.Zone() != "":
		return a, l.errorf("%s %q has a zone; a record cannot hold it", l.word(), s)
	case a.IsUnspecified() || a.IsMulticast():
		return a, l.errorf("%s %q is no address of a host", l.word(), s)
	}
	return a.Unmap(), nil
}

// addresses reads IP addresses, each once, none of them in have.
func (l *line) addresses(words []string, have []netip.Addr) ([]netip.Addr, error) {
	for _, w := range words {
		a, err := l.address(w)
		if err != nil {
			return nil, err
		}
		for _, h := range have {
			if h == a {
				return nil, l.errorf("%s %q is listed twice", l.word(), w)
			}
		}
		have = append(have, a)
	}
	return have, nil
}

// label reads the name of a site, check or node. IDs join such names by / and @.
func (l *line) label(what, s string) (string, error) {
	ok := len(s) <= 63
	for i, c := range []byte(s) {
		letter := 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9'
		ok = ok && (letter || i > 0 && (c == '-' || c == '_' || c == '.'))
	}
	if !ok {
		return "", l.errorf("%s %q is no name; use at most 63 letters, digits, -, _ and ., a letter or digit first", what, s)
	}
	return s, nil
}

// nameIn reads a name of the zone as a zone file does: "@", relative, or absolute with a final dot. A relative name
// that already ends in the zone's name is taken for absolute: nobody means login.example.com.example.com.
func (l *line) nameIn(s string, zone record.Name) (record.Name, error) {
	if abs, err := record.ParseName(s); err == nil && s != "@" && abs.Under(zone) {
		return abs, nil
	}
	n, err := record.ParseNameIn(s, zone)
	if err != nil {
		return "", l.errorf("%s: %w", l.word(), err)
	}
	if !n.Under(zone) {
		return "", l.errorf("%s %q is not in the zone %s; it belongs to a block of its own zone", l.word(), s, zone.Bare())
	}
	return n, nil
}

// absolute reads the name of a host, which is absolute with and without a final dot.
func (l *line) absolute(s string) (record.Name, error) {
	n, err := record.ParseName(s)
	switch {
	case err != nil:
		return "", l.errorf("%s: %w", l.word(), err)
	case n.Labels() < 2 && !strings.HasSuffix(s, "."):
		return "", l.errorf("%s %q is a single label; write the full name, like %s.example.com", l.word(), s, s)
	}
	if _, err := netip.ParseAddr(s); err == nil {
		return "", l.errorf("%s %q is an address, not a name", l.word(), s)
	}
	return n, nil
}

// hostPort checks that s is HOST:PORT.
func (l *line) hostPort(s string) (host string, err error) {
	host, port, err := net.SplitHostPort(s)
	if err != nil || host == "" {
		return "", l.errorf("%s %q is no HOST:PORT (an IPv6 address stands in brackets)", l.word(), s)
	}
	if n, err := strconv.ParseUint(port, 10, 16); err != nil || n == 0 {
		return "", l.errorf("%s %q: the port is not between 1 and 65535", l.word(), s)
	}
	return host, nil
}

// path makes a path relative to CoreDNS's root, unless it is absolute.
func path(root, p string) string {
	if filepath.IsAbs(p) || root == "" {
		return filepath.Clean(p)
	}
	return filepath.Join(root, p)
}

// oneOf reads one of a few words.
func (l *line) oneOf(s string, words ...string) (string, error) {
	for _, w := range words {
		if s == w {
			return s, nil
		}
	}
	return "", l.errorf("%s %q is none of: %s%s", l.word(), s, strings.Join(words, ", "), didYouMean(s, words))
}
