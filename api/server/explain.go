package server

import (
	"fmt"
	"strings"

	"failoverdns/api"
	"failoverdns/node"
	"failoverdns/record"
	"failoverdns/state"
)

// explainer walks the way of one query and writes down each decision. What is answered comes from the node's own
// lookup; the walk says why.
type explainer struct {
	v    *view
	zone *state.Zone
	name record.Name
	typ  record.Type
	out  *api.Explain
}

func (v *view) explain(name record.Name, t record.Type, l node.Lookup) *api.Explain {
	x := &explainer{v: v, name: name, typ: t, out: &api.Explain{
		Meta: v.meta(), Name: name.String(), Type: t.String(), RCode: l.RCode, Records: l.Answer, Steps: []string{},
	}}
	if x.out.Records == nil {
		x.out.Records = []string{}
	}
	x.walk()
	return x.out
}

func (x *explainer) step(format string, args ...any) {
	x.out.Steps = append(x.out.Steps, fmt.Sprintf(format, args...))
}

func (x *explainer) walk() {
	if !x.findZone() {
		x.out.Kind = api.KindNotServed
		x.step("no zone of this server holds %s: REFUSED", x.name)
		return
	}
	x.step("%s is served here: serial %d, from %s", x.zone.Name, x.zone.Serial, x.zone.Source)
	if x.delegated() {
		return
	}
	if x.at(x.name, "") {
		return
	}
	if x.exists(x.name) {
		x.out.Kind = api.KindNoData
		x.step("%s has no records of its own but names below it exist: NODATA (an empty non-terminal, RFC 4592 section 2.2.2)", x.name)
		return
	}
	x.wildcard()
}

// findZone takes the longest zone that holds the name.
func (x *explainer) findZone() bool {
	for n, ok := x.name, true; ok; n, ok = n.Parent() {
		if z, found := x.v.st.Zones.Get(state.ZoneKey(n)); found {
			x.zone, x.out.Zone, x.out.Serial, x.out.Source = z, z.Name.String(), z.Serial, z.Source
			return true
		}
	}
	return false
}

// delegated looks for a zone cut or a DNAME between the zone's name and the name, the cut nearest to the zone first.
func (x *explainer) delegated() bool {
	var path []record.Name
	for n := x.name; n != x.zone.Name; n, _ = n.Parent() {
		path = append(path, n)
	}
	for i := len(path) - 1; i >= 0; i-- {
		n := path[i]
		if x.has(n, record.NS) && !(n == x.name && x.typ == record.DS) {
			x.out.Kind = api.KindDelegation
			x.step("%s is delegated to the name servers of its NS records: a referral", n)
			return true
		}
		if n != x.name && x.has(n, record.DNAME) {
			x.out.Kind = api.KindDNAME
			x.step("%s has a DNAME, which renames everything below it (RFC 6672)", n)
			return true
		}
	}
	if x.name != x.zone.Name && x.has(x.zone.Name, record.DNAME) {
		x.out.Kind = api.KindDNAME
		x.step("%s has a DNAME, which renames everything below it (RFC 6672)", x.zone.Name)
		return true
	}
	return false
}

// at explains what stands at a name; false where nothing does. kind is set where a wildcard led there.
func (x *explainer) at(name record.Name, kind string) bool {
	types := x.types(name)
	apex := name == x.zone.Name
	g, cell, steered := x.v.st.CellOf(x.zone, name)
	switch {
	case !steered && len(types) == 0 && !apex:
		return false
	case steered && x.steers(&g.Answers[cell]):
		x.steered(g, cell)
	case apex && x.typ == record.SOA:
		x.out.Kind = api.KindSOA
		x.step("the SOA record is made from the zone's settings and the serial, which rises with every visible change")
	case has(types, x.typ):
		x.out.Kind = api.KindStatic
		x.step("%s %s is static, from %s", name, x.typ, x.from(name, x.typ))
	case has(types, record.CNAME):
		x.out.Kind = api.KindCNAME
		x.step("%s is a CNAME, from %s; what it names is looked up in turn", name, x.from(name, record.CNAME))
	default:
		x.noData(name, types, g)
	}
	if kind != "" && x.out.Kind != api.KindNoData {
		x.out.Kind = kind
	}
	return true
}

// steers says whether a steered answer is what a query of this type gets.
func (x *explainer) steers(a *state.Answer) bool {
	switch x.typ {
	case record.A:
		return len(a.A) > 0 || a.Target != ""
	case record.AAAA:
		return len(a.AAAA) > 0 || a.Target != ""
	}
	return a.Target != ""
}

func (x *explainer) noData(name record.Name, types []record.Type, g *state.Group) {
	x.out.Kind = api.KindNoData
	if g != nil && (x.typ == record.A || x.typ == record.AAAA) {
		group := x.v.group(g)
		x.out.Group = &group
		x.step("%s is steered by group %s, whose active site %s has no %s address: NODATA", name, g.Name, g.Active, x.typ)
		return
	}
	x.step("%s exists, but has no %s (it has %s): NODATA", name, x.typ, typeList(types, g != nil))
}

func typeList(types []record.Type, steered bool) string {
	var out []string
	if steered {
		out = append(out, "steered addresses")
	}
	for _, t := range types {
		out = append(out, t.String())
	}
	if out == nil {
		return "SOA"
	}
	return strings.Join(out, ", ")
}

// steered explains a group's answer: sites, rule, answer.
func (x *explainer) steered(g *state.Group, cell int) {
	group := x.v.group(g)
	x.out.Kind, x.out.Group = api.KindSteered, &group
	x.step("%s is steered by group %s: sites in order %s, failback %s, all-down %s", x.name, g.Name, strings.Join(g.Sites, ", "), g.Failback, g.AllDown)
	for _, s := range group.Sites {
		x.site(&s)
	}
	if e := group.Emergency; e != nil {
		x.step("the emergency file of %s pins it to %s until %s, above everything else: %s", x.v.node.ID, e.Site, clockText(e.Expires), e.Reason)
	}
	if p := group.Pin; p != nil {
		x.step("pinned to %s by %s, ends %s: %s", p.Site, p.Author, until(p.Expires), p.Reason)
	}
	if group.Rule == node.RuleRefuse {
		x.step("rule %s: %s", group.Rule, group.Why)
		return
	}
	x.step("rule %s: %s; so %s is active", group.Rule, group.Why, g.Active)
	if cell < len(group.Cells) {
		x.step("answer: %s, TTL %d s", cellText(&group.Cells[cell]), group.Cells[cell].TTL)
	}
}

func (x *explainer) site(s *api.Standing) {
	text := fmt.Sprintf("site %s is %s", s.Site, s.Word)
	if s.Why != "" {
		text += ": " + s.Why
	}
	x.step("%s", text)
	if site, ok := x.v.st.Sites.Get(s.Site); ok {
		x.out.Endpoints = append(x.out.Endpoints, x.v.endpointsOf(site)...)
	}
}

func cellText(c *api.Cell) string {
	if c.Target != "" {
		return "CNAME " + c.Target
	}
	return strings.Join(append(append([]string{}, c.A...), c.AAAA...), ", ")
}

// wildcard explains a name that does not exist by itself (RFC 4592 section 3.3.1).
func (x *explainer) wildcard() {
	encloser, _ := x.name.Parent()
	for encloser != x.zone.Name && !x.exists(encloser) {
		encloser, _ = encloser.Parent()
	}
	if star, ok := encloser.Child("*"); ok && x.exists(star) {
		x.step("%s does not exist; the closest name that does is %s, and %s stands for what is missing below it", x.name, encloser, star)
		x.at(star, api.KindWildcard)
		return
	}
	x.out.Kind = api.KindNXDomain
	x.step("%s does not exist, and no wildcard stands for it (closest existing name: %s): NXDOMAIN", x.name, encloser)
}

// has says whether a name has static records of a type.
func (x *explainer) has(name record.Name, t record.Type) bool {
	_, ok := x.zone.Set(name, t)
	return ok
}

// from says where a record set came from: a file, or a command.
func (x *explainer) from(name record.Name, t record.Type) string {
	if d, ok := x.zone.Dynamic.Get(state.SetKey(name, t)); ok {
		return fmt.Sprintf("a command of %s at index %d", d.Author, d.Version)
	}
	return x.zone.Source
}

// types are the types of the static record sets at a name.
func (x *explainer) types(name record.Name) (out []record.Type) {
	for set := range x.zone.At(name) {
		out = append(out, set.Type)
	}
	return out
}

func has(types []record.Type, t record.Type) bool {
	for _, x := range types {
		if x == t {
			return true
		}
	}
	return false
}

// exists says whether a name, or one below it, has records.
func (x *explainer) exists(name record.Name) bool {
	for range x.zone.Below(name) {
		return true
	}
	for _, id := range x.zone.Groups {
		g, _ := x.v.st.Groups.Get(id)
		if g == nil {
			continue
		}
		for _, c := range g.Cells {
			for _, n := range c.Names {
				if n.Under(name) {
					return true
				}
			}
		}
	}
	return false
}
