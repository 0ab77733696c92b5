package state

import (
	"encoding/hex"
	"fmt"
	"slices"
	"strings"
	"time"

	"failoverdns/record"
)

// TokenKind is what a token is good for.
type TokenKind string

// The kinds: an API token asks the admin API, a join token lets one node into the cluster.
const (
	TokenAPI  TokenKind = "api"
	TokenJoin TokenKind = "join"
)

// Access is what somebody may do at the admin API; each includes the one before it.
type Access string

// The roles of an API token.
const (
	AccessRead    Access = "read"
	AccessOperate Access = "operate" // overrides, pins, failback
	AccessAdmin   Access = "admin"
)

// TokenEnd is why a token is no longer good.
type TokenEnd string

// The ends of a token.
const (
	TokenRevoked TokenEnd = "revoked"
	TokenExpired TokenEnd = "expired"
	TokenUsedUp  TokenEnd = "used"
)

// Token is what the state holds of a token: never its secret. The secret is 256 random bits, so that its plain
// SHA-256 is no way back to it: there is no dictionary to try, and a slow hash would only make each request slow.
type Token struct {
	ID      string        `json:"id"`              // travels in the token's text, and is no secret
	Kind    TokenKind     `json:"kind"`            // what it is good for
	Name    string        `json:"name"`            // of whoever holds it: the author of what is done with it
	Hash    string        `json:"hash"`            // SHA-256 of the secret, in hex
	Role    string        `json:"role"`            // api: an Access; join: the Role of the node that comes with it
	Zones   []record.Name `json:"zones,omitempty"` // api: only these; none: all
	OneUse  bool          `json:"one_use,omitempty"`
	Author  string        `json:"author"`
	Reason  string        `json:"reason,omitempty"`
	Created Clock         `json:"created"`
	Wall    time.Time     `json:"wall,omitzero"`     // of Created
	Expires Clock         `json:"expires,omitempty"` // 0: never

	Uses     int       `json:"uses,omitempty"`    // of a join token, counted
	UsedBy   string    `json:"used_by,omitempty"` // last; a join token's is TokenUse.By
	LastUse  Clock     `json:"last_use,omitempty"`
	LastWall time.Time `json:"last_wall,omitzero"`

	End     TokenEnd  `json:"end,omitempty"` // empty: it is good
	Ended   Clock     `json:"ended,omitempty"`
	EndWall time.Time `json:"end_wall,omitzero"`
	EndedBy string    `json:"ended_by,omitempty"`
}

// The bounds of tokens. Those that have ended are kept for a while, so that whoever comes with one can be told why.
const (
	MaxTokens     = 1000
	MaxTokenName  = 64 // bytes
	MaxTokenZones = 64
	maxEnded      = 200
	endedKept     = 7 * 24 * time.Hour
	// UseEvery is how coarse the last use of an API token is: it must not cost an entry of the log for each request.
	UseEvery = time.Hour
)

// Good says whether a token is still good at a clock. Without a leader nothing expires.
func (k *Token) Good(at Clock) bool { return k.End == "" && (k.Expires == 0 || at < k.Expires) }

// What names a token in words.
func (k *Token) What() string {
	what := "token"
	if k.Kind == TokenJoin {
		what = "join token"
	}
	if k.Name != "" {
		what += " " + k.Name
	}
	return fmt.Sprintf("%s (%s, %s)", what, k.ID, k.Role)
}

// due is when a token has to be looked at next: at its end, and when an ended one is forgotten.
func (k *Token) due() Clock {
	switch {
	case k == nil, k.End == "" && k.Expires == 0:
		return never
	case k.End != "":
		return k.Ended + endedKept
	}
	return k.Expires
}

func (s *State) putToken(k *Token) {
	old, _ := s.Tokens.Get(k.ID)
	s.retime(timer{at: old.due(), token: k.ID}, timer{at: k.due(), token: k.ID})
	s.Tokens = s.Tokens.With(k.ID, k)
}

func (s *State) dropToken(id string) {
	old, _ := s.Tokens.Get(id)
	s.retime(timer{at: old.due(), token: id}, timer{at: never})
	s.Tokens = s.Tokens.Without(id)
}

// endToken marks a token as no longer good, and forgets the first that ended where too many are kept.
func (t *txn) endToken(k *Token, end TokenEnd, by string) {
	next := *k
	next.End, next.Ended, next.EndWall, next.EndedBy = end, t.s.Clock, t.s.Wall, by
	t.s.putToken(&next)
	var first *Token
	ended := 0
	for _, x := range t.s.Tokens.All() {
		if x.End == "" {
			continue
		}
		if ended++; first == nil || x.Ended < first.Ended {
			first = x
		}
	}
	if ended > maxEnded {
		t.s.dropToken(first.ID)
	}
}

// dueToken makes a token's end happen, and its being forgotten.
func (t *txn) dueToken(k *Token) {
	switch {
	case k.due() > t.s.Clock:
	case k.End != "":
		t.s.dropToken(k.ID)
	default:
		t.endToken(k, TokenExpired, "")
		t.event(Event{Type: "token-expired", Author: k.Author, Text: "expired: " + k.What()})
	}
}

// goodTokenID is what an ID may be: 8 to 32 letters and digits, all lower case.
func goodTokenID(id string) bool {
	for _, c := range []byte(id) {
		if (c < 'a' || c > 'z') && (c < '0' || c > '9') {
			return false
		}
	}
	return len(id) >= 8 && len(id) <= 32
}

func goodHash(hash string) bool {
	b, err := hex.DecodeString(hash)
	return err == nil && len(b) == 32 && hash == hex.EncodeToString(b)
}

// tokenRoles are the roles that each kind may have.
var tokenRoles = map[TokenKind][]string{
	TokenAPI:  {string(AccessRead), string(AccessOperate), string(AccessAdmin)},
	TokenJoin: {string(Voter), string(Replica), string(Witness)},
}

// goodTokens counts those that have not ended.
func (s *State) goodTokens() (n int) {
	for _, k := range s.Tokens.All() {
		if k.End == "" {
			n++
		}
	}
	return n
}

func sortedNames(names []record.Name) []record.Name {
	out := slices.Clone(names)
	slices.SortFunc(out, func(a, b record.Name) int { return strings.Compare(ZoneKey(a), ZoneKey(b)) })
	return slices.CompactFunc(out, func(a, b record.Name) bool { return ZoneKey(a) == ZoneKey(b) })
}
