package node

import (
	"cmp"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"time"

	"failoverdns/raftstore"
	"failoverdns/state"
	"failoverdns/token"
	"failoverdns/trust"
)

// five are all nodes that a schedule may have: three that found the cluster, and two that may join it.
var five = []string{"ns1", "ns2", "ns3", "ns4", "ns5"}

// change is what an operator asks to be done to a member, and what came of it.
type change struct {
	raftstore.Change
	asked   time.Time
	refusal *state.Refusal
}

// memberOps are the words for changes of members.
var memberOps = []string{string(raftstore.Promote), string(raftstore.Demote), string(raftstore.Remove)}

// changeMember has an operator ask through a node for a change of members, beside the steps: "remove ns3 force".
func (tr *trial) changeMember(p *proc, words []string) error {
	if len(words) < 2 {
		return fmt.Errorf("%q names no node", words)
	}
	c := tr.judge.asked(raftstore.Change{Op: raftstore.Op(words[0]), Node: tr.named("via", words[1]), Force: slices.Contains(words, "force"), Author: "operator"})
	tr.later.Go(func() {
		ctx, cancel := context.WithTimeout(context.Background(), operatorWaits)
		defer cancel()
		if r, err := p.node.ChangeMembers(ctx, c.Change); err == nil {
			tr.judge.changed(c, r)
		}
	})
	return nil
}

// join has a node ask to be let in, by way of a member from which it has a token: a new one by its configuration, one
// that was there before by its operator's command.
func (tr *trial) join(id, role, via string) error {
	by := tr.procs[via]
	if by == nil || via == id {
		return nil // nobody there to make a token
	}
	fresh := tr.dirs[id] == ""
	if fresh {
		tr.files[id] = settings{role: state.Role(role)}
		tr.joined[id] = &JoinAt{tr.address(via), filepath.Join(tr.dir, id+".token")}
	}
	if err := tr.start(id); err != nil {
		return err
	}
	role = string(tr.roleOf(id))
	tr.judge.joins(id, role)
	p, at := tr.procs[id], tr.address(via)
	tr.later.Go(func() {
		words, err := joinToken(by, id, role)
		if err != nil {
			return // no leader, mostly: the operator leaves it
		}
		if fresh {
			if err := os.WriteFile(tr.joined[id].TokenFile, []byte(words), 0o600); err != nil {
				tr.judge.fail("write the token of %s: %v", id, err)
			}
			return
		}
		for range 8 {
			if err := p.node.Join(context.Background(), at, words); err == nil || tr.judge.isGone(p) {
				return
			}
			time.Sleep(4 * time.Second)
		}
	})
	return nil
}

// joinToken brings a join token into the cluster, and gives its text.
func joinToken(by *proc, id, role string) (string, error) {
	pin, err := trust.ParsePin(by.node.CAPin())
	if err != nil {
		return "", err
	}
	j := &token.Join{Token: token.New(), Pin: pin, Role: role, Expires: time.Now().Add(time.Hour)}
	ctx, cancel := context.WithTimeout(context.Background(), operatorWaits)
	defer cancel()
	r, err := by.node.Propose(ctx, state.Command{Header: state.Header{Author: "operator"},
		Body: &state.TokenCreate{ID: j.ID, Kind: state.TokenJoin, Name: id, Hash: j.Hash(), Role: j.Role, OneUse: true, For: time.Hour}})
	if err == nil && r.Refusal != nil {
		err = r.Refusal
	}
	return j.Text(), err
}

// wipe takes a node's disk away under it and starts it with an empty one, as somebody does who replaces it.
func (tr *trial) wipe(id string) error {
	if tr.dirs[id] == "" {
		return nil
	}
	if err := tr.crash(id, false); err != nil {
		return err
	}
	tr.dirs[id] = fmt.Sprintf("%s-wiped-%d", filepath.Join(tr.dir, id), tr.now())
	tr.judge.forget(id)
	return tr.start(id)
}

// settings are what a node's own file says of it that takes a restart.
type settings struct {
	role state.Role // empty: voter
	port string     // empty: the one that all begin with
}

func firstAddress(id string) string { return id + ":7400" }

// address is where a node listens, or did last. When it moves only its own file says so.
func (tr *trial) address(id string) string {
	if port := tr.ran[id].port; port != "" {
		return id + ":" + port
	}
	return firstAddress(id)
}

// mayMove says whether another node may get another address: each node, be it down, knows where all others are by its own
// log. Those that move while others look for them at their last place have nobody to ask.
func (tr *trial) mayMove() bool {
	for _, id := range five {
		if tr.dirs[id] != "" && len(tr.lists[id]) == 0 || tr.files[id].port != tr.ran[id].port {
			return false
		}
		if slices.ContainsFunc(tr.lists[id], func(m raftstore.Member) bool { return m.Address != tr.address(m.ID) }) {
			return false
		}
	}
	return true
}

func (tr *trial) roleOf(id string) state.Role { return cmp.Or(tr.ran[id].role, state.Voter) }

// place is where a running node sees itself, as it was when the judge last looked.
type place struct {
	runs    bool     // it takes part, as far as it knows
	members []string // by its own configuration of Raft
	voters  []string
	index   uint64 // of the last entry that it applied
}

// places looks at all that run.
func (tr *trial) places() map[string]place {
	out := map[string]place{}
	for id, p := range tr.procs {
		at := place{runs: p.node.store.Status().Phase == raftstore.PhaseRunning, index: p.node.State().Index}
		tr.lists[id] = p.node.store.Members()
		for _, m := range tr.lists[id] {
			at.members = append(at.members, m.ID)
			if m.Voter {
				at.voters = append(at.voters, m.ID)
			}
		}
		out[id] = at
	}
	return out
}

// isVoter says whether a node that runs has a vote by its own word.
func (tr *trial) isVoter(id string) bool { return slices.Contains(tr.place[id].voters, id) }

// votesFor says whether a node is a voter by what it and those around it know: one that comes back may have a vote by its own
// log only.
func (tr *trial) votesFor(id string, company []string) bool {
	return tr.isVoter(id) && !slices.ContainsFunc(company, func(o string) bool { return !tr.knowsVoter(o, id) })
}

// knowsVoter says whether a node would vote for another one, as far as its own list goes; one without a list has not begun.
func (tr *trial) knowsVoter(o, id string) bool {
	voters := tr.place[o].voters
	return len(voters) == 0 || slices.Contains(voters, id)
}

// company is a node and those whom it reaches and takes for members.
func (tr *trial) company(id string) []string {
	return slices.DeleteFunc(tr.reach(id), func(o string) bool { return !slices.Contains(tr.place[id].members, o) })
}

// electorate is the company of a node without those that are behind it and do not know that it has a vote: they give it none.
func (tr *trial) electorate(id string) []string {
	return slices.DeleteFunc(tr.company(id), func(o string) bool { return tr.place[o].index < tr.place[id].index && !tr.knowsVoter(o, id) })
}

// quorate says whether nodes that hear each other are a majority of the voters, by what each of them knows.
func (tr *trial) quorate(ids []string) bool {
	for _, id := range ids {
		voters, have := tr.place[id].voters, 0
		for _, v := range voters {
			if slices.Contains(ids, v) {
				have++
			}
		}
		if len(voters) > 0 && have < len(voters)/2+1 { // one without a configuration has not begun
			return false
		}
	}
	return slices.ContainsFunc(ids, tr.isVoter)
}
