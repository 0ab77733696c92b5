package record

import (
	"bytes"
	"encoding/json"
	"fmt"
	"reflect"
	"testing"

	"pgregory.net/rapid"
)

func genSet() *rapid.Generator[Set] {
	return rapid.Custom(func(t *rapid.T) Set {
		s := Set{Name: genName().Draw(t, "name"), Type: Type(rapid.Uint16().Draw(t, "type")), TTL: rapid.Uint32().Draw(t, "ttl")}
		for range rapid.IntRange(0, 3).Draw(t, "records") {
			s.Data = append(s.Data, rapid.SliceOfN(rapid.Byte(), 0, 300).Draw(t, "data"))
		}
		return s
	})
}

func pointers(sets []Set) (out []*Set) {
	for i := range sets {
		out = append(out, &sets[i])
	}
	return out
}

func TestPackedSetsComeBackAsTheyWere(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		sets := rapid.SliceOfN(genSet(), 0, 5).Draw(t, "sets")
		packed := AppendSets([]byte("before"), pointers(sets))
		got, rest, err := ReadSets(append(packed, "behind"...)[len("before"):])
		if err != nil || string(rest) != "behind" || len(got) != len(sets) {
			t.Fatalf("got %v, %q, %v", got, rest, err)
		}
		for i := range sets {
			if fmt.Sprintf("%#v", got[i]) != fmt.Sprintf("%#v", sets[i]) {
				t.Fatalf("got %#v, want %#v", got[i], sets[i])
			}
		}
	})
}

func TestPackedSetsThatAreCutShortAreRefused(t *testing.T) {
	sets := []Set{
		{Name: MustParseName("a.example"), Type: A, TTL: 300, Data: [][]byte{{192, 0, 2, 1}, {192, 0, 2, 2}}},
		{Name: Root, Type: TXT, Data: [][]byte{bytes.Repeat([]byte{7}, 200)}},
	}
	packed := AppendSets(nil, pointers(sets))
	for n := range packed {
		if got, _, err := ReadSets(packed[:n:n]); err == nil {
			t.Errorf("cut to %d octets it is read as %v", n, got)
		}
	}
}

func TestPackedSetsThatAreDamagedAreRefused(t *testing.T) {
	good := string(AppendSets(nil, pointers([]Set{{Name: MustParseName("ab.c"), Type: A, TTL: 1, Data: [][]byte{{1}}}})))
	if good != "\x01\x06\x02ab\x01c\x00\x00\x01\x01\x01\x01\x01" {
		t.Fatalf("the form is %q", good)
	}
	for what, b := range map[string]string{
		"a name in upper case":       "\x01\x06\x02aB\x01c\x00\x00\x01\x01\x01\x01\x01",
		"a name without its end":     "\x01\x05\x02ab\x01c\x00\x01\x01\x01\x01\x01",
		"a name with two ends":       "\x01\x06\x02ab\x00c\x00\x00\x01\x01\x01\x01\x01",
		"a label beyond the name":    "\x01\x06\x02ab\x0fc\x00\x00\x01\x01\x01\x01\x01",
		"a label of 64 octets":       "\x01\x42\x40" + string(make([]byte, 65)) + "\x00\x01\x01\x01\x01\x01",
		"no name":                    "\x01\x00\x00\x01\x01\x01\x01\x01",
		"more sets than octets":      "\xff\xff\xff\xff\x0f",
		"more records than octets":   "\x01\x06\x02ab\x01c\x00\x00\x01\x01\xff\xff\xff\xff\x0f\x01",
		"a record beyond the end":    "\x01\x06\x02ab\x01c\x00\x00\x01\x01\x01\x02\x01",
		"a TTL of more than 32 bits": "\x01\x06\x02ab\x01c\x00\x00\x01\x80\x80\x80\x80\x10\x01\x01\x01",
		"a number that never ends":   "\x01\x06\x02ab\x01c\x00\x00\x01\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff",
	} {
		if got, _, err := ReadSets([]byte(b)); err == nil {
			t.Errorf("%s: read as %v", what, got)
		}
	}
}

func TestAppendJSONIsWhatPackageJSONWrites(t *testing.T) {
	odd := rapid.Custom(func(t *rapid.T) Name {
		n, _ := MustParseName("example").Child(string(rapid.SliceOfN(rapid.Byte(), 1, 4).Draw(t, "label")))
		return n
	})
	rapid.Check(t, func(t *rapid.T) {
		s := genSet().Draw(t, "set")
		if rapid.Bool().Draw(t, "odd") {
			s.Name = odd.Draw(t, "name")
		}
		if len(s.Data) > 0 && rapid.Bool().Draw(t, "nil") {
			s.Data[0] = nil
		}
		want, err := json.Marshal(&s)
		if got := s.AppendJSON(nil); err != nil || string(got) != string(want) {
			t.Fatalf("got %s, want %s (%v)", got, want, err)
		}
	})
	for _, s := range []Set{{}, {Name: Root, Data: [][]byte{}}} {
		if want, _ := json.Marshal(&s); string(s.AppendJSON(nil)) != string(want) {
			t.Errorf("got %s, want %s", s.AppendJSON(nil), want)
		}
	}
}

func FuzzReadSets(f *testing.F) {
	f.Add(AppendSets(nil, pointers([]Set{{Name: MustParseName("ab.c"), Type: A, TTL: 1, Data: [][]byte{{1}}}})))
	f.Fuzz(func(t *testing.T, b []byte) {
		sets, rest, err := ReadSets(b)
		if err != nil {
			return
		}
		again, _, err := ReadSets(append(AppendSets(nil, pointers(sets)), rest...))
		if err != nil || len(again) != len(sets) || len(sets) > 0 && !reflect.DeepEqual(again, sets) {
			t.Fatalf("%v comes back as %v, %v", sets, again, err)
		}
	})
}
