package failover

import (
	"net"
	"net/netip"
	"strings"

	"failoverdns/node"
)

// local is what one block says of the node itself. Blocks add up: a Corefile has one node.
type local struct {
	root         string
	canary       []string
	allowTargets []netip.Prefix
	resolvers    []string
	cluster      *cluster
	admin        *admin
	webhooks     []*hook
	snapshots    node.Snapshots
	slow         bool // listener off
	rateLimit    *rateLimit
	cookies      *cookies
	connections  *connections
}

// admin is the line "admin".
type admin struct {
	at   *line
	root string
	node.AdminConfig
}

var localProperties = map[string]property[local]{
	"canary":        {usage: "canary HOST:PORT...", least: 1, most: many, repeat: true, read: readCanary},
	"allow-targets": {usage: "allow-targets CIDR...", least: 1, most: many, repeat: true, read: readAllowTargets},
	"resolver":      {usage: "resolver IP[:PORT]...", least: 1, most: many, repeat: true, read: readResolver},
	"cluster":       {usage: "cluster { ... }", block: mustBlock, read: readCluster},
	"webhook":       {usage: "webhook [NAME] URL|file:PATH { ... }", least: 1, most: 2, repeat: true, block: mayBlock, read: readWebhook},
	"ratelimit":     {usage: "ratelimit COUNT { ... }", least: 1, most: 1, block: mayBlock, read: readRateLimit},
	"cookies":       {usage: "cookies FILE", least: 1, most: 1, read: readCookies},
	"connections":   {usage: "connections COUNT { ... }", least: 1, most: 1, block: mayBlock, read: readConnections},
	"snapshots":     {usage: "snapshots DIR { ... }", least: 1, most: 1, block: mayBlock, read: readSnapshots},
	"listener":      {usage: "listener on|off", least: 1, most: 1, read: readListener},
	"admin":         {usage: "admin HOST:PORT { ... }", least: 1, most: 1, block: mayBlock, read: readAdmin},
}

func readCanary(c *local, l *line) error {
	for _, w := range l.args() {
		if _, err := l.hostPort(w); err != nil {
			return err
		}
		c.canary = append(c.canary, w)
	}
	return nil
}

func readAllowTargets(c *local, l *line) error {
	for _, w := range l.args() {
		p, err := netip.ParsePrefix(w)
		if a, isAddr := netip.ParseAddr(w); err != nil && isAddr == nil {
			return l.errorf("allow-targets %q is an address; write %s/%d for it alone", w, w, a.BitLen())
		}
		if err != nil {
			return l.errorf("allow-targets %q is no network; write it like 10.0.0.0/8", w)
		}
		c.allowTargets = append(c.allowTargets, p.Masked())
	}
	return nil
}

func readResolver(c *local, l *line) error {
	for _, w := range l.args() {
		if a, err := netip.ParseAddr(strings.Trim(w, "[]")); err == nil {
			c.resolvers = append(c.resolvers, netip.AddrPortFrom(a, 53).String())
			continue
		}
		ap, err := netip.ParseAddrPort(w)
		if err != nil || ap.Port() == 0 {
			return l.errorf("resolver %q is no IP[:PORT]; a resolver is named by its address", w)
		}
		c.resolvers = append(c.resolvers, ap.String())
	}
	return nil
}

var adminProperties = map[string]property[admin]{
	"tls":    {usage: "tls CERT KEY [CLIENT-CA]", least: 2, most: 3, read: readAdminTLS},
	"tokens": {usage: "tokens FILE", least: 1, most: 1, read: readTokens},
}

func readAdmin(c *local, l *line) error {
	a := &admin{at: l, root: c.root}
	host, err := l.hostPort(l.args()[0])
	if err != nil {
		return err
	}
	a.Address = l.args()[0]
	if err := readBlock(a, "admin", l.block, adminProperties); err != nil {
		return err
	}
	c.admin = a
	if loopback(host) || a.TLS != nil && (a.Tokens != "" || a.TLS.CA != "") {
		return nil
	}
	return l.errorf("admin %q is no loopback address; any other demands TLS and tokens: write tls CERT KEY and tokens FILE, or tls CERT KEY CLIENT-CA for clients with certificates", a.Address)
}

func loopback(host string) bool {
	a, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && a.IsLoopback()
}

func readAdminTLS(a *admin, l *line) error {
	args := append(l.args(), "")
	a.TLS = &node.TLSFiles{Cert: path(a.root, args[0]), Key: path(a.root, args[1])}
	if args[2] != "" {
		a.TLS.CA = path(a.root, args[2])
	}
	return nil
}

func readTokens(a *admin, l *line) error {
	a.Tokens = path(a.root, l.args()[0])
	return nil
}

// sameHostPort compares two HOST:PORT without regard to letters' case.
func sameHostPort(a, b string) bool {
	ha, pa, errA := net.SplitHostPort(a)
	hb, pb, errB := net.SplitHostPort(b)
	return errA == nil && errB == nil && pa == pb && strings.EqualFold(ha, hb)
}

func readListener(c *local, l *line) error {
	switch l.args()[0] {
	case "on", "off":
		c.slow = l.args()[0] == "off"
		return nil
	}
	return l.errorf("listener %q is neither on nor off; off leaves this zone's queries to CoreDNS", l.args()[0])
}
