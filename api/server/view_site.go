package server

import (
	"slices"

	"failoverdns/api"
	"failoverdns/state"
)

// sites lists every site, in the order of IDs.
func (v *view) sites() []api.Site {
	out := []api.Site{}
	for _, s := range v.st.Sites.All() {
		out = append(out, v.site(s))
	}
	return out
}

func (v *view) site(s *state.Site) api.Site {
	out := api.Site{
		ID: s.ID(), Zone: s.Zone.String(), MinHealthy: s.MinHealthy, Override: v.override(v.st.SiteWord(s)),
		Groups: []api.SiteGroup{}, Endpoints: v.endpointsOf(s),
	}
	if s.Target != "" {
		out.Target = s.Target.String()
	}
	for _, a := range s.Addresses {
		out.Addresses = append(out.Addresses, api.SiteAddress{
			Address: a.String(), Healthy: v.st.AddressHealthy(s, a), Override: v.overrideOf(state.ScopeAddress, state.AddressID(s.ID(), a)),
		})
	}
	for _, g := range v.st.Groups.All() {
		for i := range g.States {
			if g.States[i].Site == out.ID {
				out.Groups = append(out.Groups, api.SiteGroup{Group: g.Name, Standing: v.standing(g, &g.States[i])})
			}
		}
	}
	return out
}

// Roles of a site.
const (
	roleActive  = "active"
	roleStandby = "standby"
	roleUnknown = "unknown"
)

// role says whether a site, by ID or name, is the one that its groups answer with. An empty group means all.
func (v *view) role(site, group string) (*api.Role, error) {
	out := &api.Role{Meta: v.meta(), Site: site, Quorum: v.node.Quorum, Groups: map[string]string{}}
	for _, g := range v.st.Groups.All() {
		id, ok := g.SiteIn(site)
		if !ok || group != "" && g.Name != group {
			continue
		}
		out.Groups[g.Name] = roleStandby
		if g.Active == id {
			out.Groups[g.Name] = roleActive
		}
	}
	if len(out.Groups) == 0 {
		return nil, notFound("site", "no group has the site %q; failoverctl sites lists them", site)
	}
	if v.node.StateAge > staleAfter {
		return nil, &api.Problem{Status: 503, Code: api.CodeRole, Role: roleUnknown, Detail: "this node has had no leader for " + v.node.StateAge.String()}
	}
	var roles []string
	for _, r := range out.Groups {
		roles = append(roles, r)
	}
	slices.Sort(roles)
	if roles = slices.Compact(roles); len(roles) > 1 {
		return nil, &api.Problem{Status: 409, Code: api.CodeRole, Groups: out.Groups, Detail: "the groups of this site differ; name one with ?group="}
	}
	out.Role = roles[0]
	return out, nil
}
