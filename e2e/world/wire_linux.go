package world

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

// Wire stands between a host and the bridge, and impairs what passes. It is this program itself: each end is an Ethernet
// device (TAP) whose frames are read and written here, since not every kernel has netem.
type Wire struct {
	host *Host
	ends [2]*os.File
	all  sync.WaitGroup

	mu    sync.Mutex // guards lines
	lines [2]*line   // from the host, to the host
}

// largest is more than any frame of these devices has, in bytes.
const largest = 2048

// Impair puts a wire between a host and all others, until Remove or Close. What it draws comes from the seed. A host has
// one wire at most.
func (h *Host) Impair(i Impairment, seed uint64) (w *Wire, err error) {
	w = &Wire{host: h}
	i.Only = slices.DeleteFunc(slices.Clone(i.Only), func(a string) bool { return a == h.Address }) // each frame is from or to it
	for way := range w.lines {
		w.lines[way] = &line{imp: i, rng: rand.New(rand.NewPCG(seed, uint64(way))), began: time.Now()}
	}
	defer func() {
		if err != nil {
			err = errors.Join(fmt.Errorf("a wire for %s: %w", h.Name, err), w.cut())
		}
	}()
	names := [2]string{h.Name + "-in", h.Name + "-out"}
	for end, name := range names {
		if w.ends[end], err = h.network.tap(name); err != nil {
			return w, err
		}
	}
	if err := errors.Join(
		h.network.inside("link", "add", w.bridge(), "type", "bridge"), h.network.inside("link", "set", w.bridge(), "up"),
		h.network.inside("link", "set", names[0], "master", w.bridge(), "up"),
		h.network.inside("link", "set", names[1], "master", "bridge", "up"),
		h.network.inside("link", "set", h.Name, "master", w.bridge())); err != nil {
		return w, err
	}
	h.network.atEnd(w.cut)
	for way, l := range w.lines {
		arriving := make(chan []byte, maxQueued)
		w.all.Go(func() { defer close(arriving); receive(w.ends[way], arriving) })
		w.all.Go(func() { w.carry(l, arriving, w.ends[1-way]) })
	}
	return w, nil
}

// bridge joins the host and the wire's near end.
func (w *Wire) bridge() string { return w.host.Name + "-w" }

// tap makes a device in the bridge's namespace; its frames are read from and written to the file.
func (n *Network) tap(name string) (*os.File, error) {
	fd, err := unix.Open("/dev/net/tun", unix.O_RDWR|unix.O_CLOEXEC|unix.O_NONBLOCK, 0)
	if err != nil {
		return nil, fmt.Errorf("open /dev/net/tun: %w", err)
	}
	request, err := unix.NewIfreq("fdw%d") // the kernel puts a number in: it is born in this program's namespace
	if err == nil {
		request.SetUint16(unix.IFF_TAP | unix.IFF_NO_PI)
		err = unix.IoctlIfreq(fd, unix.TUNSETIFF, request)
	}
	f := os.NewFile(uintptr(fd), name) // only now: the runtime cannot wait for a device that is not set up
	if err == nil {
		err = run("ip", "link", "set", request.Name(), "netns", n.space, "name", name)
	}
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return f, nil
}

// receive reads frames until the device goes.
func receive(from *os.File, into chan<- []byte) {
	for buf := make([]byte, largest); ; {
		n, err := from.Read(buf)
		if err != nil {
			return
		}
		into <- append([]byte(nil), buf[:n]...)
	}
}

// carry moves frames along a line until no more come.
func (w *Wire) carry(l *line, arriving <-chan []byte, to *os.File) {
	due := time.NewTimer(time.Hour)
	for {
		select {
		case data, more := <-arriving:
			if !more {
				return
			}
			w.mu.Lock()
			l.take(data, time.Now())
			w.mu.Unlock()
		case <-due.C:
		}
		w.mu.Lock()
		out := l.arrived(time.Now())
		at, some := l.next()
		w.mu.Unlock()
		for _, data := range out {
			_, _ = to.Write(data) // a device whose queue is full drops, as networks do
		}
		if !some {
			at = time.Now().Add(time.Hour)
		}
		due.Reset(time.Until(at))
	}
}

// Passed says what it has done so far, both ways together.
func (w *Wire) Passed() (sum Passed) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, l := range w.lines {
		sum.Frames += l.passed.Frames
		sum.Duplicated += l.passed.Duplicated
		sum.Reordered += l.passed.Reordered
		sum.Stalls += l.passed.Stalls
		sum.Dropped += l.passed.Dropped
	}
	return sum
}

// Remove takes the wire out: frames pass as before it was there. Those on their way are lost.
func (w *Wire) Remove() error {
	return errors.Join(
		w.host.network.inside("link", "set", w.host.Name, "master", "bridge"),
		w.host.network.inside("link", "del", w.bridge()), w.cut())
}

// cut ends the wire, and lets nothing pass.
func (w *Wire) cut() error {
	var errs []error
	for _, f := range w.ends {
		if f == nil {
			continue
		}
		if err := f.Close(); !errors.Is(err, os.ErrClosed) {
			errs = append(errs, err)
		}
	}
	w.all.Wait()
	return errors.Join(errs...)
}
