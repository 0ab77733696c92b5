package api

import "time"

// Status is GET /v1/status: one page on everything. The cluster is healthy when Problems is empty.
type Status struct {
	Meta
	Problems  []Notice    `json:"problems"`
	Notes     []Notice    `json:"notes"`
	Groups    []Group     `json:"groups"`
	Overrides []Override  `json:"overrides"`
	Windows   []Window    `json:"maintenance,omitempty"` // planned, running, or refused and not yet over
	Emergency []Emergency `json:"emergency,omitempty"`   // lines of the answering node's emergency file that have not expired
	NoQuorum  []NoQuorum  `json:"no_quorum,omitempty"`   // zones that the answering node serves by their no-quorum rule now
	Drift     []Offer     `json:"drift"`
	Cluster   Cluster     `json:"cluster"`
}

// Healthy says whether there is no problem.
func (s *Status) Healthy() bool { return len(s.Problems) == 0 }

// Group is a steered group, and what it answers now.
type Group struct {
	Name       string       `json:"name"`
	Zone       string       `json:"zone"`
	Active     string       `json:"active"` // site ID
	Since      time.Time    `json:"since,omitzero"`
	Rule       string       `json:"rule"` // the rule by which the active site was chosen
	Why        string       `json:"why"`  // the same in words
	Preferred  string       `json:"preferred"`
	FailedOver bool         `json:"failed_over"` // the active site is not the preferred one
	AllDown    bool         `json:"all_down"`    // no site is up
	Failback   string       `json:"failback"`
	OnAllDown  string       `json:"on_all_down"`
	Pin        *Pin         `json:"pin,omitempty"`
	Emergency  *Emergency   `json:"emergency,omitempty"` // of the answering node alone, and above the pin
	Sites      []Standing   `json:"sites"`
	Cells      []Cell       `json:"cells"`
	Nodes      []NodeAnswer `json:"nodes,omitempty"`           // in Status only
	TTL        uint32       `json:"ttl"`                       // the greatest of the group's names, in seconds
	Clear      *time.Time   `json:"caches_clear_at,omitempty"` // Since + TTL: no resolver holds the older answers any more
	Waits      []string     `json:"waits,omitempty"`           // what will happen by itself, or waits for a person
	Next       string       `json:"next,omitempty"`            // a command to type
}

// Standing is a site's standing within one group.
type Standing struct {
	Site      string     `json:"site"`
	Active    bool       `json:"active"`
	Up        bool       `json:"up"`
	Eligible  bool       `json:"eligible"`
	Since     time.Time  `json:"since,omitzero"` // of Up
	Held      bool       `json:"held,omitempty"`
	HeldUntil *time.Time `json:"held_until,omitempty"` // absent with Held: until the command failback
	Flaps     int        `json:"flaps,omitempty"`
	Word      string     `json:"word"`             // up, down, held, forced up, forced down, switched off
	Switch    string     `json:"switch,omitempty"` // a routing switch that is off and takes the site out, above Override
	Why       string     `json:"why,omitempty"`
	Override  *Override  `json:"override,omitempty"`
	Incident  uint64     `json:"incident,omitempty"`
}

// Cell is names that share one answer.
type Cell struct {
	Names  []string `json:"names"`
	More   int      `json:"more_names,omitempty"` // so many beyond those listed: MaxNames in the answer to a write, StatusNames in a status
	TTL    uint32   `json:"ttl"`
	A      []string `json:"a,omitempty"`
	AAAA   []string `json:"aaaa,omitempty"`
	Target string   `json:"target,omitempty"`
}

// Pin is an operator's word above preference and failback.
type Pin struct {
	Group   string     `json:"group"`
	Site    string     `json:"site"`
	Forced  bool       `json:"forced,omitempty"`
	Drill   uint64     `json:"drill,omitempty"`  // it is this drill's
	Yields  bool       `json:"yields,omitempty"` // its site is down, and it is not forced
	Author  string     `json:"author"`
	Reason  string     `json:"reason"`
	Since   time.Time  `json:"since,omitzero"`
	Expires *time.Time `json:"expires,omitempty"` // absent: never
	Overdue bool       `json:"overdue,omitempty"` // it would have ended, but nothing expires without a leader
}

// Override is an operator's word above verdicts.
type Override struct {
	Scope   string     `json:"scope"` // site, address, endpoint, check or node
	Target  string     `json:"target"`
	Word    string     `json:"word"` // down, up or mute
	Forced  bool       `json:"forced,omitempty"`
	Author  string     `json:"author"`
	Reason  string     `json:"reason"`
	Since   time.Time  `json:"since,omitzero"`
	Expires *time.Time `json:"expires,omitempty"` // absent: never
	Overdue bool       `json:"overdue,omitempty"`
	Window  uint64     `json:"window,omitempty"` // it is this maintenance window's
}

// Emergency is a line of one node's local emergency file.
type Emergency struct {
	Line     int       `json:"line"`
	Group    string    `json:"group"` // or all
	Site     string    `json:"site"`
	Expires  time.Time `json:"expires"` // by that machine's clock
	Reason   string    `json:"reason"`
	Groups   []string  `json:"groups,omitempty"`    // that answer by it
	NoEffect string    `json:"no_effect,omitempty"` // why it has none
}

// NoQuorum is a zone that one node serves by its no-quorum rule.
type NoQuorum struct {
	Zone  string            `json:"zone"`
	Rule  string            `json:"rule"`          // refuse or local
	After float64           `json:"after_seconds"` // without a leader
	Since time.Time         `json:"since,omitzero"`
	Own   map[string]string `json:"own,omitempty"` // local: that node's opinions, up or down, by endpoint
}

// NodeAnswer is what one node answers for a group.
type NodeAnswer struct {
	Node      string  `json:"node"`
	Reachable bool    `json:"reachable"`
	Active    string  `json:"active,omitempty"`
	Rule      string  `json:"rule,omitempty"` // of its own, by which it does not follow the cluster: emergency, no-quorum-local, no-quorum-refuse
	StateAge  float64 `json:"state_age_seconds"`
	Index     uint64  `json:"index,omitempty"`
	Error     string  `json:"error,omitempty"`
}

// Cluster is the Raft cluster as the answering node sees it.
type Cluster struct {
	Leader    string   `json:"leader,omitempty"` // node ID; empty without one
	Quorum    bool     `json:"quorum"`
	Term      uint64   `json:"term"`
	RaftState string   `json:"raft_state"` // of the answering node
	Voters    int      `json:"voters"`
	Live      int      `json:"live_voters"`
	Tolerates int      `json:"tolerates"`         // so many more voters may be lost
	Phase     string   `json:"phase"`             // of the answering node's start
	Detail    string   `json:"detail,omitempty"`  // of the phase: why, and the way out
	Removed   *Removal `json:"removed,omitempty"` // the answering node is no member any more; all else here is as it last knew it
	Waiting   []string `json:"waiting,omitempty"` // what the answering node waits for
	Ready     bool     `json:"ready"`
	NotReady  string   `json:"not_ready,omitempty"`
	Witness   bool     `json:"witness,omitempty"` // the answering node is not ready only because it never answers queries
	Level     int      `json:"feature_level"`     // in force
	CAPin     string   `json:"ca_pin,omitempty"`  // SHA-256 of the cluster CA's key (SubjectPublicKeyInfo), in hex
	Members   []Member `json:"members"`
}

// Removal is how the answering node was taken out of the cluster, as far as it knows.
type Removal struct {
	At     time.Time `json:"at,omitzero"`
	Index  uint64    `json:"index,omitempty"`
	Author string    `json:"author,omitempty"` // absent where that was not recorded
	Reason string    `json:"reason,omitempty"`
	Text   string    `json:"text"` // what it means, in one sentence
	Next   string    `json:"next"` // what to do about it
}

// Member is one node.
type Member struct {
	ID          string  `json:"id"`
	Address     string  `json:"address"`
	Admin       string  `json:"admin,omitempty"`
	Role        string  `json:"role"`
	Suffrage    string  `json:"suffrage"`
	Probes      bool    `json:"probes"`
	Muted       bool    `json:"muted,omitempty"`
	Leader      bool    `json:"leader"`
	Self        bool    `json:"self"`
	Version     string  `json:"version,omitempty"`
	Reachable   bool    `json:"reachable"`
	Error       string  `json:"error,omitempty"`
	LastContact float64 `json:"last_contact_seconds,omitempty"` // with the leader: the node's own word, or the leader's on one that does not answer
	Index       uint64  `json:"index"`
	StateAge    float64 `json:"state_age_seconds"`
	Hash        string  `json:"hash,omitempty"` // of the state at Index
	Diverged    bool    `json:"diverged,omitempty"`
	Lag         uint64  `json:"lag"`                     // entries behind the leader's state, of a node that answers
	Level       int     `json:"feature_level,omitempty"` // the highest that its version knows
	Joining     bool    `json:"joining,omitempty"`       // it gets its vote when it has caught up
}

// Members is GET /v1/members.
type Members struct {
	Meta
	Cluster Cluster `json:"cluster"`
}

// Role is GET /v1/sites/SITE/role: whether an application at a site is the one that is answered with. It is no
// fence: caches outlive it.
type Role struct {
	Meta
	Site   string            `json:"site"`
	Role   string            `json:"role"` // active, standby or unknown
	Quorum bool              `json:"quorum"`
	Groups map[string]string `json:"groups"` // role by group
}
