package probes

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strings"
	"testing"
)

// families is a resolver that answers each family as told: addresses, "none" or "broken".
type families map[string]string

func (f families) LookupNetIP(_ context.Context, network, host string) (out []netip.Addr, err error) {
	if host != "lb.cloud.example." {
		return nil, fmt.Errorf("asked for %q", host)
	}
	switch f[network] {
	case "none":
		return nil, &net.DNSError{Err: "no such host", Name: host, IsNotFound: true}
	case "broken":
		return nil, errors.New("server misbehaving")
	}
	for _, a := range strings.Fields(f[network]) {
		out = append(out, netip.MustParseAddr(a))
	}
	return out, nil
}

func TestLookUpForAnswersJudgesEachFamily(t *testing.T) {
	last := []netip.Addr{netip.MustParseAddr("192.0.2.8"), netip.MustParseAddr("2001:db8::8")}
	for _, c := range []struct{ v4, v6, want, err string }{
		{"192.0.2.1 192.0.2.2", "2001:db8::1", "192.0.2.1 192.0.2.2 2001:db8::1", ""},
		{"192.0.2.1", "none", "192.0.2.1", ""},
		{"192.0.2.1", "broken", "192.0.2.1 2001:db8::8", ""},
		{"broken", "2001:db8::1", "192.0.2.8 2001:db8::1", ""},
		{"::ffff:192.0.2.1", "none", "192.0.2.1", ""},
		{"broken", "broken", "", "looking up"},
		{"none", "none", "", "has no address"},
		{"169.254.169.254", "none", "", "link-local, where clouds serve metadata; name it in allow-targets"},
		{"169.254.169.254 192.0.2.1", "none", "192.0.2.1", ""},
		{"10.0.0.1", "none", "10.0.0.1", ""},
	} {
		e := &Env{Resolver: families{"ip4": c.v4, "ip6": c.v6}}
		got, err := e.LookUp(t.Context(), "lb.cloud.example", last)
		var words []string
		for _, a := range got {
			words = append(words, a.String())
		}
		if strings.Join(words, " ") != c.want || (err != nil) != (c.err != "") || err != nil && !strings.Contains(err.Error(), c.err) {
			t.Errorf("%q and %q: %v, %v; want %q, %q", c.v4, c.v6, got, err, c.want, c.err)
		}
	}
}

func TestLookUpForAnswersTakesWhatAllowTargetsNames(t *testing.T) {
	e := &Env{Resolver: families{"ip4": "169.254.1.1", "ip6": "none"}, Allow: []netip.Prefix{netip.MustParsePrefix("169.254.1.0/24")}}
	if got, err := e.LookUp(t.Context(), "lb.cloud.example", nil); err != nil || len(got) != 1 {
		t.Errorf("%v, %v", got, err)
	}
}
