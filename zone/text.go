package zone

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"unicode"

	"github.com/miekg/dns"

	"failoverdns/record"
	"failoverdns/state"
)

// ParseType reads a record type's mnemonic, or TYPEnnn (RFC 3597 section 5).
func ParseType(s string) (record.Type, error) {
	s = strings.ToUpper(s)
	if t, ok := dns.StringToType[s]; ok {
		return record.Type(t), nil
	}
	if digits, ok := strings.CutPrefix(s, "TYPE"); ok {
		if n, err := strconv.ParseUint(digits, 10, 16); err == nil {
			return record.Type(n), nil
		}
	}
	return 0, fmt.Errorf("type %q is not known by name; write TYPE and its number, as in TYPE257", s)
}

// TypeName is a type as people write it.
func TypeName(t record.Type) string { return dns.Type(t).String() }

// ParseData reads one record's data in presentation form (RFC 1035 section 5.1, RFC 3597 section 5): names without a
// final dot stand below origin. Text of TXT that does not begin with a quote is one text as it stands, blanks and
// quotes in it included.
func ParseData(t record.Type, text string, origin record.Name) ([]byte, error) {
	text = strings.TrimSpace(text)
	switch {
	case text == "":
		return nil, errors.New("it is empty")
	case strings.ContainsFunc(text, unicode.IsControl):
		return nil, errors.New("it holds characters that do not print")
	case t == record.TXT && text[0] != '"':
		return plainText(text)
	}
	zp := dns.NewZoneParser(strings.NewReader(fmt.Sprintf("@ 0 IN %s %s\n", dns.Type(t), text)), origin.String(), "")
	rr, ok := zp.Next()
	if err := zp.Err(); err != nil || !ok {
		var bad *dns.ParseError
		if errors.As(err, &bad) {
			return nil, errors.New(strings.TrimPrefix(bad.Error(), "dns: "))
		}
		return nil, fmt.Errorf("it cannot be read: %w", err)
	}
	if _, more := zp.Next(); more {
		return nil, errors.New("it goes on after the record")
	}
	return rdata(rr)
}

// maxString is the longest of the strings that a TXT record is made of, in octets (RFC 1035 section 3.3).
const maxString = 255

// plainText is a text of any length, in as many strings as it takes: readers put them together again (RFC 7208 section
// 3.3).
func plainText(text string) (data []byte, err error) {
	if len(text) > record.MaxSet {
		return nil, fmt.Errorf("it has %d octets, and fits into no DNS message", len(text))
	}
	for len(text) > 0 {
		n := min(maxString, len(text))
		data = append(append(data, byte(n)), text[:n]...)
		text = text[n:]
	}
	return data, nil
}

// Export writes a zone as a zone file (RFC 1035 section 5), with the answers as they are now: steered names have what
// their groups answer, and comments say what will not stay as it is.
func Export(w io.Writer, st *state.State, z *state.Zone) error {
	im, b := newImage(st, z), bufio.NewWriter(w)
	fmt.Fprintf(b, "; zone %s at serial %d, as of index %d; its declaration is that of %s\n$ORIGIN %s\n", z.Name.Bare(), z.Serial, st.Index, z.Source, z.Name)
	fmt.Fprintln(b, im.records(im.tree.apex, dns.TypeSOA)[0])
	for n := range im.tree.order.all() {
		im.export(b, z, n)
	}
	return b.Flush()
}

func (im *Image) export(b *bufio.Writer, z *state.Zone, n *node) {
	if n.cell >= 0 {
		fmt.Fprintf(b, "; %s is steered by group %s: this is what it answers now\n", n.name, im.tree.owners[n.cell])
		for _, t := range []uint16{dns.TypeA, dns.TypeAAAA, dns.TypeCNAME} {
			if im.cells[n.cell].data(t) != nil {
				writeLines(b, im.records(n, t))
			}
		}
	}
	for _, s := range n.sets {
		if d, ok := z.Dynamic.Get(state.SetKey(s.Name, s.Type)); ok {
			fmt.Fprintf(b, "; %s %s is dynamic: version %d, by %s\n", s.Name, TypeName(s.Type), d.Version, printable(d.Author))
		}
		writeLines(b, toRecords(n.name.String(), *s))
	}
}

func writeLines(b *bufio.Writer, rrs []dns.RR) {
	for _, rr := range rrs {
		fmt.Fprintln(b, rr)
	}
}

// printable keeps a text within its line.
func printable(s string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsPrint(r) {
			return r
		}
		return '?'
	}, s)
}
