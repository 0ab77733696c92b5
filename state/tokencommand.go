package state

import (
	"crypto/subtle"
	"fmt"
	"slices"
	"strings"
	"time"

	"failoverdns/record"
)

// TokenCreate brings a token into the state. ID and secret were made before, and the secret stays outside.
type TokenCreate struct {
	ID     string        `json:"id"`
	Kind   TokenKind     `json:"kind"`
	Name   string        `json:"name"`
	Hash   string        `json:"hash"`
	Role   string        `json:"role"`
	Zones  []record.Name `json:"zones,omitempty"` // of an API token: only these; none: all
	OneUse bool          `json:"one_use,omitempty"`
	For    time.Duration `json:"for,omitempty"` // 0: for ever; a join token has an end
	Reason string        `json:"reason,omitempty"`
}

// TokenRevoke ends a token, named by its ID.
type TokenRevoke struct {
	ID     string `json:"id"`
	Reason string `json:"reason,omitempty"`
}

// TokenUse takes a token. Of a join token it is compare and set: where one use is allowed, exactly one By gets it, and
// may come again with its answer lost. Of an API token it only notes the time, at most once in UseEvery.
type TokenUse struct {
	ID   string `json:"id"`
	Hash string `json:"hash,omitempty"` // of the secret that was shown; a join token's must be right
	By   string `json:"by"`             // join: the node's ID and incarnation; api: where it was shown
}

func (*TokenCreate) kind() kind { return kindTokenCreate }
func (*TokenRevoke) kind() kind { return kindTokenRevoke }
func (*TokenUse) kind() kind    { return kindTokenUse }

func (c *TokenCreate) apply(t *txn) *Refusal {
	if r := c.check(); r != nil {
		return r
	}
	switch {
	case t.s.Tokens.Has(c.ID):
		return refuse(RefusedConflict, "there is a token %q already", c.ID)
	case t.s.goodTokens() >= MaxTokens:
		return refuse(RefusedBusy, "there are %d tokens, and at most that many are kept; revoke what is not needed", MaxTokens)
	}
	k := &Token{ID: c.ID, Kind: c.Kind, Name: c.Name, Hash: c.Hash, Role: c.Role, Zones: sortedNames(c.Zones), OneUse: c.OneUse,
		Author: t.h.Author, Reason: c.Reason, Created: t.s.Clock, Wall: t.s.Wall, Expires: t.expiry(c.For)}
	t.s.putToken(k)
	t.event(Event{Type: "token-created", Reason: c.Reason,
		Text: fmt.Sprintf("%s%s was made %s %s%s", k.What(), onlyZones(k.Zones), lasting(c.For), byWhom(t.h.Author), because(c.Reason))})
	return nil
}

func onlyZones(zones []record.Name) string {
	if len(zones) == 0 {
		return ""
	}
	var names []string
	for _, z := range zones {
		names = append(names, z.Bare())
	}
	return " for " + strings.Join(names, ", ")
}

// check refuses what cannot be a token.
func (c *TokenCreate) check() *Refusal {
	roles, known := tokenRoles[c.Kind]
	switch {
	case !known:
		return refuse(RefusedInvalid, "a token of kind %q is neither api nor join", c.Kind)
	case !goodTokenID(c.ID):
		return refuse(RefusedInvalid, "the token ID %.40q is not 8 to 32 lower-case letters and digits", c.ID)
	case !goodHash(c.Hash):
		return refuse(RefusedInvalid, "the hash of token %s is no SHA-256 in lower-case hex", c.ID)
	case !slices.Contains(roles, c.Role):
		return refuse(RefusedInvalid, "the role %q of %s token %s is none of: %s", c.Role, c.Kind, c.ID, strings.Join(roles, ", "))
	case len(c.Name) > MaxTokenName:
		return refuse(RefusedInvalid, "the name of token %s has %d bytes; at most %d", c.ID, len(c.Name), MaxTokenName)
	case len(c.Zones) > MaxTokenZones:
		return refuse(RefusedInvalid, "token %s has %d zones; at most %d", c.ID, len(c.Zones), MaxTokenZones)
	case !goodFor(c.For):
		return badFor("a token", c.For)
	}
	return c.checkKind()
}

func (c *TokenCreate) checkKind() *Refusal {
	switch {
	case c.Kind == TokenAPI && c.Name == "":
		return refuse(RefusedInvalid, "token %s has no name; it is the author of all that is done with it", c.ID)
	case c.Kind == TokenAPI && c.OneUse:
		return refuse(RefusedInvalid, "token %s: only a join token is good for one use", c.ID)
	case c.Kind == TokenJoin && len(c.Zones) > 0:
		return refuse(RefusedInvalid, "token %s: a join token has no zones", c.ID)
	case c.Kind == TokenJoin && c.For == 0:
		return refuse(RefusedInvalid, "token %s: a join token has an end", c.ID)
	}
	return nil
}

func (c *TokenRevoke) apply(t *txn) *Refusal {
	k, ok := t.s.Tokens.Get(c.ID)
	switch {
	case !ok:
		return refuse(RefusedNotFound, "there is no token %q", c.ID)
	case k.End != "":
		return refuse(RefusedConflict, "%s is %s already", k.What(), k.End)
	}
	t.endToken(k, TokenRevoked, t.h.Author)
	t.event(Event{Type: "token-revoked", Reason: c.Reason, Text: fmt.Sprintf("%s was revoked %s%s", k.What(), byWhom(t.h.Author), because(c.Reason))})
	return nil
}

func (c *TokenUse) apply(t *txn) *Refusal {
	k, ok := t.s.Tokens.Get(c.ID)
	if !ok {
		return noToken()
	}
	if k.Kind == TokenJoin {
		return c.take(t, k)
	}
	if k.Good(t.s.Clock) && (k.LastUse == 0 || t.s.Clock-k.LastUse >= UseEvery) {
		t.used(k, c.By)
	}
	return nil
}

// noToken is what somebody is told who does not show the right secret: the same whether there is such a token.
func noToken() *Refusal { return refuse(RefusedNotFound, "there is no such token") }

func (c *TokenUse) take(t *txn, k *Token) *Refusal {
	switch {
	case subtle.ConstantTimeCompare([]byte(c.Hash), []byte(k.Hash)) != 1:
		return noToken()
	case k.End == TokenUsedUp && k.UsedBy == c.By:
		return nil
	case k.End == TokenUsedUp:
		return refuse(RefusedConflict, "the join token was used already, by %s; each lets one node in: make another with failoverctl token create --join", k.UsedBy)
	case k.End == TokenRevoked:
		return refuse(RefusedStale, "the join token was revoked %s", byWhom(k.EndedBy))
	case !k.Good(t.s.Clock):
		return refuse(RefusedStale, "the join token has expired; make another with failoverctl token create --join")
	}
	k = t.used(k, c.By)
	if k.OneUse {
		t.endToken(k, TokenUsedUp, c.By)
	}
	t.event(Event{Type: "token-used", Author: k.Author, Text: fmt.Sprintf("%s was used by %s", k.What(), c.By)})
	return nil
}

// used notes a use.
func (t *txn) used(k *Token, by string) *Token {
	next := *k
	next.LastUse, next.LastWall, next.UsedBy = t.s.Clock, t.s.Wall, by
	if k.Kind == TokenJoin {
		next.Uses++
	}
	t.s.putToken(&next)
	return &next
}
