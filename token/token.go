// Package token is what a token is outside the replicated state: making one, its text form, its hash, and the lines
// of a file of tokens.
//
// It promises: a secret is 256 bits from the system's random source, and nothing else is taken for one. So its plain
// SHA-256 is as good as a slow hash: there is nothing to guess from. The text form starts with a fixed word, by which
// scanners of repositories and logs can find a token that got loose. A Token does not print its secret: whoever means
// to hand it out calls Text.
//
// Callers compare hashes with Matches, which takes the same time wherever two hashes differ.
package token

import (
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base32"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"strings"
)

// Prefix is how the text of an API token begins.
const Prefix = "failover"

const (
	idBytes     = 10 // 16 letters and digits: it only has to be another one
	secretBytes = 32
)

// text is base32 in lower case (RFC 4648 section 6): it survives mail, speech and double clicks.
var text = base32.NewEncoding("abcdefghijklmnopqrstuvwxyz234567").WithPadding(base32.NoPadding)

// Token is a token with its secret.
type Token struct {
	ID     string // no secret: 16 lower-case letters and digits
	secret [secretBytes]byte
}

// New makes a token.
func New() *Token {
	t := new(Token)
	var id [idBytes]byte
	_, _ = rand.Read(id[:]) // never fails
	_, _ = rand.Read(t.secret[:])
	t.ID = text.EncodeToString(id[:])
	return t
}

// Secret is the secret as text: 52 lower-case letters and digits. Hash is of these.
func (t *Token) Secret() string { return text.EncodeToString(t.secret[:]) }

// Text is what a client sends: failover_ID_SECRET.
func (t *Token) Text() string { return Prefix + "_" + t.ID + "_" + t.Secret() }

// Hash is what a server keeps: the SHA-256 of Secret, in hex.
func (t *Token) Hash() string {
	sum := sha256.Sum256([]byte(t.Secret()))
	return hex.EncodeToString(sum[:])
}

// Format leaves the secret out, whatever the verb.
func (t Token) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, "token "+t.ID) }

// Matches says whether a hash is that of the token's secret.
func (t *Token) Matches(hash string) bool {
	return subtle.ConstantTimeCompare([]byte(t.Hash()), []byte(hash)) == 1
}

// errForm never shows what was read: it may be a secret.
var errForm = errors.New("it is no token: one is " + Prefix + "_ID_SECRET, as failoverctl token create writes it")

// Parse reads Text. Its errors do not repeat what was read.
func Parse(s string) (*Token, error) {
	rest, ok := strings.CutPrefix(s, Prefix+"_")
	id, secret, found := strings.Cut(rest, "_")
	if !ok || !found {
		return nil, errForm
	}
	return Of(id, secret)
}

// Of is a token of an ID and a secret, for text forms of other kinds. Its errors do not repeat the secret.
func Of(id, secret string) (*Token, error) {
	if err := CheckID(id); err != nil {
		return nil, err
	}
	b, err := text.DecodeString(secret)
	if err != nil || len(b) != secretBytes || text.EncodeToString(b) != secret {
		return nil, errForm
	}
	t := &Token{ID: id}
	copy(t.secret[:], b)
	return t, nil
}

// CheckID says what is wrong with an ID.
func CheckID(id string) error {
	for _, c := range []byte(id) {
		if (c < 'a' || c > 'z') && (c < '0' || c > '9') {
			return errForm
		}
	}
	if len(id) < 8 || len(id) > 32 {
		return errForm
	}
	return nil
}

// CheckHash says what is wrong with a hash.
func CheckHash(hash string) error {
	b, err := hex.DecodeString(hash)
	if err != nil || len(b) != sha256.Size || hex.EncodeToString(b) != hash {
		return fmt.Errorf("it is no SHA-256 in lower-case hex (%d digits)", hex.EncodedLen(sha256.Size))
	}
	return nil
}
