package duties

import (
	"context"
	"slices"
	"time"

	"failoverdns/state"
)

const (
	// measurePatience is how long the leader waits for nodes that do not answer: one that died with a site may be back
	// late, and one that followed has told by then.
	measurePatience = 20 * time.Second
	// measuredUntil is the age from which an incident is not measured any more: the nodes keep times in memory, and those of
	// an older one are told of nobody's clock.
	measuredUntil = 10 * time.Minute
)

// measure keeps with each new incident how fast the nodes followed.
func (d *Duties) measure(ctx context.Context) {
	now, leads := d.leader.Clock()
	if d.leader.Measure == nil || !leads {
		return
	}
	asked := map[uint64]bool{}
	for _, in := range d.leader.State().Unmeasured() {
		age := now - in.Decided
		if asked[in.Index] || age < round || age > measuredUntil {
			continue // what has just happened has not reached everybody
		}
		asked[in.Index] = true
		nodes := d.leader.Measure(ctx, in.Index)
		whole := !slices.ContainsFunc(nodes, func(m state.Measure) bool { return m.Error != "" })
		if len(nodes) > 0 && (whole || age > measurePatience) {
			d.propose(ctx, &state.Measured{At: in.Index, Nodes: nodes})
		}
	}
}

// keepMeasuring measures until the context ends, beside the other duties: a node that does not answer keeps none of them
// waiting.
func (d *Duties) keepMeasuring(ctx context.Context) {
	for ctx.Err() == nil {
		d.measure(ctx)
		select {
		case <-ctx.Done():
		case <-time.After(round):
		}
	}
}
