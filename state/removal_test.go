package state

import "testing"

// TestRemovalIsTheLatestUnlessTheNodeIsBack: by whoever asked for it, and without a record at least when it left.
func TestRemovalIsTheLatestUnlessTheNodeIsBack(t *testing.T) {
	both := []Member{{ID: "ns1", Voter: true}, {ID: "ns2", Voter: true}}
	s, _ := New().Configure(1, both)
	if e := s.Removal("ns2"); e != nil {
		t.Fatalf("a member has the removal %+v", e)
	}
	s, _ = s.Apply(2, Command{Header: Header{Author: "ana"}, Body: &ChangeMember{Op: "remove", Node: "ns2", Reason: "retired"}})
	if e := s.Removal("ns2"); e == nil || e.Author != "ana" || e.Reason != "retired" || e.Index != 2 {
		t.Fatalf("before the configuration follows: %+v", e)
	}
	s, _ = s.Configure(3, both[:1])
	if e := s.Removal("ns2"); e == nil || e.Index != 2 || s.Removal("ns1") != nil {
		t.Fatalf("after: %+v, and of ns1 %+v", e, s.Removal("ns1"))
	}
	s, _ = s.Configure(4, both)
	if e := s.Removal("ns2"); e != nil {
		t.Fatalf("it is back, and has the removal %+v", e)
	}
	s, _ = s.Configure(5, both[:1])
	if e := s.Removal("ns2"); e == nil || e.Index != 5 || e.Author != "" {
		t.Fatalf("without a record: %+v", e)
	}
}
