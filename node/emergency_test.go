package node

import (
	"context"
	"os"
	"strings"
	"testing"
	"time"

	"failoverdns/emergency"
	"failoverdns/state"
)

func (w *world) emergencyFile(id, text string) {
	w.t.Helper()
	path := emergency.Path(w.config(id).DataDir)
	if text == "" {
		if err := os.Remove(path); err != nil {
			w.t.Fatal(err)
		}
		return
	}
	if err := os.WriteFile(path, []byte(text+"\n"), 0o644); err != nil {
		w.t.Fatal(err)
	}
}

func inFuture(d time.Duration) string { return time.Now().Add(d).Format(time.RFC3339) }

func hasSuffix(s, suffix string) bool { return strings.HasSuffix(s, suffix) }

func TestEmergencyFileStandsAboveEverythingOnItsNodeAlone(t *testing.T) {
	inWorld(t, three, func(w *world) {
		if _, err := w.nodes["ns1"].Propose(context.Background(), state.Command{Body: &state.SetPin{Group: "auth.example.com", Site: "azure", Force: true}}); err != nil {
			t.Fatal(err)
		}
		before := w.serial("ns1")
		w.emergencyFile("ns1", "# written by hand\n\nauth.example.com pin aws "+inFuture(10*time.Minute)+" call 4711")
		w.eventually(1100*time.Millisecond, "it has effect within a second", w.answer(aws, "ns1"))
		w.holds(time.Minute, "on this node alone", func() bool { return w.answer(aws, "ns1")() && w.answer(azure, "ns2", "ns3")() })
		if w.serial("ns1") != before || w.transfers("ns1")() || !w.transfers("ns2", "ns3")() {
			t.Errorf("serial %d (was %d), transfers of ns1 %v", w.serial("ns1"), before, w.transfers("ns1")())
		}
		for _, r := range w.nodes["ns2"].Reports(context.Background()) {
			want := map[string]string{"ns1": "aws", "ns2": "azure", "ns3": "azure"}[r.ID]
			if r.Active["auth.example.com"] != want || (r.Rules["auth.example.com"] == state.RuleEmergency) != (r.ID == "ns1") {
				t.Errorf("%s reports %v by %v", r.ID, r.Active, r.Rules)
			}
		}
		w.eventually(9*time.Minute, "it ends by this machine's clock", w.answer(azure, three...))
		w.eventually(time.Second, "and the zone may be copied again", w.transfers("ns1"))
		w.sameState()
	})
}

func TestEmergencyFileWorksWithoutQuorumAndInTheFirstAnswerAfterARestart(t *testing.T) {
	inWorld(t, three, func(w *world) {
		w.cutAll()
		time.Sleep(time.Minute)
		w.emergencyFile("ns1", "all pin aws "+inFuture(24*time.Hour)+" azure is on fire")
		w.eventually(2*time.Second, "it has effect", w.answer(aws, "ns1"))
		w.stop("ns1")
		n := w.open("ns1")
		if !answers(n, aws) {
			t.Error("the first answer after the restart is not what the file says")
		}
		w.begin("ns1", n)
		w.holds(time.Minute, "it still has effect", w.answer(aws, "ns1"))
		w.emergencyFile("ns1", "")
		w.eventually(2*time.Second, "taking it away ends it", w.answer(azure, "ns1"))
	})
}

func TestInvalidEmergencyFileIsIgnoredWhole(t *testing.T) {
	inWorld(t, three, func(w *world) {
		good := "auth.example.com pin aws " + inFuture(time.Hour) + " call 4711"
		w.emergencyFile("ns1", good)
		w.eventually(2*time.Second, "it has effect", w.answer(aws, "ns1"))
		w.emergencyFile("ns1", good+"\nshop.example.com pin aws tomorrow call 4711")
		w.eventually(2*time.Second, "its good line has no effect either", w.answer(azure, "ns1"))
		if l := w.nodes["ns1"].Answered().Local; !strings.Contains(l.Invalid, `line 2: expiry "tomorrow" is no time of RFC 3339`) || len(l.Emergency) != 0 {
			t.Errorf("it says of itself %+v", l)
		}
		w.emergencyFile("ns1", good)
		w.eventually(2*time.Second, "mended, it has effect", w.answer(aws, "ns1"))
		if l := w.nodes["ns1"].Answered().Local; l.Invalid != "" {
			t.Errorf("it still says %q", l.Invalid)
		}
	})
}

func TestLineForAnUnknownGroupOrSiteSaysSoAndTheOthersHaveEffect(t *testing.T) {
	inWorld(t, three, func(w *world) {
		till := inFuture(time.Hour)
		w.emergencyFile("ns1", "shop.example.com pin aws "+till+" a\nAUTH.example.com. pin aws "+till+" b\nall pin gcp "+till+" c")
		w.eventually(2*time.Second, "the good line has effect", w.answer(aws, "ns1"))
		l := w.nodes["ns1"].Answered().Local
		if len(l.Emergency) != 3 {
			t.Fatalf("it says of itself %+v", l)
		}
		for i, want := range []string{`there is no group "shop.example.com"; failoverctl status lists them`, "", `no group has a site "gcp"; failoverctl sites lists them`} {
			if l.Emergency[i].Vain != want {
				t.Errorf("line %d: %q, want %q", i+1, l.Emergency[i].Vain, want)
			}
		}
	})
}

func TestEmergencyFileFollowsWhatTheClusterDoesMeanwhile(t *testing.T) {
	inWorld(t, three, func(w *world) {
		w.emergencyFile("ns1", "auth.example.com pin azure "+inFuture(10*time.Minute)+" stay")
		time.Sleep(2 * time.Second)
		if !w.transfers("ns1")() {
			t.Error("transfers are refused though the file changes no answer")
		}
		w.breakSite("*", "azure")
		w.eventually(detect, "the others leave azure", w.answer(aws, "ns2", "ns3"))
		w.eventually(time.Second, "the pinned node, which may hear of it a moment later, lets its zone be copied no more", func() bool { return !w.transfers("ns1")() })
		if !answers(w.nodes["ns1"], azure) {
			t.Error("the pinned node left azure")
		}
		w.eventually(10*time.Minute, "then it follows", w.answer(aws, "ns1"))
		if w.serial("ns1") != w.serial("ns2") {
			t.Errorf("serials %d and %d", w.serial("ns1"), w.serial("ns2"))
		}
	})
}
