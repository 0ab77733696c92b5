package probes

import (
	"net/netip"
	"slices"
)

// deniedTargets are addresses that nobody means to probe: a prober that can be aimed at them gives away what only
// this machine may ask for.
var deniedTargets = []struct {
	prefix netip.Prefix
	what   string
}{
	{netip.MustParsePrefix("169.254.0.0/16"), "link-local, where clouds serve metadata"}, // RFC 3927
	{netip.MustParsePrefix("fe80::/10"), "link-local"},                                   // RFC 4291, 2.5.6
	{netip.MustParsePrefix("fd00:ec2::/32"), "Amazon's metadata service"},
	{netip.MustParsePrefix("fd20:ce::254/128"), "Google's metadata service"},
	{netip.MustParsePrefix("100.100.100.200/32"), "Alibaba's metadata service"},
	{netip.MustParsePrefix("192.0.0.192/32"), "Oracle's metadata service"},
	{netip.MustParsePrefix("168.63.129.16/32"), "Azure's platform service"},
	{netip.MustParsePrefix("0.0.0.0/8"), "unspecified"}, // RFC 1122, 3.2.1.3; connecting to it reaches this machine
	{netip.MustParsePrefix("::/128"), "unspecified"},
	{netip.MustParsePrefix("224.0.0.0/4"), "multicast"},
	{netip.MustParsePrefix("ff00::/8"), "multicast"},
	{netip.MustParsePrefix("255.255.255.255/32"), "broadcast"},
}

// denied says why an address may not be dialled, or "".
func (e *Env) denied(a netip.Addr, fromAPI bool) string {
	for _, a := range guises(a) {
		if slices.ContainsFunc(e.Allow, func(p netip.Prefix) bool { return p.Contains(a) }) {
			continue
		}
		for _, d := range deniedTargets {
			if d.prefix.Contains(a) {
				return d.what
			}
		}
		if fromAPI && a.IsLoopback() {
			return "loopback, which a check made through the API may not probe"
		}
	}
	return ""
}

// translated are prefixes whose last 32 bits are an IPv4 address that the packet may reach: NAT64 (RFC 6052) and the
// old IPv4-compatible form (RFC 4291, 2.5.5.1).
var translated = []netip.Prefix{netip.MustParsePrefix("64:ff9b::/96"), netip.MustParsePrefix("::/96")}

// guises are the forms of an address that are judged: itself, without the zone that would hide it from prefixes, and
// the IPv4 address that it carries.
func guises(a netip.Addr) []netip.Addr {
	a = a.Unmap().WithZone("")
	if a.Is4() {
		return []netip.Addr{a}
	}
	if a.IsUnspecified() || a.IsLoopback() {
		return []netip.Addr{a}
	}
	for _, p := range translated {
		if p.Contains(a) {
			b := a.As16()
			return []netip.Addr{a, netip.AddrFrom4([4]byte(b[12:]))}
		}
	}
	return []netip.Addr{a}
}
