package server

import (
	"strings"
	"testing"
	"time"

	"failoverdns/api"
	"failoverdns/state"
)

// TestPlanOfAMoveNamesAllThatIsInItsWay, where the refusal names the first thing only.
func TestPlanOfAMoveNamesAllThatIsInItsWay(t *testing.T) {
	const group = "auth.example.com"
	down := &state.SetOverride{Scope: state.ScopeSite, Target: "aws", Word: state.ForceDown, Reason: "fire", For: time.Hour}
	planned := &state.PlanWindow{Scope: state.ScopeSite, Target: "aws", Word: state.ForceDown, Reason: "router", In: 2 * time.Hour, For: time.Hour}
	pin := &state.SetPin{Group: group, Site: "aws", Reason: "cost", For: time.Hour}
	drill := &state.StartDrill{Group: group, Site: "aws", For: time.Hour, Reason: "rehearsal"}
	off := &state.SetSwitches{Changes: []state.SwitchChange{{Name: "aws-in"}}, Reason: "moved", BreakGlass: true, Force: true}
	move := func(site, lasts string) (string, string, string) {
		return "PUT", "/v1/pins?plan", `{"author":"ana","reason":"r","group":"` + group + `","site":"` + site + `","for":"` + lasts + `"}`
	}
	toAWS := func() (string, string, string) { return move("aws", "3h") }
	back := func() (string, string, string) {
		return "POST", "/v1/failback?plan", `{"author":"ana","reason":"r","group":"` + group + `"}`
	}
	for name, c := range map[string]struct {
		world  func(*testing.T) *world
		before []state.Body
		cut    bool
		ask    func() (string, string, string)
		want   string
	}{
		"nothing":             {declared, nil, false, toAWS, ""},
		"override and window": {declared, []state.Body{down, planned}, false, toAWS, "overridden maintenance"},
		"window afterwards":   {declared, []state.Body{planned}, false, func() (string, string, string) { return move("aws", "1h") }, ""},
		"pin":                 {declared, []state.Body{pin}, false, func() (string, string, string) { return move("azure", "1h") }, "pinned"},
		"drill":               {declared, []state.Body{drill}, false, func() (string, string, string) { return move("azure", "1h") }, "drill"},
		"switch":              {switched, []state.Body{off}, false, toAWS, "switched-off"},
		"no quorum":           {declared, nil, true, toAWS, "no-quorum"},
		"failback to a dead":  {failedOver, nil, false, back, "unhealthy"},
		"failback under pin":  {declared, []state.Body{pin}, false, back, "pinned"},
		"another emergency":   {emergency, nil, false, func() (string, string, string) { return move("azure", "1h") }, "emergency"},
		"of the dead standby": {func(t *testing.T) *world { w := declared(t); w.fail(aws); return w }, nil, false, toAWS, "unhealthy"},
	} {
		w := c.world(t)
		for _, b := range c.before {
			w.must(b)
		}
		if c.cut {
			w.status.Leader, w.status.Quorum = "", false
		}
		method, path, body := c.ask()
		res := ask(w.server().Handler(), method, path, body)
		a := decoded[api.Written](t, res)
		var codes []string
		for _, b := range a.Blocks {
			codes = append(codes, b.Code)
			if b.Text == "" || b.Next == "" {
				t.Errorf("%s: %+v has no text, or no way out", name, b)
			}
		}
		if got := strings.Join(codes, " "); res.Code != 200 || a.Done || got != c.want {
			t.Errorf("%s: HTTP status %d, blocked by %q, want %q: %s", name, res.Code, got, c.want, res.Body)
		}
	}
}
