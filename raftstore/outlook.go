package raftstore

// Outlook is what a change of the membership would do, as the leader sees it: the answer to a plan.
type Outlook struct {
	Node    string   `json:"node"`
	Voter   bool     `json:"voter"`   // has a vote now
	Answers bool     `json:"answers"` // to the leader, now
	Leads   bool     `json:"leads"`   // now
	Dead    []string `json:"dead"`    // voters that do not answer
	Before  Majority `json:"before"`
	After   Majority `json:"after"`
}

// Majority is how a cluster's voters stand.
type Majority struct {
	Voters int `json:"voters"`
	Live   int `json:"live"`   // of them can take their part
	Needed int `json:"needed"` // of them decide
}

// outlook is what a change would do to a member's cluster (pure); nil where there is no such member.
func (r *roster) outlook(op Op, id string) *Outlook {
	voter, ok := r.members[id]
	if !ok {
		return nil
	}
	out := &Outlook{Node: id, Voter: voter, Answers: r.alive[id], Leads: id == r.leader, Dead: r.dead()}
	out.Before = majorityOf(r.voters(), r.voters(r.counts))
	step := 0
	switch {
	case op == Promote && !voter:
		step = 1
	case (op == Demote || op == Remove) && voter:
		step = -1
	}
	live := out.Before.Live
	if r.counts(id) {
		live += step
	}
	out.After = majorityOf(out.Before.Voters+step, live)
	return out
}

func majorityOf(voters, live int) Majority {
	return Majority{Voters: voters, Live: live, Needed: majority(voters)}
}

// dead are the voters that do not answer.
func (r *roster) dead() []string {
	var out []string
	for _, id := range r.ids() {
		if r.members[id] && !r.alive[id] {
			out = append(out, id)
		}
	}
	return out
}

// planOf answers a plan: what refuses the change, and what it would do.
func (s *Store) planOf(seen *roster, c Change) Outcome {
	return Outcome{Index: s.State().Index, Refusal: seen.refuse(c.Op, c.Node), Outlook: seen.outlook(c.Op, c.Node)}
}
