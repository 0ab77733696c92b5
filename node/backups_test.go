package node

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"failoverdns/archive"
)

// TestBackupsAreKeptAsConfigured: the newest so many, each of them whole; a place that cannot be written is counted, and
// costs no answer.
func TestBackupsAreKeptAsConfigured(t *testing.T) {
	inWorld(t, three, func(w *world) {
		const every = 5 * time.Minute
		dir := filepath.Join(t.TempDir(), "backups")
		n := w.nodes["ns1"]
		cfg := *n.Config()
		cfg.Snapshots = Snapshots{Dir: dir, Every: every, Keep: 2}
		n.Reload(cfg)
		time.Sleep(5*every + 2*backupPause)
		files, err := os.ReadDir(dir)
		if err != nil || len(files) != 2 {
			t.Fatalf("%d files: %v", len(files), err)
		}
		for _, f := range files {
			r, err := os.Open(filepath.Join(dir, f.Name()))
			if err != nil {
				t.Fatal(err)
			}
			m, _, err := archive.Read(r)
			if err := r.Close(); err != nil {
				t.Error(err)
			}
			if err != nil || m.Node != "ns1" || m.Index == 0 {
				t.Errorf("%s: %+v, %v", f.Name(), m, err)
			}
		}
		if b := n.Backups(); b.Failures != 0 || time.Since(b.Last) > every {
			t.Errorf("%+v", b)
		}
		file := filepath.Join(t.TempDir(), "file")
		if err := os.WriteFile(file, nil, 0o600); err != nil {
			t.Fatal(err)
		}
		cfg.Snapshots.Dir = filepath.Join(file, "below")
		n.Reload(cfg)
		time.Sleep(every)
		if b := n.Backups(); b.Failures != 1 || !answers(n, azure) {
			t.Errorf("%+v", b)
		}
	})
}
