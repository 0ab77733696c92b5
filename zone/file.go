package zone

import (
	"bufio"
	"cmp"
	"errors"
	"fmt"
	"io"
	"slices"

	"github.com/miekg/dns"

	"failoverdns/record"
	"failoverdns/state"
)

// ParseFile reads a zone file (RFC 1035 section 5, with $TTL, $GENERATE, and $INCLUDE relative to the file at path) of
// the zone origin. It gives the SOA and all other record sets, in the order of their first records; of the TTLs within
// a set the lowest counts (RFC 2181 section 5.2). Errors name file and line; within an included file the line is that
// of its $INCLUDE.
func ParseFile(r io.Reader, path string, origin record.Name) (state.SOA, []record.Set, error) {
	lines := &lineReader{r: bufio.NewReader(r)}
	zp := dns.NewZoneParser(lines, origin.String(), path)
	zp.SetIncludeAllowed(true)
	f := &fileReader{origin: origin, sets: map[setID]*fileSet{}}
	for rr, ok := zp.Next(); ok; rr, ok = zp.Next() {
		if err := f.add(rr, lines.line); err != nil {
			return state.SOA{}, nil, fmt.Errorf("%s:%d: %w", path, lines.line, err)
		}
	}
	if err := zp.Err(); err != nil {
		return state.SOA{}, nil, fmt.Errorf("read zone file %q: %w", path, err)
	}
	sets, line, err := f.finish()
	if err != nil {
		return state.SOA{}, nil, fmt.Errorf("%s:%d: %w", path, line, err)
	}
	return *f.soa, sets, nil
}

type setID struct {
	name record.Name
	kind record.Type
}

// fileSet is a set in the making.
type fileSet struct {
	record.Set
	records []dns.RR
	size    int
	line    int // of the latest record
}

// fileReader gathers the records of a zone file.
type fileReader struct {
	origin record.Name
	soa    *state.SOA
	line   int // of the latest record
	sets   map[setID]*fileSet
	order  []*fileSet
}

// add takes one record.
func (f *fileReader) add(rr dns.RR, line int) error {
	f.line = line
	h := rr.Header()
	if h.Class != dns.ClassINET {
		return fmt.Errorf("%q has class %s; only IN is served", h.Name, dns.Class(h.Class))
	}
	name, err := record.ParseName(h.Name)
	if err != nil {
		return err
	}
	if err := record.CheckOwner(name, record.Type(h.Rrtype)); err != nil {
		return err
	}
	set, err := toSet(rr)
	if err != nil {
		return fmt.Errorf("%q: %w", h.Name, err)
	}
	if !set.Name.Under(f.origin) {
		return fmt.Errorf("%q is outside of the zone %q: is a final dot missing, or one too many?", h.Name, f.origin)
	}
	if soa, ok := rr.(*dns.SOA); ok {
		return f.addSOA(soa, set)
	}
	return f.addTo(rr, set, line)
}

// addSOA takes the zone's SOA.
func (f *fileReader) addSOA(rr *dns.SOA, set record.Set) error {
	if set.Name != f.origin {
		return fmt.Errorf("the SOA's owner is %q; the zone is %q", rr.Hdr.Name, f.origin)
	}
	if f.soa != nil {
		return errors.New("a second SOA; a zone has one (RFC 1035 section 5.2)")
	}
	if err := record.CheckSet(set); err != nil {
		return err
	}
	mname, err := record.ParseName(rr.Ns)
	if err != nil {
		return fmt.Errorf("the SOA's first name server: %w", err)
	}
	rname, err := record.ParseName(rr.Mbox)
	if err != nil {
		return fmt.Errorf("the SOA's mailbox: %w", err)
	}
	f.soa = &state.SOA{
		TTL: set.TTL, MName: mname, RName: rname, Serial: rr.Serial,
		Refresh: rr.Refresh, Retry: rr.Retry, Expire: rr.Expire, Minimum: rr.Minttl,
	}
	return nil
}

// addTo puts a record into its set, once. Records are equal if they differ only in the case of names.
func (f *fileReader) addTo(rr dns.RR, one record.Set, line int) error {
	if err := record.CheckSet(one); err != nil {
		return err
	}
	id := setID{one.Name, one.Type}
	s := f.sets[id]
	if s == nil {
		s = &fileSet{Set: record.Set{Name: one.Name, Type: one.Type, TTL: one.TTL}}
		f.sets[id] = s
		f.order = append(f.order, s)
	}
	s.line = line
	s.TTL = min(s.TTL, one.TTL)
	if slices.ContainsFunc(s.records, func(o dns.RR) bool { return dns.IsDuplicate(o, rr) }) {
		return nil
	}
	s.records = append(s.records, rr)
	s.Data = append(s.Data, one.Data[0])
	if s.size += record.Overhead + len(one.Data[0]); s.size > record.MaxSet {
		return fmt.Errorf("the %s records of %q fit into no DNS message together: %d octets", s.Type, s.Name, s.size)
	}
	return nil
}

// finish checks the zone as a whole. With an error comes the line that it belongs to.
func (f *fileReader) finish() ([]record.Set, int, error) {
	last := max(f.line, 1)
	switch {
	case f.soa == nil:
		return nil, last, fmt.Errorf("there is no SOA for %q; a zone file has one, at the zone's own name", f.origin)
	case f.sets[setID{f.origin, record.NS}] == nil:
		return nil, last, fmt.Errorf("there is no NS for %q; a zone has at least one at its own name", f.origin)
	}
	byName := map[record.Name][]record.Type{f.origin: {record.SOA}}
	sets := make([]record.Set, len(f.order))
	for i, s := range f.order {
		sets[i] = s.Set
		byName[s.Name] = append(byName[s.Name], s.Type)
	}
	late := slices.SortedStableFunc(slices.Values(f.order), func(a, b *fileSet) int { return cmp.Compare(a.line, b.line) })
	for _, s := range late {
		if err := record.CheckSet(s.Set); err != nil {
			return nil, s.line, err
		}
		if err := record.CheckBeside(byName[s.Name], s.Name == f.origin); err != nil {
			return nil, s.line, fmt.Errorf("%s: %w", s.Name, err)
		}
	}
	return sets, 0, nil
}
