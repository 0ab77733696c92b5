package api

import "time"

// Who says who asks for a write, and why. Both are kept with what it does.
type Who struct {
	Author string `json:"author"`
	Reason string `json:"reason"`
}

// OverrideRequest is PUT /v1/overrides.
type OverrideRequest struct {
	Who
	Scope  string `json:"scope"`
	Target string `json:"target"`
	Word   string `json:"word"`
	For    string `json:"for,omitempty"` // a Go duration, or "never"; 24h if empty
	Force  bool   `json:"force,omitempty"`

	BreakGlass bool `json:"break_glass,omitempty"` // past safety rules
}

// ClearRequest is DELETE /v1/overrides; its fields travel in the query (RFC 9110 section 9.3.5: a DELETE has no body
// that one may rely on).
type ClearRequest struct {
	Who
	Scope  string `json:"scope"`
	Target string `json:"target"`
	Force  bool   `json:"force,omitempty"`

	BreakGlass bool `json:"break_glass,omitempty"` // past safety rules
}

// ExtendRequest is POST /v1/extend: an override stands from now on for so long. Its reason stays the one that it has.
type ExtendRequest struct {
	Author string `json:"author"`
	Scope  string `json:"scope"`
	Target string `json:"target"`
	For    string `json:"for,omitempty"`
}

// AllGroups is the group of a pin or unpin that means every group.
const AllGroups = "all"

// PinRequest is PUT /v1/pins.
type PinRequest struct {
	Who
	Group string `json:"group"` // or AllGroups: every group that has the site
	Site  string `json:"site"`
	For   string `json:"for,omitempty"`
	Force bool   `json:"force,omitempty"`

	BreakGlass bool `json:"break_glass,omitempty"` // past safety rules
}

// UnpinRequest is DELETE /v1/pins; its fields travel in the query.
type UnpinRequest struct {
	Who
	Group string `json:"group"` // or AllGroups
}

// FailbackRequest is POST /v1/failback: the end of the group's holds.
type FailbackRequest struct {
	Who
	Group string `json:"group"` // or AllGroups
}

// AdoptRequest is POST /v1/config/adopt: the node's drifting offer comes into force.
type AdoptRequest struct {
	Who
	Node string `json:"node"`
	Zone string `json:"zone"` // or AllZones
}

// Written is the answer to every write. Meta.Index is the log index at which it took effect; with Plan nothing was
// written, and Index is that of the state it was tried on.
type Written struct {
	Meta
	Done    bool        `json:"done"`              // false for a plan
	Refusal *Problem    `json:"refusal,omitempty"` // only of a plan: what it would be refused with
	Blocks  []Notice    `json:"blocks,omitempty"`  // of a plan to move a group: all that is in its way, or changes what comes of it
	Changes []Change    `json:"changes"`           // groups whose answers change
	Records []RecordSet `json:"records,omitempty"` // that the write was about, as they are then; one that is gone has no version
	Events  []string    `json:"events,omitempty"`  // what it was recorded as, in words
	Member  *MemberPlan `json:"member,omitempty"`  // only of a plan to change the membership
	Gone    []Gone      `json:"gone,omitempty"`    // only of a plan to restore: what there is now, and would not be any more
}

// Gone is what of one kind a restore would take away.
type Gone struct {
	Kind  string   `json:"kind"` // zones, record-sets, groups, overrides, switches, rules, maintenance or tokens
	Count int      `json:"count"`
	Names []string `json:"names"` // the first MaxNames of them
}

// Codes of what is in the way of a move, in Written.Blocks.
const (
	BlockNoQuorum    = "no-quorum"
	BlockUnhealthy   = "unhealthy"
	BlockSwitch      = "switched-off"
	BlockOverride    = "overridden"
	BlockPin         = "pinned"
	BlockDrill       = "drill"
	BlockMaintenance = "maintenance"
	BlockEmergency   = "emergency"   // the answering node's own file
	BlockMember      = "member-lost" // a voter that does not answer
)

// MaxNames is how many names of a cell the answer to a write lists: a group may have a hundred thousand.
const MaxNames = 100

// StatusNames is how many names of a cell a status lists, unless all are asked for.
const StatusNames = 20

// Change is what a write does to one group.
type Change struct {
	Group  string     `json:"group"`
	From   string     `json:"from"` // active site before
	To     string     `json:"to"`
	Why    string     `json:"why"`
	Before []Cell     `json:"before"`
	After  []Cell     `json:"after"`
	TTL    uint32     `json:"ttl"`                       // the greatest of Before, in seconds: resolvers hold the older answers so long
	Clear  *time.Time `json:"caches_clear_at,omitempty"` // of what is done: no resolver holds the older answers any more
}

// Overrides is GET /v1/overrides.
type Overrides struct {
	Meta
	Overrides []Override `json:"overrides"`
	Pins      []Pin      `json:"pins"`
	Windows   []Window   `json:"maintenance,omitempty"` // planned, running, or refused and not yet over
}
