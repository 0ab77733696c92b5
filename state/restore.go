package state

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"io"
	"time"
)

// maxArchived bounds an archived state, in bytes when unpacked: what packs well must not fill a node's memory.
const maxArchived = 512 << 20

// Restore puts an archived state in place of the present one: zones, sites, groups, verdicts, overrides, pins, tokens
// and history are what they were. What belongs to the nodes stays as it is: members, sessions (of intervals that checks
// have), offers, uploads and requests. So does what must never go back: the cluster clock, serials, the numbers of events,
// and the end of a token.
//
// Votes are not taken over, since they belong to sessions; verdicts stand until new votes decide.
type Restore struct {
	State  []byte `json:"state"`  // a snapshot, packed by gzip
	Source string `json:"source"` // what it was taken from, in words
	Reason string `json:"reason,omitempty"`
	Force  bool   `json:"force,omitempty"` // even if it takes zones away
}

func (*Restore) kind() kind { return kindRestore }

// Pack is a state as Restore carries it.
func Pack(snapshot []byte) ([]byte, error) {
	var b bytes.Buffer
	w, err := gzip.NewWriterLevel(&b, gzip.BestCompression)
	if err != nil {
		return nil, err
	}
	if _, err := w.Write(snapshot); err != nil {
		return nil, err
	}
	if err := w.Close(); err != nil {
		return nil, err
	}
	return b.Bytes(), nil
}

// Archived reads an archived state, whole. One that was tampered with gives an error, never a panic.
func (c *Restore) Archived() (s *State, err error) {
	defer func() {
		if p := recover(); p != nil {
			s, err = nil, fmt.Errorf("the archived state is damaged: %v", p)
		}
	}()
	r, err := gzip.NewReader(bytes.NewReader(c.State))
	if err != nil {
		return nil, fmt.Errorf("unpack the archived state: %w", err)
	}
	limited := &io.LimitedReader{R: r, N: maxArchived}
	s, err = Decode(limited)
	switch {
	case err != nil && limited.N == 0:
		return nil, fmt.Errorf("the archived state has more than %d bytes", maxArchived)
	case err != nil:
		return nil, err
	}
	return s, s.checkWhole()
}

func (c *Restore) apply(t *txn) (refusal *Refusal) {
	defer func() { // an archive that was tampered with must not stop every node at this entry
		if p := recover(); p != nil {
			refusal = refuse(RefusedInvalid, "the archived state cannot be put into force: %v", p)
		}
	}()
	a, err := c.Archived()
	switch {
	case err != nil:
		return refuse(RefusedInvalid, "the archive cannot be used: %v", err)
	case a.FeatureLevel() > t.s.FeatureLevel():
		return refuse(RefusedConflict, "the archive is of feature level %d, and %d is in force here: upgrade every node first", a.FeatureLevel(), t.s.FeatureLevel())
	}
	if r := t.was.loses(a); r != nil && !c.Force {
		return r
	}
	if err := t.restore(a); err != nil {
		return refuse(RefusedInvalid, "the archive cannot be used: %v", err)
	}
	t.event(Event{Type: "restored", Reason: c.Reason, Text: fmt.Sprintf("the state was restored from %s %s%s%s", c.Source, byWhom(t.h.Author), past(c.Force), because(c.Reason))})
	for name := range t.s.Groups.All() {
		t.settleGroup(name, true) // once more after this, with nothing left to do; here a panic is a refusal
	}
	return nil
}

// loses refuses what would end the answers of a zone.
func (s *State) loses(a *State) *Refusal {
	for key, z := range s.Zones.All() {
		if !a.Zones.Has(key) {
			return refuse(RefusedUnsafe, "zone %s is answered now and is not in the archive: after restoring it is answered only if a node's Corefile declares it, a second later; --force does it all the same", z.Name.Bare())
		}
	}
	return nil
}

// restore makes the next state: the archive's tables, but for those that belong to the nodes.
func (t *txn) restore(a *State) error {
	was := t.s
	clock := max(was.Clock, a.Clock)
	a, err := a.movedBy(clock - a.Clock)
	if err != nil {
		return err
	}
	present := clock - was.Clock
	next := *a
	next.Index, next.Hash, next.Clock, next.Wall, next.Level, next.Cluster = was.Index, was.Hash, clock, was.Wall, was.Level, was.Cluster
	next.Nodes, next.Sessions, next.Uploads, next.Requests, next.requestOrder = was.Nodes, was.Sessions, movedTable(was.Uploads, present), was.Requests, was.requestOrder
	next.restoreZones(was)
	next.restoreEndpoints()
	next.restoreOffers(was)
	next.restoreOverrides()
	next.restoreWindows()
	next.restoreTokens(was, present)
	next.restoreHistory(was, present)
	*t.s = next
	t.endSessions()
	t.touchAll()
	return nil
}

// movedBy is a state with every clock moved.
func (s *State) movedBy(by Clock) (*State, error) {
	if by == 0 {
		return s, nil
	}
	var b bytes.Buffer
	if err := s.encode(&b, by); err != nil {
		return nil, err
	}
	return Decode(&b)
}

func movedTable[V any](t Table[V], by Clock) (out Table[V]) {
	for key, row := range t.All() {
		out = out.With(key, moved(row, by))
	}
	return out
}

// touchAll has everything looked at anew: images, checks and groups.
func (t *txn) touchAll() {
	t.effect.Checks = true
	for _, s := range []*State{t.was, t.s} {
		for _, z := range s.Zones.All() {
			t.change(z.Name, "", -1)
		}
	}
	for name := range t.s.Groups.All() {
		t.dirty[name] = true
	}
}

// restoreZones keeps serials from going back, in the cluster and as far as secondaries may have seen them: where no
// file counts, a serial began as the wall time in seconds, so the wall time is above what it became since the archive.
func (s *State) restoreZones(was *State) {
	for key, z := range s.Zones.All() {
		next := *z
		next.Since = s.Index
		old, here := was.Zones.Get(key)
		if here {
			next.Serial = later(old.Serial, z.Serial)
		}
		if now := wallSerial(s.Wall); z.SOA.Serial == 0 && now != 0 && (!here || later(old.Serial, now) == now) {
			next.Serial = later(next.Serial, now)
		}
		if !here { // others rise with the answers that change
			next.Serial = nextSerial(next.Serial)
		}
		s.Zones = s.Zones.With(key, &next)
	}
}

// later is the serial b, if what follows it is above a as well.
func later(a, b uint32) uint32 {
	if serialGreater(b, a) && serialGreater(nextSerial(b), a) {
		return b
	}
	return a
}

func wallSerial(wall time.Time) uint32 {
	if wall.IsZero() {
		return 0
	}
	return uint32(wall.Unix())
}

// restoreEndpoints begins each check's count anew: the votes were of sessions that are no more, and revisions are
// indexes of this cluster's log.
func (s *State) restoreEndpoints() {
	for _, e := range s.Endpoints.All() {
		next := *e
		next.Votes, next.Revision = nil, s.Index
		if next.Index != 0 {
			next.Index = s.Index
		}
		s.putEndpoint(&next)
	}
}

// restoreOffers keeps the offers that are in force again. The others are forgotten: their nodes offer at once what
// their files say, and that is drift, or brings back a zone that the archive did not have.
func (s *State) restoreOffers(was *State) {
	s.Offers = Table[*Offer]{}
	for key, o := range was.Offers.All() {
		if z, ok := s.Zones.Get(ZoneKey(o.Zone)); ok && z.Digest == o.Digest {
			same := *o
			same.Drift, same.Declaration = false, nil
			s.Offers = s.Offers.With(key, &same)
		}
	}
}

// restoreOverrides drops those of nodes that are not in this cluster.
func (s *State) restoreOverrides() {
	for key, o := range s.Overrides.All() {
		if o.Scope == ScopeNode && !s.Nodes.Has(o.Target) {
			s.dropOverride(key)
		}
	}
}

// restoreTokens adds the archive's API tokens to those of now, so that whoever restores is not locked out, and none
// that has ended since is good again. Join tokens are of this cluster's membership.
func (s *State) restoreTokens(was *State, present Clock) {
	for id, k := range s.Tokens.All() {
		if k.Kind == TokenJoin {
			s.dropToken(id)
		}
	}
	for _, k := range was.Tokens.All() {
		s.putToken(moved(k, present))
	}
}
