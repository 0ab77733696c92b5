package failover

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"failoverdns/record"
	"failoverdns/state"
	"failoverdns/zone"
)

// turning is a node whose zones' serials a test turns.
type turning struct {
	zones *zone.Set

	mu      sync.Mutex // guards the rest
	serials map[string]uint32
	changed chan struct{}
}

func newTurning(names ...string) *turning {
	s := &turning{zones: zone.NewSet(), serials: map[string]uint32{}, changed: make(chan struct{})}
	s.turn(names...)
	return s
}

func (s *turning) Zones() *zone.Set { return s.zones }

func (s *turning) Changed() <-chan struct{} {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.changed
}

// turn raises serials by one, as one command.
func (s *turning) turn(names ...string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, n := range names {
		s.serials[n]++
	}
	s.load()
	close(s.changed)
	s.changed = make(chan struct{})
}

// load shows the serials. Callers hold mu.
func (s *turning) load() {
	st := state.New()
	for n, serial := range s.serials {
		z := &state.Zone{Name: record.MustParseName(n), Serial: serial, SOA: state.SOA{MName: record.Root, RName: record.Root}}
		st.Zones = st.Zones.With(state.ZoneKey(z.Name), z)
	}
	s.zones.Load(st)
}

// local begins or ends answers of this node alone, without a command.
func (s *turning) local(begins bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	marks := map[string]zone.Mark{}
	for n := range s.serials {
		marks[state.ZoneKey(record.MustParseName(n))] = zone.Mark{Local: begins}
	}
	s.zones.Mark(marks)
	s.load()
}

// secondaries write down of which zones they hear; each NOTIFY takes them some time.
type secondaries struct {
	takes time.Duration
	err   error

	mu    sync.Mutex // guards the rest
	heard []string
	most  int // at the same time
	now   int
}

func (s *secondaries) Notify(z string) error {
	s.mu.Lock()
	s.heard = append(s.heard, z)
	s.now++
	s.most = max(s.most, s.now)
	s.mu.Unlock()
	time.Sleep(s.takes)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.now--
	return s.err
}

func (s *secondaries) expect(t *testing.T, zones ...string) {
	t.Helper()
	synctest.Wait()
	s.mu.Lock()
	defer s.mu.Unlock()
	slices.Sort(s.heard)
	if !slices.Equal(s.heard, zones) {
		t.Errorf("Expected NOTIFY for %v, got %v", zones, s.heard)
	}
	s.heard = nil
}

// notifying runs a notifier for as long as the test.
func notifying(t *testing.T, node swaps, from map[string]*secondaries) {
	t.Helper()
	blocks := map[record.Name][]announcer{}
	for z, s := range from {
		blocks[record.MustParseName(z)] = []announcer{s}
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() {
		newNotifier(blocks).run(ctx, node)
		close(done)
	}()
	t.Cleanup(func() { cancel(); <-done })
}

func TestEachZoneIsAnnouncedAtStartAndAtItsOwnChanges(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		node, s, below := newTurning("a.example", "b.example", "sub.a.example", "deep.sub.a.example"), &secondaries{}, &secondaries{}
		notifying(t, node, map[string]*secondaries{"a.example": s, "sub.a.example": below})
		s.expect(t)
		time.Sleep(notifyFirst)
		s.expect(t, "a.example.")
		below.expect(t, "deep.sub.a.example.", "sub.a.example.") // the deepest block alone, as transfers reach it
		node.turn("a.example")
		s.expect(t, "a.example.")
		node.turn("b.example") // no block with the plugin transfer
		node.turn()            // a command that changes no answer
		s.expect(t)
		node.turn("deep.sub.a.example")
		below.expect(t, "deep.sub.a.example.")
		s.expect(t)
	})
}

func TestChangesDuringANotifyAreOneMoreNotify(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		node, s := newTurning("a.example"), &secondaries{takes: 6 * time.Second, err: errors.New("nobody answers")}
		notifying(t, node, map[string]*secondaries{"a.example": s})
		time.Sleep(notifyFirst)
		s.expect(t, "a.example.")
		for range 50 {
			node.turn("a.example")
			synctest.Wait()
		}
		s.expect(t)
		time.Sleep(7 * time.Second)
		s.expect(t, "a.example.")
		time.Sleep(time.Minute)
		s.expect(t)
	})
}

func TestSlowSecondariesHoldUpNoOtherZone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		slow, quick := &secondaries{takes: 6 * time.Second}, &secondaries{}
		node := newTurning("slow.example", "quick.example")
		notifying(t, node, map[string]*secondaries{"slow.example": slow, "quick.example": quick})
		time.Sleep(notifyFirst)
		quick.expect(t, "quick.example.")
		node.turn("quick.example")
		quick.expect(t, "quick.example.")
		time.Sleep(slow.takes) // a NOTIFY under way outlives the notifier
	})
}

func TestManyZonesAreAnnouncedAFewAtATime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var names, want []string
		for i := range 10 * notifyAtOnce {
			names = append(names, fmt.Sprintf("z%04d.example", i))
			want = append(want, names[i]+".")
		}
		s := &secondaries{takes: time.Second}
		notifying(t, newTurning(names...), map[string]*secondaries{"example": s})
		time.Sleep(notifyFirst + 20*time.Second)
		if s.expect(t, want...); s.most != notifyAtOnce {
			t.Errorf("Expected %d at the same time, got %d", notifyAtOnce, s.most)
		}
	})
}

func TestNotifierStopsWithItsInstance(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &secondaries{}
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		newNotifier(map[record.Name][]announcer{record.MustParseName("a.example"): {s}}).run(ctx, newTurning("a.example"))
		s.expect(t)
	})
}

func TestZoneWithAnswersOfThisNodeAloneIsAnnouncedAfterwards(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		node, s := newTurning("a.example"), &secondaries{}
		notifying(t, node, map[string]*secondaries{"a.example": s})
		time.Sleep(notifyFirst)
		s.expect(t, "a.example.")
		node.local(true)
		node.turn("a.example")
		time.Sleep(time.Minute)
		s.expect(t)
		node.local(false)
		time.Sleep(notifyAgain)
		s.expect(t, "a.example.")
	})
}
