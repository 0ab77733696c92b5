package api

import "time"

// MediaTypes of answers.
const (
	JSON        = "application/json"
	ProblemJSON = "application/problem+json" // RFC 9457 section 3
	EventStream = "text/event-stream"
)

// RequestIDHeader names a write: a second one with the same ID has no effect and gives the first one's outcome.
const RequestIDHeader = "Idempotency-Key"

// The limits of what a server takes.
const (
	MaxBody      = 64 << 10 // bytes of a request's body
	MaxRequestID = 64       // bytes; letters, digits, and -_.:
	MaxText      = 500      // bytes of an author or a reason
)

// DefaultFor is how long an override or a pin stands where a request does not say.
const DefaultFor = 24 * time.Hour

// Never is the word for a duration without an end.
const Never = "never"

// Meta is part of every answer: whose it is, and how fresh.
type Meta struct {
	Node     string    `json:"node"`              // ID of the node that answered
	At       time.Time `json:"at"`                // its wall clock when it answered
	Index    uint64    `json:"index"`             // log index of the state that it answered from
	StateAge float64   `json:"state_age_seconds"` // since it last had applied all that a leader in contact had committed
}

// Head is the answer's Meta.
func (m *Meta) Head() *Meta { return m }

// Answer is any answer of this API: it embeds Meta.
type Answer interface{ Head() *Meta }

// Notice is one thing that a person should know, with what to do about it.
type Notice struct {
	Code string `json:"code"`           // one of the constants below
	Text string `json:"text"`           // one sentence
	Next string `json:"next,omitempty"` // a command to type
}

// Codes of problems in Status.Problems: each makes the cluster unhealthy.
const (
	ProblemAllDown   = "all-down"
	ProblemNoQuorum  = "no-quorum"
	ProblemDrift     = "drift"
	ProblemDiverged  = "diverged"
	ProblemStale     = "stale"
	ProblemNotReady  = "not-ready"
	ProblemRemoved   = "removed"   // the answering node is no member of the cluster any more
	ProblemEmergency = "emergency" // the emergency file is ignored, or has lines without effect
)

// Codes of notes in Status.Notes: worth knowing, and healthy.
const (
	NoteFailedOver  = "failed-over"
	NoteOverridden  = "overridden"
	NoteMaintenance = "maintenance"
	NotePinned      = "pinned"
	NoteEmergency   = "emergency"
	NoteMemberLost  = "member-lost"
	NoteSwitch      = "switch-off"
	NoteRule        = "rule-not-kept"
	NoteLagging     = "lagging"
	NoteAbstaining  = "abstaining"
	NoteCertificate = "certificate"
	NoteDegraded    = "degraded"
	NoteWebhook     = "webhook" // it takes nothing, or the leader's file does not have it
)
