package main

import (
	"strings"

	clog "github.com/coredns/coredns/plugin/pkg/log"
	"github.com/coreos/go-systemd/v22/daemon"
)

// tell gives systemd a state, if any, and a line for systemctl status. Without systemd it does nothing.
func tell(state, line string) {
	if _, err := daemon.SdNotify(false, state+"\nSTATUS="+strings.ReplaceAll(line, "\n", " ")); err != nil {
		clog.Warningf("systemd was not told %q: %v", line, err)
	}
}
