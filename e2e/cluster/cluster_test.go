package cluster

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"
)

// parentWord as the first argument makes the test program start a toy site and wait to be killed.
const parentWord = "start-a-toy-and-wait"

func TestMain(m *testing.M) {
	RunToy()
	if len(os.Args) == 4 && os.Args[1] == parentWord {
		s := toyServer(os.Args[2], os.Args[3])
		if err := s.Start(); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		select {} // until it is killed
	}
	os.Exit(m.Run())
}

func toyServer(at, log string) *Server {
	self, err := os.Executable()
	if err != nil {
		panic(err)
	}
	orders := log + ".orders"
	return &Server{At: at, orders: orders, Process: &Process{name: "site toy-1", log: log, command: func() *exec.Cmd {
		return exec.Command(self, toyWord, "toy", at, orders, "")
	}}}
}

// start starts a toy server that ends with the test.
func start(t *testing.T) *Server {
	t.Helper()
	p, err := reserve()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.release)
	port, err := p.take()
	if err != nil {
		t.Fatal(err)
	}
	s := toyServer(loopback(port), filepath.Join(t.TempDir(), "log"))
	if err := s.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Kill() })
	if err := s.wait(t.Context()); err != nil {
		t.Fatal(err)
	}
	return s
}

// probe asks a toy server as a node would.
func probe(s *Server, node string) (status int, body string, err error) {
	r, err := http.NewRequest(http.MethodGet, "http://"+s.At+"/healthz", nil)
	if err != nil {
		return 0, "", err
	}
	r.Header.Set(nodeHeader, node)
	r.Close = true
	res, err := http.DefaultClient.Do(r)
	if err != nil {
		return 0, "", err
	}
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	return res.StatusCode, string(b), err
}

func TestClustersNeverSharePorts(t *testing.T) {
	taken := map[int]bool{}
	for range 3 {
		p, err := reserve()
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(p.release)
		for range 3 {
			port, err := p.take()
			if err != nil {
				t.Fatal(err)
			}
			if taken[port] {
				t.Errorf("port %d is given twice", port)
			}
			taken[port] = true
		}
	}
}

func TestPortThatSomebodyHasIsLeftOut(t *testing.T) {
	p, err := reserve()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.release)
	first := p.next
	l, err := net.Listen("tcp", loopback(first))
	if err != nil {
		t.Skipf("somebody else has %d", first)
	}
	defer l.Close()
	if got, err := p.take(); err != nil || got == first {
		t.Errorf("took %d, %v", got, err)
	}
}

func TestToyResetsTheNodesThatItIsToldAndNoOther(t *testing.T) {
	s := start(t)
	if status, body, err := probe(s, "ns1"); status != 200 || !strings.Contains(body, "healthy") || err != nil {
		t.Fatalf("healthy: %d %q %v", status, body, err)
	}
	if err := s.SetFaults(Faults{Reset: []string{"ns1"}}); err != nil {
		t.Fatal(err)
	}
	if _, _, err := probe(s, "ns1"); !errors.Is(err, syscall.ECONNRESET) {
		t.Errorf("ns1: %v, not a reset", err)
	}
	if status, _, err := probe(s, "ns2"); status != 200 || err != nil {
		t.Errorf("ns2: %d %v", status, err)
	}
	if err := s.SetFaults(Faults{Status: 503}); err != nil {
		t.Fatal(err)
	}
	if status, _, err := probe(s, "ns1"); status != 503 || err != nil {
		t.Errorf("with status 503: %d %v", status, err)
	}
}

func TestToyHangsWhereItIsToldTo(t *testing.T) {
	s := start(t)
	for _, c := range []struct {
		hang Hang
		says string // at first
		more bool   // it goes on
	}{
		{HangSilent, "", false},
		{HangHeader, "HTTP/1.1 200 OK\r\nX-More", true},
		{HangBody, "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n\r\nmore", true},
	} {
		if err := s.SetFaults(Faults{Hang: c.hang}); err != nil {
			t.Fatal(err)
		}
		conn, err := net.Dial("tcp", s.At)
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		if _, err := io.WriteString(conn, "GET / HTTP/1.1\r\nHost: toy\r\n\r\n"); err != nil {
			t.Fatal(err)
		}
		first := make([]byte, len(c.says))
		if c.more {
			first = make([]byte, len(c.says)+20)
		}
		if err := conn.SetReadDeadline(time.Now().Add(time.Minute)); err != nil {
			t.Fatal(err)
		}
		if _, err := io.ReadFull(conn, first); err != nil || !strings.HasPrefix(string(first), c.says) {
			t.Errorf("%s: it said %q, and then: %v", c.hang, first, err)
		}
		if err := conn.SetReadDeadline(time.Now().Add(300 * time.Millisecond)); err != nil {
			t.Fatal(err)
		}
		rest, err := io.ReadAll(conn)
		if !errors.Is(err, os.ErrDeadlineExceeded) || len(rest) > 0 && !c.more {
			t.Errorf("%s: it went on with %q, and then: %v", c.hang, rest, err)
		}
	}
}

func TestKilledServerRefusesAndPausedOneIsSilent(t *testing.T) {
	s := start(t)
	if err := s.Pause(); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+s.At+"/", nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := http.DefaultClient.Do(r); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("paused: %v", err)
	}
	s.Kill()
	if _, _, err := probe(s, "ns1"); !errors.Is(err, syscall.ECONNREFUSED) {
		t.Errorf("killed: %v", err)
	}
	if s.Running() || s.Signal(syscall.SIGTERM) == nil {
		t.Error("it counts as running")
	}
}

func TestProcessThatEndsByItselfIsToldWithItsLastWords(t *testing.T) {
	s := start(t)
	second := toyServer(s.At, filepath.Join(t.TempDir(), "log")) // the port is taken
	if err := second.Start(); err != nil {
		t.Fatal(err)
	}
	err := until(t.Context(), second.Process, func(context.Context) error { return errors.New("not yet") })
	if err == nil || !strings.Contains(err.Error(), "has ended") || !strings.Contains(err.Error(), "address already in use") {
		t.Errorf("%v", err)
	}
}

func TestProcessesDieWithAParentThatIsKilled(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("only Linux ends the children of a killed parent")
	}
	p, err := reserve()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.release)
	port, err := p.take()
	if err != nil {
		t.Fatal(err)
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	toy := toyServer(loopback(port), "")
	parent := &Process{name: "parent", log: filepath.Join(t.TempDir(), "log"), command: func() *exec.Cmd {
		return exec.Command(self, parentWord, toy.At, filepath.Join(t.TempDir(), "toy"))
	}}
	if err := parent.Start(); err != nil {
		t.Fatal(err)
	}
	if err := until(t.Context(), parent, func(context.Context) error { _, _, err := probe(toy, ""); return err }); err != nil {
		t.Fatal(err)
	}
	parent.Kill()
	err = until(t.Context(), nil, func(context.Context) error {
		if _, _, err := probe(toy, ""); err != nil {
			return nil
		}
		return errors.New("the child still answers")
	})
	if err != nil {
		t.Error(err)
	}
}

func TestObserverTellsWhatElseWasAnswered(t *testing.T) {
	at := func(ms int) time.Time { return time.UnixMilli(int64(ms)) }
	o := &Observer{samples: map[string][]Sample{"ns1": {
		{Sent: at(0), Got: at(1), Answer: "a"},
		{Sent: at(10), Got: at(11), Answer: "b"},
		{Sent: at(20), Got: at(21), Err: errors.New("no answer")},
		{Sent: at(30), Got: at(31), Answer: "b"},
	}}}
	for _, c := range []struct {
		after   int
		allowed []string
		wrong   string
	}{
		{0, []string{"a", "b"}, "no answer"},
		{30, []string{"b"}, ""},
		{30, []string{"a"}, `"b"`},
		{31, []string{"b"}, "not asked"},
	} {
		err := o.Only("ns1", at(c.after), c.allowed...)
		if (err == nil) != (c.wrong == "") || err != nil && !strings.Contains(err.Error(), c.wrong) {
			t.Errorf("after %d only %v: %v", c.after, c.allowed, err)
		}
	}
	if got, ok := o.First("ns1", "b", at(5)); !ok || got != at(11) {
		t.Errorf("first b: %v %t", got, ok)
	}
	if got, ok := o.Latest("ns1", "b", at(0)); !ok || got != at(30) {
		t.Errorf("latest b: %v %t", got, ok)
	}
	if _, ok := o.Latest("ns1", "a", at(5)); ok {
		t.Error("a was answered after 5")
	}
}
