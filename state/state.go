// Package state is the replicated state: what the cluster agreed on, and how each command changes it.
//
// A State is an immutable value. Apply gives the next one and leaves the old one as it was, so a reader may keep a
// *State for as long as it likes, from any goroutine, and a snapshot is only a pointer. The same commands in the
// same order give the same State on every node: there is no clock, no randomness and no goroutine here, and maps are
// walked in key order. A running hash over index, command and effect proves it.
//
// Time enters as data: commands carry the cluster clock, a duration since the cluster began that only a leader
// advances (Header.Clock). Wall time is carried for display alone.
package state

import (
	"net/netip"
	"time"

	"failoverdns/health"
	"failoverdns/record"
)

// Clock is the cluster clock: time since the cluster's first command, as counted by its leaders.
type Clock = time.Duration

// State is the replicated state at one log index. Its fields are read only.
type State struct {
	Index uint64 // log index of the last entry applied
	Hash  uint64 // running hash of all that was applied
	Clock Clock
	Wall  time.Time // of the last command, by its leader's wall clock; for display

	Level   int    // the feature level in force, see FeatureLevel
	Cluster string // the cluster's name: random, empty in one that was always of level 1

	Nodes      Table[*Node]      // by node ID
	Admissions Table[*Admission] // nodes that may join and are no members yet, by node ID; bounded
	Sessions   Table[*Session]   // by SessionKey
	Zones      Table[*Zone]      // by zone name, canonical key
	Sites      Table[*Site]      // by site ID
	Endpoints  Table[*Endpoint]  // by endpoint ID
	Groups     Table[*Group]     // by group name
	Overrides  Table[*Override]  // by scope and target
	Offers     Table[*Offer]     // by node and zone
	Targets    Table[*Target]    // flattened targets, by TargetKey
	Tokens     Table[*Token]     // by ID; bounded
	Uploads    Table[*Upload]    // large changes under way, by ID; bounded
	Events     Table[*Event]     // by ID, in order; bounded
	Incidents  Table[*Incident]  // by ID, in order; bounded
	Requests   Table[*Request]   // by request ID; bounded
	Audits     Table[*Audit]     // by ID, in order; bounded

	Switches Table[*Switch] // routing switches, by name
	Rules    Table[*Rule]   // safety rules, by name
	Drills   Table[*Drill]  // by ID, in order; bounded
	Windows  Table[*Window] // maintenance windows, by ID, in order; bounded

	Deliveries Table[*Delivery] // by webhook; bounded

	requestOrder Table[string] // request IDs by index, to forget the oldest
	index
}

// Role is what a node does in the cluster.
type Role string

// The roles: a voter answers and has a Raft vote; a replica answers only; a witness has a vote and answers REFUSED.
const (
	Voter   Role = "voter"
	Replica Role = "replica"
	Witness Role = "witness"
)

// Node is a member of the cluster. Membership comes from Raft's configuration, the rest from the node's own
// announcement.
type Node struct {
	ID          string `json:"id"`
	Address     string `json:"address"`
	Suffrage    string `json:"suffrage"` // voter or nonvoter, as Raft has it
	Role        Role   `json:"role,omitempty"`
	Probe       bool   `json:"probe"`
	Counts      bool   `json:"counts"` // its votes count: from the start, or since its first full round
	Announced   bool   `json:"announced"`
	Incarnation string `json:"incarnation,omitempty"` // of its data directory
	Version     string `json:"version,omitempty"`
	Admin       string `json:"admin,omitempty"`   // URL of its admin API, for people
	Promote     bool   `json:"promote,omitempty"` // the leader gives it a vote once it has caught up
}

// Session numbers the time in which one node's votes at one check interval count. The leader opens and closes it.
type Session struct {
	Node     string        `json:"node"`
	Interval time.Duration `json:"interval"`
	Number   uint64        `json:"number"` // the log index at which it was opened
	Boot     string        `json:"boot"`   // the process that it was opened for
}

// Zone is a served zone.
type Zone struct {
	Name     record.Name        `json:"name"`
	Serial   uint32             `json:"serial"`
	SOA      SOA                `json:"soa"`
	NoQuorum NoQuorum           `json:"no_quorum"`
	Agree    health.Agree       `json:"agree,omitempty"`
	Source   string             `json:"source"`
	Digest   string             `json:"digest"`           // of the declaration in force
	Face     string             `json:"face"`             // of the part of it that clients see
	Groups   []string           `json:"groups"`           // defined by its declaration
	Sites    []string           `json:"sites,omitempty"`  // likewise, IDs
	Author   string             `json:"author,omitempty"` // who made it by command; no file declares such a zone
	Sets     Table[*record.Set] `json:"-"`                // declared record sets, by SetKey
	Dynamic  Table[*Dynamic]    `json:"-"`                // dynamic ones, likewise
	Since    uint64             `json:"since"`            // index at which the declaration came into force

	Switches []string `json:"switches,omitempty"` // declared by it, by name
	Rules    []string `json:"rules,omitempty"`

	steered steering
}

// Site is a defined site.
type Site struct {
	SiteDecl
	Zone      record.Name  `json:"zone"` // whose declaration defines it
	Endpoints []string     `json:"endpoints,omitempty"`
	Kept      []netip.Addr `json:"kept,omitempty"` // what it answers until its flattened target is looked up
}

// Endpoint is one check at one address, target or dial host of one site.
type Endpoint struct {
	ID       string       `json:"id"`
	Site     string       `json:"site"`             // site ID
	Check    string       `json:"check"`            // check ID: SITE/CHECK
	Address  netip.Addr   `json:"address,omitzero"` // or Host, a name that is looked up for each probe
	Host     string       `json:"host,omitempty"`
	Spec     health.Check `json:"spec"`
	Agree    health.Agree `json:"agree,omitempty"`
	Revision uint64       `json:"revision"` // the log index at which this form of the check was declared

	Verdict  health.Verdict `json:"verdict"`
	Since    Clock          `json:"since"`
	Wall     time.Time      `json:"wall,omitzero"`
	Index    uint64         `json:"index"`                   // of the verdict
	Presumed bool           `json:"presumed_down,omitempty"` // new at a site that was down: down until its verdict is up
	Votes    []Vote         `json:"votes,omitempty"`         // by node
}

// Vote is one node's standing opinion of an endpoint.
type Vote struct {
	Node        string         `json:"node"`
	Session     uint64         `json:"session"`
	Opinion     health.Opinion `json:"opinion"`
	Reason      health.Reason  `json:"reason,omitempty"`
	Detail      string         `json:"detail,omitempty"`
	At          Clock          `json:"at"`
	FirstFailed Clock          `json:"first_failed,omitempty"` // of the run behind a vote down
}

// Down says whether the endpoint counts as down by measurement.
func (e *Endpoint) Down() bool {
	return e.Verdict == health.VerdictDown || e.Presumed && e.Verdict == health.VerdictUnknown
}

// Group is a steered group and what it answers now.
type Group struct {
	GroupDecl
	Zone record.Name `json:"zone"`

	Active      string      `json:"active"` // site ID
	ActiveSince Clock       `json:"active_since"`
	ActiveWall  time.Time   `json:"active_wall,omitzero"`
	Rule        string      `json:"rule"`   // why: one of routing's rules
	States      []SiteState `json:"states"` // in the order of Sites
	Pin         *Pin        `json:"pin,omitempty"`
	DrillsSince Clock       `json:"drills_since,omitempty"` // since when its schedules of drills stand
	DrillSeen   int64       `json:"drill_seen,omitempty"`   // the last occurrence that was taken, in seconds since 1970
	Answers     []Answer    `json:"answers"`                // in the order of Cells
}

// SiteState is a site's standing within one group.
type SiteState struct {
	Site     string    `json:"site"`
	Up       bool      `json:"up"`
	Measured bool      `json:"measured"` // up by health alone
	Eligible bool      `json:"eligible"` // up, and no pin to another site stands
	Since    Clock     `json:"since"`    // of Up
	Wall     time.Time `json:"wall,omitzero"`
	Held     bool      `json:"held,omitempty"`
	HeldTill Clock     `json:"held_till,omitempty"` // with Held; 0: until the command failback
	Flaps    int       `json:"flaps,omitempty"`
	Returned Clock     `json:"returned,omitempty"` // when it last came up again
	Incident uint64    `json:"incident,omitempty"` // the open one
}

// Answer is what the names of a cell have now: addresses of either family, or a target.
type Answer struct {
	A      []netip.Addr `json:"a,omitempty"`
	AAAA   []netip.Addr `json:"aaaa,omitempty"`
	Target record.Name  `json:"target,omitempty"`
}

// Pin is an operator's word above preference and failback.
type Pin struct {
	Site       string    `json:"site"` // site ID
	Forced     bool      `json:"forced,omitempty"`
	BreakGlass bool      `json:"break_glass,omitempty"` // with Forced: above a switch that is off, too
	Drill      uint64    `json:"drill,omitempty"`       // it is this drill's
	Author     string    `json:"author"`
	Reason     string    `json:"reason"`
	Since      Clock     `json:"since"`
	Wall       time.Time `json:"wall,omitzero"`
	Expires    Clock     `json:"expires,omitempty"` // 0: never
	Warned     bool      `json:"warned,omitempty"`
}

// Scope is what kind of thing an override speaks of.
type Scope string

// The scopes.
const (
	ScopeSite     Scope = "site"
	ScopeAddress  Scope = "address" // SITE@ADDRESS
	ScopeEndpoint Scope = "endpoint"
	ScopeCheck    Scope = "check"
	ScopeNode     Scope = "node"
)

// Word is what an override says.
type Word string

// The words: down and up for sites, addresses and endpoints, mute for checks and nodes.
const (
	ForceDown Word = "down"
	ForceUp   Word = "up"
	Mute      Word = "mute"
)

// Override is an operator's word above verdicts.
type Override struct {
	Scope   Scope     `json:"scope"`
	Target  string    `json:"target"`
	Word    Word      `json:"word"`
	Author  string    `json:"author"`
	Reason  string    `json:"reason"`
	Since   Clock     `json:"since"`
	Wall    time.Time `json:"wall,omitzero"`
	Expires Clock     `json:"expires,omitempty"` // 0: never
	Forced  bool      `json:"forced,omitempty"`  // given past a refusal
	Warned  bool      `json:"warned,omitempty"`
	Window  uint64    `json:"window,omitempty"` // it is this maintenance window's
}

// Offer is what one node last offered for one zone.
type Offer struct {
	Node        string       `json:"node"`
	Incarnation string       `json:"incarnation"`
	Zone        record.Name  `json:"zone"`
	Digest      string       `json:"digest"`
	Source      string       `json:"source"`
	Drift       bool         `json:"drift,omitempty"`       // it is not in force, and will not be by itself
	Gone        bool         `json:"gone,omitempty"`        // the node's files do not have the zone any more
	Declaration *Declaration `json:"declaration,omitempty"` // only of drift: what config adopt would bring into force
	At          Clock        `json:"at"`
	Wall        time.Time    `json:"wall,omitzero"`
}

// Event is one thing that happened, in words and in fields.
type Event struct {
	ID       uint64    `json:"id"`
	Index    uint64    `json:"index"`
	Clock    Clock     `json:"clock"`
	Wall     time.Time `json:"wall,omitzero"`
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

// Incident is one departure of a site, up to its return.
type Incident struct {
	ID          uint64    `json:"id"`
	Group       string    `json:"group"`
	Site        string    `json:"site"`
	FirstFailed Clock     `json:"first_failed"` // the first failed probe behind the votes
	FirstVote   Clock     `json:"first_vote"`
	Decided     Clock     `json:"decided"`       // the verdict, and in the same commit the flip
	Wall        time.Time `json:"wall,omitzero"` // of Decided
	Index       uint64    `json:"index"`
	From        string    `json:"from"`               // active before
	To          string    `json:"to"`                 // active after; the same where nothing moved
	Endpoint    string    `json:"endpoint,omitempty"` // whose verdict decided
	Votes       []Vote    `json:"votes,omitempty"`
	Cause       string    `json:"cause"`
	Returned    Clock     `json:"returned,omitempty"` // the site was up again
	ReturnWall  time.Time `json:"return_wall,omitzero"`
	Back        Clock     `json:"back,omitempty"` // it was active again
	BackWall    time.Time `json:"back_wall,omitzero"`
	Measures    []Measure `json:"measures,omitempty"` // how fast each node followed, once the leader has asked
}

// Request remembers a write's outcome, so that a repeated one has no second effect.
type Request struct {
	ID      string   `json:"id"`
	Index   uint64   `json:"index"`
	Refusal *Refusal `json:"refusal,omitempty"`
}
