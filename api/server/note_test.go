package server

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"failoverdns/api"
)

// TestForbiddenWriteIsInTheTrailUnderWhoeverAskedForIt and a script that tries on does not push all else out of it.
func TestForbiddenWriteIsInTheTrailUnderWhoeverAskedForIt(t *testing.T) {
	g := newGated(t)
	reader := g.stateToken("ben", "read", time.Hour)
	before, began := g.State().Audits.Len(), time.Now()
	for range 3 {
		status, answer := g.asked(g.client(), http.MethodPut, "/v1/pins", `{"author":"x","reason":"r","group":"auth.example.com","site":"aws"}`, reader.Text())
		if status != http.StatusForbidden || !strings.Contains(answer, api.CodeForbidden) {
			t.Fatalf("%d %s", status, answer)
		}
	}
	_, a, _ := g.State().Audits.Last()
	most := 1 + int(time.Since(began)/noteEvery)
	if n := g.State().Audits.Len() - before; n < 1 || n > most || !strings.Contains(a.Author, "ben") || a.Action != "PUT /v1/pins" || a.Outcome != "forbidden" || a.Source != "127.0.0.1" || a.Node != "ns1" {
		t.Errorf("%d entries; the last is %+v", n, a)
	}
	if status, _ := g.asked(g.client(), http.MethodGet, "/v1/status", "", reader.Text()); status != http.StatusOK {
		t.Errorf("a read: %d", status)
	}
	if _, last, _ := g.State().Audits.Last(); last.ID != a.ID {
		t.Error("a read is in the trail")
	}
}

// TestStrangersAreNotInTheTrail: nobody knows who they are, and they could fill it.
func TestStrangersAreNotInTheTrail(t *testing.T) {
	g := newGated(t)
	before := g.State().Audits.Len()
	if status, _ := g.asked(g.client(), http.MethodPut, "/v1/pins", `{}`, "nothing"); status != http.StatusUnauthorized {
		t.Errorf("%d", status)
	}
	if n := g.State().Audits.Len(); n != before {
		t.Errorf("%d entries more", n-before)
	}
}
