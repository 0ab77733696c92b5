package raftstore

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"time"

	"github.com/hashicorp/raft"

	"failoverdns/state"
)

// errHalted is the answer to entries that come after this node has stopped applying.
var errHalted = errors.New("this node has stopped applying")

// machine is the replicated state as Raft's FSM. Only Raft's FSM goroutine changes it (during Open, Open's); it
// outlives an instance of Raft. Entries at or below the state's index are ignored, since a cold start is ahead of what
// Raft remembers to have applied.
type machine struct {
	current atomic.Pointer[state.State]
	onApply func(*state.State, state.Result, Moment)
	leads   func() bool        // this node leads, and has applied all that earlier leaders logged
	applied func(index uint64) // an entry that changed answers
	log     *slog.Logger

	configured func() // the membership changed

	mu      sync.Mutex // guards what follows
	halted  error      // why it has stopped applying
	tell    func()     // of that
	clock   state.Clock
	clockAt time.Time     // when clock was it
	moved   chan struct{} // closed and replaced whenever an entry was applied
}

func newMachine(st *state.State, log *slog.Logger) *machine {
	m := &machine{log: log, onApply: func(*state.State, state.Result, Moment) {}, leads: func() bool { return false }, applied: func(uint64) {}, configured: func() {}, tell: func() {}, moved: make(chan struct{})}
	m.current.Store(st)
	m.clock, m.clockAt = st.Clock, time.Now()
	return m
}

// Apply implements raft.FSM. It answers a state.Result, or an error if this node has stopped applying.
func (m *machine) Apply(l *raft.Log) any {
	return m.enter(l.Index, l.AppendedAt, func(st *state.State) (*state.State, state.Result, error) {
		c, err := state.DecodeCommand(l.Data)
		if err != nil {
			return nil, state.Result{}, err
		}
		next, res := st.Apply(l.Index, c)
		return next, res, nil
	})
}

// StoreConfiguration implements raft.ConfigurationStore: membership enters the state as an entry of its own.
func (m *machine) StoreConfiguration(index uint64, c raft.Configuration) {
	m.enter(index, time.Time{}, func(st *state.State) (*state.State, state.Result, error) {
		next, res := st.Configure(index, members(c))
		return next, res, nil
	})
	m.configured()
}

func members(c raft.Configuration) []state.Member {
	out := make([]state.Member, 0, len(c.Servers))
	for _, s := range c.Servers {
		out = append(out, state.Member{ID: string(s.ID), Address: string(s.Address), Voter: s.Suffrage == raft.Voter})
	}
	return out
}

// enter applies one entry, unless it was applied before or this node has stopped applying.
func (m *machine) enter(index uint64, logged time.Time, apply func(*state.State) (*state.State, state.Result, error)) (answer any) {
	if err := m.halt(); err != nil {
		return err
	}
	st := m.current.Load()
	if index <= st.Index {
		return state.Result{Index: index}
	}
	defer func() {
		if r := recover(); r != nil {
			m.log.Error("a panic while applying", "index", index, "panic", r, "stack", string(debug.Stack()))
			answer = m.stop(fmt.Errorf("entry %d: panic: %v", index, r))
		}
	}()
	at := Moment{Logged: logged, Began: time.Now(), Own: m.leads()}
	next, res, err := apply(st)
	if err != nil {
		return m.stop(fmt.Errorf("entry %d: %w", index, err))
	}
	m.publish(next, res, at)
	return res
}

// publish makes a state the current one and tells of it; waiters last, so that they find all of it done.
func (m *machine) publish(st *state.State, res state.Result, at Moment) {
	m.current.Store(st)
	m.advance(st.Clock)
	if len(res.Effect.Zones) > 0 {
		m.applied(st.Index)
	}
	m.onApply(st, res, at)
	m.mu.Lock()
	close(m.moved)
	m.moved = make(chan struct{})
	m.mu.Unlock()
}

// stop ends applying for good, or until a whole snapshot comes that this version can read.
func (m *machine) stop(err error) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.halted = fmt.Errorf("%w: %w", errHalted, err)
	m.log.Error("this node stops applying and keeps answering from what it has", "error", m.halted, "way_out", wayOut(m.halted))
	m.tell()
	return m.halted
}

// wayOut is what helps a node that has stopped applying.
func wayOut(err error) string {
	if errors.Is(err, state.ErrUnknownCommand) {
		return "install the version that the others run"
	}
	return "restart it; if that does not help, remove it, then join with an empty data directory"
}

// onHalt sets whom to tell, in place of an earlier one. f must not wait.
func (m *machine) onHalt(f func()) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.tell = f
}

func (m *machine) halt() error {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.halted
}

// advance takes note of an applied clock. A running estimate that is ahead stays: entries reach a node later than
// they were stamped, and the clock must not lose that at each of them.
func (m *machine) advance(clock state.Clock) {
	now := time.Now()
	m.mu.Lock()
	defer m.mu.Unlock()
	if clock > m.clock+now.Sub(m.clockAt) {
		m.clock, m.clockAt = clock, now
	}
}

// clockNow is the cluster clock as this node would continue it.
func (m *machine) clockNow() state.Clock {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.clock + time.Since(m.clockAt)
}

// next gives the state's index, and a channel that closes when it has moved on.
func (m *machine) next() (uint64, <-chan struct{}) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.current.Load().Index, m.moved
}

// Snapshot implements raft.FSM. A state is immutable, so it is its own snapshot.
func (m *machine) Snapshot() (raft.FSMSnapshot, error) {
	if err := m.halt(); err != nil {
		return nil, err
	}
	return frozen{m.current.Load()}, nil
}

type frozen struct{ st *state.State }

func (f frozen) Persist(to raft.SnapshotSink) error {
	if err := f.st.Encode(to); err != nil {
		return errors.Join(fmt.Errorf("write a snapshot: %w", err), to.Cancel())
	}
	return to.Close()
}

func (frozen) Release() {}

// Restore implements raft.FSM: the leader sent a snapshot, because this node is further behind than the log reaches.
// It is read whole before anything is touched. One that is not ahead of the state changes nothing: answers never step
// back.
func (m *machine) Restore(from io.ReadCloser) error {
	defer from.Close()
	st, err := state.Decode(from)
	if err != nil { // not damage on the way, which Raft's checksum finds
		return m.stop(fmt.Errorf("read the leader's snapshot: %w", err))
	}
	old := m.current.Load()
	if st.Index <= old.Index {
		m.log.Info("a snapshot brings nothing new", "snapshot", st.Index, "state", old.Index)
		return nil
	}
	m.mu.Lock()
	m.halted = nil
	m.mu.Unlock()
	m.publish(st, state.Result{Index: st.Index, Effect: wholeEffect(old, st)}, Moment{Began: time.Now()})
	return nil
}

// wholeEffect says that everything may have changed.
func wholeEffect(old, st *state.State) state.Effect {
	e := state.Effect{Checks: true}
	for key := range old.Zones.All() {
		if !st.Zones.Has(key) {
			e.Zones = append(e.Zones, state.ZoneChange{Zone: key, Whole: true})
		}
	}
	for key := range st.Zones.All() {
		e.Zones = append(e.Zones, state.ZoneChange{Zone: key, Whole: true})
	}
	return e
}
