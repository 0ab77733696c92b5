package memnet

import (
	"context"
	"errors"
	"io"
	"net"
	"os"
	"testing"
	"testing/synctest"
	"time"
)

func pair(t *testing.T, n *Network) (client, server net.Conn) {
	t.Helper()
	l, err := n.Host("b").Listen("b:1")
	if err != nil {
		t.Fatal(err)
	}
	client, err = n.Host("a").Dial(t.Context(), "b:1")
	if err != nil {
		t.Fatal(err)
	}
	if server, err = l.Accept(); err != nil {
		t.Fatal(err)
	}
	return client, server
}

func TestDataTakesTheDelayOfItsDirection(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := New(40 * time.Millisecond)
		n.Delay("b", "a", 100*time.Millisecond)
		start := time.Now()
		c, s := pair(t, n)
		if d := time.Since(start); d != 140*time.Millisecond {
			t.Fatalf("the dial took %v", d)
		}
		start = time.Now()
		c.Write([]byte("x"))
		io.ReadFull(s, make([]byte, 1))
		s.Write([]byte("y"))
		io.ReadFull(c, make([]byte, 1))
		if d := time.Since(start); d != 140*time.Millisecond {
			t.Fatalf("the round trip took %v", d)
		}
	})
}

func TestCutHoldsDataUntilHealed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := New(time.Millisecond)
		c, s := pair(t, n)
		n.Cut("a", "b")
		c.Write([]byte("x"))
		s.SetReadDeadline(time.Now().Add(time.Second))
		if _, err := s.Read(make([]byte, 1)); !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Fatal(err)
		}
		s.Write([]byte("y")) // the other direction works
		if _, err := io.ReadFull(c, make([]byte, 1)); err != nil {
			t.Fatal(err)
		}
		s.SetReadDeadline(time.Time{})
		time.AfterFunc(time.Minute, func() { n.Heal("a", "b") })
		start := time.Now()
		if _, err := io.ReadFull(s, make([]byte, 1)); err != nil || time.Since(start) != time.Minute {
			t.Fatal(err, time.Since(start))
		}
	})
}

func TestDialOverCutLinkWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := New(0)
		if _, err := n.Host("b").Listen("b:1"); err != nil {
			t.Fatal(err)
		}
		n.Isolate("b", "a")
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if _, err := n.Host("a").Dial(ctx, "b:1"); !errors.Is(err, context.DeadlineExceeded) {
			t.Fatal(err)
		}
		time.AfterFunc(time.Second, func() { n.Rejoin("b", "a") })
		if _, err := n.Host("a").Dial(t.Context(), "b:1"); err != nil {
			t.Fatal(err)
		}
	})
}

func TestCloseIsHeardAfterTheData(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, s := pair(t, New(time.Second))
		c.Write([]byte("bye"))
		c.Close()
		if b, err := io.ReadAll(s); err != nil || string(b) != "bye" {
			t.Fatalf("%q, %v", b, err)
		}
		if _, err := s.Write([]byte("x")); !errors.Is(err, io.ErrClosedPipe) {
			t.Fatal(err)
		}
		if _, err := c.Read(make([]byte, 1)); !errors.Is(err, net.ErrClosed) {
			t.Fatal(err)
		}
	})
}

func TestAddressIsFreeAgainAfterClose(t *testing.T) {
	n := New(0)
	l, err := n.Host("b").Listen("b:1")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := n.Host("b").Listen("b:1"); err == nil {
		t.Fatal("two listeners at one address")
	}
	l.Close()
	if _, err := n.Host("a").Dial(t.Context(), "b:1"); !errors.Is(err, errRefused) {
		t.Fatal(err)
	}
	if _, err := n.Host("b").Listen("b:1"); err != nil {
		t.Fatal(err)
	}
}

func TestKilledProcessIsGoneAndItsSuccessorIsNot(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := New(time.Millisecond)
		old := n.Host("b")
		l, err := old.Listen("b:1")
		if err != nil {
			t.Fatal(err)
		}
		c, err := n.Host("a").Dial(t.Context(), "b:1")
		if err != nil {
			t.Fatal(err)
		}
		s, err := l.Accept()
		if err != nil {
			t.Fatal(err)
		}
		old.Kill()
		if _, err := s.Write([]byte("x")); !errors.Is(err, net.ErrClosed) {
			t.Errorf("the killed process writes: %v", err)
		}
		if _, err := c.Read(make([]byte, 1)); !errors.Is(err, io.EOF) {
			t.Errorf("its peer reads: %v", err)
		}
		if _, err := l.Accept(); !errors.Is(err, net.ErrClosed) {
			t.Errorf("it accepts: %v", err)
		}
		if _, err := old.Dial(t.Context(), "b:1"); !errors.Is(err, net.ErrClosed) {
			t.Errorf("it dials: %v", err)
		}
		if _, err := old.Listen("b:2"); !errors.Is(err, net.ErrClosed) {
			t.Errorf("it listens: %v", err)
		}
		if _, err := n.Host("b").Listen("b:1"); err != nil {
			t.Errorf("its successor: %v", err)
		}
	})
}
