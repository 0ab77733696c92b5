package node

import (
	"bytes"
	"context"
	"log/slog"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"failoverdns/trust"
)

// TestLogWarnsEachDayBeforeTheCertificateEndsAndStopsWhenItIsRenewed runs five days in virtual time.
func TestLogWarnsEachDayBeforeTheCertificateEndsAndStopsWhenItIsRenewed(t *testing.T) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		issue := func(validity time.Duration) {
			if err := trust.Issue(dir, dir, "ns1", nil, validity); err != nil {
				t.Fatal(err)
			}
		}
		if err := trust.InitCA(dir); err != nil {
			t.Fatal(err)
		}
		issue(30*24*time.Hour + 36*time.Hour)
		files, err := trust.Load(filepath.Join(dir, "ns1.pem"), filepath.Join(dir, "ns1-key.pem"), filepath.Join(dir, trust.CAFile))
		if err != nil {
			t.Fatal(err)
		}
		var log lines
		n := &Node{trust: files, log: slog.New(slog.NewTextHandler(&log, nil))}
		ctx, cancel := context.WithCancel(t.Context())
		n.run(func() { n.keepCertificate(ctx) })
		warnings := func() int {
			synctest.Wait()
			return strings.Count(log.String(), "ends soon")
		}
		time.Sleep(24*time.Hour + time.Minute)
		if got := warnings(); got != 0 {
			t.Errorf("%d warnings a month before", got)
		}
		time.Sleep(3 * 24 * time.Hour)
		if got := warnings(); got != 3 {
			t.Errorf("%d warnings in three days", got)
		}
		issue(365 * 24 * time.Hour)
		time.Sleep(24 * time.Hour)
		if got := warnings(); got != 3 || !strings.Contains(log.String(), "certificates reloaded") {
			t.Errorf("after the renewal %d warnings:\n%s", got, log.String())
		}
		cancel()
		n.done.Wait()
	})
}

// lines is a log that may be read while it is written.
type lines struct {
	mu   sync.Mutex // guards text
	text bytes.Buffer
}

func (l *lines) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(b)
}

func (l *lines) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}
