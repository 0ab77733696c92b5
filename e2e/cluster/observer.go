package cluster

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/miekg/dns"
)

// queryTimeout is when a query counts as unanswered: resolvers ask the next name server after less than this.
const queryTimeout = time.Second

// Sample is one query and what came of it.
type Sample struct {
	Sent   time.Time
	Got    time.Time // when the answer came, or was given up
	Answer string    // as the function Answer gives it; empty with Err
	TTL    uint32    // of the first record of the answer
	Err    error
}

// Observer asks each node the same question again and again, and keeps every answer.
type Observer struct {
	cluster *Cluster
	name    string
	cancel  context.CancelFunc
	all     sync.WaitGroup

	mu      sync.Mutex // guards samples
	samples map[string][]Sample
}

// Observe asks all nodes for the addresses (A) of a name, at this spacing, until Stop.
func (c *Cluster) Observe(name string, every time.Duration) *Observer {
	ctx, cancel := context.WithCancel(context.Background())
	o := &Observer{cluster: c, name: name, cancel: cancel, samples: map[string][]Sample{}}
	for _, n := range c.nodes {
		o.all.Go(func() { o.loop(ctx, n, every) })
	}
	return o
}

func (o *Observer) loop(ctx context.Context, n *Node, every time.Duration) {
	tick := time.NewTicker(every)
	defer tick.Stop()
	for {
		s := n.Sample(ctx, o.name)
		if ctx.Err() != nil {
			return
		}
		o.mu.Lock()
		o.samples[n.ID] = append(o.samples[n.ID], s)
		o.mu.Unlock()
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

func (n *Node) Sample(ctx context.Context, name string) Sample {
	ctx, cancel := context.WithTimeout(ctx, queryTimeout)
	defer cancel()
	s := Sample{Sent: time.Now()}
	m, err := n.Query(ctx, name, dns.TypeA)
	s.Got, s.Err = time.Now(), err
	if err == nil {
		s.Answer = Answer(m)
		if len(m.Answer) > 0 {
			s.TTL = m.Answer[0].Header().Ttl
		}
	}
	return s
}

// Stop ends the queries. What was observed stays.
func (o *Observer) Stop() {
	o.cancel()
	o.all.Wait()
}

// Samples are the queries to a node that were sent after a time, in order.
func (o *Observer) Samples(node string, after time.Time) []Sample {
	o.mu.Lock()
	defer o.mu.Unlock()
	all := o.samples[node]
	i, _ := slices.BinarySearchFunc(all, after, func(s Sample, t time.Time) int { return s.Sent.Compare(t) })
	return slices.Clone(all[i:])
}

// Last is the latest sample of a node; the zero Sample if there is none.
func (o *Observer) Last(node string) Sample {
	o.mu.Lock()
	defer o.mu.Unlock()
	if all := o.samples[node]; len(all) > 0 {
		return all[len(all)-1]
	}
	return Sample{}
}

// Wait waits until every one of the nodes (all, if none is given) has answered so to a query sent after a time.
func (o *Observer) Wait(ctx context.Context, answer string, after time.Time, nodes ...string) error {
	if len(nodes) == 0 {
		for _, n := range o.cluster.nodes {
			nodes = append(nodes, n.ID)
		}
	}
	return until(ctx, nil, func(context.Context) error {
		for _, id := range nodes {
			if _, ok := o.First(id, answer, after); !ok {
				return fmt.Errorf("%s does not answer %s, but %s", id, answer, o.Last(id))
			}
		}
		return nil
	})
}

func (s Sample) String() string {
	if s.Err != nil {
		return s.Err.Error()
	}
	return s.Answer
}

// First is when a node's first such answer to a query sent after a time came.
func (o *Observer) First(node, answer string, after time.Time) (time.Time, bool) {
	for _, s := range o.Samples(node, after) {
		if s.Answer == answer {
			return s.Got, true
		}
	}
	return time.Time{}, false
}

// Latest is when the last query after a time was sent that a node answered so.
func (o *Observer) Latest(node, answer string, after time.Time) (time.Time, bool) {
	all := o.Samples(node, after)
	for i := len(all) - 1; i >= 0; i-- {
		if all[i].Answer == answer {
			return all[i].Sent, true
		}
	}
	return time.Time{}, false
}

// Only says what else than these answers a node gave to queries sent after a time: no answer counts as another one.
// It must have been asked at all.
func (o *Observer) Only(node string, after time.Time, answers ...string) error {
	all := o.Samples(node, after)
	if len(all) == 0 {
		return errors.New(node + " was not asked")
	}
	for _, s := range all {
		if !slices.Contains(answers, s.Answer) {
			return fmt.Errorf("%s, asked %s after %s, answered %q", node, s.Sent.Sub(after).Round(time.Millisecond), after.Format("15:04:05.000"), s)
		}
	}
	return nil
}
