package raftstore

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"time"

	"github.com/hashicorp/raft"
)

const (
	cachedLogs = 128 // entries kept in memory for followers; of the largest, 32 MiB
	// reopenPause is between two tries to open a log anew that had a fault.
	reopenPause = 5 * time.Second
	// loneRPC is the timeout of the transport of a node that has nobody to talk to.
	loneRPC = time.Second
)

// instance is one life of Raft in this process. There is a second one only after a fault of the disk, a recovery, or where
// the log's end was dropped.
type instance struct {
	raft     *raft.Raft
	disk     *disk
	notify   chan bool     // leadership gained and lost
	diverged chan place    // an entry that was committed, and the log has another one there
	ended    chan struct{} // closed when it is being ended
	dials    context.Context
	hangUp   context.CancelFunc // ends the dials under way, which Raft would wait for
}

// run owns the life of Raft: it begins when the first start is settled, and again after each fault of the disk.
func (s *Store) run(d *disk) {
	defer close(s.runEnded)
	for s.ctx.Err() == nil {
		if err := s.checkAlone(d); err != nil && d.fault() == nil {
			s.setPhase(PhaseDamaged, err.Error(), nil)
			s.log.Error("this node stays out of the cluster", "error", err)
			break
		}
		if s.live(d) {
			return
		}
		if d = s.reopen(d); d == nil {
			return
		}
	}
	s.closeDisk(d)
}

// live is one life of Raft on one opening of the log. It returns true when the store stops, and leaves the end of a
// running instance to Stop.
func (s *Store) live(d *disk) bool {
	if err := s.settle(d); err != nil {
		s.fault(err)
		return false
	}
	if s.ctx.Err() != nil {
		s.closeDisk(d)
		return true
	}
	in, err := s.begin(d)
	if err != nil {
		s.fault(fmt.Errorf("start Raft: %w", err))
		return false
	}
	for {
		s.setPhase(PhaseRunning, "", nil)
		select {
		case <-s.ctx.Done():
			s.running = in
			return true
		case <-d.failed:
			s.fault(d.fault())
			s.end(in)
			return false
		case req := <-s.recoveries:
			s.end(in)
			req.done <- s.rebuild(d, req.plan)
		case committed := <-in.diverged:
			s.end(in)
			s.dropDivergent(d, committed)
		}
		if in, err = s.begin(d); err != nil {
			s.fault(fmt.Errorf("start Raft: %w", err))
			return false
		}
	}
}

// settle makes sure that this node may take part: it has state, or the first start said how it begins.
func (s *Store) settle(d *disk) error {
	switch {
	case s.isSettled():
		return nil
	case s.port == nil:
		return s.bootstrap(d, []Peer{{s.cfg.ID, s.cfg.ID}}, map[string]string{s.cfg.ID: s.incarnation})
	default:
		return s.firstStart(d)
	}
}

// checkAlone refuses to run a member of a cluster with no way to the others: it would wait for them for ever.
func (s *Store) checkAlone(d *disk) error {
	if s.port != nil || !s.isSettled() {
		return nil
	}
	configuration, err := s.configuration(d)
	if err != nil {
		return fmt.Errorf("read the cluster's configuration: %w", err)
	}
	for _, m := range members(configuration) {
		if m.ID != s.cfg.ID {
			return fmt.Errorf("this data directory belongs to a cluster (%q is in it, too), but no peers are configured: add them, or use another directory", m.ID)
		}
	}
	return nil
}

// configuration is the latest one in the log or the snapshot, read without starting Raft. Like newRaft it has a
// goroutine of its own.
func (s *Store) configuration(d *disk) (c raft.Configuration, err error) {
	_, t := raft.NewInmemTransport(raft.ServerAddress(s.cfg.ID))
	done := make(chan struct{})
	err = errors.New("the disk failed")
	go func() {
		defer close(done)
		defer func() {
			if p := recover(); p != nil {
				err = fmt.Errorf("%v", p)
			}
		}()
		c, err = raft.GetConfiguration(s.raftConfig(nil), s.machine, d, d, s.snaps, t)
	}()
	<-done
	return c, err
}

func (s *Store) fault(err error) {
	s.setPhase(PhaseFault, err.Error(), nil)
	s.log.Error("this node takes no part in the cluster until its log was opened anew; it keeps answering", "error", err)
}

// reopen waits for the last call into the old store, however late, and opens the log again. It gives nil when the
// store stops first, or when what was opened is not what this node had.
func (s *Store) reopen(d *disk) *disk {
	s.closeDisk(d)
	for {
		select {
		case <-s.ctx.Done():
			return nil
		case <-time.After(reopenPause):
		}
		store, err := s.openLog()
		if err != nil {
			s.fault(err)
			continue
		}
		d := guard(store, diskDeadline)
		if err = checkReopened(d, s.snaps, s.State().Index); err == nil {
			return d
		}
		if d.fault() == nil {
			s.mu.Lock()
			s.damaged(d, err)
			s.mu.Unlock()
			return nil
		}
		s.fault(fmt.Errorf("%w; if this stays: %s", err, damagedWayOut))
		s.closeDisk(d)
	}
}

func (s *Store) closeDisk(d *disk) {
	if err := d.close(); err != nil {
		s.log.Error("close the log", "error", err)
	}
}

func (s *Store) raftConfig(notify chan bool) *raft.Config {
	c := raft.DefaultConfig()
	c.LocalID = raft.ServerID(s.cfg.ID)
	t := s.cfg.Timing
	c.HeartbeatTimeout, c.ElectionTimeout, c.LeaderLeaseTimeout, c.CommitTimeout = t.Heartbeat, t.Election, t.Lease, t.Commit
	c.SnapshotThreshold, c.TrailingLogs, c.SnapshotInterval = s.cfg.Compaction.Threshold, s.cfg.Compaction.Trailing, s.cfg.Compaction.Every
	c.ShutdownOnRemove = false // a removed node keeps answering
	c.NoLegacyTelemetry = true
	c.NoSnapshotRestoreOnStart = true // the cold start has done it, and went further
	c.NotifyCh = notify
	c.Logger = raftLogger(s.log)
	return c
}

// begin starts Raft on a disk.
func (s *Store) begin(d *disk) (*instance, error) {
	if err := s.tidy(d); err != nil {
		return nil, err
	}
	in := &instance{disk: d, notify: make(chan bool, 16), diverged: make(chan place, 1), ended: make(chan struct{})}
	in.dials, in.hangUp = context.WithCancel(context.Background())
	c := s.raftConfig(in.notify)
	s.disk.Store(d)
	var t raft.Transport
	if s.port == nil {
		_, t = raft.NewInmemTransportWithTimeout(raft.ServerAddress(s.cfg.ID), loneRPC)
	} else {
		layer := streams{s.port.listen(s.port.raft, advertised(s.cfg.Advertise)), s.dial, in.dials}
		t = newTransport(layer, addressBook{s}, s.fresh.heard, s.handing.asks, func(end place) error { return s.unfit(in, end) }, c.Logger)
	}
	store := raftDisk{d, s.snaps}
	cache, err := raft.NewLogCache(cachedLogs, store)
	if err != nil {
		return nil, err
	}
	in.raft, err = newRaft(c, s.machine, cache, store, s.snaps, t)
	if err != nil {
		in.hangUp()
		closeTransport(t)
		return nil, errors.Join(err, d.fault())
	}
	in.raft.RegisterObserver(s.reach.observer())
	s.machine.onHalt(in.askAgain)
	s.raft.Store(in.raft)
	s.instances.Go(func() { s.followLead(in) })
	return in, nil
}

// raftApplied is Raft's own applied index, which falls behind the state's when the log is lost.
func (s *Store) raftApplied() uint64 {
	if r := s.raft.Load(); r != nil {
		return r.AppliedIndex()
	}
	return 0
}

// newRaft is raft.NewRaft on a goroutine of its own: it panics on a log that it cannot read, and a faulty disk ends
// the goroutine that meets it (raftDisk).
func newRaft(c *raft.Config, fsm raft.FSM, logs raft.LogStore, stable raft.StableStore, snaps raft.SnapshotStore, t raft.Transport) (r *raft.Raft, err error) {
	done := make(chan struct{})
	err = errors.New("the disk failed")
	go func() {
		defer close(done)
		defer func() {
			if p := recover(); p != nil {
				err = fmt.Errorf("%v", p)
			}
		}()
		r, err = raft.NewRaft(c, fsm, logs, stable, snaps, t)
	}()
	<-done
	return r, err
}

func closeTransport(t raft.Transport) {
	if c, ok := t.(raft.WithClose); ok {
		_ = c.Close() // it never fails
	}
}

// end shuts an instance down and returns when all of its goroutines have. The connections go first: Raft reads from
// them without a deadline in places.
func (s *Store) end(in *instance) {
	s.raft.CompareAndSwap(in.raft, nil)
	close(in.ended)
	in.hangUp()
	down := in.raft.Shutdown()
	if s.port != nil {
		s.port.drop(func(_, protocol string) bool { return protocol == protocolRaft })
	}
	if err := down.Error(); err != nil {
		s.log.Warn("shut Raft down", "error", err)
	}
}

// startCalls serves other nodes' calls until the port closes.
func (s *Store) startCalls() {
	s.server, s.joins = s.newCallServer(s.cfg.Calls), s.newJoinServer()
	s.serve(s.server, s.port.calls, "calls of other nodes are")
	s.serve(s.joins, s.port.joins, "nodes that want to join are")
}

func (s *Store) serve(h *http.Server, from chan net.Conn, who string) {
	l := s.port.listen(from, advertised(s.cfg.Advertise))
	go func() {
		if err := h.Serve(l); err != nil && !errors.Is(err, http.ErrServerClosed) && s.ctx.Err() == nil {
			s.log.Error(who+" not served any more", "error", err)
		}
	}()
}
