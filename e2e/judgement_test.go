//go:build linux

package e2e

import (
	"context"
	"fmt"
	"sync"
	"time"

	"failoverdns/e2e/cluster"
)

// judgement watches all nodes from outside, through DNS alone, and holds each answer to what the state at some moment of
// the last lawful window allows:
//
//   - an answer is that of one of the two sites: never empty, NXDOMAIN or SERVFAIL, and none at all only of a node that
//     does not run;
//   - one serial means one answer, on whatever node, and no node's serial goes back;
//   - the secondary is answered only after enough failures of the primary can have been counted;
//   - the primary is answered no longer than the budget after it went sick, by a node that is in contact with all others.
type judgement struct {
	scene *scene
	ctx   context.Context

	mu     sync.Mutex // guards what follows
	nodes  map[string]*watched
	spells []spell // in which the primary was sick for a majority
	stirs  []stir
	extra  time.Duration // by which a flip may be later than usual
}

// stir is a change of links or processes.
type stir struct {
	at    time.Time
	whole map[string]bool // nodes that run, and reach every other that runs, which are a majority
}

// watched is what was seen of one node.
type watched struct {
	away []spell // when it need not answer
	seen []sighting
	mute []time.Time // when it was asked and did not answer
}

// spell is a time; the zero end is: until now.
type spell struct{ from, to time.Time }

func (p spell) has(at time.Time) bool {
	return !at.Before(p.from) && (p.to.IsZero() || !at.After(p.to))
}

// patience is how long one question may take: a paused or busy machine is not the server's fault.
const patience = 2 * time.Second

// watch starts the judge, who judges when the test ends.
func watch(s *scene) *judgement {
	ctx, cancel := context.WithCancel(context.Background())
	j := &judgement{scene: s, ctx: ctx, nodes: map[string]*watched{}}
	var eyes sync.WaitGroup
	for _, n := range s.Nodes() {
		w := &watched{}
		j.nodes[n.ID] = w
		eyes.Go(func() { j.look(ctx, n, w) })
	}
	s.t.Cleanup(func() {
		cancel()
		eyes.Wait()
		j.judge()
	})
	return j
}

func (j *judgement) look(ctx context.Context, n *cluster.Node, w *watched) {
	for ctx.Err() == nil {
		asked := time.Now()
		s, err := j.sight(ctx, n)
		j.mu.Lock()
		switch {
		case ctx.Err() != nil:
		case err == nil:
			w.seen = append(w.seen, s)
			w.back(s.at)
		default:
			w.mute = append(w.mute, asked)
		}
		j.mu.Unlock()
		pause(ctx, 25*time.Millisecond)
	}
}

// back ends an absence: a node that was started or resumed answers.
func (w *watched) back(at time.Time) {
	if i := len(w.away) - 1; i >= 0 && w.away[i].to.IsZero() && at.Sub(w.away[i].from) > patience {
		w.away[i].to = at
	}
}

// sight asks for serial, answer, and serial again: where both are equal, the answer belongs to that serial.
func (j *judgement) sight(ctx context.Context, n *cluster.Node) (s sighting, err error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	for {
		before, err := n.Serial(ctx, zone)
		if err != nil {
			return s, err
		}
		one := n.Sample(ctx, login)
		if one.Err != nil {
			return s, one.Err
		}
		s.serial, err = n.Serial(ctx, zone)
		s.at, s.answer = one.Got, one.Answer
		if err != nil || s.serial == before {
			return s, err
		}
	}
}

// sick notes that the primary is sick from now on for a majority of nodes, or no longer.
func (j *judgement) sick(is bool) time.Time {
	j.mu.Lock()
	defer j.mu.Unlock()
	now := time.Now()
	open := len(j.spells) > 0 && j.spells[len(j.spells)-1].to.IsZero()
	switch {
	case is && !open:
		j.spells = append(j.spells, spell{from: now})
	case !is && open:
		j.spells[len(j.spells)-1].to = now
	}
	return now
}

// disturbed notes that links or processes changed, and returns the moment.
func (j *judgement) disturbed() time.Time {
	j.mu.Lock()
	defer j.mu.Unlock()
	now := time.Now()
	j.stirs = append(j.stirs, stir{now, j.whole()})
	return now
}

func (j *judgement) whole() map[string]bool {
	all := j.scene.Nodes()
	runs := func(n *cluster.Node) bool {
		w := j.nodes[n.ID]
		return n.Running() && (len(w.away) == 0 || !w.away[len(w.away)-1].to.IsZero())
	}
	whole := map[string]bool{}
	for _, n := range all {
		reached, cut := 0, false
		for _, o := range all {
			if runs(o) {
				reached++
				cut = cut || !j.scene.net.Whole(n.ID, o.ID)
			}
		}
		whole[n.ID] = runs(n) && !cut && reached > len(all)/2
	}
	return whole
}

// leaves notes that a node will not answer until it is seen to answer again.
func (j *judgement) leaves(n *cluster.Node) {
	j.mu.Lock()
	defer j.mu.Unlock()
	w := j.nodes[n.ID]
	w.away = append(w.away, spell{from: time.Now()})
}

// returns notes that a node answers again from now on.
func (j *judgement) returns(n *cluster.Node) {
	j.mu.Lock()
	defer j.mu.Unlock()
	if w := j.nodes[n.ID]; len(w.away) > 0 {
		w.away[len(w.away)-1].to = time.Now().Add(patience)
	}
}

// allow lets flips be later than usual.
func (j *judgement) allow(extra time.Duration) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.extra = extra
}

func (j *judgement) allowed() time.Duration {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.extra
}

func (j *judgement) last(id string) sighting {
	j.mu.Lock()
	defer j.mu.Unlock()
	if all := j.nodes[id].seen; len(all) > 0 {
		return all[len(all)-1]
	}
	return sighting{}
}

// wait waits until a node answers so, and gives how long after a cause that was.
func (j *judgement) wait(id, answer string, since time.Time, atMost time.Duration) (time.Duration, error) {
	for {
		j.mu.Lock()
		all := j.nodes[id].seen
		for i := len(all) - 1; i >= 0 && all[i].at.After(since); i-- {
			if all[i].answer == answer {
				for i > 0 && all[i-1].answer == answer && all[i-1].at.After(since) {
					i--
				}
				j.mu.Unlock()
				return all[i].at.Sub(since), nil
			}
		}
		j.mu.Unlock()
		if time.Since(since) > atMost {
			return 0, fmt.Errorf("%s does not answer %s after %s, but %+v", id, answer, atMost, j.last(id))
		}
		pause(j.ctx, 20*time.Millisecond)
	}
}

// judge looks at all that was seen.
func (j *judgement) judge() {
	t := j.scene.t
	j.mu.Lock()
	defer j.mu.Unlock()
	agreed := map[uint32]string{}
	total := 0
	for id, w := range j.nodes {
		total += len(w.seen)
		if len(w.seen) == 0 {
			t.Errorf("%s was never seen to answer", id)
		}
		for i, s := range w.seen {
			why := j.unlawful(id, w, i)
			if was, some := agreed[s.serial]; some && was != s.answer {
				why = "that serial meant " + was
			}
			agreed[s.serial] = s.answer
			if why != "" {
				t.Errorf("%s answered %s at serial %d, at %s: %s", id, s.answer, s.serial, s.at.Format("15:04:05.000"), why)
				break // the first of a node is enough
			}
		}
		for _, at := range w.mute {
			if !w.excused(at) {
				t.Errorf("%s, which runs, did not answer what was asked at %s", id, at.Format("15:04:05.000"))
				break
			}
		}
	}
	t.Logf("%d answers were judged, of %d serials", total, len(agreed))
}

func (w *watched) excused(at time.Time) bool {
	for _, a := range w.away {
		if a.has(at) || a.has(at.Add(patience)) { // it went away while the question was under way
			return true
		}
	}
	return false
}

// unlawful says what is wrong with a sighting by itself.
func (j *judgement) unlawful(id string, w *watched, i int) string {
	s := w.seen[i]
	switch {
	case i > 0 && s.serial < w.seen[i-1].serial:
		return fmt.Sprintf("it had answered at serial %d", w.seen[i-1].serial)
	case s.answer == j.scene.aws:
		if len(j.spells) == 0 || s.at.Before(j.spells[0].from.Add(j.earliest())) {
			return "the primary had not failed often enough"
		}
	case s.answer != j.scene.azure:
		return "that is no site"
	case j.overdue(id, s.at) && !w.excused(s.at):
		return "the primary was sick for longer than a flip may take"
	}
	return ""
}

// earliest is when a flip can come at the earliest: the first failed probe may have been under way.
func (j *judgement) earliest() time.Duration {
	spec := j.scene.Spec()
	return (cluster.Failures-1)*spec.Interval - spec.Timeout
}

// overdue says whether the primary has been sick for so long, and nothing else happened meanwhile, that a node may not
// answer with it.
func (j *judgement) overdue(id string, at time.Time) bool {
	since := at.Add(-j.scene.flipBudget(1) - j.extra)
	for _, s := range j.stirs {
		switch {
		case s.at.After(at):
		case s.at.After(since), !s.whole[id] && j.lastBefore(since) == s.at:
			return false
		}
	}
	for _, p := range j.spells {
		if p.has(since) && p.has(at) {
			return true
		}
	}
	return false
}

// lastBefore is when the last stir before a time was.
func (j *judgement) lastBefore(at time.Time) (last time.Time) {
	for _, s := range j.stirs {
		if s.at.Before(at) {
			last = s.at
		}
	}
	return last
}
