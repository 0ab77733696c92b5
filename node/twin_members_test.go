package node

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"failoverdns/raftstore"
	"failoverdns/state"
)

// membership is what the judge knows of the cluster's members: what operators asked for, and what came of it.
type membership struct {
	changes  []*change
	joins    map[string][]string        // roles with which a node asked to be let in, by ID
	replicas map[string]time.Time       // members that are, and since when
	recast   map[string]int             // how often a node's file made it a replica, by ID
	done     map[string]int             // by "remove ns3", "join ns3" and so on
	rosters  map[uint64]map[string]bool // by index: the members, and whether they vote
	company  string                     // who runs, and whom each takes for a member
	touched  time.Time                  // when the world or that company last changed
	stepped  bool                       // the world has changed since the judge last looked
	quorum   bool                       // some were a quorum then
}

func newMembership() membership {
	return membership{joins: map[string][]string{}, replicas: map[string]time.Time{}, recast: map[string]int{}, done: map[string]int{}, rosters: map[uint64]map[string]bool{}}
}

func (j *judge) asked(c raftstore.Change) *change {
	j.mu.Lock()
	defer j.mu.Unlock()
	x := &change{Change: c, asked: time.Now()}
	j.membership.changes = append(j.membership.changes, x)
	j.calm = time.Now() // a leader hands the lead over before it is changed itself
	j.count.orders++
	return x
}

func (j *judge) joins(id, role string) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.membership.joins[id] = append(j.membership.joins[id], role)
}

// recast notes that a member starts in another role. The vote of one that is a replica now is the leader's to take.
func (j *judge) recast(id string, role state.Role) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.count.roles++
	if role == state.Replica {
		j.membership.recast[id]++
	}
}

// forget drops what a node is held to by its past: its disk is gone.
func (j *judge) forget(id string) {
	j.mu.Lock()
	defer j.mu.Unlock()
	delete(j.last, id)
	delete(j.answered, id)
	j.membership.done["wipe "+id]++
}

func rosterOf(st *state.State) map[string]bool {
	out := map[string]bool{}
	for id, n := range st.Nodes.All() {
		out[id] = n.Suffrage == "voter"
	}
	return out
}

// members holds one change of the members to what operators and Corefiles asked for: nobody comes, goes, gets a vote or
// loses it by itself, and a replica gets none.
func (j *judge) members(p *proc, prev, st *state.State) {
	was, is := rosterOf(prev), rosterOf(st)
	j.membership.rosters[st.Index] = is
	j.noteReplicas(prev, st)
	if len(was) == 0 || maps.Equal(was, is) {
		return
	}
	j.count.members++
	for _, id := range five {
		voted, before := was[id]
		votes, after := is[id]
		switch {
		case before && !after:
			j.happens(p, st, "remove", id, j.askedFor(raftstore.Remove, id))
		case after && !before:
			j.happens(p, st, "join", id, len(j.membership.joins[id]))
		case votes && !voted:
			j.happens(p, st, "promote", id, j.askedFor(raftstore.Promote, id)+len(j.membership.joins[id]))
		case voted && !votes:
			j.happens(p, st, "demote", id, j.askedFor(raftstore.Demote, id)+j.membership.recast[id])
		}
		if since, is := j.membership.replicas[id]; is && votes && !voted && time.Since(since) > underWay {
			j.failf("%s: at index %d %s, a replica, gets a vote", p.id, st.Index, id)
		}
	}
}

// noteReplicas keeps since when members are replicas; of those that came as such, always. One that becomes one may get a
// vote that was under way, and loses it.
func (j *judge) noteReplicas(prev, st *state.State) {
	for id, n := range st.Nodes.All() {
		_, known := j.membership.replicas[id]
		switch {
		case n.Role != state.Replica:
			delete(j.membership.replicas, id)
		case !prev.Nodes.Has(id):
			j.membership.replicas[id] = time.Time{}
		case !known:
			j.membership.replicas[id] = time.Now()
		}
	}
}

// happens counts a kind of change, which must not be more often than it was asked for.
func (j *judge) happens(p *proc, st *state.State, what, id string, asked int) {
	key := what + " " + id
	j.membership.done[key]++
	if n := j.membership.done[key]; n > asked {
		j.failf("%s: at index %d it happened %d times that members %s, and it was asked for %d times", p.id, st.Index, n, key, asked)
	}
}

func (j *judge) askedFor(op raftstore.Op, id string) (n int) {
	for _, c := range j.membership.changes {
		if c.Op == op && c.Node == id && c.refusal == nil {
			n++
		}
	}
	return n
}

// changed holds the answer to a change of members to what is there then, and to the guard rails: no change without
// force leaves fewer than a majority of the voters that live, and the dead may always go.
func (j *judge) changed(c *change, r raftstore.Outcome) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.count.kept++
	c.refusal = r.Refusal
	calm := j.membership.touched.Before(c.asked)
	leader := j.leads()
	if r.Refusal != nil {
		if calm && c.Op == raftstore.Remove && r.Refusal.Code == state.RefusedUnsafe && j.trial.procs[c.Node] == nil {
			j.failf("%s, which is dead, may not be removed: %s", c.Node, r.Refusal.Text)
		}
		return
	}
	roster, ok := j.membership.rosters[r.Index]
	if !ok {
		return // it was applied where nobody saw it one by one
	}
	if votes, member := roster[c.Node]; member == (c.Op == raftstore.Remove) || votes != (c.Op == raftstore.Promote) {
		j.failf("%s of %s is acknowledged at index %d, and the members are %v", c.Op, c.Node, r.Index, roster)
	}
	if !calm || c.Force || leader == "" || c.Op == raftstore.Promote {
		return
	}
	voters, alive := 0, 0
	for id, votes := range roster {
		if votes {
			voters++
			if id == leader || j.trial.linked(leader, id) {
				alive++
			}
		}
	}
	if j.trial.linked(leader, c.Node) && alive < voters/2+1 {
		j.failf("%s of %s without force left %d voters, of whom %d live: %v", c.Op, c.Node, voters, alive, roster)
	}
}

// leads is who leads, "" where it is not one.
func (j *judge) leads() (id string) {
	for _, p := range j.trial.procs {
		if _, _, self := p.node.store.Leader(); self {
			if id != "" {
				return ""
			}
			id = p.id
		}
	}
	return id
}

// noteCompany keeps who takes part, and since when that is so.
func (j *judge) noteCompany() {
	j.trial.place = j.trial.places()
	var b strings.Builder
	for _, id := range five {
		at := j.trial.place[id]
		fmt.Fprintln(&b, id, at.runs, at.members, at.voters)
	}
	if b.String() != j.membership.company {
		j.membership.company = b.String()
		j.calm, j.membership.touched = time.Now(), time.Now()
	}
	j.quorumKept()
}

// quorumKept: changes of members alone, without force, never take the quorum away, be they acknowledged or not.
func (j *judge) quorumKept() {
	had, stepped := j.membership.quorum, j.membership.stepped
	j.membership.stepped = false
	j.membership.quorum = slices.ContainsFunc(five, func(id string) bool {
		electorate := j.trial.electorate(id)
		return j.trial.votesFor(id, electorate) && j.trial.quorate(electorate)
	})
	forced := slices.ContainsFunc(j.membership.changes, func(c *change) bool { return c.Force })
	if had && !j.membership.quorum && !stepped && !forced && !j.waiting() {
		j.failf("nothing happened but changes of members without force, and the quorum is gone: %v", j.trial.place)
	}
}

// outside says whether a node that is in no leader's list may be so: it was removed, or its disk was wiped.
func (j *judge) outside(id string, phase raftstore.Phase) bool {
	switch phase {
	case raftstore.PhaseRemoved:
		return j.askedFor(raftstore.Remove, id) > 0 // it may have the entry in its log before that is committed
	case raftstore.PhaseWiped:
		return j.membership.done["wipe "+id] > 0 || len(j.membership.joins[id]) > 0
	}
	return slices.Contains([]raftstore.Phase{raftstore.PhaseRunning, raftstore.PhaseWaiting, raftstore.PhaseStarting}, phase)
}

// finalOutside holds a node that is no member in the end to its word: it is not ready, and what it answered it answers.
func (j *judge) finalOutside(p *proc, leader string) {
	ok, why := p.node.Ready()
	learns := j.canLearn(p.id, leader)
	if ok && (learns || p.node.State().Index == 0) {
		j.failf("in the end %s is no member, and is ready", p.id)
	}
	if p.node.State().Index > 0 && learns && !strings.HasPrefix(why, "removed") && !strings.HasPrefix(why, "wiped") {
		j.failf("in the end %s is no member, and says %q", p.id, why)
	}
	if l := p.node.Lookup(seen[1].name, seen[1].kind); digest(p.node.State()) != "" && !p.own() && len(l.Answer) == 0 {
		j.failf("in the end %s, which was removed, answers %s %v", p.id, l.RCode, l.Answer)
	}
}

// canLearn says whether a node that is no member finds one that can tell it so. Members that have moved since it was removed
// did not tell it where they are.
func (j *judge) canLearn(id, leader string) bool {
	return slices.ContainsFunc(j.trial.lists[id], func(m raftstore.Member) bool {
		return m.ID != id && m.Address == j.trial.address(m.ID) && j.trial.place[m.ID].runs && slices.Contains(j.trial.place[leader].members, m.ID)
	})
}

// replicasVote: in the end no replica has a vote that its leader could take without losing the majority.
func (j *judge) replicasVote(leader string) {
	voters := j.trial.place[leader].voters
	for _, id := range voters {
		left, alive := 0, 0
		for _, o := range voters {
			if o != id {
				left++
				if j.trial.linked(leader, o) {
					alive++
				}
			}
		}
		if j.trial.place[id].runs && j.trial.roleOf(id) == state.Replica && left > 0 && alive >= left/2+1 {
			j.failf("in the end %s, a replica, has a vote among %v", id, voters)
		}
	}
}
