package server

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"failoverdns/api"
	"failoverdns/health"
	"failoverdns/state"
)

// switched is a cluster whose azure was switched off by breaking the glass, against a rule and a shut gate.
func switched(t *testing.T) *world {
	w := newWorld(t)
	d := declaration(health.Failback{Mode: health.FailbackAuto})
	d.Switches = []state.SwitchDecl{{Name: "azure-in", Sites: []string{"azure"}}, {Name: "aws-in", Sites: []string{"aws"}}, {Name: "unlocked", Off: true}}
	d.Rules = []state.RuleDecl{
		{Name: "both-in", Kind: state.Assertion, Switches: []string{"azure-in", "aws-in"}, Least: 2, Wait: 5 * time.Second},
		{Name: "lock", Kind: state.Gating, Switches: []string{"azure-in", "aws-in"}, Gates: []string{"unlocked"}, Least: 1},
	}
	w.must(&state.Declare{Node: "ns1", Incarnation: "i-ns1", Declarations: []*state.Declaration{d}})
	w.probing()
	w.pass(2 * time.Hour)
	w.must(&state.SetSwitches{Changes: []state.SwitchChange{{Name: "azure-in"}}, Reason: "database moves", BreakGlass: true})
	w.must(&state.SetOverride{Scope: state.ScopeSite, Target: "azure", Word: state.ForceUp, Reason: "its check is wrong"})
	return w
}

func TestSwitchThatARuleHoldsIsRefusedAndPlannedAlike(t *testing.T) {
	w := switched(t)
	body := `{"author":"ana","reason":"r","set":[{"name":"aws-in","on":false}]}`
	got := ask(w.server().Handler(), "PUT", "/v1/switches", body)
	if got.Code != http.StatusConflict || !strings.Contains(got.Body.String(), api.CodeSafetyRule) || !strings.Contains(got.Body.String(), "rule lock") {
		t.Errorf("%d %s", got.Code, got.Body)
	}
	got = ask(w.server().Handler(), "PUT", "/v1/switches?plan", body)
	if got.Code != http.StatusOK || !strings.Contains(got.Body.String(), api.CodeSafetyRule) {
		t.Errorf("planned: %d %s", got.Code, got.Body)
	}
	got = ask(w.server().Handler(), "PUT", "/v1/switches", strings.Replace(body, `"set"`, `"break_glass":true,"force":true,"set"`, 1))
	if got.Code != http.StatusOK || !strings.Contains(got.Body.String(), "--break-glass, against rule") {
		t.Errorf("by breaking the glass: %d %s", got.Code, got.Body)
	}
	if sw, _ := w.State().Switches.Get("aws-in"); sw.On || !sw.BrokeGlass || sw.Author != "ana" {
		t.Errorf("the switch is %+v", sw)
	}
}
