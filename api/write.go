package api

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
}

// ClearRequest is DELETE /v1/overrides; its fields travel in the query (RFC 9110 section 9.3.5: a DELETE has no body
// that one may rely on).
type ClearRequest struct {
	Who
	Scope  string `json:"scope"`
	Target string `json:"target"`
	Force  bool   `json:"force,omitempty"`
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
	Done    bool     `json:"done"`              // false for a plan
	Refusal *Problem `json:"refusal,omitempty"` // only of a plan: what blocks it
	Changes []Change `json:"changes"`           // groups whose answers change
	Events  []string `json:"events,omitempty"`  // what it was recorded as, in words
}

// Change is what a write does to one group.
type Change struct {
	Group  string `json:"group"`
	From   string `json:"from"` // active site before
	To     string `json:"to"`
	Why    string `json:"why"`
	Before []Cell `json:"before"`
	After  []Cell `json:"after"`
}

// Overrides is GET /v1/overrides.
type Overrides struct {
	Meta
	Overrides []Override `json:"overrides"`
	Pins      []Pin      `json:"pins"`
}
