package api

import "time"

// Events is GET /v1/events, oldest first. With "Accept: text/event-stream" the same events follow as they happen.
type Events struct {
	Meta
	Events []Event `json:"events"`
	Lost   bool    `json:"lost,omitempty"` // events after the one asked for are no longer kept
}

// Event is one thing that happened.
type Event struct {
	ID       uint64    `json:"id"`
	Index    uint64    `json:"index"`
	At       time.Time `json:"at,omitzero"` // absent: the first members come with no clock
	Type     string    `json:"type"`
	Zone     string    `json:"zone,omitempty"`
	Group    string    `json:"group,omitempty"`
	Site     string    `json:"site,omitempty"`
	Endpoint string    `json:"endpoint,omitempty"`
	Node     string    `json:"node,omitempty"`
	Author   string    `json:"author,omitempty"`
	Reason   string    `json:"reason,omitempty"`
	Text     string    `json:"text"`
}

// EventGap is the SSE event type that stands where events are no longer kept; its data is a Gap.
const EventGap = "gap"

// Gap says that events after one ID and before another are no longer kept.
type Gap struct {
	After  uint64 `json:"after"`
	Before uint64 `json:"before"`
}

// Incidents is GET /v1/incidents[?id=ID], newest first.
type Incidents struct {
	Meta
	Incidents []Incident `json:"incidents"`
}

// Incident is one departure of a site up to its return.
type Incident struct {
	ID          uint64     `json:"id"`
	Group       string     `json:"group"`
	Site        string     `json:"site"`
	Cause       string     `json:"cause"`
	From        string     `json:"from"` // active before
	To          string     `json:"to"`   // active after
	Endpoint    string     `json:"endpoint,omitempty"`
	Index       uint64     `json:"index"`
	Decided     time.Time  `json:"decided"`
	FirstFailed *time.Time `json:"first_failed,omitempty"`
	Returned    *time.Time `json:"returned,omitempty"`
	Back        *time.Time `json:"back,omitempty"`
	Open        bool       `json:"open"`
	Detect      float64    `json:"detect_seconds"` // first failed probe to first vote
	Agree       float64    `json:"agree_seconds"`  // first vote to verdict
	Away        float64    `json:"away_seconds"`   // verdict to the site's return, or until now
	Votes       []Vote     `json:"votes,omitempty"`
	Nodes       []Swap     `json:"nodes,omitempty"` // of one incident asked for by its ID
}

// Swap is how the command that began an incident came to one node's answers. A node keeps the times of its latest
// commands in memory, for as long as it runs.
type Swap struct {
	Node     string  `json:"node"`
	Leader   bool    `json:"leader,omitempty"`           // it led then: its times are by one clock
	Error    string  `json:"error,omitempty"`            // why it has no times
	Commit   float64 `json:"commit_seconds,omitempty"`   // from the leader's log to the disks of a majority; of the leader
	Apply    float64 `json:"apply_seconds,omitempty"`    // this node's own work, from the committed command to its answers
	Swapped  float64 `json:"swapped_seconds,omitempty"`  // from the leader's log to this node's answers, by two wall clocks but on the leader
	Proposed float64 `json:"proposed_seconds,omitempty"` // from its proposing the deciding vote to its own answers, if it did
}

// Offers is GET /v1/config[?settings]: what each node last offered for each zone.
type Offers struct {
	Meta
	Offers  []Offer        `json:"offers"`
	InForce []ZoneSettings `json:"in_force,omitempty"` // with settings: every declared zone as it is in force
}

// Setting is one thing that a declaration says, in words. No two of a zone have the same path.
type Setting struct {
	Path  string `json:"path"`
	Value string `json:"value"`
}

// ZoneSettings is all that a declaration says of a zone, as the server's option -check -json prints it, too.
type ZoneSettings struct {
	Zone     string    `json:"zone"` // with the final dot
	Source   string    `json:"source"`
	Digest   string    `json:"digest"` // equal for equal declarations
	Settings []Setting `json:"settings"`
}

// AllZones is the zone of an AdoptRequest that means every zone for which the node's offer is drift.
const AllZones = "all"

// Offer is what one node last offered for one zone.
type Offer struct {
	Node    string    `json:"node"`
	Zone    string    `json:"zone"`
	Source  string    `json:"source"`
	Digest  string    `json:"digest"`
	InForce string    `json:"in_force_digest,omitempty"`
	Drift   bool      `json:"drift"`
	Matches bool      `json:"matches"` // it is what is in force
	At      time.Time `json:"at"`

	Settings []Setting `json:"settings,omitempty"` // with settings: of drift, what config adopt would bring into force
}
