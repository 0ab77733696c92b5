package failover

import (
	"strings"
	"time"

	"github.com/coredns/coredns/plugin"
	"github.com/prometheus/client_golang/prometheus"

	"failoverdns/state"
)

// What operators said and rehearsed. All of it is replicated: every node tells the same.
var (
	switchOn         = gauge("switch_on", "Whether a routing switch is on; sites, joined by commas, are out while it is off, and a gate has none.", "switch", "sites")
	switchBrokeGlass = gauge("switch_broke_glass", "Whether a routing switch has its position by --break-glass, against a safety rule.", "switch")
	ruleHolds        = gauge("safety_rule_holds", "Whether as many switches are on as an assertion rule demands.", "rule")
	gateOpen         = gauge("safety_rule_gate_open", "Whether a gating rule lets its switches be changed.", "rule")

	drillRunning   = gauge("drill_running", "Whether a drill of a group runs.", "group")
	drillCompleted = gauge("drill_last_completed", "Whether a group's last drill was completed, not aborted.", "group")
	drillEnd       = gauge("drill_last_end_timestamp_seconds", "When a group's last drill ended.", "group")
	drillSeconds   = gauge("drill_last_seconds",
		"Times of a group's last drill, by move (out or back) and stage: commit, the leader's log to a majority's disks; apply, the leader's log to the slowest node's answers; caches, the TTL that resolvers may keep older answers for.",
		"group", "move", "stage")

	windowCount = gauge("maintenance_windows", "Maintenance windows, by standing: planned or running.", "standing")
	windowNext  = gauge("maintenance_next_start_timestamp_seconds", "When the next maintenance window starts.")
)

// Counted when they are scraped, see history.go.
var (
	drillsDone = prometheus.NewCounterVec(prometheus.CounterOpts{
		Namespace: plugin.Namespace, Subsystem: name, Name: "drills_total",
		Help: "Drills that ended since this process began, by group and outcome: completed, aborted, or skipped (a scheduled one that was not begun).",
	}, []string{"group", "outcome"})

	windowsRefused = prometheus.NewCounter(prometheus.CounterOpts{
		Namespace: plugin.Namespace, Subsystem: name, Name: "maintenance_refused_total",
		Help: "Maintenance windows that were refused at their start since this process began.",
	})
)

// drillSkipped stands beside the outcomes of drills.
const drillSkipped = "skipped"

func collectOperators(st *state.State, set setter) {
	collectSwitches(st, set)
	collectDrills(st, set)
	collectWindows(st, set)
}

func collectSwitches(st *state.State, set setter) {
	for name, sw := range st.Switches.All() {
		set(switchOn, bit(sw.On), name, strings.Join(sw.Sites, ","))
		set(switchBrokeGlass, bit(sw.BrokeGlass), name)
	}
	for name, r := range st.Rules.All() {
		kept := bit(r.Off(st.Standing(r)) == 0)
		if r.Kind == state.Gating {
			set(gateOpen, kept, name)
		} else {
			set(ruleHolds, kept, name)
		}
	}
}

// collectDrills tells of the groups that had a drill, or have one on a schedule.
func collectDrills(st *state.State, set setter) {
	running, last := st.RunningDrill(), map[string]*state.Drill{}
	for name, g := range st.Groups.All() {
		if len(g.Drills) > 0 {
			last[name] = nil
		}
	}
	for _, d := range st.Drills.All() {
		ended := last[d.Group]
		if d.Outcome != "" {
			ended = d
		}
		last[d.Group] = ended
	}
	for group, d := range last {
		set(drillRunning, bit(running != nil && running.Group == group), group)
		if d != nil {
			set(drillCompleted, bit(d.Outcome == state.DrillCompleted), group)
			set(drillEnd, float64(d.EndWall.Unix()), group)
			collectMove(set, group, "out", d.Out, d.TTL)
			collectMove(set, group, "back", d.Return, d.TTL)
		}
	}
}

// collectMove tells the times of one of a drill's two moves, once the leader has gathered them.
func collectMove(set setter, group, move string, times []state.DrillTime, ttl uint32) {
	var commit, apply time.Duration
	for _, m := range times {
		commit, apply = max(commit, m.Commit), max(apply, m.Swapped)
	}
	for stage, took := range map[string]time.Duration{"commit": commit, "apply": apply, "caches": time.Duration(ttl) * time.Second} {
		if len(times) > 0 && took > 0 {
			set(drillSeconds, took.Seconds(), group, move, stage)
		}
	}
}

func collectWindows(st *state.State, set setter) {
	planned, running, next := 0, 0, state.Clock(0)
	for _, w := range st.Windows.All() {
		switch {
		case w.Outcome == "":
			if planned++; planned == 1 || w.Starts < next {
				next = w.Starts
			}
		case st.Running(w):
			running++
		}
	}
	set(windowCount, float64(planned), "planned")
	set(windowCount, float64(running), "running")
	if planned > 0 {
		set(windowNext, float64(st.Wall.Add(next-st.Clock).Unix()))
	}
}

// startDrillCounts has each outcome's count be there from the start, so that its first is an increase.
func startDrillCounts(st *state.State) {
	known := func(group string) {
		for _, outcome := range []string{string(state.DrillCompleted), string(state.DrillAborted), drillSkipped} {
			drillsDone.WithLabelValues(group, outcome)
		}
	}
	for name, g := range st.Groups.All() {
		if len(g.Drills) > 0 {
			known(name)
		}
	}
	for _, d := range st.Drills.All() {
		known(d.Group)
	}
}

// countEvent counts what an event tells of moves, and of operators' plans.
func countEvent(e *state.Event) {
	switch e.Type {
	case "flip":
		flips.WithLabelValues(e.Group, e.Reason).Inc()
	case "drill-ended":
		drillsDone.WithLabelValues(e.Group, e.Reason).Inc()
	case "drill-skipped":
		drillsDone.WithLabelValues(e.Group, drillSkipped).Inc()
	case "maintenance-refused":
		windowsRefused.Inc()
	}
}
