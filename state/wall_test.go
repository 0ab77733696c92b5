package state

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// TestWallClockDecidesNothing applies the same history twice: once with an honest wall clock, once with one that jumps
// at each command, by years in both directions. But for the wall times that are kept for display, the states are equal:
// no verdict, no expiry and no failback depends on them. The one number that is the wall clock's is the serial with
// which a zone begins, so those commands are stamped alike.
func TestWallClockDecidesNothing(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		h := &history{t: t}
		honest := h.begin()
		jumping := reread(t, honest)
		wall := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
		for range rapid.IntRange(1, 30).Draw(t, "commands") {
			c := h.next(honest)
			c.Wall = wall.Add(c.Clock)
			next, a := honest.Apply(honest.Index+1, c)
			if !firstSerials(c.Body) {
				c.Wall = wall.Add(time.Duration(rapid.IntRange(-20, 20).Draw(t, "years")) * 365 * 24 * time.Hour)
			}
			other, b := jumping.Apply(jumping.Index+1, c)
			if (a.Refusal == nil) != (b.Refusal == nil) {
				t.Fatalf("with another wall clock: %v, %v", a.Refusal, b.Refusal)
			}
			honest, jumping = next, other
			sameBytes(t, "the wall clock made a difference", timeless(t, honest), timeless(t, jumping))
		}
	})
}

func firstSerials(b Body) bool {
	switch b.(type) {
	case *Declare, *Adopt, *CreateZone:
		return true
	}
	return false
}

// timeless is a state without its wall times, and without the running hash, in which commands are as they were sent.
func timeless(t rapid.TB, s *State) []byte {
	var out strings.Builder
	for line := range strings.Lines(string(encoded(t, s))) {
		var v any
		if err := json.Unmarshal([]byte(line), &v); err != nil {
			out.WriteString(line)
			continue
		}
		strip(v)
		b, err := json.Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		out.Write(append(b, '\n'))
	}
	return []byte(out.String())
}

func strip(v any) {
	switch v := v.(type) {
	case map[string]any:
		for key, inner := range v {
			if key == "hash" || key == "sha256" || key == "wall" || strings.HasSuffix(key, "_wall") {
				delete(v, key)
				continue
			}
			strip(inner)
		}
	case []any:
		for _, inner := range v {
			strip(inner)
		}
	}
}
