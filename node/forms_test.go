package node

import (
	"net/netip"
	"time"

	"failoverdns/health"
	"failoverdns/record"
	"failoverdns/state"
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

// refuseAfter is the patience of the forms that do not hold without a quorum.
const refuseAfter = 30 * time.Second

func eachCheck(d *state.Declaration, edit func(*health.Check)) {
	for i := range d.Sites {
		for j := range d.Sites[i].Checks {
			edit(&d.Sites[i].Checks[j].Check)
		}
	}
}

// form is the declaration of that number.
func form(n int) *state.Declaration {
	d := declaration()
	forms[n](d)
	return d
}

// formsByDigest tells which form is in force.
var formsByDigest = func() map[string]*state.Declaration {
	out := map[string]*state.Declaration{}
	for n := range forms {
		d := form(n)
		out[d.Digest()] = d
	}
	return out
}()
