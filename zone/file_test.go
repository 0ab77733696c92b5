package zone

import (
	"bufio"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/miekg/dns"

	"failoverdns/record"
	"failoverdns/state"
)

const fileHead = "$TTL 300\n@ IN SOA ns1 host 7 1 2 3 4\n@ IN NS ns1\n"

func TestParseFileGathersSets(t *testing.T) {
	soa, sets, err := ParseFile(strings.NewReader(`$TTL 300
$ORIGIN org.
Example 600 IN SOA NS1.Example ( host
        7 1 2 3 4 )
        IN NS ns1.example
$ORIGIN example.org.
@       60 IN NS NS1
www     IN A 192.0.2.1
@       IN MX 10 mail
WWW     100 IN A 192.0.2.2
www     200 IN A 192.0.2.1
$GENERATE 1-2 h$ 300 A 192.0.2.1$
$GENERATE 3-3 h$ in 300 A 192.0.2.1$
`), "db", record.MustParseName("example.org"))
	if err != nil {
		t.Fatal(err)
	}
	want := state.SOA{TTL: 600, MName: record.MustParseName("ns1.example.org"), RName: record.MustParseName("host.org"),
		Serial: 7, Refresh: 1, Retry: 2, Expire: 3, Minimum: 4}
	if soa != want {
		t.Errorf("SOA %+v, want %+v", soa, want)
	}
	var got []string
	for _, s := range sets {
		got = append(got, lines(toRecords(s.Name.String(), s))...)
	}
	wantSets := `example.org. 60 IN NS ns1.example.org.
www.example.org. 100 IN A 192.0.2.1
www.example.org. 100 IN A 192.0.2.2
example.org. 300 IN MX 10 mail.example.org.
h1.example.org. 300 IN A 192.0.2.11
h2.example.org. 300 IN A 192.0.2.12
h3.example.org. 300 IN A 192.0.2.13`
	if text := strings.Join(got, "\n"); text != wantSets {
		t.Errorf("got\n%s\nwant\n%s", text, wantSets)
	}
}

func TestParseFileNamesLineAndFault(t *testing.T) {
	for _, tc := range []struct{ claim, text, want string }{
		{"empty file", "", `db:1: there is no SOA for "example.org."`},
		{"no SOA", "@ 60 IN NS ns1\n\nwww 60 IN A 192.0.2.1\n", `db:3: there is no SOA for "example.org."`},
		{"no NS", "@ 60 IN SOA a b 1 1 1 1 1\n", `db:1: there is no NS for "example.org."`},
		{"two SOAs", fileHead + "@ IN SOA a b 1 1 1 1 1\n", `db:4: a second SOA`},
		{"SOA elsewhere", fileHead + "x IN SOA a b 1 1 1 1 1\n", `db:4: the SOA's owner is "x.example.org."; the zone is "example.org."`},
		{"SOA with too great a TTL", "@ 2147483648 IN SOA a b 1 1 1 1 1\n", `db:1: example.org. SOA has a TTL of 2147483648 s`},
		{"SOA of a server that is no name", "@ 60 IN SOA \xfc b 1 1 1 1 1\n", `db:1: the SOA's first name server: `},
		{"SOA of a mailbox that is no name", "@ 60 IN SOA a \xfc 1 1 1 1 1\n", `db:1: the SOA's mailbox: `},
		{"an owner that is no name", fileHead + "b\xfccher IN A 192.0.2.1\n", `is no domain name`},
		{"outside", fileHead + "\n; a comment\nwww.example.net. IN A 192.0.2.1\nx IN A 192.0.2.1", `db:6: "www.example.net." is outside of the zone "example.org."`},
		{"no line end", fileHead + "www.example.net. IN A 192.0.2.1", `db:4: "www.example.net." is outside`},
		{"over several lines", fileHead + "www.example.net. IN TXT ( a\n b\n c )\nx IN A 192.0.2.1\n", `db:6: "www.example.net." is outside`},
		{"class", fileHead + "www CH TXT a\n", `db:4: "www.example.org." has class CH; only IN is served`},
		{"syntax", fileHead + "www IN A 192.0.2.256\n", `at line: 4:`},
		{"unknown type", fileHead + "www IN BOGUS x\n", `at line: 4:`},
		{"not a TTL", fileHead + "www x IN A 192.0.2.1\n", `read zone file "db": db: dns: not a TTL: "x" at line: 4:6`},
		{"TTL too great", fileHead + "www 2147483648 IN A 192.0.2.1\n", `db:4: www.example.org. A has a TTL of 2147483648 s`},
		{"CNAME beside others", fileHead + "www IN CNAME a\nx IN A 192.0.2.1\nwww IN A 192.0.2.1\n", `www.example.org.: a CNAME allows no A beside it`},
		{"two CNAMEs", fileHead + "www IN CNAME a\nwww IN CNAME b\n", `db:5: www.example.org. has 2 CNAME records`},
		{"CNAME at the apex", fileHead + "@ IN CNAME a\n", `a CNAME allows no SOA beside it`},
		{"DS without NS", fileHead + "x IN DS 1 8 2 00\n", `db:4: x.example.org.: a DS needs an NS beside it`},
		{"wildcard NS", fileHead + "*.x IN NS ns1\n", `db:4: "*.x.example.org." is a wildcard and cannot have NS`},
		{"wildcard DNAME", fileHead + "* IN DNAME x\n", `db:4: "*.example.org." is a wildcard and cannot have DNAME`},
		{"message type", fileHead + "x IN TYPE41 \\# 0\n", `which stands in messages only`},
		{"empty data", fileHead + "x IN TYPE1 \\# 0\n", `db:4: "x.example.org.": the data of this A record cannot be written: it is empty`},
		{"bad base64", fileHead + "x IN DNSKEY 256 3 8 !!!!\n", `db:4: "x.example.org.": the data of this DNSKEY record cannot be written`},
		{"missing include", fileHead + "$INCLUDE nothing.here\n", `failed to open`},
		{"$GENERATE without a TTL or class", fileHead + "$GENERATE 1-2 h$ A 192.0.2.$\n", `read zone file "db": line 4: $GENERATE needs a TTL`},
		{"$GENERATE cut short", fileHead + "$GENERATE 1-2 h$\n", `read zone file "db": line 4: $GENERATE needs a TTL`},
		{"$GENERATE cut short behind the class", fileHead + "$GENERATE 1-2 h$ IN\n", `read zone file "db": line 4: $GENERATE needs a TTL`},
		{"$GENERATE without a TTL", fileHead + "\n$GENERATE 1-2 h$ IN A 192.0.2.1$\n", `read zone file "db": line 5: $GENERATE needs a TTL`},
	} {
		t.Run(tc.claim, func(t *testing.T) {
			_, sets, err := ParseFile(strings.NewReader(tc.text), "db", record.MustParseName("example.org"))
			if err == nil {
				t.Fatalf("it is taken: %v", sets)
			}
			if !strings.Contains(err.Error(), tc.want) {
				t.Errorf("got %q, want %q", err, tc.want)
			}
		})
	}
}

func TestParseFileRefusesASetThatFitsNoMessage(t *testing.T) {
	var b strings.Builder
	b.WriteString(fileHead)
	for i := range 300 {
		b.WriteString("x IN TXT " + strings.Repeat("a", 240) + string(rune('a'+i%26)) + string(rune('a'+i/26)) + "\n")
	}
	_, _, err := ParseFile(strings.NewReader(b.String()), "db", record.MustParseName("example.org"))
	if err == nil || !strings.Contains(err.Error(), `the TXT records of "x.example.org." fit into no DNS message together`) {
		t.Errorf("got %v", err)
	}
}

func TestIncludeIsRelativeToTheFile(t *testing.T) {
	dir := t.TempDir()
	for name, text := range map[string]string{
		"good": "www IN A 192.0.2.1\n",
		"bad":  "www IN A 192.0.2.1\nwww.example.net. IN A 192.0.2.1\n",
		"torn": "www IN A x\n",
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	parse := func(include string) ([]record.Set, error) {
		_, sets, err := ParseFile(strings.NewReader(fileHead+"$INCLUDE "+include+" sub\n"),
			filepath.Join(dir, "db"), record.MustParseName("example.org"))
		return sets, err
	}
	sets, err := parse("good")
	if err != nil || len(sets) != 2 || sets[1].Name != record.MustParseName("www.sub.example.org") {
		t.Errorf("got %v, %v", sets, err)
	}
	if _, err := parse("bad"); err == nil || !strings.Contains(err.Error(), filepath.Join(dir, "db")+":4: \"www.example.net.\"") {
		t.Errorf("got %v", err)
	}
	if _, err := parse("torn"); err == nil || !strings.Contains(err.Error(), filepath.Join(dir, "torn")) {
		t.Errorf("got %v", err)
	}
}

func FuzzParseFile(f *testing.F) {
	f.Add(everyKind)
	f.Add(fileHead)
	f.Add(fileHead + "x TYPE1 \\# 4 c0000201\n\\000 A 1.2.3.4\n")
	f.Add("@ SOA . . 1 1 1 1 1\n* NS .\n")
	origin := record.MustParseName("example.org")
	f.Fuzz(func(t *testing.T, text string) {
		if upper := strings.ToUpper(text); strings.Contains(upper, "$INCLUDE") || strings.Contains(upper, "$GENERATE") {
			t.Skip("reads files, or grows by intent")
		}
		soa, sets, err := ParseFile(strings.NewReader(text), "db", origin)
		if err != nil {
			if !strings.Contains(err.Error(), "db") {
				t.Fatalf("the error names no file: %v", err)
			}
			return
		}
		im := loaded(zoneState("example.org", soa, sets)).Find(origin)
		for rr := range im.Transfer(0) {
			if _, err := pack(dns.Copy(rr), dns.MaxMsgSize); err != nil {
				t.Fatalf("%v does not pack: %v", rr, err)
			}
		}
	})
}

// TestLineReaderIsAReader, though the parser takes single bytes.
func TestLineReaderIsAReader(t *testing.T) {
	l := &lineReader{r: bufio.NewReader(strings.NewReader("a\n$GENERATE 1-2 h$ A 192.0.2.$\n"))}
	if n, err := l.Read(nil); n != 0 || err != nil || l.line != 0 {
		t.Errorf("nothing is read as %d at line %d (%v)", n, l.line, err)
	}
	text, err := io.ReadAll(l)
	if string(text) != "a\n" || err == nil || !strings.Contains(err.Error(), "line 2: $GENERATE needs a TTL") {
		t.Errorf("got %q (%v)", text, err)
	}
}
