package state

import (
	"fmt"
	"slices"

	"pgregory.net/rapid"

	"failoverdns/record"
)

// someOwners are names in a zone that declarations and commands both write to; the first is steered.
var (
	someOwners = []string{"@", "x", "y.x"}
	someTypes  = []record.Type{record.A, record.TXT, record.CNAME, record.NS}
)

// set draws a record set that may stand by itself.
func (h *history) set(zone record.Name, owner string) record.Set {
	name, err := record.ParseNameIn(owner, zone)
	if err != nil {
		h.t.Fatal(err)
	}
	s := record.Set{Name: name, Type: rapid.SampledFrom(someTypes).Draw(h.t, "type"), TTL: 60}
	for _, d := range []string{"1", "2", "3"}[:rapid.IntRange(1, 3).Draw(h.t, "data")] {
		if len(s.Data) == 0 || s.Type != record.CNAME {
			s.Data = append(s.Data, []byte(d))
		}
	}
	return s
}

// records draws a change of dynamic record sets, often for the version that one has.
func (h *history) records(s *State) Body {
	c := &ChangeRecords{Zone: record.MustParseName(h.pick(append(someZones, "dyn.example"), "zone")), Reason: "r"}
	for range rapid.IntRange(1, 3).Draw(h.t, "changes") {
		set := h.set(c.Zone, h.pick(someOwners, "owner"))
		x := RecordChange{Name: set.Name, Type: set.Type, Data: set.Data, TTL: rapid.SampledFrom([]*uint32{nil, new(uint32)}).Draw(h.t, "ttl")}
		x.Verb = rapid.SampledFrom([]RecordVerb{RecordsSet, RecordsDelete, RecordsAdd, RecordsRemove}).Draw(h.t, "verb")
		if rapid.Bool().Draw(h.t, "with a version") {
			x.Version = new(uint64)
			if z, ok := s.Zones.Get(ZoneKey(c.Zone)); ok {
				if d, ok := z.Dynamic.Get(SetKey(x.Name, x.Type)); ok {
					*x.Version = d.Version
				}
			}
		}
		c.Changes = append(c.Changes, x)
	}
	return c
}

// zone draws the beginning or the end of a zone.
func (h *history) zone(*State) Body {
	dyn := record.MustParseName("dyn.example")
	switch rapid.IntRange(0, 3).Draw(h.t, "zone") {
	case 0:
		return &DeleteZone{Zone: record.MustParseName(h.pick(append(someZones, "dyn.example"), "zone")), Force: rapid.Bool().Draw(h.t, "force")}
	case 1:
		return &Withdraw{Node: h.pick(someNodes, "node"), Incarnation: "i1", Zones: []record.Name{record.MustParseName(h.pick(someZones, "zone"))}}
	}
	return &CreateZone{Zone: dyn, Replace: rapid.Bool().Draw(h.t, "replace"), Sets: []record.Set{{Name: dyn, Type: record.NS, TTL: 60, Data: [][]byte{[]byte(h.pick([]string{"1", "2"}, "server"))}}}}
}

func dynamicOf(z *Zone) (out string) {
	for _, d := range z.Dynamic.All() {
		out += fmt.Sprintf("%s %s %d %q\n", d.Name, d.Type, d.TTL, d.Data)
	}
	return out
}

// besideRight says whether no dynamic record set stands where a declared one does, or where a group answers, and nothing
// stands beside what it may not.
func besideRight(t *rapid.T, s *State) {
	for _, z := range s.Zones.All() {
		for key, d := range z.Dynamic.All() {
			_, _, steered := s.CellOf(z, d.Name)
			types := s.typesAt(z, d.Name)
			switch {
			case key != SetKey(d.Name, d.Type) || !d.Name.Under(z.Name) || len(d.Data) == 0 || d.Version == 0 || d.Version > s.Index:
				t.Fatalf("zone %s: %+v", z.Name.Bare(), d)
			case z.Sets.Has(key):
				t.Fatalf("%s %s is declared and dynamic", d.Name, d.Type)
			case steered && isAddress(d.Type):
				t.Fatalf("%s is steered and has a dynamic %s", d.Name, d.Type)
			}
			if err := record.CheckBeside(types, d.Name == z.Name); err != nil {
				t.Fatalf("%s has %v: %v", d.Name, types, err)
			}
			if len(slices.Compact(types)) != len(types) && !steered {
				t.Fatalf("%s has %v", d.Name, types)
			}
		}
	}
}
