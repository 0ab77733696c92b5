package raftstore

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"sync"
	"time"

	"github.com/hashicorp/go-hclog"
)

// repeatAfter is how often the same trouble with the same member is told: Raft tells it several times a second for as
// long as a member is away.
const repeatAfter = time.Minute

// maxTold bounds what is remembered of what was told.
const maxTold = 256

// raftLogger passes Raft's log on, each level one lower than Raft has it: what it warns of, lost heartbeats and
// elections, is the daily life of a cluster.
func raftLogger(log *slog.Logger) hclog.Logger {
	l := hclog.NewInterceptLogger(&hclog.LoggerOptions{Level: hclog.Off, Output: io.Discard})
	l.RegisterSink(&sink{log: log, told: map[string]*told{}})
	return l
}

type sink struct {
	log *slog.Logger

	mu   sync.Mutex // guards told
	told map[string]*told
}

// told is a line that was logged, and how often it came since.
type told struct {
	at     time.Time
	silent int
}

func (s *sink) Accept(_ string, level hclog.Level, msg string, args ...any) {
	var to slog.Level
	switch level {
	case hclog.Info:
		to = slog.LevelDebug
	case hclog.Warn:
		to = slog.LevelInfo
	case hclog.Error:
		to = slog.LevelWarn
	default:
		return
	}
	for i, a := range args {
		if f, ok := a.(hclog.Format); ok && len(f) > 0 {
			args[i] = fmt.Sprintf(fmt.Sprint(f[0]), f[1:]...)
		}
	}
	if to > slog.LevelDebug {
		silent, ok := s.due(msg + about(args))
		if !ok {
			return
		}
		if silent > 0 {
			args = append(args[:len(args):len(args)], "repeated", silent)
		}
	}
	s.log.Log(context.Background(), to, "raft: "+msg, args...)
}

// due says whether a line is to be logged, and how often it was not since the last time.
func (s *sink) due(key string) (silent int, ok bool) {
	now := time.Now()
	s.mu.Lock()
	defer s.mu.Unlock()
	if t := s.told[key]; t != nil && now.Sub(t.at) < repeatAfter {
		t.silent++
		return 0, false
	} else if t != nil {
		silent = t.silent
	}
	if len(s.told) >= maxTold {
		clear(s.told)
	}
	s.told[key] = &told{at: now}
	return silent, true
}

// about is the member that a line speaks of, or the server as Raft prints it; what else stands in it differs each time.
func about(args []any) string {
	for i := 0; i+1 < len(args); i += 2 {
		switch args[i] {
		case "peer", "server-id", "id", "from":
			return fmt.Sprintf(" %v", args[i+1])
		}
	}
	return ""
}
