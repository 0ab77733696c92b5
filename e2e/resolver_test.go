//go:build linux

package e2e

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/miekg/dns"

	"failoverdns/e2e/cluster"
)

// client asks a resolver again and again, as those do who never speak to a name server themselves.
type client struct {
	mu  sync.Mutex // guards all
	all []cluster.Sample
}

// client asks a resolver that knows the nodes.
func (s *scene) client() *client {
	s.t.Helper()
	s.needs(cluster.Unbound)
	r, err := s.Resolver("resolver")
	ok(s.t, err)
	return s.clientOf(r)
}

// clientFromTheRoot asks a resolver that is led to the nodes by their zone's parent.
func (s *scene) clientFromTheRoot() (*client, *cluster.Parent) {
	s.t.Helper()
	s.needs(cluster.Unbound, cluster.NSD)
	p, err := s.Parent("parent")
	ok(s.t, err)
	ok(s.t, p.Start())
	r, err := s.ResolverBelow(p, "resolver")
	ok(s.t, err)
	return s.clientOf(r), p
}

func (s *scene) needs(all ...cluster.Software) {
	s.t.Helper()
	for _, w := range all {
		if err := w.Installed(); err != nil {
			s.t.Skip(err)
		}
	}
}

func (s *scene) clientOf(r *cluster.Resolver) *client {
	s.t.Helper()
	ok(s.t, r.Start())
	eventually(s.t, func() error {
		m, err := r.Ask(s.t.Context(), login, dns.TypeA)
		if err == nil && cluster.Answer(m) != s.azure {
			err = fmt.Errorf("the resolver answers %s", cluster.Answer(m))
		}
		return err
	})
	c := &client{}
	ctx, cancel := context.WithCancel(context.Background())
	var done sync.WaitGroup
	done.Go(func() { c.ask(ctx, r) })
	s.t.Cleanup(func() { cancel(); done.Wait() })
	return c
}

func (c *client) ask(ctx context.Context, r *cluster.Resolver) {
	for ctx.Err() == nil {
		one, cancel := context.WithTimeout(ctx, 5*time.Second)
		s := cluster.Sample{Sent: time.Now()}
		m, err := r.Ask(one, login, dns.TypeA)
		cancel()
		if s.Got, s.Err = time.Now(), err; err == nil {
			s.Answer = cluster.Answer(m)
		}
		if ctx.Err() == nil {
			c.mu.Lock()
			c.all = append(c.all, s)
			c.mu.Unlock()
		}
		pause(ctx, 50*time.Millisecond)
	}
}

// only fails for every answer since a time that is none of these, and gives the last time at which the first was seen.
func (c *client) only(t *testing.T, since time.Time, answers ...string) (last time.Time) {
	t.Helper()
	c.mu.Lock()
	defer c.mu.Unlock()
	n := 0
	for _, s := range c.all {
		if s.Sent.Before(since) {
			continue
		}
		if n++; s.Answer == answers[0] {
			last = s.Sent
		}
		if s.Answer != answers[0] && s.Answer != answers[len(answers)-1] {
			t.Errorf("a client, %s after %s, got %q", s.Sent.Sub(since), since.Format("15:04:05"), s)
		}
	}
	if n == 0 {
		t.Error("no client asked")
	}
	return last
}

func TestClientBehindAResolverSeesNoFailureThoughPrimaryAndANameServerDie(t *testing.T) {
	s := stage(t, 3, "ttl 2")
	c := s.client()
	leader, rest := s.leader()
	began := time.Now()

	failed := s.fails()
	s.kill(leader)
	s.leaves("leader killed with the primary", failed, s.flipBudget(1), rest...)
	time.Sleep(4 * time.Second)
	last := c.only(t, began, s.azure, s.aws)
	took := last.Sub(failed)
	table.add("leader killed with the primary, client behind a resolver, TTL 2 s", took, s.least())
	if most := s.flipBudget(1) + 2*time.Second; took > most {
		t.Errorf("a client was sent to the dead site %s after its death; allowed are %s", took, most)
	}
}

func TestClientLedByTheParentSeesNoFailureThoughPrimaryNameServerAndParentDie(t *testing.T) {
	s := stage(t, 3, "ttl 2")
	c, parent := s.clientFromTheRoot()
	leader, rest := s.leader()
	began := time.Now()

	failed := s.fails()
	s.kill(leader) // the parent goes on naming it
	parent.Kill()  // what it said of the zone is good for a day
	s.leaves("leader and parent killed with the primary, client led by the parent, TTL 2 s", failed, s.flipBudget(1), rest...)
	time.Sleep(4 * time.Second)
	last := c.only(t, began, s.azure, s.aws)
	if most := s.flipBudget(1) + 2*time.Second; last.Sub(failed) > most {
		t.Errorf("a client was sent to the dead site %s after its death; allowed are %s", last.Sub(failed), most)
	}

	recovered := s.recovers()
	s.start(leader)
	s.returnsHome()
	home := time.Now()
	time.Sleep(4 * time.Second)
	if last := c.only(t, recovered, s.aws, s.azure); last.Sub(home) > 3*time.Second {
		t.Errorf("a client was sent to the secondary %s after every node answered with the primary again; its TTL is 2 s", last.Sub(home))
	}
}
