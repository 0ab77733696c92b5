package state

import (
	"fmt"
	"reflect"
	"strconv"
	"strings"
)

// A feature level numbers what commands can say. Two versions of this program in one cluster must apply every command
// alike, so nobody proposes one of a level that some member does not know yet (ARCHITECTURE.md, 8). The level in force
// is part of the state: the leader raises it once every member has said that it knows the higher one, and it never
// falls. So a member that is away later does not hold the others back.
//
// Whoever adds a kind of command gives it the level of the next release (levels). Whoever adds a field to a command, or
// to what commands carry, tags it with that level:
//
//	Weight int `json:"weight,omitempty" level:"2"`
//
// or, where members that ignore it do well enough, `level:"2,drop"`: at a lower level the leader leaves it out, as it
// does with what is new in headers. Whoever changes what a known command does asks FeatureLevel first.
const Level = 2

// levels are the kinds of levels above 2; the kinds of level 1 end with lastOfLevel1, all others are of level 2.
var levels = map[kind]int{}

const lastOfLevel1 = kindResolved

// FeatureLevel is the level in force.
func (s *State) FeatureLevel() int { return max(1, s.Level) }

// Level is the least feature level that a member needs to apply a command as this version does.
func (c Command) Level() int {
	k := c.Body.kind()
	if last, ok := c.Body.(*Complete); ok {
		k = last.Type
	}
	return max(k.level(), asking{}.level(reflect.ValueOf(c.Body)))
}

func (k kind) level() int {
	switch n, ok := levels[k]; {
	case ok:
		return n
	case k <= lastOfLevel1:
		return 1
	}
	return 2
}

// Word names a command for people: "SetOverride".
func (c Command) Word() string {
	if last, ok := c.Body.(*Complete); ok {
		return reflect.TypeOf(bodies[last.Type]()).Elem().Name()
	}
	return reflect.TypeOf(c.Body).Elem().Name()
}

// Within is a command without what members of a level would ignore and can do without.
func (c Command) Within(level int) Command {
	dropAbove(reflect.ValueOf(&c.Header).Elem(), level, false)
	body := reflect.New(reflect.TypeOf(c.Body).Elem())
	body.Elem().Set(reflect.ValueOf(c.Body).Elem())
	dropAbove(body.Elem(), level, true)
	c.Body = body.Interface().(Body)
	return c
}

// dropAbove empties the fields above a level, only those that may be dropped if marked says so.
func dropAbove(v reflect.Value, level int, marked bool) {
	for i := range v.NumField() {
		f := v.Type().Field(i)
		if n, drop := fieldLevel(f); n > level && (drop || !marked) {
			v.Field(i).SetZero()
		}
	}
}

// level is the highest level that fields of a value ask for which are not empty.
func (a asking) level(v reflect.Value) int {
	if !a.can(v.Type()) {
		return 1
	}
	level := 1
	switch v.Kind() {
	case reflect.Pointer, reflect.Interface:
		if !v.IsNil() {
			level = a.level(v.Elem())
		}
	case reflect.Slice, reflect.Array:
		for i := range v.Len() {
			level = max(level, a.level(v.Index(i)))
		}
	case reflect.Map:
		for _, key := range v.MapKeys() {
			level = max(level, a.level(v.MapIndex(key)))
		}
	case reflect.Struct:
		for i := range v.NumField() {
			if v.Field(i).IsZero() {
				continue
			}
			if n, drop := fieldLevel(v.Type().Field(i)); !drop {
				level = max(level, n, a.level(v.Field(i)))
			}
		}
	}
	return level
}

// asking remembers of types what hasLevels says: an offer of many zones has many values of few types.
type asking map[reflect.Type]bool

// can says whether values of a type can ask for a level: a zone's record sets, which are many, cannot.
func (a asking) can(t reflect.Type) bool {
	can, known := a[t]
	if !known {
		can = hasLevels(t, nil)
		a[t] = can
	}
	return can
}

// hasLevels is what asking remembers, for a type within others.
func hasLevels(t reflect.Type, above []reflect.Type) bool {
	for _, a := range above {
		if a == t {
			return false
		}
	}
	above = append(above, t)
	switch t.Kind() {
	case reflect.Pointer, reflect.Slice, reflect.Array, reflect.Map:
		return hasLevels(t.Elem(), above)
	case reflect.Interface:
		return false // no command has one
	case reflect.Struct:
		for i := range t.NumField() {
			if n, _ := fieldLevel(t.Field(i)); n > 1 || hasLevels(t.Field(i).Type, above) {
				return true
			}
		}
	}
	return false
}

// fieldLevel reads a field's tag.
func fieldLevel(f reflect.StructField) (level int, drop bool) {
	tag, ok := f.Tag.Lookup("level")
	if !ok {
		return 1, false
	}
	number, word, _ := strings.Cut(tag, ",")
	n, err := strconv.Atoi(number)
	if err != nil {
		return 1, false
	}
	return n, word == "drop"
}

// Raise puts a feature level into force. The leader sends it when every member knows that level. With the first one
// the cluster gets its name, too.
type Raise struct {
	Level   int    `json:"level"`
	Cluster string `json:"cluster,omitempty"` // random; kept if there is none yet
}

func (*Raise) kind() kind { return kindRaise }

func (c *Raise) apply(t *txn) *Refusal {
	if t.s.Cluster == "" {
		t.s.Cluster = c.Cluster
	}
	if c.Level <= t.s.FeatureLevel() {
		return nil
	}
	t.s.Level = c.Level
	t.event(Event{Type: "level", Text: fmt.Sprintf("feature level %d is in force: every member knows it", c.Level)})
	return nil
}
