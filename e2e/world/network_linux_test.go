package world

import (
	"net"
	"os"
	"slices"
	"testing"
	"time"
)

// build makes a network of two hosts that ends with the test.
func build(t *testing.T) *Network {
	t.Helper()
	if os.Getenv("E2E") == "" {
		t.Skip("builds network namespaces; run: make e2e, or set E2E=1")
	}
	if err := Possible(); err != nil {
		t.Skipf("cannot build hosts: %v", err)
	}
	t.Parallel()
	n, err := New("one", "two")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := n.Close(); err != nil {
			t.Error(err)
		}
	})
	return n
}

// echo has a host send back each datagram, and gives a socket of this program that is connected to it.
func echo(t *testing.T, h *Host) net.Conn {
	t.Helper()
	l, err := h.ListenPacket(t.Context(), "udp4", h.Address+":7000")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	go func() {
		for buf := make([]byte, 100); ; {
			n, from, err := l.ReadFrom(buf)
			if err != nil {
				return
			}
			_, _ = l.WriteTo(buf[:n], from)
		}
	}()
	c, err := net.Dial("udp4", h.Address+":7000")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

// answers sends so many datagrams at once, and gives what comes back until nothing does.
func answers(t *testing.T, c net.Conn, count byte, patience time.Duration) (got []byte) {
	t.Helper()
	for i := range count {
		if _, err := c.Write([]byte{i}); err != nil {
			t.Fatal(err)
		}
	}
	for buf := make([]byte, 100); ; got = append(got, buf[0]) {
		if err := c.SetReadDeadline(time.Now().Add(patience)); err != nil {
			t.Fatal(err)
		}
		if _, err := c.Read(buf); err != nil {
			return got
		}
	}
}

func TestWireDelaysDuplicatesAndReordersWhatPassesAndIsTakenOutAgain(t *testing.T) {
	n := build(t)
	h := n.Host("one")
	c := echo(t, h)
	if got := answers(t, c, 5, time.Second); len(got) != 5 {
		t.Fatalf("without a wire %d of 5 come back", len(got))
	}
	w, err := h.Impair(Impairment{Delay: 60 * ms, Duplicate: 50, Reorder: 30, Late: 20 * ms}, 4)
	if err != nil {
		t.Fatal(err)
	}
	answers(t, c, 1, time.Second) // the addresses of the hardware are asked for anew
	began := time.Now()
	got := answers(t, c, 100, time.Second)
	if took := time.Since(began) - time.Second; took < 120*ms {
		t.Errorf("all were back after %s, twice the delay is 120 ms", took)
	}
	if len(got) < 150 || slices.IsSorted(got) {
		t.Errorf("%d come back of 100 sent, half of which are twice each way; in order: %t", len(got), slices.IsSorted(got))
	}
	if p := w.Passed(); p.Frames < 200 || p.Duplicated == 0 || p.Reordered == 0 {
		t.Errorf("the wire says %+v", p)
	}
	if err := w.Remove(); err != nil {
		t.Fatal(err)
	}
	if got := answers(t, c, 5, time.Second); len(got) != 5 {
		t.Errorf("without the wire %d of 5 come back", len(got))
	}
}

func TestWireForSomePeersLetsTheFramesOfOthersPass(t *testing.T) {
	n := build(t)
	one, two := n.Host("one"), n.Host("two")
	c := echo(t, one)
	w, err := one.Impair(Impairment{Delay: time.Hour, Only: []string{one.Address, two.Address}}, 1)
	if err != nil {
		t.Fatal(err)
	}
	if got := answers(t, c, 5, time.Second); len(got) != 5 || w.Passed().Frames != 0 {
		t.Errorf("%d of 5 come back from outside: %+v", len(got), w.Passed())
	}
	from, err := two.ListenPacket(t.Context(), "udp4", two.Address+":7000")
	if err != nil {
		t.Fatal(err)
	}
	defer from.Close()
	if _, err := from.WriteTo([]byte("x"), c.RemoteAddr()); err != nil {
		t.Fatal(err)
	}
	for began := time.Now(); w.Passed().Frames == 0; time.Sleep(10 * ms) {
		if time.Since(began) > 5*time.Second {
			t.Fatal("the peer's frame is none of those that this concerns")
		}
	}
}

func TestCutIsOneWayAndHeals(t *testing.T) {
	n := build(t)
	one, two := n.Host("one"), n.Host("two")
	l, err := two.ListenPacket(t.Context(), "udp4", two.Address+":7000")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	from, err := one.ListenPacket(t.Context(), "udp4", one.Address+":7000")
	if err != nil {
		t.Fatal(err)
	}
	defer from.Close()
	hears := func(at, by net.PacketConn) bool {
		if _, err := by.WriteTo([]byte("x"), at.LocalAddr()); err != nil {
			t.Fatal(err)
		}
		if err := at.SetReadDeadline(time.Now().Add(300 * ms)); err != nil {
			t.Fatal(err)
		}
		_, _, err := at.ReadFrom(make([]byte, 10))
		return err == nil
	}
	for _, step := range []struct {
		name             string
		do               func() error
		forth, back, cut bool
	}{
		{"whole", func() error { return nil }, true, true, false},
		{"cut one way", func() error { return n.Cut("one", "two") }, false, true, true},
		{"healed", n.HealAll, true, true, false},
		{"all lost", func() error { return two.Lose(100) }, false, true, false},
		{"none lost", func() error { return two.Lose(0) }, true, true, false},
	} {
		if err := step.do(); err != nil {
			t.Fatal(err)
		}
		if forth, back := hears(l, from), hears(from, l); forth != step.forth || back != step.back {
			t.Errorf("%s: %t there, %t back", step.name, forth, back)
		}
		if n.Whole("one", "two") == step.cut {
			t.Errorf("%s: it says otherwise", step.name)
		}
	}
}
