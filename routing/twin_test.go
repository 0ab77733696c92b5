package routing

import (
	"net/netip"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"failoverdns/record"
)

// The twins below are the contract's sentences, each as one plain function that knows nothing of the others' code.

// "A family of a site is healthy when min(min-healthy, its size) addresses are."
func twinFamilyHealthy(s Site, v6 bool) bool {
	size, healthy := 0, 0
	for _, a := range s.Addresses {
		if a.IP.Is6() == v6 {
			size++
			if a.Healthy {
				healthy++
			}
		}
	}
	if s.MinHealthy < size {
		return healthy >= s.MinHealthy
	}
	return healthy == size
}

func twinHas(s Site, v6 bool) bool {
	return slices.ContainsFunc(s.Addresses, func(a Address) bool { return a.IP.Is6() == v6 })
}

// "A family that is unhealthy at every site that has it is left out of account, unless none would remain; a site is up
// when its remaining families are. A target site is up while its endpoint is."
func twinUp(sites []Site, s Site) bool {
	if s.Target {
		return s.Healthy
	}
	var remaining []bool
	for _, v6 := range []bool{false, true} {
		deadEverywhere := true
		for _, other := range sites {
			if twinHas(other, v6) && twinFamilyHealthy(other, v6) {
				deadEverywhere = false
			}
		}
		if twinHas(s, v6) && !deadEverywhere {
			remaining = append(remaining, v6)
		}
	}
	if len(remaining) == 0 {
		for _, v6 := range []bool{false, true} {
			if twinHas(s, v6) {
				remaining = append(remaining, v6)
			}
		}
	}
	for _, v6 := range remaining {
		if !twinFamilyHealthy(s, v6) {
			return false
		}
	}
	return true
}

// "Precedence: a switch that is off, override of the site ... then verdicts."
func twinStands(sites []Site, s Site) bool {
	if s.Off {
		return false
	}
	if s.Force != None {
		return s.Force == Up
	}
	return twinUp(sites, s)
}

// "The active site of a group is the first of these that exists: the pin, if forced (but not to a site that a switch
// took out, unless it broke the glass) or while its site is up; the first
// site that is up and not held; the first that is up though held; by all-down primary|last|all among the sites that no
// operator took out; by the same rule among all."
func twinActive(sites []Site, pin *Pin, allDown AllDown, last string) (active string, answered []string) {
	all := sites
	up := func(s Site) bool { return twinStands(all, s) }
	if some := slices.DeleteFunc(slices.Clone(sites), func(s Site) bool { return s.Empty }); len(some) > 0 {
		sites = some // nothing to answer with: as if it were not there
	}
	for _, s := range sites {
		if pin == nil || pin.Site != s.ID {
			continue
		}
		stands := up(s)
		if pin.Forced && !s.Off {
			stands = true
		}
		if pin.Forced && s.Off && pin.BreakGlass {
			stands = true
		}
		if stands {
			return s.ID, []string{s.ID}
		}
	}
	for _, s := range sites {
		if up(s) && !s.Held {
			return s.ID, []string{s.ID}
		}
	}
	for _, s := range sites {
		if up(s) {
			return s.ID, []string{s.ID}
		}
	}
	if active, answered, ok := twinAllDown(sites, func(s Site) bool { return s.Force != Down && !s.Off }, allDown, last); ok {
		return active, answered
	}
	active, answered, _ = twinAllDown(sites, func(Site) bool { return true }, allDown, last)
	return active, answered
}

func twinAllDown(sites []Site, among func(Site) bool, allDown AllDown, last string) (active string, answered []string, ok bool) {
	var ids []string
	for _, s := range sites {
		if among(s) {
			ids = append(ids, s.ID)
		}
	}
	if len(ids) == 0 {
		return "", nil, false
	}
	if allDown == All {
		return ids[0], ids, true
	}
	if allDown == Last {
		for _, id := range ids {
			if id == last {
				return id, []string{id}, true
			}
		}
	}
	return ids[0], ids[:1], true
}

// "The answer holds the active site's healthy addresses; if none of a family is healthy, all of that family.
// Duplicates are dropped."
func twinFamily(options []Option, v6 bool) []netip.Addr {
	var out []netip.Addr
	for _, onlyHealthy := range []bool{true, false} {
		if len(out) > 0 {
			break
		}
		for _, o := range options {
			for _, a := range o.Addresses {
				if a.IP.Is6() == v6 && (a.Healthy || !onlyHealthy) && !slices.Contains(out, a.IP) {
					out = append(out, a.IP)
				}
			}
		}
	}
	return out
}

var pool = []netip.Addr{
	netip.MustParseAddr("192.0.2.1"), netip.MustParseAddr("192.0.2.2"), netip.MustParseAddr("192.0.2.3"),
	netip.MustParseAddr("2001:db8::1"), netip.MustParseAddr("2001:db8::2"),
}

func drawAddresses(t *rapid.T, least int) (out []Address) {
	for _, ip := range rapid.Permutation(pool).Draw(t, "addresses")[:rapid.IntRange(least, len(pool)).Draw(t, "count")] {
		out = append(out, Address{ip, rapid.Bool().Draw(t, "healthy")})
	}
	return out
}

func drawSites(t *rapid.T) (sites []Site) {
	for _, id := range []string{"a", "b", "c", "d"}[:rapid.IntRange(1, 4).Draw(t, "sites")] {
		s := Site{ID: id, MinHealthy: rapid.IntRange(1, 3).Draw(t, "min-healthy"), Held: rapid.Bool().Draw(t, "held")}
		s.Force = rapid.SampledFrom([]Force{None, None, None, Up, Down}).Draw(t, "force")
		s.Off = rapid.IntRange(0, 3).Draw(t, "switch") == 0
		if s.Target = rapid.IntRange(0, 2).Draw(t, "target") == 0; s.Target {
			s.Healthy, s.Empty = rapid.Bool().Draw(t, "target healthy"), rapid.Bool().Draw(t, "empty")
		} else {
			s.Addresses = drawAddresses(t, 0)
		}
		sites = append(sites, s)
	}
	return sites
}

func TestChoiceIsWhatTheContractSays(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		sites := drawSites(t)
		ids := []string{"", "a", "b", "c", "d"}
		var pin *Pin
		if rapid.Bool().Draw(t, "pin") {
			pin = &Pin{rapid.SampledFrom(ids).Draw(t, "pinned"), rapid.Bool().Draw(t, "forced"), rapid.Bool().Draw(t, "glass broken")}
		}
		allDown := rapid.SampledFrom([]AllDown{Primary, Last, All}).Draw(t, "all-down")
		last := rapid.SampledFrom(ids).Draw(t, "last")
		measured, up := Measured(sites), Standing(sites)
		for i, s := range sites {
			if measured[i] != twinUp(sites, s) || up[i] != twinStands(sites, s) {
				t.Fatalf("%+v: site %s is measured %v and stands %v", sites, s.ID, measured[i], up[i])
			}
		}
		c := Choose(sites, up, pin, allDown, last)
		active, answered := twinActive(sites, pin, allDown, last)
		if c.Site != active || !slices.Equal(c.Answer, answered) {
			t.Fatalf("%+v up %v: chose %+v; the contract says %s, answering %v", sites, up, c, active, answered)
		}
	})
}

func TestAnswerIsWhatTheContractSays(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var options []Option
		for range rapid.IntRange(1, 3).Draw(t, "sites") {
			options = append(options, Option{Addresses: drawAddresses(t, 1)})
		}
		a, aaaa, target := Answer(options)
		if !slices.Equal(a, twinFamily(options, false)) || !slices.Equal(aaaa, twinFamily(options, true)) || target != "" {
			t.Fatalf("%+v answered %v %v %q", options, a, aaaa, target)
		}
		if len(a)+len(aaaa) == 0 {
			t.Fatalf("%+v: health made the answer empty", options)
		}
	})
}

func TestTargetExcludesAddresses(t *testing.T) {
	name := record.MustParseName("app.example.net")
	a, aaaa, target := Answer([]Option{{Addresses: []Address{{pool[0], true}}}, {Target: name}})
	if a != nil || aaaa != nil || target != name {
		t.Errorf("got %v %v %q", a, aaaa, target)
	}
}

// TestRuleNamesWhatDecided goes through the rules in their order.
func TestRuleNamesWhatDecided(t *testing.T) {
	up, down, held := Site{Force: Up}, Site{Force: Down}, Site{Force: Up, Held: true}
	dead, off := Site{Target: true}, Site{Force: Up, Off: true}
	empty, deadEmpty := Site{Target: true, Healthy: true, Empty: true}, Site{Target: true, Empty: true}
	for _, c := range []struct {
		rule    Rule
		sites   []Site
		pin     *Pin
		allDown AllDown
		active  string
	}{
		{PinForced, []Site{up, down}, &Pin{Site: "b", Forced: true}, Primary, "b"},
		{Pinned, []Site{up, up}, &Pin{Site: "b", Forced: false}, Primary, "b"},
		{Preferred, []Site{up, down}, &Pin{Site: "b", Forced: false}, Primary, "a"},
		{Preferred, []Site{up, up}, &Pin{Site: "gone", Forced: true}, Primary, "a"},
		{Preferred, []Site{up, off}, &Pin{Site: "b", Forced: true}, Primary, "a"},
		{PinForced, []Site{up, off}, &Pin{Site: "b", Forced: true, BreakGlass: true}, Primary, "b"},
		{Preferred, []Site{up, off}, &Pin{Site: "b", BreakGlass: true}, Primary, "a"},
		{Failover, []Site{off, up}, nil, Primary, "b"},
		{AllDownPrimary, []Site{off, dead}, nil, Primary, "b"},
		{AllDownPrimary, []Site{off, off}, nil, Primary, "a"},
		{Failover, []Site{held, up}, nil, Primary, "b"},
		{HeldUp, []Site{held, dead}, nil, Primary, "a"},
		{Failover, []Site{empty, up}, nil, Primary, "b"},
		{Failover, []Site{empty, up}, &Pin{Site: "a", Forced: true}, Primary, "b"},
		{HeldUp, []Site{empty, held}, nil, Primary, "b"},
		{Preferred, []Site{empty, empty}, nil, Primary, "a"},
		{PinForced, []Site{empty, empty}, &Pin{Site: "b", Forced: true}, Primary, "b"},
		{AllDownPrimary, []Site{empty, dead}, nil, Primary, "b"},
		{AllDownPrimary, []Site{deadEmpty, down}, nil, Primary, "b"},
		{AllDownPrimary, []Site{down, dead}, nil, Primary, "b"},
		{AllDownPrimary, []Site{down, down}, nil, Primary, "a"},
		{AllDownPrimary, []Site{dead, dead}, nil, "", "a"},
		{AllDownLast, []Site{dead, dead}, nil, Last, "b"},
		{AllDownLast, []Site{dead, down}, nil, Last, "a"},
		{AllDownAll, []Site{dead, dead}, nil, All, "a"},
	} {
		for i := range c.sites {
			c.sites[i].ID = string(rune('a' + i))
		}
		got := Choose(c.sites, Standing(c.sites), c.pin, c.allDown, "b")
		if got.Rule != c.rule || got.Site != c.active {
			t.Errorf("%+v with pin %v, all-down %s: %s by %s; want %s by %s", c.sites, c.pin, c.allDown, got.Site, got.Rule, c.active, c.rule)
		}
	}
}
