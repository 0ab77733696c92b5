package node

import (
	"net/netip"
	"slices"
	"testing"
	"time"

	"failoverdns/health"
	"failoverdns/record"
	"failoverdns/state"
)

func TestEveryChangeOfADeclarationIsAChangeOfASetting(t *testing.T) {
	check := func(change func(*health.Check)) func(*state.Declaration) {
		return func(d *state.Declaration) { change(&d.Sites[0].Checks[0].Check) }
	}
	for path, change := range map[string]func(*state.Declaration){
		"soa":                                func(d *state.Declaration) { d.SOA.Minimum++ },
		"soa serial of the file":             func(d *state.Declaration) { d.SOA.Serial++ },
		"agree":                              func(d *state.Declaration) { d.Agree = health.AgreeAll },
		"no-quorum":                          func(d *state.Declaration) { d.NoQuorum.After = time.Minute },
		"record ns1.auth.example.com A":      func(d *state.Declaration) { d.Sets[1].TTL++ },
		"record auth.example.com NS":         func(d *state.Declaration) { d.Sets = d.Sets[1:] },
		"site azure address":                 func(d *state.Declaration) { d.Sites[0].Addresses = []netip.Addr{netip.MustParseAddr(aws)} },
		"site azure target":                  func(d *state.Declaration) { d.Sites[0].Target = mustName("a.example") },
		"site azure min-healthy":             func(d *state.Declaration) { d.Sites[0].MinHealthy++ },
		"check azure/https URL":              check(func(c *health.Check) { c.Path = "/" }),
		"check azure/https interval":         check(func(c *health.Check) { c.Interval++ }),
		"check azure/https timeout":          check(func(c *health.Check) { c.Timeout++ }),
		"check azure/https failures":         check(func(c *health.Check) { c.Window = 5 }),
		"check azure/https successes":        check(func(c *health.Check) { c.Successes++ }),
		"check azure/https recheck":          check(func(c *health.Check) { c.Recheck = time.Second }),
		"check azure/https dial":             check(func(c *health.Check) { c.Dial = "a.example" }),
		"check azure/https method":           check(func(c *health.Check) { c.Method = "HEAD" }),
		"check azure/https match":            check(func(c *health.Check) { c.Match = "ok" }),
		"check azure/https server-name":      check(func(c *health.Check) { c.ServerName = "a.example" }),
		"check azure/https follow-redirects": check(func(c *health.Check) { c.FollowRedirects = true }),
		"check azure/https insecure":         check(func(c *health.Check) { c.Insecure = true }),
		"check azure/https header X-Y":       check(func(c *health.Check) { c.Headers = []health.Header{{Name: "X-Y", File: "token"}} }),
		"check azure/https status":           check(func(c *health.Check) { c.Status = []health.StatusRange{{From: 200, To: 204}} }),
		"group auth.example.com sites":       func(d *state.Declaration) { slices.Reverse(d.Groups[0].Sites) },
		"group auth.example.com failback":    func(d *state.Declaration) { d.Groups[0].Failback.Mode = health.FailbackManual },
		"group auth.example.com all-down":    func(d *state.Declaration) { d.Groups[0].AllDown = state.AllDownLast },
		"group auth.example.com name login.auth.example.com": func(d *state.Declaration) {
			d.Groups[0].Cells = append([]state.CellDecl{{Names: []record.Name{mustName("auth.example.com")}, TTL: 60}}, state.CellDecl{Names: []record.Name{mustName("login.auth.example.com")}, TTL: 30})
		},
	} {
		d := declaration()
		before := Settings(d)
		change(d)
		after := Settings(d)
		if changed := changed(before.Settings, after.Settings); !slices.Equal(changed, []string{path}) {
			t.Errorf("a change of %q shows as %q", path, changed)
		}
		if before.Digest == after.Digest {
			t.Errorf("a change of %q leaves the digest as it was", path)
		}
	}
}

// changed lists the paths that two lists do not share.
func changed(a, b []Setting) (paths []string) {
	for _, pair := range [][2][]Setting{{a, b}, {b, a}} {
		for _, s := range pair[0] {
			if !slices.Contains(pair[1], s) && !slices.Contains(paths, s.Path) {
				paths = append(paths, s.Path)
			}
		}
	}
	return paths
}

func TestWhatIsInForceSaysWhatWasDeclared(t *testing.T) {
	st, _ := state.New().Configure(1, []state.Member{{ID: "ns1", Address: "ns1:1", Voter: true}})
	d := declaration()
	st, res := st.Apply(2, state.Command{Body: &state.Declare{Node: "ns1", Incarnation: "i", Declarations: []*state.Declaration{d}}})
	if res.Refusal != nil {
		t.Fatal(res.Refusal)
	}
	is, ok := st.InForce(d.Zone)
	if !ok || len(changed(Settings(is).Settings, Settings(d).Settings)) > 0 || is.Source != d.Source {
		t.Errorf("in force is %+v", is)
	}
	if _, ok := st.InForce(mustName("example.org")); ok {
		t.Error("a zone that nobody declared is in force")
	}
}

func TestNoTwoSettingsHaveOnePath(t *testing.T) {
	seen := map[string]bool{}
	for _, s := range Settings(declaration()).Settings {
		if seen[s.Path] {
			t.Errorf("two are named %q", s.Path)
		}
		seen[s.Path] = true
	}
}
