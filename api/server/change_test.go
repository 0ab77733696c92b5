package server

import (
	"fmt"
	"net/http"
	"testing"
	"time"

	"failoverdns/api"
	"failoverdns/health"
	"failoverdns/record"
	"failoverdns/state"
)

// TestAnswersStaySmallWithAHundredThousandNames: a status and the answer to a write list some names of each cell, and
// count the others. A status lists all where that is asked for.
func TestAnswersStaySmallWithAHundredThousandNames(t *testing.T) {
	const names = 100_000
	w := newWorld(t)
	d := declaration(health.Failback{Mode: health.FailbackAuto})
	cell := &d.Groups[0].Cells[0]
	for i := len(cell.Names); i < names; i++ {
		cell.Names = append(cell.Names, record.MustParseName(fmt.Sprintf("n%d.auth.example.com", i)))
	}
	w.must(&state.Declare{Node: "ns1", Incarnation: "i-ns1", Declarations: []*state.Declaration{d}})
	w.probing()
	h := w.server().Handler()
	for path, listed := range map[string]int{"/v1/status": api.StatusNames, "/v1/status?names": names} {
		if c := decoded[api.Status](t, ask(h, "GET", path, "")).Groups[0].Cells[0]; len(c.Names) != listed || len(c.Names)+c.More != names {
			t.Errorf("%s: %d names and %d more", path, len(c.Names), c.More)
		}
	}
	for _, path := range []string{"/v1/pins?plan", "/v1/pins"} {
		got := ask(h, "PUT", path, `{"author":"ana","reason":"r","group":"auth.example.com","site":"aws","for":"10m"}`)
		if got.Code != http.StatusOK || got.Body.Len() > 20_000 {
			t.Fatalf("%s: HTTP status %d, %d bytes", path, got.Code, got.Body.Len())
		}
		a := decoded[api.Written](t, got)
		for _, cells := range [][]api.Cell{a.Changes[0].Before, a.Changes[0].After} {
			if c := cells[0]; len(c.Names) != api.MaxNames || len(c.Names)+c.More != names || len(c.A) == 0 {
				t.Errorf("%s: %d names and %d more answer %v", path, len(c.Names), c.More, c.A)
			}
		}
	}
}

// TestWriteSaysWhenCachesAreClear: by the TTL that the older answers had, from the commit on; a plan gives the TTL alone.
func TestWriteSaysWhenCachesAreClear(t *testing.T) {
	w := declared(t)
	h := w.server().Handler()
	const pin = `{"author":"ana","reason":"r","group":"auth.example.com","site":"aws","for":"10m"}`
	if c := decoded[api.Written](t, ask(h, "PUT", "/v1/pins?plan", pin)).Changes[0]; c.TTL != 60 || c.Clear != nil {
		t.Errorf("a plan: TTL %d, clear at %v", c.TTL, c.Clear)
	}
	want := start.Add(w.clock + time.Minute)
	if c := decoded[api.Written](t, ask(h, "PUT", "/v1/pins", pin)).Changes[0]; c.TTL != 60 || c.Clear == nil || !c.Clear.Equal(want) {
		t.Errorf("done: TTL %d, clear at %v, want %s", c.TTL, c.Clear, want)
	}
}
