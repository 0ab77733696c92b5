package state

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/cockroachdb/datadriven"

	"failoverdns/record"
)

// shows are the directives of a transcript that only look.
var shows = map[string]func(p *play, d *datadriven.TestData) string{
	"query": func(p *play, d *datadriven.TestData) string {
		var b strings.Builder
		for _, a := range d.CmdArgs {
			b.WriteString(p.s.showName(a.Key))
		}
		return b.String()
	},
	"status": func(p *play, _ *datadriven.TestData) string {
		var b strings.Builder
		for _, g := range p.s.Groups.All() {
			b.WriteString(p.s.showGroup(g))
		}
		return b.String()
	},
	"votes": func(p *play, _ *datadriven.TestData) string {
		var b strings.Builder
		fmt.Fprintf(&b, "n=%d\n", p.s.Probers())
		for _, e := range p.s.Endpoints.All() {
			b.WriteString(p.s.showEndpoint(e))
		}
		return b.String()
	},
	"overrides": func(p *play, _ *datadriven.TestData) string {
		var b strings.Builder
		for _, o := range p.s.Overrides.All() {
			fmt.Fprintf(&b, "%s; by %q because %q, set at %s, ends %s, forced %v\n", o.What(), o.Author, o.Reason, o.Since, o.Expires, o.Forced)
		}
		return b.String()
	},
	"tokens": func(p *play, _ *datadriven.TestData) string { return p.s.showTokens() },
	"offers": func(p *play, _ *datadriven.TestData) string {
		var b strings.Builder
		for _, o := range p.s.Offers.All() {
			z, _ := p.s.Zones.Get(ZoneKey(o.Zone))
			fmt.Fprintf(&b, "%s %s in force %v, drift %v\n", o.Node, o.Zone.Bare(), z != nil && z.Digest == o.Digest, o.Drift)
		}
		return b.String()
	},
	"incidents": func(p *play, _ *datadriven.TestData) string {
		var b strings.Builder
		for _, in := range p.s.Incidents.All() {
			b.WriteString(in.show())
		}
		return b.String()
	},
	"events": func(p *play, d *datadriven.TestData) string {
		var b strings.Builder
		for _, e := range p.s.Events.All() {
			if len(d.CmdArgs) == 0 || strings.HasPrefix(e.Type, d.CmdArgs[0].Key) {
				fmt.Fprintf(&b, "%s %s by %q: %s\n", e.Clock, e.Type, e.Author, e.Text)
			}
		}
		return b.String()
	},
	"drills": func(p *play, _ *datadriven.TestData) string {
		var b strings.Builder
		for _, d := range p.s.Drills.All() {
			fmt.Fprintf(&b, "%d %s %s to %s by %q, %s at %s (%s), back to %q, measured %d and %d\n", d.ID, d.Group, d.From, d.To, d.Author, d.Outcome, d.Ended, d.Why, d.Back, len(d.Out), len(d.Return))
			for _, h := range d.Health {
				fmt.Fprintf(&b, "  %s up %v, %d of %d\n", h.At, h.Up, h.Healthy, h.Of)
			}
		}
		return b.String()
	},
	"windows": func(p *play, _ *datadriven.TestData) string {
		var b strings.Builder
		for _, w := range p.s.Windows.All() {
			fmt.Fprintf(&b, "%d %s %s %s from %s to %s by %q because %q: %s at %s (%s), running %v\n", w.ID, w.Scope, w.Target, w.Word, w.Starts, w.Ends, w.Author, w.Reason, w.Outcome, w.Decided, w.Why, p.s.Running(w))
		}
		return b.String()
	},
	"switches": func(p *play, _ *datadriven.TestData) string {
		var b strings.Builder
		for _, sw := range p.s.Switches.All() {
			fmt.Fprintf(&b, "%s %s since %s by %q because %q, sites %v, counts as in %v, broke glass %v\n", sw.Name, sw.Position(), sw.Since, sw.Author, sw.Reason, sw.Sites, p.s.InService(sw), sw.BrokeGlass)
		}
		for _, r := range p.s.Rules.All() {
			fmt.Fprintf(&b, "%s (%s) demands %s: %d, off by %d, waits until %s\n", r.Name, r.Kind, r.Demands(), p.s.Standing(r), r.Off(p.s.Standing(r)), p.s.WaitsUntil(r))
		}
		return b.String()
	},
	"targets": func(p *play, _ *datadriven.TestData) string {
		var b strings.Builder
		for _, x := range p.s.Targets.All() {
			fmt.Fprintf(&b, "%s: %v, since %s\n", x.Name.Bare(), x.Addresses, x.At)
		}
		return b.String()
	},
	"zone": func(p *play, d *datadriven.TestData) string {
		var b strings.Builder
		for _, a := range d.CmdArgs {
			b.WriteString(p.s.showZone(record.MustParseName(a.Key)))
		}
		return b.String()
	},
	"local": showLocal,
	"bounds": func(p *play, _ *datadriven.TestData) string {
		return fmt.Sprintf("events %d, incidents %d, requests %d\n", p.s.Events.Len(), p.s.Incidents.Len(), p.s.Requests.Len())
	},
}

func (s *State) showName(text string) string {
	name := record.MustParseName(text)
	for _, z := range s.Zones.All() {
		g, i, ok := s.CellOf(z, name)
		if !ok {
			continue
		}
		a := g.Answers[i]
		out := name.Bare()
		for _, ip := range append(a.A[:len(a.A):len(a.A)], a.AAAA...) {
			out += " " + ip.String()
		}
		if a.Target != "" {
			out += " CNAME " + a.Target.Bare()
		}
		return out + fmt.Sprintf(" ttl %d; %s (%s), serial %d\n", g.Cells[i].TTL, g.Active, g.Rule, z.Serial)
	}
	return name.Bare() + " is not steered\n"
}

func (s *State) showZone(name record.Name) string {
	z, ok := s.Zones.Get(ZoneKey(name))
	if !ok {
		return "no zone " + name.Bare() + "\n"
	}
	var b strings.Builder
	fmt.Fprintf(&b, "%s serial %d by %s\n", z.Name.Bare(), z.Serial, z.Source)
	for _, set := range z.Sets.All() {
		fmt.Fprintf(&b, "  %s %s %q TTL %d, declared\n", set.Name.Bare(), set.Type, set.Data, set.TTL)
	}
	for _, d := range z.Dynamic.All() {
		fmt.Fprintf(&b, "  %s %s %q TTL %d, version %d, by %q because %q\n", d.Name.Bare(), d.Type, d.Data, d.TTL, d.Version, d.Author, d.Reason)
	}
	return b.String()
}

func (s *State) showGroup(g *Group) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s: %s since %s (%s)", g.Name, g.Active, g.ActiveSince, g.Rule)
	if p := g.Pin; p != nil {
		fmt.Fprintf(&b, "; %s to %s by %q because %q till %s", p.verb(), p.Site, p.Author, p.Reason, p.Expires)
	}
	b.WriteString("\n")
	for _, st := range g.States {
		fmt.Fprintf(&b, "  %s %s since %s", st.Site, upDown(st.Up), st.Since)
		if st.Measured != st.Up {
			fmt.Fprintf(&b, ", measured %s", upDown(st.Measured))
		}
		switch {
		case st.Held && st.HeldTill == 0:
			b.WriteString(", held")
		case st.Held:
			b.WriteString(", held till " + st.HeldTill.String())
		}
		if st.Flaps > 0 {
			b.WriteString(", flaps " + strconv.Itoa(st.Flaps))
		}
		b.WriteString("\n")
	}
	return b.String()
}

func upDown(up bool) string {
	if up {
		return "up"
	}
	return "down"
}

func (s *State) showEndpoint(e *Endpoint) string {
	out := fmt.Sprintf("%s %s", e.ID, e.Verdict)
	if down, by := s.EndpointDown(e); by != nil {
		out += fmt.Sprintf(" (%s: counts as %s)", by.What(), upDown(!down))
	} else if e.Verdict == "unknown" && down {
		out += " (counts as down)"
	}
	return out + ": " + voters(e.Votes) + "\n"
}

func (in *Incident) show() string {
	out := fmt.Sprintf("%d %s %s (%s): first failed %s, first vote %s, decided %s", in.ID, in.Group, in.Site, in.Cause, in.FirstFailed, in.FirstVote, in.Decided)
	if in.Endpoint != "" {
		out += " by " + in.Endpoint
	}
	out += fmt.Sprintf(", from %s to %s", in.From, in.To)
	if in.Returned > 0 {
		out += ", returned " + in.Returned.String()
	}
	if in.Back > 0 {
		out += ", back " + in.Back.String()
	}
	return out + "; " + voters(in.Votes) + "\n"
}
