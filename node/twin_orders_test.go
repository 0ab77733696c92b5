package node

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"failoverdns/state"
)

// overdue is how late an end may come while there is a leader.
const overdue = 5 * time.Second

// ordered notes a command that an operator gives.
func (j *judge) ordered(body state.Body) *order {
	j.mu.Lock()
	defer j.mu.Unlock()
	o := &order{id: fmt.Sprintf("order-%d", len(j.orders)), body: body}
	j.orders = append(j.orders, o)
	j.count.orders++
	return o
}

// acknowledged notes that a command got an answer, be it a refusal.
func (j *judge) acknowledged(o *order, r state.Result) {
	j.mu.Lock()
	defer j.mu.Unlock()
	o.kept, o.index = true, r.Index
	j.count.kept++
}

// standing is an override, pin or switch as the operators' commands leave it.
type standing struct {
	says    string
	expires state.Clock // 0: never
	early   bool        // it may end before its time: a drill
}

// ordersKept holds a state to the operators' commands: what was acknowledged is there, and overrides and pins are what
// the commands that took effect say, in their order, until they end.
func (j *judge) ordersKept(p *proc, st *state.State) {
	list := j.taken(p, st)
	j.compare(p, st, j.wanted(list))
	j.compareRecords(p, st, j.written(p, list))
}

// wanted is what stands by the operators' commands.
func (j *judge) wanted(list []taken) map[string]standing {
	want := map[string]standing{}
	for _, o := range list {
		if b := j.restoredBy(&o); b != nil {
			want = b.standing(j.clock[o.index], j.membership.rosters[o.index])
		}
		if o.refusal == nil {
			follow(want, o.body, j.clock[o.index])
		}
	}
	return want
}

// taken is a command that was applied, or a window that began, and where.
type taken struct {
	body    any
	index   uint64
	refusal *state.Refusal
}

// taken lists what a state has taken, in the log's order.
func (j *judge) taken(p *proc, st *state.State) (list []taken) {
	for _, o := range j.orders {
		r, ok := st.Requests.Get(o.id)
		if o.kept && o.index <= st.Index && (!ok || r.Index != o.index) {
			j.failf("%s: at index %d command %s, acknowledged at %d, is not there", p.id, st.Index, o.id, o.index)
		}
		if ok {
			list = append(list, taken{o.body, r.Index, r.Refusal})
		}
	}
	for _, w := range j.begun {
		if w.index <= st.Index {
			list = append(list, w)
		}
	}
	slices.SortStableFunc(list, func(a, b taken) int { return cmp.Compare(a.index, b.index) })
	return list
}

// takenAt is the operator's command that a state has just taken, or nil.
func (j *judge) takenAt(st *state.State) *taken {
	for _, o := range j.orders {
		if r, ok := st.Requests.Get(o.id); ok && r.Index == st.Index {
			return &taken{o.body, r.Index, r.Refusal}
		}
	}
	return nil
}

// follow reads one command naively.
func follow(want map[string]standing, body any, now state.Clock) {
	until := func(d time.Duration) state.Clock {
		if d == 0 {
			return 0
		}
		return now + d
	}
	for key, w := range want {
		if w.expires != 0 && w.expires <= now {
			delete(want, key)
		}
	}
	switch c := body.(type) {
	case *state.SetOverride:
		want[state.OverrideKey(c.Scope, c.Target)] = standing{says: string(c.Word), expires: until(c.For)}
	case *state.ClearOverride:
		delete(want, state.OverrideKey(c.Scope, c.Target))
	case *state.Extend:
		key := state.OverrideKey(c.Scope, c.Target)
		want[key] = standing{says: want[key].says, expires: until(c.For)}
	case *state.SetPin:
		want["pin"] = standing{says: fmt.Sprint(c.Site, c.Force), expires: until(c.For)}
	case *state.StartDrill:
		want["pin"] = standing{says: "drill " + c.Site, expires: until(c.For), early: true}
	case *state.Unpin, *state.AbortDrill:
		delete(want, "pin")
	case *state.SetSwitches:
		for _, ch := range c.Changes {
			key := "switch " + ch.Name
			if was, turned := want[key]; turned && was.says != onOff(ch.On) || !turned && !ch.On {
				want[key] = standing{says: onOff(ch.On)}
			}
		}
	case *state.Window:
		want[state.OverrideKey(c.Scope, c.Target)] = standing{says: string(c.Word), expires: c.Ends}
	}
}

func onOff(on bool) string {
	if on {
		return "on"
	}
	return "off"
}

// compare holds a state's overrides, pin and switches to what they must be.
func (j *judge) compare(p *proc, st *state.State, want map[string]standing) {
	got := map[string]standing{}
	for key, o := range st.Overrides.All() {
		got[key] = standing{says: string(o.Word), expires: o.Expires}
	}
	if g, ok := st.Groups.Get(theGroup); ok && g.Pin != nil {
		got["pin"] = standing{says: fmt.Sprint(g.Pin.Site, g.Pin.Forced), expires: g.Pin.Expires}
		if g.Pin.Drill != 0 {
			got["pin"] = standing{says: "drill " + g.Pin.Site, expires: g.Pin.Expires, early: true}
		}
	}
	for name, sw := range st.Switches.All() {
		if sw.Set {
			got["switch "+name] = standing{says: onOff(sw.On)}
		}
	}
	for key, w := range want {
		g, ok := got[key]
		if (!ok && !w.early || ok && g != w) && (w.expires == 0 || w.expires > st.Clock) {
			j.failf("%s: at index %d, clock %s, %s is %+v; by the operators' commands it is %+v", p.id, st.Index, st.Clock, key, g, w)
		}
	}
	for key, g := range got {
		if w, ok := want[key]; !ok || g != w {
			j.failf("%s: at index %d %s is %+v, which nobody ordered", p.id, st.Index, key, g)
		}
	}
	j.onTime(p, st, got)
}

// onTime: while a leader is there nothing outlives its end.
func (j *judge) onTime(p *proc, st *state.State, got map[string]standing) {
	clock, leads := p.node.store.Clock()
	if !leads || time.Since(j.calm) < electionBudget {
		return
	}
	for key, g := range got {
		if g.expires != 0 && clock > g.expires+overdue {
			j.failf("%s leads, its clock is %s, and %s, which ended at %s, still stands", p.id, clock, key, g.expires)
		}
	}
	for _, w := range st.Windows.All() {
		if w.Outcome == "" && clock > w.Starts+overdue {
			j.failf("%s leads, its clock is %s, and maintenance window %d, due at %s, has not begun", p.id, clock, w.ID, w.Starts)
		}
	}
}
