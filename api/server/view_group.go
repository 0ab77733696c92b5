package server

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"time"

	"failoverdns/api"
	"failoverdns/health"
	"failoverdns/routing"
	"failoverdns/state"
)

// group is a group as it stands, without what each node answers.
func (v *view) group(g *state.Group) api.Group {
	out := api.Group{
		Name: g.Name, Zone: g.Zone.String(), Active: g.Active, Since: utc(g.ActiveWall), Rule: g.Rule, Failback: g.Failback.String(),
		OnAllDown: string(g.AllDown), Pin: v.pin(g), Sites: v.standings(g), Cells: cells(g), AllDown: true,
	}
	if len(g.Sites) > 0 {
		out.Preferred = g.Sites[0]
		out.FailedOver = g.Active != "" && g.Active != g.Sites[0]
	}
	for _, s := range out.Sites {
		out.AllDown = out.AllDown && !s.Up
	}
	for _, c := range out.Cells {
		out.TTL = max(out.TTL, c.TTL)
	}
	if !out.Since.IsZero() {
		at := out.Since.Add(time.Duration(out.TTL) * time.Second)
		out.Clear = &at
	}
	out.Why = why(&out)
	out.Waits = v.waits(&out, g)
	out.Next = next(&out, v.firstDown(out.Preferred))
	v.byLocalWords(&out, g)
	return out
}

func (v *view) groups() []api.Group {
	out := []api.Group{}
	for _, g := range v.st.Groups.All() {
		out = append(out, v.group(g))
	}
	return out
}

func cells(g *state.Group) []api.Cell {
	out := make([]api.Cell, 0, len(g.Cells))
	for i, c := range g.Cells {
		cell := api.Cell{TTL: c.TTL}
		for _, n := range c.Names {
			cell.Names = append(cell.Names, n.Bare())
		}
		if i < len(g.Answers) {
			a := g.Answers[i]
			cell.A, cell.AAAA = texts(a.A), texts(a.AAAA)
			if a.Target != "" {
				cell.Target = a.Target.String()
			}
		}
		out = append(out, cell)
	}
	return out
}

func texts(addresses []netip.Addr) (out []string) {
	for _, a := range addresses {
		out = append(out, a.String())
	}
	return out
}

func (v *view) standings(g *state.Group) []api.Standing {
	out := make([]api.Standing, 0, len(g.States))
	for i := range g.States {
		out = append(out, v.standing(g, &g.States[i]))
	}
	return out
}

func (v *view) standing(g *state.Group, s *state.SiteState) api.Standing {
	out := api.Standing{
		Site: s.Site, Active: s.Site == g.Active, Up: s.Up, Eligible: s.Eligible, Since: utc(s.Wall), Held: s.Held,
		Flaps: s.Flaps, Word: upDown(s.Up), Incident: s.Incident,
	}
	if s.Held {
		out.HeldUntil, out.Word = v.wallOr(s.HeldTill), "held"
	}
	site, ok := v.st.Sites.Get(s.Site)
	if !ok {
		return out
	}
	out.Override = v.override(v.st.SiteWord(site))
	if out.Override != nil {
		out.Word = "forced " + out.Override.Word
	}
	if v.switchedOff(&out, site); out.Switch != "" {
		return out
	}
	out.Why = strings.Join(slices.DeleteFunc(append(v.ownWhy(g, site), v.standingWhy(&out, site)), func(s string) bool { return s == "" }), "; ")
	return out
}

func (v *view) standingWhy(s *api.Standing, site *state.Site) string {
	var parts []string
	if o := s.Override; o != nil {
		parts = append(parts, fmt.Sprintf("by %s: %s", o.Author, o.Reason))
	}
	if s.Held && s.HeldUntil == nil {
		parts = append(parts, "up again, waits for the command failback")
	}
	if s.Held && s.HeldUntil != nil {
		parts = append(parts, "up again, held until "+clockText(*s.HeldUntil))
	}
	for _, e := range v.endpointsOf(site) {
		if e.Counts == string(health.Down) {
			parts = append(parts, e.ID+": "+e.Why)
		}
	}
	return strings.Join(parts, "; ")
}

// clockText is a time of day in words that need no explanation.
func clockText(t time.Time) string { return t.UTC().Format("2006-01-02 15:04:05 UTC") }

// firstDown is an endpoint of a site that counts as down, "" without one.
func (v *view) firstDown(siteID string) string {
	site, ok := v.st.Sites.Get(siteID)
	if !ok {
		return ""
	}
	for _, id := range site.Endpoints {
		if e, ok := v.st.Endpoints.Get(id); ok {
			if down, _ := v.st.EndpointDown(e); down {
				return id
			}
		}
	}
	return ""
}

// why says a group's rule in words.
func why(g *api.Group) string {
	switch routing.Rule(g.Rule) {
	case routing.PinForced, routing.Pinned:
		if g.Pin == nil {
			return "pinned"
		}
		how := "pinned by "
		if g.Pin.Drill != 0 {
			how = fmt.Sprintf("drill %d, by ", g.Pin.Drill)
		}
		if g.Pin.Forced {
			how = "pinned by force, whatever is measured, by "
		}
		return how + g.Pin.Author + ": " + g.Pin.Reason
	case routing.Preferred:
		return "it is the preferred site and up"
	case routing.Failover:
		return "the first site that is up and not held" + passedOver(g)
	case routing.HeldUp:
		return "no other site was up, so it took over though it was held" + passedOver(g)
	case routing.AllDownPrimary:
		return "no site is up: the first one that no operator took out"
	case routing.AllDownLast:
		return "no site is up: the one that was active last"
	case routing.AllDownAll:
		return "no site is up: the addresses of all sites together"
	}
	return g.Rule
}

// passedOver names the sites before the active one, and their words; empty without any.
func passedOver(g *api.Group) string {
	var out []string
	for _, s := range g.Sites {
		if s.Site == g.Active {
			break
		}
		out = append(out, s.Site+" is "+s.Word)
	}
	if out == nil {
		return ""
	}
	return "; " + strings.Join(out, ", ")
}

// waits says what will happen by itself, or waits for a person.
func (v *view) waits(g *api.Group, s *state.Group) (out []string) {
	defer func() {
		if len(out) > 0 && !v.node.Quorum && v.nothingFlips() != "" {
			out = append(out, "none of this happens before a quorum is back")
		}
	}()
	if p := g.Pin; p != nil {
		what := fmt.Sprintf("the pin to %s ends %s", p.Site, until(p.Expires))
		if p.Yields {
			what += "; it yields while " + p.Site + " is down"
		}
		out = append(out, what)
	}
	for _, x := range g.Sites {
		if x.Active {
			break // those behind it take over only if it fails
		}
		out = append(out, siteWaits(&x, g))
	}
	return out
}

func siteWaits(x *api.Standing, g *api.Group) string {
	switch {
	case x.Switch != "":
		return fmt.Sprintf("%s is out until switch %s is on", x.Site, x.Switch)
	case x.Override != nil && x.Override.Word == string(state.ForceDown):
		return fmt.Sprintf("%s is forced down, which ends %s", x.Site, until(x.Override.Expires))
	case x.Held && x.HeldUntil == nil:
		return fmt.Sprintf("%s is up again and waits for the command failback", x.Site)
	case x.Held:
		return fmt.Sprintf("%s is up again and takes over at %s", x.Site, clockText(*x.HeldUntil))
	case x.Up:
		return fmt.Sprintf("%s is up and takes over when the pin ends", x.Site)
	case g.Failback == string(health.FailbackManual):
		return fmt.Sprintf("%s is down; once it is up again it waits for the command failback", x.Site)
	}
	return fmt.Sprintf("%s takes over when it is up again (failback %s)", x.Site, g.Failback)
}

func until(expires *time.Time) string {
	if expires == nil {
		return "never by itself"
	}
	return "at " + clockText(*expires)
}

// next is the command that a person would most likely type now, "" if there is nothing to do.
func next(g *api.Group, down string) string {
	if g.AllDown && down != "" {
		return "failoverctl votes " + down
	}
	if g.Pin != nil && g.Pin.Drill != 0 {
		return fmt.Sprintf("failoverctl drill abort %d --reason TEXT", g.Pin.Drill)
	}
	if g.Pin != nil {
		return "failoverctl unpin " + g.Name + " --reason TEXT"
	}
	for _, x := range g.Sites {
		switch {
		case x.Switch != "":
			return "failoverctl switch set " + x.Switch + "=on --reason TEXT"
		case x.Override != nil:
			return "failoverctl site clear " + x.Override.Target + " --reason TEXT"
		case x.Held && x.HeldUntil == nil:
			return "failoverctl failback " + g.Name + " --reason TEXT"
		}
	}
	if (g.FailedOver || g.AllDown) && down != "" {
		return "failoverctl votes " + down
	}
	return ""
}
