package server

import (
	"net/http"
	"net/url"
	"strings"

	"failoverdns/api"
	"failoverdns/state"
)

func switchRoutes() []route {
	return []route{
		{method: http.MethodGet, path: "/v1/switches", least: accessRead, text: "routing switches and safety rules", answer: api.Switches{}, read: readSwitches},
		{method: http.MethodPut, path: "/v1/switches", least: accessOperate, text: "turn switches, all or none", body: api.SwitchRequest{}, answer: api.Written{}, write: writeSwitches},
	}
}

func readSwitches(s *Server, _ *http.Request, _ url.Values) (api.Answer, error) {
	v := s.view()
	out := &api.Switches{Meta: v.meta(), Switches: []api.Switch{}, Rules: []api.Rule{}}
	for _, sw := range v.st.Switches.All() {
		out.Switches = append(out.Switches, v.routingSwitch(sw))
	}
	for _, r := range v.st.Rules.All() {
		out.Rules = append(out.Rules, v.rule(r))
	}
	return out, nil
}

func (v *view) routingSwitch(sw *state.Switch) api.Switch {
	out := api.Switch{Name: sw.Name, Zone: v.zoneName(sw.Zone), On: sw.On, Sites: append([]string{}, sw.Sites...), Author: sw.Author, Reason: sw.Reason, Since: utc(sw.Wall), BrokeGlass: sw.BrokeGlass}
	for _, site := range sw.Sites {
		if o, ok := v.st.Overrides.Get(state.OverrideKey(state.ScopeSite, site)); ok && o.Word == state.ForceDown {
			out.Out = append(out.Out, site)
		}
	}
	return out
}

func (v *view) rule(r *state.Rule) api.Rule {
	on := v.st.Standing(r)
	out := api.Rule{Name: r.Name, Zone: v.zoneName(r.Zone), Kind: string(r.Kind), Switches: r.Switches, Gates: r.Gates, Least: r.Least, Most: r.Most,
		Wait: seconds(r.Wait), Demands: r.Demands(), On: on, Kept: r.Off(on) == 0}
	if until := v.wallOr(v.st.WaitsUntil(r)); until != nil && until.After(v.now) {
		out.Waits = until
	}
	return out
}

func (v *view) zoneName(key string) string {
	if z, ok := v.st.Zones.Get(key); ok {
		return z.Name.String()
	}
	return ""
}

func writeSwitches(w http.ResponseWriter, r *http.Request) (state.Body, string, error) {
	var q api.SwitchRequest
	if err := decode(w, r, &q); err != nil {
		return nil, "", err
	}
	c := &state.SetSwitches{Reason: q.Reason, Force: q.Force, BreakGlass: q.BreakGlass}
	for _, p := range q.Set {
		c.Changes = append(c.Changes, state.SwitchChange{Name: p.Name, On: p.On})
	}
	return c, q.Author, who(q.Who)
}

// switchedOff puts into a site's standing the switch that took it out.
func (v *view) switchedOff(out *api.Standing, site *state.Site) {
	sw := v.st.SwitchedOff(site)
	if sw == nil {
		return
	}
	out.Switch, out.Word, out.Held, out.HeldUntil = sw.Name, "switched off", false, nil
	out.Why = "switch " + sw.Name + " is off"
	if sw.Set {
		out.Why += ", by " + sw.Author + ": " + sw.Reason
	}
	if out.Override != nil {
		out.Why += "; the override (forced " + out.Override.Word + ") stands below it"
	}
}

// switchNotes tells of switches that are off, and of assertions that do not hold.
func (v *view) switchNotes(add func(code, next, format string, args ...any)) {
	for _, sw := range v.st.Switches.All() {
		if !sw.On && len(sw.Sites) > 0 {
			add(api.NoteSwitch, "failoverctl switch set "+sw.Name+"=on --reason TEXT", "switch %s is off since %s, by %s: %s; it takes out %s", sw.Name, clockText(utc(sw.Wall)), orNobody(sw.Author), sw.Reason, strings.Join(sw.Sites, ", "))
		}
	}
	for _, r := range v.st.Rules.All() {
		if on := v.st.Standing(r); r.Kind == state.Assertion && r.Off(on) > 0 {
			add(api.NoteRule, "failoverctl rule list", "rule %s is not kept: it demands %s, and %d count", r.Name, r.Demands(), on)
		}
	}
}

func orNobody(author string) string {
	if author == "" {
		return "its declaration"
	}
	return author
}
