package state

import (
	"strings"
	"testing"
	"time"
)

// by applies a command as somebody's, through the API of ns2.
func by(s *State, author, request string, b Body) *State {
	h := Header{Clock: s.Clock + time.Second, Wall: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC), ID: request, Author: author, Node: "ns2", Source: "192.0.2.7"}
	next, _ := s.Apply(s.Index+1, Command{h, b})
	return next
}

func lastAudit(t *testing.T, s *State) Audit {
	t.Helper()
	_, a, ok := s.Audits.Last()
	if !ok {
		t.Fatal("nothing is in the audit trail")
	}
	return *a
}

func TestEachWriteIsKeptWithAuthorSourceAndOutcome(t *testing.T) {
	s := by(sample(t), "ann", "r-1", &SetOverride{Scope: ScopeSite, Target: "aws", Word: ForceDown, Reason: "works", For: time.Hour, Force: true})
	got := lastAudit(t, s)
	want := Audit{ID: got.ID, Index: s.Index, Clock: s.Clock, Wall: s.Wall, Author: "ann", Node: "ns2", Source: "192.0.2.7", Request: "r-1",
		Action: "override-set", Target: "site aws down", Reason: "works", Force: true, Outcome: OutcomeDone, Text: got.Text}
	if got != want || !strings.Contains(got.Text, "site aws is forced down for 1h0m0s by ann with --force: works") {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
}

func TestRefusedWriteIsKeptWithTheReasonOfItsRefusal(t *testing.T) {
	s := by(sample(t), "ann", "r-1", &SetPin{Group: "a.example", Site: "nosuch", Reason: "r"})
	if a := lastAudit(t, s); a.Outcome != RefusedNotFound || !strings.Contains(a.Text, "nosuch") || a.Target != "a.example nosuch" || a.Action != "pin-set" {
		t.Errorf("got %+v", a)
	}
}

func TestRepeatedRequestIsInTheTrailOnce(t *testing.T) {
	s := by(sample(t), "ann", "r-1", &Unpin{Group: "a.example"})
	n := s.Audits.Len()
	if s = by(s, "ann", "r-1", &Unpin{Group: "a.example"}); s.Audits.Len() != n {
		t.Errorf("%d entries, then %d", n, s.Audits.Len())
	}
}

func TestWhatNodesDoByThemselvesIsNoWrite(t *testing.T) {
	s := sample(t)
	n := s.Audits.Len()
	for _, b := range []Body{&Due{}, &SessionOpen{Node: "ns1", Interval: 10 * time.Second, Boot: "c"}, &Announce{ID: "ns1", Incarnation: "i1", Role: Voter, Probe: true}} {
		s, _ = s.Apply(s.Index+1, Command{Header{Clock: s.Clock, Node: "ns1"}, b})
	}
	if s.Audits.Len() != n {
		t.Errorf("got %+v", lastAudit(t, s))
	}
}

func TestOffersOfCorefilesAreKeptUnderTheirNode(t *testing.T) {
	var got []string
	for _, a := range sample(t).Audits.All() {
		got = append(got, a.Author+" "+a.Action+" "+a.Target)
	}
	if want := "node:ns1 config-offer a.example|node:ns2 config-offer a.example"; strings.Join(got, "|") != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestNoteIsKeptAsItSays(t *testing.T) {
	s := by(sample(t), "ann", "", &Note{Action: "member-remove", Target: "ns3", Reason: "it burned", Force: true, Outcome: OutcomeDone})
	if a := lastAudit(t, s); a.Action != "member-remove" || a.Target != "ns3" || a.Reason != "it burned" || !a.Force || a.Author != "ann" || a.Source != "192.0.2.7" {
		t.Errorf("got %+v", a)
	}
}

func TestNoteWithoutAuthorOrTooLongIsRefused(t *testing.T) {
	s := sample(t)
	for author, n := range map[string]*Note{
		"":    {Action: "a", Outcome: OutcomeDone},
		"ann": {Action: "a", Outcome: OutcomeDone, Text: strings.Repeat("x", maxNoteText+1)},
		"bob": {Outcome: OutcomeDone},
	} {
		_, res := s.Apply(s.Index+1, Command{Header{Author: author}, n})
		if res.Refusal == nil || res.Refusal.Code != RefusedInvalid {
			t.Errorf("%q: %v", author, res.Refusal)
		}
	}
}

func TestNoteCutToFitIsKept(t *testing.T) {
	long := strings.Repeat("ä", maxNoteText)
	s := by(sample(t), "ann", "", Note{Action: "a", Target: long, Reason: long, Outcome: "unsafe", Text: long}.Fitting())
	if a := lastAudit(t, s); a.Outcome != "unsafe" || len(a.Text) > maxNoteText || !strings.HasSuffix(a.Text, "ä…") {
		t.Errorf("got %+v", a)
	}
}

// TestAuditTrailIsBoundedAndSaysSinceWhen: what is kept does not grow with time, and what was forgotten is not hidden.
func TestAuditTrailIsBoundedAndSaysSinceWhen(t *testing.T) {
	s := sample(t)
	if _, whole := s.AuditBegins(); !whole {
		t.Error("nothing was forgotten yet, and the trail says so")
	}
	before := s.Audits.Len()
	for range maxAudits + 5 - before {
		s = by(s, "ann", "", &Note{Action: "a", Outcome: OutcomeDone})
	}
	_, first, _ := s.Audits.First()
	wall, whole := s.AuditBegins()
	if s.Audits.Len() != maxAudits || first.ID != 6 || whole || wall != first.Wall {
		t.Errorf("%d entries from %d on; whole %v since %s", s.Audits.Len(), first.ID, whole, wall)
	}
	sameBytes(t, "the trail does not survive a snapshot", encoded(t, s), encoded(t, reread(t, s)))
}

func TestLongTextsAreCutBetweenCharacters(t *testing.T) {
	for most := 10; most < 14; most++ {
		if got := cut("ääääääääää", most); len(got) > most || !strings.HasSuffix(got, "ä…") {
			t.Errorf("at %d: %q", most, got)
		}
	}
	if got := cut("short", 10); got != "short" {
		t.Errorf("got %q", got)
	}
}
