package raftstore

import (
	"context"
	"errors"
	"fmt"
	"net/http"

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
	for _, h := range []*http.Server{s.server, s.joins} {
		if h == nil {
			continue
		}
		if err := h.Close(); err != nil {
			s.log.Debug("close a server of calls", "error", err)
		}
	}
	s.port.close()
	s.client.CloseIdleConnections()
}

// handOver gives the lead to another voter, if there is one that takes it: without it the others would be without a
// leader for an election's time. Those that are away are not asked: each would cost an election's time to find out.
func (s *Store) handOver(ctx context.Context, r *raft.Raft) {
	for i := range transfers {
		heirs := s.heirs(r)
		if r.State() != raft.Leader || len(heirs) == 0 || ctx.Err() != nil {
			return
		}
		heir := heirs[i%len(heirs)]
		err := s.transfer(ctx, r, heir.ID, heir.Address)
		if err == nil {
			return
		}
		s.log.Info("the lead is not taken yet", "by", heir.ID, "error", err)
	}
}

// heirs are the other voters that this leader reaches, as far as it knows.
func (s *Store) heirs(r *raft.Raft) (heirs []raft.Server) {
	for _, server := range r.GetConfiguration().Configuration().Servers {
		id := string(server.ID)
		if server.Suffrage == raft.Voter && id != s.cfg.ID && s.reach.since(id) == 0 {
			heirs = append(heirs, server)
		}
	}
	return heirs
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
