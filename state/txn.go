package state

import (
	"encoding/json"
	"fmt"
	"hash/fnv"
	"maps"
	"slices"
	"time"

	"failoverdns/record"
)

// Bounds of the kept history, in entries. A request older than the last maxRequests is forgotten.
const (
	maxEvents    = 2000
	maxIncidents = 500
	maxRequests  = 1000
)

// New is the state before the first command.
func New() *State { return &State{} }

// txn is one entry being applied: a copy of the state that its command may change, and what follows from that.
type txn struct {
	s       *State // the copy
	was     *State
	h       Header
	dirty   map[string]bool // groups to settle
	decided []*Endpoint     // endpoints whose verdict changed
	gaveUp  []*Site         // sites as they were before this command declared or dropped them
	zones   map[string]*ZoneChange
	back    map[string]*Drill // by group: the drill that this command ended
	digests map[*Declaration]string
	effect  Effect
}

// Apply gives the state after a command, and what it did. s itself stays as it is. A refused command changes nothing
// but index, clock, wall time, hash, audit trail and the memory of its request ID; one whose request ID is known already has no
// effect, and the outcome of the first. index must be above s.Index.
func (s *State) Apply(index uint64, c Command) (*State, Result) {
	logged := c
	if last, ok := c.Body.(*Complete); ok {
		s, c = s.assembled(c, last)
	}
	if s.FeatureLevel() < 2 {
		logged = c
	}
	if first, ok := s.Requests.Get(c.ID); ok && c.ID != "" {
		t := s.begin(index, c.Header)
		t.finish([]byte(c.ID), nil)
		return t.s, Result{Index: first.Index, Refusal: first.Refusal}
	}
	t := s.begin(index, c.Header)
	refusal := c.Body.apply(t)
	if refusal == nil {
		refusal = t.settle(forced(c.Body))
	}
	if refusal != nil {
		t = s.begin(index, c.Header)
	}
	t.rememberRequest(refusal)
	t.audit(c.Body, refusal)
	t.finish(logged.text(), refusal)
	return t.s, Result{Index: index, Refusal: refusal, Effect: t.effect}
}

// text is a command as the running hash takes it. What came from a log always encodes again. A change that came in chunks
// is taken by the SHA-256 that completes it; at level 1 its content is encoded once more.
func (c Command) text() []byte {
	body, err := json.Marshal(c.Body)
	if err == nil {
		body, err = c.encode(body)
	}
	if err != nil {
		return fmt.Appendf(nil, "%T", c.Body)
	}
	return body
}

// Configure takes Raft's configuration as the list of members. The members of the first one count as probing nodes
// at once; later ones after their first full round.
func (s *State) Configure(index uint64, members []Member) (*State, Result) {
	t := s.begin(index, Header{})
	t.configure(members)
	t.settle(true)
	t.finish(fmt.Appendf(nil, "%v", members), nil)
	return t.s, Result{Index: index, Effect: t.effect}
}

func (s *State) begin(index uint64, h Header) *txn {
	next := *s
	next.Index = index
	next.Clock = max(s.Clock, h.Clock)
	if !h.Wall.IsZero() {
		next.Wall = h.Wall
	}
	return &txn{s: &next, was: s, h: h, dirty: map[string]bool{}, zones: map[string]*ZoneChange{}, back: map[string]*Drill{}, digests: map[*Declaration]string{}}
}

func (t *txn) rememberRequest(refusal *Refusal) {
	if t.h.ID == "" || refusal != nil && refusal.Code == RefusedIncomplete {
		return
	}
	t.s.Requests = t.s.Requests.With(t.h.ID, &Request{ID: t.h.ID, Index: t.s.Index, Refusal: refusal})
	t.s.requestOrder = t.s.requestOrder.With(numberKey(t.s.Index), t.h.ID)
	for t.s.Requests.Len() > maxRequests {
		k, id, _ := t.s.requestOrder.First()
		t.s.requestOrder, t.s.Requests = t.s.requestOrder.Without(k), t.s.Requests.Without(id)
	}
}

// finish gathers the effect and moves the running hash on.
func (t *txn) finish(encoded []byte, refusal *Refusal) {
	keys := slices.Sorted(maps.Keys(t.zones))
	h := fnv.New64a()
	fmt.Fprintf(h, "%d %d\n%s\n", t.was.Hash, t.s.Index, encoded)
	if refusal != nil {
		fmt.Fprintf(h, "refused %s\n", refusal.Code)
	}
	for _, k := range keys {
		t.effect.Zones = append(t.effect.Zones, *t.zones[k])
		if z, ok := t.s.Zones.Get(k); ok {
			fmt.Fprintf(h, "zone %s %d\n", z.Name, z.Serial)
		}
	}
	for _, e := range t.effect.Events {
		fmt.Fprintf(h, "event %s %s\n", e.Type, e.Text)
	}
	t.s.Hash = h.Sum64()
}

// settle brings every group that the command touched to its choice, then raises serials. Unless force allows it, a
// command that took from a group its last usable site is refused.
func (t *txn) settle(force bool) *Refusal {
	for _, name := range slices.Sorted(maps.Keys(t.dirty)) {
		if r := t.settleGroup(name, force); r != nil {
			return r
		}
	}
	for key := range t.zones {
		t.raiseSerial(key)
	}
	return nil
}

// change notes that a zone's answers change; cell < 0 means all of the zone.
func (t *txn) change(zone record.Name, group string, cell int) {
	z := t.changed(zone)
	if cell < 0 {
		z.Whole = true
		return
	}
	z.Cells = append(z.Cells, CellRef{group, cell})
}

// changeNames notes that the dynamic record sets of some names of a zone change.
func (t *txn) changeNames(zone record.Name, names []record.Name) { t.changed(zone).Names = names }

func (t *txn) changed(zone record.Name) *ZoneChange {
	key := ZoneKey(zone)
	z := t.zones[key]
	if z == nil {
		z = &ZoneChange{Zone: key}
		t.zones[key] = z
	}
	return z
}

// raiseSerial adds one to the serial of a zone that was there before, skipping 0 (0 confuses secondaries). With a new
// declaration a file's serial is taken when it is greater.
func (t *txn) raiseSerial(key string) {
	z, ok := t.s.Zones.Get(key)
	was, before := t.was.Zones.Get(key)
	if !ok || !before {
		return // the zone is gone, or new
	}
	c := *z
	c.Serial = nextSerial(z.Serial)
	if file := z.SOA.Serial; z.Since == t.s.Index && file != 0 && serialGreater(file, z.Serial) && serialGreater(file, was.Serial) {
		c.Serial = file
	}
	t.s.Zones = t.s.Zones.With(key, &c)
}

func nextSerial(n uint32) uint32 {
	if n++; n == 0 {
		n = 1
	}
	return n
}

// serialGreater is RFC 1982 section 3.2.
func serialGreater(a, b uint32) bool { return a != b && a-b < 1<<31 }

func (t *txn) event(e Event) {
	id := uint64(1)
	if _, last, ok := t.s.Events.Last(); ok {
		id = last.ID + 1
	}
	e.ID, e.Index, e.Clock, e.Wall = id, t.s.Index, t.s.Clock, t.s.Wall
	if e.Author == "" {
		e.Author = t.h.Author
	}
	t.s.Events = t.s.Events.With(numberKey(id), &e)
	if t.s.Events.Len() > maxEvents {
		k, _, _ := t.s.Events.First()
		t.s.Events = t.s.Events.Without(k)
	}
	t.effect.Events = append(t.effect.Events, &e)
}

// touchSite marks every group that has a site.
func (t *txn) touchSite(siteID string) {
	for _, name := range t.s.groupsOf(siteID) {
		t.dirty[name] = true
	}
}

// expiry is the clock at which something set now for d ends; 0 is never.
func (t *txn) expiry(d time.Duration) Clock {
	if d <= 0 {
		return 0
	}
	return t.s.Clock + d
}

func refuse(code, format string, args ...any) *Refusal {
	return &Refusal{Code: code, Text: fmt.Sprintf(format, args...)}
}

// digest is a declaration's digest, worked out once for a command.
func (t *txn) digest(d *Declaration) string {
	sum, ok := t.digests[d]
	if !ok {
		sum = d.Digest()
		t.digests[d] = sum
	}
	return sum
}
