package node

import (
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hashicorp/raft"
	raftboltdb "github.com/hashicorp/raft-boltdb/v2"
)

// TestOnlyARunningNodeIsReady: one that has stopped applying, at a command which it does not know, keeps answering and
// says what helps.
func TestOnlyARunningNodeIsReady(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, []string{"ns1"})
		defer w.stopAll()
		w.start("ns1")
		w.eventually(time.Minute, "the node is ready", func() bool { ok, _ := w.nodes["ns1"].Ready(); return ok })
		w.eventually(time.Minute, "it answers", w.answer(azure, "ns1"))
		w.stop("ns1")
		appendUnknownCommand(t, w.config("ns1").DataDir)

		n := w.start("ns1")
		for range 60 {
			time.Sleep(time.Second)
			if !answers(n, azure) {
				t.Fatalf("it does not answer any more: %s", w.describe())
			}
		}
		if ok, why := n.Ready(); ok || !strings.Contains(why, "install the version that the others run") {
			t.Errorf("ready %v: %s", ok, why)
		}
	})
}

// appendUnknownCommand puts an entry of a later version into a log.
func appendUnknownCommand(t *testing.T, dir string) {
	t.Helper()
	log, err := raftboltdb.New(raftboltdb.Options{Path: filepath.Join(dir, "raft.db"), NoSync: true, MsgpackUseNewTimeFormat: true})
	if err != nil {
		t.Fatal(err)
	}
	defer log.Close()
	last, err := log.LastIndex()
	if err != nil {
		t.Fatal(err)
	}
	var entry raft.Log
	if err := log.GetLog(last, &entry); err != nil {
		t.Fatal(err)
	}
	if err := log.StoreLog(&raft.Log{Index: last + 1, Term: entry.Term, Type: raft.LogCommand, Data: []byte{1, 255, '{', '}'}}); err != nil {
		t.Fatal(err)
	}
}
