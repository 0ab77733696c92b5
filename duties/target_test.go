package duties

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"failoverdns/health"
	"failoverdns/record"
	"failoverdns/state"
)

// resolver is what names resolve to: addresses; "" fails, "hangs" answers when it is given up.
type resolver struct {
	mu    sync.Mutex
	names map[string]string
	asked map[string]int
	most  int // look-ups at once
	now   int
}

func (r *resolver) set(host, addresses string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.names[host] = addresses
}

func (r *resolver) count(host string) int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.asked[host]
}

func (r *resolver) lookUp(ctx context.Context, host string, _ []netip.Addr) (out []netip.Addr, err error) {
	r.mu.Lock()
	r.asked[host]++
	r.now++
	r.most = max(r.most, r.now)
	answer := r.names[host]
	r.mu.Unlock()
	defer func() {
		r.mu.Lock()
		r.now--
		r.mu.Unlock()
	}()
	switch answer {
	case "":
		return nil, errors.New("server misbehaving")
	case "hangs":
		<-ctx.Done()
		return nil, ctx.Err()
	}
	time.Sleep(20 * time.Millisecond)
	for _, a := range strings.Fields(answer) {
		out = append(out, netip.MustParseAddr(a))
	}
	return out, nil
}

// lead runs the duties of a leader with this resolver for a test's time.
func lead(t *testing.T, w *world, r *resolver, test func(d *Duties)) {
	d := New(Leader{State: w.state, Clock: w.clock, Propose: w.propose, LookUp: r.lookUp, Log: slog.New(slog.DiscardHandler)})
	ctx, cancel := context.WithCancel(t.Context())
	var running sync.WaitGroup
	running.Go(func() { d.Run(ctx) })
	test(d)
	cancel()
	running.Wait()
}

func newWorld(t *testing.T, r *resolver, ttl uint32) *world {
	r.names, r.asked = map[string]string{}, map[string]int{}
	w := &world{t: t, began: time.Now(), st: state.New()}
	w.st, _ = w.st.Configure(1, []state.Member{{ID: "ns1", Voter: true}})
	w.flatten(ttl, "app.azure.example", "app.aws.example")
	return w
}

// flatten declares one zone whose sites flatten these targets.
func (w *world) flatten(ttl uint32, targets ...string) {
	w.t.Helper()
	apex := record.MustParseName("auth.example.com")
	d := &state.Declaration{Zone: apex, Source: "Corefile:1"}
	g := state.GroupDecl{Name: "auth.example.com", Failback: health.Failback{Mode: health.FailbackAuto}, AllDown: state.AllDownPrimary,
		Cells: []state.CellDecl{{Names: []record.Name{apex}, TTL: ttl}}}
	for i, target := range targets {
		d.Sites = append(d.Sites, state.SiteDecl{Name: fmt.Sprint("site", i), Target: record.MustParseName(target), Flatten: true, MinHealthy: 1})
		g.Sites = append(g.Sites, fmt.Sprint("site", i))
	}
	d.Groups = []state.GroupDecl{g}
	w.must(&state.Declare{Node: "ns1", Incarnation: "i", Declarations: []*state.Declaration{d}})
}

func (w *world) addresses(target string) string {
	x, ok := w.state().Targets.Get(state.TargetKey(record.MustParseName(target)))
	if !ok {
		return "gone"
	}
	return strings.Trim(fmt.Sprint(x.Addresses), "[]")
}

func (w *world) want(target, addresses string) {
	w.t.Helper()
	if got := w.addresses(target); got != addresses {
		w.t.Errorf("%s has %q, want %q", target, got, addresses)
	}
}

func TestTargetIsLookedUpAtItsAnswersTTLAndProposedWhenItChanged(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := new(resolver)
		w := newWorld(t, r, 30)
		r.set("app.azure.example", "192.0.2.2 192.0.2.1 192.0.2.2")
		lead(t, w, r, func(*Duties) {
			time.Sleep(50 * time.Millisecond)
			w.want("app.azure.example", "192.0.2.1 192.0.2.2")
			before := w.state().Index
			time.Sleep(29 * time.Second)
			r.set("app.azure.example", "192.0.2.9")
			w.want("app.azure.example", "192.0.2.1 192.0.2.2")
			if w.state().Index != before || r.count("app.azure.example") != 1 {
				t.Errorf("%d commands, %d look-ups", w.state().Index-before, r.count("app.azure.example"))
			}
			time.Sleep(2 * time.Second)
			w.want("app.azure.example", "192.0.2.9")
			time.Sleep(10 * time.Minute)
			if got := w.state().Index - before; got != 1 || r.count("app.azure.example") > 23 {
				t.Errorf("%d commands, %d look-ups", got, r.count("app.azure.example"))
			}
		})
	})
}

// TestFailedLookUpKeepsTheLast, and is tried again in ten seconds; in one where there is nothing yet.
func TestFailedLookUpKeepsTheLast(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := new(resolver)
		w := newWorld(t, r, 30)
		r.set("app.azure.example", "192.0.2.1")
		lead(t, w, r, func(*Duties) {
			time.Sleep(20 * time.Second)
			if n := r.count("app.aws.example"); n < 19 || n > 21 {
				t.Errorf("a target without a result was looked up %d times in 20 s", n)
			}
			r.set("app.azure.example", "")
			time.Sleep(40 * time.Second)
			w.want("app.azure.example", "192.0.2.1")
			if n := r.count("app.azure.example"); n < 3 || n > 6 {
				t.Errorf("a failing target was looked up %d times", n)
			}
			r.set("app.azure.example", "192.0.2.7")
			r.set("app.aws.example", "198.51.100.1")
			time.Sleep(11 * time.Second)
			w.want("app.azure.example", "192.0.2.7")
			w.want("app.aws.example", "198.51.100.1")
		})
	})
}

func TestHangingResolverKeepsNoOtherDutyWaiting(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := new(resolver)
		w := newWorld(t, r, 30)
		r.set("app.azure.example", "hangs")
		r.set("app.aws.example", "198.51.100.1")
		lead(t, w, r, func(*Duties) {
			w.must(&state.SetOverride{Scope: state.ScopeSite, Target: "site0", Word: state.ForceDown, For: time.Second, Force: true})
			time.Sleep(2 * time.Second)
			if n := w.state().Overrides.Len(); n != 0 {
				t.Error("an override did not end in time")
			}
			w.want("app.aws.example", "198.51.100.1")
		})
	})
}

// TestPaceIsBounded: neither a TTL of zero nor one of a day decides alone.
func TestPaceIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for ttl, want := range map[uint32]int{0: 60, 5: 60, 86400: 2} {
			r := new(resolver)
			w := newWorld(t, r, ttl)
			r.set("app.azure.example", "192.0.2.1")
			lead(t, w, r, func(*Duties) { time.Sleep(599 * time.Second) })
			if n := r.count("app.azure.example"); n < want-5 || n > want {
				t.Errorf("with a TTL of %d it was looked up %d times in ten minutes, want %d", ttl, n, want)
			}
		}
	})
}

func TestNewTargetIsLookedUpAtOnceAndADroppedOneNoMore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := new(resolver)
		w := newWorld(t, r, 300)
		r.set("app.azure.example", "192.0.2.1")
		r.set("new.azure.example", "192.0.2.2")
		lead(t, w, r, func(d *Duties) {
			time.Sleep(10*time.Second + time.Millisecond)
			w.flatten(300, "new.azure.example")
			d.Wake()
			time.Sleep(50 * time.Millisecond)
			w.want("new.azure.example", "192.0.2.2")
			w.want("app.azure.example", "gone")
			time.Sleep(time.Hour)
			if n := r.count("app.azure.example"); n != 1 {
				t.Errorf("a target that is no more was looked up %d times", n)
			}
			w.flatten(300, "app.azure.example")
			time.Sleep(1100 * time.Millisecond)
			w.want("app.azure.example", "192.0.2.1")
		})
	})
}

func TestManyAddressesAreCutTheSameWayEachTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := new(resolver)
		w := newWorld(t, r, 30)
		var all []string
		for i := range 100 {
			all = append(all, fmt.Sprintf("192.0.2.%d", 200-i))
		}
		r.set("app.azure.example", strings.Join(all, " "))
		lead(t, w, r, func(*Duties) { time.Sleep(time.Second) })
		if words := strings.Fields(w.addresses("app.azure.example")); len(words) != state.MaxResolved || words[0] != "192.0.2.101" {
			t.Errorf("got %v", words)
		}
	})
}

func TestLookUpsAtOnceAreBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := new(resolver)
		w := newWorld(t, r, 30)
		var targets []string
		for i := range 200 {
			targets = append(targets, fmt.Sprintf("t%d.cloud.example", i))
			r.set(targets[i], "192.0.2.1")
		}
		w.flatten(30, targets...)
		lead(t, w, r, func(*Duties) { time.Sleep(time.Second) })
		if r.most != lookUpsAtOnce || w.addresses("t199.cloud.example") != "192.0.2.1" {
			t.Errorf("%d look-ups at once; the last target has %s", r.most, w.addresses("t199.cloud.example"))
		}
	})
}

// TestNothingIsLookedUpOnceTheLeadIsLost, and a result that comes late is not proposed.
func TestNothingIsLookedUpOnceTheLeadIsLost(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := new(resolver)
		w := newWorld(t, r, 30)
		r.set("app.azure.example", "192.0.2.1")
		lead(t, w, r, func(*Duties) { time.Sleep(10 * time.Millisecond) }) // an answer takes 20
		w.want("app.azure.example", "")
		asked := r.count("app.azure.example")
		time.Sleep(time.Hour)
		if n := r.count("app.azure.example"); n != asked {
			t.Errorf("looked up %d times more", n-asked)
		}
	})
}
