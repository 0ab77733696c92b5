package node

import (
	"bytes"
	"log/slog"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"failoverdns/state"
)

// journal keeps what several nodes log.
type journal struct {
	mu   sync.Mutex
	text bytes.Buffer // guarded by mu
}

func (j *journal) Write(b []byte) (int, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.text.Write(b)
}

// of gives a node's lines with a text in them.
func (j *journal) of(id, text string) (lines []string) {
	j.mu.Lock()
	defer j.mu.Unlock()
	for line := range strings.Lines(j.text.String()) {
		if strings.Contains(line, " at="+id+" ") && strings.Contains(line, text) {
			lines = append(lines, line)
		}
	}
	return lines
}

const movedLine = "a group moved to another site"

func TestEveryNodeLogsEachMoveOnce(t *testing.T) {
	var j journal
	inBubble(t, func(w *world) {
		w.logs = &j
		for _, id := range three {
			w.start(id)
		}
		w.eventually(2*time.Minute, "every verdict is up", w.verdictsUp)
		w.breakSite("*", "azure")
		w.eventually(detect, "all nodes answer with aws", w.answer(aws, three...))
		w.stop("ns3")
		w.start("ns3")
		w.eventually(time.Minute, "ns3 is ready", func() bool { ok, _ := w.nodes["ns3"].Ready(); return ok })
		w.mendSite("*", "azure")
		w.eventually(failback, "all nodes answer with azure again", w.answer(azure, three...))
	})
	out := regexp.MustCompile(`level=WARN .* group=auth\.example\.com from=azure to=aws why=\S+ decided=\S+ index=\d+ serial=\d+ incident=1\n`)
	back := regexp.MustCompile(`level=WARN .* group=auth\.example\.com from=aws to=azure why=\S+ decided=\S+ index=\d+ serial=\d+\n`)
	for _, id := range three {
		lines := j.of(id, movedLine)
		if len(lines) != 2 || !out.MatchString(lines[0]) || !back.MatchString(lines[1]) {
			t.Errorf("%s logged %q, want the way out and the way back", id, lines)
		}
	}
}

// TestMoveThatCameInASnapshotIsLogged: such a state has no events, and its answers are other ones all the same.
func TestMoveThatCameInASnapshotIsLogged(t *testing.T) {
	before := &state.State{Index: 7}
	before.Groups = before.Groups.With("g", &state.Group{Active: "azure"}).With("h", &state.Group{Active: "azure"})
	after := &state.State{Index: 90}
	after.Groups = before.Groups.With("g", &state.Group{Active: "aws", Rule: "pin"}).With("new", &state.Group{Active: "aws"})
	var j journal
	n := &Node{log: slog.New(slog.NewTextHandler(&j, nil)).With("at", "ns1"), answering: &answering{}, teller: teller{before}}
	n.tellMoves(after, state.Result{Index: 90}, true)
	n.tellMoves(after, state.Result{Index: 90}, true)
	if lines := j.of("ns1", movedLine); len(lines) != 1 || !strings.Contains(lines[0], "group=g from=azure to=aws why=pin ") {
		t.Errorf("logged %q", lines)
	}
}

// TestNewNodeDoesNotLogTheMovesOfLongAgo, through which it passes on its way to the cluster's state.
func TestNewNodeDoesNotLogTheMovesOfLongAgo(t *testing.T) {
	before := &state.State{}
	before.Groups = before.Groups.With("g", &state.Group{Active: "azure"})
	after := &state.State{}
	after.Groups = before.Groups.With("g", &state.Group{Active: "aws"})
	var j journal
	n := &Node{log: slog.New(slog.NewTextHandler(&j, nil)).With("at", "ns1"), answering: &answering{blank: true}, teller: teller{before}}
	n.tellMoves(after, state.Result{Effect: state.Effect{Events: []*state.Event{{Type: "flip", Group: "g"}}}}, false)
	if lines := j.of("ns1", movedLine); len(lines) != 0 {
		t.Errorf("logged %q", lines)
	}
}

func TestRefusedWriteIsLoggedWhereItEntered(t *testing.T) {
	var j journal
	inBubble(t, func(w *world) {
		w.logs = &j
		for _, id := range three {
			w.start(id)
		}
		w.eventually(2*time.Minute, "every verdict is up", w.verdictsUp)
		entered := w.nodes["ns2"]
		c := state.Command{Header: state.Header{Author: "ann", Node: "ns2", Source: "192.0.2.7"}, Body: &state.SetPin{Group: "auth.example.com", Site: "gcp", Reason: "typo"}}
		if res, err := entered.Propose(w.t.Context(), c); err != nil || res.Refusal == nil {
			w.t.Fatalf("%+v, %v", res, err)
		}
		w.stop("ns2")
		w.start("ns2") // it may apply the end of its log anew, and tells nothing twice
		w.eventually(time.Minute, "ns2 is ready", func() bool { ok, _ := w.nodes["ns2"].Ready(); return ok })
	})
	if lines := j.of("ns2", "a write was refused"); len(lines) != 1 || !strings.Contains(lines[0], `level=WARN`) || !strings.Contains(lines[0], `author=ann source=192.0.2.7 action=pin-set target="auth.example.com gcp" outcome=not-found reason=`) {
		t.Errorf("ns2 logged %q", lines)
	}
	if lines := append(j.of("ns1", "a write was refused"), j.of("ns3", "a write was refused")...); len(lines) != 0 {
		t.Errorf("others logged %q", lines)
	}
}
