package state

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"failoverdns/record"
)

// run draws a history and gives where it ends.
func (h *history) run(commands int) *State {
	s := h.begin()
	for range commands {
		s, _ = s.Apply(s.Index+1, h.next(s))
	}
	return s
}

func packed(t rapid.TB, s *State) []byte {
	b, err := Pack(encoded(t, s))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// TestRestoredStateAnswersAsTheArchiveDid restores any state in place of any other: of the same cluster, earlier or not,
// or of another with other nodes.
func TestRestoredStateAnswersAsTheArchiveDid(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		archive := (&history{t: t}).run(rapid.IntRange(0, 15).Draw(t, "commands of the archive"))
		present := (&history{t: t}).run(rapid.IntRange(0, 6).Draw(t, "commands of now"))
		if rapid.Bool().Draw(t, "the same cluster") {
			h := &history{t: t, clock: archive.Clock}
			present = archive
			for range rapid.IntRange(0, 6).Draw(t, "commands since") {
				present, _ = present.Apply(present.Index+1, h.next(present))
			}
		}
		c := Command{Header{Clock: present.Clock, Wall: present.Wall, Author: "ann"}, &Restore{State: packed(t, archive), Source: "a test", Force: true}}
		next, r := present.Apply(present.Index+1, c)
		if r.Refusal != nil {
			t.Fatalf("refused: %s", r.Refusal.Text)
		}
		asInArchive(t, archive, next)
		neverBack(t, archive, present, next)
		sameBytes(t, "it is another out of its snapshot", encoded(t, next), encoded(t, reread(t, next)))
		after := &history{t: t, clock: next.Clock}
		twin := reread(t, next)
		for range 2 {
			c := after.next(next)
			next, _ = next.Apply(next.Index+1, c)
			twin, _ = twin.Apply(twin.Index+1, c)
			sameBytes(t, "it goes on otherwise than out of its snapshot", encoded(t, next), encoded(t, twin))
		}
	})
}

func asInArchive(t *rapid.T, archive, next *State) {
	for name, g := range archive.Groups.All() {
		is, ok := next.Groups.Get(name)
		if !ok || is.Active != g.Active || is.Rule != g.Rule || !reflect.DeepEqual(is.Answers, g.Answers) {
			t.Fatalf("group %s answered %s %+v (%s), now %+v", name, g.Active, g.Answers, g.Rule, is)
		}
		if (g.Pin == nil) != (is.Pin == nil) || g.Pin != nil && left(archive, g.Pin.Expires) != left(next, is.Pin.Expires) {
			t.Fatalf("group %s: pin %+v became %+v", name, g.Pin, is.Pin)
		}
		for i, st := range g.States {
			if x := is.States[i]; x.Held != st.Held || left(archive, st.HeldTill) != left(next, x.HeldTill) || x.Up != st.Up {
				t.Fatalf("group %s: %+v became %+v", name, st, x)
			}
		}
	}
	for key, o := range archive.Overrides.All() {
		is, ok := next.Overrides.Get(key)
		if o.Scope == ScopeNode && !next.Nodes.Has(o.Target) {
			if ok {
				t.Fatalf("%s speaks of a node that is not here", key)
			}
			continue
		}
		if !ok || left(archive, o.Expires) != left(next, is.Expires) || is.Word != o.Word || is.Author != o.Author {
			t.Fatalf("override %+v became %+v", o, is)
		}
	}
	for id, e := range archive.Endpoints.All() {
		if is, ok := next.Endpoints.Get(id); !ok || is.Verdict != e.Verdict || len(is.Votes) != 0 {
			t.Fatalf("endpoint %+v became %+v", e, is)
		}
	}
	for id := range archive.Incidents.All() {
		if !next.Incidents.Has(id) && next.Incidents.Len() < maxIncidents {
			t.Fatalf("incident %s is gone", id)
		}
	}
}

// left is what remains of something that ends, -1 if it does not.
func left(s *State, end Clock) Clock {
	if end == 0 {
		return -1
	}
	return end - s.Clock
}

func neverBack(t *rapid.T, archive, present, next *State) {
	if next.Clock < max(archive.Clock, present.Clock) {
		t.Fatalf("the clock went back to %s, from %s and %s", next.Clock, archive.Clock, present.Clock)
	}
	for key, z := range next.Zones.All() {
		in, _ := archive.Zones.Get(key)
		if here, ok := present.Zones.Get(key); ok && !serialGreater(z.Serial, here.Serial) {
			t.Fatalf("zone %s: serial %d, and here it was %d, in the archive %d, of the file %d", z.Name, z.Serial, here.Serial, in.Serial, z.SOA.Serial)
		} else if !serialGreater(z.Serial, in.Serial) && (!ok || later(here.Serial, in.Serial) == in.Serial) {
			t.Fatalf("zone %s: serial %d, and in the archive it was %d", z.Name, z.Serial, in.Serial) // unless no number is above both
		}
	}
	_, last, _ := next.Events.Last()
	for _, s := range []*State{archive, present} {
		if _, old, ok := s.Events.Last(); ok && old.ID >= last.ID {
			t.Fatalf("the last event is %d, and there was a %d before", last.ID, old.ID)
		}
	}
	sameBytes(t, "the members changed", nodesOf(t, present, next.checked), nodesOf(t, next, func(time.Duration) bool { return true }))
	for key, o := range next.Offers.All() {
		if z, ok := next.Zones.Get(ZoneKey(o.Zone)); !ok || z.Digest != o.Digest || o.Drift {
			t.Fatalf("offer %s is kept and is not in force", key)
		}
	}
	for id, k := range present.Tokens.All() {
		if is, ok := next.Tokens.Get(id); !ok || is.End != k.End || left(present, k.Expires) != left(next, is.Expires) {
			t.Fatalf("token %+v became %+v", k, is)
		}
	}
}

// checked says whether a check has an interval.
func (s *State) checked(interval time.Duration) bool { return slices.Contains(s.Intervals(), interval) }

// nodesOf is what belongs to a state's nodes: themselves, and their sessions of some intervals.
func nodesOf(t *rapid.T, s *State, of func(interval time.Duration) bool) []byte {
	var all []any
	for _, n := range s.Nodes.All() {
		all = append(all, n)
	}
	for _, x := range s.Sessions.All() {
		if of(x.Interval) {
			all = append(all, x)
		}
	}
	b, err := json.Marshal(all)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// TestArchivesThatCannotBeUsedChangeNothing: whatever the bytes are, the command is refused, and no node stops.
func TestArchivesThatCannotBeUsedChangeNothing(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		h := &history{t: t}
		s := h.run(10)
		whole := encoded(t, s)
		for name, snapshot := range map[string][]byte{
			"cut short":        whole[:rapid.IntRange(0, len(whole)-1).Draw(t, "length")],
			"a byte changed":   flipped(whole, rapid.IntRange(0, len(whole)-1).Draw(t, "at")),
			"a row left out":   resealed(t, whole, rapid.IntRange(1, bytes.Count(whole, []byte("\n"))-2).Draw(t, "row")),
			"something else":   []byte("hello\n"),
			"of a level above": encoded(t, &State{Level: Level + 1}),
		} {
			b, err := Pack(snapshot)
			if err != nil {
				t.Fatal(err)
			}
			next, r := s.Apply(s.Index+1, Command{Header{Author: "ann"}, &Restore{State: b, Force: true}})
			if r.Refusal == nil {
				if name == "a row left out" { // a row that nothing else names, such as an event
					continue
				}
				t.Fatalf("an archive that is %s was taken", name)
			}
			if next.Zones.Len() != s.Zones.Len() || next.Events.Len() != s.Events.Len() {
				t.Fatalf("an archive that is %s changed the state", name)
			}
		}
		if _, r := s.Apply(s.Index+1, Command{Body: &Restore{State: []byte("no gzip")}}); r.Refusal == nil {
			t.Fatal("what is no gzip was taken")
		}
	})
}

func flipped(b []byte, at int) []byte {
	b = bytes.Clone(b)
	b[at] ^= 1
	return b
}

// resealed is a snapshot without one row, and with a checksum that is right.
func resealed(t rapid.TB, snapshot []byte, row int) []byte {
	lines := strings.SplitAfter(strings.TrimSuffix(string(snapshot), "\n"), "\n")
	lines = slices.Delete(lines, row, row+1)
	body := strings.Join(lines[:len(lines)-1], "")
	return fmt.Appendf([]byte(body), `{"rows":%d,"sha256":"%s"}`+"\n", len(lines)-2, sha256Of(body))
}

// TestEveryClockOfARowIsMoved reads the source: reflection cannot tell a cluster clock from another duration.
func TestEveryClockOfARowIsMoved(t *testing.T) {
	rows := map[string]bool{}
	for i := range reflect.TypeFor[State]().NumField() {
		if f := reflect.TypeFor[State]().Field(i); f.IsExported() {
			if get, ok := f.Type.MethodByName("Get"); ok {
				structsIn(get.Type.Out(0), rows)
			}
		}
	}
	if !rows["SiteState"] || !rows["Vote"] {
		t.Fatalf("the rows are not found: %v", rows)
	}
	for name, fields := range clockFields(t) {
		if !rows[name] {
			continue
		}
		for _, f := range fields {
			if !slices.Contains(clocks[name], f) {
				t.Errorf("%s.%s is a cluster clock: name it in clocks (shift.go), so that a restore moves it", name, f)
			}
		}
	}
}

// structsIn names the structs of this package that a row is made of.
func structsIn(t reflect.Type, out map[string]bool) {
	switch t.Kind() {
	case reflect.Pointer, reflect.Slice, reflect.Array, reflect.Map:
		structsIn(t.Elem(), out)
	case reflect.Struct:
		if t.PkgPath() != reflect.TypeFor[State]().PkgPath() || out[t.Name()] || strings.HasPrefix(t.Name(), "Table[") {
			return
		}
		out[t.Name()] = true
		for i := range t.NumField() {
			structsIn(t.Field(i).Type, out)
		}
	}
}

// clockFields are the fields of type Clock, by struct.
func clockFields(t *testing.T) map[string][]string {
	out := map[string][]string{}
	entries, err := os.ReadDir(".")
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if !strings.HasSuffix(e.Name(), ".go") || strings.HasSuffix(e.Name(), "_test.go") {
			continue
		}
		f, err := parser.ParseFile(token.NewFileSet(), e.Name(), nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(f, func(n ast.Node) bool {
			if spec, ok := n.(*ast.TypeSpec); ok {
				if st, ok := spec.Type.(*ast.StructType); ok {
					for _, field := range st.Fields.List {
						if id, ok := field.Type.(*ast.Ident); ok && id.Name == "Clock" {
							for _, name := range field.Names {
								out[spec.Name.Name] = append(out[spec.Name.Name], name.Name)
							}
						}
					}
				}
			}
			return true
		})
	}
	return out
}

func TestSerialsWithoutAFileGoOnAboveTheWallTime(t *testing.T) {
	name := record.MustParseName("a.example")
	archive := &State{Zones: Table[*Zone]{}.With(ZoneKey(name), &Zone{Name: name, Serial: 7})}
	c := Command{Header{Wall: time.Unix(1_800_000_000, 0)}, &Restore{State: packed(t, archive)}}
	next, r := New().Apply(1, c)
	z, ok := next.Zones.Get(ZoneKey(name))
	if r.Refusal != nil || !ok || z.Serial != 1_800_000_001 {
		t.Errorf("%+v, %v", z, r.Refusal)
	}
}

func sha256Of(s string) string {
	sum := sha256.Sum256([]byte(s))
	return hex.EncodeToString(sum[:])
}
