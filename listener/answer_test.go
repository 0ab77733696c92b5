package listener

import (
	"strings"
	"testing"

	"github.com/miekg/dns"

	"failoverdns/record"
	"failoverdns/state"
	"failoverdns/zone"
)

// served is the zone example, with one name of the address 192.0.2.1.
func served(t testing.TB) *zone.Set {
	t.Helper()
	name := record.MustParseName("example")
	text := "example. 60 SOA ns1.example. host.example. 1 60 60 60 60\nexample. 60 NS ns1.example.\nns1.example. 60 A 192.0.2.1\n*.w.example. 60 A 192.0.2.1\n"
	soa, sets, err := zone.ParseFile(strings.NewReader(text), "db", name)
	if err != nil {
		t.Fatal(err)
	}
	z := &state.Zone{Name: name, SOA: soa, Serial: 1}
	for _, s := range sets {
		z.Sets = z.Sets.With(state.SetKey(s.Name, s.Type), &s)
	}
	st := new(state.State)
	st.Zones = st.Zones.With(state.ZoneKey(name), z)
	set := zone.NewSet()
	set.Load(st)
	return set
}

func TestReadingAndAnsweringDoNotAllocate(t *testing.T) {
	zones := served(t)
	r := newRoute([]Block{{Zone: record.MustParseName("example"), Fast: true, Payload: 1232}})
	var packets [][]byte
	for _, name := range []string{"NS1.example.", "x.w.example.", "none.example.", "example."} {
		for _, change := range []func(*dns.Msg){nil, opt()} {
			packets = append(packets, wire(t, func(m *dns.Msg) {
				m.Question[0].Name = name
				if change != nil {
					change(m)
				}
			}))
		}
	}
	a, buf, q, tally := new(answerer), make([]byte, 0, bufferSize), 0, new(Tally)
	run := func() {
		for _, p := range packets {
			if a.read(p) != ours {
				t.Fatal("it is not read")
			}
			_, m, what := a.answer(buf, r, zones, false)
			if what != ours {
				t.Fatal("it is not answered")
			}
			tally.count(&a.query, m, len(p), false)
			q++
		}
	}
	if got := testing.AllocsPerRun(200, run); got != 0 {
		t.Errorf("%v allocations for %d answers", got, len(packets))
	}
}

func TestLongestZoneRoutes(t *testing.T) {
	r := newRoute([]Block{{Zone: record.Root}, {Zone: record.MustParseName("example")}, {Zone: record.MustParseName("a.b.example")}})
	for name, want := range map[string]record.Name{
		".": record.Root, "net": record.Root, "example": record.MustParseName("example"), "b.example": record.MustParseName("example"),
		"a.b.example": record.MustParseName("a.b.example"), "x.a.b.example": record.MustParseName("a.b.example"), "xa.b.example": record.MustParseName("example"),
	} {
		if got := r.find(record.MustParseName(name)); got == nil || got.Zone != want {
			t.Errorf("%s goes to %+v", name, got)
		}
	}
	if got := newRoute([]Block{{Zone: record.MustParseName("example")}}).find(record.MustParseName("net")); got != nil {
		t.Errorf("net goes to %+v", got)
	}
}

func TestDurationsAreCountedWithinATwentieth(t *testing.T) {
	for _, ns := range []uint64{0, 1, 15, 16, 17, 31, 32, 33, 1000, 123456, 5e9, 1 << 62} {
		var d Durations
		d.count(ns, 3)
		got := d.Amounts()
		if len(got) != 1 || got[0].Count != 3 {
			t.Fatalf("%d: %v", ns, got)
		}
		if off := got[0].Value*1e9 - float64(ns); off > float64(ns)/20+1 || -off > float64(ns)/20+1 {
			t.Errorf("%d ns are counted as %v s", ns, got[0].Value)
		}
	}
}

func BenchmarkAnswer(b *testing.B) {
	zones := served(b)
	r := newRoute([]Block{{Zone: record.MustParseName("example"), Fast: true, Payload: 1232}})
	packet := wire(b, func(m *dns.Msg) { m.Question[0].Name = "ns1.example." })
	a, buf, tally := new(answerer), make([]byte, 0, bufferSize), new(Tally)
	b.ReportAllocs()
	for b.Loop() {
		a.read(packet)
		_, m, _ := a.answer(buf, r, zones, false)
		tally.count(&a.query, m, len(packet), false)
	}
}
