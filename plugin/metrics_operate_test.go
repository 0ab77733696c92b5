package failover

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
	"github.com/prometheus/common/expfmt"

	"failoverdns/state"
)

var operatorsWall = time.Unix(1_000_000, 0)

// commanded is a state after operators' commands, one each minute.
func commanded(t *testing.T, st *state.State, bodies ...state.Body) *state.State {
	t.Helper()
	for _, b := range bodies {
		h := state.Header{Clock: st.Clock + time.Minute, Wall: operatorsWall.Add(st.Clock + time.Minute), Author: "ana"}
		next, result := st.Apply(st.Index+1, state.Command{Header: h, Body: b})
		if result.Refusal != nil {
			t.Fatalf("Expected %T to be taken, got %v", b, result.Refusal)
		}
		st = next
	}
	return st
}

func withSwitches(t *testing.T) *state.State {
	_, cfg := goodConfig(t, "switches")
	return declared(t, cfg)
}

func off(names ...string) *state.SetSwitches {
	c := &state.SetSwitches{Reason: "test", Force: true, BreakGlass: true}
	for _, n := range names {
		c.Changes = append(c.Changes, state.SwitchChange{Name: n})
	}
	return c
}

// expectOperators compares what is told of a state, of the series whose names begin so, with what is wanted.
func expectOperators(t *testing.T, st *state.State, prefix, want string) {
	t.Helper()
	r := prometheus.NewPedanticRegistry()
	r.MustRegister(snapshot{func(s setter) { collectOperators(st, s) }})
	families, err := r.Gather()
	if err != nil {
		t.Fatal(err)
	}
	var text strings.Builder
	for _, f := range families {
		if _, err := expfmt.MetricFamilyToText(&text, f); err != nil {
			t.Fatal(err)
		}
	}
	var got []string
	for line := range strings.Lines(text.String()) {
		if sample, ok := strings.CutPrefix(strings.TrimSpace(line), "coredns_failover_"); ok && strings.HasPrefix(sample, prefix) {
			got = append(got, sample)
		}
	}
	slices.Sort(got)
	if g, w := strings.Join(got, "\n"), strings.TrimSpace(want); g != w {
		t.Errorf("Expected\n%s\ngot\n%s", w, g)
	}
}

func TestSwitchesAndRulesAreToldAsTheyStand(t *testing.T) {
	st := withSwitches(t)
	expectOperators(t, st, "s", `
safety_rule_gate_open{rule="lock"} 0
safety_rule_holds{rule="one-in"} 1
switch_broke_glass{switch="aws-in"} 0
switch_broke_glass{switch="azure-in"} 0
switch_broke_glass{switch="unlocked"} 0
switch_on{sites="",switch="unlocked"} 0
switch_on{sites="aws",switch="aws-in"} 1
switch_on{sites="azure",switch="azure-in"} 1`)

	st = commanded(t, st, &state.SetSwitches{Changes: []state.SwitchChange{{Name: "unlocked", On: true}}, Reason: "test"}, off("azure-in", "aws-in"))
	expectOperators(t, st, "s", `
safety_rule_gate_open{rule="lock"} 1
safety_rule_holds{rule="one-in"} 0
switch_broke_glass{switch="aws-in"} 1
switch_broke_glass{switch="azure-in"} 1
switch_broke_glass{switch="unlocked"} 0
switch_on{sites="",switch="unlocked"} 1
switch_on{sites="aws",switch="aws-in"} 0
switch_on{sites="azure",switch="azure-in"} 0`)
}

// TestRuleIsBrokenByAForcedDownSiteToo, not by switches alone.
func TestRuleIsBrokenByAForcedDownSiteToo(t *testing.T) {
	st := commanded(t, withSwitches(t),
		&state.SetOverride{Scope: state.ScopeSite, Target: "aws", Word: state.ForceDown, Reason: "test", For: time.Hour},
		&state.SetOverride{Scope: state.ScopeSite, Target: "azure", Word: state.ForceDown, Reason: "test", For: time.Hour, Force: true, BreakGlass: true})
	expectOperators(t, st, "safety_rule_holds", `safety_rule_holds{rule="one-in"} 0`)
}

func TestMaintenanceWindowsAreToldWhilePlannedAndRunning(t *testing.T) {
	plan := func(target string, in time.Duration) *state.PlanWindow {
		return &state.PlanWindow{Scope: state.ScopeSite, Target: target, Word: state.ForceDown, Reason: "test", In: in, For: time.Hour}
	}
	st := withSwitches(t)
	expectOperators(t, st, "maintenance", "maintenance_windows{standing=\"planned\"} 0\nmaintenance_windows{standing=\"running\"} 0")
	st = commanded(t, st, plan("azure", 2*time.Hour), plan("aws", 58*time.Minute))
	expectOperators(t, st, "maintenance", `
maintenance_next_start_timestamp_seconds 1.0036e+06
maintenance_windows{standing="planned"} 2
maintenance_windows{standing="running"} 0`)
	st, _ = st.Apply(st.Index+1, state.Command{Header: state.Header{Clock: time.Hour, Wall: operatorsWall.Add(time.Hour)}, Body: &state.Due{}})
	expectOperators(t, st, "maintenance", `
maintenance_next_start_timestamp_seconds 1.00726e+06
maintenance_windows{standing="planned"} 1
maintenance_windows{standing="running"} 1`)
}

func TestDrillsAreToldFromTheFirstOn(t *testing.T) {
	const group = "auth.example.com"
	st := withSwitches(t)
	expectOperators(t, st, "drill", "")
	times := []state.DrillTime{{Node: "ns1", Leader: true, Commit: 2 * time.Millisecond, Swapped: 3 * time.Millisecond}, {Node: "ns2", Swapped: 4 * time.Millisecond}, {Node: "ns3", Error: "no answer"}}
	st = commanded(t, st, &state.StartDrill{Group: group, Site: "aws", For: time.Hour, Reason: "test"}, &state.MeasureDrill{Drill: 1, Times: times})
	expectOperators(t, st, "drill", `drill_running{group="auth.example.com"} 1`)
	st = commanded(t, st, &state.AbortDrill{Drill: 1, Reason: "test"}, &state.MeasureDrill{Drill: 1, Ended: true, Times: times[:1]})
	expectOperators(t, st, "drill", `
drill_last_completed{group="auth.example.com"} 0
drill_last_end_timestamp_seconds{group="auth.example.com"} 1.00018e+06
drill_last_seconds{group="auth.example.com",move="back",stage="apply"} 0.003
drill_last_seconds{group="auth.example.com",move="back",stage="caches"} 60
drill_last_seconds{group="auth.example.com",move="back",stage="commit"} 0.002
drill_last_seconds{group="auth.example.com",move="out",stage="apply"} 0.004
drill_last_seconds{group="auth.example.com",move="out",stage="caches"} 60
drill_last_seconds{group="auth.example.com",move="out",stage="commit"} 0.002
drill_running{group="auth.example.com"} 0`)

	// The next one runs: what the last one was is told until it has ended too.
	st = commanded(t, st, &state.StartDrill{Group: group, Site: "aws", For: time.Hour, Reason: "test"})
	expectOperators(t, st, "drill_last_c", `drill_last_completed{group="auth.example.com"} 0`)
	expectOperators(t, st, "drill_running", `drill_running{group="auth.example.com"} 1`)
}

func TestDrillsAndRefusedWindowsAreCountedFromZero(t *testing.T) {
	drillsDone.Reset()
	refused := testutil.ToFloat64(windowsRefused)
	st := commanded(t, withSwitches(t), &state.StartDrill{Group: "auth.example.com", Site: "aws", For: time.Hour, Reason: "test"})
	var f follower
	f.reset(st)
	f.follow(st)
	for _, outcome := range []string{"completed", "aborted", "skipped"} {
		if n := testutil.CollectAndCount(drillsDone); n != 3 || testutil.ToFloat64(drillsDone.WithLabelValues("auth.example.com", outcome)) != 0 {
			t.Fatalf("Expected a 0 for each outcome, %s too, got %d series", outcome, n)
		}
	}
	st = commanded(t, st, &state.AbortDrill{Drill: 1, Reason: "test"},
		&state.PlanWindow{Scope: state.ScopeSite, Target: "azure", Word: state.ForceDown, Reason: "test", In: time.Minute, For: time.Hour},
		&state.SetOverride{Scope: state.ScopeSite, Target: "azure", Word: state.ForceUp, Reason: "test", For: time.Hour}) // and the window's time comes
	st, _ = st.Apply(st.Index+1, state.Command{Header: state.Header{Clock: st.Clock + time.Minute, Wall: operatorsWall}, Body: &state.Due{}})
	f.follow(st)
	f.follow(st)
	if got := testutil.ToFloat64(drillsDone.WithLabelValues("auth.example.com", "aborted")); got != 1 {
		t.Errorf("Expected one aborted drill, got %v", got)
	}
	if got := testutil.ToFloat64(windowsRefused) - refused; got != 1 {
		t.Errorf("Expected one refused window, got %v", got)
	}
}

func TestRefusedWritesAreCountedByOutcome(t *testing.T) {
	writesRefused.Reset()
	st := withSwitches(t)
	write := func(b state.Body) {
		st, _ = st.Apply(st.Index+1, state.Command{Header: state.Header{Clock: st.Clock + time.Minute, Author: "ana"}, Body: b})
	}
	write(&state.SetSwitches{Changes: []state.SwitchChange{{Name: "azure-in"}}, Reason: "before this process"}) // the gate is shut
	var f follower
	f.reset(st)
	write(&state.SetSwitches{Changes: []state.SwitchChange{{Name: "azure-in"}}, Reason: "test"})
	write(&state.SetPin{Group: "nowhere", Site: "aws", Reason: "test"})
	write(&state.SetSwitches{Changes: []state.SwitchChange{{Name: "unlocked", On: true}}, Reason: "test"}) // done
	f.follow(st)
	f.follow(st)
	want := `
# HELP coredns_failover_writes_refused_total Writes of the whole cluster that were refused since this process began, as the audit trail has them, by outcome.
# TYPE coredns_failover_writes_refused_total counter
coredns_failover_writes_refused_total{outcome="forbidden"} 0
coredns_failover_writes_refused_total{outcome="needs-force"} 0
coredns_failover_writes_refused_total{outcome="not-found"} 1
coredns_failover_writes_refused_total{outcome="safety-rule"} 1
`
	if err := testutil.CollectAndCompare(writesRefused, strings.NewReader(want)); err != nil {
		t.Error(err)
	}
}

func TestOperatorsMetricNamesFollowPrometheusRules(t *testing.T) {
	st := commanded(t, withSwitches(t), &state.StartDrill{Group: "auth.example.com", Site: "aws", For: time.Hour, Reason: "test"}, &state.AbortDrill{Drill: 1},
		&state.PlanWindow{Scope: state.ScopeSite, Target: "azure", Word: state.ForceDown, Reason: "test", In: time.Hour, For: time.Hour})
	problems, err := testutil.CollectAndLint(snapshot{func(s setter) { collectOperators(st, s) }})
	if err != nil || len(problems) > 0 {
		t.Errorf("Expected no problems, got %v (%v)", problems, err)
	}
}
