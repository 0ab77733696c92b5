package e2e

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"
	"time"

	"failoverdns/api"
	"failoverdns/e2e/cluster"
	"failoverdns/e2e/world"
)

const (
	// jump is how far a clock goes wrong at once.
	jump = 3 * time.Hour
	// aged is how far all clocks are ahead at first, so that the certificates, made now, are valid by a clock that is set back.
	aged = 10 * time.Hour
	// stay is how long overrides, drills and holds last here.
	stay = 3 * time.Second
)

// TestClocksThatJumpHoursChangeNoVerdictNoExpiryAndNoFailback has the leader's wall clock and a follower's be set during an
// incident, the wait for failback, an override's life and a drill: none of them may come sooner or later for it.
func TestClocksThatJumpHoursChangeNoVerdictNoExpiryAndNoFailback(t *testing.T) {
	gated(t)
	server := jumpy(t) // before other tests go on: it may take all processors for a minute
	t.Parallel()
	for _, c := range []struct {
		name             string
		leader, follower time.Duration
	}{
		{"the leader's ahead, a follower's back", jump, -jump},
		{"the leader's back, a follower's ahead", -jump, jump},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := wind(t, server, c.leader, c.follower)
			w.incident()
			w.override()
			w.drill()
			eventually(t, func() error { return sameState(t, w.Cluster) })
		})
	}
}

// jumpy builds the server with a clock that can be set. The one that users get knows nothing of that.
func jumpy(t *testing.T) string {
	t.Helper()
	server := filepath.Join(t.TempDir(), "failoverdns")
	ok(t, world.BuildWithClock("failoverdns/cmd/failoverdns", server))
	for path, want := range map[string]bool{server: true, filepath.Join(binaries, "failoverdns"): false} {
		program, err := os.ReadFile(path)
		ok(t, err)
		if bytes.Contains(program, []byte(world.ClockVariable)) != want {
			t.Errorf("%s can have its clock set: %t", path, !want)
		}
	}
	return server
}

// watchmaker sets the clocks of a cluster's nodes.
type watchmaker struct {
	*cluster.Cluster
	t      *testing.T
	seen   *cluster.Observer
	clocks map[*cluster.Node]*world.Clock

	leader, follower time.Duration // by which theirs jump
}

func wind(t *testing.T, server string, leader, follower time.Duration) *watchmaker {
	t.Helper()
	c := prepare(t, cluster.Spec{Interval: fast, Lines: []string{"failback after " + stay.String()}})
	w := &watchmaker{Cluster: c, t: t, clocks: map[*cluster.Node]*world.Clock{}, leader: leader, follower: follower}
	for _, n := range c.Nodes() {
		clock, err := world.NewClock(filepath.Join(n.Dir, "clock"))
		ok(t, err)
		ok(t, clock.Set(aged))
		w.clocks[n], n.Server, n.Env = clock, server, []string{clock.Variable()}
	}
	ok(t, c.Start(soon(t)))
	w.seen = observe(t, c)
	return w
}

// jump sets the clocks of whoever leads and of one who follows.
func (w *watchmaker) jump() {
	w.t.Helper()
	leader, err := w.Leader(soon(w.t))
	ok(w.t, err)
	w.set(leader, aged+w.leader)
	w.set(but(w.Cluster, leader)[0], aged+w.follower)
}

// back has all clocks be as at first.
func (w *watchmaker) back() {
	w.t.Helper()
	for _, n := range w.Nodes() {
		w.set(n, aged)
	}
}

// set sets a node's clock, and looks whether the node goes by it.
func (w *watchmaker) set(n *cluster.Node, offset time.Duration) {
	w.t.Helper()
	ok(w.t, w.clocks[n].Set(offset))
	m, err := n.API().Members(soon(w.t))
	ok(w.t, err)
	if off := time.Until(m.At) - offset; off.Abs() > time.Minute {
		w.t.Errorf("the clock of %s is %s ahead, not %s", n.ID, time.Until(m.At), offset)
	}
}

// incident has the clocks jump between the first failed probe and the flip, and back in the wait for failback.
func (w *watchmaker) incident() {
	w.t.Helper()
	spec, primary := w.Spec(), w.Site("azure")
	run := (cluster.Failures-1)*spec.Interval - spec.Timeout // at the least: a probe may have been under way
	broken := time.Now()
	ok(w.t, primary.SetFaults(cluster.Faults{Status: 503}))
	time.Sleep(spec.Interval)
	w.jump()
	w.turns(aws, broken, broken.Add(run), broken.Add(spec.Detection()+slack))
	counted(w.t, "clocks of the leader and a follower jump 3 h", w.seen, w.Nodes(), broken, aws, least(spec, "status"))
	repaired := time.Now()
	ok(w.t, primary.SetFaults(cluster.Faults{}))
	time.Sleep(spec.Return() + slack)
	w.back()
	w.turns(azure, repaired, repaired.Add(run+stay), repaired.Add(spec.Return()+stay+slack))
}

// override has the clocks jump while an override stands: it ends when it should, and so does the hold after it.
func (w *watchmaker) override() {
	w.t.Helper()
	began := time.Now()
	_, err := w.Nodes()[0].API().SetOverride(soon(w.t), api.OverrideRequest{Who: w.who(), Scope: "site", Target: "azure", Word: "down", For: stay.String()}, false)
	ok(w.t, err)
	w.turns(aws, began, began, began.Add(undone))
	w.jump()
	w.turns(azure, time.Now(), began.Add(2*stay), began.Add(2*(stay+slack)))
	w.back()
}

// drill has the clocks jump during a drill, after which traffic returns at once.
func (w *watchmaker) drill() {
	w.t.Helper()
	began := time.Now()
	_, err := w.Nodes()[1].API().StartDrill(soon(w.t), api.DrillRequest{Who: w.who(), Group: zone, Site: "aws", For: stay.String()}, false)
	ok(w.t, err)
	w.turns(aws, began, began, began.Add(undone))
	w.jump()
	w.turns(azure, time.Now(), began.Add(stay), began.Add(stay+2*slack))
	w.back()
}

func (w *watchmaker) who() api.Who { return api.Who{Author: "watchmaker", Reason: "to see it end"} }

// turns wants each node's first such answer to a question asked since a moment to come between two others.
func (w *watchmaker) turns(to string, since, earliest, latest time.Time) {
	w.t.Helper()
	ok(w.t, w.seen.Wait(within(w.t, time.Until(latest)+5*time.Second), to, since))
	for _, n := range w.Nodes() {
		at, _ := w.seen.First(n.ID, to, since)
		w.t.Logf("%s answers %s, %.2f s after the earliest moment", n.ID, to, at.Sub(earliest).Seconds())
		if at.Before(earliest) || at.After(latest) {
			w.t.Errorf("%s: it must come between that and %s later", n.ID, latest.Sub(earliest))
		}
	}
	onlyAnswers(w.t, w.seen, w.Nodes(), since, azure, aws)
}
