package cluster

import "syscall"

// childAttributes puts a child into a process group of its own, so that Ctrl-C reaches this program alone, which ends
// its children in order; and has the kernel kill the child when this program dies. The kernel's rule is about the
// thread that started the child, but Go's runtime ends no thread unless a goroutine that is locked to one returns.
func childAttributes() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
}
