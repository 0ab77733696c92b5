package world

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"syscall"
	"time"
)

// SmallDisk puts a disk of its own, in memory, at a directory, until remove is called.
func SmallDisk(dir string, megabytes int) (remove func() error, err error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("make %q: %w", dir, err)
	}
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, fmt.Sprintf("size=%dm", megabytes)); err != nil {
		return nil, fmt.Errorf("mount a disk at %q: %w", dir, err)
	}
	return func() error { return syscall.Unmount(dir, syscall.MNT_DETACH) }, nil
}

// ballast is the file that Fill makes.
const ballast = "ballast"

// Fill leaves no byte free on the disk at a directory.
func Fill(dir string) error {
	f, err := os.OpenFile(filepath.Join(dir, ballast), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return fmt.Errorf("fill %q: %w", dir, err)
	}
	defer f.Close()
	for size := 1 << 20; size > 0; {
		if _, err := f.Write(make([]byte, size)); errors.Is(err, syscall.ENOSPC) {
			size /= 2
		} else if err != nil {
			return fmt.Errorf("fill %q: %w", dir, err)
		}
	}
	return nil
}

// Empty takes what Fill made away.
func Empty(dir string) error { return os.Remove(filepath.Join(dir, ballast)) }

// Tracing says why Inject cannot work here, if so.
func Tracing() error {
	_, err := lookPath("strace")
	return err
}

// Inject has strace tamper with a running process: what is strace's word for the calls and the harm, such as
// "fsync,fdatasync:delay_enter=300000" or "fsync,fdatasync:error=EIO". It lasts until stop is called.
func Inject(pid int, what string) (stop func() error, err error) {
	path, err := lookPath("strace")
	if err != nil {
		return nil, err
	}
	cmd := exec.Command(path, "-f", "-q", "-p", strconv.Itoa(pid), "-o", "/dev/null", "-e", "inject="+what)
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGTERM}
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("trace %d: %w", pid, err)
	}
	stop = func() error {
		_ = cmd.Process.Signal(syscall.SIGTERM) // it lets go of the process, and ends by this signal
		_ = cmd.Wait()
		return nil
	}
	return stop, waitTraced(pid)
}

// waitTraced waits until every thread of a process has a tracer.
func waitTraced(pid int) error {
	for range 200 {
		threads, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/status", pid))
		if err != nil || len(threads) == 0 {
			return fmt.Errorf("trace %d: it is not there", pid)
		}
		all := true
		for _, t := range threads {
			all = all && traced(t)
		}
		if all {
			return nil
		}
		time.Sleep(10 * time.Millisecond)
	}
	return fmt.Errorf("trace %d: strace did not get hold of it", pid)
}
