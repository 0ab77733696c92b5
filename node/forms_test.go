package node

import (
	"net/netip"
	"time"

	"failoverdns/health"
	"failoverdns/record"
	"failoverdns/state"
	"failoverdns/zone"
)

// azure2 is azure's second address in the forms that have one.
const azure2 = "203.0.113.11"

// forms are the declarations that schedules roll out, by number; each is the smallest one with one thing changed.
var forms = []func(d *state.Declaration){
	func(*state.Declaration) {},
	func(d *state.Declaration) { d.Groups[0].Cells[0].TTL = 30 },
	func(d *state.Declaration) { eachCheck(d, func(c *health.Check) { c.Failures = 2 }) },
	func(d *state.Declaration) {
		eachCheck(d, func(c *health.Check) { c.Interval, c.Timeout = 5*time.Second, 2*time.Second })
	},
	func(d *state.Declaration) { eachCheck(d, func(c *health.Check) { c.Recheck = time.Second }) },
	func(d *state.Declaration) { d.Groups[0].Failback = health.Failback{Mode: health.FailbackManual} },
	func(d *state.Declaration) {
		d.Groups[0].Failback = health.Failback{Mode: health.FailbackAfter, After: 40 * time.Second}
	},
	func(d *state.Declaration) { d.Groups[0].AllDown = state.AllDownAll },
	func(d *state.Declaration) { d.Groups[0].AllDown = state.AllDownLast },
	func(d *state.Declaration) { d.Agree = health.AgreeAll },
	func(d *state.Declaration) { d.Agree = "1" },
	func(d *state.Declaration) { d.Groups[0].Sites = []string{"aws", "azure"} },
	func(d *state.Declaration) {
		d.Sites[0].Addresses = append(d.Sites[0].Addresses, netip.MustParseAddr(azure2))
	},
	func(d *state.Declaration) {
		d.Sites[0].Addresses, d.Sites[0].MinHealthy = append(d.Sites[0].Addresses, netip.MustParseAddr(azure2)), 2
	},
	func(d *state.Declaration) {
		d.Groups[0].Cells[0].Names = append(d.Groups[0].Cells[0].Names, record.MustParseName("api.auth.example.com"))
	},
	func(d *state.Declaration) { eachCheck(d, func(c *health.Check) { c.Failures, c.Window = 3, 5 }) },
	func(d *state.Declaration) {
		d.NoQuorum = state.NoQuorum{Mode: state.NoQuorumRefuse, After: refuseAfter}
	},
	func(d *state.Declaration) { d.NoQuorum = state.NoQuorum{Mode: state.NoQuorumLocal, After: refuseAfter} },
}

// market is a second zone whose group has the same sites, the other way round: it shares their endpoints and verdicts.
func market() *state.Declaration {
	d := declaration()
	d.Zone, d.Sites = record.MustParseName("market.example.net"), nil
	d.SOA, d.Sets = zone.Made(d.Zone, []zone.NameServer{{Name: record.MustParseName("ns1.market.example.net"), Addresses: []netip.Addr{netip.MustParseAddr("192.0.2.1")}}}, 60)
	g := &d.Groups[0]
	g.Name, g.Sites, g.AllDown = marketGroup, []string{"aws", "azure"}, state.AllDownLast
	g.Cells = []state.CellDecl{{Names: []record.Name{d.Zone, record.MustParseName("www.market.example.net")}, TTL: 30}}
	return d
}

const marketGroup = "market.example.net"

// refuseAfter is the patience of the forms that do not hold without a quorum.
const refuseAfter = 30 * time.Second

func eachCheck(d *state.Declaration, edit func(*health.Check)) {
	for i := range d.Sites {
		for j := range d.Sites[i].Checks {
			edit(&d.Sites[i].Checks[j].Check)
		}
	}
}

// form is the declaration of that number, with switches or without.
func form(n int, switches bool) *state.Declaration {
	d := declaration()
	forms[n](d)
	if switches {
		withSwitches(d)
	}
	return d
}

// ruleWait is how long the rule of the schedules' switches waits after each change.
const ruleWait = 5 * time.Second

// withSwitches declares one switch for each site, one of which must be on, and a gate.
func withSwitches(d *state.Declaration) {
	d.Switches = []state.SwitchDecl{{Name: "azure-in", Sites: []string{"azure"}}, {Name: "aws-in", Sites: []string{"aws"}}, {Name: "unlocked"}}
	sites := []string{"azure-in", "aws-in"}
	d.Rules = []state.RuleDecl{{Name: "one-in", Kind: state.Assertion, Switches: sites, Least: 1, Wait: ruleWait},
		{Name: "lock", Kind: state.Gating, Switches: sites, Gates: []string{"unlocked"}, Least: 1}}
}

// formsByDigest tells which form is in force.
var formsByDigest = func() map[string]*state.Declaration {
	out := map[string]*state.Declaration{}
	for n := range forms {
		for _, switches := range []bool{false, true} {
			d := form(n, switches)
			out[d.Digest()] = d
		}
	}
	return out
}()
