package world

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// Machine is a host with a systemd of its own as process 1. Its disk is this machine's, and what is written there stays
// in memory; nothing of this machine's /run and /dev is in it.
type Machine struct {
	*Host
	outer *exec.Cmd // unshare
	init  int       // systemd's process ID, as it is here
}

// bootPatience is how long systemd may take to start.
const bootPatience = 30 * time.Second

const systemd = "/lib/systemd/systemd"

// boot runs inside new namespaces: $1 is an empty directory; $2 is what is to stand in $3 there. Only basic.target is
// started, none of this machine's own services.
const boot = `set -eu
mount --make-rprivate /
mount -t tmpfs none "$1"
mkdir "$1/upper" "$1/work" "$1/root"
mount -t overlay overlay -o "lowerdir=/,upperdir=$1/upper,workdir=$1/work" "$1/root"
cd "$1/root"
rm -f etc/machine-id && touch etc/machine-id
mount -t proc proc proc
mount -t sysfs sysfs sys
mount -t tmpfs none sys/fs/cgroup
mount -t cgroup2 cgroup2 sys/fs/cgroup
mount -t tmpfs none run
mount -t tmpfs -o mode=755 none dev
for d in null zero full random urandom tty; do touch dev/$d; mount --bind /dev/$d dev/$d; done
mkdir dev/pts dev/shm
mount -t devpts -o newinstance,ptmxmode=666 devpts dev/pts
ln -s pts/ptmx dev/ptmx
mount -t tmpfs none dev/shm
mkdir -p ".$3" old
mount --bind "$2" ".$3"
pivot_root . old
umount -l /old
export container=world PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
exec ` + systemd + ` --unit=basic.target
`

// Boot starts systemd on a host; a directory of this machine stands in another one there. Close must come before the
// network's.
func (h *Host) Boot(dir, there string) (m *Machine, err error) {
	empty, err := os.MkdirTemp("/var/tmp", "fdw-")
	if err != nil {
		return nil, err
	}
	defer os.Remove(empty) // what is mounted there is not mounted here
	dir, err = filepath.Abs(dir)
	if err != nil {
		return nil, err
	}
	words := append(h.Within(), "unshare", "--mount", "--pid", "--fork", "--uts", "--ipc", "--cgroup", "--kill-child", "sh", "-c", boot, "boot", empty, dir, there)
	m = &Machine{Host: h, outer: exec.Command(words[0], words[1:]...)}
	var said bytes.Buffer
	m.outer.Stdout, m.outer.Stderr = &said, &said
	m.outer.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Pdeathsig: syscall.SIGKILL}
	if err := m.outer.Start(); err != nil {
		return nil, fmt.Errorf("boot %s: %w", h.Name, err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), bootPatience)
	defer cancel()
	if err := m.waitRunning(ctx); err != nil {
		m.Close()
		return nil, fmt.Errorf("boot %s: %w: %s", h.Name, err, bytes.TrimSpace(said.Bytes()))
	}
	return m, nil
}

func (m *Machine) waitRunning(ctx context.Context) error {
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for {
		if m.init = onlyChild(m.outer.Process.Pid); m.init != 0 {
			out, err := m.Run(ctx, "systemctl", "is-system-running", "--wait")
			if state := strings.TrimSpace(out); state == "running" || state == "degraded" {
				return nil
			} else if ctx.Err() != nil {
				return fmt.Errorf("%q, %w", state, errors.Join(err, ctx.Err()))
			}
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return fmt.Errorf("no systemd after %s", bootPatience)
		}
	}
}

// onlyChild is the process ID of a process's only child once that is systemd, or 0.
func onlyChild(pid int) int {
	list, _ := os.ReadFile(fmt.Sprintf("/proc/%d/task/%d/children", pid, pid))
	child, err := strconv.Atoi(strings.TrimSpace(string(list)))
	if err != nil {
		return 0
	}
	if name, _ := os.ReadFile(fmt.Sprintf("/proc/%d/comm", child)); string(name) != "systemd\n" {
		return 0
	}
	return child
}

// Run runs a command line on the machine as root, and gives what it wrote.
func (m *Machine) Run(ctx context.Context, words ...string) (string, error) {
	enter := []string{"--target", strconv.Itoa(m.init), "--mount", "--pid", "--uts", "--ipc", "--net", "--cgroup", "--root", "--wd", "--"}
	cmd := exec.CommandContext(ctx, "nsenter", append(enter, words...)...)
	out, err := cmd.CombinedOutput()
	if err != nil {
		err = fmt.Errorf("%s: %s: %w: %s", m.Name, strings.Join(words, " "), err, bytes.TrimSpace(out))
	}
	return string(out), err
}

// Close ends all that runs on the machine, without asking it to.
func (m *Machine) Close() {
	if m.init != 0 {
		_ = syscall.Kill(m.init, syscall.SIGKILL) // the kernel ends the rest of its namespace
	} else {
		_ = m.outer.Process.Kill()
	}
	_ = m.outer.Wait() // it was killed
}

// Bootable says why machines cannot be booted here, if so.
func Bootable() error {
	for _, tool := range []string{"unshare", "nsenter"} {
		if _, err := lookPath(tool); err != nil {
			return err
		}
	}
	if _, err := os.Stat(systemd); err != nil {
		return fmt.Errorf("systemd is not installed: %w", err)
	}
	return nil
}
