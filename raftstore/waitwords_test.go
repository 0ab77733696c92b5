package raftstore

import "testing"

func TestAWaitingNodeNamesWhomItWaitsForOnceAndInOneLine(t *testing.T) {
	waits := []Wait{{ID: "ns2", Why: `reach node "ns2" at 192.0.2.2:7400: connection refused`}, {ID: "ns3", Why: "no route to host"}}
	if got, want := waitIDs(waits), "ns2, ns3"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}
