package state

import (
	"reflect"
	"testing"
	"time"
)

func TestMeasuresAreKeptOnceWithTheIncidentsOfTheirIndex(t *testing.T) {
	s, res := sample(t).Apply(100, Command{Header{Clock: time.Hour}, &SetOverride{Scope: ScopeSite, Target: "aws", Word: ForceDown, Force: true}})
	if res.Refusal != nil {
		t.Fatal(res.Refusal)
	}
	before := len(s.Unmeasured())
	nodes := []Measure{{Node: "ns1", Leader: true, Commit: time.Millisecond, Swapped: 2 * time.Millisecond}, {Node: "ns2", Error: "no answer in time"}}
	s, _ = s.Apply(101, Command{Header{}, &Measured{At: 100, Nodes: nodes}})
	s, _ = s.Apply(102, Command{Header{}, &Measured{At: 100, Nodes: nodes[:1]}})
	_, in, _ := s.Incidents.Last()
	if in.Index != 100 || !reflect.DeepEqual(in.Measures, nodes) || len(s.Unmeasured()) != before-1 {
		t.Errorf("incident %+v; %d, then %d unmeasured", in, before, len(s.Unmeasured()))
	}
	sameBytes(t, "they do not survive a snapshot", encoded(t, s), encoded(t, reread(t, s)))
}

func TestNoOrTooManyMeasuresAreRefused(t *testing.T) {
	s := sample(t)
	for _, n := range []int{0, maxMeasures + 1} {
		if _, res := s.Apply(s.Index+1, Command{Header{}, &Measured{At: 1, Nodes: make([]Measure, n)}}); res.Refusal == nil {
			t.Errorf("%d are taken", n)
		}
	}
}
