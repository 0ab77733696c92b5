package raftstore

import (
	"fmt"
	"slices"
	"strings"

	"failoverdns/state"
)

// Op is what is done to a member.
type Op string

// The changes of a cluster's membership; transfer hands the lead over.
const (
	Promote  Op = "promote"
	Demote   Op = "demote"
	Remove   Op = "remove"
	Transfer Op = "transfer"
)

// maxBehind is how many entries a node may lack to be given a vote: what comes while it is asked. A voter that is
// further behind could not take its part in a majority.
const maxBehind = 64

// roster is what the guard rails of a change look at, as the leader sees it now.
type roster struct {
	leader  string
	members map[string]bool // by ID; true: a voter
	alive   map[string]bool // those that answer, the leader among them
	behind  map[string]uint64
	unaware map[string]bool // those that answer, and would not vote for each voter: they were away as one came
	roles   map[string]state.Role
}

// refuse is the rule (pure): why a change must not be, or nil. What is RefusedUnsafe is let pass by force.
//
// The rules are etcd's: a change must leave a majority of the voters that answer; one that is dead may always go,
// since that can only help. One that was away while the members changed is no part of a majority before it has heard of
// that: it votes for nobody whom it does not know, and nobody votes for it, whose log is behind.
func (r *roster) refuse(op Op, id string) *state.Refusal {
	voter, ok := r.members[id]
	switch {
	case !ok:
		return refusal(state.RefusedNotFound, "node %q is no member of this cluster; it has %s", id, strings.Join(r.ids(), ", "))
	case op == Promote:
		return r.refusePromote(id, voter)
	case op == Demote && !voter:
		return refusal(state.RefusedConflict, "node %q has no vote already", id)
	case op == Demote:
		return r.refuseLoss(id, "demoted")
	case op == Remove && voter:
		return r.refuseLoss(id, "removed")
	case op == Transfer:
		return r.refuseTransfer(id, voter)
	}
	return nil
}

func (r *roster) refusePromote(id string, voter bool) *state.Refusal {
	after := r.voters() + 1
	switch alive := r.voters(r.counts) + 1; {
	case voter:
		return refusal(state.RefusedConflict, "node %q has a vote already", id)
	case r.roles[id] == state.Replica:
		return refusal(state.RefusedConflict, "node %q is a replica: write role voter in its Corefile and restart it first", id)
	case !r.alive[id]:
		return refusal(state.RefusedUnsafe, "node %q does not answer: as a voter it would make every majority harder to reach", id)
	case r.behind[id] > maxBehind:
		return refusal(state.RefusedUnsafe, "node %q is %d entries behind, more than %d: wait until it has caught up", id, r.behind[id], maxBehind)
	case r.unaware[id]:
		return refusal(state.RefusedUnsafe, "node %q has not heard of each voter yet: wait until it has caught up", id)
	case alive < majority(after):
		return refusal(state.RefusedUnsafe, "with node %q, %d of %d voters answer, and %d are needed: %s", id, alive, after, majority(after), r.mend())
	}
	return nil
}

// refuseLoss guards the majority that is left without a voter.
func (r *roster) refuseLoss(id, what string) *state.Refusal {
	left := r.voters() - 1
	if left == 0 {
		return refusal(state.RefusedConflict, "node %q is the last voter: a cluster without one decides nothing any more; promote another one first", id)
	}
	alive := r.voters(func(other string) bool { return other != id && r.counts(other) })
	if r.alive[id] && alive < majority(left) {
		return refusal(state.RefusedUnsafe, "with node %q %s, %d of %d voters answer, and %d are needed: %s", id, what, alive, left, majority(left), r.mend())
	}
	return nil
}

func (r *roster) refuseTransfer(id string, voter bool) *state.Refusal {
	switch {
	case id == r.leader:
		return refusal(state.RefusedConflict, "node %q leads already", id)
	case !voter:
		return refusal(state.RefusedConflict, "node %q has no vote, and cannot lead", id)
	case !r.alive[id]:
		return refusal(state.RefusedConflict, "node %q does not answer, and cannot lead", id)
	}
	return nil
}

// mend names the way out of a majority that is in danger: those that are coming back, and the dead.
func (r *roster) mend() string {
	if late := slices.DeleteFunc(r.ids(), func(id string) bool { return !r.members[id] || !r.unaware[id] }); len(late) > 0 {
		return fmt.Sprintf("%s was away while the members changed, and counts when it has caught up; wait for that", late[0])
	}
	dead := r.dead()
	if len(dead) == 0 {
		return "add a voter first"
	}
	list := strings.Join(dead, ", ")
	return fmt.Sprintf("bring %s back, or remove what is dead first (failoverctl cluster remove %s)", list, dead[0])
}

// hasStrangerTo says whether a voter of the cluster is none in a node's own list, and so gets no vote from that node.
func (r *roster) hasStrangerTo(list []string) bool {
	return r.voters(func(id string) bool { return !slices.Contains(list, id) }) > 0
}

// counts says whether a member can take its part in a majority.
func (r *roster) counts(id string) bool { return r.alive[id] && !r.unaware[id] }

// voters counts those for which all of the conditions hold.
func (r *roster) voters(holds ...func(id string) bool) int {
	n := 0
	for id, voter := range r.members {
		if voter && !slices.ContainsFunc(holds, func(h func(string) bool) bool { return !h(id) }) {
			n++
		}
	}
	return n
}

func (r *roster) ids() []string {
	var out []string
	for id := range r.members {
		out = append(out, id)
	}
	slices.Sort(out)
	return out
}

func majority(voters int) int { return voters/2 + 1 }

func refusal(code, format string, args ...any) *state.Refusal {
	return &state.Refusal{Code: code, Text: fmt.Sprintf(format, args...)}
}
