package main

import (
	"context"
	"fmt"
	"time"

	"failoverdns/e2e/cluster"
)

// pause is how long a state is shown before the next thing happens.
const pause = 4 * time.Second

// story is what happens, in order.
type story struct {
	c     *cluster.Cluster
	board *board
	watch *watcher
	began time.Time
}

func newStory(c *cluster.Cluster, b *board) *story { return &story{c: c, board: b, began: time.Now()} }

// length is about how long the story takes.
func length(c *cluster.Cluster) time.Duration {
	spec := c.Spec()
	start := 3*time.Second + spec.Interval
	return start + 3*pause + spec.Detection() + spec.Return()
}

// run tells the story, and gives what was measured.
func (s *story) run(ctx context.Context) (*report, error) {
	if err := s.begin(ctx); err != nil {
		return nil, err
	}
	watching, stop := context.WithCancel(ctx)
	defer stop()
	var err error
	if s.watch, err = watch(watching, s.c, s.board); err != nil {
		return nil, err
	}
	defer s.watch.wait()
	defer stop() // before the wait
	r := &report{c: s.c, began: time.Now()}
	if err := s.steady(ctx, r); err != nil {
		return nil, err
	}
	if r.away, err = s.away(ctx); err != nil {
		return nil, err
	}
	if r.back, err = s.back(ctx); err != nil {
		return nil, err
	}
	s.board.stage(fmt.Sprintf("That was it, in %.0f s.", time.Since(s.began).Seconds()))
	return r, s.finish(ctx, r)
}

// begin starts everything.
func (s *story) begin(ctx context.Context) error {
	s.board.stage("Starting two sites and three nodes: they find each other, elect a leader, and probe.")
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second+s.c.Spec().Interval)
	defer cancel()
	return s.c.Start(ctx)
}

// steady shows the healthy cluster.
func (s *story) steady(ctx context.Context, r *report) (err error) {
	s.board.stage("All is well: every node answers with the primary.")
	if r.serials[0], err = s.serial(ctx); err != nil {
		return err
	}
	return s.show(ctx)
}

// away kills the primary and waits until every node answers with the secondary.
func (s *story) away(ctx context.Context) (*turn, error) {
	primary, secondary := s.c.Sites()[0], s.c.Sites()[1]
	spec := s.c.Spec()
	s.board.stage(fmt.Sprintf("%s is dead. Each node probes on: %d failed probes in a row make a vote.", primary.Name, cluster.Failures))
	at := primary.Kill()
	s.board.act(at, "killed "+primary.Name+", the primary")
	return s.turn(ctx, &turn{cause: at, site: primary.Name, word: "down", outcome: "failure", to: secondary, bound: spec.Detection() + slack})
}

// back starts the primary again and waits until every node answers with it.
func (s *story) back(ctx context.Context) (*turn, error) {
	primary := s.c.Sites()[0]
	spec := s.c.Spec()
	s.board.stage(fmt.Sprintf("%s is back. %d passed probes in a row make a vote.", primary.Name, cluster.Successes))
	at := time.Now()
	if err := primary.Start(ctx); err != nil {
		return nil, err
	}
	s.board.act(at, "started "+primary.Name+" again")
	return s.turn(ctx, &turn{cause: at, site: primary.Name, word: "up", outcome: "success", to: primary, bound: spec.Return() + slack})
}

// turn waits for the answers, and then for all votes, since the last node's may come after the verdict.
func (s *story) turn(ctx context.Context, t *turn) (*turn, error) {
	wait, cancel := context.WithTimeout(ctx, t.bound+10*time.Second)
	defer cancel()
	if err := s.watch.seen.Wait(wait, t.to.Servers[0].Address, t.cause); err != nil {
		return nil, fmt.Errorf("the answers do not change: %w", err)
	}
	s.board.stage("Every node answers with " + t.to.Name + ".")
	if err := s.show(ctx); err != nil {
		return nil, err
	}
	for s.watch.measure(t); ctx.Err() == nil && len(t.votes) < len(s.c.Nodes()) && time.Since(t.cause) < t.bound; s.watch.measure(t) {
		time.Sleep(lookEvery)
	}
	var err error
	t.serial, err = s.serial(ctx)
	return t, err
}

// finish counts queries and answers since the healthy cluster was first shown.
func (s *story) finish(ctx context.Context, r *report) error {
	r.serials[1], r.serials[2] = r.away.serial, r.back.serial
	sites := s.c.Sites()
	for _, n := range s.c.Nodes() {
		for _, sample := range s.watch.seen.Samples(n.ID, r.began) {
			r.queries++
			if sample.Err != nil {
				r.silent++
			}
			r.ttl = max(r.ttl, sample.TTL)
		}
		if err := s.watch.seen.Only(n.ID, r.began, sites[0].Servers[0].Address, sites[1].Servers[0].Address); err != nil {
			r.stray = err
		}
	}
	return ctx.Err()
}

// serial is that of the zone, or 0 when nodes differ.
func (s *story) serial(ctx context.Context) (uint32, error) {
	var first uint32
	for i, n := range s.c.Nodes() {
		got, err := n.Serial(ctx, s.c.Spec().Zone)
		if err != nil {
			return 0, err
		}
		if i > 0 && got != first {
			return 0, nil
		}
		first = got
	}
	return first, nil
}

// show lets people look.
func (s *story) show(ctx context.Context) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(pause):
		return nil
	}
}
