package raftstore

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hashicorp/raft"

	"failoverdns/state"
)

func lone(t testing.TB, dir string) Config {
	return Config{ID: "ns1", Dir: dir, Timing: LAN, NoSync: true, Logger: testLogger("ns1")}
}

func openLone(t testing.TB, dir string) *Store {
	t.Helper()
	s, err := Open(lone(t, dir))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func startLone(t testing.TB, dir string) *Store {
	t.Helper()
	s := openLone(t, dir)
	s.Start()
	return s
}

func TestLoneNodeKeepsItsStateAndHasItBeforeRaftIsUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dir := t.TempDir()
		s := startLone(t, dir)
		mustPropose(t, s, announce(s, "ns1", "1"))
		out := mustPropose(t, s, announce(s, "ns1", "2"))
		if s.Age() != 0 {
			t.Fatalf("the leader's age is %v", s.Age())
		}
		incarnation, boot, hash := s.Incarnation(), s.Boot(), s.State().Hash
		stopStore(t, s)
		stopStore(t, s)

		s = openLone(t, dir)
		if v, st := version(s, "ns1"), s.State(); v != "2" || st.Index != out.Index || st.Hash != hash {
			t.Fatalf("before Start: version %q, index %d, want 2 and %d", v, st.Index, out.Index)
		}
		if s.Incarnation() != incarnation || s.Boot() == boot {
			t.Fatal("the incarnation is the directory's, the boot ID the process's")
		}
		s.Start()
		mustPropose(t, s, announce(s, "ns1", "3"))
		stopStore(t, s)
		stopStore(t, openLone(t, dir)) // opened and never started
	})
}

func TestDirectoryIsOfOneProcessAndOneNode(t *testing.T) {
	dir := t.TempDir()
	s := openLone(t, dir)
	if _, err := Open(lone(t, dir)); err == nil || !strings.Contains(err.Error(), "in use by another process") {
		t.Fatal(err)
	}
	stopStore(t, s)
	other := lone(t, dir)
	other.ID = "ns2"
	if _, err := Open(other); err == nil || !strings.Contains(err.Error(), `belongs to node "ns1"`) {
		t.Fatal(err)
	}
	stopStore(t, openLone(t, dir)) // the refused one has given the lock back
}

// copyDir is what a kill leaves: the files as they are at this moment.
func copyDir(t *testing.T, from string) string {
	t.Helper()
	to := t.TempDir()
	if err := os.CopyFS(to, os.DirFS(from)); err != nil {
		t.Fatal(err)
	}
	return to
}

func TestColdStartGoesToTheRecordedIndexAndNotPastIt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dir := t.TempDir()
		s := startLone(t, dir)
		mustPropose(t, s, announce(s, "ns1", "1"))
		at := mustPropose(t, s, announce(s, "ns1", "2")).Index
		mustPropose(t, s, announce(s, "ns1", "3"))
		killed := copyDir(t, dir)
		stopStore(t, s)

		recordAll(t, killed, at)
		s = openLone(t, killed)
		if v := version(s, "ns1"); v != "2" || s.State().Index != at {
			t.Fatalf("version %q at %d, want 2 at %d", v, s.State().Index, at)
		}
		s.Start()
		if _, err := s.Lead(t.Context()); err != nil {
			t.Fatal(err)
		}
		if v := version(s, "ns1"); v != "3" {
			t.Fatalf("after Raft is up: version %q, want 3", v)
		}
		stopStore(t, s)
	})
}

func TestLogThatDoesNotReachTheRecordedIndexIsDamaged(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dir := t.TempDir()
		s := startLone(t, dir)
		mustPropose(t, s, announce(s, "ns1", "1"))
		mustPropose(t, s, announce(s, "ns1", "2"))
		killed := copyDir(t, dir)
		last := s.Status().LastIndex
		stopStore(t, s)
		recordAll(t, killed, last+5)

		s = openLone(t, killed)
		s.Start()
		time.Sleep(time.Minute)
		st := s.Status()
		if st.Phase != PhaseDamaged || !strings.Contains(st.Detail, "then join") || st.Raft != "" {
			t.Fatalf("%+v", st)
		}
		if v := version(s, "ns1"); v != "2" {
			t.Fatalf("it answers with version %q; there is a 2", v)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if _, err := s.Propose(ctx, announce(s, "ns1", "4")); !errors.Is(err, ErrNoLeader) {
			t.Fatal(err)
		}
		stopStore(t, s)
	})
}

func TestUnreadableLogServesTheSnapshot(t *testing.T) {
	dir := t.TempDir()
	s := startLone(t, dir)
	mustPropose(t, s, announce(s, "ns1", "1"))
	stopStore(t, s) // with a snapshot
	path := filepath.Join(dir, logFile)
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for i := range b {
		b[i] ^= 0x5a
	}
	if err := os.WriteFile(path, b, 0o600); err != nil {
		t.Fatal(err)
	}
	s = openLone(t, dir)
	defer stopStore(t, s)
	if st := s.Status(); st.Phase != PhaseDamaged || version(s, "ns1") != "1" {
		t.Fatalf("%+v, version %q", st, version(s, "ns1"))
	}
}

func TestLogCutShortOrLostServesTheSnapshotAndStaysOutOfTheCluster(t *testing.T) {
	for name, damage := range map[string]func(path string) error{
		"cut to a fifth":  func(path string) error { return cut(path, 5) },
		"cut to a tenth":  func(path string) error { return cut(path, 10) },
		"cut to nothing":  func(path string) error { return os.Truncate(path, 0) },
		"gone altogether": os.Remove,
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			s := startLone(t, dir)
			for i := range 20 { // the log must reach beyond what is cut
				mustPropose(t, s, announce(s, "ns1", strings.Repeat("x", 20_000)+strconv.Itoa(i)))
			}
			mustPropose(t, s, announce(s, "ns1", "1"))
			stopStore(t, s) // with a snapshot that reaches the recorded index
			if err := damage(filepath.Join(dir, logFile)); err != nil {
				t.Fatal(err)
			}
			for range 2 { // opening it must not make it look sound
				s = openLone(t, dir)
				s.Start()
				if st := s.Status(); st.Phase != PhaseDamaged || !strings.Contains(st.Detail, "then join") || version(s, "ns1") != "1" {
					t.Errorf("%+v, version %q", st, version(s, "ns1"))
				}
				stopStore(t, s)
			}
		})
	}
}

// cut leaves the first of so many parts of a file.
func cut(path string, parts int64) error {
	info, err := os.Stat(path)
	if err != nil {
		return err
	}
	return os.Truncate(path, info.Size()/parts)
}

func TestUnreadableSnapshotFallsBackToTheOneBefore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dir := t.TempDir()
		for _, v := range []string{"1", "2"} {
			s := startLone(t, dir)
			mustPropose(t, s, announce(s, "ns1", v))
			time.Sleep(time.Second) // snapshots are named by time
			stopStore(t, s)
		}
		snaps, err := raft.NewFileSnapshotStoreWithLogger(dir, 3, raftLogger(testLogger("")))
		if err != nil {
			t.Fatal(err)
		}
		list, err := snaps.List()
		if err != nil || len(list) != 2 {
			t.Fatal(list, err)
		}
		if err := os.WriteFile(filepath.Join(dir, "snapshots", list[0].ID, "state.bin"), []byte("no"), 0o600); err != nil {
			t.Fatal(err)
		}
		s := startLone(t, dir)
		if v := version(s, "ns1"); v != "2" || s.Status().Phase == PhaseDamaged {
			t.Fatalf("version %q, %+v", v, s.Status())
		}
		mustPropose(t, s, announce(s, "ns1", "3"))
		stopStore(t, s)
		if _, err := os.Stat(filepath.Join(dir, damagedSnapshot, list[0].ID)); err != nil {
			t.Fatal("the damaged snapshot is where Raft would trust it")
		}
	})
}

func TestUnknownCommandHaltsAndNothingElse(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dir := t.TempDir()
		s := startLone(t, dir)
		mustPropose(t, s, announce(s, "ns1", "1"))
		before := s.State()
		if err := s.raft.Load().Apply([]byte{1, 255, '{', '}'}, time.Second).Error(); err != nil {
			t.Fatal(err)
		}
		if s.State() != before {
			t.Fatal("the state moved")
		}
		if st := s.Status(); st.Phase != PhaseHalted || !strings.Contains(st.Detail, "version") {
			t.Fatalf("%+v", st)
		}
		synctest.Wait()
		if _, err := s.Propose(t.Context(), announce(s, "ns1", "2")); !errors.Is(err, ErrNoLeader) {
			t.Fatalf("a halted node leads on: %v", err)
		}
		if err := s.raft.Load().Snapshot().Error(); err == nil {
			t.Fatal("a halted node took a snapshot")
		}
		stopStore(t, s)
		s = startLone(t, dir)
		time.Sleep(10 * time.Second)
		if st := s.Status(); st.Phase != PhaseHalted || version(s, "ns1") != "1" {
			t.Fatalf("after a restart: %+v, version %q", st, version(s, "ns1"))
		}
		stopStore(t, s)
	})
}

func TestPanicInOnApplyHalts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cfg := lone(t, t.TempDir())
		cfg.OnApply = func(st *state.State, _ state.Result, _ Moment) {
			if n, ok := st.Nodes.Get("ns1"); ok && n.Version == "boom" {
				panic("boom")
			}
		}
		s, err := Open(cfg)
		if err != nil {
			t.Fatal(err)
		}
		s.Start()
		if _, err := s.Propose(t.Context(), announce(s, "ns1", "boom")); !errors.Is(err, ErrUnknownOutcome) {
			t.Fatal(err)
		}
		if st := s.Status(); st.Phase != PhaseHalted {
			t.Fatalf("%+v", st)
		}
		stopStore(t, s)
	})
}

func TestRefusalIsAnOutcome(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := startLone(t, t.TempDir())
		defer stopStore(t, s)
		out, err := s.Propose(t.Context(), announce(s, "nobody", "1"))
		if err != nil || out.Refusal == nil || out.Refusal.Code != state.RefusedNotFound {
			t.Fatalf("%+v, %v", out, err)
		}
	})
}

func TestClusterClockStandsWhileTheClusterDoesAndNeverGoesBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dir := t.TempDir()
		s := startLone(t, dir)
		mustPropose(t, s, announce(s, "ns1", "1"))
		time.Sleep(time.Hour)
		mustPropose(t, s, announce(s, "ns1", "2"))
		at := s.State().Clock
		if at < time.Hour || at > time.Hour+10*time.Second {
			t.Fatalf("an hour later the clock is %v", at)
		}
		stopStore(t, s)
		time.Sleep(24 * time.Hour)
		s = startLone(t, dir)
		defer stopStore(t, s)
		mustPropose(t, s, announce(s, "ns1", "3"))
		if now := s.State().Clock; now < at || now > at+10*time.Second {
			t.Fatalf("after a day off the clock went from %v to %v", at, now)
		}
	})
}

func TestMemberOfAClusterDoesNotRunAlone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := memCluster(t)
		c.start("ns1", "ns2", "ns3")
		c.leader()
		c.end()
		cfg := c.config("ns1")
		cfg.Peers, cfg.Trust, cfg.Listen = nil, nil, ""
		s, err := Open(cfg)
		if err != nil {
			t.Fatal(err)
		}
		s.Start()
		time.Sleep(time.Minute)
		if st := s.Status(); !strings.Contains(st.Detail, "no peers are configured") {
			t.Fatalf("%+v", st)
		}
		stopStore(t, s)
	})
}

func TestConfigurationErrorsNameTheValue(t *testing.T) {
	for want, cfg := range map[string]Config{
		`"a b"`:               {ID: "a b", Dir: "x"},
		"no data directory":   {ID: "a"},
		"not among its peers": {ID: "a", Dir: "x", Peers: []Peer{{"b", "1.2.3.4:1"}}},
		`"nowhere"`:           {ID: "a", Dir: "x", Peers: []Peer{{"a", "nowhere"}}},
		"listed twice":        {ID: "a", Dir: "x", Peers: []Peer{{"a", "1.2.3.4:1"}, {"b", "1.2.3.4:1"}}},
		"need certificates":   {ID: "a", Dir: "x", Peers: []Peer{{"a", "1.2.3.4:1"}}},
	} {
		if _, err := Open(cfg); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%+v: %v, want %q", cfg, err, want)
		}
	}
}
