package main

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// The two cores: one for what is measured, one for what asks.
const (
	serverCore = 0
	clientCore = 1
)

// process is a server under measurement, bound to one core with all of its children.
type process struct {
	name string
	cmd  *exec.Cmd
	done chan struct{} // closed when it has ended
	log  string        // path of its output
}

// start starts a program on the server's core. Its output goes to a file in dir.
func start(name, dir string, argv ...string) (*process, error) {
	p := &process{name: name, log: filepath.Join(dir, "output.log"), done: make(chan struct{})}
	out, err := os.Create(p.log)
	if err != nil {
		return nil, err
	}
	defer out.Close()
	p.cmd = exec.Command(argv[0], argv[1:]...)
	p.cmd.Dir, p.cmd.Stdout, p.cmd.Stderr = dir, out, out
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := onCore(serverCore, p.cmd.Start); err != nil {
		return nil, fmt.Errorf("start %s: %w", name, err)
	}
	go func() {
		_ = p.cmd.Wait() // how it ended is in ProcessState
		close(p.done)
	}()
	return p, nil
}

// stop ends it with all of its children.
func (p *process) stop() {
	_ = unix.Kill(-p.cmd.Process.Pid, unix.SIGTERM) // fails only when all have ended
	select {
	case <-p.done:
	case <-time.After(10 * time.Second):
		_ = unix.Kill(-p.cmd.Process.Pid, unix.SIGKILL)
		<-p.done
	}
}

// tail are its last words.
func (p *process) tail() string {
	b, err := os.ReadFile(p.log)
	if err != nil {
		return err.Error()
	}
	lines := bytes.Split(bytes.TrimSpace(b), []byte("\n"))
	return string(bytes.Join(lines[max(0, len(lines)-5):], []byte("\n")))
}

// tick is the unit of CPU times in /proc: USER_HZ, 100 on every Linux that Go runs on (man 5 proc).
const tick = 10 * time.Millisecond

// cpu is the CPU time, user and system, that the process and its descendants have used, by the kernel's accounting.
// Threads that have ended are counted; descendants that have ended are, once their parent has waited for them.
func (p *process) cpu() (time.Duration, error) { return cpuOf(p.cmd.Process.Pid) }

func cpuOf(pid int) (time.Duration, error) {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return 0, err
	}
	total, err := parseStat(string(b))
	if err != nil {
		return 0, fmt.Errorf("read /proc/%d/stat: %w", pid, err)
	}
	for _, child := range children(pid) {
		t, err := cpuOf(child)
		if err != nil && !errors.Is(err, os.ErrNotExist) {
			return 0, err
		}
		total += t
	}
	return total, nil
}

// parseStat gives utime, stime, cutime and cstime together: fields 14 to 17, behind a name in brackets that may hold
// anything.
func parseStat(stat string) (time.Duration, error) {
	fields := strings.Fields(stat[strings.LastIndexByte(stat, ')')+1:])
	if len(fields) < 15 {
		return 0, fmt.Errorf("it has %d fields after the name, and at least 15 are due", len(fields))
	}
	var total time.Duration
	for _, f := range fields[11:15] {
		n, err := strconv.Atoi(f)
		if err != nil {
			return 0, err
		}
		total += time.Duration(n) * tick
	}
	return total, nil
}

func children(pid int) (out []int) {
	files, _ := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/children", pid))
	for _, f := range files {
		b, err := os.ReadFile(f)
		if err != nil {
			continue // the thread has ended
		}
		for _, s := range strings.Fields(string(b)) {
			if n, err := strconv.Atoi(s); err == nil {
				out = append(out, n)
			}
		}
	}
	return out
}

// resident is the memory that the process holds, in bytes (VmRSS).
func (p *process) resident() (int64, error) {
	var kib int64
	_, err := fmt.Sscanf(field(fmt.Sprintf("/proc/%d/status", p.cmd.Process.Pid), "VmRSS"), "%d kB", &kib)
	return kib << 10, err
}
