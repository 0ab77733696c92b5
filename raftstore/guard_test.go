package raftstore

import (
	"strings"
	"testing"

	"failoverdns/state"
)

// TestGuardRails holds the rules of membership against small clusters, written as "ns1* ns2 ns3- ns4r": * leads, - does
// not answer, r has no vote (a replica or a node that joins), ~ has no vote and is far behind, ? was away while the members changed,
// R says that it is a replica.
func TestGuardRails(t *testing.T) {
	for _, c := range []struct {
		cluster string
		op      Op
		node    string
		code    string // empty: it may be
		says    string
	}{
		{"ns1* ns2 ns3", Remove, "ns3", "", ""},
		{"ns1* ns2 ns3-", Remove, "ns3", "", ""}, // the dead may always go
		{"ns1* ns2 ns3-", Remove, "ns2", state.RefusedUnsafe, "with node \"ns2\" removed, 1 of 2 voters answer, and 2 are needed: bring ns3 back, or remove what is dead first (failoverctl cluster remove ns3)"},
		{"ns1* ns2 ns3-", Demote, "ns2", state.RefusedUnsafe, "1 of 2 voters answer"},
		{"ns1* ns2 ns3-", Demote, "ns3", "", ""},
		{"ns1* ns2 ns3-", Remove, "ns1", state.RefusedUnsafe, "1 of 2"}, // the leader is a voter like any other
		{"ns1* ns2", Remove, "ns2", "", ""},
		{"ns1*", Remove, "ns1", state.RefusedConflict, "the last voter"},
		{"ns1* ns2r", Demote, "ns1", state.RefusedConflict, "the last voter"},
		{"ns1* ns2 ns3- ns4- ns5", Remove, "ns4", "", ""},
		{"ns1* ns2 ns3- ns4- ns5", Remove, "ns5", state.RefusedUnsafe, "2 of 4 voters answer, and 3 are needed"},
		{"ns1* ns2 ns3r", Remove, "ns3", "", ""},
		{"ns1* ns2 ns3r-", Remove, "ns3", "", ""},
		{"ns1* ns2- ns3 ns4r", Remove, "ns4", "", ""}, // without a vote it weighs nothing
		{"ns1* ns2", Remove, "ns9", state.RefusedNotFound, "it has ns1, ns2"},
		{"ns1* ns2 ns3?", Demote, "ns2", state.RefusedUnsafe, "with node \"ns2\" demoted, 1 of 2 voters answer, and 2 are needed: ns3 was away while the members changed, and counts when it has caught up; wait for that"},
		{"ns1* ns2 ns3?", Remove, "ns3", "", ""},
		{"ns1* ns2- ns3?", Remove, "ns3", state.RefusedUnsafe, "1 of 2"}, // it answers, and may be needed
		{"ns1* ns2- ns3?", Remove, "ns2", "", ""},
		{"ns1* ns2 ns3 ns4?", Remove, "ns3", "", ""},
		{"ns1* ns2r?", Promote, "ns2", state.RefusedUnsafe, "has not heard of each voter"},
		{"ns1* ns2? ns3r", Promote, "ns3", "", ""}, // 2 of 3
		{"ns1* ns2? ns3- ns4r", Promote, "ns4", state.RefusedUnsafe, "2 of 4"},
		{"ns1* ns2r", Promote, "ns2", "", ""},
		{"ns1* ns2 ns3r", Promote, "ns3", "", ""},
		{"ns1* ns2", Promote, "ns2", state.RefusedConflict, "has a vote already"},
		{"ns1* ns2r-", Promote, "ns2", state.RefusedUnsafe, "does not answer"},
		{"ns1* ns2~", Promote, "ns2", state.RefusedUnsafe, "65 entries behind"},
		{"ns1* ns2R", Promote, "ns2", state.RefusedConflict, "is a replica"},
		{"ns1* ns2 ns3- ns4r", Promote, "ns4", "", ""},          // 3 of 4 answer, 3 are needed
		{"ns1* ns2 ns3 ns4- ns5- ns6r", Promote, "ns6", "", ""}, // 4 of 6, 4 are needed
		{"ns1* ns2- ns3r", Promote, "ns3", "", ""},              // 2 of 3: it heals a cluster that is about to stand still
		{"ns1* ns2- ns3- ns4r", Promote, "ns4", state.RefusedUnsafe, "2 of 4 voters answer, and 3 are needed"},
		{"ns1* ns2", Demote, "ns2", "", ""},
		{"ns1* ns2r", Demote, "ns2", state.RefusedConflict, "no vote already"},
		{"ns1* ns2", Transfer, "ns2", "", ""},
		{"ns1* ns2", Transfer, "ns1", state.RefusedConflict, "leads already"},
		{"ns1* ns2-", Transfer, "ns2", state.RefusedConflict, "does not answer"},
		{"ns1* ns2r", Transfer, "ns2", state.RefusedConflict, "cannot lead"},
	} {
		got := readRoster(c.cluster).refuse(c.op, c.node)
		switch {
		case (got == nil) != (c.code == ""), got != nil && got.Code != c.code:
			t.Errorf("%s: %s %s: %+v, want %q", c.cluster, c.op, c.node, got, c.code)
		case got != nil && !strings.Contains(got.Text, c.says):
			t.Errorf("%s: %s %s: %q does not say %q", c.cluster, c.op, c.node, got.Text, c.says)
		}
	}
}

// TestNodeRefusesItsVoteToThoseThatItsListDoesNotHave; none at all is one of a node that has not begun.
func TestNodeRefusesItsVoteToThoseThatItsListDoesNotHave(t *testing.T) {
	r := readRoster("ns1* ns2 ns4 ns5r")
	for list, want := range map[string]bool{"ns1 ns2 ns4": false, "ns1 ns2 ns3 ns4 ns5": false, "ns1 ns2 ns3": true, "ns1": true, "": true} {
		if got := r.hasStrangerTo(strings.Fields(list)); got != want {
			t.Errorf("a node whose voters are %q: %t", list, got)
		}
	}
}

// TestOutlookTellsTheMajorityBeforeAndAfter in the words of TestGuardRails; the figures are voters, those that answer, and
// how many decide.
func TestOutlookTellsTheMajorityBeforeAndAfter(t *testing.T) {
	for _, c := range []struct {
		cluster       string
		op            Op
		node          string
		before, after Majority
		dead          string
	}{
		{"ns1* ns2 ns3", Remove, "ns3", Majority{3, 3, 2}, Majority{2, 2, 2}, ""},
		{"ns1* ns2 ns3-", Remove, "ns3", Majority{3, 2, 2}, Majority{2, 2, 2}, "ns3"},
		{"ns1* ns2 ns3-", Demote, "ns2", Majority{3, 2, 2}, Majority{2, 1, 2}, "ns3"},
		{"ns1* ns2 ns3r", Remove, "ns3", Majority{2, 2, 2}, Majority{2, 2, 2}, ""},
		{"ns1* ns2 ns3r", Promote, "ns3", Majority{2, 2, 2}, Majority{3, 3, 2}, ""},
		{"ns1* ns2 ns3r-", Promote, "ns3", Majority{2, 2, 2}, Majority{3, 2, 2}, ""},
		{"ns1* ns2 ns3?", Remove, "ns2", Majority{3, 2, 2}, Majority{2, 1, 2}, ""},
		{"ns1* ns2 ns3?", Remove, "ns3", Majority{3, 2, 2}, Majority{2, 2, 2}, ""},
		{"ns1* ns2", Promote, "ns2", Majority{2, 2, 2}, Majority{2, 2, 2}, ""}, // it has a vote already
		{"ns1* ns2- ns3- ns4", Transfer, "ns4", Majority{4, 2, 3}, Majority{4, 2, 3}, "ns2 ns3"},
	} {
		got := readRoster(c.cluster).outlook(c.op, c.node)
		if got.Before != c.before || got.After != c.after || strings.Join(got.Dead, " ") != c.dead || got.Node != c.node {
			t.Errorf("%s: %s %s: %+v", c.cluster, c.op, c.node, got)
		}
	}
	if got := readRoster("ns1*").outlook(Remove, "ns9"); got != nil {
		t.Errorf("a stranger has the outlook %+v", got)
	}
}

func readRoster(text string) *roster {
	r := &roster{members: map[string]bool{}, alive: map[string]bool{}, behind: map[string]uint64{}, unaware: map[string]bool{}, roles: map[string]state.Role{}}
	for _, word := range strings.Fields(text) {
		id := strings.TrimRight(word, "*-r~?R")
		marks := word[len(id):]
		r.members[id] = !strings.ContainsAny(marks, "r~R")
		r.alive[id] = !strings.Contains(marks, "-")
		if strings.Contains(marks, "*") {
			r.leader = id
		}
		if strings.Contains(marks, "~") {
			r.behind[id] = maxBehind + 1
		}
		r.unaware[id] = strings.Contains(marks, "?")
		if strings.Contains(marks, "R") {
			r.roles[id] = state.Replica
		}
	}
	return r
}
