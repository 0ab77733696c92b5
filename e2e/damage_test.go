package e2e

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"failoverdns/e2e/cluster"
)

// outcast is damage to a node's data directory while it is down, and what becomes of the node.
type outcast struct {
	name   string
	damage func(t *testing.T, dir string)
	answer string   // what it must answer with
	phase  string   // "running" if it must take part as before
	says   []string // in its status
}

func TestDamagedNodeSaysTheWayOutStaysOutOfTheClusterAndAnswersFromWhatIsGood(t *testing.T) {
	c := launch(t, cluster.Spec{Interval: fast})
	seen := observe(t, c)
	broken := time.Now()
	ok(t, c.Site("azure").SetFaults(cluster.Faults{Status: 503}))
	ok(t, seen.Wait(soon(t), aws, broken))
	victim := followerOf(t, c)
	rest := but(c, victim)
	ok(t, victim.Stop()) // with a snapshot
	whole := copied(t, dataDir(victim))
	since := time.Now()
	term := members(t, rest[0]).Cluster.Term

	for _, o := range outcasts() {
		t.Run(o.name, func(t *testing.T) {
			ok(t, os.RemoveAll(dataDir(victim)))
			ok(t, os.CopyFS(dataDir(victim), os.DirFS(whole)))
			o.damage(t, dataDir(victim))
			before, said := time.Now(), len(victim.Log())
			ok(t, victim.Start())
			defer victim.Kill()
			ok(t, seen.Wait(soon(t), o.answer, before, victim.ID))
			o.check(t, victim, said)
			onlyAnswered(t, seen, victim, before, o.answer)
		})
	}
	onlyAnswers(t, seen, rest, since, aws)
	for _, n := range rest {
		if now := members(t, n).Cluster; now.Term != term || !now.Quorum {
			t.Errorf("%s: term %d, quorum %t; the others were disturbed in term %d", n.ID, now.Term, now.Quorum, term)
		}
	}
}

// outcasts are in order: the last one takes part again.
func outcasts() []outcast {
	log := func(dir string) string { return filepath.Join(dir, "raft.db") }
	wayOut := []string{"not ready", "the log is damaged", "then join"}
	return []outcast{
		{"the directory is wiped", func(t *testing.T, dir string) { ok(t, os.RemoveAll(dir)) },
			"SERVFAIL", "wiped", []string{"not ready", "another data directory", "remove it, then join"}},
		{"the log is overwritten in the middle", func(t *testing.T, dir string) { overwrite(t, log(dir), 2*4096, 8*4096) },
			aws, "damaged", wayOut},
		{"the log's first pages are overwritten", func(t *testing.T, dir string) { overwrite(t, log(dir), 0, 2*4096) },
			aws, "damaged", wayOut},
		{"the log is cut short", func(t *testing.T, dir string) { ok(t, os.Truncate(log(dir), 3*4096)) },
			aws, "damaged", wayOut},
		{"the log is lost", func(t *testing.T, dir string) { ok(t, os.Remove(log(dir))) },
			aws, "damaged", wayOut},
		{"the applied index is garbage", func(t *testing.T, dir string) { overwrite(t, filepath.Join(dir, "applied"), 0, 2*4096) },
			aws, "damaged", []string{"not ready", "applied index is damaged", "then join"}},
		{"log and snapshot are damaged", func(t *testing.T, dir string) { ok(t, os.Remove(log(dir))); cutSnapshot(t, dir) },
			"SERVFAIL", "damaged", wayOut},
		{"one slot of the applied index is torn and the snapshot is cut short, the log is whole", func(t *testing.T, dir string) {
			overwrite(t, filepath.Join(dir, "applied"), 8, 2)
			cutSnapshot(t, dir)
		}, aws, "running", nil},
	}
}

func (o *outcast) check(t *testing.T, n *cluster.Node, said int) {
	t.Helper()
	if o.phase == "running" {
		ok(t, n.WaitReady(soon(t)))
		eventually(t, func() error { return atEase(t, n) })
		if aside, err := filepath.Glob(filepath.Join(dataDir(n), "damaged-snapshots", "*")); err != nil || len(aside) != 1 {
			t.Errorf("the damaged snapshot was not set aside: %q, %v", aside, err)
		}
		return
	}
	eventually(t, func() error {
		m, err := n.API().Members(t.Context())
		if err == nil && m.Cluster.Phase != o.phase {
			err = fmt.Errorf("its phase is %q, not %q: %s", m.Cluster.Phase, o.phase, m.Cluster.Detail)
		}
		return err
	})
	time.Sleep(time.Second) // a few heartbeats of the leader, which must not draw it in
	page := command(t, n, 1, "status")
	for _, text := range o.says {
		if !strings.Contains(strings.ToLower(page), text) {
			t.Errorf("status does not say %q:\n%s", text, page)
		}
	}
	if m := members(t, n).Cluster; m.Phase != o.phase || m.Ready || m.RaftState != "" {
		t.Errorf("phase %q, ready %t, Raft %q", m.Phase, m.Ready, m.RaftState)
	}
	if err := n.Ready(soon(t)); err == nil {
		t.Error("/ready says ready")
	}
	if log := n.Log()[said:]; !strings.Contains(log, "then join") && o.phase == "damaged" {
		t.Errorf("its log does not say the way out:\n%s", log)
	}
}

// atEase wants failoverctl status to exit with 0.
func atEase(t *testing.T, n *cluster.Node) error {
	out, err := n.CLI(t.Context(), "status")
	if err == nil && out.Status != 0 {
		err = unexpected("status", out)
	}
	return err
}

// overwrite puts garbage in a file.
func overwrite(t *testing.T, path string, at, size int) {
	t.Helper()
	f, err := os.OpenFile(path, os.O_WRONLY, 0)
	ok(t, err)
	_, err = f.WriteAt([]byte(strings.Repeat("garbage ", size/8+1)[:size]), int64(at))
	ok(t, errors.Join(err, f.Close()))
}

// cutSnapshot halves the newest snapshot.
func cutSnapshot(t *testing.T, dir string) {
	t.Helper()
	all, err := filepath.Glob(filepath.Join(dir, "snapshots", "*", "state.bin"))
	ok(t, err)
	if len(all) == 0 {
		t.Fatal("there is no snapshot")
	}
	newest := slices.MaxFunc(all, func(a, b string) int { return modified(t, a).Compare(modified(t, b)) })
	info, err := os.Stat(newest)
	ok(t, err)
	ok(t, os.Truncate(newest, info.Size()/2))
}

func modified(t *testing.T, path string) time.Time {
	t.Helper()
	info, err := os.Stat(path)
	ok(t, err)
	return info.ModTime()
}

func copied(t *testing.T, dir string) string {
	t.Helper()
	to := filepath.Join(t.TempDir(), "data")
	ok(t, os.CopyFS(to, os.DirFS(dir)))
	return to
}

func TestKilledNodeWithADamagedLogAndNoSnapshotAnswersUpToTheDamageOrNotAtAll(t *testing.T) {
	c := launch(t, cluster.Spec{Interval: fast})
	seen := observe(t, c)
	victim := followerOf(t, c)
	time.Sleep(200 * time.Millisecond)
	for _, n := range c.Nodes() { // the others too: with nobody to talk to, it can be put back as it was
		n.Kill()
	}
	whole := copied(t, dataDir(victim))
	for page := 2; page < 16; page += 2 { // whatever bbolt keeps there
		t.Run(fmt.Sprintf("page %d", page), func(t *testing.T) {
			ok(t, os.RemoveAll(dataDir(victim)))
			ok(t, os.CopyFS(dataDir(victim), os.DirFS(whole)))
			overwrite(t, filepath.Join(dataDir(victim), "raft.db"), page*4096, 2*4096)
			before := time.Now()
			ok(t, victim.Start())
			defer victim.Kill()
			var answer string
			eventually(t, func() error {
				s := seen.Last(victim.ID)
				answer = s.Answer
				if s.Sent.Before(before) {
					return errors.New("it was not asked yet")
				}
				return s.Err
			})
			phase := members(t, victim).Cluster.Phase
			t.Logf("it answers %s, and is %s", answer, phase)
			if answer != azure && (answer != "SERVFAIL" || phase == "running") {
				t.Errorf("it answers %s, and is %s", answer, phase)
			}
			if phase == "running" {
				t.Skip("there was nothing of worth on that page") // bbolt's free pages
			}
			if phase != "damaged" && phase != "halted" {
				t.Errorf("its phase is %q", phase)
			}
			if page := command(t, victim, 1, "status"); !strings.Contains(page, "then join") {
				t.Errorf("status does not say the way out:\n%s", page)
			}
		})
	}
}

func TestLogCutShortUnderARunningNodeCostsNoAnswer(t *testing.T) {
	c := launch(t, cluster.Spec{Interval: fast})
	seen := observe(t, c)
	victim := followerOf(t, c)
	rest := but(c, victim)
	cut := time.Now()
	ok(t, os.Truncate(filepath.Join(dataDir(victim), "raft.db"), 3*4096))
	ok(t, c.Site("azure").SetFaults(cluster.Faults{Status: 503})) // so that there is something to write
	ok(t, seen.Wait(soon(t), aws, cut, rest[0].ID, rest[1].ID))
	eventually(t, func() error {
		if phase := members(t, victim).Cluster.Phase; phase != "fault" && phase != "damaged" {
			return fmt.Errorf("its phase is %q", phase)
		}
		return nil
	})
	onlyAnswers(t, seen, c.Nodes(), cut, azure, aws)

	before := time.Now()
	victim.Kill()
	ok(t, victim.Start())
	ok(t, seen.Wait(soon(t), "SERVFAIL", before, victim.ID)) // there is no snapshot
	page := command(t, victim, 1, "status")
	for _, text := range []string{"the log is damaged", "then join"} {
		if !strings.Contains(page, text) {
			t.Errorf("status does not say %q:\n%s", text, page)
		}
	}
	onlyAnswers(t, seen, rest, before, aws)
}
