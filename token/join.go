package token

import (
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"
)

// JoinPrefix is how the text of a join token begins.
const JoinPrefix = "failover-join"

// pinBytes is a SHA-256.
const pinBytes = 32

// Join is a join token: what a node needs to get into a cluster beside its certificate. The cluster's CA has signed
// that one before; the token alone is of no use to anybody who has none.
type Join struct {
	*Token
	Pin     [pinBytes]byte // of the cluster's CA, so that the node finds the cluster that is meant, and no other
	Role    string         // that the node is let in with
	Expires time.Time      // by the clock of whoever made it; what counts is the cluster's
}

// Text is what the token's file holds: failover-join_ID_SECRET_PIN_ROLE_EXPIRY, in one line.
func (j *Join) Text() string {
	return strings.Join([]string{JoinPrefix, j.ID, j.Secret(), text.EncodeToString(j.Pin[:]), j.Role, strconv.FormatInt(j.Expires.Unix(), 10)}, "_")
}

// Format leaves the secret out, whatever the verb.
func (j Join) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, "join token "+j.ID) }

var errJoinForm = errors.New("it is no join token: one is a line that begins with " + JoinPrefix + "_, as failoverctl token create --join writes it")

// ParseJoin reads Join.Text. Its errors do not repeat what was read.
func ParseJoin(s string) (*Join, error) {
	words := strings.Split(strings.TrimSpace(s), "_")
	if len(words) != 6 || words[0] != JoinPrefix {
		return nil, errJoinForm
	}
	t, err := Of(words[1], words[2])
	if err != nil {
		return nil, errJoinForm
	}
	pin, err := text.DecodeString(words[3])
	if err != nil || len(pin) != pinBytes || text.EncodeToString(pin) != words[3] {
		return nil, errJoinForm
	}
	seconds, err := strconv.ParseInt(words[5], 10, 64)
	if err != nil || seconds < 0 || words[4] == "" {
		return nil, errJoinForm
	}
	j := &Join{Token: t, Role: words[4], Expires: time.Unix(seconds, 0)}
	copy(j.Pin[:], pin)
	return j, nil
}
