package main

import (
	"net"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// TestSystemdIsToldWhatTheServerDoes: it is ready once it serves, and says in one line whether a reload was taken.
func TestSystemdIsToldWhatTheServerDoes(t *testing.T) {
	socket := filepath.Join(t.TempDir(), "notify")
	systemd, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: socket, Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	defer systemd.Close()
	t.Setenv("NOTIFY_SOCKET", socket)
	heard := func(want string) {
		t.Helper()
		b := make([]byte, 4096)
		if err := systemd.SetReadDeadline(time.Now().Add(patience)); err != nil {
			t.Fatal(err)
		}
		n, err := systemd.Read(b)
		if got := string(b[:n]); err != nil || !strings.HasPrefix(got, want) || strings.Count(got, "\n") != 1 {
			t.Errorf("Expected systemd to be told %q, got %q (%v)", want, got, err)
		}
	}

	s := startServing(t)
	heard("READY=1\nSTATUS=serves " + s.file)
	for _, c := range []struct{ ttl, want string }{{"soon", "everything stays as it was: "}, {"30", "serves "}} {
		s.write(t, s.withTTL(c.ttl))
		s.signals <- syscall.SIGUSR1
		heard("\nSTATUS=" + c.want)
	}
	s.signals <- syscall.SIGTERM
	heard("STOPPING=1\nSTATUS=stopping")
	if err := <-s.ended; err != nil {
		t.Errorf("Expected a clean stop, got %v", err)
	}
}
