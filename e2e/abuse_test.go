//go:build linux

package e2e

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"sync"
	"testing"
	"time"

	"failoverdns/api"
	"failoverdns/e2e/cluster"
)

// TestAbuseOfTheAdminAPIDuringAnIncidentKeepsNoFlipBack has somebody who may do everything, on each node, do it too often
// and wrongly while the primary fails.
func TestAbuseOfTheAdminAPIDuringAnIncidentKeepsNoFlipBack(t *testing.T) {
	s := stage(t, 3)
	seed := seeded(t)
	ctx, cancel := context.WithCancel(context.Background())
	var all sync.WaitGroup
	defer all.Wait()
	defer cancel()
	var abusers []*abuser
	for i, n := range s.Nodes() {
		a := &abuser{node: n, dial: s.net.Host(n.ID).Dial, done: map[string]int{}}
		abusers = append(abusers, a)
		for k, way := range a.ways() {
			rng := rand.New(rand.NewPCG(seed, uint64(10*i+k)))
			all.Go(func() { a.repeat(ctx, way, rng) })
		}
	}
	time.Sleep(time.Second)
	s.leaves("abuse of the admin API of all nodes", s.fails(), s.flipBudget(1), s.Nodes()...)
	cancel()
	all.Wait()
	for _, a := range abusers {
		t.Logf("%s bore %v", a.node.ID, a.done)
		for _, way := range a.ways() {
			if a.done[way.name] == 0 {
				t.Errorf("%s was spared this: %s", a.node.ID, way.name)
			}
		}
	}
	eventually(t, func() error { return sameState(t, s.Cluster) })
	s.recovers()
	s.returnsHome()
}

// abuser is a busy fool on a node's host.
type abuser struct {
	node *cluster.Node
	dial func(ctx context.Context, network, address string) (net.Conn, error)

	mu   sync.Mutex // guards done
	done map[string]int
}

// way is one thing that an abuser does again and again.
type way struct {
	name  string
	every time.Duration
	do    func(context.Context, *rand.Rand)
}

// large is more than any body that the API takes but a backup's, in bytes.
const large = 8 << 20

func (a *abuser) ways() []way {
	body := "POST /v1/overrides HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n{"
	endless, huge := fmt.Appendf(nil, body, 100), append(fmt.Appendf(nil, body, large), bytes.Repeat([]byte(" "), large)...)
	stream := []byte("GET /v1/events HTTP/1.1\r\nHost: x\r\nAccept: text/event-stream\r\n\r\n")
	return []way{
		{"requests that never end", 20 * time.Millisecond, func(ctx context.Context, _ *rand.Rand) { a.says(ctx, endless, true) }},
		{"event streams", 20 * time.Millisecond, func(ctx context.Context, _ *rand.Rand) { a.says(ctx, stream, true) }},
		{"bodies of 8 MiB", 250 * time.Millisecond, func(ctx context.Context, _ *rand.Rand) { a.says(ctx, huge, false) }},
		{"garbage", 50 * time.Millisecond, func(ctx context.Context, rng *rand.Rand) {
			b := make([]byte, 1+rng.IntN(4096))
			for i := range b {
				b[i] = byte(rng.Uint32())
			}
			a.says(ctx, b, false)
		}},
		{"orders", 50 * time.Millisecond, func(ctx context.Context, rng *rand.Rand) {
			who := api.Who{Author: "fool", Reason: fmt.Sprint(rng.Uint64())}
			_, _ = a.node.API().SetOverride(ctx, api.OverrideRequest{Who: who, Scope: "site", Target: "aws", Word: "up", For: "1h"}, false) // as it is
		}},
		{"questions", 50 * time.Millisecond, func(ctx context.Context, _ *rand.Rand) {
			_, _ = a.node.Consistent().Incidents(ctx, 0)
			_, _ = a.node.API().Members(ctx)
		}},
	}
}

// atOnce is how many of an abuser's deeds of one kind go on at a time: more of all kinds together than a node takes.
const atOnce = 100

// repeat does one thing at its spacing, whatever became of those before.
func (a *abuser) repeat(ctx context.Context, w way, rng *rand.Rand) {
	var all sync.WaitGroup
	defer all.Wait()
	turns := make(chan struct{}, atOnce)
	for ctx.Err() == nil {
		select {
		case turns <- struct{}{}:
		case <-ctx.Done():
			return
		}
		own := rand.New(rand.NewPCG(rng.Uint64(), 0))
		all.Go(func() {
			w.do(ctx, own)
			a.mu.Lock()
			a.done[w.name]++
			a.mu.Unlock()
			<-turns
		})
		pause(ctx, w.every)
	}
}

// says opens a connection, says something, and hears the answer; or it hears nothing and stays for a while.
func (a *abuser) says(ctx context.Context, what []byte, stays bool) {
	const patience = 3 * time.Second
	conn, err := a.dial(ctx, "tcp", a.node.Admin)
	if err != nil {
		return
	}
	defer conn.Close()
	defer context.AfterFunc(ctx, func() { conn.Close() })()
	_ = conn.SetDeadline(time.Now().Add(patience)) // whatever fails here is as it should be
	_, _ = conn.Write(what)
	if stays {
		pause(ctx, patience)
	} else {
		_, _ = io.Copy(io.Discard, conn)
	}
}
