package api

import (
	"errors"
	"fmt"
	"strings"
)

// Codes of problem documents, in the field "code".
const (
	CodeInvalid        = "invalid"         // 400
	CodeNotFound       = "not-found"       // 404
	CodeNotAllowed     = "not-allowed"     // 405, 403 for a foreign Host or Origin
	CodeTooLarge       = "too-large"       // 413
	CodeMediaType      = "media-type"      // 415
	CodeConflict       = "conflict"        // 409
	CodeNeedsForce     = "needs-force"     // 409: allowed with force only
	CodeVersion        = "version"         // 412: meant for another version of what it changes
	CodeSafetyRule     = "safety-rule"     // 409: allowed with break_glass only
	CodeStale          = "stale"           // 409
	CodeTooOld         = "too-old"         // 409: a member runs a version that could not apply it
	CodeNoLeader       = "no-leader"       // 503: nothing was done
	CodeNotDone        = "not-done"        // 503: nothing was done
	CodeBehind         = "behind"          // 503: the index waited for was not reached in time
	CodeUnknownOutcome = "unknown-outcome" // 504: it may take effect yet; repeat it with the same request ID
	CodeRole           = "role"            // 409: differs by group; 503: unknown, without a leader for long
	CodeInternal       = "internal"        // 500
	CodeWhoAreYou      = "who-are-you"     // 401: no token or certificate, or one that is not good
	CodeForbidden      = "forbidden"       // 403: the role or the zones of who asks are not enough
	CodeTooMany        = "too-many"        // 429: too many failures from that address
)

// Problem is an error answer (RFC 9457). The fields from Code on are extension members.
type Problem struct {
	Type   string `json:"type,omitempty"` // a URI reference; absent means about:blank
	Title  string `json:"title"`
	Status int    `json:"status"`
	Detail string `json:"detail,omitempty"` // what is wrong, and the way out
	Code   string `json:"code"`
	Field  string `json:"field,omitempty"` // of the query or body
	Node   string `json:"node,omitempty"`
	Index  uint64 `json:"index,omitempty"` // of the log entry that was refused

	Role   string            `json:"role,omitempty"`   // with the code role: what Role.Role would be
	Groups map[string]string `json:"groups,omitempty"` // likewise: role by group
}

func (p *Problem) Error() string {
	if p.Detail == "" {
		return fmt.Sprintf("%s (HTTP status %d)", p.Title, p.Status)
	}
	return p.Detail
}

// Is makes a problem with the code unknown-outcome an ErrUnknownOutcome.
func (p *Problem) Is(target error) bool {
	return target == ErrUnknownOutcome && p.Code == CodeUnknownOutcome
}

// ErrUnreachable is what errors.Is finds when no server answered, and nothing was done.
var ErrUnreachable = errors.New("no server answers")

// ErrUnknownOutcome is what errors.Is finds when a write may or may not have taken effect.
var ErrUnknownOutcome = errors.New("the outcome is unknown")

// TransportError says why each server gave no answer.
type TransportError struct {
	Kind  error // ErrUnreachable or ErrUnknownOutcome
	Tries []error
}

func (e *TransportError) Error() string {
	texts := make([]string, 0, len(e.Tries))
	for _, err := range e.Tries {
		texts = append(texts, err.Error())
	}
	return e.Kind.Error() + ": " + strings.Join(texts, "; ")
}

// Unwrap gives the kind and what each server's try ended in.
func (e *TransportError) Unwrap() []error { return append([]error{e.Kind}, e.Tries...) }
