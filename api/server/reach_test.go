package server

import (
	"strings"
	"testing"
	"time"

	"failoverdns/health"
	"failoverdns/record"
	"failoverdns/state"
)

// twoZones is a world of two zones: both use azure and aws, gcp is the second one's alone, and each has a switch.
func twoZones(t *testing.T) *world {
	w := newWorld(t)
	first := declaration(health.Failback{Mode: health.FailbackAuto})
	first.Switches = []state.SwitchDecl{{Name: "azure-gate", Sites: []string{"azure"}}, {Name: "flag"}}
	second := declaration(health.Failback{Mode: health.FailbackAuto})
	second.Zone, second.Sets = record.MustParseName("example.org"), second.Sets[:0]
	second.Sites = second.Sites[:1]
	second.Sites[0].Name = "gcp"
	second.Groups[0].Name, second.Groups[0].Sites = "example.org", []string{"azure", "gcp"}
	second.Groups[0].Cells = []state.CellDecl{{Names: []record.Name{second.Zone}, TTL: 60}}
	second.Switches = []state.SwitchDecl{{Name: "gcp-gate", Sites: []string{"gcp"}}}
	w.must(&state.Declare{Node: "ns1", Incarnation: "i-ns1", Declarations: []*state.Declaration{first, second}})
	return w
}

// TestCommandReachesTheZonesInWhichItChangesSomething: what is not listed in reachOf reaches everything.
func TestCommandReachesTheZonesInWhichItChangesSomething(t *testing.T) {
	w := twoZones(t)
	w.must(&state.PlanWindow{Scope: state.ScopeSite, Target: "aws", Word: state.ForceDown, In: time.Hour, For: time.Hour})
	w.must(&state.StartDrill{Group: "auth.example.com", Site: "aws", For: time.Minute})
	st := w.State()
	const a, b, both, all = "auth.example.com.", "example.org.", "auth.example.com. example.org.", "everything"
	on := func(names ...string) *state.SetSwitches {
		c := new(state.SetSwitches)
		for _, n := range names {
			c.Changes = append(c.Changes, state.SwitchChange{Name: n, On: true})
		}
		return c
	}
	for _, c := range []struct {
		body state.Body
		want string
	}{
		{&state.SetOverride{Scope: state.ScopeSite, Target: "aws"}, a},
		{&state.SetOverride{Scope: state.ScopeSite, Target: "gcp"}, b},
		{&state.SetOverride{Scope: state.ScopeSite, Target: "azure"}, both},
		{&state.SetOverride{Scope: state.ScopeSite, Target: "nowhere"}, all},
		{&state.SetOverride{Scope: state.ScopeNode, Target: "ns1"}, all},
		{&state.ClearOverride{Scope: state.ScopeAddress, Target: "aws@198.51.100.20"}, a},
		{&state.Extend{Scope: state.ScopeCheck, Target: "gcp/https"}, b},
		{&state.SetOverride{Scope: state.ScopeEndpoint, Target: azure}, both},
		{&state.PlanWindow{Scope: state.ScopeSite, Target: "gcp"}, b},
		{&state.PlanWindow{Scope: state.ScopeNode, Target: "ns1"}, all},
		{&state.CancelWindow{Window: 1}, a},
		{&state.CancelWindow{Window: 2}, all},
		{&state.SetPin{Group: "example.org"}, b},
		{&state.SetPin{Group: state.AllGroups}, all},
		{&state.Unpin{Group: "auth.example.com"}, a},
		{&state.EndHold{Group: "nowhere"}, all},
		{&state.StartDrill{Group: "example.org"}, b},
		{&state.AbortDrill{Drill: 1}, a},
		{&state.AbortDrill{Drill: 2}, all},
		{&state.Adopt{Node: "ns1", Zone: record.MustParseName("example.org")}, b},
		{&state.Adopt{Node: "ns1"}, all},
		{&state.ChangeRecords{Zone: record.MustParseName("example.org")}, b},
		{&state.CreateZone{Zone: record.MustParseName("example.org")}, b},
		{&state.DeleteZone{Zone: record.MustParseName("example.org")}, b},
		{on("azure-gate"), both},
		{on("flag"), a},
		{on("flag", "gcp-gate"), both},
		{on("flag", "nowhere"), all},
		{on(), all},
		{&state.TokenCreate{}, all},
		{&state.Due{}, all},
	} {
		got := reachOf(st, c.body)
		var words []string
		for _, z := range got.zones {
			words = append(words, z.String())
		}
		if text := strings.Join(words, " "); !got.everything && text != c.want || got.everything != (c.want == all) {
			t.Errorf("%T %+v reaches %q (everything: %t), want %q", c.body, c.body, text, got.everything, c.want)
		}
	}
}

// TestWriteThatIsNoCommandTakesATokenForAllZones holds every route that writes by itself.
func TestWriteThatIsNoCommandTakesATokenForAllZones(t *testing.T) {
	g := newGated(t)
	bearer := g.fileToken("ops", "admin", "auth.example.com").Text()
	for _, r := range routes() {
		if r.method == "GET" || r.write != nil {
			continue
		}
		if status, answer := g.asked(g.client(), r.method, r.path, "{}", bearer); status != 403 {
			t.Errorf("%s %s: HTTP status %d %s", r.method, r.path, status, answer)
		}
	}
}
