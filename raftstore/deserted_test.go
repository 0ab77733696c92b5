package raftstore

import (
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"failoverdns/state"
)

// TestCommandThatALostLeaderWasGivenGoesToTheNext: nobody waits longer for a leader that was cut off than the others need
// to find a new one.
func TestCommandThatALostLeaderWasGivenGoesToTheNext(t *testing.T) {
	for name, id := range map[string]string{"with a request ID": "r1", "without": ""} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c := memCluster(t)
				c.timing = LAN
				defer c.end()
				c.start("ns1", "ns2", "ns3")
				l := c.leader()
				mustPropose(t, l, announce(l, l.ID(), "1"))
				f := c.other(l)
				c.net.Isolate(l.ID(), c.except(l.ID())...)
				began := time.Now()
				_, err := f.Propose(t.Context(), state.Command{Header: state.Header{ID: id}, Body: announce(f, f.ID(), "2").Body})
				took := time.Since(began)
				switch {
				case id == "" && !errors.Is(err, ErrUnknownOutcome):
					t.Errorf("it ended with %v", err)
				case id != "" && (err != nil || version(f, f.ID()) != "2"):
					t.Errorf("it ended with %v; applied is %q", err, version(f, f.ID()))
				}
				if took > 6*time.Second {
					t.Errorf("it took %s", took)
				}
				t.Logf("it took %s", took)
			})
		})
	}
}
