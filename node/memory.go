package node

import (
	"context"
	"runtime/debug"
	"slices"
	"time"

	"failoverdns/state"
)

// A zone of a million record sets passes through many hands while it is loaded: file, offer, log, state, images. All
// but the last two are done with it then, and the collector, which lets the heap grow to twice of what it last found in
// use, would hold on to their memory for hours.

const (
	// largeZone is from how many record sets on memory is given back after a load. Below, there is little of it.
	largeZone = 50_000
	// settleTime is how long a load is over then: other nodes' offers of the same zone, and the logs, follow it.
	settleTime = 2 * time.Second
)

// keep takes a configuration over. Of what it declares a small form is enough: it is offered once, and again only where
// the cluster has lost it.
func (n *Node) keep(cfg *Config) {
	own := make([]*state.Packed, 0, len(cfg.Declarations))
	for _, d := range cfg.Declarations {
		own = append(own, d.Pack())
	}
	cfg.Declarations = nil
	n.own.Store(&own)
	n.cfg.Store(cfg)
}

// large says whether a change brought a large zone.
func large(st *state.State, changes []state.ZoneChange) bool {
	return slices.ContainsFunc(changes, func(c state.ZoneChange) bool {
		z, ok := st.Zones.Get(c.Zone)
		return ok && c.Whole && z.Sets.Len() >= largeZone
	})
}

// keepMemory gives memory back to the system once a large zone is loaded. It costs one collection, beside the answers.
func (n *Node) keepMemory(ctx context.Context) {
	if holdsLarge(n.State()) { // what was recovered was loaded, too
		signal(n.grown)
	}
	for {
		select {
		case <-ctx.Done():
			return
		case <-n.grown:
		}
		wait(ctx, settleTime, nil)
		debug.FreeOSMemory()
	}
}

// holdsLarge says whether a state has a large zone.
func holdsLarge(st *state.State) bool {
	for _, z := range st.Zones.All() {
		if z.Sets.Len() >= largeZone {
			return true
		}
	}
	return false
}
