package server

import (
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"failoverdns/api"
	"failoverdns/record"
	"failoverdns/state"
)

// reach is the zones that a request is about; a command that is not known here is about everything.
type reach struct {
	zones      []record.Name
	everything bool
}

var everywhere = reach{everything: true}

// reachOf says in which zones a command can change something.
func reachOf(st *state.State, b state.Body) reach {
	switch c := b.(type) {
	case *state.SetOverride:
		return scopeReach(st, c.Scope, c.Target)
	case *state.ClearOverride:
		return scopeReach(st, c.Scope, c.Target)
	case *state.Extend:
		return scopeReach(st, c.Scope, c.Target)
	case *state.PlanWindow:
		return scopeReach(st, c.Scope, c.Target)
	case *state.CancelWindow:
		return windowReach(st, c.Window)
	case *state.SetPin:
		return groupReach(st, c.Group)
	case *state.Unpin:
		return groupReach(st, c.Group)
	case *state.EndHold:
		return groupReach(st, c.Group)
	case *state.StartDrill:
		return groupReach(st, c.Group)
	case *state.AbortDrill:
		return drillReach(st, c.Drill)
	case *state.SetSwitches:
		return switchReach(st, c)
	case *state.ChangeRecords:
		return zoneReach(c.Zone)
	case *state.CreateZone:
		return zoneReach(c.Zone)
	case *state.DeleteZone:
		return zoneReach(c.Zone)
	case *state.Adopt:
		return zoneReach(c.Zone)
	}
	return everywhere
}

func zoneReach(zone record.Name) reach {
	if zone == "" {
		return everywhere
	}
	return reach{zones: []record.Name{zone}}
}

func windowReach(st *state.State, id uint64) reach {
	for _, w := range st.Windows.All() {
		if w.ID == id {
			return scopeReach(st, w.Scope, w.Target)
		}
	}
	return everywhere
}

// drillReach is the zone of a drill's group.
func drillReach(st *state.State, id uint64) reach {
	for _, d := range st.Drills.All() {
		if d.ID == id {
			return groupReach(st, d.Group)
		}
	}
	return everywhere
}

// switchReach is the zones that declare the switches, and all with a group that has one of their sites.
func switchReach(st *state.State, c *state.SetSwitches) (out reach) {
	for _, change := range c.Changes {
		w, ok := st.Switches.Get(change.Name)
		if !ok {
			return everywhere
		}
		if z, ok := st.Zones.Get(w.Zone); ok {
			out.add(z.Name)
		}
		for _, site := range w.Sites {
			of := siteReach(st, site)
			out.everything = out.everything || of.everything
			for _, zone := range of.zones {
				out.add(zone)
			}
		}
	}
	out.everything = out.everything || len(out.zones) == 0
	return out
}

func groupReach(st *state.State, group string) reach {
	if g, ok := st.Groups.Get(group); ok {
		return reach{zones: []record.Name{g.Zone}}
	}
	return everywhere
}

// scopeReach is all zones with a group that has the site of an override: a site's override counts in each of them.
func scopeReach(st *state.State, scope state.Scope, target string) reach {
	switch scope {
	case state.ScopeSite:
		return siteReach(st, target)
	case state.ScopeAddress, state.ScopeEndpoint:
		return siteReach(st, siteOf(st, target, '@'))
	case state.ScopeCheck:
		return siteReach(st, siteOf(st, target, '/'))
	}
	return everywhere
}

// siteOf is the site in the ID of an address, endpoint or check.
func siteOf(st *state.State, id string, sep byte) string {
	if e, ok := st.Endpoints.Get(id); ok {
		return e.Site
	}
	if i := strings.LastIndexByte(id, sep); i >= 0 {
		return id[:i]
	}
	return id
}

// siteReach takes a site's ID, or a name that several have.
func siteReach(st *state.State, site string) (out reach) {
	for id, x := range st.Sites.All() {
		if id != site && x.Name != site {
			continue
		}
		out.add(x.Zone)
		for _, g := range st.Groups.All() {
			if slices.Contains(g.Sites, id) {
				out.add(g.Zone)
			}
		}
	}
	if len(out.zones) == 0 {
		return everywhere
	}
	return out
}

func (r *reach) add(zone record.Name) {
	if !slices.ContainsFunc(r.zones, func(z record.Name) bool { return state.ZoneKey(z) == state.ZoneKey(zone) }) {
		r.zones = append(r.zones, zone)
	}
}

// The reaches of reads that name something; others show all there is.
func readsSite(st *state.State, r *http.Request, q url.Values) reach {
	if q.Has("group") {
		return groupReach(st, q.Get("group"))
	}
	return siteReach(st, r.PathValue("site"))
}

func readsEndpoint(st *state.State, _ *http.Request, q url.Values) reach {
	return siteReach(st, siteOf(st, q.Get("endpoint"), '@'))
}

func readsName(st *state.State, _ *http.Request, q url.Values) reach {
	name, err := record.ParseName(q.Get("name"))
	if err != nil {
		return everywhere
	}
	var zone record.Name
	for _, z := range st.Zones.All() {
		if name.Under(z.Name) && len(z.Name) > len(zone) {
			zone = z.Name
		}
	}
	if zone == "" {
		return everywhere
	}
	return reach{zones: []record.Name{zone}}
}

// mayReach says whether an identity's zones hold all that a request is about. What is not there is refused alike, so
// that nothing is learned of it.
func (i *identity) mayReach(to reach) error {
	if len(i.zones) == 0 {
		return nil
	}
	within := !to.everything
	for _, z := range to.zones {
		within = within && slices.ContainsFunc(i.zones, func(own record.Name) bool { return state.ZoneKey(own) == state.ZoneKey(z) })
	}
	if within {
		return nil
	}
	var own []string
	for _, z := range i.zones {
		own = append(own, z.Bare())
	}
	return &api.Problem{Status: http.StatusForbidden, Code: api.CodeForbidden,
		Detail: fmt.Sprintf("%s is for %s only, and this reaches further", i, strings.Join(own, ", "))}
}
