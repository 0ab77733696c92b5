// Package e2e holds the end-to-end tests: real nodes as real processes, real sockets, real faults, on loopback. They
// hold the server to what a user sees from outside, through DNS, the admin API and failoverctl alone.
//
// Whoever runs them builds the binaries into bin/ first, and sets E2E: make e2e. Without it they are skipped, since
// they take minutes. Most need nothing but loopback. Those that build a scene need Linux, root, ip and nft; they give
// each node, each site and the resolver a network namespace, and a judge watches every answer from outside.
package e2e

import (
	"context"
	"os"
	"strconv"
	"testing"
	"time"

	"failoverdns/e2e/cluster"
)

// gate is the environment variable that must be set for these tests to run.
const gate = "E2E"

// binaries is where make build puts them.
const binaries = "../bin"

// The answers of the two default sites.
const (
	azure = "127.0.0.11"
	aws   = "127.0.0.12"
)

const (
	zone  = "auth.example.com"
	login = "login." + zone
)

// slack is what the promise allows beyond counting and timeouts: for commit, swap, and this machine's load.
const slack = time.Second

// fast is the least interval that a check may have.
const fast = 500 * time.Millisecond

// often is the spacing of the observers' queries.
const often = 50 * time.Millisecond

// seedVariable sets the seed of all that the tests draw at random, to see a schedule again. The nodes' own timing differs
// each time.
const seedVariable = "E2E_SEED"

// seeded is the seed of what a test draws at random: a new one, unless the variable gives it.
func seeded(t *testing.T) uint64 {
	t.Helper()
	seed := uint64(time.Now().UnixNano())
	if text := os.Getenv(seedVariable); text != "" {
		var err error
		seed, err = strconv.ParseUint(text, 10, 64)
		ok(t, err)
	}
	t.Logf("%s=%d", seedVariable, seed)
	return seed
}

func TestMain(m *testing.M) {
	cluster.RunToy()
	status := m.Run()
	table.write(os.Stdout)
	os.Exit(status)
}

// prepare makes a cluster that ends with the test, and starts nothing. Tests that call it run in parallel.
func prepare(t *testing.T, spec cluster.Spec) *cluster.Cluster {
	t.Helper()
	gated(t)
	t.Parallel()
	return another(t, spec)
}

// gated skips a test unless end-to-end tests are wanted.
func gated(t *testing.T) {
	t.Helper()
	if os.Getenv(gate) == "" {
		t.Skipf("needs real time and built binaries; run: make e2e, or set %s=1", gate)
	}
}

// another is prepare for a test's second cluster.
func another(t *testing.T, spec cluster.Spec) *cluster.Cluster {
	t.Helper()
	spec.Binaries = binaries
	c, err := cluster.New(spec)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if t.Failed() {
			for _, n := range c.Nodes() {
				t.Logf("%s said last:\n%s", n.ID, n.Tail(25))
			}
		}
		if err := c.Close(); err != nil {
			t.Errorf("close the cluster: %v", err)
		}
	})
	return c
}

// launch starts a cluster that ends with the test, and waits until all of it is up.
func launch(t *testing.T, spec cluster.Spec) *cluster.Cluster {
	t.Helper()
	c := prepare(t, spec)
	ok(t, c.Start(soon(t)))
	return c
}

// observe watches login on all nodes until the test ends.
func observe(t *testing.T, c *cluster.Cluster) *cluster.Observer {
	t.Helper()
	o := c.Observe(login, often)
	t.Cleanup(o.Stop)
	ok(t, o.Wait(soon(t), azure, time.Time{}))
	return o
}

// soon is a context for one step of a test.
func soon(t *testing.T) context.Context { return within(t, 30*time.Second) }

func within(t *testing.T, d time.Duration) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), d)
	t.Cleanup(cancel)
	return ctx
}

func ok(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// onlyAnswers fails unless each of the nodes answered every query since a time with one of the answers.
func onlyAnswers(t *testing.T, o *cluster.Observer, nodes []*cluster.Node, since time.Time, answers ...string) {
	t.Helper()
	for _, n := range nodes {
		if err := o.Only(n.ID, since, answers...); err != nil {
			t.Error(err)
		}
	}
}

// flips waits until all of the nodes answer so, fails unless each had then stopped answering otherwise within a time
// of the cause, and logs how long it took.
func flips(t *testing.T, o *cluster.Observer, nodes []*cluster.Node, cause time.Time, bound time.Duration, from, to string) {
	t.Helper()
	for _, n := range nodes {
		ok(t, o.Wait(within(t, bound+10*time.Second), to, cause, n.ID))
		took := time.Duration(0)
		if last, some := o.Latest(n.ID, from, cause); some {
			took = last.Sub(cause)
		}
		t.Logf("%s answers %s instead of %s %.2f s after the cause; allowed are %.2f s", n.ID, to, from, took.Seconds(), bound.Seconds())
		if took > bound {
			t.Errorf("%s: that is too late", n.ID)
		}
	}
}

// but gives all nodes of a cluster except some.
func but(c *cluster.Cluster, gone ...*cluster.Node) []*cluster.Node {
	var rest []*cluster.Node
next:
	for _, n := range c.Nodes() {
		for _, g := range gone {
			if n == g {
				continue next
			}
		}
		rest = append(rest, n)
	}
	return rest
}
