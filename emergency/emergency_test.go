package emergency

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func TestGoodFilesGiveTheirPins(t *testing.T) {
	at := time.Date(2026, 11, 22, 18, 0, 0, 0, time.UTC)
	for name, c := range map[string]struct {
		text string
		want []Pin
	}{
		"nothing":            {"", nil},
		"comments and blank": {"# why\n\n   \n\t# indented\n", nil},
		"one":                {"auth.example.com pin aws 2026-11-22T18:00:00Z azure is on fire\n", []Pin{{1, "auth.example.com", "aws", at, "azure is on fire"}}},
		"no line feed":       {"auth.example.com pin aws 2026-11-22T18:00:00Z x", []Pin{{1, "auth.example.com", "aws", at, "x"}}},
		"another zone, tabs": {"auth.example.com\tpin\t aws\t2026-11-22T19:00:00+01:00\tcall  4711\r\n", []Pin{{1, "auth.example.com", "aws", at, "call 4711"}}},
		"case and final dot": {"Auth.Example.COM. pin aws 2026-11-22T18:00:00Z #1 in the list\n", []Pin{{1, "auth.example.com", "aws", at, "#1 in the list"}}},
		"all beside one": {"# two\nall pin aws 2026-11-22T18:00:00Z x\n\nvpn.example.com pin azure 2026-11-22T18:00:00Z y\n",
			[]Pin{{2, "all", "aws", at, "x"}, {4, "vpn.example.com", "azure", at, "y"}}},
	} {
		t.Run(name, func(t *testing.T) {
			pins, err := Parse(c.text)
			if err != nil || len(pins) != len(c.want) {
				t.Fatalf("got %v, %v; want %v", pins, err, c.want)
			}
			for i, p := range pins {
				w := c.want[i]
				if p.Line != w.Line || p.Group != w.Group || p.Site != w.Site || !p.Expires.Equal(w.Expires) || p.Reason != w.Reason {
					t.Errorf("got %+v, want %+v", p, w)
				}
				again, err := Parse(p.String())
				if err != nil || len(again) != 1 || again[0].Group != p.Group || again[0].Reason != p.Reason {
					t.Errorf("%q reads as %v, %v", p.String(), again, err)
				}
			}
		})
	}
}

func TestBadFilesNameTheLineAndTheWayOut(t *testing.T) {
	const good = "auth.example.com pin aws 2026-11-22T18:00:00Z x\n"
	for text, want := range map[string]string{
		"aws":                                                       `line 1: "aws" is all there is; write: GROUP pin SITE EXPIRY REASON`,
		good + "a.example failover aws":                             `line 2: "failover" is no word that is known here, only pin is; write: GROUP pin SITE EXPIRY REASON`,
		good + "\na.example pin":                                    `line 3: site, expiry or reason is missing; write: GROUP pin SITE EXPIRY REASON`,
		"a.example pin aws tomorrow x":                              `line 1: expiry "tomorrow" is no time of RFC 3339; write it like 2026-01-31T18:00:00Z or 2026-01-31T18:00:00+01:00`,
		"a.example pin aws 2026-11-22T18:00:00 x":                   `line 1: expiry "2026-11-22T18:00:00" is no time of RFC 3339; write it like 2026-01-31T18:00:00Z or 2026-01-31T18:00:00+01:00`,
		"a.example pin aws 2026-11-22T18:00:00Z":                    `line 1: the reason is missing: whoever finds the file wants to know why; write: GROUP pin SITE EXPIRY REASON`,
		good + "AUTH.example.com. pin azure 2026-11-22T18:00:00Z y": `line 2: group "auth.example.com" has a line already, line 1; keep one of them`,
		"a.example pin aws 2026-11-22T18:00:00Z \x1b[31mred":        `line 1: it has the character '\x1b', which cannot be shown; write the file as plain text`,
		"a.example pin aws 2026-11-22T18:00:00Z \xff":               `line 1: it is no UTF-8; write the file as plain text`,
		strings.Repeat("#\n", maxSize):                              `it is 524288 bytes long, and at most 262144 are read; is it the right file?`,
	} {
		pins, err := Parse(text)
		if err == nil || err.Error() != want || pins != nil {
			t.Errorf("%.60q:\ngot  %v, %v\nwant %s", text, pins, err, want)
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add("all pin aws 2026-11-22T18:00:00Z x\n# y\n")
	f.Fuzz(func(t *testing.T, text string) {
		pins, err := Parse(text)
		if err != nil {
			return
		}
		for _, p := range pins {
			if again, err := Parse(p.String()); err != nil || len(again) != 1 || again[0].Site != p.Site || !again[0].Expires.Equal(p.Expires.Truncate(time.Second)) {
				t.Errorf("%q gave %+v, whose line reads as %+v, %v", text, p, again, err)
			}
		}
	})
}

func pin(group, site string) Pin {
	return Pin{Group: group, Site: site, Expires: time.Now().Add(time.Hour).Truncate(time.Second), Reason: "x"}
}

func content(t *testing.T, dir string) string {
	t.Helper()
	text, err := Read(dir)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

func TestSetReplacesItsGroupsLineAndKeepsAllElse(t *testing.T) {
	dir := t.TempDir()
	a, b, c := pin("a.example", "aws"), pin("b.example", "aws"), pin("a.example", "azure")
	for _, p := range []Pin{a, b} {
		if err := Set(dir, p, time.Now()); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(Path(dir), []byte("# by hand\r\n"+content(t, dir)+"\n\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := Set(dir, c, time.Now()); err != nil {
		t.Fatal(err)
	}
	if got, want := content(t, dir), "# by hand\n"+c.String()+"\n"+b.String()+"\n"; got != want {
		t.Errorf("got\n%swant\n%s", got, want)
	}
	if cleared, err := Clear(dir, "A.example."); err != nil || len(cleared) != 1 || cleared[0].Site != "azure" {
		t.Errorf("Clear gave %v, %v", cleared, err)
	}
	if got, want := content(t, dir), "# by hand\n"+b.String()+"\n"; got != want {
		t.Errorf("got\n%swant\n%s", got, want)
	}
	if files, _ := filepath.Glob(filepath.Join(dir, "*")); len(files) != 1 {
		t.Errorf("it left %v", files)
	}
}

func TestSetAndClearRefuseWithoutTouchingTheFile(t *testing.T) {
	dir := t.TempDir()
	past, twoWords, noReason := pin("a.example", "aws"), pin("a.example", "aws west"), pin("a.example", "aws")
	past.Expires, noReason.Reason = time.Now().Add(-time.Hour), ""
	lines := pin("a.example", "aws")
	lines.Reason = "x\nb.example pin aws 2036-11-22T18:00:00Z y"
	for _, p := range []Pin{past, twoWords, noReason, lines} {
		if err := Set(dir, p, time.Now()); err == nil {
			t.Errorf("%+v was written", p)
		}
	}
	if _, err := Clear(dir, "a.example"); !errors.Is(err, ErrNoLine) {
		t.Errorf("clearing what is not there: %v", err)
	}
	if _, err := Clear(dir, All); !errors.Is(err, ErrNoLine) {
		t.Errorf("clearing nothing: %v", err)
	}
	if _, err := os.Stat(Path(dir)); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("a refusal made a file: %v", err)
	}
	if err := Set(filepath.Join(dir, "nowhere"), pin("a.example", "aws"), time.Now()); err == nil || !strings.Contains(err.Error(), "there is no data directory") {
		t.Errorf("got %v", err)
	}
}

func TestInvalidFileIsLeftAloneButForClearAll(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(Path(dir), []byte("broken\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	want := `the emergency file ` + Path(dir) + ` is not valid and stays as it is: line 1: "broken" is all there is; write: GROUP pin SITE EXPIRY REASON; mend it, or remove it with: failoverctl local clear all --data ` + dir
	if err := Set(dir, pin("a.example", "aws"), time.Now()); err == nil || err.Error() != want {
		t.Errorf("got %v\nwant %s", err, want)
	}
	if content(t, dir) != "broken\n" {
		t.Error("the file changed")
	}
	if _, err := Clear(dir, All); err != nil {
		t.Fatal(err)
	}
	if content(t, dir) != "" {
		t.Error("the file is still there")
	}
}
