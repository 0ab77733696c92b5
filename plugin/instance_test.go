package failover

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"failoverdns/node"
)

// recorder is an engine that writes down what it is told.
type recorder struct {
	mu     sync.Mutex // guards the rest: the watch calls from its own goroutine
	calls  []string
	sets   []int // static record sets of the first declaration, at each acquire
	refuse error
}

func (r *recorder) engine() engine {
	return engine{
		acquire: func(cfg node.Config) error {
			r.note("acquire")
			r.mu.Lock()
			defer r.mu.Unlock()
			r.sets = append(r.sets, len(cfg.Declarations[0].Sets))
			return r.refuse
		},
		commit:   func() { r.note("commit") },
		rollback: func() { r.note("rollback") },
		shutdown: func() error { return nil },
	}
}

func (r *recorder) note(call string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.calls = append(r.calls, call)
}

// withZoneFile is an instance whose zone comes from a file, and the file's path.
func withZoneFile(t *testing.T, r *recorder) (*instance, string) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "db.test")
	writeZone(t, path, "www IN A 192.0.2.80\n")
	c, err := corefileOf("a.example {\nfailover {\nprimary x {\naddress 192.0.2.9\n}\nfile " + path + "\n}\n}\n")
	if err != nil {
		t.Fatal(err)
	}
	return &instance{corefile: *c, engine: r.engine(), poll: time.Second}, path
}

func writeZone(t *testing.T, path, more string) {
	t.Helper()
	text := "$TTL 60\n@ IN SOA ns1 hostmaster 1 7200 900 1209600 60\n@ IN NS ns1\nns1 IN A 192.0.2.1\n" + more
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

func (r *recorder) expect(t *testing.T, calls ...string) {
	t.Helper()
	r.mu.Lock()
	defer r.mu.Unlock()
	if !slices.Equal(r.calls, calls) {
		t.Errorf("Expected the calls %v, got %v", calls, r.calls)
	}
	r.calls = nil
}

func (r *recorder) lastSets() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.sets[len(r.sets)-1]
}

func TestChangedZoneFileIsOfferedAndABrokenOneIsNot(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := &recorder{}
		i, path := withZoneFile(t, r)
		if err := i.start(); err != nil {
			t.Fatal(err)
		}
		r.expect(t, "acquire")
		step := func() { time.Sleep(2 * time.Second); synctest.Wait() }
		step()
		r.expect(t)
		writeZone(t, path, "www IN A 192.0.2.80\nftp IN A 192.0.2.81\n")
		step()
		r.expect(t, "acquire", "commit")
		if last := r.lastSets(); last != 4 {
			t.Errorf("Expected the 4 record sets of the new file, got %d", last)
		}
		writeZone(t, path, "www IN A 192.0.2.999\n")
		step()
		r.expect(t, "rollback")
		if err := os.Remove(path); err != nil {
			t.Fatal(err)
		}
		step()
		r.expect(t, "rollback")
		step()
		r.expect(t) // not again and again
		i.release()
		r.expect(t, "commit")
	})
}

func TestReloadPausesTheWatchAndAFailedOneResumesIt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := &recorder{}
		i, path := withZoneFile(t, r)
		if err := i.start(); err != nil {
			t.Fatal(err)
		}
		i.pause()
		writeZone(t, path, "ftp IN A 192.0.2.81\n")
		time.Sleep(5 * time.Second)
		synctest.Wait()
		r.expect(t, "acquire")
		i.restartFailed()
		time.Sleep(5 * time.Second)
		synctest.Wait()
		r.expect(t, "rollback", "acquire", "commit")
		i.release()
	})
}

func TestRefusedConfigurationStartsNothing(t *testing.T) {
	r := &recorder{refuse: errors.New("cluster id changed")}
	i, _ := withZoneFile(t, r)
	if err := i.start(); err != r.refuse {
		t.Errorf("Expected the node's refusal, got %v", err)
	}
	if i.stop != nil {
		t.Error("Expected no watch")
	}
}
