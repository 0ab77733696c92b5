package state

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"failoverdns/record"
)

func hashOf(secret string) string {
	sum := sha256.Sum256([]byte(secret))
	return hex.EncodeToString(sum[:])
}

func names(bare []string) (out []record.Name) {
	for _, n := range bare {
		out = append(out, record.MustParseName(n))
	}
	return out
}

// showTokens is the directive "tokens".
func (s *State) showTokens() string {
	var b strings.Builder
	for _, k := range s.Tokens.All() {
		fmt.Fprintf(&b, "%s%s by %q at %s ends %s, good %v", k.What(), onlyZones(k.Zones), k.Author, k.Created, k.Expires, k.Good(s.Clock))
		if k.LastUse > 0 {
			fmt.Fprintf(&b, "; used by %s at %s, %d counted", k.UsedBy, k.LastUse, k.Uses)
		}
		if k.End != "" {
			fmt.Fprintf(&b, "; %s by %q at %s", k.End, k.EndedBy, k.Ended)
		}
		b.WriteString("\n")
	}
	return b.String()
}

// token draws creations, ends and uses of two tokens.
func (h *history) token(*State) Body {
	id := h.pick([]string{"aaaaaaaa", "bbbbbbbb"}, "token")
	switch rapid.IntRange(0, 3).Draw(h.t, "token") {
	case 0:
		return &TokenRevoke{ID: id}
	case 1, 2:
		return &TokenUse{ID: id, By: h.pick(someNodes, "by"), Hash: hashOf(h.pick([]string{"right", "wrong"}, "secret"))}
	}
	c := &TokenCreate{ID: id, Kind: TokenAPI, Name: "ann", Role: "read", Hash: hashOf("right"), For: h.forTime()}
	if rapid.Bool().Draw(h.t, "join") {
		c.Kind, c.Role, c.OneUse = TokenJoin, "voter", rapid.Bool().Draw(h.t, "once")
	}
	return c
}

// do applies a command and wants it to be taken.
func do(t *testing.T, s *State, clock Clock, b Body) *State {
	t.Helper()
	next, res := s.Apply(s.Index+1, Command{Header{Clock: clock, Author: "ann"}, b})
	if res.Refusal != nil {
		t.Fatalf("%T: %s", b, res.Refusal)
	}
	return next
}

func create(i int) *TokenCreate {
	return &TokenCreate{ID: fmt.Sprintf("token%05d", i), Kind: TokenAPI, Name: "x", Role: "read", Hash: hashOf(fmt.Sprint(i))}
}

func TestTokensAreBounded(t *testing.T) {
	s := New()
	for i := range MaxTokens {
		s = do(t, s, 0, create(i))
	}
	if _, res := s.Apply(s.Index+1, Command{Body: create(MaxTokens)}); res.Refusal == nil || res.Refusal.Code != RefusedBusy {
		t.Fatalf("token %d: %v", MaxTokens+1, res.Refusal)
	}
	for i := range MaxTokens {
		s = do(t, s, Clock(i)*time.Second, &TokenRevoke{ID: create(i).ID})
	}
	if n := s.Tokens.Len(); n != maxEnded {
		t.Errorf("%d ended tokens are kept, want %d", n, maxEnded)
	}
	if s.Tokens.Has(create(0).ID) || !s.Tokens.Has(create(MaxTokens-1).ID) {
		t.Error("not the latest ended tokens are kept")
	}
	s = do(t, s, s.Clock+endedKept, &Due{})
	if n := s.Tokens.Len(); n != 0 {
		t.Errorf("%d ended tokens are kept for ever", n)
	}
}

func TestTokensCreatedWithNonsenseAreRefused(t *testing.T) {
	for want, change := range map[string]func(*TokenCreate){
		"neither api nor join":  func(c *TokenCreate) { c.Kind = "root" },
		"8 to 32":               func(c *TokenCreate) { c.ID = "A/../b" },
		"no SHA-256":            func(c *TokenCreate) { c.Hash = strings.ToUpper(c.Hash) },
		"none of: read":         func(c *TokenCreate) { c.Role = "voter" },
		"at most 64":            func(c *TokenCreate) { c.Name = strings.Repeat("x", MaxTokenName+1) },
		"zones; at most":        func(c *TokenCreate) { c.Zones = make([]record.Name, MaxTokenZones+1) },
		"not between":           func(c *TokenCreate) { c.For = time.Millisecond },
		"has no name":           func(c *TokenCreate) { c.Name = "" },
		"good for one use":      func(c *TokenCreate) { c.OneUse = true },
		"join token has an end": func(c *TokenCreate) { c.Kind, c.Role = TokenJoin, "voter" },
		"has no zones":          func(c *TokenCreate) { c.Kind, c.Role, c.Zones = TokenJoin, "voter", names([]string{"a.example"}) },
	} {
		c := create(1)
		change(c)
		if s, res := New().Apply(1, Command{Body: c}); res.Refusal == nil || !strings.Contains(res.Refusal.Text, want) || s.Tokens.Len() > 0 {
			t.Errorf("want %q, got %v", want, res.Refusal)
		}
	}
}
