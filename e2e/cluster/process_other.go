//go:build !linux

package cluster

import "syscall"

// childAttributes puts a child into a process group of its own, so that Ctrl-C reaches this program alone, which ends
// its children in order.
func childAttributes() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true}
}

// stopped cannot be told here.
func stopped(int) bool { return true }
