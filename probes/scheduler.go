package probes

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"failoverdns/health"
)

// maxInFlight bounds the sockets of all probes. It must not bind while sites are dead, when it matters most that
// probes stay on time: with timeouts at 0.4 of the interval 10,000 endpoints that all time out are about 4,000 in
// flight. Beyond it a probe is not delayed, which would delay detection for all, but abstained.
const maxInFlight = 8192

// Scheduler probes a changing set of endpoints, each on its own clock.
type Scheduler struct {
	node   string
	probe  func(context.Context, Target) Result
	sink   func(Result) (recheck bool)
	log    *slog.Logger
	latest latest
	slots  chan struct{} // one for each probe in flight
	runs   sync.WaitGroup

	mu      sync.Mutex // guards what follows and each run's over; held while the sink is called
	current map[string]*run
	leaving map[string]<-chan struct{} // of removed endpoints whose last probe may still be in flight
	stopped bool
}

// run is one endpoint at one revision. Its goroutine owns all but over.
type run struct {
	target Target
	cancel context.CancelFunc
	done   chan struct{} // closed when its goroutine has ended
	over   bool          // no result may be delivered any more
}

// New makes a scheduler with nothing to probe. nodeID enters the phases. probe is called concurrently, and must end
// soon after its context. sink gets each result, one at a time, and says whether the endpoint's count is being decided,
// so that the check's recheck spacing applies; it must be quick and must not call Update or Stop.
func New(nodeID string, probe func(context.Context, Target) Result, sink func(Result) (recheck bool), log *slog.Logger) *Scheduler {
	return &Scheduler{
		node: nodeID, probe: probe, sink: sink, log: log,
		latest:  latest{rings: map[string]*ring{}},
		slots:   make(chan struct{}, maxInFlight),
		current: map[string]*run{},
		leaving: map[string]<-chan struct{}{},
	}
}

// Update makes the targets the ones that are probed. An endpoint whose target is as before goes on undisturbed; a
// changed one starts afresh at its phase; of one that is gone, or of its former revision, no result is delivered after
// Update has returned. Of two targets for one endpoint the first is taken.
func (s *Scheduler) Update(targets []Target) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.stopped {
		return
	}
	s.forgetEnded()
	wanted := make(map[string]bool, len(targets))
	for _, t := range targets {
		if wanted[t.Endpoint] {
			s.log.Error("endpoint is listed twice; the first target is probed", "endpoint", t.Endpoint)
			continue
		}
		wanted[t.Endpoint] = true
		if r := s.current[t.Endpoint]; r != nil {
			if same(&r.target, &t) {
				continue
			}
			s.end(r)
		}
		s.start(t)
	}
	for endpoint, r := range s.current {
		if !wanted[endpoint] {
			s.end(r)
			s.latest.drop(endpoint)
		}
	}
}

// Stop ends all probes and waits for them. No result is delivered after it has returned, and Update does nothing.
func (s *Scheduler) Stop() {
	s.mu.Lock()
	s.stopped = true
	for _, r := range s.current {
		s.end(r)
	}
	s.mu.Unlock()
	s.runs.Wait()
}

// Latest gives up to 20 of an endpoint's results, oldest first, whatever their revision.
func (s *Scheduler) Latest(endpoint string) []Result { return s.latest.of(endpoint) }

// same says whether a target is probed like another.
func same(a, b *Target) bool {
	return a.Revision == b.Revision && a.Address == b.Address && a.Host == b.Host && a.FromAPI == b.FromAPI &&
		a.Check.Equal(&b.Check)
}

// forgetEnded drops endpoints whose last probe has ended from leaving. Callers hold mu.
func (s *Scheduler) forgetEnded() {
	for endpoint, done := range s.leaving {
		select {
		case <-done:
			delete(s.leaving, endpoint)
		default:
		}
	}
}

// end cancels a run. Callers hold mu.
func (s *Scheduler) end(r *run) {
	r.over = true
	r.cancel()
	delete(s.current, r.target.Endpoint)
	s.leaving[r.target.Endpoint] = r.done
}

// start begins a run, after the endpoint's former one has ended. Callers hold mu.
func (s *Scheduler) start(t Target) {
	ctx, cancel := context.WithCancel(context.Background())
	r := &run{target: t, cancel: cancel, done: make(chan struct{})}
	s.current[t.Endpoint] = r
	before := s.leaving[t.Endpoint]
	delete(s.leaving, t.Endpoint)
	s.runs.Add(1)
	go func() {
		defer s.runs.Done()
		defer close(r.done)
		defer cancel()
		if before != nil {
			<-before // never two probes of one endpoint in flight
		}
		s.loop(ctx, r)
	}()
}

// loop is an endpoint's goroutine.
func (s *Scheduler) loop(ctx context.Context, r *run) {
	interval := max(r.target.Check.Interval, health.MinInterval)
	beat := newClock(time.Now(), interval, phaseOf(s.node, r.target.Endpoint, interval))
	due := beat.first // when the probe should start
	at := due         // when it will: later, if starts had to be left out
	timer := time.NewTimer(time.Until(at))
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-timer.C:
		}
		now := time.Now()
		if now.Sub(at) >= interval { // the process stood still: back to the phase, or all endpoints would start at once
			at = beat.next(at, now)
			timer.Reset(time.Until(at))
			continue
		}
		recheck, ok := s.deliver(r, s.once(ctx, r.target, now.Sub(due)))
		if !ok {
			return
		}
		due, at = plan(beat, now, time.Now(), r.target.Check.Recheck, recheck)
		timer.Reset(time.Until(at))
	}
}

// plan says when the probe after one that was started and has ended is due, and when it can start.
func plan(beat clock, started, ended time.Time, spacing time.Duration, recheck bool) (due, at time.Time) {
	if recheck && spacing > 0 {
		at = started.Add(spacing)
		if at.Before(ended) {
			at = ended
		}
		return at, at
	}
	return beat.next(started, started), beat.next(started, ended)
}

// once runs one probe, unless too many are in flight.
func (s *Scheduler) once(ctx context.Context, t Target, late time.Duration) Result {
	var r Result
	select {
	case s.slots <- struct{}{}:
		r = s.probe(ctx, t)
		<-s.slots
	default:
		f := newFault(health.Resources, "%d probes are in flight on this node", cap(s.slots))
		r = Result{Started: time.Now(), Outcome: f.outcome(), Reason: f.reason, Detail: f.detail}
	}
	r.Endpoint, r.Revision, r.Late = t.Endpoint, t.Revision, late
	return r
}

// deliver hands a result over unless the run is over.
func (s *Scheduler) deliver(r *run, result Result) (recheck, ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if r.over {
		return false, false
	}
	s.latest.add(result)
	return s.sink(result), true
}
