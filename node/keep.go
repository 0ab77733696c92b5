package node

import (
	"context"
	"errors"
	"time"

	"failoverdns/ballot"
	"failoverdns/probes"
	"failoverdns/record"
	"failoverdns/state"
)

const (
	// contactEvery is how often a node tells the leader that it is there. Sessions end after 30 s of silence or more.
	contactEvery = 2 * time.Second
	// contactTimeout bounds one such call.
	contactTimeout = 2 * time.Second
	// offerEvery is how often a node looks whether its offers and announcement are in the state yet.
	offerEvery = time.Second
	// proposeTimeout bounds one command of the node's own.
	proposeTimeout = 10 * time.Second
)

// keepProbing keeps the scheduler at the endpoints of the state.
func (n *Node) keepProbing(ctx context.Context) {
	for {
		n.probing.Update(n.targets())
		n.ballot.Forget()
		select {
		case <-ctx.Done():
			return
		case <-n.checksChanged:
		}
	}
}

// keepContact tells the leader, or the duties here, that this node lives.
func (n *Node) keepContact(ctx context.Context) {
	for ctx.Err() == nil {
		leader, _, self := n.store.Leader()
		switch {
		case self:
			n.hearFrom(n.ID(), n.hello())
		case leader != "":
			n.reportTo(ctx, leader)
		}
		wait(ctx, contactEvery, n.contactNow)
	}
}

func (n *Node) reportTo(ctx context.Context, leader string) {
	ctx, cancel := context.WithTimeout(ctx, contactTimeout)
	defer cancel()
	var back heard
	if err := n.store.Call(ctx, leader, "POST", pathContact, n.hello(), &back); err != nil {
		n.log.Debug("the leader does not hear this node", "leader", leader, "error", err)
		return
	}
	n.hashes.tell(back.Diverged)
}

// keepOffering brings this node's announcement and the declarations of its Corefile into the state, and again after
// each change of them.
func (n *Node) keepOffering(ctx context.Context) {
	for ctx.Err() == nil {
		offered, err := n.offer(ctx)
		if err != nil && ctx.Err() == nil {
			n.log.Debug("an offer is not through yet", "error", err)
		}
		if !offered || err != nil {
			wait(ctx, offerEvery, n.offersChanged)
		}
	}
}

// offer proposes the next thing that the state does not have of this node, and says whether there was one.
func (n *Node) offer(ctx context.Context) (offered bool, err error) {
	st := n.State()
	member, ok := st.Nodes.Get(n.ID())
	if !ok {
		return false, nil // not a member yet, or no longer
	}
	ctx, cancel := context.WithTimeout(ctx, proposeTimeout)
	defer cancel()
	if a := n.announcement(); !announced(member, a) {
		return true, n.propose(ctx, state.Command{Body: a})
	}
	if gone := n.withdrawn(st); gone != nil {
		c := state.Command{Body: &state.Withdraw{Node: n.ID(), Incarnation: n.store.Incarnation(), Zones: gone}}
		if c.Level() <= st.FeatureLevel() { // else later: it must not hold up what is offered
			return true, n.propose(ctx, c)
		}
	}
	open := n.openOffers(st)
	if len(open) == 0 {
		return false, nil
	}
	declare := &state.Declare{Node: n.ID(), Incarnation: n.store.Incarnation()}
	for _, p := range open {
		d, err := p.Declaration()
		if err != nil {
			return true, err
		}
		declare.Declarations = append(declare.Declarations, d)
	}
	err = n.propose(ctx, state.Command{Body: declare})
	var refusal *state.Refusal
	switch {
	case errors.As(err, &refusal):
		n.refuse(open, refusal.Text)
	case errors.Is(err, state.ErrTooLarge):
		n.refuse(open, err.Error())
	}
	return true, err
}

func (n *Node) announcement() *state.Announce {
	cfg := n.Config()
	return &state.Announce{ID: n.ID(), Incarnation: n.store.Incarnation(), Role: cfg.Role, Probe: cfg.Probe, Version: cfg.Version, Admin: cfg.Admin.Address}
}

func announced(m *state.Node, a *state.Announce) bool {
	return m.Announced && m.Incarnation == a.Incarnation && m.Role == a.Role && m.Probe == a.Probe && m.Version == a.Version && m.Admin == a.Admin
}

// openOffers are the declarations that differ from what this incarnation last offered, but for refused ones.
func (n *Node) openOffers(st *state.State) (open []*state.Packed) {
	n.mu.Lock()
	defer n.mu.Unlock()
	for _, d := range *n.own.Load() {
		o, ok := st.Offer(n.ID(), d.Zone)
		if ok && !o.Gone && o.Incarnation == n.store.Incarnation() && o.Digest == d.Digest || n.refused[d.Digest] != "" {
			continue
		}
		open = append(open, d)
	}
	return open
}

// withdrawn are the zones that this node once offered and that its Corefile does not have any more.
func (n *Node) withdrawn(st *state.State) (zones []record.Name) {
	has := map[record.Name]bool{}
	for _, d := range *n.own.Load() {
		has[d.Zone] = true
	}
	for _, o := range st.OffersOf(n.ID()) {
		if !o.Gone && !has[o.Zone] && o.Incarnation == n.store.Incarnation() {
			zones = append(zones, o.Zone)
		}
	}
	return zones
}

// refuse remembers that an offer was refused: it is not repeated until the Corefile changes.
func (n *Node) refuse(offers []*state.Packed, why string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	for _, d := range offers {
		n.refused[d.Digest] = why
	}
	n.log.Error("the cluster refuses what the Corefile declares; nothing changed", "reason", why)
}

// Refused lists why offers of this node were refused.
func (n *Node) Refused() (texts []string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	for _, d := range *n.own.Load() {
		if text := n.refused[d.Digest]; text != "" {
			texts = append(texts, text)
		}
	}
	return texts
}

// keepLeading does the leader's duties whenever this node leads.
func (n *Node) keepLeading(ctx context.Context) {
	for {
		reign, err := n.store.Lead(ctx)
		if err != nil {
			return // the node stops
		}
		signal(n.contactNow) // so that the duties hear of this node itself at once
		term, cancel := context.WithCancel(reign)
		unlink := context.AfterFunc(ctx, cancel)
		n.done.Go(func() { n.keepLevel(term) })
		n.duties.Run(term)
		unlink()
		cancel()
	}
}

// certificatesChanged reports what polling the certificate files found.
func (n *Node) certificatesChanged(changed bool, err error) {
	switch {
	case err != nil:
		n.log.Error("the certificate files do not load; the old ones stay in use", "error", err)
	case changed:
		n.log.Info("certificates reloaded", "expire", n.trust.Expires())
	}
}

// targets are what this node probes now.
func (n *Node) targets() []probes.Target {
	if !n.Config().Probe {
		return nil
	}
	return ballot.Targets(n.State())
}
