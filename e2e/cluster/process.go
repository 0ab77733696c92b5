package cluster

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"syscall"
	"time"
)

// Process is a child process that can be started again after it has ended. Its output goes to one file.
type Process struct {
	name    string
	command func() *exec.Cmd
	log     string // path

	mu      sync.Mutex // guards what follows
	cmd     *exec.Cmd
	done    chan struct{} // closed when cmd has ended
	started time.Time
}

// Start starts it. It must not be running.
func (p *Process) Start() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.running() {
		return fmt.Errorf("%s is running already", p.name)
	}
	if err := os.MkdirAll(filepath.Dir(p.log), 0o700); err != nil {
		return fmt.Errorf("start %s: %w", p.name, err)
	}
	out, err := os.OpenFile(p.log, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return fmt.Errorf("start %s: %w", p.name, err)
	}
	defer out.Close()
	cmd := p.command()
	cmd.Stdout, cmd.Stderr = out, out
	cmd.SysProcAttr = childAttributes()
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("start %s: %w", p.name, err)
	}
	done := make(chan struct{})
	p.cmd, p.done, p.started = cmd, done, time.Now()
	go func() {
		_ = cmd.Wait() // how it ended is in ProcessState
		close(done)
	}()
	return nil
}

// running says whether it was started and has not ended. Callers hold mu.
func (p *Process) running() bool {
	if p.cmd == nil {
		return false
	}
	select {
	case <-p.done:
		return false
	default:
		return true
	}
}

// Running says whether it was started and has not ended.
func (p *Process) Running() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.running()
}

// PID is that of the last start, or 0.
func (p *Process) PID() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.cmd == nil {
		return 0
	}
	return p.cmd.Process.Pid
}

// Signal sends a signal, if it runs.
func (p *Process) Signal(s syscall.Signal) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.running() {
		return fmt.Errorf("%s does not run", p.name)
	}
	return p.cmd.Process.Signal(s)
}

// Kill ends it at once, as a crash would, and gives the time at which it was gone. If it does not run that is now.
func (p *Process) Kill() time.Time {
	p.mu.Lock()
	cmd, done, runs := p.cmd, p.done, p.running()
	p.mu.Unlock()
	if runs {
		_ = cmd.Process.Kill() // it fails only when the process has ended meanwhile
		<-done
	}
	return time.Now()
}

// Terminate asks it to end (SIGTERM), and says what became of that: nil when it ended with status 0 in time. Else it
// is killed.
func (p *Process) Terminate(within time.Duration) error {
	if err := p.Signal(syscall.SIGTERM); err != nil {
		return err
	}
	p.mu.Lock()
	cmd, done := p.cmd, p.done
	p.mu.Unlock()
	select {
	case <-done:
	case <-time.After(within):
		p.Kill()
		return fmt.Errorf("%s did not end within %s of SIGTERM", p.name, within)
	}
	if !cmd.ProcessState.Success() {
		return fmt.Errorf("%s ended with %s", p.name, cmd.ProcessState)
	}
	return nil
}

// Pause makes it stand still (SIGSTOP): the kernel still takes connections for it, but nothing is answered.
func (p *Process) Pause() error {
	if err := p.Signal(syscall.SIGSTOP); err != nil {
		return err
	}
	for range 200 {
		if stopped(p.PID()) {
			return nil
		}
		time.Sleep(5 * time.Millisecond)
	}
	return fmt.Errorf("%s does not stop", p.name)
}

// Resume ends a Pause.
func (p *Process) Resume() error { return p.Signal(syscall.SIGCONT) }

// Log is all that it wrote, over all its starts.
func (p *Process) Log() string {
	b, err := os.ReadFile(p.log)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return err.Error()
	}
	return string(b)
}

// Tail is the last lines of Log.
func (p *Process) Tail(lines int) string {
	b := []byte(p.Log())
	for i, n := len(b)-2, 0; i >= 0; i-- {
		if b[i] == '\n' {
			if n++; n == lines {
				b = b[i+1:]
				break
			}
		}
	}
	return string(bytes.TrimSpace(b))
}
