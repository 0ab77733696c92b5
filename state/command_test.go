package state

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"net/netip"
	"reflect"
	"strings"
	"testing"
	"time"

	"failoverdns/health"
	"failoverdns/record"
)

// filled is one command of each kind, no field at its zero value that the wire must carry.
func filled() map[kind]Body {
	name := record.MustParseName("a.example")
	return map[kind]Body{
		kindAnnounce:     &Announce{ID: "ns1", Incarnation: "i", Role: Witness, Probe: true, Version: "1", Admin: "https://ns1:8053"},
		kindSessionOpen:  &SessionOpen{Node: "ns1", Interval: time.Second, Boot: "b"},
		kindSessionClose: &SessionClose{Node: "ns1", Interval: time.Second, Number: 1 << 60, Recount: true},
		kindVotes:        &Votes{Node: "ns1", Votes: []Cast{{"e", 7, 8, health.Down, health.Refused, "no one listens", time.Second}}},
		kindDeclare:      &Declare{Node: "ns1", Incarnation: "i", Declarations: []*Declaration{{Zone: name, Source: "Corefile:1", Sets: []record.Set{{Name: name, Type: record.TXT, TTL: 60, Data: [][]byte{{0, 255}}}}, Sites: []SiteDecl{{Name: "azure", Addresses: []netip.Addr{netip.MustParseAddr("2001:db8::1")}}}}}},
		kindOverride:     &SetOverride{Scope: ScopeSite, Target: "azure", Word: ForceDown, Reason: "<works>", For: time.Hour, Force: true},
		kindSwitches:     &SetSwitches{Changes: []SwitchChange{{"azure", true}}, Reason: "r", Force: true, BreakGlass: true},
		kindDrill:        &StartDrill{Group: "a.example", Site: "aws", For: time.Hour, Reason: "r"},
		kindAbortDrill:   &AbortDrill{Drill: 7, Reason: "r"},
		kindMeasureDrill: &MeasureDrill{Drill: 7, Ended: true, Times: []DrillTime{{"ns1", true, 1, 2, 3, "e"}}},
		kindTimedDrill:   &ScheduledDrill{Group: "a.example", Schedule: DrillDecl{"sunday", true, 240, "aws", time.Hour}, Occurrence: 9, Late: time.Second},
		kindPlanWindow:   &PlanWindow{Scope: ScopeSite, Target: "azure", Word: ForceDown, Reason: "r", At: time.Date(2026, 1, 1, 2, 3, 4, 0, time.UTC), In: time.Hour, For: time.Hour, Force: true, BreakGlass: true},
		kindCancelWindow: &CancelWindow{Window: 7, Reason: "r"},
		kindClear:        &ClearOverride{Scope: ScopeSite, Target: "azure", Reason: "done", Force: true},
		kindDue:          &Due{},
		kindPin:          &SetPin{Group: "a.example", Site: "azure", Reason: "r", For: time.Hour, Force: true},
		kindUnpin:        &Unpin{Group: "a.example", Reason: "r"},
		kindFailback:     &EndHold{Group: "a.example", Reason: "r"},
		kindAdopt:        &Adopt{Node: "ns1", Zone: name},
		kindStage:        &Stage{Chunk{"u", 3, []byte{0, 255}}, 7},
		kindComplete:     &Complete{Upload: "u", Length: 7, Type: kindDue},
		kindResolved:     &Resolved{Target: name, Addresses: []netip.Addr{netip.MustParseAddr("192.0.2.1")}},
		kindDelivered:    &Delivered{Webhook: "pager", Through: 9, Sent: 2, Lost: 1, Error: "status 500"},
		kindMeasured:     &Measured{At: 7, Nodes: []Measure{{Node: "ns1", Leader: true, Commit: 1, Apply: 2, Swapped: 3, Proposed: 4, Error: "e"}}},
		kindWebhookGone:  &ForgetWebhook{Webhook: "pager", Reason: "r"},
		kindNote:         &Note{Action: "member-remove", Target: "ns3", Reason: "r", Force: true, Outcome: OutcomeDone, Text: "t"},
		kindAdmit:        &Admit{Node: "ns4", Incarnation: "i4", Address: "192.0.2.4:5300", Role: Witness, Token: "aaaaaaaa", Hash: hashOf("x"), Level: 2},
		kindChangeMember: &ChangeMember{Op: "remove", Node: "ns3", Reason: "its disk died", Force: true},
		kindRecords:      &ChangeRecords{Zone: name, Reason: "r", Changes: []RecordChange{{Verb: RecordsAdd, Name: name, Type: record.TXT, TTL: new(uint32), Data: [][]byte{{1, 'x'}}, Version: new(uint64)}}},
		kindCreateZone:   &CreateZone{Zone: name, SOA: SOA{TTL: 60, MName: name, RName: name, Refresh: 1, Retry: 1, Expire: 1, Minimum: 1}, Sets: []record.Set{{Name: name, Type: record.NS, TTL: 60, Data: [][]byte{[]byte(name)}}}, Replace: true, Reason: "r"},
		kindDeleteZone:   &DeleteZone{Zone: name, Reason: "r", Force: true},
		kindWithdraw:     &Withdraw{Node: "ns1", Incarnation: "i", Zones: []record.Name{name}},
		kindExtend:       &Extend{Scope: ScopeNode, Target: "ns1", For: time.Hour},
		kindTokenCreate:  &TokenCreate{ID: "aaaaaaaa", Kind: TokenAPI, Name: "ann", Hash: hashOf("x"), Role: "read", Zones: []record.Name{name}, OneUse: true, For: time.Hour, Reason: "r"},
		kindTokenRevoke:  &TokenRevoke{ID: "aaaaaaaa", Reason: "r"},
		kindTokenUse:     &TokenUse{ID: "aaaaaaaa", Hash: hashOf("x"), By: "ns1/i"},
		kindRestore:      &Restore{State: []byte{31, 0}, Source: "s", Reason: "r", Force: true},
		kindRaise:        &Raise{Level: 2, Cluster: "c"},
	}
}

func TestEachCommandSurvivesTheWire(t *testing.T) {
	all := filled()
	for k := range bodies {
		body, ok := all[k]
		if !ok {
			t.Errorf("kind %d has no sample here", k)
			continue
		}
		c := Command{Header{Clock: time.Hour, Wall: time.Date(2026, 1, 1, 0, 0, 0, 1, time.UTC), ID: "r1", Author: "ann", Node: "ns2"}, body}
		b, err := c.Encode()
		if err != nil {
			t.Fatal(err)
		}
		if b[0] != 1 || kind(b[1]) != k {
			t.Errorf("kind %d is written as format %d, type %d", k, b[0], b[1])
		}
		if got, err := DecodeCommand(b); err != nil || !reflect.DeepEqual(got, c) {
			t.Errorf("kind %d: %+v became %+v (%v)", k, c, got, err)
		}
	}
}

// TestWireIsFixed: these bytes stand in logs, so a later version must read them just so.
func TestWireIsFixed(t *testing.T) {
	c := Command{Header{Clock: time.Second, ID: "r1", Author: "ann", Node: "ns1"}, &SetOverride{Scope: ScopeSite, Target: "azure", Word: ForceDown, Reason: "r", For: time.Hour}}
	b, err := c.Encode()
	if want := "\x01\x06" + `{"clock":1000000000,"id":"r1","author":"ann","node":"ns1","body":{"scope":"site","target":"azure","word":"down","reason":"r","for":3600000000000}}`; err != nil || string(b) != want {
		t.Errorf("got %q (%v)\nwant %q", b, err, want)
	}
}

func TestUnknownCommandIsToldFromDamagedOne(t *testing.T) {
	for _, c := range []struct {
		bytes   string
		unknown bool
	}{
		{"", false}, {"\x01", false}, {"\x01\x08", false}, {"\x01\x08{}", false}, {"\x01\x08{\"body\":", false}, {"\x01\x04{\"body\":7}", false},
		{"\x02\x08{\"body\":{}}", true}, {"\x00\x08{\"body\":{}}", true}, {"\x01\x00{\"body\":{}}", true}, {"\x01\xff{\"body\":{}}", true},
		{"\x01\x0f{\"body\":{\"type\":255}}", true},
	} {
		_, err := DecodeCommand([]byte(c.bytes))
		if err == nil || errors.Is(err, ErrUnknownCommand) != c.unknown {
			t.Errorf("%q: %v; unknown should be %v", c.bytes, err, c.unknown)
		}
	}
}

// TestTooLargeZoneIsRefusedByName: a zone file may be larger than what travels in chunks.
func TestTooLargeZoneIsRefusedByName(t *testing.T) {
	d := &Declaration{Zone: record.MustParseName("big.example"), Source: "Corefile:7"}
	data := bytes.Repeat([]byte("x"), 60<<10)
	for i := range 1800 {
		d.Sets = append(d.Sets, record.Set{Name: record.MustParseName(fmt.Sprintf("n%d.big.example", i)), Type: record.TXT, TTL: 60, Data: [][]byte{data}})
	}
	_, _, err := Command{Body: &Declare{Declarations: []*Declaration{d}}}.Split(1)
	if !errors.Is(err, ErrTooLarge) || !strings.Contains(err.Error(), "zone big.example (Corefile:7) is ") || !strings.Contains(err.Error(), "split it") {
		t.Errorf("got %v", err)
	}
	_, _, err = Command{Body: &Declare{Declarations: []*Declaration{d, {Zone: record.MustParseName("small.example"), Source: "Corefile:9"}}}}.Split(1)
	if !errors.Is(err, ErrTooLarge) || !strings.Contains(err.Error(), "zones big.example (Corefile:7), small.example (Corefile:9) changed together are ") {
		t.Errorf("got %v", err)
	}
	_, err = Command{Body: &Unpin{Reason: strings.Repeat("x", MaxCommand)}}.Encode()
	if !errors.Is(err, ErrTooLarge) {
		t.Errorf("got %v", err)
	}
}

// TestDigestLeavesTheSourceOut: a block that moved within its file is the same.
func TestDigestLeavesTheSourceOut(t *testing.T) {
	a, b := Declaration{Zone: record.MustParseName("a.example"), Source: "Corefile:1"}, Declaration{Zone: record.MustParseName("a.example"), Source: "Corefile:9"}
	if a.Digest() != b.Digest() {
		t.Error("the source is in the digest")
	}
	if b.Agree = "2"; a.Digest() == b.Digest() {
		t.Error("agree is not in the digest")
	}
}

// TestRefusedCommandChangesNothing but index, clock, wall time and hash.
func TestRefusedCommandChangesNothing(t *testing.T) {
	s := sample(t)
	next, res := s.Apply(s.Index+1, Command{Header{Clock: time.Hour}, &SetOverride{Scope: ScopeSite, Target: "nosuch", Word: ForceDown}})
	if res.Refusal == nil || res.Refusal.Code != RefusedNotFound || next.Clock != time.Hour || next.Hash == s.Hash {
		t.Fatalf("got %+v", res)
	}
	back := *next
	back.Index, back.Clock, back.Hash = s.Index, s.Clock, s.Hash
	sameBytes(t, "a refusal left something behind", encoded(t, s), encoded(t, &back))
}

// TestClockNeverGoesBack: a command of a leader that lags takes the clock that is reached.
func TestClockNeverGoesBack(t *testing.T) {
	s, _ := New().Apply(1, Command{Header{Clock: time.Hour}, &Due{}})
	s, _ = s.Apply(2, Command{Header{Clock: time.Minute}, &Due{}})
	if s.Clock != time.Hour {
		t.Errorf("the clock went to %s", s.Clock)
	}
}

// TestHistoryIsBounded: what is kept does not grow with time, and numbers go on.
func TestHistoryIsBounded(t *testing.T) {
	s := sample(t)
	for i := range maxEvents + 10 {
		body := Body(&SetOverride{Scope: ScopeSite, Target: "aws", Word: ForceDown, Force: true})
		if i%2 == 1 {
			body = &ClearOverride{Scope: ScopeSite, Target: "aws", Force: true}
		}
		s, _ = s.Apply(s.Index+1, Command{Header{ID: fmt.Sprint("n", i)}, body})
	}
	if s.Events.Len() != maxEvents || s.Incidents.Len() != maxIncidents || s.Requests.Len() != maxRequests || s.requestOrder.Len() != maxRequests {
		t.Errorf("%d events, %d incidents, %d requests, %d in order are kept", s.Events.Len(), s.Incidents.Len(), s.Requests.Len(), s.requestOrder.Len())
	}
	first, _, _ := s.Events.First()
	last, e, _ := s.Events.Last()
	if e.ID <= maxEvents || first != numberKey(e.ID-maxEvents+1) || last != numberKey(e.ID) {
		t.Errorf("events %s to %s are kept, the last is %d", first, last, e.ID)
	}
	if s.Requests.Has("n0") || !s.Requests.Has(fmt.Sprint("n", maxEvents+9)) {
		t.Error("the oldest request is kept, or the newest is not")
	}
	r := reread(t, s)
	r, _ = r.Apply(s.Index+1, Command{Header{ID: "new"}, &Due{}})
	s, _ = s.Apply(s.Index+1, Command{Header{ID: "new"}, &Due{}})
	sameBytes(t, "after a restart another request was forgotten", encoded(t, s), encoded(t, r))
}

// TestBrokenDeclarationsAreRefused: a command that panicked would stop every node at once, and at each start again.
func TestBrokenDeclarationsAreRefused(t *testing.T) {
	for _, body := range []string{
		`{"node":"ns1","incarnation":"i1","declarations":[null]}`,
		`{"node":"ns1","incarnation":"i1","declarations":[{}]}`,
		`{"node":"ns1","incarnation":"i1","declarations":[{"zone":"b.example","sites":[{"name":""}]}]}`,
		`{"node":"ns1","incarnation":"i1","declarations":[{"zone":"b.example","sites":[{"name":"a/b"}]}]}`,
		`{"node":"ns1","incarnation":"i1","declarations":[{"zone":"b.example","sites":[{"name":"x","checks":[{"name":"tcp","check":{"kind":"tcp","port":1}}]}]}]}`,
		`{"node":"ns1","incarnation":"i1","declarations":[{"zone":"b.example","sites":[{"name":"x","checks":[{"name":"a@b"}]}]}]}`,
		`{"node":"ns1","incarnation":"i1","declarations":[{"zone":"b.example","groups":[{"name":"","sites":["azure"]}]}]}`,
		`{"node":"ns1","incarnation":"i1","declarations":[{"zone":"b.example","groups":[{"name":"g","sites":["azure"],"cells":[{"names":["b.example"],"at":[{"site":"azure","addresses":[""]}]}]}]}]}`,
	} {
		c, err := DecodeCommand(fmt.Appendf([]byte{format, byte(kindDeclare)}, `{"body":%s}`, json.RawMessage(body)))
		if err != nil {
			t.Fatal(err)
		}
		s := sample(t)
		if _, res := s.Apply(s.Index+1, c); res.Refusal == nil {
			t.Errorf("%s was taken", body)
		}
	}
}

// FuzzDecodeCommand: no bytes panic, neither in reading nor in applying.
func FuzzDecodeCommand(f *testing.F) {
	for _, body := range filled() {
		b, err := Command{Header{Clock: time.Second, ID: "r"}, body}.Encode()
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
	}
	f.Add([]byte("\x01\x05{\"body\":{\"node\":\"ns1\",\"incarnation\":\"i1\",\"declarations\":[null]}}"))
	f.Add([]byte("\x01\x05{\"body\":{\"node\":\"ns1\",\"declarations\":[{\"zone\":\"b.example\",\"groups\":[{\"name\":\"g\"}]}]}}"))
	s := sample(f)
	f.Fuzz(func(t *testing.T, b []byte) {
		c, err := DecodeCommand(b)
		if err != nil {
			return
		}
		next, _ := s.Apply(s.Index+1, c)
		reread(t, next)
	})
}

// TestRepeatedRequestAdvancesTheClock: it is an entry of the log like any other, though it has no effect.
func TestRepeatedRequestAdvancesTheClock(t *testing.T) {
	c := Command{Header{Clock: time.Minute, ID: "r"}, &Due{}}
	s, first := New().Apply(1, c)
	c.Clock = time.Hour
	s, second := s.Apply(2, c)
	if s.Clock != time.Hour || s.Index != 2 || second.Index != first.Index {
		t.Errorf("clock %s, index %d; the outcome is of %d, the first was of %d", s.Clock, s.Index, second.Index, first.Index)
	}
}
