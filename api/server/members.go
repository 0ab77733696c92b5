package server

import (
	"context"
	"fmt"
	"net"
	"net/http"

	"failoverdns/api"
	"failoverdns/raftstore"
	"failoverdns/state"
)

// memberRoutes are the changes of the cluster's membership, all for admin.
func memberRoutes() []route {
	change := func(op, text string) route {
		return route{method: http.MethodPost, path: "/v1/cluster/" + op, text: text, body: api.MemberRequest{}, answer: api.Written{}, write: writeMember(op)}
	}
	return []route{
		change(api.MemberPromote, "give a member a vote, once it has caught up"),
		change(api.MemberDemote, "take a member's vote"),
		change(api.MemberRemove, "take a member out of the cluster"),
		change(api.MemberTransfer, "hand the lead over"),
		{method: http.MethodPost, path: "/v1/cluster/join", text: "have this node join a running cluster", body: api.JoinRequest{}, answer: api.Joined{}, special: (*Server).serveJoin},
	}
}

func writeMember(op string) writer {
	return func(w http.ResponseWriter, r *http.Request) (state.Body, string, error) {
		var q api.MemberRequest
		if err := decode(w, r, &q); err != nil {
			return nil, "", err
		}
		if q.Node == "" && op != api.MemberTransfer {
			return nil, "", invalid("node", "node is empty; failoverctl cluster members lists the members")
		}
		return &state.ChangeMember{Op: op, Node: q.Node, Reason: q.Reason, Force: q.Force}, q.Author, who(q.Who)
	}
}

// changeMember has the leader do what a command alone cannot: Raft's configuration has entries of its own.
func (s *Server) changeMember(ctx context.Context, before *view, c state.Command, m *state.ChangeMember, plan bool) (*api.Written, error) {
	ctx, cancel := context.WithTimeout(ctx, proposeTimeout)
	defer cancel()
	res, err := s.node.ChangeMembers(ctx, raftstore.Change{Op: raftstore.Op(m.Op), Node: m.Node, Force: m.Force, Plan: plan,
		Author: c.Author, Source: c.Source, Reason: m.Reason, ID: c.ID})
	switch {
	case err != nil:
		return nil, writeProblem(err)
	case res.Refusal != nil && !plan:
		return nil, refused(res.Refusal, 0)
	case plan:
		return before.memberPlan(m, res), nil
	}
	return s.written(ctx, before, res.Index, m), nil
}

// memberPlan says who would be changed, what that would do to votes and answers, and what stands in the way.
func (v *view) memberPlan(m *state.ChangeMember, res raftstore.Outcome) *api.Written {
	out := &api.Written{Meta: v.meta(), Changes: []api.Change{}}
	if res.Refusal != nil {
		out.Refusal = planned(res.Refusal)
	}
	o := res.Outlook
	if o == nil {
		return out
	}
	after := *v
	after.st = v.changedMember(m.Op, o.Node)
	out.Changes = changes(v, &after, false)
	out.Member = &api.MemberPlan{Change: m.Op, ID: o.Node, Leader: o.Leads, Reachable: o.Answers,
		Before: majority(o.Before, v.st), After: majority(o.After, after.st)}
	if n, ok := v.st.Nodes.Get(o.Node); ok {
		out.Member.Address, out.Member.Role, out.Member.Suffrage = n.Address, string(n.Role), n.Suffrage
	}
	for _, id := range o.Dead {
		if id != o.Node {
			out.Blocks = append(out.Blocks, api.Notice{Code: api.BlockMember, Next: "failoverctl cluster status",
				Text: fmt.Sprintf("%s has a vote and does not answer: it counts in every majority until it is back or removed", id)})
		}
	}
	return out
}

// changedMember is the state when Raft's configuration has followed the change.
func (v *view) changedMember(op, id string) *state.State {
	var members []state.Member
	for _, n := range v.st.Nodes.All() {
		m := state.Member{ID: n.ID, Address: n.Address, Voter: n.Suffrage == "voter"}
		switch {
		case n.ID != id:
		case op == api.MemberRemove:
			continue
		case op != api.MemberTransfer:
			m.Voter = op == api.MemberPromote
		}
		members = append(members, m)
	}
	next, _ := v.st.Configure(v.st.Index+1, members)
	return next
}

func majority(m raftstore.Majority, st *state.State) api.Majority {
	return api.Majority{Voters: m.Voters, Live: m.Live, Needed: m.Needed, Quorum: m.Live >= m.Needed, Tolerates: max(0, m.Live-m.Needed), Probers: st.Probers()}
}

func (s *Server) serveJoin(w http.ResponseWriter, r *http.Request) {
	var q api.JoinRequest
	err := decode(w, r, &q)
	if _, _, bad := net.SplitHostPort(q.Address); err == nil && bad != nil {
		err = invalid("address", "address %q is no HOST:PORT of a member", q.Address)
	}
	if err == nil {
		ctx, cancel := context.WithTimeout(r.Context(), answerTimeout-applyTimeout)
		defer cancel()
		if refusal := s.node.Join(ctx, q.Address, q.Token); refusal != nil {
			err = &api.Problem{Status: http.StatusConflict, Code: api.CodeConflict, Detail: refusal.Error()}
		}
	}
	if err != nil {
		s.fail(w, r, err)
		return
	}
	v := s.view()
	s.send(w, http.StatusOK, api.JSON, &api.Joined{Meta: v.meta(), Joined: true})
}
