package state

import (
	"fmt"
	"testing"
	"time"

	"failoverdns/record"
)

// largeZone is a state with one zone of n declared record sets.
func largeZone(t testing.TB, n int) *State {
	t.Helper()
	zone := record.MustParseName("big.example")
	d := &Declaration{Zone: zone, Source: "Corefile:1", NoQuorum: NoQuorum{Mode: NoQuorumHold}}
	for i := range n {
		d.Sets = append(d.Sets, record.Set{Name: record.MustParseName(fmt.Sprintf("n%d.big.example", i)), Type: record.A, TTL: 60, Data: [][]byte{{10, byte(i >> 16), byte(i >> 8), byte(i)}}})
	}
	s, _ := New().Configure(1, []Member{{ID: "ns1", Voter: true}})
	s, res := s.Apply(2, Command{Body: &Declare{Node: "ns1", Incarnation: "i", Declarations: []*Declaration{d}}})
	if res.Refusal != nil {
		t.Fatal(res.Refusal)
	}
	return s
}

// changeOne is a command that adds one record set.
func changeOne(t testing.TB, s *State) Command {
	t.Helper()
	zone := record.MustParseName("big.example")
	c := Command{Header{Clock: time.Second, Author: "ana"}, &ChangeRecords{Zone: zone, Changes: []RecordChange{{
		Verb: RecordsAdd, Name: record.MustParseName("_acme-challenge.n7.big.example"), Type: record.TXT, Data: [][]byte{{1, 'x'}}}}}}
	if _, res := s.Apply(s.Index+1, c); res.Refusal != nil || len(res.Effect.Zones) != 1 || res.Effect.Zones[0].Whole || len(res.Effect.Zones[0].Names) != 1 {
		t.Fatalf("%v, %+v", res.Refusal, res.Effect.Zones)
	}
	return c
}

func TestChangeOfOneRecordCostsTheSameInALargeZone(t *testing.T) {
	cost := func(n int) float64 {
		s := largeZone(t, n)
		c := changeOne(t, s)
		return testing.AllocsPerRun(20, func() { s.Apply(s.Index+1, c) })
	}
	if small, large := cost(1000), cost(50_000); large > 1.2*small+10 {
		t.Errorf("it allocates %.0f times among 1000 record sets, %.0f among 50000", small, large)
	}
}

func BenchmarkApplyChangeOfOneRecord(b *testing.B) {
	for _, n := range []int{1000, 1_000_000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			s := largeZone(b, n)
			c := changeOne(b, s)
			b.ReportAllocs()
			for b.Loop() {
				s.Apply(s.Index+1, c)
			}
		})
	}
}
