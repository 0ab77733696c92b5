package ballot

import (
	"testing"
	"time"

	"failoverdns/health"
	"failoverdns/state"
)

// TestAfterARestartTheFullCountIsNeeded: one success is a vote up while the cluster has no verdict, and only then. It
// is the same for a new session.
func TestAfterARestartTheFullCountIsNeeded(t *testing.T) {
	inBallot(t, func(c *cluster, b *Ballot) {
		c.open("boot1")
		b.Observe(c.result(health.Success))
		time.Sleep(time.Second)
		if o, _ := c.vote(); o != health.Up {
			t.Fatalf("after one success of an unknown endpoint the vote is %s", o)
		}
		c.others(health.Up)
		for _, boot := range []string{"boot2", "boot1"} { // a process before this one, then this one again: a new session
			c.open(boot)
			if o, _ := c.vote(); o != health.None {
				t.Fatalf("the vote of an earlier session is still %s", o)
			}
		}
		for i, want := range []health.Opinion{health.None, health.None, health.Up} {
			b.Observe(c.result(health.Success))
			time.Sleep(time.Second)
			if o, _ := c.vote(); o != want {
				t.Errorf("after %d successes of a known endpoint the vote is %s, want %s", i+1, o, want)
			}
		}
	})
}

// others has the two other nodes vote.
func (c *cluster) others(o health.Opinion) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, node := range []string{"ns2", "ns3"} {
		c.apply(&state.SessionOpen{Node: node, Interval: health.DefaultInterval, Boot: "b"})
		s, _ := c.st.Sessions.Get(state.SessionKey(node, health.DefaultInterval))
		e, _ := c.st.Endpoints.Get(endpoint)
		c.apply(&state.Votes{Node: node, Votes: []state.Cast{{Endpoint: endpoint, Revision: e.Revision, Session: s.Number, Opinion: o}}})
	}
}
