package probes

import (
	"context"
	"errors"
	"net/netip"
	"time"

	"failoverdns/health"
)

// Target is one endpoint as it is probed. Where it is dialled: Check.Dial if set, else Host, else Address.
type Target struct {
	Endpoint string
	Revision uint64       // of the check; results carry it, so that a late one is not counted for a newer revision
	Check    health.Check // completed
	Address  netip.Addr
	Host     string // a name, looked up anew for each probe
	FromAPI  bool   // made through an API: loopback is denied as well
}

// Result is what one probe gave.
type Result struct {
	Endpoint string
	Revision uint64
	Started  time.Time
	Duration time.Duration
	Outcome  health.Outcome
	Reason   health.Reason // empty after a success
	Detail   string        // one printable line of at most 160 bytes, without secrets
	Address  netip.Addr    // the last one dialled; invalid if it never came to that
	Late     time.Duration // from the time at which the probe was due to its start
}

// prober runs one probe of one type within the context's deadline. It gives the address it dialled, and nil for a
// success or a *fault.
type prober func(ctx context.Context, env *Env, t Target) (netip.Addr, error)

// probers has one entry for each probe type.
var probers = map[health.Kind]prober{
	health.HTTP:  probeHTTP,
	health.HTTPS: probeHTTP,
	health.TCP:   probeTCP,
}

// stall is how far behind its deadline a timed-out probe may come back before this node itself is the suspect: a
// process that was stopped or starved sees every probe in flight time out. Only tests change it.
var stall = time.Second

// Probe runs one probe of a target, and the test of the canaries if it failed. Ending the context ends the probe; the
// result is then an abstention that says so.
func (e *Env) Probe(ctx context.Context, t Target) Result {
	r := Result{Endpoint: t.Endpoint, Revision: t.Revision, Started: time.Now(), Outcome: health.Success}
	var f *fault
	r.Address, f = e.run(ctx, t)
	r.Duration = time.Since(r.Started)
	if f != nil && !f.abstains() {
		f = e.excuse(ctx, t, f, r.Duration)
	}
	if ctx.Err() != nil {
		f = newFault(health.Resources, "cancelled: this node no longer probes the endpoint")
	}
	if f != nil {
		r.Outcome, r.Reason, r.Detail = f.outcome(), f.reason, f.detail
	}
	return r
}

// run is the bare probe.
func (e *Env) run(ctx context.Context, t Target) (netip.Addr, *fault) {
	probe, ok := probers[t.Check.Kind]
	if !ok {
		// A newer member's state may hold a type that this version lacks: no reason to call the endpoint down.
		return netip.Addr{}, newFault(health.Resources, "this version has no probe of type %q", t.Check.Kind)
	}
	ctx, cancel := context.WithTimeout(ctx, t.Check.Timeout)
	defer cancel()
	address, err := probe(ctx, e, t)
	var f *fault
	if err != nil && !errors.As(err, &f) {
		f = newFault(health.Protocol, "%v", err)
	}
	return address, f
}

// excuse turns a failure into an abstention where this node is the likelier culprit.
func (e *Env) excuse(ctx context.Context, t Target, f *fault, took time.Duration) *fault {
	if f.reason == health.Timeout && took > t.Check.Timeout+stall {
		return newFault(health.Resources, "this node stood still: a timeout of %s took %s", t.Check.Timeout, took.Round(time.Millisecond))
	}
	if len(e.Canaries) > 0 && !e.canaryAnswers(ctx) {
		return newFault(health.Canary, "none of %d canary addresses answers either; the probe: %s: %s", len(e.Canaries), f.reason, f.detail)
	}
	return f
}
