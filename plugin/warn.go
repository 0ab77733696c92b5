package failover

import (
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"failoverdns/node"
	"failoverdns/state"
)

// warnings are what is allowed and probably not meant.
func warnings(cfg *node.Config) []string {
	w := append(warnNode(cfg), warnWebhooks(cfg)...)
	sites := siteIndex(cfg)
	for _, d := range cfg.Declarations {
		w = append(w, warnAgree(cfg, d)...)
		for i := range d.Sites {
			w = append(w, warnSite(d, &d.Sites[i])...)
		}
		for i := range d.Groups {
			w = append(w, warnGroup(d, &d.Groups[i], sites)...)
		}
	}
	return w
}

func warnNode(cfg *node.Config) (w []string) {
	switch n := len(cfg.Peers); {
	case n == 2:
		w = append(w, "two probing nodes: losing either one freezes all flips, for both must vote; add a third")
	case n > 2 && n%2 == 0:
		w = append(w, fmt.Sprintf("%d nodes survive the loss of as many as %d do; an odd number is better", n, n-1))
	case n < 2 && !cfg.Probe:
		w = append(w, "this node is on its own and does not probe: nothing will ever fail over by itself")
	}
	return w
}

func warnAgree(cfg *node.Config, d *state.Declaration) []string {
	n, err := strconv.Atoi(string(d.Agree))
	if nodes := max(1, len(cfg.Peers)); err == nil && n > nodes {
		return []string{fmt.Sprintf("%s: agree %d is more than the %d probing node(s); all of them must vote down", d.Source, n, nodes)}
	}
	return nil
}

func warnSite(d *state.Declaration, s *state.SiteDecl) (w []string) {
	if len(s.Checks) == 0 {
		w = append(w, fmt.Sprintf("%s: site %s has no check: it always counts as up", d.Source, s.ID()))
	}
	if s.MinHealthy > 1 && s.MinHealthy > len(s.Addresses) {
		w = append(w, fmt.Sprintf("%s: site %s has min-healthy %d and only %d address(es); all of them are then needed", d.Source, s.ID(), s.MinHealthy, len(s.Addresses)))
	}
	for _, c := range s.Checks {
		for _, h := range c.Check.Headers {
			if h.File == "" && slices.Contains(secretHeaders, strings.ToLower(h.Name)) {
				w = append(w, fmt.Sprintf("%s: check %s sends %s from the Corefile, and so it is in every node's replicated state; use: header %s file:PATH", d.Source, state.CheckID(s.ID(), c.Name), h.Name, h.Name))
			}
		}
	}
	return w
}

var secretHeaders = []string{"authorization", "proxy-authorization", "cookie", "x-api-key"}

// warnGroup looks for an address family that a failover takes away, and for a group with nowhere to go.
func warnGroup(d *state.Declaration, g *state.GroupDecl, sites map[string]*state.SiteDecl) (w []string) {
	if len(g.Sites) == 1 {
		return []string{fmt.Sprintf("%s: group %s has one site only: there is nowhere to fail over to", d.Source, g.Name)}
	}
	for _, c := range g.Cells {
		have := map[string][]string{}
		for i, id := range g.Sites {
			addresses, target := cellAt(&c, i, sites[id])
			for _, family := range []string{"A", "AAAA"} {
				if target != "" || slices.ContainsFunc(addresses, isFamily(family)) {
					have[family] = append(have[family], id)
				}
			}
		}
		for _, family := range []string{"A", "AAAA"} {
			if ids := have[family]; len(ids) == 1 {
				w = append(w, fmt.Sprintf("%s: only %s has %s addresses for %s; while another site is active these names have none", d.Source, ids[0], family, c.Names[0].Bare()))
			}
		}
	}
	return w
}

func isFamily(family string) func(netip.Addr) bool {
	return func(a netip.Addr) bool { return a.Is4() == (family == "A") }
}
