package node

import (
	"cmp"
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"failoverdns/health"
	"failoverdns/record"
	"failoverdns/state"
	"failoverdns/zone"
)

// Setting is one thing that a declaration says, in words: two declarations are compared by these. A path names one
// thing within a zone, and no two settings of a declaration have the same.
type Setting struct {
	Path  string `json:"path"`
	Value string `json:"value"`
}

// ZoneSettings is a whole declaration in words.
type ZoneSettings struct {
	Zone     string    `json:"zone"` // absolute, with the final dot
	Source   string    `json:"source"`
	Digest   string    `json:"digest"` // equal for equal declarations
	Settings []Setting `json:"settings"`
}

// Settings puts a declaration into words.
func Settings(d *state.Declaration) ZoneSettings {
	w := words{}
	w.zone(d)
	for i := range d.Sites {
		w.site(&d.Sites[i])
	}
	for i := range d.Groups {
		w.group(&d.Groups[i])
	}
	w.switches(d)
	for _, set := range d.Sets {
		w.add(fmt.Sprintf("TTL %d: %s", set.TTL, strings.Join(zone.Data(set), " | ")), "record %s %s", set.Name.Bare(), set.Type)
	}
	return ZoneSettings{Zone: d.Zone.String(), Source: d.Source, Digest: d.Digest(), Settings: w}
}

// words gathers settings.
type words []Setting

func (w *words) add(value, path string, args ...any) {
	if value != "" {
		*w = append(*w, Setting{fmt.Sprintf(path, args...), value})
	}
}

func (w *words) zone(d *state.Declaration) {
	s := &d.SOA
	w.add(fmt.Sprintf("%s %s, refresh %d, retry %d, expire %d, minimum %d, TTL %d", s.MName.Bare(), s.RName.Bare(), s.Refresh, s.Retry, s.Expire, s.Minimum, s.TTL), "soa")
	if s.Serial != 0 {
		w.add(fmt.Sprint(s.Serial), "soa serial of the file")
	}
	w.add(cmp.Or(string(d.Agree), string(health.AgreeMajority)), "agree")
	quorum := string(d.NoQuorum.Mode)
	if d.NoQuorum.After != 0 {
		quorum += " " + d.NoQuorum.After.String()
	}
	w.add(quorum, "no-quorum")
}

func (w *words) site(s *state.SiteDecl) {
	at := "site " + s.ID()
	w.add(addresses(s.Addresses), "%s address", at)
	w.add(target(s.Target, s.Flatten), "%s target", at)
	w.add(fmt.Sprint(s.MinHealthy), "%s min-healthy", at)
	for i := range s.Checks {
		w.check("check "+state.CheckID(s.ID(), s.Checks[i].Name), &s.Checks[i].Check)
	}
}

func (w *words) check(at string, c *health.Check) {
	failures := fmt.Sprint(c.Failures)
	if c.Window > 0 {
		failures += fmt.Sprintf(" of %d", c.Window)
	}
	w.add(c.URL(), "%s URL", at)
	w.add(c.Interval.String(), "%s interval", at)
	w.add(c.Timeout.String(), "%s timeout", at)
	w.add(failures, "%s failures", at)
	w.add(fmt.Sprint(c.Successes), "%s successes", at)
	if c.Recheck > 0 {
		w.add(c.Recheck.String(), "%s recheck", at)
	}
	w.add(c.Dial, "%s dial", at)
	w.add(c.Method, "%s method", at)
	w.add(c.Match, "%s match", at)
	w.add(c.ServerName, "%s server-name", at)
	w.add(yes(c.FollowRedirects), "%s follow-redirects", at)
	w.add(yes(c.Insecure), "%s insecure", at)
	for _, h := range c.Headers {
		w.add(cmp.Or(h.Value, "file:"+h.File), "%s header %s", at, h.Name)
	}
	var status []string
	for _, r := range c.Status {
		status = append(status, fmt.Sprintf("%d-%d", r.From, r.To))
	}
	w.add(strings.Join(status, " "), "%s status", at)
}

func (w *words) group(g *state.GroupDecl) {
	at := "group " + g.Name
	w.add(strings.Join(g.Sites, ", "), "%s sites", at)
	w.add(g.Failback.String(), "%s failback", at)
	w.add(string(g.AllDown), "%s all-down", at)
	for i, d := range g.Drills {
		w.add(d.String(), "%s drill %d", at, i+1)
	}
	for i := range g.Cells {
		c := &g.Cells[i]
		value := fmt.Sprintf("TTL %d, at the sites' own addresses", c.TTL)
		for j, s := range c.At {
			if j == 0 {
				value = fmt.Sprintf("TTL %d", c.TTL)
			}
			value += fmt.Sprintf(", at %s %s", s.Site, cmp.Or(addresses(s.Addresses), target(s.Target, false)))
		}
		for _, n := range c.Names {
			w.add(value, "%s name %s", at, n.Bare())
		}
	}
}

func (w *words) switches(d *state.Declaration) {
	for i := range d.Switches {
		s := &d.Switches[i]
		initially := "on"
		if s.Off {
			initially = "off"
		}
		w.add(cmp.Or(strings.Join(s.Sites, ", "), "none"), "switch %s sites", s.Name)
		w.add(initially, "switch %s initially", s.Name)
	}
	for i := range d.Rules {
		r := &d.Rules[i]
		w.add(fmt.Sprintf("%s of %s: %s", r.Kind, strings.Join(r.Switches, ", "), r.Demands()), "rule %s", r.Name)
		w.add(r.Wait.String(), "rule %s wait", r.Name)
	}
}

func addresses(list []netip.Addr) string {
	var out []string
	for _, a := range list {
		out = append(out, a.String())
	}
	slices.Sort(out) // in which order they are written means nothing
	return strings.Join(out, " ")
}

func target(n record.Name, flatten bool) string {
	switch {
	case n == "":
		return ""
	case flatten:
		return n.Bare() + " flatten"
	}
	return n.Bare()
}

func yes(b bool) string {
	if b {
		return "yes"
	}
	return ""
}
