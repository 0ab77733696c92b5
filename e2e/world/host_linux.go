package world

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"runtime"

	"golang.org/x/sys/unix"
)

// Host is a network namespace with one address.
type Host struct {
	Name    string
	Address string
	network *Network
	space   string // the namespace
}

// rules: what hosts in the set cut send is dropped, and of the rest a share, if a test says so.
const rules = `table inet world {
	set cut { type ipv4_addr; }
	set peers { type ipv4_addr; }
	chain loss { }
	chain in { type filter hook input priority 0; ip saddr @cut drop; ip saddr @peers jump loss; }
}`

func (h *Host) build() error {
	if err := run("ip", "netns", "add", h.space); err != nil {
		return err
	}
	h.network.atEnd(func() error { return run("ip", "netns", "del", h.space) })
	return errors.Join(
		h.network.inside("link", "add", h.Name, "type", "veth", "peer", "name", "eth0", "netns", h.space),
		h.network.inside("link", "set", h.Name, "master", "bridge", "up"),
		h.run("ip", "addr", "add", h.Address+"/24", "dev", "eth0"),
		h.run("ip", "link", "set", "eth0", "up"), h.run("ip", "link", "set", "lo", "up"),
		h.nft(rules))
}

// Within stands before a command line that is to run on the host.
func (h *Host) Within() []string { return []string{"ip", "netns", "exec", h.space} }

func (h *Host) run(words ...string) error { return run(append(h.Within(), words...)...) }

func (h *Host) nft(script string) error {
	return runWith(script+"\n", append(h.Within(), "nft", "-f", "-")...)
}

// Lose drops this share of the packets that come from other hosts, in percent.
func (h *Host) Lose(percent int) error {
	script := "flush chain inet world loss\nflush set inet world peers\n"
	for _, o := range h.network.byName {
		if o != h && percent > 0 {
			script += fmt.Sprintf("add element inet world peers { %s }\n", o.Address)
		}
	}
	if percent > 0 {
		script += fmt.Sprintf("add rule inet world loss numgen random mod 100 <= %d drop\n", percent-1)
	}
	return h.nft(script)
}

// Dial connects from the host itself, and so reaches its own loopback. The address must be an IP address: looking names
// up would happen on other threads, which are elsewhere.
func (h *Host) Dial(ctx context.Context, network, address string) (conn net.Conn, err error) {
	var d net.Dialer
	err = h.inside(func() error { conn, err = d.DialContext(ctx, network, address); return err })
	return conn, err
}

// ListenPacket listens on the host itself, at an IP address.
func (h *Host) ListenPacket(ctx context.Context, network, address string) (conn net.PacketConn, err error) {
	var l net.ListenConfig
	err = h.inside(func() error { conn, err = l.ListenPacket(ctx, network, address); return err })
	return conn, err
}

// inside calls a function on a thread that is on the host. A socket stays where it was made.
func (h *Host) inside(do func() error) error {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	// The thread goes back where it came from. It must not end here: the kernel would kill the children it has started.
	home, err := os.Open("/proc/thread-self/ns/net")
	if err != nil {
		return err
	}
	defer home.Close()
	space, err := os.Open("/var/run/netns/" + h.space)
	if err != nil {
		return err
	}
	defer space.Close()
	if err := unix.Setns(int(space.Fd()), unix.CLONE_NEWNET); err != nil {
		return fmt.Errorf("enter %s: %w", h.space, err)
	}
	defer func() {
		if err := unix.Setns(int(home.Fd()), unix.CLONE_NEWNET); err != nil {
			panic(fmt.Sprintf("world: a thread is stuck in %s: %v", h.space, err))
		}
	}()
	return do()
}
