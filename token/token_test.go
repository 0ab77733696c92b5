package token

import (
	"bytes"
	"fmt"
	"log/slog"
	"strings"
	"testing"
)

func TestTextOfATokenIsReadBackAndMatchesItsHashOnly(t *testing.T) {
	a, b := New(), New()
	got, err := Parse(a.Text())
	if err != nil {
		t.Fatal(err)
	}
	if *got != *a || !got.Matches(a.Hash()) || got.Matches(b.Hash()) || got.Matches("") {
		t.Errorf("%q was read as %+v", a.Text(), got)
	}
	if a.ID == b.ID || a.Secret() == b.Secret() {
		t.Error("two tokens are alike")
	}
	if CheckID(a.ID) != nil || CheckHash(a.Hash()) != nil {
		t.Errorf("ID %q or hash %q is not what the state takes", a.ID, a.Hash())
	}
}

func TestWhatIsNoTokenIsRefusedWithoutRepeatingIt(t *testing.T) {
	good := New().Text()
	for _, s := range []string{"", "x", good[:len(good)-1], good + "a", strings.ToUpper(good), " " + good, good[:len(good)-1] + "9",
		strings.Replace(good, "_", "-", 1), Prefix + "__" + New().Secret(), Prefix + "_" + New().ID + "_hunter2"} {
		_, err := Parse(s)
		if err == nil {
			t.Errorf("%q was taken", s)
		} else if s != "" && len(s) > 1 && strings.Contains(err.Error(), s) {
			t.Errorf("the error repeats %q: %v", s, err)
		}
	}
}

// FuzzParse: what is taken is what Text gives, letter for letter.
func FuzzParse(f *testing.F) {
	f.Add(New().Text())
	f.Add("failover_aaaaaaaa_")
	f.Add("failover_aaaaaaaa_" + strings.Repeat("a", 52))
	f.Fuzz(func(t *testing.T, s string) {
		if k, err := Parse(s); err == nil && k.Text() != s {
			t.Fatalf("%q was read as %q", s, k.Text())
		}
	})
}

func TestPrintingATokenShowsNoSecret(t *testing.T) {
	k := New()
	var log bytes.Buffer
	slog.New(slog.NewTextHandler(&log, nil)).Info("x", "pointer", k, "value", *k)
	slog.New(slog.NewJSONHandler(&log, nil)).Info("x", "pointer", k, "value", *k)
	all := log.String()
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d"} {
		all += fmt.Sprintf(verb+" "+verb, k, *k)
	}
	if strings.Contains(all, k.Secret()) || strings.Contains(all, fmt.Sprintf("%x", k.secret)) || strings.Contains(all, strings.Trim(fmt.Sprintf("%d", k.secret[:3]), "[]")) {
		t.Errorf("the secret is in %s", all)
	}
}
