package node

import (
	"context"
	"slices"
	"strings"
	"testing"
	"time"

	"failoverdns/record"
	"failoverdns/state"
)

func challenge(verb state.RecordVerb, data ...string) *state.ChangeRecords {
	c := state.RecordChange{Verb: verb, Name: record.MustParseName("_acme-challenge.login.auth.example.com"), Type: record.TXT}
	for _, d := range data {
		c.Data = append(c.Data, append([]byte{byte(len(d))}, d...))
	}
	return &state.ChangeRecords{Zone: record.MustParseName("auth.example.com"), Reason: "a certificate", Changes: []state.RecordChange{c}}
}

// challenges are the values that a node answers for the challenge's name, in order.
func challenges(n *Node) string {
	var values []string
	for _, rr := range n.Lookup(record.MustParseName("_acme-challenge.login.auth.example.com"), record.TXT).Answer {
		values = append(values, strings.Fields(rr)[4])
	}
	slices.Sort(values)
	return strings.Join(values, " ")
}

// TestDynamicRecordsAreAnsweredByAllNodesAndOutliveAFlipAndARestart enters them at a follower.
func TestDynamicRecordsAreAnsweredByAllNodesAndOutliveAFlipAndARestart(t *testing.T) {
	inWorld(t, three, func(w *world) {
		leader := w.leader(three...)
		follower := three[(slices.Index(three, leader)+1)%3]
		write := func(body state.Body) {
			t.Helper()
			r, err := w.nodes[follower].Propose(context.Background(), state.Command{Header: state.Header{Author: "ana"}, Body: body})
			if err != nil || r.Refusal != nil {
				t.Fatalf("%v, %v", err, r.Refusal)
			}
		}
		all := func(want string) func() bool {
			return func() bool { return w.all(func(n *Node) bool { return challenges(n) == want }) }
		}
		write(challenge(state.RecordsAdd, "one"))
		write(challenge(state.RecordsAdd, "two"))
		w.eventually(time.Second, "all nodes answer both challenges", all(`"one" "two"`))
		w.breakSite("*", "azure")
		w.eventually(detect, "all nodes answer with aws", w.answer(aws, three...))
		w.eventually(time.Second, "the challenges are still there", all(`"one" "two"`))
		w.stop(follower)
		w.start(follower)
		if got := challenges(w.nodes[follower]); got != `"one" "two"` {
			t.Errorf("a restarted node answers %s at once", got)
		}
		w.eventually(time.Minute, "it is ready", func() bool { ok, _ := w.nodes[follower].Ready(); return ok })
		write(challenge(state.RecordsRemove, "one"))
		w.eventually(time.Second, "one challenge is left", all(`"two"`))
		write(challenge(state.RecordsRemove, "two"))
		w.eventually(time.Second, "no challenge is left", all(""))
		w.sameState()
	})
}

// TestZoneIsDeletedOnceNoFileHasItAnyMore takes the block out node by node.
func TestZoneIsDeletedOnceNoFileHasItAnyMore(t *testing.T) {
	inWorld(t, three, func(w *world) {
		apex := record.MustParseName("auth.example.com")
		leader := w.nodes[w.leader(three...)]
		remove := func() *state.Refusal {
			r, err := leader.Propose(context.Background(), state.Command{Header: state.Header{Author: "ana"}, Body: &state.DeleteZone{Zone: apex, Force: true}})
			if err != nil {
				t.Fatal(err)
			}
			return r.Refusal
		}
		gone := func(id string) func() bool {
			return func() bool {
				o, ok := leader.State().Offer(id, apex)
				return ok && o.Gone
			}
		}
		for _, id := range three {
			if r := remove(); r == nil || r.Code != state.RefusedConflict || !strings.Contains(r.Text, id) {
				t.Fatalf("while %s declares it: %v", id, r)
			}
			cfg := w.config(id)
			cfg.Declarations = nil
			w.nodes[id].Reload(cfg)
			w.eventually(5*time.Second, id+" has withdrawn it", gone(id))
		}
		if !w.answer(azure, three...)() {
			t.Error("a block that is missing from a file took the zone away")
		}
		if r := remove(); r != nil {
			t.Fatal(r)
		}
		w.eventually(time.Second, "nobody answers for it", func() bool {
			return w.all(func(n *Node) bool { return n.Lookup(apex, record.SOA).RCode == "REFUSED" })
		})
		w.nodes["ns2"].Reload(w.config("ns2"))
		w.eventually(time.Minute, "the block brings it back", w.answer(azure, three...))
		w.sameState()
	})
}
