package node

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"failoverdns/record"
	"failoverdns/state"
)

// backup is a saved state, and what operators had ordered by then.
type backup struct {
	source string // its name
	state  []byte
	clock  state.Clock
	want   map[string]standing
	sets   map[record.Name]written
	plans  []*state.PlanWindow
	turned state.Clock
}

// saved keeps a backup of a node.
func (j *judge) saved(p *proc, packed []byte, st *state.State) *backup {
	j.mu.Lock()
	defer j.mu.Unlock()
	list := j.taken(p, st)
	b := &backup{source: fmt.Sprintf("backup %d", len(j.backups)), state: packed, clock: st.Clock, want: j.wanted(list), sets: j.written(p, list), plans: j.plans(list)}
	for _, x := range j.turns {
		if x.index <= st.Index {
			b.turned = x.at
		}
	}
	j.backups[b.source] = b
	return b
}

// restoredBy is the backup that a command put into force; nil if it is no such command.
func (j *judge) restoredBy(o *taken) *backup {
	if o == nil || o.refusal != nil {
		return nil
	}
	if c, ok := o.body.(*state.Restore); ok {
		return j.backups[c.Source]
	}
	return nil
}

// later is a time of the backup in the cluster in which it was restored: what has to end has the time left that it had.
func (b *backup) later(at, now state.Clock) state.Clock {
	if at == 0 {
		return 0
	}
	return at + now - b.clock
}

// standing is what stands by the backup's operators after it was restored among some members.
func (b *backup) standing(now state.Clock, members map[string]bool) map[string]standing {
	want := maps.Clone(b.want)
	for key, w := range want {
		node, ofNode := strings.CutPrefix(key, string(state.OverrideKey(state.ScopeNode, "")))
		if _, member := members[node]; ofNode && !member {
			delete(want, key)
			continue
		}
		w.expires = b.later(w.expires, now)
		want[key] = w
	}
	return want
}

// wentBack holds a restore to what it promises: the serial is above both states', the members are the cluster's, no vote
// counts any more, and the verdicts are the backup's.
func (j *judge) wentBack(p *proc, prev, st *state.State, b *backup) {
	a, err := (&state.Restore{State: b.state}).Archived()
	if err != nil {
		j.failf("%s: at index %d a backup was restored that cannot be read: %v", p.id, st.Index, err)
		return
	}
	_, before, _ := strings.Cut(j.face[prev.Index], "\n")
	_, after, _ := strings.Cut(j.face[st.Index], "\n")
	was, is := max(serialOf(prev), serialOf(a)), serialOf(st)
	if known := before != "" && after != ""; is < was || known && before != after && is == was {
		j.failf("%s: at index %d a backup was restored, and the serial, which was %d and %d there, is %d; the answers changed: %t", p.id, st.Index, serialOf(prev), serialOf(a), is, before != after)
	}
	if !maps.Equal(rosterOf(prev), rosterOf(st)) || st.Clock < prev.Clock {
		j.failf("%s: at index %d a backup was restored, and the members were %v and are %v, the clock was %s and is %s", p.id, st.Index, rosterOf(prev), rosterOf(st), prev.Clock, st.Clock)
	}
	for id, e := range st.Endpoints.All() {
		if old, ok := a.Endpoints.Get(id); !ok || old.Verdict != e.Verdict || len(e.Votes) > 0 {
			j.failf("%s: at index %d a backup was restored, and %s is %s with the votes %s", p.id, st.Index, id, e.Verdict, votesOf(e))
		}
	}
	if a.Endpoints.Len() != st.Endpoints.Len() || digest(a) != digest(st) {
		j.failf("%s: at index %d a backup was restored, and it is not what is in force", p.id, st.Index)
	}
}

// plans are the maintenance windows that were planned, by their numbers.
func (j *judge) plans(list []taken) (plans []*state.PlanWindow) {
	for _, o := range list {
		if b := j.restoredBy(&o); b != nil {
			plans = slices.Clone(b.plans)
		}
		if c, ok := o.body.(*state.PlanWindow); ok && o.refusal == nil {
			plans = append(plans, c)
		}
	}
	return plans
}
