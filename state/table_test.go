package state

import (
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"failoverdns/record"
)

// TestTableIsAnOrderedMapWithoutSideEffects compares with a Go map, and looks at old tables again at the end.
func TestTableIsAnOrderedMapWithoutSideEffects(t *testing.T) {
	key := rapid.SampledFrom([]string{"", "a", "ab", "abc", "b", "a\x00", "a\x01", "\xff"})
	rapid.Check(t, func(t *rapid.T) {
		var table Table[int]
		twin := map[string]int{}
		type version struct {
			table Table[int]
			twin  map[string]int
		}
		var versions []version
		for i := range rapid.IntRange(1, 20).Draw(t, "steps") {
			versions = append(versions, version{table, maps.Clone(twin)})
			k := key.Draw(t, "key")
			if rapid.Bool().Draw(t, "without") {
				table = table.Without(k)
				delete(twin, k)
				continue
			}
			table = table.With(k, i)
			twin[k] = i
		}
		for _, v := range append(versions, version{table, twin}) {
			sameTable(t, v.table, v.twin, key.Draw(t, "prefix"))
		}
	})
}

func sameTable(t *rapid.T, table Table[int], twin map[string]int, prefix string) {
	keys := slices.Sorted(maps.Keys(twin))
	var got, below, wantBelow []string
	for k, v := range table.All() {
		got = append(got, k)
		if v != twin[k] || !table.Has(k) {
			t.Fatalf("%q is %d, not %d", k, v, twin[k])
		}
	}
	for k := range table.Prefix(prefix) {
		below = append(below, k)
	}
	for _, k := range keys {
		if len(k) >= len(prefix) && k[:len(prefix)] == prefix {
			wantBelow = append(wantBelow, k)
		}
	}
	if !slices.Equal(got, keys) || !slices.Equal(below, wantBelow) || table.Len() != len(keys) {
		t.Fatalf("keys %q, below %q: %q; want %q, %q", got, prefix, below, keys, wantBelow)
	}
	first, _, some := table.First()
	last, v, _ := table.Last()
	if some != (len(keys) > 0) || some && (first != keys[0] || last != keys[len(keys)-1] || v != twin[last]) {
		t.Fatalf("first %q, last %q of %q", first, last, keys)
	}
}

func TestKeysOfASetStandBeforeThoseBelowItsName(t *testing.T) {
	n := record.MustParseName
	want := []string{
		SetKey(n("example"), record.A), SetKey(n("example"), record.NS), SetKey(n("example"), record.CAA),
		SetKey(n("a.example"), record.AAAA), SetKey(n("x.a.example"), record.A), SetKey(n("a-.example"), record.A), SetKey(n("b.example"), record.A),
	}
	got := slices.Clone(want)
	slices.Sort(got)
	if !slices.Equal(got, want) {
		t.Errorf("the order is %q", got)
	}
}

func TestIDs(t *testing.T) {
	a := netip.MustParseAddr("2001:db8::1")
	for got, want := range map[string]string{
		SiteID("", "azure"):                            "azure",
		SiteID("api.example.org", "azure"):             "api.example.org/azure",
		Short("0/25.2.0.192.in-addr.arpa/azure"):       "azure",
		Short("azure"):                                 "azure",
		EndpointID(CheckID("azure", "https"), "x:443"): "azure/https@x:443",
		AddressID("azure", a):                          "azure@2001:db8::1",
		SessionKey("ns1", 1500*time.Millisecond):       "ns1/1.5s",
		OverrideKey(ScopeNode, "ns1"):                  "node/ns1",
		numberKey(1<<64 - 1):                           "18446744073709551615",
		numberKey(7):                                   "00000000000000000007",
	} {
		if got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}

// TestSerialArithmetic: RFC 1982 section 5 and the number that is passed over.
func TestSerialArithmetic(t *testing.T) {
	const half = 1 << 31
	for _, c := range []struct {
		a, b    uint32
		greater bool
	}{{1, 0, true}, {0, 1, false}, {7, 7, false}, {44, 0, true}, {100, 44, true}, {200, 44, true}, {0, 1<<32 - 1, true}, {1, 1<<32 - 1, true},
		{half - 1, 0, true}, {half, 0, false}, {0, half, false}, {half + 1, 1, false}, {half + 1, 2, true}, {1, half + 2, true}} {
		if serialGreater(c.a, c.b) != c.greater {
			t.Errorf("%d > %d should be %v", c.a, c.b, c.greater)
		}
	}
	for n, want := range map[uint32]uint32{0: 1, 1: 2, half - 1: half, 1<<32 - 2: 1<<32 - 1, 1<<32 - 1: 1} {
		if got := nextSerial(n); got != want {
			t.Errorf("after %d comes %d, want %d", n, got, want)
		}
	}
}

func TestManyKeysAtOnceAreAsOneByOne(t *testing.T) {
	base := Table[int]{}.With("b", 1).With("c", 2)
	one := base.With("a", 3).With("c", 4).With("d", 5)
	all := base.WithAll(maps.All(map[string]int{"a": 3, "c": 4, "d": 5}))
	if fmt.Sprint(maps.Collect(one.All())) != fmt.Sprint(maps.Collect(all.All())) || base.Len() != 2 {
		t.Errorf("got %v, want %v", maps.Collect(all.All()), maps.Collect(one.All()))
	}
	if n := (Table[int]{}).WithAll(maps.All(map[string]int{})).Len(); n != 0 {
		t.Errorf("nothing at once gave %d entries", n)
	}
}
