package zone

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/miekg/dns"
	"pgregory.net/rapid"

	"failoverdns/record"
	"failoverdns/state"
)

// withDynamic is a state whose zone o has other dynamic record sets: those of the type and name given are replaced, and
// without data gone.
func withDynamic(st *state.State, origin string, sets ...record.Set) *state.State {
	key := state.ZoneKey(record.MustParseName(origin))
	z, _ := st.Zones.Get(key)
	c := *z
	c.Serial++
	for _, s := range sets {
		if len(s.Data) == 0 {
			c.Dynamic = c.Dynamic.Without(state.SetKey(s.Name, s.Type))
			continue
		}
		c.Dynamic = c.Dynamic.With(state.SetKey(s.Name, s.Type), &state.Dynamic{Set: s})
	}
	out := *st
	out.Zones = st.Zones.With(key, &c)
	return &out
}

func namesChange(origin string, names ...record.Name) []state.ZoneChange {
	return []state.ZoneChange{{Zone: state.ZoneKey(record.MustParseName(origin)), Names: names}}
}

// describe writes all that a tree says of its names, and checks that its two ways to a name agree.
func describe(t rapid.TB, tr *tree) string {
	t.Helper()
	var b strings.Builder
	count := 0
	for n := range tr.order.all() {
		if tr.get(n.name) != n {
			t.Fatalf("%s is in order, and not found", n.name)
		}
		fmt.Fprintf(&b, "%s cell %d over %s wild %v\n", n.name, n.cell, n.over, n.wild)
		for _, s := range n.sets {
			fmt.Fprintf(&b, "  %s %d %q\n", s.Type, s.TTL, s.Data)
		}
		count++
	}
	if tr.get(tr.apex.name) != tr.apex {
		t.Fatal("the apex is another node than its name's")
	}
	if n := tr.names.count(); n != count {
		t.Fatalf("%d names are found, %d in order", n, count)
	}
	return b.String()
}

// count is how many nodes there are; -1 if a page counts otherwise.
func (x *index) count() (n int) {
	seen := map[*page]bool{}
	for _, p := range x.pages {
		if seen[p] {
			continue
		}
		seen[p] = true
		there := 0
		for _, node := range p.nodes {
			if node != nil {
				there++
			}
		}
		if there != p.count {
			return -1
		}
		n += there
	}
	return n
}

// genDynamic draws dynamic record sets of a zone, some of them deletions, that may stand there.
func genDynamic(t *rapid.T, st *state.State) (sets []record.Set, names []record.Name) {
	origin := record.MustParseName("o")
	for range rapid.IntRange(1, 4).Draw(t, "changes") {
		owner, kind := genOwner().Draw(t, "owner"), rapid.SampledFrom(append(allKinds, "TXT", "NS", "DNAME")).Draw(t, "kind")
		s := record.Set{Name: record.MustParseName(owner), Type: record.Type(dns.StringToType[kind]), TTL: 77}
		names = append(names, s.Name)
		z, _ := st.Zones.Get(state.ZoneKey(origin))
		if z.Sets.Has(state.SetKey(s.Name, s.Type)) || s.Name == origin && s.Type == record.NS {
			continue
		}
		if !rapid.Bool().Draw(t, "delete") && mayStand(z, s) {
			s.Data = [][]byte{[]byte(record.MustParseName(genOwner().Draw(t, "target")))}
			switch kind {
			case "A":
				s.Data = [][]byte{{192, 0, 2, 77}}
			case "AAAA":
				s.Data = [][]byte{make([]byte, 16)}
			case "MX":
				s.Data[0] = append([]byte{0, 7}, s.Data[0]...)
			case "DS":
				s.Data = [][]byte{{0, 1, 8, 2, 0}}
			case "TXT":
				s.Data = [][]byte{{1, 'x'}}
			}
		}
		sets = append(sets, s)
		st = withDynamic(st, "o", s)
	}
	return sets, names
}

func mayStand(z *state.Zone, s record.Set) bool {
	types := []record.Type{s.Type}
	for other := range z.At(s.Name) {
		types = append(types, other.Type)
	}
	return record.CheckOwner(s.Name, s.Type) == nil && record.CheckBeside(types, s.Name == z.Name) == nil
}

// TestChangedNamesAreAsIfBuiltAnew: whatever changes, step by step, a tree is the one that building it from nothing
// gives, the one before stays as it was, and both answer as the dumb twin does.
func TestChangedNamesAreAsIfBuiltAnew(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		_, sets, soa := genZone(t, allKinds)
		st := genSteered(t, zoneState("o", soa, sets))
		s := loaded(st)
		origin := record.MustParseName("o")
		for range rapid.IntRange(1, 5).Draw(t, "steps") {
			before := s.Find(origin).tree
			was := describe(t, before)
			sets, names := genDynamic(t, st)
			st = withDynamic(st, "o", sets...)
			s.Update(st, namesChange("o", names...))
			if got := describe(t, before); got != was {
				t.Fatalf("the tree before changed from\n%s\nto\n%s", was, got)
			}
			got, want := s.Find(origin), loaded(st).Find(origin)
			if a, b := describe(t, got.tree), describe(t, want.tree); a != b {
				t.Fatalf("%v gave\n%s\nanew it is\n%s", sets, a, b)
			}
			if got.Serial() != want.Serial() || !slices.EqualFunc(slices.Collect(got.Transfer(0)), slices.Collect(want.Transfer(0)), func(a, b dns.RR) bool { return a.String() == b.String() }) {
				t.Fatal("a transfer is another one than anew")
			}
			tw := twinOf(got)
			name, qtype := genOwner().Draw(t, "qname"), rapid.SampledFrom([]uint16{dns.TypeA, dns.TypeMX, dns.TypeTXT, dns.TypeNS}).Draw(t, "qtype")
			if a, b := sorted(got.Respond(new(dns.Msg).SetQuestion(name, qtype), Images{})), sorted(twins{tw}.respond(name, qtype)); a != b {
				t.Fatalf("%s %d: got\n%s\nthe twin has\n%s", name, qtype, a, b)
			}
		}
	})
}

// TestNamesWithEqualHashesAreToldApart forges hashes: of 64 bits there will be no equal ones to find.
func TestNamesWithEqualHashesAreToldApart(t *testing.T) {
	forged := func(n record.Name, bits uint64) uint64 { return hashOf(n) & bits }
	rapid.Check(t, func(t *rapid.T) {
		bits := rapid.SampledFrom([]uint64{0, 1, 3, 1 << 59, 1<<63 - 1}).Draw(t, "bits")
		hashes := func(n record.Name) uint64 { return forged(n, bits) }
		var x index
		want := map[record.Name]*node{}
		for range rapid.IntRange(1, 30).Draw(t, "changes") {
			name := record.MustParseName(genOwner().Draw(t, "name"))
			by := new(owner)
			if rapid.IntRange(0, 2).Draw(t, "drop") == 0 {
				x.drop(name, hashes, by)
				delete(want, name)
			} else {
				n := &node{name: name}
				x.put(n, hashes, by)
				want[name] = n
			}
			for name, n := range want {
				if x.get(name, forged(name, bits)) != n {
					t.Fatalf("%s is lost", name)
				}
			}
			if got := x.count(); got != len(want) {
				t.Fatalf("%d names are there, want %d", got, len(want))
			}
		}
	})
}

// TestIndexGrowsByPages puts more names into an index than some pages hold, one edit each, takes most of them out, and
// looks whether each version goes on as it was. With forged hashes whole pages collide.
func TestIndexGrowsByPages(t *testing.T) {
	const n = 5 * mostPage
	at := func(i int) record.Name { return record.MustParseName(fmt.Sprintf("n%05d.o", i)) }
	for _, mask := range []uint64{1<<64 - 1, 1<<mostBits - 1, 0xff << 56, 3 << 32} {
		t.Run(fmt.Sprintf("%x", mask), func(t *testing.T) {
			hashes := func(n record.Name) uint64 { return hashOf(n) & mask }
			var x index
			nodes := map[record.Name]*node{}
			set := func(i int) {
				nodes[at(i)] = &node{name: at(i)}
				x.put(nodes[at(i)], hashes, new(owner))
			}
			for i := range n {
				set(i)
			}
			set(7) // again
			full, all := x, maps.Clone(nodes)
			for i := range n {
				if i%10 != 0 {
					x.drop(at(i), hashes, new(owner))
					delete(nodes, at(i))
				}
			}
			x.drop(record.MustParseName("x.o"), hashes, new(owner))
			wantFound(t, &x, hashes, nodes, n)
			wantFound(t, &full, hashes, all, n)
			if mask == 1<<64-1 && len(x.pages) < 4 {
				t.Errorf("%d names are in %d pages", n, len(x.pages))
			}
		})
	}
}

// wantFound looks for the first n names of TestIndexGrowsByPages.
func wantFound(t *testing.T, x *index, hashes func(record.Name) uint64, want map[record.Name]*node, n int) {
	t.Helper()
	for i := range n {
		name := record.MustParseName(fmt.Sprintf("n%05d.o", i))
		if got := x.get(name, hashes(name)); got != want[name] {
			t.Fatalf("%s is %v, want %v", name, got, want[name])
		}
	}
	if got := x.count(); got != len(want) {
		t.Errorf("%d names are counted, want %d", got, len(want))
	}
}

func TestIndexMadeAtOnceHasItsSize(t *testing.T) {
	for names, want := range map[int]int{0: 0, 511: 0, 512: 1, 1_000_000: 11, 100_000_000: mostBits} {
		if got := depthFor(names); got != want {
			t.Errorf("%d names are told apart by %d bits, want %d", names, got, want)
		}
	}
	for _, n := range []int{0, 1, 5, 6, 300, 511, 512, 513, 10_000, 100_000} {
		nodes := make([]*node, n)
		for i := range nodes {
			nodes[i] = &node{name: record.MustParseName(fmt.Sprintf("n%05d.o", i))}
		}
		x := indexOf(nodes)
		for _, want := range nodes {
			if got := x.get(want.name, hashOf(want.name)); got != want {
				t.Fatalf("of %d names %s is %v", n, want.name, got)
			}
		}
		if x.count() != n {
			t.Errorf("%d names are counted, want %d", x.count(), n)
		}
		places := 0
		for _, p := range x.pages {
			places += len(p.tags)
		}
		if places > max(leastPage, 5*n) {
			t.Errorf("%d places for %d names", places, n)
		}
	}
}

// TestListHoldsNamesInOrder draws more names than a chunk holds, so that chunks split and vanish.
func TestListHoldsNamesInOrder(t *testing.T) {
	var l list
	at := func(i int) record.Name { return record.MustParseName(fmt.Sprintf("n%05d.o", i)) }
	for i := range 5000 {
		l.put(&node{name: at(i * 7919 % 5000)}, new(owner))
	}
	before := l
	old := slices.Collect(before.all())
	if sorted := slices.IsSortedFunc(old, func(a, b *node) int { return record.Compare(a.name, b.name) }); len(old) != 5000 || !sorted {
		t.Fatalf("%d names, sorted %v", len(old), sorted)
	}
	by := new(owner)
	for i := range 5000 {
		if i%10 != 0 {
			l.drop(at(i), by)
		}
	}
	l.drop(record.MustParseName("x.o"), by)
	left := 0
	for n := range l.all() {
		if n.name != at(left*10) {
			t.Fatalf("%s stands at %d", n.name, left)
		}
		left++
	}
	if left != 500 {
		t.Errorf("%d names are left, want 500", left)
	}
	for _, c := range l.chunks {
		if len(c.nodes) == 0 {
			t.Error("an empty chunk is kept")
		}
	}
	if n := len(slices.Collect(before.all())); n != 5000 {
		t.Errorf("the list before has %d names now", n)
	}
}

// changeOne gives a one-record change, there and back, in a zone of n static and n steered names.
func changeOne(n int) (update func()) {
	st := bigState(n)
	s := loaded(st)
	name := record.MustParseName("_acme-challenge.n7.example.org")
	sets := [2]*state.State{
		withDynamic(st, "example.org", record.Set{Name: name, Type: record.TXT, TTL: 60, Data: [][]byte{{1, 'x'}}}),
		withDynamic(st, "example.org", record.Set{Name: name, Type: record.TXT}),
	}
	i := 0
	return func() {
		s.Update(sets[i%2], namesChange("example.org", name))
		i++
	}
}

func TestChangeOfOneNameCostsTheSameInABigZone(t *testing.T) {
	cost := func(n int) float64 { return testing.AllocsPerRun(20, changeOne(n)) }
	if small, big := cost(500), cost(50000); big > 2*small {
		t.Errorf("a change takes %v allocations among 100000 names, %v among 1000", big, small)
	}
}

func BenchmarkChangeOneName(b *testing.B) {
	for _, n := range []int{500, 500_000} { // and as many steered names
		b.Run(fmt.Sprint(2*n), func(b *testing.B) {
			update := changeOne(n)
			b.ReportAllocs()
			for b.Loop() {
				update()
			}
		})
	}
}
