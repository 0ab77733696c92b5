package node

import (
	"context"
	"net"
	"net/netip"
	"strings"
	"sync/atomic"

	"failoverdns/probes"
	"failoverdns/record"
)

// probeEnv is what this node's probes stand on.
func (n *Node) probeEnv(cfg *Config) *probes.Env {
	env := &probes.Env{Allow: cfg.AllowTargets, Canaries: cfg.Canary, Version: cfg.Version, Steered: n.steered, Resolver: n.platform.Resolver}
	if env.Resolver == nil && len(cfg.Resolvers) > 0 {
		env.Resolver = resolverAt(cfg.Resolvers)
	}
	return env
}

// resolverAt looks names up at the given servers, the next one at each try.
func resolverAt(servers []string) *net.Resolver {
	var next atomic.Uint32
	return &net.Resolver{PreferGo: true, Dial: func(ctx context.Context, network, _ string) (net.Conn, error) {
		server := servers[int(next.Add(1)-1)%len(servers)]
		var d net.Dialer
		return d.DialContext(ctx, network, server)
	}}
}

// lookUp finds the addresses of a flattened target, by the resolvers that probes use.
func (n *Node) lookUp(ctx context.Context, host string, last []netip.Addr) ([]netip.Addr, error) {
	return n.env.Load().LookUp(ctx, host, last)
}

// steered says whether this cluster steers a host.
func (n *Node) steered(host string) bool {
	name, err := record.ParseName(strings.TrimSuffix(host, "."))
	if err != nil {
		return false
	}
	_, steered := n.State().Steered(name)
	return steered
}
