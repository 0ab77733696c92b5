package record

import (
	"bytes"
	"net/netip"
	"strings"
	"testing"
)

func TestTypesHaveMnemonics(t *testing.T) {
	for typ, want := range map[Type]string{A: "A", AAAA: "AAAA", CAA: "CAA", 65280: "TYPE65280"} {
		if typ.String() != want {
			t.Errorf("%d is %q, want %q", typ, typ, want)
		}
	}
}

func TestAddressSetsSplitFamiliesAndDropDuplicates(t *testing.T) {
	name := MustParseName("www.example.org")
	var all []netip.Addr
	for _, s := range []string{"192.0.2.2", "2001:db8::1", "::ffff:192.0.2.2", "192.0.2.1", "2001:db8::1"} {
		all = append(all, netip.MustParseAddr(s))
	}
	sets := AddressSets(name, 60, all)
	if len(sets) != 2 || sets[0].Type != A || sets[1].Type != AAAA {
		t.Fatalf("got %v", sets)
	}
	if got := bytes.Join(sets[0].Data, []byte{'|'}); string(got) != "\xc0\x00\x02\x02|\xc0\x00\x02\x01" {
		t.Errorf("A: %v", sets[0].Data)
	}
	if len(sets[1].Data) != 1 || sets[1].TTL != 60 || sets[1].Name != name {
		t.Errorf("AAAA: %v", sets[1])
	}
	if got := AddressSets(name, 60, nil); got != nil {
		t.Errorf("no addresses give %v", got)
	}
}

func TestCheckBeside(t *testing.T) {
	for _, tc := range []struct {
		types []Type
		apex  bool
		why   string // "" for allowed
	}{
		{[]Type{SOA, NS, A, MX, TXT}, true, ""},
		{[]Type{CNAME}, false, ""},
		{[]Type{CNAME, RRSIG, NSEC}, false, ""},
		{[]Type{CNAME, TXT}, false, "no TXT beside it"},
		{[]Type{DNAME, CNAME}, false, "no DNAME beside it"},
		{[]Type{CNAME}, true, "zone's own name"},
		{[]Type{SOA}, false, "zone's own name only"},
		{[]Type{DS, NS}, false, ""},
		{[]Type{DS, NS}, true, "parent zone"},
		{[]Type{DS, A}, false, "needs an NS"},
		{[]Type{DNAME, NS}, true, ""},
		{[]Type{DNAME, A}, false, ""},
		{[]Type{DNAME, NS}, false, "delegation"},
	} {
		err := CheckBeside(tc.types, tc.apex)
		if (err == nil) != (tc.why == "") || err != nil && !strings.Contains(err.Error(), tc.why) {
			t.Errorf("%v, apex %v: %v; want %q", tc.types, tc.apex, err, tc.why)
		}
	}
}

func TestCheckSet(t *testing.T) {
	name := MustParseName("www.example.org")
	one, two := [][]byte{{0}}, [][]byte{{0}, {1, 'a', 0}}
	for _, tc := range []struct {
		set Set
		why string
	}{
		{Set{name, TXT, 1<<31 - 1, two}, ""},
		{Set{name, CNAME, 60, one}, ""},
		{Set{name, CNAME, 60, two}, "2 CNAME records"},
		{Set{name, DNAME, 60, two}, "2 DNAME records"},
		{Set{name, SOA, 60, two}, "2 SOA records"},
		{Set{name, A, 60, nil}, "no records"},
		{Set{name, TXT, 1 << 31, one}, "TTL of 2147483648 s"},
	} {
		err := CheckSet(tc.set)
		if (err == nil) != (tc.why == "") || err != nil && !strings.Contains(err.Error(), tc.why) {
			t.Errorf("%v: %v; want %q", tc.set, err, tc.why)
		}
	}
}
