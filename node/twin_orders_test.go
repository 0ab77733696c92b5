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

// standing is an override or pin as the operators' commands leave it.
type standing struct {
	says    string
	expires state.Clock // 0: never
}

// ordersKept holds a state to the operators' commands: what was acknowledged is there, and overrides and pins are what
// the commands that took effect say, in their order, until they end.
func (j *judge) ordersKept(p *proc, st *state.State) {
	type taken struct {
		*order
		index uint64
	}
	var effective []taken
	for _, o := range j.orders {
		r, ok := st.Requests.Get(o.id)
		if o.kept && o.index <= st.Index && (!ok || r.Index != o.index) {
			j.failf("%s: at index %d command %s, acknowledged at %d, is not there", p.id, st.Index, o.id, o.index)
		}
		if ok && r.Refusal == nil {
			effective = append(effective, taken{o, r.Index})
		}
	}
	slices.SortFunc(effective, func(a, b taken) int { return cmp.Compare(a.index, b.index) })
	want := map[string]standing{}
	for _, o := range effective {
		follow(want, o.body, j.clock[o.index])
	}
	j.compare(p, st, want)
}

// follow reads one command naively.
func follow(want map[string]standing, body state.Body, now state.Clock) {
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
		want[state.OverrideKey(c.Scope, c.Target)] = standing{string(c.Word), until(c.For)}
	case *state.ClearOverride:
		delete(want, state.OverrideKey(c.Scope, c.Target))
	case *state.Extend:
		key := state.OverrideKey(c.Scope, c.Target)
		want[key] = standing{want[key].says, until(c.For)}
	case *state.SetPin:
		want["pin"] = standing{fmt.Sprint(c.Site, c.Force), until(c.For)}
	case *state.Unpin:
		delete(want, "pin")
	}
}

// compare holds a state's overrides and pin to what they must be.
func (j *judge) compare(p *proc, st *state.State, want map[string]standing) {
	got := map[string]standing{}
	for key, o := range st.Overrides.All() {
		got[key] = standing{string(o.Word), o.Expires}
	}
	if g, ok := st.Groups.Get(theGroup); ok && g.Pin != nil {
		got["pin"] = standing{fmt.Sprint(g.Pin.Site, g.Pin.Forced), g.Pin.Expires}
	}
	for key, w := range want {
		if g, ok := got[key]; (!ok || g != w) && (w.expires == 0 || w.expires > st.Clock) {
			j.failf("%s: at index %d, clock %s, %s is %+v; by the operators' commands it is %+v", p.id, st.Index, st.Clock, key, g, w)
		}
	}
	for key, g := range got {
		if w, ok := want[key]; !ok || g != w {
			j.failf("%s: at index %d %s is %+v, which nobody ordered", p.id, st.Index, key, g)
		}
	}
	j.onTime(p, got)
}

// onTime: while a leader is there nothing outlives its end.
func (j *judge) onTime(p *proc, got map[string]standing) {
	clock, leads := p.node.store.Clock()
	if !leads || time.Since(j.calm) < electionBudget {
		return
	}
	for key, g := range got {
		if g.expires != 0 && clock > g.expires+overdue {
			j.failf("%s leads, its clock is %s, and %s, which ended at %s, still stands", p.id, clock, key, g.expires)
		}
	}
}
