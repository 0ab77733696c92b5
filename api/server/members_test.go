package server

import (
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"failoverdns/api"
	"failoverdns/health"
	"failoverdns/node"
	"failoverdns/raftstore"
	"failoverdns/state"
)

func TestMemberIsChangedByItsAuthorAndWithinTheGuardRails(t *testing.T) {
	w := declared(t)
	w.guard = &state.Refusal{Code: state.RefusedUnsafe, Text: "with node \"ns3\" removed, 1 of 2 voters answer, and 2 are needed"}
	const body = `{"author":"ana@ops","reason":"its disk died","node":"ns3"%s}`
	w.is(t, http.MethodPost, "/v1/cluster/remove", fmt.Sprintf(body, ""), http.StatusConflict, api.CodeNeedsForce)
	w.is(t, http.MethodPost, "/v1/cluster/remove?plan", fmt.Sprintf(body, ""), http.StatusOK, `"needs-force"`)
	w.is(t, http.MethodPost, "/v1/cluster/remove", fmt.Sprintf(body, `,"force":true`), http.StatusOK, "ns3 is removed by ana@ops with --force: its disk died")
	want := raftstore.Change{Op: raftstore.Remove, Node: "ns3", Force: true, Author: "ana@ops", Reason: "its disk died"}
	got := w.changes[len(w.changes)-1]
	got.Source = ""
	if got != want {
		t.Errorf("the node was asked %+v, want %+v", got, want)
	}
	w.guard = nil
	w.is(t, http.MethodPost, "/v1/cluster/promote", `{"author":"a","reason":"r"}`, http.StatusBadRequest, "node is empty")
	w.is(t, http.MethodPost, "/v1/cluster/transfer", `{"author":"a","reason":"r","node":"ns2"}`, http.StatusOK, "is given the lead by a")
	w.noRaft = raftstore.ErrNoLeader
	w.is(t, http.MethodPost, "/v1/cluster/demote", `{"author":"a","reason":"r","node":"ns2"}`, http.StatusServiceUnavailable, api.CodeNoLeader)
}

// TestPlanOfAMembersChangeNamesItAndTheMajorities holds what the API makes of the leader's outlook: also which answers
// change by it, since fewer probing nodes decide.
func TestPlanOfAMembersChangeNamesItAndTheMajorities(t *testing.T) {
	w := uneven(t)
	w.outlook = &raftstore.Outlook{Node: "ns5", Voter: true, Answers: true, Dead: []string{"ns3"},
		Before: raftstore.Majority{Voters: 4, Live: 3, Needed: 3}, After: raftstore.Majority{Voters: 3, Live: 2, Needed: 2}}
	plan := func(op string) *httptest.ResponseRecorder {
		return ask(w.server().Handler(), http.MethodPost, "/v1/cluster/"+op+"?plan", `{"author":"ana@ops","reason":"its disk died","node":"ns5"}`)
	}
	compare(t, "testdata/plan-remove.json", plan(api.MemberRemove).Body.Bytes())
	w.guard = &state.Refusal{Code: state.RefusedUnsafe, Text: "with node \"ns5\" demoted, 1 of 3 voters answer, and 2 are needed: bring ns3 back, or remove what is dead first (failoverctl cluster remove ns3)"}
	w.outlook.After.Live = 1
	compare(t, "testdata/plan-demote-refused.json", plan(api.MemberDemote).Body.Bytes())
	if w.State().Nodes.Len() != 5 {
		t.Error("a plan changed the members")
	}
}

func TestPlanOfARemovalTellsTheAnswersThatChangeByIt(t *testing.T) {
	w := declared(t)
	for _, n := range []string{"ns1", "ns2"} { // one of each opinion: of three probing nodes neither is a majority
		e, _ := w.st.Endpoints.Get(azure)
		s, _ := w.st.Sessions.Get(state.SessionKey(n, e.Spec.Interval))
		if n == "ns1" {
			w.must(&state.Votes{Node: n, Votes: []state.Cast{{Endpoint: azure, Revision: e.Revision, Session: s.Number, Opinion: health.Down, Reason: health.Timeout}}})
		}
	}
	w.must(&state.Announce{ID: "ns3", Incarnation: "i-ns3", Role: state.Voter, Version: "1.0.0"}) // it probes no more: of two, one is not enough
	w.outlook = &raftstore.Outlook{Node: "ns2", Voter: true, Answers: true, Before: raftstore.Majority{Voters: 3, Live: 3, Needed: 2}, After: raftstore.Majority{Voters: 2, Live: 2, Needed: 2}}
	a := decoded[api.Written](t, ask(w.server().Handler(), http.MethodPost, "/v1/cluster/remove?plan", `{"author":"a","reason":"r","node":"ns2"}`))
	if len(a.Changes) != 1 || a.Changes[0].From != "azure" || a.Changes[0].To != "aws" || a.Member.Before.Probers != 2 || a.Member.After.Probers != 1 {
		t.Errorf("the plan says %+v, %+v", a.Changes, a.Member)
	}
}

func TestNodeIsToldToJoin(t *testing.T) {
	w := newWorld(t)
	w.is(t, http.MethodPost, "/v1/cluster/join", `{"address":"192.0.2.1","token":"x"}`, http.StatusBadRequest, "HOST:PORT")
	w.is(t, http.MethodPost, "/v1/cluster/join", `{"address":"192.0.2.1:7000","token":"x"}`, http.StatusOK, `"joined": true`)
	w.shut = errors.New("the join token was used already, by ns9/i")
	w.is(t, http.MethodPost, "/v1/cluster/join", `{"address":"192.0.2.1:7000","token":"x"}`, http.StatusConflict, "used already")
	if len(w.joined) != 2 || w.joined[0] != "192.0.2.1:7000 x" {
		t.Errorf("the node was asked %q", w.joined)
	}
}

func TestBusyClusterIsUnavailableAndNotInConflict(t *testing.T) {
	for _, code := range []string{state.RefusedBusy, state.RefusedIncomplete} {
		if p := refused(&state.Refusal{Code: code}, 0); p.Status != http.StatusServiceUnavailable || p.Code != api.CodeNotDone {
			t.Errorf("%s is answered as %d %s", code, p.Status, p.Code)
		}
	}
	if p := writeProblem(fmt.Errorf("x: %w", raftstore.ErrBusy)); p.Status != http.StatusServiceUnavailable {
		t.Errorf("ErrBusy is answered as %d", p.Status)
	}
}

// is makes a request, and wants a status and a text in the answer.
func (w *world) is(t *testing.T, method, path, body string, status int, text string) {
	t.Helper()
	res := ask(New(w, slog.New(slog.DiscardHandler)).Handler(), method, path, body)
	if res.Code != status || !strings.Contains(res.Body.String(), text) {
		t.Errorf("%s %s %s: %d %s\nwant %d and %q", method, path, body, res.Code, res.Body, status, text)
	}
}

// uneven is a cluster of five kinds of members: one joins, one lags, one is lost, one is a witness whose state differs.
func uneven(t *testing.T) *world {
	w := declared(t)
	w.must(&state.TokenCreate{ID: "joinjoin", Kind: state.TokenJoin, Hash: strings.Repeat("ab", 32), Role: "voter", OneUse: true, For: time.Hour})
	w.must(&state.Admit{Node: "ns4", Incarnation: "i-ns4", Address: "192.0.2.4:7053", Role: state.Voter, Token: "joinjoin", Hash: strings.Repeat("ab", 32), Level: state.Level})
	w.st, _ = w.st.Configure(w.st.Index+1, []state.Member{{ID: "ns1", Address: "192.0.2.1:7053", Voter: true}, {ID: "ns2", Address: "192.0.2.2:7053", Voter: true},
		{ID: "ns3", Address: "192.0.2.3:7053", Voter: true}, {ID: "ns4", Address: "192.0.2.4:7053"}, {ID: "ns5", Address: "192.0.2.5:7053", Voter: true}})
	w.must(&state.Announce{ID: "ns5", Incarnation: "i-ns5", Role: state.Witness, Probe: true, Version: "1.0.0"})
	w.lost["ns3"] = true
	w.peer["ns4"] = &node.Report{ID: "ns4", Reachable: true, Version: "1.1.0", Index: w.st.Index - 12, Hash: 2, Level: 2, Contact: 81 * time.Millisecond}
	w.peer["ns5"] = &node.Report{ID: "ns5", Reachable: true, Version: "1.0.0", Index: w.st.Index, Hash: 1, Level: 2, Contact: 60 * time.Millisecond}
	w.status.Diverged = []string{"ns5"}
	return w
}
