package ballot

import (
	"context"
	"errors"
	"log/slog"
	"net/netip"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"failoverdns/health"
	"failoverdns/probes"
	"failoverdns/record"
	"failoverdns/state"
)

const endpoint = "azure/https@203.0.113.10"

// cluster is a replicated state with one check, and a way to break the proposing.
type cluster struct {
	t *testing.T

	mu       sync.Mutex
	st       *state.State
	broken   error
	commands int // vote commands that were proposed
	votes    int // votes in them
}

func newCluster(t *testing.T) *cluster {
	c := &cluster{t: t, st: state.New()}
	c.st, _ = c.st.Configure(1, []state.Member{{ID: "ns1", Voter: true}, {ID: "ns2", Voter: true}, {ID: "ns3", Voter: true}})
	for _, id := range []string{"ns1", "ns2", "ns3"} {
		c.apply(&state.Announce{ID: id, Incarnation: "i", Role: state.Voter, Probe: true})
	}
	c.declare(mustCheck(t, "https://login.auth.example.com/healthz"))
	return c
}

func mustCheck(t *testing.T, url string) health.Check {
	check, err := health.ParseURL(url)
	if err == nil {
		err = check.Complete()
	}
	if err != nil {
		t.Fatal(err)
	}
	return check
}

func (c *cluster) declare(check health.Check) {
	apex := record.MustParseName("auth.example.com")
	c.apply(&state.Declare{Node: "ns1", Incarnation: "i", Declarations: []*state.Declaration{{
		Zone: apex, Source: "Corefile:1",
		Sites: []state.SiteDecl{{Name: "azure", Addresses: []netip.Addr{netip.MustParseAddr("203.0.113.10")}, MinHealthy: 1,
			Checks: []state.CheckDecl{{Name: "https", Check: check}}}},
		Groups: []state.GroupDecl{{Name: "auth.example.com", Sites: []string{"azure"}, Failback: health.Failback{Mode: health.FailbackAuto},
			AllDown: state.AllDownPrimary, Cells: []state.CellDecl{{Names: []record.Name{apex}, TTL: 60}}}},
	}}})
}

func (c *cluster) apply(body state.Body) {
	c.t.Helper()
	next, r := c.st.Apply(c.st.Index+1, state.Command{Body: body})
	if r.Refusal != nil {
		c.t.Fatalf("%T: %v", body, r.Refusal)
	}
	c.st = next
}

// open opens this process's session.
func (c *cluster) open(boot string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.apply(&state.SessionOpen{Node: "ns1", Interval: health.DefaultInterval, Boot: boot})
}

func (c *cluster) state() *state.State {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.st
}

func (c *cluster) propose(_ context.Context, cmd state.Command) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.broken != nil {
		return c.broken
	}
	c.commands++
	c.votes += len(cmd.Body.(*state.Votes).Votes)
	c.apply(cmd.Body)
	return nil
}

func (c *cluster) setBroken(err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.broken = err
}

// vote is ns1's vote in the state.
func (c *cluster) vote() (opinion health.Opinion, first state.Clock) {
	e, _ := c.state().Endpoints.Get(endpoint)
	for _, v := range e.Votes {
		if v.Node == "ns1" {
			return v.Opinion, v.FirstFailed
		}
	}
	return health.None, 0
}

// inBallot runs a test with a running ballot in virtual time.
func inBallot(t *testing.T, test func(c *cluster, b *Ballot)) {
	synctest.Test(t, func(t *testing.T) {
		c := newCluster(t)
		b := New("ns1", "boot1", c.state, c.propose, slog.New(slog.DiscardHandler))
		ctx, cancel := context.WithCancel(t.Context())
		var running sync.WaitGroup
		running.Go(func() { b.Run(ctx) })
		test(c, b)
		cancel()
		running.Wait()
	})
}

func (c *cluster) result(o health.Outcome) probes.Result {
	e, _ := c.state().Endpoints.Get(endpoint)
	r := probes.Result{Endpoint: endpoint, Revision: e.Revision, Started: time.Now(), Outcome: o}
	if o != health.Success {
		r.Reason, r.Detail = health.Refused, "connection refused"
	}
	return r
}

func TestThreeFailuresInARowBecomeOneVoteDown(t *testing.T) {
	inBallot(t, func(c *cluster, b *Ballot) {
		c.open("boot1")
		for range 3 {
			if o, _ := c.vote(); o == health.Down {
				t.Fatal("the vote is down before the third failure")
			}
			b.Observe(c.result(health.Failure))
			time.Sleep(health.DefaultInterval)
		}
		o, _ := c.vote()
		if o != health.Down || c.commands != 1 {
			t.Errorf("vote %s after %d commands, want down after 1", o, c.commands)
		}
	})
}

func TestVoteIsProposedAgainUntilItIsThrough(t *testing.T) {
	inBallot(t, func(c *cluster, b *Ballot) {
		c.open("boot1")
		c.setBroken(errors.New("no leader"))
		b.Observe(c.result(health.Success))
		time.Sleep(time.Minute)
		if o, _ := c.vote(); o != health.None {
			t.Fatalf("vote %s got through a broken proposer", o)
		}
		c.setBroken(nil)
		time.Sleep(time.Second)
		if o, _ := c.vote(); o != health.Up {
			t.Errorf("vote %s, want up once proposing works again", o)
		}
	})
}

func TestVoteThatTurnedBackMeanwhileIsNotProposed(t *testing.T) {
	inBallot(t, func(c *cluster, b *Ballot) {
		c.open("boot1")
		b.Observe(c.result(health.Success))
		time.Sleep(time.Second)
		c.setBroken(errors.New("no leader"))
		for range 3 {
			b.Observe(c.result(health.Failure))
			time.Sleep(health.DefaultInterval)
		}
		for range 3 {
			b.Observe(c.result(health.Success))
			time.Sleep(health.DefaultInterval)
		}
		c.setBroken(nil)
		time.Sleep(time.Minute)
		if o, _ := c.vote(); o != health.Up || c.commands != 1 {
			t.Errorf("vote %s after %d commands, want up after 1", o, c.commands)
		}
	})
}

func TestResultsWithoutASessionOfThisProcessDoNotVote(t *testing.T) {
	inBallot(t, func(c *cluster, b *Ballot) {
		for _, boot := range []string{"", "another"} {
			if boot != "" {
				c.open(boot)
			}
			for range 4 {
				b.Observe(c.result(health.Failure))
				time.Sleep(health.DefaultInterval)
			}
		}
		if c.commands != 0 {
			t.Errorf("%d commands without a session of this process", c.commands)
		}
	})
}

func TestNewSessionCountsAfresh(t *testing.T) {
	inBallot(t, func(c *cluster, b *Ballot) {
		c.open("boot1")
		for range 2 {
			b.Observe(c.result(health.Failure))
			time.Sleep(health.DefaultInterval)
		}
		c.mu.Lock()
		s, _ := c.st.Sessions.Get(state.SessionKey("ns1", health.DefaultInterval))
		c.apply(&state.SessionClose{Node: "ns1", Interval: health.DefaultInterval, Number: s.Number})
		c.mu.Unlock()
		c.open("boot1")
		for i := range 3 {
			if o, _ := c.vote(); o == health.Down {
				t.Fatalf("the vote is down after %d failures of the new session", i)
			}
			b.Observe(c.result(health.Failure))
			time.Sleep(health.DefaultInterval)
		}
		if o, _ := c.vote(); o != health.Down {
			t.Errorf("vote %s, want down", o)
		}
	})
}

func TestChangedCheckCountsAfresh(t *testing.T) {
	inBallot(t, func(c *cluster, b *Ballot) {
		c.open("boot1")
		old := c.result(health.Failure)
		for range 2 {
			b.Observe(c.result(health.Failure))
		}
		c.mu.Lock()
		c.declare(mustCheck(t, "https://login.auth.example.com/other"))
		c.mu.Unlock()
		b.Observe(old) // a late result of the old revision
		b.Observe(c.result(health.Failure))
		time.Sleep(time.Second)
		if o, _ := c.vote(); o != health.None {
			t.Errorf("vote %s by counts of two revisions", o)
		}
	})
}

func TestAbstainingWithdrawsAVote(t *testing.T) {
	inBallot(t, func(c *cluster, b *Ballot) {
		c.open("boot1")
		b.Observe(c.result(health.Success))
		time.Sleep(time.Second)
		for range 3 {
			b.Observe(c.result(health.Abstained))
			time.Sleep(health.DefaultInterval)
		}
		if o, _ := c.vote(); o != health.None {
			t.Errorf("vote %s, want none", o)
		}
	})
}

func TestVoteDownTellsWhenItsRunBegan(t *testing.T) {
	inBallot(t, func(c *cluster, b *Ballot) {
		c.open("boot1")
		c.mu.Lock()
		next, _ := c.st.Apply(c.st.Index+1, state.Command{Header: state.Header{Clock: time.Hour}, Body: &state.Due{}})
		c.st = next
		c.mu.Unlock()
		for i := range 3 {
			b.Observe(c.result(health.Failure))
			if i < 2 {
				time.Sleep(health.DefaultInterval)
			}
		}
		time.Sleep(time.Second)
		_, first := c.vote()
		if want := time.Hour - 2*health.DefaultInterval - together; first != want {
			t.Errorf("the run began at %s by the cluster clock, want %s", first, want)
		}
	})
}

func TestForgottenEndpointsHoldNoCounts(t *testing.T) {
	inBallot(t, func(c *cluster, b *Ballot) {
		c.open("boot1")
		b.Observe(c.result(health.Success))
		if _, good, _, ok := b.Count(endpoint); !ok || good != 1 {
			t.Fatalf("%d successes counted, %v", good, ok)
		}
		c.mu.Lock()
		c.st = state.New()
		c.mu.Unlock()
		b.Forget()
		if _, _, _, ok := b.Count(endpoint); ok {
			t.Error("the count of an endpoint that is gone is kept")
		}
	})
}
