package probes

import (
	"context"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"failoverdns/health"
)

func TestFailureIsBelievedWhenACanaryAnswers(t *testing.T) {
	const endpoint = "192.0.2.1:443"
	tests := []struct {
		name     string
		outcomes map[string]error
		reason   health.Reason
	}{
		{"accepts", map[string]error{"198.51.100.1:53": nil, "198.51.100.2:53": errAccepts}, health.Refused},
		{"refuses", map[string]error{"198.51.100.1:53": syscall.ECONNREFUSED, "198.51.100.2:53": syscall.EHOSTUNREACH}, health.Refused},
		{"none", map[string]error{"198.51.100.1:53": nil, "198.51.100.2:53": syscall.ENETUNREACH}, health.Canary},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				test.outcomes[endpoint] = syscall.ECONNREFUSED
				env := dialTo(test.outcomes)
				env.Canaries = []string{"198.51.100.1:53", "198.51.100.2:53"}
				probe := dialled(t, "tcp://:443", "192.0.2.1")
				probe.Check.Timeout = time.Second
				detail := "refused"
				if test.reason == health.Canary {
					detail = "none of 2 canary addresses answers either; the probe: refused"
				}
				time.Sleep(time.Minute)
				expectVirtual(t, env, probe, test.reason, detail)
			})
		})
	}
}

func TestProbesThatFailTogetherShareOneTestOfTheCanaries(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var tests atomic.Int32
		env := &Env{Canaries: []string{"198.51.100.1:53"}, Dial: func(ctx context.Context, network, address string) (net.Conn, error) {
			if address == "198.51.100.1:53" {
				tests.Add(1)
				time.Sleep(300 * time.Millisecond)
			}
			return nil, syscall.ECONNREFUSED
		}}
		probe := dialled(t, "tcp://:443", "192.0.2.1")
		all := func() {
			var wait sync.WaitGroup
			for range 100 {
				wait.Go(func() { env.Probe(context.Background(), probe) })
			}
			wait.Wait()
		}
		all()
		time.Sleep(900 * time.Millisecond)
		all()
		if n := tests.Load(); n != 1 {
			t.Errorf("%d tests of the canary within its second, want 1", n)
		}
		time.Sleep(200 * time.Millisecond)
		all()
		if n := tests.Load(); n != 2 {
			t.Errorf("%d tests of the canary, want 2", n)
		}
	})
}

func TestSuccessfulProbeAsksNoCanary(t *testing.T) {
	env := dialTo(map[string]error{"192.0.2.1:443": errAccepts})
	env.Canaries = []string{"198.51.100.1:53"} // a dial of it would end in an abstention
	expect(t, env, dialled(t, "tcp://:443", "192.0.2.1"), "", "")
}

func TestTimeoutOfAProcessThatStoodStillAbstains(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		env := &Env{Dial: func(ctx context.Context, network, address string) (net.Conn, error) {
			time.Sleep(30 * time.Second) // as after SIGSTOP: nothing ran at the deadline
			return nil, context.DeadlineExceeded
		}}
		expectVirtual(t, env, dialled(t, "tcp://:443", "192.0.2.1"), health.Resources, "a timeout of 4s took 30s")
	})
}

// dialled is a target for test dialers, with the default timeout.
func dialled(t *testing.T, url, address string) Target {
	t.Helper()
	c, err := health.ParseURL(url)
	if err != nil {
		t.Fatal(err)
	}
	c.Dial = address
	if err := c.Complete(); err != nil {
		t.Fatal(err)
	}
	return Target{Endpoint: "azure/tcp@" + address, Revision: 1, Check: c}
}

// expectVirtual is expect where a probe may take no time.
func expectVirtual(t *testing.T, e *Env, target Target, reason health.Reason, detail string) {
	t.Helper()
	r := e.Probe(context.Background(), target)
	if r.Reason != reason || r.Outcome != (&fault{reason: reason}).outcome() || !strings.Contains(r.Detail, detail) {
		t.Errorf("got %s %q %q, want %q with %q", r.Outcome, r.Reason, r.Detail, reason, detail)
	}
}
