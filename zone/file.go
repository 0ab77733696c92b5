package zone

import (
	"bufio"
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
	f := &fileReader{origin: origin, sets: map[record.Name][]*fileSet{}}
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
	sets   map[record.Name][]*fileSet
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
	set, err := setOf(name, rr)
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
	s := f.set(one.Name, one.Type)
	if s == nil {
		s = &fileSet{Set: record.Set{Name: one.Name, Type: one.Type, TTL: one.TTL}}
		f.sets[one.Name] = append(f.sets[one.Name], s)
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

// set is the set of a name and type so far, or nil.
func (f *fileReader) set(name record.Name, t record.Type) *fileSet {
	for _, s := range f.sets[name] {
		if s.Type == t {
			return s
		}
	}
	return nil
}

// types are those at a name.
func (f *fileReader) types(name record.Name) (all []record.Type) {
	if name == f.origin {
		all = append(all, record.SOA)
	}
	for _, s := range f.sets[name] {
		all = append(all, s.Type)
	}
	return all
}

// finish checks the zone as a whole. With an error comes the line that it belongs to.
func (f *fileReader) finish() ([]record.Set, int, error) {
	last := max(f.line, 1)
	switch {
	case f.soa == nil:
		return nil, last, fmt.Errorf("there is no SOA for %q; a zone file has one, at the zone's own name", f.origin)
	case f.set(f.origin, record.NS) == nil:
		return nil, last, fmt.Errorf("there is no NS for %q; a zone has at least one at its own name", f.origin)
	}
	sets := make([]record.Set, len(f.order))
	var wrong error // on the first line that has one
	for i, s := range f.order {
		sets[i] = s.Set
		if err := f.check(s); err != nil && (wrong == nil || s.line < last) {
			wrong, last = err, s.line
		}
	}
	if wrong != nil {
		return nil, last, wrong
	}
	return sets, 0, nil
}

// check checks a whole set, by itself and beside the others of its name.
func (f *fileReader) check(s *fileSet) error {
	if err := record.CheckSet(s.Set); err != nil {
		return err
	}
	if err := record.CheckBeside(f.types(s.Name), s.Name == f.origin); err != nil {
		return fmt.Errorf("%s: %w", s.Name, err)
	}
	return nil
}
