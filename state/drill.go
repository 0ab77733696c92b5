package state

import (
	"fmt"
	"slices"
	"time"

	"failoverdns/routing"
)

// Drill is a rehearsal of a failover: a pin that ends by itself, and at once when its site gets unhealthy.
type Drill struct {
	ID     uint64        `json:"id"`
	Group  string        `json:"group"`
	From   string        `json:"from"` // active before, a site ID
	To     string        `json:"to"`
	Author string        `json:"author"`
	Reason string        `json:"reason"`
	For    time.Duration `json:"for"`
	TTL    uint32        `json:"ttl"` // the greatest of the group's names at the start, in seconds: caches are clear so long after a change

	Started Clock     `json:"started"`
	Wall    time.Time `json:"wall,omitzero"`
	Index   uint64    `json:"index"` // of the command that began it

	Health []DrillHealth `json:"health"` // of To, at the start and at each change

	Outcome  DrillOutcome `json:"outcome,omitempty"` // empty while it runs
	Why      string       `json:"why,omitempty"`     // of an outcome that is not DrillCompleted
	Ended    Clock        `json:"ended,omitempty"`
	EndWall  time.Time    `json:"end_wall,omitzero"`
	EndIndex uint64       `json:"end_index,omitempty"`
	Back     string       `json:"back,omitempty"` // active after its end

	Out    []DrillTime `json:"out,omitempty"` // how the start came to each node's answers
	Return []DrillTime `json:"return,omitempty"`
}

// DrillOutcome is how a drill ended.
type DrillOutcome string

// The outcomes.
const (
	DrillCompleted DrillOutcome = "completed"
	DrillAborted   DrillOutcome = "aborted"
)

// DrillHealth is the standby's health from a moment on.
type DrillHealth struct {
	At      Clock     `json:"at"`
	Wall    time.Time `json:"wall,omitzero"`
	Up      bool      `json:"up"`
	Healthy int       `json:"healthy"` // of its addresses
	Of      int       `json:"of"`
}

// DrillTime is how one of a drill's two commands came to a node's answers, as that node measured it.
type DrillTime struct {
	Node    string        `json:"node"`
	Leader  bool          `json:"leader,omitempty"`
	Commit  time.Duration `json:"commit,omitempty"`  // from the leader's log to the disks of a majority; of the leader
	Apply   time.Duration `json:"apply,omitempty"`   // this node's own work
	Swapped time.Duration `json:"swapped,omitempty"` // from the leader's log to this node's answers, by two wall clocks but on the leader
	Error   string        `json:"error,omitempty"`   // why it has no times
}

// Bounds of drills. For is at least as long as people need to see anything, and no rehearsal lasts a day.
const (
	minDrill       = time.Second
	MaxDrill       = 24 * time.Hour
	maxDrills      = 100
	maxDrillHealth = 50
	maxDrillTimes  = 50
	maxDrillError  = 200
)

// StartDrill begins a drill. It is refused where it would be none: while the group has an open incident, a pin or a
// drill, or when its site is not up.
type StartDrill struct {
	Group  string        `json:"group"`
	Site   string        `json:"site"` // name or ID
	For    time.Duration `json:"for"`
	Reason string        `json:"reason"`
}

// AbortDrill ends a drill before its time.
type AbortDrill struct {
	Drill  uint64 `json:"drill"`
	Reason string `json:"reason,omitempty"`
}

// MeasureDrill keeps what the nodes measured of a drill's start, or of its end.
type MeasureDrill struct {
	Drill uint64      `json:"drill"`
	Ended bool        `json:"ended,omitempty"`
	Times []DrillTime `json:"times"`
}

func (*StartDrill) kind() kind   { return kindDrill }
func (*AbortDrill) kind() kind   { return kindAbortDrill }
func (*MeasureDrill) kind() kind { return kindMeasureDrill }

func (c *StartDrill) apply(t *txn) *Refusal {
	g, ok := t.s.Groups.Get(c.Group)
	if !ok {
		return refuse(RefusedNotFound, "there is no group %q", c.Group)
	}
	to, ok := g.SiteIn(c.Site)
	switch {
	case !ok:
		return refuse(RefusedNotFound, "group %q has no site %q", c.Group, c.Site)
	case c.For < minDrill || c.For > MaxDrill:
		return refuse(RefusedInvalid, "a drill for %s is not between %s and %s", c.For, minDrill, MaxDrill)
	}
	if r := t.s.drillable(g, to); r != nil {
		return r
	}
	t.startDrill(g, to, c)
	return nil
}

// drillable refuses a drill that would be none, or a danger.
func (s *State) drillable(g *Group, to string) *Refusal {
	if d := s.RunningDrill(); d != nil {
		return refuse(RefusedConflict, "drill %d of group %s runs; end it first: failoverctl drill abort %d", d.ID, d.Group, d.ID)
	}
	if g.Pin != nil {
		return refuse(RefusedConflict, "group %s is pinned to %s by %s; unpin it first", g.Name, g.Pin.Site, g.Pin.Author)
	}
	if g.Active == to {
		return refuse(RefusedConflict, "group %s answers with %s already: there is nothing to rehearse", g.Name, to)
	}
	for i := range g.States {
		if st := &g.States[i]; st.Incident != 0 && (!st.Up || st.Held) {
			return refuse(RefusedConflict, "incident %d of site %s is open in group %s; a drill begins when all of its sites are up, and none is held", st.Incident, st.Site, g.Name)
		}
	}
	sites, i := s.RoutingSites(g), slices.Index(g.Sites, to)
	if !routing.Standing(sites)[i] || sites[i].Empty {
		return refuse(RefusedConflict, "site %s is not up in group %s: this is no time for a drill", to, g.Name)
	}
	return nil
}

// RunningDrill is the drill that runs, or nil: one at a time in the whole cluster.
func (s *State) RunningDrill() *Drill {
	if _, d, ok := s.Drills.Last(); ok && d.Outcome == "" {
		return d
	}
	return nil
}

func (t *txn) startDrill(g *Group, to string, c *StartDrill) {
	id := uint64(1)
	if _, last, ok := t.s.Drills.Last(); ok {
		id = last.ID + 1
	}
	d := &Drill{ID: id, Group: g.Name, From: g.Active, To: to, Author: t.h.Author, Reason: c.Reason, For: c.For, Started: t.s.Clock, Wall: t.s.Wall, Index: t.s.Index}
	for i := range g.Cells {
		d.TTL = max(d.TTL, g.Cells[i].TTL)
	}
	t.putDrill(d)
	for t.s.Drills.Len() > maxDrills {
		k, _, _ := t.s.Drills.First()
		t.s.Drills = t.s.Drills.Without(k)
	}
	next := *g
	next.Pin = &Pin{Site: to, Author: t.h.Author, Reason: c.Reason, Since: t.s.Clock, Wall: t.s.Wall, Expires: t.expiry(c.For), Warned: true, Drill: id}
	t.s.putGroup(&next)
	t.dirty[g.Name] = true
	t.event(Event{Type: "drill-started", Group: g.Name, Site: to, Reason: c.Reason,
		Text: fmt.Sprintf("drill %d: %s is moved from %s to %s for %s %s%s", id, g.Name, d.From, to, c.For, byWhom(t.h.Author), because(c.Reason))})
}

func (t *txn) putDrill(d *Drill) { t.s.Drills = t.s.Drills.With(numberKey(d.ID), d) }

func (t *txn) editDrill(id uint64, edit func(*Drill)) {
	if old, ok := t.s.Drills.Get(numberKey(id)); ok {
		next := *old
		edit(&next)
		t.putDrill(&next)
	}
}

// endDrill takes a drill's pin off a copy of its group and notes how it ended; where the group goes is noted when it is
// settled. The site that was active before is not held: the way back is part of the drill.
func (t *txn) endDrill(g *Group, outcome DrillOutcome, why string) {
	id := g.Pin.Drill
	g.Pin = nil
	t.dirty[g.Name] = true
	t.noteEnd(id, outcome, why)
	if d, ok := t.s.Drills.Get(numberKey(id)); ok {
		t.back[g.Name] = d
	}
}

func (t *txn) noteEnd(id uint64, outcome DrillOutcome, why string) {
	t.editDrill(id, func(d *Drill) {
		d.Outcome, d.Why, d.Ended, d.EndWall, d.EndIndex = outcome, why, t.s.Clock, t.s.Wall, t.s.Index
		text := fmt.Sprintf("drill %d of %s is %s after %s", d.ID, d.Group, outcome, (d.Ended - d.Started).Round(time.Millisecond))
		if why != "" {
			text += ": " + why
		}
		t.event(Event{Type: "drill-ended", Group: d.Group, Site: d.To, Reason: string(outcome), Text: text})
	})
}

// watchDrill notes the health of a drill's site while its group is being settled, and ends the drill when it is down.
func (t *txn) watchDrill(g *Group, sites []routing.Site, up []bool) {
	if g.Pin == nil || g.Pin.Drill == 0 {
		return
	}
	i := slices.Index(g.Sites, g.Pin.Site)
	now := DrillHealth{At: t.s.Clock, Wall: t.s.Wall, Up: up[i], Of: len(sites[i].Addresses)}
	for _, a := range sites[i].Addresses {
		if a.Healthy {
			now.Healthy++
		}
	}
	t.editDrill(g.Pin.Drill, func(d *Drill) { d.note(now) })
	if !up[i] {
		t.endDrill(g, DrillAborted, fmt.Sprintf("site %s is down", g.Sites[i]))
	}
}

func (d *Drill) note(now DrillHealth) {
	n := len(d.Health)
	if n > 0 && d.Health[n-1].Up == now.Up && d.Health[n-1].Healthy == now.Healthy && d.Health[n-1].Of == now.Of || n >= maxDrillHealth && now.Up {
		return
	}
	d.Health = append(d.Health[:n:n], now)
}

// drillBack notes where a group went at the end of its drill.
func (t *txn) drillBack(g *Group) {
	if d := t.back[g.Name]; d != nil {
		t.editDrill(d.ID, func(d *Drill) { d.Back = g.Active })
	}
}

// returnsFrom says whether a site comes back from a drill in this command.
func (t *txn) returnsFrom(g *Group, site string) bool {
	d := t.back[g.Name]
	return d != nil && d.From == site
}

func (c *AbortDrill) apply(t *txn) *Refusal {
	d, ok := t.s.Drills.Get(numberKey(c.Drill))
	switch {
	case !ok:
		return refuse(RefusedNotFound, "there is no drill %d; failoverctl drill list shows them", c.Drill)
	case d.Outcome != "":
		return refuse(RefusedConflict, "drill %d is %s already", c.Drill, d.Outcome)
	}
	g, _ := t.s.Groups.Get(d.Group)
	next := *g
	t.endDrill(&next, DrillAborted, "ended "+byWhom(t.h.Author)+because(c.Reason))
	t.s.putGroup(&next)
	return nil
}

// apply keeps the first measurement: a leader that comes later has nothing better.
func (c *MeasureDrill) apply(t *txn) *Refusal {
	d, ok := t.s.Drills.Get(numberKey(c.Drill))
	switch {
	case !ok:
		return refuse(RefusedNotFound, "there is no drill %d", c.Drill)
	case len(c.Times) == 0 || len(c.Times) > maxDrillTimes:
		return refuse(RefusedInvalid, "times of %d nodes; a drill keeps those of 1 to %d", len(c.Times), maxDrillTimes)
	case c.Ended && (d.Outcome == "" || d.Return != nil) || !c.Ended && d.Out != nil:
		return refuse(RefusedStale, "drill %d is measured already, or has not ended", c.Drill)
	}
	times := slices.Clone(c.Times)
	for i := range times {
		times[i].Error = cut(times[i].Error, maxDrillError)
	}
	t.editDrill(c.Drill, func(d *Drill) {
		if c.Ended {
			d.Return = times
		} else {
			d.Out = times
		}
	})
	if c.Ended {
		t.event(Event{Type: "drill-report", Group: d.Group, Site: d.To, Reason: string(d.Outcome), Text: fmt.Sprintf("the report of drill %d is complete: failoverctl drill show %d", d.ID, d.ID)})
	}
	return nil
}
