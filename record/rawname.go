package record

import (
	"fmt"
	"unicode"
	"unicode/utf8"

	"golang.org/x/net/idna"
)

// asLookedUp turns a name into the form in which browsers and resolvers ask for it, but takes what the DNS has and host
// names have not: underscores and asterisks.
var asLookedUp = idna.New(idna.MapForLookup(), idna.BidiRule(), idna.StrictDomainName(false), idna.VerifyDNSLength(true))

// rawError says what is wrong with a name that errRaw is about, and the way out.
func rawError(s string) error {
	for _, c := range s {
		switch {
		case c == utf8.RuneError:
			return fmt.Errorf(`it holds bytes that are no text; write each as a backslash and three digits, like \200`)
		case c == ' ' || c == 0x7f || c < ' ':
			return fmt.Errorf(`it holds the character %q; one that is meant is written \%03d (RFC 1035 section 5.1)`, c, c)
		case c > unicode.MaxASCII && (unicode.IsSpace(c) || unicode.IsControl(c) || unicode.In(c, unicode.Cf)):
			return fmt.Errorf("it holds the character %q, which does not show; type the name anew", c)
		}
	}
	ascii, err := asLookedUp.ToASCII(s)
	if err != nil {
		return fmt.Errorf("it holds letters beyond ASCII, which have no form in the DNS (%w)", err)
	}
	return fmt.Errorf("it holds letters beyond ASCII; in the DNS it is %q (RFC 5891): write that", ascii)
}
