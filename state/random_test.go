package state

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/netip"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"failoverdns/health"
	"failoverdns/record"
	"failoverdns/routing"
)

// Small worlds: few names, so that commands meet.
var (
	someNodes     = []string{"ns1", "ns2", "ns3", "ns4"}
	someSites     = []string{"azure", "aws", "gcp"}
	someAddresses = []string{"192.0.2.1", "192.0.2.2", "2001:db8::1"}
	someZones     = []string{"a.example", "b.example"}
	flattened     = record.MustParseName("lb.cloud.example")
	someIntervals = []time.Duration{5 * time.Second, 10 * time.Second}
)

// history draws commands one by one, with an eye to the state that they meet.
type history struct {
	t     *rapid.T
	clock Clock
}

func (h *history) pick(of []string, what string) string { return rapid.SampledFrom(of).Draw(h.t, what) }

func (h *history) next(s *State) Command {
	h.clock += time.Duration(rapid.SampledFrom([]int{0, 1, 30, 600, 4000}).Draw(h.t, "advance")) * time.Second
	c := Command{Header: Header{Clock: h.clock, Author: "ann"}}
	if rapid.IntRange(0, 9).Draw(h.t, "with an ID") == 0 {
		c.ID = fmt.Sprint("r", rapid.IntRange(0, 5).Draw(h.t, "ID"))
	}
	kinds := []func(*State) Body{h.vote, h.vote, h.vote, h.vote, h.session, h.override, h.override, h.clear, h.pin, h.due, h.declare, h.other, h.resolved, h.resolved, h.token, h.stage, h.complete, h.records, h.records, h.records, h.zone, h.turn, h.turn, h.drill, h.drill, h.window, h.window}
	c.Body = rapid.SampledFrom(kinds).Draw(h.t, "kind")(s)
	return c
}

func (h *history) vote(s *State) Body {
	v := &Votes{Node: h.pick(someNodes, "node")}
	opinion := rapid.SampledFrom([]health.Opinion{health.Up, health.Down, health.Down, health.None}).Draw(h.t, "opinion")
	all := rapid.Bool().Draw(h.t, "on all")
	for _, e := range s.Endpoints.All() {
		if all || rapid.Bool().Draw(h.t, "on it") {
			c := Cast{Endpoint: e.ID, Revision: e.Revision, Opinion: opinion, Reason: health.Timeout, SinceFirst: 20 * time.Second}
			if x, ok := s.Sessions.Get(SessionKey(v.Node, e.Spec.Interval)); ok {
				c.Session = x.Number
			}
			v.Votes = append(v.Votes, c)
		}
	}
	return v
}

func (h *history) session(s *State) Body {
	node, interval := h.pick(someNodes, "node"), rapid.SampledFrom(someIntervals).Draw(h.t, "interval")
	x, ok := s.Sessions.Get(SessionKey(node, interval))
	if ok && rapid.Bool().Draw(h.t, "close") {
		return &SessionClose{Node: node, Interval: interval, Number: x.Number, Recount: true}
	}
	return &SessionOpen{Node: node, Interval: interval, Boot: h.pick([]string{"b1", "b2"}, "boot")}
}

func (h *history) target(s *State) (Scope, string) {
	scope := rapid.SampledFrom([]Scope{ScopeSite, ScopeAddress, ScopeEndpoint, ScopeCheck, ScopeNode}).Draw(h.t, "scope")
	site := h.pick(someSites, "site")
	switch scope {
	case ScopeAddress:
		return scope, site + "@" + h.pick(someAddresses, "address")
	case ScopeEndpoint:
		return scope, EndpointID(CheckID(site, "https"), h.pick(someAddresses, "address"))
	case ScopeCheck:
		return scope, CheckID(site, "https")
	case ScopeNode:
		return scope, h.pick(someNodes, "node")
	}
	return scope, site
}

func (h *history) override(s *State) Body {
	scope, target := h.target(s)
	word := rapid.SampledFrom([]Word{ForceDown, ForceUp}).Draw(h.t, "word")
	if scope == ScopeCheck || scope == ScopeNode {
		word = Mute
	}
	return &SetOverride{Scope: scope, Target: target, Word: word, For: h.forTime(), Force: rapid.Bool().Draw(h.t, "force")}
}

func (h *history) forTime() time.Duration {
	return rapid.SampledFrom([]time.Duration{0, time.Minute, time.Hour}).Draw(h.t, "for")
}

func (h *history) clear(s *State) Body {
	scope, target := h.target(s)
	for _, o := range s.Overrides.All() {
		if rapid.Bool().Draw(h.t, "this one") {
			scope, target = o.Scope, o.Target
		}
	}
	if rapid.Bool().Draw(h.t, "extend") {
		return &Extend{Scope: scope, Target: target, For: h.forTime()}
	}
	return &ClearOverride{Scope: scope, Target: target, Force: rapid.Bool().Draw(h.t, "force")}
}

func (h *history) pin(*State) Body {
	group := h.pick([]string{"a.example", "b.example", AllGroups}, "group")
	switch rapid.IntRange(0, 3).Draw(h.t, "pin") {
	case 0:
		return &Unpin{Group: group}
	case 1:
		return &EndHold{Group: group}
	}
	return &SetPin{Group: group, Site: h.pick(someSites, "site"), For: h.forTime(), Force: rapid.Bool().Draw(h.t, "force")}
}

func (h *history) resolved(*State) Body {
	n := rapid.IntRange(0, len(someAddresses)).Draw(h.t, "resolved to")
	c := &Resolved{Target: flattened}
	for _, a := range someAddresses[:n] {
		c.Addresses = append(c.Addresses, netip.MustParseAddr(a))
	}
	return c
}

// stage draws an upload of one chunk: of a pin, or of something that nobody can read.
func (h *history) stage(s *State) Body {
	content := []byte("{")
	if rapid.Bool().Draw(h.t, "readable") {
		content, _ = json.Marshal(h.pin(s))
	}
	sum := sha256.Sum256(content)
	return &Stage{Chunk{hex.EncodeToString(sum[:]), 0, content}, len(content)}
}

func (h *history) complete(s *State) Body {
	c := &Complete{Upload: "none", Length: 1, Type: kindPin}
	for id, u := range s.Uploads.All() {
		if rapid.Bool().Draw(h.t, "this one") {
			c.Upload, c.Length = id, u.Length
		}
	}
	return c
}

// drill draws the start, the end or the measuring of a drill.
func (h *history) drill(s *State) Body {
	group := h.pick([]string{"a.example", "b.example"}, "group")
	id := uint64(1)
	if _, d, ok := s.Drills.Last(); ok {
		id = d.ID
	}
	switch rapid.IntRange(0, 5).Draw(h.t, "drill") {
	case 0:
		return &AbortDrill{Drill: id}
	case 1:
		return &MeasureDrill{Drill: id, Ended: rapid.Bool().Draw(h.t, "ended"), Times: []DrillTime{{Node: "ns1"}}}
	}
	return &StartDrill{Group: group, Site: h.pick(someSites, "site"), For: rapid.SampledFrom([]time.Duration{time.Minute, time.Hour}).Draw(h.t, "for")}
}

// turn draws a change of switches.
func (h *history) turn(*State) Body {
	c := &SetSwitches{Force: rapid.Bool().Draw(h.t, "force"), BreakGlass: rapid.Bool().Draw(h.t, "break-glass")}
	for _, name := range rapid.Permutation([]string{"s-azure", "s-aws", "gate"}).Draw(h.t, "switches")[:rapid.IntRange(1, 3).Draw(h.t, "count")] {
		c.Changes = append(c.Changes, SwitchChange{name, rapid.Bool().Draw(h.t, "on")})
	}
	return c
}

func (h *history) due(*State) Body { return &Due{} }

func (h *history) other(*State) Body {
	node := h.pick(someNodes, "node")
	if rapid.Bool().Draw(h.t, "adopt") {
		return &Adopt{Node: node}
	}
	return &Announce{ID: node, Incarnation: "i1", Role: Voter, Probe: rapid.Bool().Draw(h.t, "probe")}
}

// declare draws both zones: the first defines the sites, each has a group of some of them.
func (h *history) declare(*State) Body {
	d := &Declare{Node: h.pick(someNodes, "node"), Incarnation: "i1"}
	for i, zone := range someZones {
		z := &Declaration{Zone: record.MustParseName(zone), Source: "Corefile", SOA: SOA{Serial: uint32(rapid.IntRange(0, 3).Draw(h.t, "serial")) << 30}}
		z.Agree = rapid.SampledFrom([]health.Agree{"", health.AgreeAll, "1", "2"}).Draw(h.t, "agree")
		if i == 0 {
			for _, s := range someSites {
				z.Sites = append(z.Sites, h.site(s))
			}
			h.switches(z)
		}
		g := GroupDecl{Name: zone, Sites: rapid.Permutation(someSites).Draw(h.t, "order")[:rapid.IntRange(1, 3).Draw(h.t, "sites")]}
		g.AllDown = rapid.SampledFrom([]AllDown{AllDownPrimary, AllDownLast, AllDownAll}).Draw(h.t, "all-down")
		g.Failback.Mode = rapid.SampledFrom([]health.FailbackMode{health.FailbackAuto, health.FailbackManual, health.FailbackAfter}).Draw(h.t, "failback")
		g.Failback.After = 5 * time.Minute
		g.Cells = []CellDecl{{Names: []record.Name{z.Zone}, TTL: 60}}
		z.Groups = []GroupDecl{g}
		for _, name := range someOwners {
			if rapid.IntRange(0, 3).Draw(h.t, "declared") == 0 {
				z.Sets = append(z.Sets, h.set(z.Zone, name))
			}
		}
		if i == 0 || rapid.Bool().Draw(h.t, "second zone") {
			d.Declarations = append(d.Declarations, z)
		}
	}
	return d
}

// switches draws which of them are declared, and a rule.
func (h *history) switches(z *Declaration) {
	if rapid.IntRange(0, 3).Draw(h.t, "no switches") == 0 {
		return
	}
	z.Switches = []SwitchDecl{{Name: "s-azure", Sites: []string{"azure"}}, {Name: "s-aws", Sites: rapid.SampledFrom([][]string{{"aws"}, {"aws", "gcp"}}).Draw(h.t, "switched")},
		{Name: "gate", Off: rapid.Bool().Draw(h.t, "initially off")}}
	if rapid.Bool().Draw(h.t, "rules") {
		z.Rules = []RuleDecl{{Name: "some", Kind: Assertion, Switches: []string{"s-azure", "s-aws"}, Least: 1, Wait: time.Minute},
			{Name: "lock", Kind: Gating, Switches: []string{"s-azure"}, Gates: []string{"gate"}, Least: 1}}
	}
}

func (h *history) site(name string) SiteDecl {
	s := SiteDecl{Name: name, MinHealthy: rapid.IntRange(1, 2).Draw(h.t, "min-healthy")}
	if rapid.IntRange(0, 3).Draw(h.t, "flatten") == 0 {
		s.Target, s.Flatten = flattened, true
	}
	for _, a := range someAddresses[:rapid.IntRange(1, len(someAddresses)).Draw(h.t, "addresses")] {
		if s.Flatten {
			break
		}
		s.Addresses = append(s.Addresses, netip.MustParseAddr(a))
	}
	c := health.Check{Kind: health.TCP, Port: 443, Interval: rapid.SampledFrom(someIntervals).Draw(h.t, "interval")}
	if err := c.Complete(); err != nil {
		h.t.Fatal(err)
	}
	s.Checks = []CheckDecl{{Name: "https", Check: c}}
	return s
}

// begin is a state in which most commands have something to do.
func (h *history) begin() *State {
	s := New()
	s, _ = s.Configure(1, []Member{{ID: "ns1", Voter: true}, {ID: "ns2", Voter: true}, {ID: "ns3", Voter: true}, {ID: "ns4", Voter: true}})
	s, _ = s.Apply(2, Command{Body: h.declare(s)})
	for i, n := range someNodes {
		s, _ = s.Apply(uint64(3+i), Command{Body: &SessionOpen{Node: n, Interval: 10 * time.Second, Boot: "b1"}})
	}
	return s
}

// TestRandomHistories holds what is true of every history: the old state stays, the same commands give the same
// bytes whatever restarts lie between, what is answered follows from what is known, and zones change exactly when
// answers do.
func TestRandomHistories(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		h := &history{t: t}
		s := h.begin()
		other := reread(t, s)
		for range rapid.IntRange(1, 30).Draw(t, "commands") {
			c := h.next(s)
			was := encoded(t, s)
			next, res := s.Apply(s.Index+1, c)
			sameBytes(t, "Apply changed the old state", was, encoded(t, s))
			if rapid.Bool().Draw(t, "restart") {
				other = reread(t, other)
			}
			other, _ = other.Apply(s.Index+1, again(t, c))
			sameBytes(t, "the same command gave another state", encoded(t, next), encoded(t, other))
			holdTrue(t, s, next, res)
			sameIndex(t, next.index, reread(t, next).index)
			s = next
		}
	})
}

// again is a command after its way through the log.
func again(t rapid.TB, c Command) Command {
	b, err := c.Encode()
	if err != nil {
		t.Fatal(err)
	}
	c, err = DecodeCommand(b)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func (s *State) hasAddresses(id string) bool {
	site, ok := s.Sites.Get(id)
	return ok && len(s.Addresses(site)) > 0
}

// sameIndex says whether what is derived is what a restart derives.
func sameIndex(t *rapid.T, a, b index) {
	for what, pair := range map[string][2]string{
		"groups of sites": {entries(a.siteGroups), entries(b.siteGroups)}, "look-ups": {entries(a.lookups), entries(b.lookups)},
		"intervals": {entries(a.intervals), entries(b.intervals)}, "timers": {entries(a.timers), entries(b.timers)},
		"sites switched off": {entries(a.offSites), entries(b.offSites)},
	} {
		if pair[0] != pair[1] {
			t.Fatalf("%s are\n%q, and after a restart\n%q", what, pair[0], pair[1])
		}
	}
}

func entries[V any](x Table[V]) (out string) {
	for k, v := range x.All() {
		out += fmt.Sprintf("%s %v\n", k, v)
	}
	return out
}

func holdTrue(t *rapid.T, was, s *State, res Result) {
	for name, g := range s.Groups.All() {
		if len(g.Answers) != len(g.Cells) || len(g.States) != len(g.Sites) {
			t.Fatalf("group %s: %d answers for %d cells, %d standings for %d sites", name, len(g.Answers), len(g.Cells), len(g.States), len(g.Sites))
		}
		if len(g.Answers[0].A) == 0 && len(g.Answers[0].AAAA) == 0 && slices.ContainsFunc(g.Sites, func(id string) bool { return s.hasAddresses(id) }) {
			t.Fatalf("group %s answers nothing: %+v", name, g)
		}
		chosenRight(t, s, g)
	}
	if res.Refusal != nil {
		for _, key := range []string{"a.example", "b.example"} {
			before, _ := was.Groups.Get(key)
			after, _ := s.Groups.Get(key)
			if before != after {
				t.Fatalf("refused (%s), and group %s changed", res.Refusal.Text, key)
			}
		}
	}
	zonesRight(t, was, s, res)
	drillsRight(t, s)
	windowsRight(t, s)
	besideRight(t, s)
}

// chosenRight says whether a group answers what its standings call for, and holds only what may be held.
func chosenRight(t *rapid.T, s *State, g *Group) {
	sites := s.RoutingSites(g)
	up := routing.Standing(sites)
	active := slices.Index(g.Sites, g.Active)
	for i, st := range g.States {
		if st.Up != up[i] {
			t.Fatalf("group %s: %s is noted as up=%v, and is up=%v", g.Name, st.Site, st.Up, up[i])
		}
		if st.Held && (i >= active || !st.Up) {
			t.Fatalf("group %s: %s is held, and %s is active", g.Name, st.Site, g.Active)
		}
	}
	if g.Rule == string(routing.HeldUp) {
		return // becoming active ended the hold by which the rule was found
	}
	c := routing.Choose(sites, up, g.Pin.routing(), routing.AllDown(g.AllDown), g.Active)
	if c.Site != g.Active || string(c.Rule) != g.Rule {
		t.Fatalf("group %s: %s by %s is active, %s by %s is chosen", g.Name, g.Active, g.Rule, c.Site, c.Rule)
	}
	if a := s.cellAnswer(&g.Cells[0], c.Answer); !a.equal(&g.Answers[0]) {
		t.Fatalf("group %s answers %v, and should answer %v", g.Name, g.Answers[0], a)
	}
}

// zonesRight says whether the effect names the zones whose answers changed, and serials rise for these alone.
func zonesRight(t *rapid.T, was, s *State, res Result) {
	for key, z := range s.Zones.All() {
		before, known := was.Zones.Get(key)
		told := slices.ContainsFunc(res.Effect.Zones, func(c ZoneChange) bool { return c.Zone == key })
		changed := !known || before.Face != z.Face || answersOf(was, z) != answersOf(s, z) || dynamicOf(before) != dynamicOf(z)
		if told != changed {
			t.Fatalf("zone %s: changed %v, told %v", z.Name.Bare(), changed, told)
		}
		if known && (before.Serial != z.Serial) != changed {
			t.Fatalf("zone %s: changed %v, serial from %d to %d", z.Name.Bare(), changed, before.Serial, z.Serial)
		}
		if z.Serial == 0 || known && before.Serial != z.Serial && !serialGreater(z.Serial, before.Serial) {
			t.Fatalf("zone %s: serial from %d to %d", z.Name.Bare(), before.Serial, z.Serial)
		}
	}
}

func answersOf(s *State, z *Zone) string {
	out := ""
	for _, name := range z.Groups {
		if g, ok := s.Groups.Get(name); ok {
			out += fmt.Sprint(g.Answers)
		}
	}
	return out
}
