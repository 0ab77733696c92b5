package world

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"sync"
)

// maxNetworks bounds the networks of one machine at a time.
const maxNetworks = 250

// Network is hosts on one bridge. Its addresses are of 198.18.0.0/15, which is set apart for tests (RFC 2544).
type Network struct {
	number int
	space  string // the namespace with the bridge, and its port to this program
	byName map[string]*Host

	mu   sync.Mutex      // guards what follows
	cuts map[string]bool // "from>to"
	undo []func() error  // in reverse, by Close
}

// Possible says why networks cannot be built here, if so.
func Possible() error {
	if os.Getuid() != 0 {
		return errors.New("network namespaces need root")
	}
	for _, tool := range []string{"ip", "nft"} {
		if _, err := lookPath(tool); err != nil {
			return err
		}
	}
	const probe = "fdw-probe"
	_ = run("ip", "netns", "del", probe) // of a program that was killed
	if err := run("ip", "netns", "add", probe); err != nil {
		return fmt.Errorf("network namespaces are not allowed here: %w", err)
	}
	return run("ip", "netns", "del", probe)
}

// New builds a network with these hosts; names have at most eight letters.
func New(names ...string) (n *Network, err error) {
	n = &Network{byName: map[string]*Host{}, cuts: map[string]bool{}}
	defer func() {
		if err != nil {
			err = errors.Join(err, n.Close())
		}
	}()
	if err := n.reserve(); err != nil {
		return n, err
	}
	for i, name := range names {
		h := &Host{network: n, Name: name, Address: fmt.Sprintf("198.18.%d.%d", n.number, i+1), space: n.space + "-" + name}
		n.byName[name] = h
		if err := h.build(); err != nil {
			return n, err
		}
	}
	return n, nil
}

// reserve takes the first namespace that nobody has, since making one either fails or is ours, and puts the bridge into
// it: this machine's own may filter what goes over bridges.
func (n *Network) reserve() error {
	for n.number = 1; n.number <= maxNetworks; n.number++ {
		n.space = fmt.Sprintf("fdw-%d", n.number)
		if err := run("ip", "netns", "add", n.space); err != nil {
			if strings.Contains(err.Error(), "File exists") {
				continue
			}
			return err
		}
		n.atEnd(func() error { return run("ip", "netns", "del", n.space) })
		// The kernel takes a namespace's links away some time after its end: the next network must not meet this one's.
		defer n.atEnd(func() error { return run("ip", "link", "del", n.space) })
		return errors.Join(
			n.inside("link", "add", "bridge", "type", "bridge"), n.inside("link", "set", "bridge", "up"),
			run("ip", "link", "add", n.space, "type", "veth", "peer", "name", "outside", "netns", n.space),
			n.inside("link", "set", "outside", "master", "bridge", "up"),
			run("ip", "addr", "add", n.Outside()+"/24", "dev", n.space), run("ip", "link", "set", n.space, "up"))
	}
	return fmt.Errorf("%d networks exist already; those of killed programs go by: ip netns del fdw-1", maxNetworks)
}

func (n *Network) inside(words ...string) error {
	return run(append([]string{"ip", "-n", n.space}, words...)...)
}

// Outside is the address from which this program reaches the hosts.
func (n *Network) Outside() string { return fmt.Sprintf("198.18.%d.254", n.number) }

// Host is the host with this name; there must be one.
func (n *Network) Host(name string) *Host {
	h := n.byName[name]
	if h == nil {
		panic("world: no host " + name)
	}
	return h
}

// Close takes everything away. The processes on the hosts must have ended.
func (n *Network) Close() error {
	n.mu.Lock()
	undo := n.undo
	n.undo = nil
	n.mu.Unlock()
	var errs []error
	for i := len(undo) - 1; i >= 0; i-- {
		errs = append(errs, undo[i]())
	}
	return errors.Join(errs...)
}

func (n *Network) atEnd(f func() error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.undo = append(n.undo, f)
}

// Cut drops what one host sends to another, and only that way.
func (n *Network) Cut(from, to string) error { return n.setCut(from, to, true) }

// Heal ends that.
func (n *Network) Heal(from, to string) error { return n.setCut(from, to, false) }

func (n *Network) setCut(from, to string, cut bool) error {
	n.mu.Lock()
	defer n.mu.Unlock()
	key, verb := from+">"+to, map[bool]string{true: "add", false: "delete"}[cut]
	if n.cuts[key] == cut {
		return nil
	}
	n.cuts[key] = cut
	return n.Host(to).nft(fmt.Sprintf("%s element inet world cut { %s }", verb, n.Host(from).Address))
}

// Whole says whether neither direction between two hosts is cut.
func (n *Network) Whole(a, b string) bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	return !n.cuts[a+">"+b] && !n.cuts[b+">"+a]
}

// HealAll ends all cuts.
func (n *Network) HealAll() error {
	n.mu.Lock()
	var all []string
	for key, cut := range n.cuts {
		if cut {
			all = append(all, key)
		}
	}
	n.mu.Unlock()
	var errs []error
	for _, key := range all {
		from, to, _ := strings.Cut(key, ">")
		errs = append(errs, n.Heal(from, to))
	}
	return errors.Join(errs...)
}

// lookPath finds a program; system programs' directories are not in everybody's PATH.
func lookPath(name string) (string, error) {
	for _, dir := range append(strings.Split(os.Getenv("PATH"), ":"), "/usr/sbin", "/sbin") {
		if path, err := exec.LookPath(dir + "/" + name); err == nil {
			return path, nil
		}
	}
	return "", fmt.Errorf("%s is not installed", name)
}

func run(words ...string) error { return runWith("", words...) }

func runWith(input string, words ...string) error {
	path, err := lookPath(words[0])
	if err != nil {
		return err
	}
	cmd := exec.Command(path, words[1:]...)
	cmd.Stdin = strings.NewReader(input)
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("%s: %w: %s", strings.Join(words, " "), err, bytes.TrimSpace(out))
	}
	return nil
}
