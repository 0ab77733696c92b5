package state

import (
	"net/netip"
	"slices"
	"time"

	"failoverdns/health"
	"failoverdns/record"
)

// index is what follows from the tables and is kept beside them, so that a command costs what it touches and not what
// there is. It stands in no snapshot: whatever writes sites, endpoints' checks, groups, overrides or tokens goes through the
// functions here, decoding too.
type index struct {
	siteGroups Table[string]   // the groups that have a site, by site ID and group
	lookups    Table[lookup]   // the names that are looked up, by name and site ID
	intervals  Table[interval] // the check intervals in use
	timers     Table[timer]    // what happens by the clock, by time
	offSites   Table[string]   // the switches that are off, by name of a site that they take out and their own
}

// lookup is that a site has a name that is looked up: its target, or a dial host of its checks.
type lookup struct {
	name record.Name
	site string
}

type interval struct {
	length    time.Duration
	endpoints int
}

// timer is when a group (its pin, its holds), an override, a maintenance window or a token is to be looked at.
type timer struct {
	at       Clock
	group    string
	override string // key; instead of group
	token    string // ID; likewise
	window   string // key; likewise
}

func pairKey(a, b string) string { return a + "\x00" + b }

func lookupKey(name record.Name, site string) string { return pairKey(string(name.Key()), site) }

func (t timer) key() string {
	return pairKey(numberKey(uint64(t.at)), pairKey(t.override, pairKey(t.token, pairKey(t.window, t.group))))
}

func (s *State) putGroup(g *Group) {
	old, ok := s.Groups.Get(g.Name)
	if !ok || !slices.Equal(old.Sites, g.Sites) {
		s.unlinkGroup(old)
		for _, id := range g.Sites {
			s.siteGroups = s.siteGroups.With(pairKey(id, g.Name), g.Name)
		}
	}
	s.retime(timer{at: old.due(), group: g.Name}, timer{at: g.due(), group: g.Name})
	s.Groups = s.Groups.With(g.Name, g)
}

func (s *State) dropGroup(name string) {
	old, _ := s.Groups.Get(name)
	s.unlinkGroup(old)
	s.retime(timer{at: old.due(), group: name}, timer{at: never})
	s.Groups = s.Groups.Without(name)
}

func (s *State) unlinkGroup(g *Group) {
	if g == nil {
		return
	}
	for _, id := range g.Sites {
		s.siteGroups = s.siteGroups.Without(pairKey(id, g.Name))
	}
}

// groupsOf are the names of the groups that have a site, in order.
func (s *State) groupsOf(siteID string) (groups []string) {
	for _, name := range s.siteGroups.Prefix(pairKey(siteID, "")) {
		groups = append(groups, name)
	}
	return groups
}

func (s *State) putOverride(o *Override) {
	key := OverrideKey(o.Scope, o.Target)
	old, _ := s.Overrides.Get(key)
	s.retime(timer{at: old.due(), override: key}, timer{at: o.due(), override: key})
	s.Overrides = s.Overrides.With(key, o)
}

func (s *State) dropOverride(key string) {
	old, _ := s.Overrides.Get(key)
	s.retime(timer{at: old.due(), override: key}, timer{at: never})
	s.Overrides = s.Overrides.Without(key)
}

func (s *State) retime(old, next timer) {
	if old == next {
		return
	}
	if old.at != never {
		s.timers = s.timers.Without(old.key())
	}
	if next.at != never {
		s.timers = s.timers.With(next.key(), next)
	}
}

func (s *State) putSite(site *Site) {
	old, _ := s.Sites.Get(site.ID())
	s.unlinkSite(old)
	for _, name := range site.lookedUp() {
		s.lookups = s.lookups.With(lookupKey(name, site.ID()), lookup{name, site.ID()})
	}
	s.Sites = s.Sites.With(site.ID(), site)
}

func (s *State) dropSite(id string) {
	old, _ := s.Sites.Get(id)
	s.unlinkSite(old)
	s.Sites = s.Sites.Without(id)
}

func (s *State) unlinkSite(site *Site) {
	if site == nil {
		return
	}
	for _, name := range site.lookedUp() {
		s.lookups = s.lookups.Without(lookupKey(name, site.ID()))
	}
}

// lookedUp are the names that nodes look up because of a site: a target that is probed or flattened, and dial hosts.
func (s *SiteDecl) lookedUp() (names []record.Name) {
	target := s.Flatten
	for i := range s.Checks {
		dial := s.Checks[i].Check.Dial
		if dial == "" {
			target = true
			continue
		}
		if name, ok := dialName(dial); ok {
			names = append(names, name)
		}
	}
	if target && s.Target != "" {
		names = append(names, s.Target)
	}
	return names
}

// dialName is the name of a dial host that is no address.
func dialName(dial string) (record.Name, bool) {
	host, _, err := health.ParseDial(dial)
	if err != nil {
		return "", false
	}
	if _, err := netip.ParseAddr(host); err == nil {
		return "", false
	}
	name, err := record.ParseName(host)
	return name, err == nil
}

func (s *State) putEndpoint(e *Endpoint) {
	if old, ok := s.Endpoints.Get(e.ID); ok {
		s.useInterval(old.Spec.Interval, -1)
	}
	s.useInterval(e.Spec.Interval, 1)
	s.Endpoints = s.Endpoints.With(e.ID, e)
}

func (s *State) dropEndpoint(id string) {
	if old, ok := s.Endpoints.Get(id); ok {
		s.useInterval(old.Spec.Interval, -1)
		s.Endpoints = s.Endpoints.Without(id)
	}
}

func (s *State) useInterval(d time.Duration, by int) {
	key := numberKey(uint64(d))
	x, _ := s.intervals.Get(key)
	if x.endpoints += by; x.endpoints == 0 {
		s.intervals = s.intervals.Without(key)
		return
	}
	s.intervals = s.intervals.With(key, interval{d, x.endpoints})
}

// Intervals lists the check intervals in use, the shortest first: each node has a session for each.
func (s *State) Intervals() (out []time.Duration) {
	for _, x := range s.intervals.All() {
		out = append(out, x.length)
	}
	return out
}
