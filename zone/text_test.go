package zone

import (
	"slices"
	"strings"
	"testing"

	"failoverdns/record"
	"failoverdns/state"
)

func TestParseDataReadsPresentationForm(t *testing.T) {
	origin := record.MustParseName("example.org")
	for _, c := range []struct{ typ, text, want string }{
		{"A", "192.0.2.1", "192.0.2.1"},
		{"aaaa", " 2001:db8::1 ", "2001:db8::1"},
		{"MX", "10 mail", "10 mail.example.org."},
		{"CNAME", "cdn.example.net.", "cdn.example.net."},
		{"TXT", "token", `"token"`},
		{"TXT", "v=spf1 include:_spf.example.net -all", `"v=spf1 include:_spf.example.net -all"`},
		{"TXT", `say "x"; \ok`, `"say \"x\"; \\ok"`},
		{"TXT", `"one" "two"`, `"one" "two"`},
		{"TXT", strings.Repeat("x", 300), `"` + strings.Repeat("x", 255) + `" "` + strings.Repeat("x", 45) + `"`},
		{"CAA", `0 issue "letsencrypt.org"`, `0 issue "letsencrypt.org"`},
		{"TYPE65280", `\# 2 abcd`, `\# 2 abcd`},
		{"TLSA", "3 1 1 " + strings.Repeat("ab", 32), "3 1 1 " + strings.Repeat("ab", 32)},
	} {
		typ, err := ParseType(c.typ)
		if err != nil {
			t.Fatal(err)
		}
		data, err := ParseData(typ, c.text, origin)
		if err != nil {
			t.Errorf("%s %q: %v", c.typ, c.text, err)
			continue
		}
		if got := Data(record.Set{Name: origin, Type: typ, Data: [][]byte{data}}); len(got) != 1 || got[0] != c.want {
			t.Errorf("%s %q became %q, want %q", c.typ, c.text, got, c.want)
		}
	}
}

// TestParseDataTakesOneRecordOnly: what comes from an API must not write other records, read files or hide its end.
func TestParseDataTakesOneRecordOnly(t *testing.T) {
	for _, c := range []struct{ typ, text string }{
		{"A", ""}, {"A", "  "}, {"A", "192.0.2.256"}, {"A", "192.0.2.1 192.0.2.2"}, {"A", "192.0.2.1\nx 60 IN A 192.0.2.2"},
		{"TXT", "x\ry"}, {"TXT", "a\nb"}, {"TXT", `"open`}, {"MX", "mail"}, {"CNAME", "a..b"}, {"A", "$INCLUDE /etc/passwd"},
		{"A", "("}, {"NS", strings.Repeat("a", 64)}, {"TXT", strings.Repeat("x", 65536)}, {"A", "; x"},
	} {
		typ, err := ParseType(c.typ)
		if err != nil {
			t.Fatal(err)
		}
		if data, err := ParseData(typ, c.text, record.Root); err == nil {
			t.Errorf("%s %.40q is read as %q", c.typ, c.text, data)
		}
	}
	for _, s := range []string{"", "NOSUCH", "TYPE", "TYPE65536", "TYPE-1"} {
		if typ, err := ParseType(s); err == nil {
			t.Errorf("type %q is read as %d", s, typ)
		}
	}
}

// TestExportReadsAsTheZoneItIs: the text is a zone file with the same records, dynamic and steered ones marked.
func TestExportReadsAsTheZoneItIs(t *testing.T) {
	st := withDynamic(steered(t), "example.org", record.Set{Name: record.MustParseName("_acme-challenge.login.example.org"), Type: record.TXT, TTL: 60, Data: [][]byte{{1, 'x'}}})
	origin := record.MustParseName("example.org")
	z, _ := st.Zones.Get(string(origin.Key()))
	var b strings.Builder
	if err := Export(&b, st, z); err != nil {
		t.Fatal(err)
	}
	soa, sets, err := ParseFile(strings.NewReader(b.String()), "export", origin)
	if err != nil {
		t.Fatalf("%v in\n%s", err, b.String())
	}
	var want []string
	for rr := range loaded(st).Find(origin).Transfer(0) {
		want = append(want, rr.String())
	}
	var got []string
	for rr := range loaded(zoneState("example.org", soa, sets)).Find(origin).Transfer(0) {
		got = append(got, rr.String())
	}
	want[0], want[len(want)-1] = got[0], got[len(got)-1] // the serial of the state that the test makes
	if a, b := sortedLines(got), sortedLines(want); a != b {
		t.Errorf("the export reads as\n%s\nthe zone is\n%s", a, b)
	}
	for _, mark := range []string{"_acme-challenge.login.example.org. TXT is dynamic", "login.example.org. is steered by group g", "; zone example.org at serial"} {
		if !strings.Contains(b.String(), mark) {
			t.Errorf("no %q in\n%s", mark, b.String())
		}
	}
}

func sortedLines(in []string) string {
	in = slices.Clone(in)
	slices.Sort(in)
	return strings.Join(in, "\n")
}

// TestAuthorStaysInTheCommentThatNamesHim, whatever he is called.
func TestAuthorStaysInTheCommentThatNamesHim(t *testing.T) {
	name := record.MustParseName("x.example.org")
	st := withDynamic(steered(t), "example.org", record.Set{Name: name, Type: record.TXT, TTL: 60, Data: [][]byte{{1, 'x'}}})
	key := state.ZoneKey(record.MustParseName("example.org"))
	z, _ := st.Zones.Get(key)
	d, _ := z.Dynamic.Get(state.SetKey(name, record.TXT))
	d.Version, d.Author = 7, "eve\nwww 60 IN A 192.0.2.66\u2028"
	var b strings.Builder
	if err := Export(&b, st, z); err != nil {
		t.Fatal(err)
	}
	if want := "; x.example.org. TXT is dynamic: version 7, by eve?www 60 IN A 192.0.2.66?\n"; !strings.Contains(b.String(), want) {
		t.Errorf("no %q in\n%s", want, b.String())
	}
}
