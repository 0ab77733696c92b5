package ballot

import (
	"context"
	"log/slog"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"failoverdns/health"
	"failoverdns/state"
)

// inSilence runs a test with a ballot in virtual time, and a proposer that takes every command.
func inSilence(t *testing.T, test func(c *cluster, b *Ballot, closed *int)) {
	synctest.Test(t, func(t *testing.T) {
		c, closed := newCluster(t), 0
		b := New("ns1", "boot1", c.state, func(ctx context.Context, cmd state.Command) error {
			if _, ok := cmd.Body.(*state.SessionClose); !ok {
				return c.propose(ctx, cmd)
			}
			c.mu.Lock()
			defer c.mu.Unlock()
			closed++
			c.apply(cmd.Body)
			return nil
		}, slog.New(slog.DiscardHandler))
		ctx, cancel := context.WithCancel(t.Context())
		var running sync.WaitGroup
		running.Go(func() { b.Run(ctx) })
		test(c, b, &closed)
		cancel()
		running.Wait()
	})
}

func (c *cluster) endpoint() *state.Endpoint {
	e, _ := c.state().Endpoints.Get(endpoint)
	return e
}

func TestOwnCountsGoOnWithoutASession(t *testing.T) {
	inSilence(t, func(c *cluster, b *Ballot, _ *int) {
		for i, want := range []health.Opinion{health.None, health.None, health.Down} {
			b.Observe(c.result(health.Failure))
			if o, good := b.Own(c.endpoint()); o != want || good {
				t.Errorf("after %d failures the own opinion is %s, good %v; want %s", i+1, o, good, want)
			}
		}
		b.Observe(c.result(health.Success))
		if o, good := b.Own(c.endpoint()); o != health.Down || !good {
			t.Errorf("after one success it is %s, good %v; want down, good", o, good)
		}
		c.open("boot1")
		b.Observe(c.result(health.Failure))
		time.Sleep(time.Second)
		if o, _ := c.vote(); o != health.None {
			t.Errorf("what was counted before the session became the vote %s", o)
		}
	})
}

func TestSessionIsVoidAfterLongSilenceAndClosedWhenALeaderIsBack(t *testing.T) {
	inSilence(t, func(c *cluster, b *Ballot, closed *int) {
		c.open("boot1")
		b.Observe(c.result(health.Success))
		time.Sleep(time.Second)
		if o, _ := c.vote(); o != health.Up {
			t.Fatalf("the vote is %s", o)
		}
		b.Silent(state.LostAfter(health.DefaultInterval) + time.Second)
		for range 5 {
			b.Observe(c.result(health.Failure))
		}
		time.Sleep(time.Second)
		if o, _ := c.vote(); o != health.Up || *closed != 0 {
			t.Errorf("in silence the vote became %s, %d sessions were closed", o, *closed)
		}
		b.Silent(0)
		time.Sleep(time.Second)
		if o, _ := c.vote(); o != health.None || *closed != 1 {
			t.Errorf("back in contact the vote is %s, and %d sessions were closed; want none, 1", o, *closed)
		}
		c.open("boot1")
		b.Observe(c.result(health.Failure))
		b.Observe(c.result(health.Failure))
		time.Sleep(time.Second)
		if o, _ := c.vote(); o != health.None {
			t.Errorf("two failures in the new session became the vote %s", o)
		}
		b.Observe(c.result(health.Failure))
		time.Sleep(time.Second)
		if o, _ := c.vote(); o != health.Down {
			t.Errorf("three failures in the new session gave the vote %s", o)
		}
	})
}

func TestShortSilenceLeavesTheSession(t *testing.T) {
	inSilence(t, func(c *cluster, b *Ballot, closed *int) {
		c.open("boot1")
		b.Silent(state.LostAfter(health.DefaultInterval))
		for range 3 {
			b.Observe(c.result(health.Failure))
		}
		b.Silent(0)
		time.Sleep(time.Second)
		if o, _ := c.vote(); o != health.Down || *closed != 0 {
			t.Errorf("the vote is %s, %d sessions were closed", o, *closed)
		}
	})
}

func TestSessionThatTheLeaderClosedIsNotClosedAgain(t *testing.T) {
	inSilence(t, func(c *cluster, b *Ballot, closed *int) {
		c.open("boot1")
		b.Silent(time.Hour)
		c.mu.Lock()
		s, _ := c.st.Sessions.Get(state.SessionKey("ns1", health.DefaultInterval))
		c.apply(&state.SessionClose{Node: "ns1", Interval: health.DefaultInterval, Number: s.Number})
		c.mu.Unlock()
		c.open("boot1")
		b.Silent(0)
		for range 3 {
			b.Observe(c.result(health.Failure))
		}
		time.Sleep(time.Second)
		if o, _ := c.vote(); o != health.Down || *closed != 0 {
			t.Errorf("in the leader's new session the vote is %s, and %d sessions were closed", o, *closed)
		}
	})
}
