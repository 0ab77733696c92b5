package server

import (
	"flag"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"
	"time"

	file "failoverdns/emergency"
	"failoverdns/health"
	"failoverdns/node"
	"failoverdns/probes"
	"failoverdns/raftstore"
	"failoverdns/record"
	"failoverdns/state"
)

var update = flag.Bool("update", false, "write the golden files anew; then read the difference")

// scenes are the situations that a person sees in failoverctl; its tests read the answers written here.
var scenes = map[string]func(t *testing.T) *world{
	"healthy":     declared,
	"failed-over": failedOver,
	"returning": func(t *testing.T) *world {
		w := newWorld(t)
		w.must(&state.Declare{Node: "ns1", Incarnation: "i-ns1", Declarations: []*state.Declaration{declaration(health.Failback{Mode: health.FailbackAfter, After: 10 * time.Minute})}})
		w.probing()
		w.pass(2 * time.Hour)
		w.fail(azure)
		w.pass(5 * time.Minute)
		w.vote(azure, health.Up, "", "")
		w.pass(time.Minute)
		return w
	},
	"overridden": func(t *testing.T) *world {
		w := declared(t)
		w.must(&state.SetOverride{Scope: state.ScopeSite, Target: "azure", Word: state.ForceDown, Reason: "disk replacement", For: 24 * time.Hour})
		w.must(&state.SetOverride{Scope: state.ScopeNode, Target: "ns3", Word: state.Mute, Reason: "its uplink flaps", For: 0})
		w.pass(10 * time.Minute)
		return w
	},
	"pinned": func(t *testing.T) *world {
		w := declared(t)
		w.must(&state.SetPin{Group: "auth.example.com", Site: "aws", Reason: "cost test", For: time.Hour})
		w.pass(5 * time.Minute)
		return w
	},
	"pin-yields": func(t *testing.T) *world {
		w := declared(t)
		w.must(&state.SetPin{Group: "auth.example.com", Site: "aws", Reason: "cost test", For: time.Hour})
		w.pass(5 * time.Minute)
		w.fail(aws)
		w.pass(time.Minute)
		return w
	},
	"switched": switched,
	"drill":    drilling,

	"maintenance": maintained,
	"ends-soon": func(t *testing.T) *world {
		w := declared(t)
		w.must(&state.SetOverride{Scope: state.ScopeSite, Target: "azure", Word: state.ForceDown, Reason: "disk replacement", For: 14 * time.Minute})
		w.pass(4 * time.Minute)
		w.lost["ns3"] = true
		return w
	},
	"no-quorum": func(t *testing.T) *world {
		w := failedOver(t)
		w.status.Leader, w.status.Raft, w.status.Quorum, w.status.StateAge = "", "candidate", false, 3*time.Minute
		w.lost["ns2"], w.lost["ns3"] = true, true
		return w
	},
	"no-leader": func(t *testing.T) *world {
		w := failedOver(t)
		w.status.Leader, w.status.Raft, w.status.Quorum = "", "follower", false
		return w
	},
	"disk-fault": func(t *testing.T) *world {
		w := declared(t)
		w.status.Leader, w.status.Raft, w.status.Quorum = "", "", false
		w.status.Phase, w.status.Detail = raftstore.PhaseFault, "write log entries: no space left on device"
		return w
	},
	"emergency": emergency,
	"certificate": func(t *testing.T) *world {
		w := declared(t)
		w.status.CertExpiry = start.Add(w.clock + 9*24*time.Hour)
		return w
	},
	"certificate-over": func(t *testing.T) *world {
		w := declared(t)
		w.status.CertExpiry = start.Add(w.clock - time.Hour)
		return w
	},
	"webhooks": hooked,
	"no-quorum-local": func(t *testing.T) *world {
		w := alone(t, state.NoQuorum{Mode: state.NoQuorumLocal, After: time.Minute})
		key := state.ZoneKey(record.MustParseName("auth.example.com"))
		w.words = state.Local{Counts: map[string]map[string]health.Verdict{key: {azure: health.VerdictDown, aws: health.VerdictUp}}, Seen: map[string]bool{aws: true}, Clock: w.clock, Wall: start.Add(w.clock)}
		w.peer["ns1"] = &node.Report{ID: "ns1", Reachable: true, Version: "1.0.0", Index: w.st.Index, Hash: 0x3664c66ac81a1def, StateAge: 3 * time.Minute,
			Active: map[string]string{"auth.example.com": "aws"}, Rules: map[string]string{"auth.example.com": state.RuleLocal}}
		w.local.Modes[0].Own = map[string]health.Opinion{azure: health.Down, aws: health.Up}
		return w
	},
	"no-quorum-refuse": func(t *testing.T) *world {
		return alone(t, state.NoQuorum{Mode: state.NoQuorumRefuse, After: 2 * time.Minute})
	},
	"emergency-invalid": func(t *testing.T) *world {
		w := declared(t)
		w.local.Invalid = `/var/lib/failoverdns/emergency: line 2: expiry "tomorrow" is no time of RFC 3339; write it like 2026-01-31T18:00:00Z or 2026-01-31T18:00:00+01:00; until it is mended none of its lines has effect (failoverctl local clear all --data /var/lib/failoverdns removes it)`
		return w
	},
	"all-down": func(t *testing.T) *world {
		w := failedOver(t)
		w.fail(aws)
		w.pass(30 * time.Second)
		return w
	},
	"drift": func(t *testing.T) *world {
		w := declared(t)
		d := declaration(health.Failback{Mode: health.FailbackManual})
		d.Source = "Corefile:7"
		w.must(&state.Declare{Node: "ns2", Incarnation: "i-ns2", Declarations: []*state.Declaration{d}})
		w.pass(time.Minute)
		return w
	},
	"diverged": func(t *testing.T) *world {
		w := declared(t)
		w.peer["ns3"] = &node.Report{ID: "ns3", Reachable: true, Version: "1.0.0", Index: w.st.Index, Hash: 1, Active: map[string]string{"auth.example.com": "aws"}}
		return w
	},
	"removed": removed,
	"removed-witness": func(t *testing.T) *world {
		w := removed(t)
		w.status.Silent = true
		return w
	},
	"starting": func(t *testing.T) *world {
		w := newWorld(t)
		w.st = state.New()
		w.status = node.Status{ID: "ns1", Version: "1.0.0", NotReady: "waiting for ns2, ns3", Status: raftstore.Status{Phase: raftstore.PhaseWaiting, Detail: "waiting for ns2, ns3",
			Waiting: []raftstore.Wait{{ID: "ns2", Why: "connection refused"}, {ID: "ns3", Why: "connection refused"}}}}
		return w
	},
}

// removed is ns1 after it was taken out: the last that it heard is its removal, and nobody speaks to it.
func removed(t *testing.T) *world {
	w := declared(t)
	w.must(&state.ChangeMember{Op: "remove", Node: "ns1", Reason: "its machine is retired"})
	e := w.st.Removal("ns1")
	w.pass(4 * time.Minute)
	w.status.Phase, w.status.Detail = raftstore.PhaseRemoved, "the cluster does not list this node any more; it answers with what it had"
	w.status.Removed = &raftstore.Removal{At: e.Wall, Index: e.Index, Author: e.Author, Reason: e.Reason}
	w.status.Leader, w.status.Raft, w.status.Quorum, w.status.StateAge = "", "follower", false, 4*time.Minute
	w.status.Ready, w.status.NotReady = false, "removed: "+w.status.Detail
	w.lost["ns2"], w.lost["ns3"] = true, true
	return w
}

// emergency has ns1 answer by its emergency file, one line of which names what is not there.
func emergency(t *testing.T) *world {
	w := declared(t)
	till := start.Add(w.clock + 6*time.Hour)
	w.words = state.Local{Pins: map[string]string{"auth.example.com": "aws"}, Clock: w.clock, Wall: start.Add(w.clock)}
	w.local.Data = "/var/lib/failoverdns"
	w.local.Emergency = []node.Emergency{
		{Pin: file.Pin{Line: 2, Group: "auth.example.com", Site: "aws", Expires: till, Reason: "azure is on fire, ticket 4711"}, Groups: []string{"auth.example.com"}},
		{Pin: file.Pin{Line: 3, Group: "shop.example.com", Site: "aws", Expires: till, Reason: "likewise"}, Vain: `there is no group "shop.example.com"; failoverctl status lists them`},
	}
	w.peer["ns1"] = &node.Report{ID: "ns1", Reachable: true, Version: "1.0.0", Index: w.st.Index, Hash: 0x3664c66ac81a1def,
		Active: map[string]string{"auth.example.com": "aws"}, Rules: map[string]string{"auth.example.com": state.RuleEmergency}}
	return w
}

// alone has ns1 without a leader for longer than its zone's no-quorum rule waits.
func alone(t *testing.T, rule state.NoQuorum) *world {
	w := declared(t)
	w.status.Leader, w.status.Raft, w.status.Quorum, w.status.StateAge = "", "candidate", false, 3*time.Minute
	w.lost["ns2"], w.lost["ns3"] = true, true
	if rule.Mode == state.NoQuorumRefuse {
		w.peer["ns1"] = &node.Report{ID: "ns1", Reachable: true, Version: "1.0.0", Index: w.st.Index, Hash: 0x3664c66ac81a1def, StateAge: 3 * time.Minute,
			Active: map[string]string{"auth.example.com": "azure"}, Rules: map[string]string{"auth.example.com": node.RuleRefuse}}
	}
	w.local = node.Local{Silence: 3 * time.Minute, Modes: []node.Mode{{Zone: "auth.example.com", Rule: rule, Since: start.Add(w.clock - 3*time.Minute + rule.After)}}}
	return w
}

func failedOver(t *testing.T) *world {
	w := declared(t)
	w.fail(azure)
	w.pass(90 * time.Second)
	w.latest[azure] = node.Latest{Vote: health.Down, Failures: 3, Results: []probes.Result{
		{Started: start.Add(w.clock), Duration: 4 * time.Second, Outcome: health.Failure, Reason: health.Timeout, Detail: "no answer within 4s"},
		{Started: start.Add(w.clock - 10*time.Second), Duration: 4 * time.Second, Outcome: health.Failure, Reason: health.Timeout, Detail: "no answer within 4s"},
		{Started: start.Add(w.clock - 2*time.Minute), Duration: 31 * time.Millisecond, Outcome: health.Success, Detail: "200 OK"},
	}}
	return w
}

// TestScenesAnswerAsRecorded holds the status of each scene, and all other reads of one, against testdata.
func TestScenesAnswerAsRecorded(t *testing.T) {
	for name, scene := range scenes {
		h := scene(t).server().Handler()
		golden(t, h, "status-"+name, "/v1/status")
	}
	h := failedOver(t).server().Handler()
	for file, path := range map[string]string{
		"sites": "/v1/sites", "checks": "/v1/checks", "votes": "/v1/votes?endpoint=" + azure, "overrides-none": "/v1/overrides",
		"explain-steered": "/v1/explain?name=login.auth.example.com", "explain-nxdomain": "/v1/explain?name=nothing.auth.example.com&type=AAAA",
		"events": "/v1/events?limit=6", "incidents": "/v1/incidents", "incident": "/v1/incidents?id=1", "members": "/v1/members", "config": "/v1/config?settings",
		"role": "/v1/sites/aws/role",
	} {
		golden(t, h, file, path)
	}
	golden(t, emergency(t).server().Handler(), "explain-emergency", "/v1/explain?name=login.auth.example.com")
	golden(t, scenes["no-quorum-local"](t).server().Handler(), "explain-no-quorum-local", "/v1/explain?name=login.auth.example.com")
	golden(t, scenes["no-quorum-refuse"](t).server().Handler(), "explain-no-quorum-refuse", "/v1/explain?name=login.auth.example.com")
	golden(t, drilled(t).server().Handler(), "drills", "/v1/drills")
	golden(t, drilled(t).server().Handler(), "drill", "/v1/drills?id=1")
	golden(t, maintained(t).server().Handler(), "maintenance", "/v1/maintenance")
	golden(t, maintained(t).server().Handler(), "overrides-maintenance", "/v1/overrides")
	golden(t, switched(t).server().Handler(), "switches", "/v1/switches")
	golden(t, switched(t).server().Handler(), "explain-switched", "/v1/explain?name=login.auth.example.com")
	golden(t, scenes["overridden"](t).server().Handler(), "overrides", "/v1/overrides")
	golden(t, scenes["pinned"](t).server().Handler(), "overrides-pinned", "/v1/overrides")
	golden(t, scenes["drift"](t).server().Handler(), "config-drift", "/v1/config?settings")
	golden(t, uneven(t).server().Handler(), "members-diverged", "/v1/members")
	golden(t, removed(t).server().Handler(), "members-removed", "/v1/members")
	golden(t, hooked(t).server().Handler(), "webhooks", "/v1/webhooks")
	golden(t, audited(t).server().Handler(), "audit", "/v1/audit?author=ben@ops&limit=4")
}

func golden(t *testing.T, h http.Handler, file, path string) {
	t.Helper()
	w := get(h, path)
	if w.Code != http.StatusOK {
		t.Errorf("%s: HTTP status %d: %s", path, w.Code, w.Body)
		return
	}
	compare(t, filepath.Join("testdata", file+".json"), w.Body.Bytes())
}

func compare(t *testing.T, path string, got []byte) {
	t.Helper()
	if *update {
		if err := os.WriteFile(path, got, 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatalf("%v (go test -update writes it)", err)
	}
	if string(got) != string(want) {
		t.Errorf("%s differs; go test -update writes it anew.\ngot:\n%s", path, got)
	}
}

func get(h http.Handler, path string) *httptest.ResponseRecorder {
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "http://127.0.0.1:8053"+path, nil))
	return w
}
