package api

import "time"

// Sites is GET /v1/sites.
type Sites struct {
	Meta
	Sites []Site `json:"sites"`
}

// Site is a defined site.
type Site struct {
	ID         string        `json:"id"`
	Zone       string        `json:"zone"`
	Addresses  []SiteAddress `json:"addresses,omitempty"`
	Target     string        `json:"target,omitempty"`
	MinHealthy int           `json:"min_healthy"`
	Override   *Override     `json:"override,omitempty"`
	Groups     []SiteGroup   `json:"groups"`
	Endpoints  []Endpoint    `json:"endpoints"`
}

// SiteAddress is one address of a site.
type SiteAddress struct {
	Address  string    `json:"address"`
	Healthy  bool      `json:"healthy"`
	Override *Override `json:"override,omitempty"`
}

// SiteGroup is a site's standing in one of the groups that name it.
type SiteGroup struct {
	Group string `json:"group"`
	Standing
}

// Checks is GET /v1/checks.
type Checks struct {
	Meta
	Checks []Check `json:"checks"`
}

// Check is how endpoints are probed.
type Check struct {
	ID        string     `json:"id"` // SITE/CHECK
	Site      string     `json:"site"`
	Kind      string     `json:"kind"`
	URL       string     `json:"url"`
	Dial      string     `json:"dial,omitempty"`
	Interval  float64    `json:"interval_seconds"`
	Timeout   float64    `json:"timeout_seconds"`
	Failures  int        `json:"failures"`
	Window    int        `json:"window,omitempty"`
	Successes int        `json:"successes"`
	Recheck   float64    `json:"recheck_seconds,omitempty"`
	Detection float64    `json:"worst_detection_seconds"` // longest time from death to one node's vote
	Muted     *Override  `json:"muted,omitempty"`
	Endpoints []Endpoint `json:"endpoints"`
}

// Endpoint is one check at one address, target or dial host.
type Endpoint struct {
	ID       string    `json:"id"`
	Site     string    `json:"site"`
	Check    string    `json:"check"`
	At       string    `json:"address"` // or the name that is looked up for each probe
	URL      string    `json:"url"`
	Verdict  string    `json:"verdict"` // measured: up, down or unknown
	Counts   string    `json:"counts"`  // up or down, as routing takes it
	Why      string    `json:"why,omitempty"`
	Since    time.Time `json:"since,omitzero"`
	Index    uint64    `json:"verdict_index,omitempty"`
	Revision uint64    `json:"revision"`
	Override *Override `json:"override,omitempty"`
	Muted    *Override `json:"muted,omitempty"` // its check
	Tally    Tally     `json:"tally"`
	Votes    []Vote    `json:"votes"`
}

// Tally counts votes against what a verdict needs.
type Tally struct {
	Probers    int `json:"probers"` // configured probing nodes
	Up         int `json:"up"`
	Down       int `json:"down"`
	None       int `json:"none"`
	NeededUp   int `json:"needed_up"`
	NeededDown int `json:"needed_down"`
}

// Vote is one node's standing opinion of an endpoint.
type Vote struct {
	Node        string     `json:"node"`
	Opinion     string     `json:"opinion"` // up, down or none
	Reason      string     `json:"reason,omitempty"`
	Detail      string     `json:"detail,omitempty"`
	At          time.Time  `json:"at,omitzero"`
	FirstFailed *time.Time `json:"first_failed,omitempty"`
	Muted       bool       `json:"muted,omitempty"`
	Ignored     string     `json:"ignored,omitempty"` // why it does not count
}

// Votes is GET /v1/votes?endpoint=ID.
type Votes struct {
	Meta
	Endpoint Endpoint `json:"endpoint"`
	Latest   *Latest  `json:"latest,omitempty"` // of the answering node, if it probes
}

// Latest is the answering node's own probing of an endpoint.
type Latest struct {
	Node      string   `json:"node"`
	Vote      string   `json:"vote"`
	Successes int      `json:"successes_in_a_row"`
	Failures  int      `json:"failures_counted"`
	Results   []Result `json:"results"` // newest first
}

// Result is one probe.
type Result struct {
	At      time.Time `json:"at"`
	Outcome string    `json:"outcome"` // success, failure or abstained
	Reason  string    `json:"reason,omitempty"`
	Detail  string    `json:"detail,omitempty"`
	Took    float64   `json:"took_seconds"`
}

// Explain is GET /v1/explain?name=NAME&type=TYPE: why this name has this answer now.
type Explain struct {
	Meta
	Name      string     `json:"name"`
	Type      string     `json:"type"`
	Zone      string     `json:"zone,omitempty"`
	Serial    uint32     `json:"serial,omitempty"`
	Source    string     `json:"source,omitempty"` // of the zone's declaration
	Kind      string     `json:"kind"`             // one of the Kind constants
	RCode     string     `json:"rcode"`
	Records   []string   `json:"records"` // the answer section
	Steps     []string   `json:"steps"`   // the decisions, in order, in words
	Group     *Group     `json:"group,omitempty"`
	Endpoints []Endpoint `json:"endpoints,omitempty"`
}

// Kinds of answers.
const (
	KindSteered    = "steered"
	KindStatic     = "static"
	KindWildcard   = "wildcard"
	KindCNAME      = "cname"
	KindDNAME      = "dname"
	KindDelegation = "delegation"
	KindSOA        = "soa"
	KindNoData     = "nodata"
	KindNXDomain   = "nxdomain"
	KindNotServed  = "not-served"
)
