package health

import (
	"slices"
	"time"
)

// Opinion is what one node holds of one endpoint.
type Opinion string

// The opinions. None is also the vote of a node that abstains.
const (
	None Opinion = "none"
	Up   Opinion = "up"
	Down Opinion = "down"
)

// Outcome is what one probe gave.
type Outcome string

// The outcomes. A probe that failed by a fault of the prober itself is abstained.
const (
	Success   Outcome = "success"
	Failure   Outcome = "failure"
	Abstained Outcome = "abstained"
)

// Reason is why a probe failed or abstained, from a fixed list.
type Reason string

// Reasons of failure.
const (
	Refused     Reason = "refused"
	Unreachable Reason = "unreachable"
	Timeout     Reason = "timeout"
	Reset       Reason = "reset"
	TLS         Reason = "tls"
	Status      Reason = "status"
	Match       Reason = "match"
	Protocol    Reason = "protocol"
)

// Reasons to abstain: faults of the prober itself.
const (
	Denied    Reason = "denied"    // the target is one that nobody means to probe
	NoRoute   Reason = "no-route"  // this node has no route for the address family
	Resources Reason = "resources" // out of sockets or memory
	Resolver  Reason = "resolver"  // the resolver did not answer
	Canary    Reason = "canary"    // no canary address answered either
	Secret    Reason = "secret"    // a header's file cannot be read
)

// Counter counts one endpoint's results on one node into that node's vote. Its zero value is not ready: use
// NewCounter. It belongs to one goroutine.
type Counter struct {
	check   Check
	known   bool // the cluster has a verdict: full counts are needed
	vote    Opinion
	good    int       // successes in a row
	bad     int       // failures in a row
	blind   int       // abstained in a row
	history []result  // the last Window results; only with a window
	first   time.Time // start of the first failed probe of the present run, or of the one behind a vote down
}

type result struct {
	failed  bool
	started time.Time
}

// NewCounter starts counting afresh. known tells that the endpoint already has a verdict; while it is unknown one
// success is enough for a vote up.
func NewCounter(check Check, known bool) *Counter {
	return &Counter{check: check, known: known, vote: None}
}

// Known tells the counter that the cluster now has a verdict.
func (c *Counter) Known() { c.known = true }

// Vote is the present vote, and the start of the first failed probe of the run that stands behind a vote down.
func (c *Counter) Vote() (Opinion, time.Time) { return c.vote, c.first }

// Deciding says whether a count towards down has begun and is not finished: the time for rechecks.
func (c *Counter) Deciding() bool { return c.vote != Down && c.failures() > 0 && c.good == 0 }

// Observe takes the outcome of a probe that was started at a time, and gives the vote after it.
func (c *Counter) Observe(o Outcome, started time.Time) Opinion {
	switch o {
	case Abstained:
		if c.blind++; c.blind >= c.check.Failures {
			c.vote = None
		}
		return c.vote
	case Success:
		c.good, c.bad = c.good+1, 0
	case Failure:
		if c.bad == 0 && c.check.Window == 0 && c.vote != Down {
			c.first = started
		}
		c.good, c.bad = 0, c.bad+1
	}
	c.blind = 0
	c.remember(result{o == Failure, started})
	switch {
	case o == Failure && c.vote != Down && c.failures() >= c.check.Failures:
		c.vote = Down
	case c.good >= c.check.Successes, o == Success && !c.known && c.vote == None:
		if c.vote != Up {
			c.history = nil // else old failures in the window would turn the vote at once
		}
		c.vote = Up
	}
	if c.vote == Up && c.failures() == 0 {
		c.first = time.Time{}
	}
	return c.vote
}

// remember keeps the window. While nothing is voted down, the run begins with the window's first failure.
func (c *Counter) remember(r result) {
	if c.check.Window == 0 {
		return
	}
	c.history = append(c.history, r)
	if len(c.history) > c.check.Window {
		c.history = c.history[1:]
	}
	if i := slices.IndexFunc(c.history, func(r result) bool { return r.failed }); i >= 0 && c.vote != Down {
		c.first = c.history[i].started
	}
}

// failures counts by the check's rule: in a row, or in the window.
func (c *Counter) failures() int {
	if c.check.Window == 0 {
		return c.bad
	}
	n := 0
	for _, r := range c.history {
		if r.failed {
			n++
		}
	}
	return n
}

// Runs gives the successes in a row, and the failures as the check counts them.
func (c *Counter) Runs() (successes, failures int) { return c.good, c.failures() }
