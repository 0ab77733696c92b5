package raftstore

import (
	"bytes"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

func TestTroubleWithADeadMemberIsToldOnceAMinute(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var text bytes.Buffer
		log := raftLogger(slog.New(slog.NewTextHandler(&text, nil)))
		for range 150 { // two and a half minutes
			log.Error("failed to heartbeat to", "peer", "192.0.2.3:5300", "error", "refused")
			log.Error("failed to heartbeat to", "peer", "192.0.2.4:5300", "error", "refused")
			time.Sleep(time.Second)
		}
		for _, peer := range []string{"192.0.2.3:5300", "192.0.2.4:5300"} {
			if n := strings.Count(text.String(), "peer="+peer); n != 3 {
				t.Errorf("of %s it is told %d times:\n%s", peer, n, &text)
			}
		}
		if n := strings.Count(text.String(), "repeated=59"); n != 4 {
			t.Errorf("how often it was silent is told %d times:\n%s", n, &text)
		}
		log.Error("failed to commit logs", "error", "disk full")
		if !strings.Contains(text.String(), "disk full") {
			t.Error("other trouble is not told at once")
		}
	})
}
