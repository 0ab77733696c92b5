package zone

import (
	"bufio"
	"fmt"
	"strings"

	"github.com/miekg/dns"
)

// lineReader counts the lines that the parser has read: it reads no further than the record that it returns, as long
// as it is given single bytes.
type lineReader struct {
	r    *bufio.Reader
	rest string // of the current line
	line int    // its number, from 1
}

// Read makes it a reader; the parser uses ReadByte.
func (l *lineReader) Read(p []byte) (int, error) {
	if len(p) == 0 {
		return 0, nil
	}
	b, err := l.ReadByte()
	if err != nil {
		return 0, err
	}
	p[0] = b
	return 1, nil
}

func (l *lineReader) ReadByte() (byte, error) {
	if l.rest == "" {
		line, err := l.r.ReadString('\n')
		if line == "" {
			return 0, err
		}
		l.rest = line
		l.line++
		if err := checkGenerate(line); err != nil {
			return 0, fmt.Errorf("line %d: %w", l.line, err)
		}
	}
	b := l.rest[0]
	l.rest = l.rest[1:]
	return b, nil
}

// checkGenerate demands a TTL of $GENERATE, since the parser gives its records one hour where $TTL says otherwise.
func checkGenerate(line string) error {
	if !strings.HasPrefix(strings.ToUpper(line), "$GENERATE") {
		return nil
	}
	words := strings.Fields(line)
	words = words[min(3, len(words)):] // behind range and owner, before or after the class
	if len(words) > 0 && dns.StringToClass[strings.ToUpper(words[0])] != 0 {
		words = words[1:]
	}
	if len(words) > 0 && words[0][0] >= '0' && words[0][0] <= '9' {
		return nil
	}
	return fmt.Errorf("$GENERATE needs a TTL behind the owner, as in %q", "$GENERATE 1-9 host$ 300 A 192.0.2.$")
}
