package state

import (
	"bytes"
	"errors"
	"flag"
	"os"
	"reflect"
	"slices"
	"strings"
	"testing"

	"failoverdns/health"
)

var updateLevels = flag.Bool("update-levels", false, "write testdata/level1.txt anew: only before a first release")

// fieldsOf lists the JSON fields that a type has, with those of what it carries, but for fields that say their level.
func fieldsOf(t reflect.Type, path string, above []reflect.Type, out *[]string) {
	if slices.Contains(above, t) {
		return
	}
	above = append(above, t)
	switch t.Kind() {
	case reflect.Pointer, reflect.Slice, reflect.Array, reflect.Map:
		fieldsOf(t.Elem(), path, above, out)
	case reflect.Struct:
		if t.PkgPath() != "" && !strings.HasPrefix(t.PkgPath(), "failoverdns/") {
			return
		}
		for i := range t.NumField() {
			f := t.Field(i)
			if n, _ := fieldLevel(f); n > 1 || !f.IsExported() {
				continue
			}
			if f.Anonymous {
				fieldsOf(f.Type, path, above, out)
				continue
			}
			at := path + "." + f.Name
			*out = append(*out, at)
			fieldsOf(f.Type, at, above, out)
		}
	}
}

// TestFieldsOfLevel1AreFrozen holds the commands of level 1 against what level 1 was: members of that level ignore any
// other field, and their states would differ from then on.
func TestFieldsOfLevel1AreFrozen(t *testing.T) {
	var is []string
	for k, build := range bodies {
		if k.level() == 1 {
			body := reflect.TypeOf(build()).Elem()
			fieldsOf(body, body.Name(), nil, &is)
		}
	}
	fieldsOf(reflect.TypeFor[Header](), "Header", nil, &is)
	slices.Sort(is)
	const file = "testdata/level1.txt"
	if *updateLevels {
		if err := os.WriteFile(file, []byte(strings.Join(is, "\n")+"\n"), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	was := strings.Fields(string(b))
	for _, f := range is {
		if !slices.Contains(was, f) {
			t.Errorf("%s is new: tag it with the level that brings it, like `level:\"%d\"`, so that no leader sends it to a member that would ignore it", f, Level)
		}
	}
	for _, f := range was {
		if !slices.Contains(is, f) {
			t.Errorf("%s is gone: members of level 1 still send it", f)
		}
	}
}

type carried struct {
	Old  string
	New  *int     `level:"2"`
	List []nested // of what may have a level
}

type nested struct {
	Old int
	New string `level:"3"`
}

func TestContentAsksForTheLevelOfItsFields(t *testing.T) {
	one := 1
	for _, x := range []struct {
		v    carried
		want int
	}{
		{carried{Old: "a", List: []nested{{Old: 1}}}, 1},
		{carried{New: &one}, 2},
		{carried{New: &one, List: []nested{{}, {New: "x"}}}, 3},
	} {
		if got := (asking{}).level(reflect.ValueOf(&x.v)); got != x.want {
			t.Errorf("%+v asks for level %d, want %d", x.v, got, x.want)
		}
	}
}

func TestCommandsOfLevel1AskForNoMore(t *testing.T) {
	for _, body := range []Body{&Announce{ID: "ns1", Version: "v"}, &Votes{Node: "ns1", Votes: []Cast{{Opinion: health.Down}}}, &Due{}, &Complete{Type: kindDeclare}} {
		if got := (Command{Body: body}).Level(); got != 1 {
			t.Errorf("%T asks for level %d", body, got)
		}
	}
	for _, body := range []Body{&Raise{Level: 2}, &Complete{Type: kindRaise}} {
		if got := (Command{Body: body}).Level(); got != 2 {
			t.Errorf("%T asks for level %d", body, got)
		}
	}
}

// TestWhatCanBeDroppedIsNoReasonToRefuse: a header, and a field that says so, go without what is new in them.
func TestWhatCanBeDroppedIsNoReasonToRefuse(t *testing.T) {
	c := Command{Header{ID: "r1", Source: "192.0.2.1"}, &SessionClose{Node: "ns1", Number: 7, Recount: true}}
	if need := c.Level(); need != 1 {
		t.Errorf("it asks for level %d", need)
	}
	if got := c.Within(2); !reflect.DeepEqual(got, c) {
		t.Errorf("within level 2 %+v became %+v", c, got)
	}
	want := Command{Header{ID: "r1"}, &SessionClose{Node: "ns1", Number: 7}}
	if got := c.Within(1); !reflect.DeepEqual(got, want) || !c.Body.(*SessionClose).Recount {
		t.Errorf("within level 1 %+v became %+v", c, got)
	}
}

func TestLevelRisesAndNeverFalls(t *testing.T) {
	s, _ := New().Apply(1, Command{Body: &Raise{Level: 2, Cluster: "abc"}})
	s, _ = s.Apply(2, Command{Body: &Raise{Level: 1, Cluster: "def"}})
	if s.FeatureLevel() != 2 || s.Cluster != "abc" {
		t.Fatalf("level %d of cluster %q, want 2 of abc", s.FeatureLevel(), s.Cluster)
	}
	var b bytes.Buffer
	if err := s.Encode(&b); err != nil {
		t.Fatal(err)
	}
	again, err := Decode(&b)
	if err != nil || again.FeatureLevel() != 2 || again.Cluster != "abc" {
		t.Fatalf("from its snapshot: level %d of cluster %q, %v", again.FeatureLevel(), again.Cluster, err)
	}
}

// TestLevelAboveOursIsUnknown lets a node that is too old stop applying at once, and not at the first command that it
// would get wrong.
func TestLevelAboveOursIsUnknown(t *testing.T) {
	b, err := Command{Body: &Raise{Level: Level + 1}}.Encode()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := DecodeCommand(b); !errors.Is(err, ErrUnknownCommand) {
		t.Errorf("a raise above our level: %v, want an unknown command", err)
	}
	var snapshot bytes.Buffer
	if err := (&State{Level: Level + 1}).Encode(&snapshot); err != nil {
		t.Fatal(err)
	}
	if _, err := Decode(&snapshot); err == nil {
		t.Error("a snapshot above our level was read")
	}
}
