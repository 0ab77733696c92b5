package main

import (
	"bytes"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/miekg/dns"

	"failoverdns/api"
)

func TestAnExportedZoneIsAZoneFile(t *testing.T) {
	url := serve(t, &canned{files: map[string]string{"/v1/zones/export": "zone-export"}})
	out, _, _ := ctl(t, url, "zone", "export", "auth.example.com")
	p := dns.NewZoneParser(strings.NewReader(out), ".", "export")
	records := 0
	for _, ok := p.Next(); ok; _, ok = p.Next() {
		records++
	}
	if err := p.Err(); err != nil || records < 3 {
		t.Errorf("%d records, error %v, in\n%s", records, err, out)
	}
}

func TestOnAColourfulTerminalTheLastCellIsPaintedAndForeignTextObeysNobody(t *testing.T) {
	var b bytes.Buffer
	term := &terminal{out: &b, err: io.Discard, colour: true}
	x := term.table("", "NAME", "STANDING")
	x.row("a\tb\x1b[2J\u009b3m", term.paint(yellow, "REFUSED"))
	x.end()
	if want := "\x1b[33mREFUSED\x1b[0m"; !strings.Contains(b.String(), want) {
		t.Errorf("the colour is lost: %q", b.String())
	}
	if rest := strings.NewReplacer("\x1b[33m", "", "\x1b[0m", "").Replace(b.String()); strings.ContainsAny(rest, "\x1b\u009b\t") {
		t.Errorf("control characters get through: %q", rest)
	}
}

func TestTokenHashSaysWhereTheTokenIs(t *testing.T) {
	file := filepath.Join(t.TempDir(), "root.token")
	out, errs, status := ctl(t, "", "token", "hash", "root", "--role", "admin", "--out", file)
	if status != 0 || strings.Count(out, "\n") != 1 || !strings.Contains(errs, file) {
		t.Errorf("exit status %d, out %q, errors %q", status, out, errs)
	}
	if b, err := os.ReadFile(file); err != nil || strings.Contains(out+errs, strings.TrimSpace(string(b))) {
		t.Errorf("the secret is shown, or not kept: %v", err)
	}
}

func TestAnEmptyListOfTokensHasNoHeads(t *testing.T) {
	var b bytes.Buffer
	tokensPage(&terminal{out: &b}, &api.Tokens{Meta: api.Meta{Node: "ns1", At: time.Now()}})
	if !strings.HasPrefix(b.String(), "No tokens.\n") {
		t.Errorf("got %q", b.String())
	}
}

func TestAnEmptyListOfRecordsSaysSo(t *testing.T) {
	var b bytes.Buffer
	recordsPage(&terminal{out: &b}, &api.Records{Meta: api.Meta{Node: "ns1", At: time.Now()}})
	if !strings.HasPrefix(b.String(), "No such record sets.\n") {
		t.Errorf("got %q", b.String())
	}
}

func TestStatusSaysHowManyNamesItDoesNotList(t *testing.T) {
	var b strings.Builder
	groupBlock(&terminal{out: &b}, &api.Group{Cells: []api.Cell{{Names: []string{"a", "b", "c", "d", "e"}, More: 99_995, TTL: 60, A: []string{"192.0.2.1"}}}}, time.Time{})
	if want := "192.0.2.1, TTL 60 s, for a, b, c, d and 99996 more\n"; !strings.Contains(b.String(), want) {
		t.Errorf("%q is not in\n%s", want, b.String())
	}
}
