// Package record holds names and record sets as data, and the rules of what may stand beside what.
//
// Names are kept in the form in which DNS compares them: wire form, ASCII letters in lower case (RFC 1035 section
// 3.1, RFC 4343). So equality is ==, a parent is a suffix, and "below" never needs to look for label boundaries in
// text. Nothing here knows a policy, a packet library or a file format.
package record

import (
	"errors"
	"fmt"
	"strings"
)

// Name is a fully qualified domain name in wire form (length-prefixed labels, ended by the root's zero byte), its
// ASCII letters in lower case. The zero value "" is no name; the root is "\x00".
type Name string

// Root is the name of the root zone.
const Root Name = "\x00"

// Limits of RFC 1035 section 2.3.4, in octets.
const (
	maxLabel = 63
	maxName  = 255
)

// Errors of ParseName.
var (
	errEmptyLabel = errors.New("it has an empty label (two dots in a row, or one in front)")
	errLongLabel  = errors.New("a label is longer than 63 octets (RFC 1035 section 2.3.4)")
	errLongName   = errors.New("it is longer than 255 octets (RFC 1035 section 2.3.4)")
	errRaw        = errors.New("it holds raw blanks, control characters or letters beyond ASCII")
	errEscape     = errors.New(`a backslash must be followed by three digits up to 255 or by one character (RFC 1035 section 5.1)`)
)

// ParseName reads a name in presentation form, with or without the final dot; both mean the same absolute name. A label
// may hold any octet (RFC 2181 section 11), but one that is no printable ASCII must be written as an escape (RFC 1035
// section 5.1): typed as it is, it is a mistake.
func ParseName(s string) (Name, error) { return ParseNameIn(s, Root) }

// ParseNameIn reads a name as a zone file does: "@" is the origin, a name with a final dot is absolute, any other
// stands below the origin.
func ParseNameIn(s string, origin Name) (Name, error) {
	switch s {
	case "":
		return "", errors.New("a name is empty")
	case "@":
		return origin, nil
	case ".":
		return Root, nil
	}
	var room [maxName]byte
	wire, absolute, err := appendLabels(room[:0], s)
	if errors.Is(err, errRaw) {
		err = rawError(s)
	}
	if err != nil {
		return "", fmt.Errorf("%q is no domain name: %w", s, err)
	}
	if absolute {
		origin = Root
	}
	if wire = append(wire, origin...); len(wire) > maxName {
		return "", fmt.Errorf("%q is no domain name: %w", s, errLongName)
	}
	return Name(wire), nil
}

// MustParseName is ParseName for names known to be good; it panics on others.
func MustParseName(s string) Name {
	n, err := ParseName(s)
	if err != nil {
		panic(err)
	}
	return n
}

// appendLabels appends labels in wire form, the escapes of RFC 1035 section 5.1 undone and ASCII letters lowered.
func appendLabels(b []byte, s string) (wire []byte, absolute bool, err error) {
	start := len(b) // of the label, where its length goes
	b = append(b, 0)
	end := func() error {
		switch n := len(b) - start - 1; {
		case n == 0:
			return errEmptyLabel
		case n > maxLabel:
			return errLongLabel
		default:
			b[start] = byte(n)
		}
		start = len(b)
		b = append(b, 0)
		return nil
	}
	for i := 0; i < len(s); i++ {
		switch c := s[i]; c {
		case '.':
			if err := end(); err != nil {
				return nil, false, err
			}
			absolute = i == len(s)-1
		case '\\':
			octet, n, err := unescape(s[i+1:])
			if err != nil {
				return nil, false, err
			}
			b = append(b, lower(octet))
			i += n
		case ' ', 0x7f:
			return nil, false, errRaw
		default:
			if c < ' ' || c > 0x7f {
				return nil, false, errRaw
			}
			b = append(b, lower(c))
		}
	}
	if !absolute {
		if err := end(); err != nil {
			return nil, false, err
		}
	}
	return b[:start], absolute, nil
}

// unescape reads what follows a backslash and says how many bytes of s it took.
func unescape(s string) (b byte, n int, err error) {
	if s == "" {
		return 0, 0, errEscape
	}
	if s[0] < '0' || s[0] > '9' {
		return s[0], 1, nil
	}
	if len(s) < 3 {
		return 0, 0, errEscape
	}
	v := 0
	for _, c := range []byte(s[:3]) {
		if c < '0' || c > '9' {
			return 0, 0, errEscape
		}
		v = v*10 + int(c-'0')
	}
	if v > 255 {
		return 0, 0, errEscape
	}
	return byte(v), 3, nil
}

func lower(c byte) byte {
	if 'A' <= c && c <= 'Z' {
		return c + ('a' - 'A')
	}
	return c
}

// lowerWire is safe on length bytes: they are at most 63, below 'A'.
func lowerWire(b []byte) Name {
	out := make([]byte, len(b))
	for i, c := range b {
		out[i] = lower(c)
	}
	return Name(out)
}

// String is the presentation form with the final dot, unusual bytes escaped (RFC 1035 section 5.1, RFC 4343).
func (n Name) String() string {
	if n == Root {
		return "."
	}
	var b strings.Builder
	for i := 0; i < len(n) && n[i] != 0; i += 1 + int(n[i]) {
		for _, c := range []byte(n[i+1 : i+1+int(n[i])]) {
			switch {
			case c <= ' ' || c >= 0x7f:
				fmt.Fprintf(&b, "\\%03d", c)
			case strings.IndexByte(`.\"();@$`, c) >= 0:
				b.WriteByte('\\')
				b.WriteByte(c)
			default:
				b.WriteByte(c)
			}
		}
		b.WriteByte('.')
	}
	return b.String()
}

// Bare is String without the final dot: the form for people and for IDs.
func (n Name) Bare() string {
	if n == Root {
		return "."
	}
	return strings.TrimSuffix(n.String(), ".")
}

// Parent is the name without its first label; ok is false for the root.
func (n Name) Parent() (parent Name, ok bool) {
	if n == Root || n == "" {
		return "", false
	}
	return n[1+int(n[0]):], true
}

// Under says whether n is zone or stands below it, by whole labels.
func (n Name) Under(zone Name) bool {
	for len(n) > len(zone) {
		n = n[1+int(n[0]):]
	}
	return n == zone
}

// Labels counts the labels, the root's not included.
func (n Name) Labels() int {
	c := 0
	for i := 0; i < len(n) && n[i] != 0; i += 1 + int(n[i]) {
		c++
	}
	return c
}

// IsWildcard says whether the first label is a single asterisk (RFC 4592 section 2.1.1).
func (n Name) IsWildcard() bool { return strings.HasPrefix(string(n), "\x01*") }

// Child is label (raw bytes, at most 63 of them) in front of n; ok is false where the result would be too long.
func (n Name) Child(label string) (child Name, ok bool) {
	if label == "" || len(label) > maxLabel || 1+len(label)+len(n) > maxName {
		return "", false
	}
	return Name(byte(len(label))) + lowerWire([]byte(label)) + n, true
}

// Key orders names as RFC 4034 section 6.1 does, and puts everything below a name right behind it: the labels from
// the root on, each ended by a zero byte. Zero and one bytes inside labels are escaped so that the order holds.
func (n Name) Key() []byte { return n.AppendKey(make([]byte, 0, len(n)+2)) }

// AppendKey appends the name's Key to b.
func (n Name) AppendKey(b []byte) []byte {
	var starts [maxName / 2]uint8
	c := 0
	for i := 0; i < len(n) && n[i] != 0; i += 1 + int(n[i]) {
		starts[c] = uint8(i)
		c++
	}
	for c--; c >= 0; c-- {
		i := int(starts[c])
		b = append(appendEscaped(b, n[i+1:i+1+int(n[i])]), 0)
	}
	return b
}

// appendEscaped appends a label such that it has no zero byte.
func appendEscaped(b []byte, label Name) []byte {
	for i := range len(label) {
		if label[i] <= 1 {
			b = append(append(b, label[:i]...), 1, label[i]+1)
			return appendEscaped(b, label[i+1:])
		}
	}
	return append(b, label...)
}

// MarshalText writes the presentation form.
func (n Name) MarshalText() ([]byte, error) {
	if n == "" {
		return nil, nil
	}
	return []byte(n.String()), nil
}

// UnmarshalText reads the presentation form; empty text is the zero value.
func (n *Name) UnmarshalText(text []byte) error {
	if len(text) == 0 {
		*n = ""
		return nil
	}
	parsed, err := ParseName(string(text))
	*n = parsed
	return err
}
