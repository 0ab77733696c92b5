package state

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"failoverdns/health"
)

// sample is a state with something in every table.
func sample(t rapid.TB) *State {
	t.Helper()
	s := New()
	s, _ = s.Configure(1, []Member{{ID: "ns1", Voter: true}, {ID: "ns2", Voter: true}})
	ds, err := declarations("zone a.example\nsite azure 192.0.2.1 check=https\nsite aws 198.51.100.1 check=https\ngroup a.example azure aws\nnames a.example\nset www TXT x\n")
	if err != nil {
		t.Fatal(err)
	}
	other, err := declarations("zone a.example\n")
	if err != nil {
		t.Fatal(err)
	}
	for _, b := range []Body{
		&Declare{Node: "ns1", Incarnation: "i1", Declarations: ds},
		&Declare{Node: "ns2", Incarnation: "i1", Declarations: other},
		&SessionOpen{Node: "ns1", Interval: 10 * time.Second, Boot: "b"},
		&Votes{Node: "ns1", Votes: []Cast{{Endpoint: "azure/https@192.0.2.1", Revision: 2, Session: 4, Opinion: health.Down, Reason: health.Refused}}},
		&SetOverride{Scope: ScopeSite, Target: "azure", Word: ForceDown},
		&Delivered{Webhook: "kept", Through: 1, Sent: 1},
		&TokenCreate{ID: "aaaaaaaa", Kind: TokenAPI, Name: "ann", Role: "operate", Hash: hashOf("x")},
	} {
		var res Result
		if s, res = s.Apply(s.Index+1, Command{Header{Clock: time.Minute, ID: fmt.Sprint(s.Index)}, b}); res.Refusal != nil {
			t.Fatal(res.Refusal)
		}
	}
	for name, n := range map[string]int{"nodes": s.Nodes.Len(), "sessions": s.Sessions.Len(), "zones": s.Zones.Len(), "sites": s.Sites.Len(), "endpoints": s.Endpoints.Len(),
		"groups": s.Groups.Len(), "overrides": s.Overrides.Len(), "tokens": s.Tokens.Len(), "offers": s.Offers.Len(), "events": s.Events.Len(), "incidents": s.Incidents.Len(), "requests": s.Requests.Len(), "audits": s.Audits.Len(), "deliveries": s.Deliveries.Len()} {
		if n == 0 {
			t.Fatalf("the sample has no %s", name)
		}
	}
	return s
}

// ofLevel is a state as it would be with another feature level in force.
func (s *State) ofLevel(level int) *State {
	c := *s
	c.Level = level
	return &c
}

func TestSnapshotCutShortAnywhereIsRefused(t *testing.T) {
	for level := 1; level <= Level; level++ {
		whole := encoded(t, sample(t).ofLevel(level))
		for n := 0; n < len(whole); n += oneIn {
			if s, err := Decode(bytes.NewReader(whole[:n])); err == nil || s != nil {
				t.Fatalf("level %d: %d of %d bytes were taken", level, n, len(whole))
			}
		}
	}
}

func TestSnapshotWithOneByteChangedIsRefused(t *testing.T) {
	for level := 1; level <= Level; level++ {
		whole := encoded(t, sample(t).ofLevel(level))
		for n := 0; n < len(whole); n += oneIn {
			damaged := bytes.Clone(whole)
			damaged[n] ^= 1
			if s, err := Decode(bytes.NewReader(damaged)); err == nil {
				sameBytes(t, fmt.Sprintf("level %d: byte %d was changed unnoticed", level, n), whole, encoded(t, s))
			}
		}
	}
}

// TestSnapshotOfEitherLevelHoldsEveryRecordSet: the form of record sets differs, and a cluster that rises to level 2 reads
// what it wrote before.
func TestSnapshotOfEitherLevelHoldsEveryRecordSet(t *testing.T) {
	s, res := sample(t).Apply(100, Command{Body: bigZone(t, 2*packedSets+1)})
	if res.Refusal != nil {
		t.Fatal(res.Refusal)
	}
	one, two := encoded(t, s.ofLevel(1)), encoded(t, s.ofLevel(2))
	if n := bytes.Count(one, []byte(`"table":"packed"`)); n != 0 {
		t.Errorf("level 1 writes %d rows that its members do not know", n)
	}
	if n := bytes.Count(two, []byte(`"table":"packed"`)); n != 3+1 {
		t.Errorf("level 2 writes %d packed rows, and 4 are due: a zone's and a thousand sets'", n)
	}
	back, err := Decode(bytes.NewReader(one))
	if err != nil {
		t.Fatal(err)
	}
	sameBytes(t, "what level 1 wrote", two, encoded(t, back.ofLevel(2)))
	sameBytes(t, "what level 2 wrote", one, encoded(t, reread(t, s.ofLevel(2)).ofLevel(1)))
}

func TestSnapshotWithSomethingBehindOrInsideIsRefused(t *testing.T) {
	whole := encoded(t, sample(t))
	first := bytes.IndexByte(whole, '\n')
	for what, b := range map[string][]byte{
		"a line behind":           append(bytes.Clone(whole), "{}\n"...),
		"a byte behind":           append(bytes.Clone(whole), 'x'),
		"a carriage return":       slices.Insert(bytes.Clone(whole), first, '\r'),
		"a line less":             append(bytes.Clone(whole[:first+1]), whole[first+1+bytes.IndexByte(whole[first+1:], '\n')+1:]...),
		"another format":          []byte(`{"format":"other","version":1}` + "\n"),
		"a later version":         []byte(`{"format":"failoverdns-state","version":2}` + "\n"),
		"no version":              []byte(`{"format":"failoverdns-state"}` + "\n"),
		"nothing":                 nil,
		"a gzip of something":     {0x1f, 0x8b, 8, 0},
		"an end without a number": []byte(`{"format":"failoverdns-state","version":1}` + "\n" + `{"rows":null}` + "\n"),
	} {
		if _, err := Decode(bytes.NewReader(b)); err == nil {
			t.Errorf("a snapshot with %s was taken", what)
		}
	}
}

// FuzzDecodeSnapshot: no bytes panic, and what is taken can be written again. The checksum is put right, so that more
// than the first damage is met.
func FuzzDecodeSnapshot(f *testing.F) {
	whole := encoded(f, sample(f))
	f.Add(whole)
	f.Add(encoded(f, sample(f).ofLevel(2)))
	f.Add(whole[:len(whole)/2])
	f.Add([]byte(`{"format":"failoverdns-state","version":1}` + "\n" + `{"table":"zones","row":null}` + "\n"))
	f.Add([]byte(`{"format":"failoverdns-state","version":1}` + "\n" + `{"table":"sets","row":{"zone":"a.example"}}` + "\n"))
	f.Fuzz(func(t *testing.T, b []byte) {
		for _, b := range [][]byte{b, sealed(b)} {
			if s, err := Decode(bytes.NewReader(b)); err == nil {
				reread(t, s)
			}
		}
	})
}

// sealed gives rows the end of a snapshot that they would have.
func sealed(b []byte) []byte {
	rows := bytes.SplitAfter(b, []byte("\n"))
	rows = slices.DeleteFunc(rows, func(r []byte) bool {
		return !bytes.HasSuffix(r, []byte("\n")) || bytes.HasPrefix(r, []byte(`{"rows":`))
	})
	out := bytes.Join(rows, nil)
	sum, n := sha256.Sum256(out), len(rows)-1
	tail, err := json.Marshal(snapshotTail{&n, hex.EncodeToString(sum[:])})
	if err != nil {
		panic(err)
	}
	return append(append(out, tail...), '\n')
}
