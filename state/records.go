package state

import (
	"fmt"
	"slices"
	"strings"

	"failoverdns/record"
)

// RecordVerb is what a change does to one record set.
type RecordVerb string

// The verbs. Add and remove speak of single records: two writers who add to one set do not have to know of each other.
const (
	RecordsSet    RecordVerb = "set"    // the set is these records, whatever it was
	RecordsDelete RecordVerb = "delete" // there is no such set any more
	RecordsAdd    RecordVerb = "add"    // these records are in the set too
	RecordsRemove RecordVerb = "remove" // these records are not in the set any more; an empty set is none
)

// DefaultTTL is the TTL, in seconds, of a new dynamic record set for which none is given: what changes by command is
// likely to change again.
const DefaultTTL = 300

// ChangeRecords changes dynamic record sets of one zone: all of them or none.
type ChangeRecords struct {
	Zone    record.Name    `json:"zone"`
	Changes []RecordChange `json:"changes"`
	Reason  string         `json:"reason,omitempty"`
}

// RecordChange changes one record set.
type RecordChange struct {
	Verb    RecordVerb  `json:"verb"`
	Name    record.Name `json:"name"`
	Type    record.Type `json:"type"`
	TTL     *uint32     `json:"ttl,omitempty"`     // in seconds; nil leaves that of the set, or DefaultTTL
	Data    [][]byte    `json:"data,omitempty"`    // RDATA, as in record.Set
	Version *uint64     `json:"version,omitempty"` // that the set must have before; 0: there must be none
}

func (*ChangeRecords) kind() kind { return kindRecords }

func (c *ChangeRecords) apply(t *txn) *Refusal {
	old, ok := t.s.Zones.Get(ZoneKey(c.Zone))
	if !ok {
		return refuse(RefusedNotFound, "there is no zone %s; failoverctl zone list names those that there are, zone create makes one", c.Zone.Bare())
	}
	x := &recordsTxn{t: t, c: c, z: *old}
	if r := x.all(); r != nil || x.changed == nil {
		return r
	}
	t.s.Zones = t.s.Zones.With(ZoneKey(c.Zone), &x.z)
	if r := x.check(); r != nil {
		return r
	}
	t.changeNames(c.Zone, x.changed)
	t.event(Event{Type: "records", Zone: c.Zone.Bare(), Reason: c.Reason, Text: c.Zone.Bare() + ": " + some(x.words)})
	return nil
}

// recordsTxn is one ChangeRecords being applied to a copy of its zone.
type recordsTxn struct {
	t       *txn
	c       *ChangeRecords
	z       Zone
	changed []record.Name // each once
	words   []string
}

func (x *recordsTxn) all() *Refusal {
	if len(x.c.Changes) == 0 {
		return refuse(RefusedInvalid, "a change of records names no record set")
	}
	seen := make(map[string]bool, len(x.c.Changes))
	for i := range x.c.Changes {
		c := &x.c.Changes[i]
		key := SetKey(c.Name, c.Type)
		if seen[key] {
			return refuse(RefusedInvalid, "%s %s is named twice in one change", c.Name.Bare(), c.Type)
		}
		seen[key] = true
		if r := x.one(c, key); r != nil {
			return r
		}
	}
	return nil
}

func (x *recordsTxn) one(c *RecordChange, key string) *Refusal {
	if r := x.mayChange(c, key); r != nil {
		return r
	}
	old, ok := x.z.Dynamic.Get(key)
	if r := c.expects(old); r != nil {
		return r
	}
	if c.Verb == RecordsDelete && !ok {
		return refuse(RefusedNotFound, "there is no dynamic record set %s %s in zone %s", c.Name.Bare(), c.Type, x.z.Name.Bare())
	}
	set, r := c.outcome(old)
	if r != nil {
		return r
	}
	switch {
	case len(set.Data) == 0 && !ok, ok && set.TTL == old.TTL && sameData(set.Data, old.Data):
		return nil
	case len(set.Data) == 0:
		x.z.Dynamic = x.z.Dynamic.Without(key)
		x.words = append(x.words, fmt.Sprintf("%s %s deleted", c.Name.Bare(), c.Type))
	default:
		x.z.Dynamic = x.z.Dynamic.With(key, &Dynamic{set, x.t.s.Index, x.t.h.Author, x.c.Reason, x.t.s.Wall})
		x.words = append(x.words, fmt.Sprintf("%s %s set to %s, TTL %d s", c.Name.Bare(), c.Type, count(len(set.Data), "record"), set.TTL))
	}
	x.changed = append(x.changed, c.Name)
	return nil
}

// mayChange refuses what is not for a command to change.
func (x *recordsTxn) mayChange(c *RecordChange, key string) *Refusal {
	z := &x.z
	if !c.Name.Under(z.Name) {
		return refuse(RefusedInvalid, "%s is not in zone %s", c.Name.Bare(), z.Name.Bare())
	}
	if err := record.CheckOwner(c.Name, c.Type); err != nil {
		return refuse(RefusedInvalid, "%s", err)
	}
	switch {
	case z.Author != "" && c.Name == z.Name && (c.Type == record.SOA || c.Type == record.NS), z.Author != "" && z.Sets.Has(key):
		return refuse(RefusedConflict, "%s %s belongs to the zone itself: zone create --replace changes it", c.Name.Bare(), c.Type)
	case c.Type == record.SOA || c.Type == record.NS && c.Name == z.Name || z.Sets.Has(key):
		return refuse(RefusedConflict, "%s %s is declared in %s; change it there", c.Name.Bare(), c.Type, z.Source)
	case isAddress(c.Type):
		if g, ok := z.steered[c.Name]; ok {
			return refuse(RefusedConflict, "%s is steered by group %s, which %s declares: its addresses follow the failover; change them there", c.Name.Bare(), g.Group, z.Source)
		}
	}
	if below := x.t.s.zoneOf(c.Name); below != nil && below.Name != z.Name && (c.Name != below.Name || c.Type != record.NS && c.Type != record.DS) {
		return refuse(RefusedInvalid, "%s is in zone %s, which is served here too: write it there", c.Name.Bare(), below.Name.Bare())
	}
	return nil
}

// expects refuses a change that was meant for another version of its set.
func (c *RecordChange) expects(old *Dynamic) *Refusal {
	has := uint64(0)
	if old != nil {
		has = old.Version
	}
	switch {
	case c.Version == nil || *c.Version == has:
		return nil
	case has == 0:
		return refuse(RefusedVersion, "%s %s is not there any more, and the change is for its version %d; look again", c.Name.Bare(), c.Type, *c.Version)
	case *c.Version == 0:
		return refuse(RefusedVersion, "%s %s is there already, at version %d by %s", c.Name.Bare(), c.Type, has, old.Author)
	}
	return refuse(RefusedVersion, "%s %s is at version %d by now, by %s, and the change is for version %d; look again", c.Name.Bare(), c.Type, has, old.Author, *c.Version)
}

// outcome is the set after a change; without data there is none.
func (c *RecordChange) outcome(old *Dynamic) (record.Set, *Refusal) {
	set := record.Set{Name: c.Name, Type: c.Type, TTL: DefaultTTL}
	var had [][]byte
	if old != nil {
		set.TTL, had = old.TTL, old.Data
	}
	if c.TTL != nil {
		set.TTL = *c.TTL
	}
	switch c.Verb {
	case RecordsDelete:
		return set, nil
	case RecordsSet:
		set.Data = record.Dedup(c.Data)
	case RecordsAdd:
		set.Data = record.Dedup(slices.Concat(had, c.Data))
	case RecordsRemove:
		if set.Data = without(had, c.Data); len(set.Data) == 0 {
			return set, nil
		}
	default:
		return set, refuse(RefusedInvalid, "%s %s: there is no change %q; there are set, delete, add and remove", c.Name.Bare(), c.Type, c.Verb)
	}
	if err := record.CheckSet(set); err != nil {
		return set, refuse(RefusedInvalid, "%s", err)
	}
	if err := record.CheckSize(set); err != nil {
		return set, refuse(RefusedInvalid, "%s", err)
	}
	return set, nil
}

// check refuses what may not stand side by side once all is changed, and a look-up that would follow a group then.
func (x *recordsTxn) check() *Refusal {
	slices.SortFunc(x.changed, record.Compare)
	x.changed = slices.Compact(x.changed)
	for _, name := range x.changed {
		if err := record.CheckBeside(x.t.s.typesAt(&x.z, name), name == x.z.Name); err != nil {
			return refuse(RefusedConflict, "%s: %s%s", name.Bare(), err, x.declaredAt(name))
		}
		for _, l := range x.t.s.lookups.Prefix(lookupKey(name, "")) {
			if group, ok := x.t.s.Steered(l.name); ok {
				return refuse(RefusedConflict, "site %s looks up %s, which group %s would steer then; a look-up must not follow a failover", l.site, name.Bare(), group)
			}
		}
	}
	return nil
}

// declaredAt says which types of a name are not for a command to change.
func (x *recordsTxn) declaredAt(name record.Name) string {
	if g, ok := x.z.steered[name]; ok {
		return fmt.Sprintf("; its addresses follow group %s of %s", g.Group, x.z.Source)
	}
	var types []string
	for _, set := range x.z.Sets.Prefix(setsAt(name)) {
		types = append(types, set.Type.String())
	}
	if types == nil {
		return ""
	}
	return fmt.Sprintf("; %s declares %s there", x.z.Source, strings.Join(types, ", "))
}

// sameData says whether two sets hold the same records: a set has no order (RFC 2181 section 5).
func sameData(a, b [][]byte) bool { return len(a) == len(b) && len(without(a, b)) == 0 }

// without is data but for some records.
func without(data, some [][]byte) (out [][]byte) {
	drop := make(map[string]bool, len(some))
	for _, d := range some {
		drop[string(d)] = true
	}
	for _, d := range data {
		if !drop[string(d)] {
			out = append(out, d)
		}
	}
	return out
}

// maxTold bounds the record sets that an event names.
const maxTold = 4

func some(words []string) string {
	if len(words) <= maxTold {
		return strings.Join(words, "; ")
	}
	return fmt.Sprintf("%s; and %s more", strings.Join(words[:maxTold-1], "; "), count(len(words)-maxTold+1, "record set"))
}

func count(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}
