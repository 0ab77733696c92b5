package failover

import (
	"bufio"
	"cmp"
	"fmt"
	"io"
	"net/netip"
	"strings"
	"text/tabwriter"
	"time"

	"failoverdns/health"
	"failoverdns/node"
	"failoverdns/record"
	"failoverdns/state"
)

// describe prints what a configuration means, for people.
func describe(w io.Writer, cfg *node.Config) error {
	out := bufio.NewWriter(w) // the other one writes cell by cell
	t := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	describeNode(t, cfg)
	sites := siteIndex(cfg)
	for _, d := range cfg.Declarations {
		describeZone(t, d)
		for i := range d.Groups {
			describeGroup(t, &d.Groups[i], d.Agree, sites)
		}
		describeChecks(t, d)
		describeSwitches(t, d)
	}
	return cmp.Or(t.Flush(), out.Flush())
}

func describeNode(w io.Writer, cfg *node.Config) {
	fmt.Fprintf(w, "node %s\n", cmp.Or(cfg.ID, "(a random ID, kept in the data directory)"))
	probes := "probes"
	if !cfg.Probe {
		probes = "does not probe"
	}
	fmt.Fprintf(w, "  role\t%s, %s\n  data\t%s\n  admin API\t%s\n", cfg.Role, probes, cfg.DataDir, adminWords(cfg.Admin))
	switch {
	case cfg.Join != nil:
		fmt.Fprintf(w, "  listen\t%s, timing %s\n  join\tby way of %s with the token in %s\n", cfg.Listen, cfg.Timing, cfg.Join.Address, cfg.Join.TokenFile)
	case len(cfg.Peers) == 0:
		fmt.Fprintf(w, "  peers\tnone: a node on its own\n")
	default:
		fmt.Fprintf(w, "  listen\t%s, timing %s\n", cfg.Listen, cfg.Timing)
	}
	for _, p := range cfg.Peers {
		fmt.Fprintf(w, "  peer\t%s %s\n", p.ID, p.Address)
	}
	for _, t := range cfg.Webhooks {
		fmt.Fprintf(w, "  webhook\t%s: %s, %s\n", t.Name, t.Format, cmp.Or(strings.Join(t.Events, " "), "all events that are not quiet"))
	}
	if b := cfg.Snapshots; b.Dir != "" {
		fmt.Fprintf(w, "  snapshots\t%s, every %s, the newest %d are kept\n", b.Dir, b.Every, b.Keep)
	}
	for _, l := range []struct{ what, list string }{
		{"canary", strings.Join(cfg.Canary, " ")},
		{"resolver", strings.Join(cfg.Resolvers, " ")},
		{"allow-targets", join(cfg.AllowTargets)},
	} {
		if l.list != "" {
			fmt.Fprintf(w, "  %s\t%s\n", l.what, l.list)
		}
	}
}

// adminWords say where the admin API is, and how one gets in.
func adminWords(c node.AdminConfig) string {
	out := c.Address
	if c.TLS != nil {
		out += ", TLS"
	}
	switch {
	case c.Tokens != "" && c.TLS != nil && c.TLS.CA != "":
		return out + ", tokens or certificates of clients"
	case c.Tokens != "":
		return out + ", tokens"
	case c.TLS != nil && c.TLS.CA != "":
		return out + ", certificates of clients"
	}
	return out + ", open to all on this machine"
}

func describeZone(w io.Writer, d *state.Declaration) {
	fmt.Fprintf(w, "\nzone %s (%s)\n", d.Zone.Bare(), d.Source)
	for _, s := range d.Sets {
		if s.Type != record.NS || s.Name != d.Zone {
			continue
		}
		for _, data := range s.Data {
			fmt.Fprintf(w, "  name server\t%s\n", record.Name(data).Bare())
		}
	}
	fmt.Fprintf(w, "  static record sets\t%d\n  negative answers live\t%ds\n", len(d.Sets), min(d.SOA.TTL, d.SOA.Minimum))
}

func describeGroup(w io.Writer, g *state.GroupDecl, agree health.Agree, sites map[string]*state.SiteDecl) {
	fmt.Fprintf(w, "\ngroup %s: failback %s, all-down %s, agree %s\n", g.Name, g.Failback, g.AllDown, agree)
	fmt.Fprintf(w, "  NAME\tTTL\t%s\tDETECTED WITHIN\tOUT OF CACHES WITHIN\n", strings.ToUpper(strings.Join(g.Sites, "\t")))
	detected := worstDetection(g, sites)
	for _, c := range g.Cells {
		var answers []string
		for i, id := range g.Sites {
			answers = append(answers, answerAt(&c, i, sites[id]))
		}
		within, out := "never: no check", "never"
		if detected > 0 {
			within, out = detected.String(), (detected + time.Duration(c.TTL)*time.Second).String()
		}
		for _, n := range c.Names {
			fmt.Fprintf(w, "  %s\t%d\t%s\t%s\t%s\n", n.Bare(), c.TTL, strings.Join(answers, "\t"), within, out)
		}
	}
}

// answerAt is what the names of a cell have at the group's site i.
func answerAt(c *state.CellDecl, i int, site *state.SiteDecl) string {
	addresses, target := cellAt(c, i, site)
	switch {
	case target == "":
		return join(addresses)
	case i >= len(c.At) && site.Flatten:
		return "addresses of " + target.Bare()
	}
	return "-> " + target.Bare()
}

func cellAt(c *state.CellDecl, i int, site *state.SiteDecl) ([]netip.Addr, record.Name) {
	switch {
	case i < len(c.At):
		return c.At[i].Addresses, c.At[i].Target
	case site != nil:
		return site.Addresses, site.Target
	}
	return nil, ""
}

// worstDetection is the longest time from a fault that a check sees to the votes of all nodes, over the checks of all
// sites but the last: when that one goes down there is nowhere to go. It is 0 if a fault is never seen.
func worstDetection(g *state.GroupDecl, sites map[string]*state.SiteDecl) time.Duration {
	var worst time.Duration
	for _, id := range g.Sites[:max(1, len(g.Sites)-1)] {
		if s := sites[id]; s != nil {
			for _, c := range s.Checks {
				worst = max(worst, c.Check.WorstDetection())
			}
		}
	}
	return worst
}

func describeChecks(w io.Writer, d *state.Declaration) {
	fmt.Fprintf(w, "\nchecks of %s\n  CHECK\tPROBE\tAT\tEVERY\tTIMEOUT\tDOWN AFTER\tUP AFTER\n", d.Zone.Bare())
	for i := range d.Sites {
		s := &d.Sites[i]
		for _, c := range s.Checks {
			k := &c.Check
			fmt.Fprintf(w, "  %s\t%s\t%s\t%s\t%s\t%s\t%d\n", state.CheckID(s.ID(), c.Name), k.URL(), probedAt(s, k), k.Interval, k.Timeout, downAfter(k), k.Successes)
		}
		if len(s.Checks) == 0 {
			fmt.Fprintf(w, "  %s\tnone: it always counts as up\n", s.ID())
		}
	}
}

func probedAt(s *state.SiteDecl, k *health.Check) string {
	switch {
	case k.Dial != "":
		return k.Dial
	case s.Target != "":
		return s.Target.Bare()
	}
	return join(s.Addresses)
}

func downAfter(k *health.Check) string {
	s := fmt.Sprint(k.Failures)
	if k.Window > 0 {
		s += fmt.Sprintf(" of %d", k.Window)
	}
	if k.Recheck > 0 {
		s += ", every " + k.Recheck.String()
	}
	return s
}

func describeSwitches(w io.Writer, d *state.Declaration) {
	if len(d.Switches) == 0 {
		return
	}
	fmt.Fprintf(w, "\nswitches of %s\n  SWITCH\tTAKES OUT\tINITIALLY\n", d.Zone.Bare())
	for _, s := range d.Switches {
		initially := "on"
		if s.Off {
			initially = "off"
		}
		fmt.Fprintf(w, "  %s\t%s\t%s\n", s.Name, cmp.Or(strings.Join(s.Sites, " "), "-"), initially)
	}
	for _, r := range d.Rules {
		fmt.Fprintf(w, "  rule %s\t%s of %s\t%s\twait %s\n", r.Name, r.Kind, strings.Join(r.Switches, " "), r.Demands(), r.Wait)
	}
}

// siteIndex finds sites by ID.
func siteIndex(cfg *node.Config) map[string]*state.SiteDecl {
	sites := map[string]*state.SiteDecl{}
	for _, d := range cfg.Declarations {
		for i := range d.Sites {
			sites[d.Sites[i].ID()] = &d.Sites[i]
		}
	}
	return sites
}

func join[T fmt.Stringer](list []T) string {
	var words []string
	for _, v := range list {
		words = append(words, v.String())
	}
	return strings.Join(words, " ")
}
