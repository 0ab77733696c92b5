package server

import (
	"context"
	"fmt"
	"strconv"
	"time"

	"failoverdns/api"
	"failoverdns/node"
	"failoverdns/state"
)

// view is one state, looked at once, at one moment: what this node answers, with the words of its own.
type view struct {
	st    *state.State
	node  node.Status
	local node.Local
	now   time.Time
	peers []node.Report // only where asked for
	ends  time.Time     // of the API's own certificate, if that is soon
	caPin string        // likewise
}

func (s *Server) view() *view {
	a := s.node.Answered()
	v := &view{st: a.State, local: a.Local, node: s.node.Status(), now: s.now().UTC()}
	if at, soon := s.door.Load().ending(v.now); soon {
		v.ends = at
	}
	return v
}

// agreed is the view of the replicated state alone, which commands change.
func (s *Server) agreed() *view {
	return &view{st: s.node.State(), node: s.node.Status(), now: s.now().UTC()}
}

// peersTimeout bounds asking the other members: a status page must come soon above all when some are dead.
const peersTimeout = 1500 * time.Millisecond

func (s *Server) viewWithPeers(ctx context.Context) *view {
	ctx, cancel := context.WithTimeout(ctx, peersTimeout)
	defer cancel()
	peers := s.node.Reports(ctx)
	v := s.view()
	v.peers, v.caPin = peers, s.node.CAPin()
	return v
}

func (v *view) meta() api.Meta {
	return api.Meta{Node: v.node.ID, At: v.now, Index: v.st.Index, StateAge: seconds(v.node.StateAge)}
}

// seconds in milliseconds' precision: more is noise.
func seconds(d time.Duration) float64 {
	return float64(d.Round(time.Millisecond)) / float64(time.Second)
}

// wall estimates the wall time of a cluster clock from the last command's pair of both.
func (v *view) wall(c state.Clock) time.Time {
	if v.st.Wall.IsZero() {
		return time.Time{}
	}
	return utc(v.st.Wall.Add(c - v.st.Clock))
}

// utc drops the part below a millisecond and the location.
func utc(t time.Time) time.Time {
	if t.IsZero() {
		return t
	}
	return t.UTC().Truncate(time.Millisecond)
}

// wallOr is wall, nil for the clock 0, which stands for never or none.
func (v *view) wallOr(c state.Clock) *time.Time {
	if c == 0 {
		return nil
	}
	t := v.wall(c)
	return &t
}

// overdueAfter is how late an expiry may be before it is called overdue: commit and clocks take their time.
const overdueAfter = 5 * time.Second

func (v *view) overdue(expires *time.Time) bool {
	return expires != nil && v.now.Sub(*expires) > overdueAfter
}

func (v *view) override(o *state.Override) *api.Override {
	if o == nil {
		return nil
	}
	expires := v.wallOr(o.Expires)
	return &api.Override{
		Scope: string(o.Scope), Target: o.Target, Word: string(o.Word), Forced: o.Forced, Author: o.Author, Reason: o.Reason,
		Since: utc(o.Wall), Expires: expires, Overdue: v.overdue(expires), Window: o.Window,
	}
}

func (v *view) overrides() []api.Override {
	out := []api.Override{}
	for _, o := range v.st.Overrides.All() {
		out = append(out, *v.override(o))
	}
	return out
}

// overrideOf finds the override of one scope and target, nil without one.
func (v *view) overrideOf(scope state.Scope, target string) *api.Override {
	o, _ := v.st.Overrides.Get(state.OverrideKey(scope, target))
	return v.override(o)
}

func (v *view) pin(g *state.Group) *api.Pin {
	p := g.Pin
	if p == nil {
		return nil
	}
	expires := v.wallOr(p.Expires)
	return &api.Pin{
		Group: g.Name, Site: p.Site, Forced: p.Forced, Drill: p.Drill, Yields: !p.Forced && !v.isUp(g, p.Site), Author: p.Author,
		Reason: p.Reason, Since: utc(p.Wall), Expires: expires, Overdue: v.overdue(expires),
	}
}

func (v *view) isUp(g *state.Group, site string) bool {
	for i := range g.States {
		if g.States[i].Site == site {
			return g.States[i].Up
		}
	}
	return false
}

func (v *view) offer(o *state.Offer) api.Offer {
	out := api.Offer{Node: o.Node, Zone: o.Zone.String(), Source: o.Source, Digest: o.Digest, Drift: o.Drift, At: utc(o.Wall)}
	if z, ok := v.st.Zones.Get(state.ZoneKey(o.Zone)); ok {
		out.InForce, out.Matches = z.Digest, z.Digest == o.Digest
	}
	return out
}

func (v *view) offers(driftOnly bool) []api.Offer {
	out := []api.Offer{}
	for _, o := range v.st.Offers.All() {
		if o.Drift || !driftOnly {
			out = append(out, v.offer(o))
		}
	}
	return out
}

func event(e *state.Event) api.Event {
	return api.Event{
		ID: e.ID, Index: e.Index, At: utc(e.Wall), Type: e.Type, Zone: e.Zone, Group: e.Group, Site: e.Site,
		Endpoint: e.Endpoint, Node: e.Node, Author: e.Author, Reason: e.Reason, Text: e.Text,
	}
}

func hashText(h uint64) string { return fmt.Sprintf("%016x", h) }

// plural writes "1 vote" and "2 votes".
func plural(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return strconv.Itoa(n) + " " + noun + "s"
}
