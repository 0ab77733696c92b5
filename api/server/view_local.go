package server

import (
	"fmt"
	"slices"
	"time"

	"failoverdns/api"
	"failoverdns/health"
	"failoverdns/node"
	"failoverdns/state"
)

// emergency lists the lines of this node's emergency file that have not expired.
func (v *view) emergency() (out []api.Emergency) {
	for i := range v.local.Emergency {
		out = append(out, *emergencyLine(&v.local.Emergency[i]))
	}
	return out
}

func emergencyLine(e *node.Emergency) *api.Emergency {
	return &api.Emergency{Line: e.Line, Group: e.Group, Site: e.Site, Expires: utc(e.Expires), Reason: e.Reason, Groups: e.Groups, NoEffect: e.Vain}
}

// emergencyOf is the line by which a group answers, nil without one.
func (v *view) emergencyOf(group string) *api.Emergency {
	for i := range v.local.Emergency {
		if e := &v.local.Emergency[i]; slices.Contains(e.Groups, group) {
			return emergencyLine(e)
		}
	}
	return nil
}

// clear is the command that takes a line out of the emergency file, on that node's machine.
func (v *view) clear(e *api.Emergency) string {
	said := "failoverctl local clear " + e.Group
	if v.local.Data != "" {
		said += " --data " + v.local.Data
	}
	return said
}

// noQuorum lists the zones that this node serves by their no-quorum rule now.
func (v *view) noQuorum() (out []api.NoQuorum) {
	for _, m := range v.local.Modes {
		one := api.NoQuorum{Zone: m.Zone, Rule: string(m.Rule.Mode), After: seconds(m.Rule.After), Since: utc(m.Since)}
		for id, o := range m.Own {
			if one.Own == nil {
				one.Own = map[string]string{}
			}
			one.Own[id] = string(o)
		}
		out = append(out, one)
	}
	return out
}

// mode is the no-quorum rule by which a group's zone is served now, nil without one.
func (v *view) mode(g *state.Group) *node.Mode {
	for i := range v.local.Modes {
		if m := &v.local.Modes[i]; m.Zone == g.Zone.Bare() {
			return m
		}
	}
	return nil
}

// byLocalWords says in a group's page what this node does with it by words of its own.
func (v *view) byLocalWords(out *api.Group, g *state.Group) {
	out.Emergency = v.emergencyOf(g.Name)
	m := v.mode(g)
	switch {
	case out.Emergency != nil:
		e := out.Emergency
		out.Why = fmt.Sprintf("the emergency file on %s says so until %s, line %d: %s", v.node.ID, clockText(e.Expires), e.Line, e.Reason)
		out.Next = v.clear(e)
		out.Waits = []string{fmt.Sprintf("the line ends at %s, or within a second of its clearing; then %s answers as the cluster says, and no quorum is needed for that", clockText(e.Expires), v.node.ID)}
	case m == nil:
	case m.Rule.Mode == state.NoQuorumRefuse:
		out.Rule, out.Cells = node.RuleRefuse, unanswered(out.Cells)
		out.Why = fmt.Sprintf("%s has no leader since %s: its names get SERVFAIL (no-quorum refuse %s); else it would answer with %s", v.node.ID, v.silentSince(), m.Rule.After, g.Active)
	case g.Rule == state.RuleLocal:
		out.Why = fmt.Sprintf("by the counts of %s alone, which has no leader since %s (no-quorum local %s)%s", v.node.ID, v.silentSince(), m.Rule.After, passedOver(out))
	}
}

// unanswered is names without their answers.
func unanswered(cells []api.Cell) (out []api.Cell) {
	for _, c := range cells {
		out = append(out, api.Cell{Names: c.Names, TTL: c.TTL})
	}
	return out
}

func (v *view) silentSince() string { return clockText(v.now.Add(-v.local.Silence)) }

// ownWhy says by which of this node's own counts a site is down in a group.
func (v *view) ownWhy(g *state.Group, site *state.Site) (parts []string) {
	m := v.mode(g)
	if m == nil {
		return nil
	}
	for _, id := range site.Endpoints {
		e, ok := v.st.Endpoints.Get(id)
		if down := m.Own[id] == health.Down; ok && down && !e.Down() {
			parts = append(parts, fmt.Sprintf("%s: down by the counts of %s alone", id, v.node.ID))
		}
	}
	return parts
}

// nothingFlips is what the want of a quorum means to answers, unless some zone goes by own counts.
func (v *view) nothingFlips() string {
	for _, m := range v.local.Modes {
		if m.Rule.Mode == state.NoQuorumLocal {
			return ""
		}
	}
	return "nothing flips and "
}

// localProblems are what is wrong with the words of this node's own, and what it does for want of a leader.
func (v *view) localProblems(add func(code, next, format string, args ...any)) {
	if v.local.Invalid != "" {
		add(api.ProblemEmergency, "", "the emergency file of %s is ignored as a whole: %s", v.node.ID, v.local.Invalid)
	}
	for _, e := range v.local.Emergency {
		if e.Vain != "" {
			add(api.ProblemEmergency, "", "line %d of the emergency file of %s has no effect: %s", e.Line, v.node.ID, e.Vain)
		}
	}
	for _, m := range v.local.Modes {
		what := "answers by its own counts"
		if m.Rule.Mode == state.NoQuorumRefuse {
			what = "refuses steered names with SERVFAIL"
		}
		add(api.ProblemNoQuorum, "", "%s: %s %s since %s (no-quorum %s %s); its serial stays, and transfers are refused", m.Zone, v.node.ID, what, clockText(m.Since), m.Rule.Mode, m.Rule.After.Round(time.Second))
	}
}

// localNotes tells of the lines of the emergency file that have effect.
func (v *view) localNotes(add func(code, next, format string, args ...any)) {
	for _, e := range v.local.Emergency {
		if e.Vain == "" && len(e.Groups) > 0 {
			add(api.NoteEmergency, v.clear(emergencyLine(&e)), "the emergency file of %s pins %s to %s until %s: %s", v.node.ID, e.Group, e.Site, clockText(e.Expires), e.Reason)
		}
	}
}

// ruleText says by which word of its own a node answers.
func ruleText(rule string) string {
	switch rule {
	case state.RuleEmergency:
		return "by its emergency file"
	case state.RuleLocal:
		return "by its own counts, without a leader"
	case node.RuleRefuse:
		return "no more than SERVFAIL, without a leader"
	}
	return "by " + rule
}
