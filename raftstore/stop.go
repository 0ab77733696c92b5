package raftstore

import (
	"context"
	"errors"
	"fmt"

	"github.com/hashicorp/raft"
)

// transfers is how often Stop tries to hand the lead over.
const transfers = 3

// Stop ends this node's part in the cluster: the lead is handed over, the state kept in a snapshot if it is newer than
// the last, connections and files closed. State goes on answering. It may be called several times; each call returns
// when all is done, or ctx is.
func (s *Store) Stop(ctx context.Context) error {
	s.stopOnce.Do(func() { go s.stop(ctx) })
	select {
	case <-s.stopped:
		return nil
	case <-ctx.Done():
		select {
		case <-s.stopped:
			return nil
		default:
		}
		return fmt.Errorf("stop: a disk or a connection does not let go: %w", ctx.Err())
	}
}

// stop does it, in the order that others need: the lead first, while calls still work.
func (s *Store) stop(ctx context.Context) {
	defer close(s.stopped)
	if r := s.raft.Load(); r != nil {
		s.handOver(ctx, r)
		s.lastSnapshot(ctx, r)
	}
	s.cancel()
	s.mu.Lock()
	started := s.started
	s.started = true // a Start from now on does nothing
	s.mu.Unlock()
	switch {
	case started:
		<-s.runEnded
		if in := s.running; in != nil {
			s.end(in)
			s.closeDisk(in.disk)
		}
	case s.opened != nil:
		s.closeDisk(s.opened)
	}
	s.closeCluster()
	s.instances.Wait()
	s.recorder.stop()
	<-s.recorder.ended
	if err := s.lock.Close(); err != nil {
		s.log.Error("give the data directory back", "error", err)
	}
}

func (s *Store) closeCluster() {
	if s.port == nil {
		return
	}
	if s.server != nil {
		if err := s.server.Close(); err != nil {
			s.log.Debug("close the server of calls", "error", err)
		}
	}
	s.port.close()
	s.client.CloseIdleConnections()
}

// handOver gives the lead to another voter, if there is one that takes it: without it the others would be without a
// leader for an election's time.
func (s *Store) handOver(ctx context.Context, r *raft.Raft) {
	for range transfers {
		if r.State() != raft.Leader || s.voters(r) < 2 || ctx.Err() != nil {
			return
		}
		done := make(chan error, 1)
		f := r.LeadershipTransfer()
		go func() { done <- f.Error() }()
		select {
		case err := <-done:
			if err == nil {
				return
			}
			s.log.Info("nobody took the lead yet", "error", err)
		case <-ctx.Done():
			return
		}
	}
}

func (s *Store) voters(r *raft.Raft) int {
	n := 0
	for _, server := range r.GetConfiguration().Configuration().Servers {
		if server.Suffrage == raft.Voter {
			n++
		}
	}
	return n
}

// lastSnapshot keeps the next start short.
func (s *Store) lastSnapshot(ctx context.Context, r *raft.Raft) {
	list, err := s.snaps.List()
	if err == nil && len(list) > 0 && list[0].Index >= s.State().Index {
		return
	}
	done := make(chan error, 1)
	go func() { done <- r.Snapshot().Error() }()
	select {
	case err = <-done:
	case <-ctx.Done():
		err = ctx.Err()
	}
	if err != nil && !errors.Is(err, raft.ErrNothingNewToSnapshot) {
		s.log.Info("no snapshot at the end; the next start reads more of the log", "error", err)
	}
}
