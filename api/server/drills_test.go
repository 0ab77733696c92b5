package server

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"failoverdns/health"
	"failoverdns/state"
)

func drilling(t *testing.T) *world {
	w := newWorld(t)
	d := declaration(health.Failback{Mode: health.FailbackManual})
	d.Groups[0].Drills = []state.DrillDecl{{Day: "sunday", First: true, Minute: 240, To: "aws", For: 10 * time.Minute}}
	w.must(&state.Declare{Node: "ns1", Incarnation: "i-ns1", Declarations: []*state.Declaration{d}})
	w.probing()
	w.pass(2 * time.Hour)
	w.must(&state.StartDrill{Group: "auth.example.com", Site: "aws", For: 10 * time.Minute, Reason: "quarterly rehearsal"})
	w.pass(20 * time.Second)
	return w
}

// drilled is a drill that came to its end, and one that was aborted when its site died.
func drilled(t *testing.T) *world {
	w := drilling(t)
	times := []state.DrillTime{{Node: "ns1", Leader: true, Commit: 3120 * time.Microsecond, Apply: 61 * time.Microsecond, Swapped: 3190 * time.Microsecond},
		{Node: "ns2", Apply: 58 * time.Microsecond, Swapped: 4812 * time.Microsecond}, {Node: "ns3", Error: "connect: connection refused"}}
	w.must(&state.MeasureDrill{Drill: 1, Times: times})
	w.pass(9*time.Minute + 40*time.Second)
	w.pass(5 * time.Second)
	w.must(&state.MeasureDrill{Drill: 1, Ended: true, Times: times})
	w.must(&state.StartDrill{Group: "auth.example.com", Site: "aws", For: time.Minute, Reason: "once more"})
	w.pass(3 * time.Second)
	w.fail(aws)
	return w
}

func TestDrillIsStartedAndAbortedThroughTheAPI(t *testing.T) {
	w := declared(t)
	h := w.server().Handler()
	got := ask(h, "POST", "/v1/drills", `{"author":"ana","reason":"r","group":"auth.example.com","site":"aws","for":"10m"}`)
	if got.Code != http.StatusOK || !strings.Contains(got.Body.String(), `"to": "aws"`) {
		t.Fatalf("%d %s", got.Code, got.Body)
	}
	if got := ask(h, "POST", "/v1/drills", `{"author":"ana","reason":"r","group":"auth.example.com","site":"aws","for":"10m"}`); got.Code != http.StatusConflict {
		t.Errorf("a second drill: %d %s", got.Code, got.Body)
	}
	if got := ask(h, "DELETE", "/v1/drills?id=1&author=ana&reason=enough", ""); got.Code != http.StatusOK || !strings.Contains(got.Body.String(), `"to": "azure"`) {
		t.Errorf("%d %s", got.Code, got.Body)
	}
	if got := ask(h, "GET", "/v1/drills?id=9", ""); got.Code != http.StatusNotFound {
		t.Errorf("no such drill: %d %s", got.Code, got.Body)
	}
}
