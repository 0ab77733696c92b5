package record

import (
	"bytes"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func TestParseNameReadsPresentationForm(t *testing.T) {
	for _, tc := range []struct{ in, want, out string }{
		{".", "\x00", "."},
		{"example.org", "\x07example\x03org\x00", "example.org."},
		{"Example.ORG.", "\x07example\x03org\x00", "example.org."},
		{`a\.b.org.`, "\x03a.b\x03org\x00", `a\.b.org.`},
		{`\065\000.`, "\x02a\x00\x00", `a\000.`},
		{`a\ b\@.`, "\x04a b@\x00", `a\032b\@.`},
		{`b\252cher.org`, "\x06b\xfccher\x03org\x00", `b\252cher.org.`}, // meant: octets are the sender's business
		{"*.org", "\x01*\x03org\x00", "*.org."},
		{strings.Repeat("a", 63) + ".", "\x3f" + strings.Repeat("a", 63) + "\x00", strings.Repeat("a", 63) + "."},
	} {
		got, err := ParseName(tc.in)
		if err != nil || string(got) != tc.want || got.String() != tc.out {
			t.Errorf("ParseName(%q) = %q, %v; want %q", tc.in, got, err, tc.want)
		}
	}
}

func TestParseNameRefusesWhatIsNoName(t *testing.T) {
	long := strings.Repeat("abcdefg.", 32) // 256 octets and the root's
	for in, why := range map[string]string{
		"":                      "empty",
		"..":                    "empty label",
		".org":                  "empty label",
		"a..org":                "empty label",
		strings.Repeat("a", 64): "63 octets",
		long:                    "255 octets",
		`a\`:                    "backslash",
		`a\25`:                  "backslash",
		`a\256.`:                "backslash",
		`a\2x5.`:                "backslash",
		"bad zone":              `it holds the character ' '; one that is meant is written \032`,
		"a\tb.org":              `the character '\t'; one that is meant is written \009`,
		"a\x7f.org":             `written \127`,
		"bücher.example":        `in the DNS it is "xn--bcher-kva.example" (RFC 5891): write that`,
		"_acme.Bücher.example.": `in the DNS it is "_acme.xn--bcher-kva.example."`,
		"*.日本.example":          `in the DNS it is "*.xn--wgv71a.example"`,
		"faß.de":                `in the DNS it is "xn--fa-hia.de"`,
		"a\u00a0b.example":      "which does not show",
		"a\u200bb.example":      "which does not show",
		"a\xff.example":         "bytes that are no text",
		"é" + strings.Repeat("x", 62) + ".example": "which have no form in the DNS",
	} {
		if n, err := ParseName(in); err == nil || !strings.Contains(err.Error(), why) {
			t.Errorf("ParseName(%q) = %q, %v; want an error about %q", in, n, err, why)
		}
	}
	if _, err := ParseName(strings.Repeat("abcdefg.", 31) + "abcde."); err != nil {
		t.Errorf("a name of 255 octets is refused: %v", err)
	}
}

func TestParseNameInStandsBelowTheOrigin(t *testing.T) {
	org := MustParseName("example.org")
	for in, want := range map[string]string{"@": "example.org.", "www": "www.example.org.", "www.": "www.", `www\.`: `www\..example.org.`} {
		if n, err := ParseNameIn(in, org); err != nil || n.String() != want {
			t.Errorf("ParseNameIn(%q) = %s, %v; want %s", in, n, err, want)
		}
	}
}

func TestUnderGoesByWholeLabels(t *testing.T) {
	for _, tc := range []struct {
		name, zone string
		want       bool
	}{
		{"example.org", "example.org", true},
		{"a.example.org", "example.org", true},
		{"aexample.org", "example.org", false},
		{"org", "example.org", false},
		{"example.org", ".", true},
		{".", ".", true},
		{".", "org", false},
		{`a\007example.org`, "example.org", false}, // the bytes of a label are no label
	} {
		if got := MustParseName(tc.name).Under(MustParseName(tc.zone)); got != tc.want {
			t.Errorf("%s under %s: %v", tc.name, tc.zone, got)
		}
	}
	if Name("").Under(Root) {
		t.Error("no name is under the root")
	}
}

func TestWildcardIsASingleAsterisk(t *testing.T) {
	for in, want := range map[string]bool{"*": true, "*.org": true, "**.org": false, "*a.org": false, "a.*": false, ".": false} {
		if MustParseName(in).IsWildcard() != want {
			t.Errorf("%q is a wildcard: %v", in, !want)
		}
	}
}

func TestChildLowersAndKeepsTheLimits(t *testing.T) {
	if c, ok := MustParseName("org").Child("WWW"); !ok || c != MustParseName("www.org") {
		t.Errorf("got %s, %v", c, ok)
	}
	full := MustParseName(strings.Repeat("abcdefg.", 31) + "abcde.")
	for _, label := range []string{"", strings.Repeat("a", 64)} {
		if _, ok := Root.Child(label); ok {
			t.Errorf("the label %q is taken", label)
		}
	}
	if _, ok := full.Child("a"); ok {
		t.Error("a name of 257 octets is made")
	}
}

// genName draws names of few letters, so that they meet, with bytes that need escapes.
func genName() *rapid.Generator[Name] {
	label := rapid.StringOfN(rapid.SampledFrom([]rune{'a', 'b', 'A', '*', '.', '\\', 0, 1, 2, 'z'}), 1, 3, 3)
	return rapid.Custom(func(t *rapid.T) Name {
		n := Root
		for _, l := range rapid.SliceOfN(label, 0, 4).Draw(t, "labels") {
			n, _ = n.Child(l)
		}
		return n
	})
}

func labelsFromRoot(n Name) []string {
	var out []string
	for i := 0; n[i] != 0; i += 1 + int(n[i]) {
		out = append(out, string(n[i+1:i+1+int(n[i])]))
	}
	slices.Reverse(out)
	return out
}

func TestKeyOrdersAsRFC4034(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a, b := genName().Draw(t, "a"), genName().Draw(t, "b")
		want := slices.Compare(labelsFromRoot(a), labelsFromRoot(b))
		if got := bytes.Compare(a.Key(), b.Key()); got != want {
			t.Fatalf("%s against %s: %d, want %d", a, b, got, want)
		}
		if got := Compare(a, b); (got < 0) != (want < 0) || (got > 0) != (want > 0) {
			t.Fatalf("Compare says %d of %s against %s, want %d", got, a, b, want)
		}
		if got := bytes.HasPrefix(a.Key(), b.Key()); got != a.Under(b) {
			t.Fatalf("the key of %s begins with that of %s: %v; under it: %v", a, b, got, a.Under(b))
		}
	})
}

func TestNamesSurviveText(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := genName().Draw(t, "n")
		if back, err := ParseName(n.String()); err != nil || back != n {
			t.Fatalf("%q by text: %q, %v", n, back, err)
		}
		var u Name
		text, _ := n.MarshalText()
		if err := u.UnmarshalText(text); err != nil || u != n {
			t.Fatalf("%q by UnmarshalText: %q, %v", n, u, err)
		}
		if parent, ok := n.Parent(); ok && (!n.Under(parent) || parent.Labels()+1 != n.Labels()) {
			t.Fatalf("%q has the parent %q", n, parent)
		}
	})
}

func FuzzParseName(f *testing.F) {
	for _, s := range []string{"", ".", "a.b.", `\000\.`, "a..b", `\`, "*.x"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		n, err := ParseName(s)
		if err != nil {
			return
		}
		if back, err := ParseName(n.String()); err != nil || back != n {
			t.Fatalf("%q gives %q, which gives %q, %v", s, n, back, err)
		}
	})
}
