package raftstore

import (
	"errors"
	"maps"
	"strings"
	"testing"
)

func TestFirstStartDecision(t *testing.T) {
	three := []Peer{{"a", "1:1"}, {"b", "2:1"}, {"c", "3:1"}}
	turned := []Peer{three[2], three[0], three[1]}
	me := hello{ID: "a", Incarnation: "a1", Peers: three}
	blank := func(id string) answer { return answer{hello: hello{ID: id, Incarnation: id + "1", Peers: three}} }
	member := func(id string, known map[string]string) answer {
		return answer{hello: hello{ID: id, Incarnation: id + "1", Peers: three, HasState: true, Known: known}}
	}
	lists := func(peers []Peer) answer { return answer{hello: hello{ID: "b", Incarnation: "b1", Peers: peers}} }
	dead := answer{err: errors.New("connection refused")}
	for _, c := range []struct {
		name string
		b, c answer
		move move
		wait string // in the first wait
	}{
		{"all answer, none has state", blank("b"), blank("c"), moveBootstrap, ""},
		{"the order of the list is nothing", lists(turned), blank("c"), moveBootstrap, ""},
		{"one is missing", blank("b"), dead, moveWait, "connection refused"},
		{"a list is shorter", lists(three[:2]), blank("c"), moveWait, "make them equal"},
		{"a list has another address", lists([]Peer{three[0], {"b", "9:9"}, three[2]}), blank("c"), moveWait, "make them equal"},
		{"one has state and lists me", member("b", map[string]string{"a": "a1"}), blank("c"), moveFollow, ""},
		{"one has state and lists me, the other is dead", dead, member("c", map[string]string{"a": "a1"}), moveFollow, ""},
		{"one has state and does not know me", member("b", nil), blank("c"), moveWait, "does not list this node"},
		{"one knows another disk", member("b", map[string]string{"a": "a0"}), blank("c"), moveWiped, "remove it, then join"},
		{"one knows another disk, the other is dead", member("b", map[string]string{"a": "a0"}), dead, moveWiped, "remove it, then join"},
		{"one is behind and knows another disk, one lists me", member("b", map[string]string{"a": "a0"}), member("c", map[string]string{"a": "a1"}), moveFollow, ""},
		{"without state nobody's word counts", answer{hello: hello{ID: "b", Incarnation: "b1", Peers: three, Known: map[string]string{"a": "a0"}}}, blank("c"), moveBootstrap, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			v := decide(me, map[string]answer{"b": c.b, "c": c.c})
			if v.move != c.move {
				t.Fatalf("move %d, want %d; waits %v", v.move, c.move, v.waits)
			}
			if c.wait != "" && (len(v.waits) == 0 || !strings.Contains(waitList(v.waits), c.wait)) {
				t.Fatalf("waits %v, want %q", v.waits, c.wait)
			}
			if want := map[string]string{"a": "a1", "b": "b1", "c": "c1"}; c.move == moveBootstrap && !maps.Equal(v.genesis, want) {
				t.Fatalf("genesis %v", v.genesis)
			}
		})
	}
}

func TestMissingAnswerIsNoConsent(t *testing.T) {
	me := hello{ID: "a", Incarnation: "a1", Peers: []Peer{{"a", "1:1"}, {"b", "2:1"}}}
	if v := decide(me, nil); v.move != moveWait {
		t.Fatalf("move %d without any answer", v.move)
	}
}
