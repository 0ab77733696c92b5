package record

import "fmt"

// MaxSet bounds the data of one record set, in octets, with what stands around each record: a greater one fits into no
// message (RFC 1035 section 4.2.2) with its header and question.
const MaxSet = 65535 - 512

// Overhead is what a record costs beside its data when its owner is compressed: pointer, type, class, TTL, length.
const Overhead = 12

// Size is what a set takes of a message, in octets.
func (s *Set) Size() int {
	size := 0
	for _, d := range s.Data {
		size += Overhead + len(d)
	}
	return size
}

// CheckSize says whether a set fits into a message.
func CheckSize(s Set) error {
	if n := s.Size(); n > MaxSet {
		return fmt.Errorf("the %s records of %q fit into no DNS message together: %d octets", s.Type, s.Name, n)
	}
	return nil
}

// CheckOwner says whether a zone may have a type of records at a name at all, whatever else is there: RFC 6895 section
// 3.1 (types of messages), RFC 4592 section 4 (wildcards).
func CheckOwner(name Name, t Type) error {
	const opt = 41
	switch {
	case t == 0 || t == opt || t >= 128 && t <= 255:
		return fmt.Errorf("%q has type %s, which stands in messages only, not in zones (RFC 6895 section 3.1)", name, t)
	case name.IsWildcard() && (t == NS || t == DNAME):
		return fmt.Errorf("%q is a wildcard and cannot have %s: what that would mean is not defined (RFC 4592 section 4)", name, t)
	}
	return nil
}
