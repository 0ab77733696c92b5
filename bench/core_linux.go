package main

import (
	"fmt"
	"runtime"

	"golang.org/x/sys/unix"
)

// onCore runs f on a thread that is bound to one core, so that a child that f starts is bound to it, and Go programs
// among these see a machine of one core.
func onCore(core int, f func() error) error {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	var before, one unix.CPUSet
	if err := unix.SchedGetaffinity(0, &before); err != nil {
		return fmt.Errorf("read the thread's cores: %w", err)
	}
	one.Set(core)
	if err := unix.SchedSetaffinity(0, &one); err != nil {
		return fmt.Errorf("bind a thread to core %d: %w", core, err)
	}
	defer func() { _ = unix.SchedSetaffinity(0, &before) }() // it was allowed a moment ago
	return f()
}
