package node

import (
	"context"
	"sync"
	"time"

	"failoverdns/archive"
)

// Snapshots says that this node keeps backups in a directory of its own.
type Snapshots struct {
	Dir   string // empty: it keeps none
	Every time.Duration
	Keep  int // the newest so many
}

// Backups is how that goes.
type Backups struct {
	Last     time.Time // wall time of the newest that was kept by this process; for display
	Failures uint64
}

// backups counts them.
type backups struct {
	mu sync.Mutex // guards b
	b  Backups
}

// Backups says how keeping backups goes.
func (n *Node) Backups() Backups {
	n.backups.mu.Lock()
	defer n.backups.mu.Unlock()
	return n.backups.b
}

// backupPause is the time to the first backup, so that a node has caught up by then, and to the next look where none is
// configured.
const backupPause = time.Minute

// keepBackups writes backups as the configuration says. It is a goroutine of its own: a disk that is full or hangs costs
// backups, and nothing else.
func (n *Node) keepBackups(ctx context.Context) {
	for pause := backupPause; ; {
		wait(ctx, pause, nil)
		if ctx.Err() != nil {
			return
		}
		if s := n.Config().Snapshots; s.Dir != "" {
			n.keepBackup(s)
			pause = s.Every
			continue
		}
		pause = backupPause
	}
}

func (n *Node) keepBackup(s Snapshots) {
	m, state, err := n.Archive()
	if err == nil {
		m.Stale = true // nobody is asked
		_, err = archive.Keep(s.Dir, s.Keep, m, state)
	}
	n.backups.mu.Lock()
	defer n.backups.mu.Unlock()
	if err != nil {
		n.backups.b.Failures++
		n.log.Error("a backup was not kept; the next try is in "+s.Every.String(), "dir", s.Dir, "error", err)
		return
	}
	n.backups.b.Last = m.Time
}
