package token

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

func TestJoinTokenSurvivesItsFile(t *testing.T) {
	j := &Join{Token: New(), Pin: [32]byte{1, 2, 31: 255}, Role: "witness", Expires: time.Unix(1800000000, 0)}
	got, err := ParseJoin(j.Text() + "\n")
	if err != nil || got.ID != j.ID || got.Secret() != j.Secret() || got.Pin != j.Pin || got.Role != j.Role || !got.Expires.Equal(j.Expires) {
		t.Fatalf("%+v became %+v (%v)", j, got, err)
	}
	if said := fmt.Sprintf("%v %+v %s", j, *j, j); strings.Contains(said, j.Secret()) {
		t.Errorf("it prints its secret: %s", said)
	}
}

func FuzzJoinTokenIsReadWholeOrNotAtAll(f *testing.F) {
	good := (&Join{Token: New(), Role: "voter", Expires: time.Unix(1800000000, 0)}).Text()
	f.Add(good)
	f.Add(strings.ToUpper(good))
	f.Add(good[:len(good)-3] + "_")
	f.Add(New().Text())
	f.Add(strings.Replace(good, "_voter_", "__", 1))
	f.Fuzz(func(t *testing.T, s string) {
		j, err := ParseJoin(s)
		if err == nil && j.Text() != strings.TrimSpace(s) {
			if again, err := ParseJoin(j.Text()); err != nil || again.ID != j.ID || again.Role != j.Role || !again.Expires.Equal(j.Expires) {
				t.Errorf("%q is read as %q", s, j.Text())
			}
		}
		if err != nil && len(s) > 60 && strings.Contains(err.Error(), s[20:60]) {
			t.Errorf("the error repeats what was read: %v", err)
		}
	})
}
