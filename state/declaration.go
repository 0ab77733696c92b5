package state

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"net/netip"
	"slices"
	"time"

	"failoverdns/health"
	"failoverdns/record"
)

// Declaration is what one failover block, with its zone file, says of one zone. It is data as the block means it:
// every default is filled in, every name absolute.
type Declaration struct {
	Zone     record.Name  `json:"zone"`
	Source   string       `json:"source"` // "Corefile:12", for people
	Agree    health.Agree `json:"agree,omitempty"`
	NoQuorum NoQuorum     `json:"no_quorum"`
	SOA      SOA          `json:"soa"`
	Sets     []record.Set `json:"sets,omitempty"` // everything static but the SOA: NS, glue, the zone file's
	Sites    []SiteDecl   `json:"sites,omitempty"`
	Groups   []GroupDecl  `json:"groups,omitempty"`
	Switches []SwitchDecl `json:"switches,omitempty" level:"2"`
	Rules    []RuleDecl   `json:"rules,omitempty" level:"2"`
}

// SOA holds a zone's SOA but for the serial, which the replicated state counts; Serial is the zone file's, taken
// when it is greater (RFC 1982). Times are in seconds.
type SOA struct {
	TTL     uint32      `json:"ttl"`
	MName   record.Name `json:"mname"`
	RName   record.Name `json:"rname"`
	Serial  uint32      `json:"serial,omitempty"`
	Refresh uint32      `json:"refresh"`
	Retry   uint32      `json:"retry"`
	Expire  uint32      `json:"expire"`
	Minimum uint32      `json:"minimum"`
}

// NoQuorum is what nodes do after so long without a leader.
type NoQuorum struct {
	Mode  NoQuorumMode  `json:"mode"`
	After time.Duration `json:"after,omitempty"`
}

// NoQuorumMode names a rule for the time without a quorum.
type NoQuorumMode string

// The modes; hold is the default.
const (
	NoQuorumHold   NoQuorumMode = "hold"
	NoQuorumRefuse NoQuorumMode = "refuse"
	NoQuorumLocal  NoQuorumMode = "local"
)

// SiteDecl defines a site: its addresses, or the target that stands for it, and its checks. Group is empty for a
// site that any group may name, and the group's name where the site belongs to a record with checks of its own.
type SiteDecl struct {
	Name       string       `json:"name"`
	Group      string       `json:"group,omitempty"`
	Addresses  []netip.Addr `json:"addresses,omitempty"`
	Target     record.Name  `json:"target,omitempty"`
	Flatten    bool         `json:"flatten,omitempty"`
	MinHealthy int          `json:"min_healthy"` // of each address family
	Checks     []CheckDecl  `json:"checks,omitempty"`
}

// CheckDecl is a named check of a site.
type CheckDecl struct {
	Name  string       `json:"name"`
	Check health.Check `json:"check"`
}

// ID is the site's name, prefixed by its group where it belongs to one.
func (d *SiteDecl) ID() string { return SiteID(d.Group, d.Name) }

// SiteID joins a group, which may be empty, and a site's name.
func SiteID(group, site string) string {
	if group == "" {
		return site
	}
	return group + "/" + site
}

// GroupDecl is the names that are steered together. Sites are site IDs, the most preferred first.
type GroupDecl struct {
	Name     string          `json:"name"`
	Sites    []string        `json:"sites"`
	Failback health.Failback `json:"failback"`
	AllDown  AllDown         `json:"all_down"`
	Cells    []CellDecl      `json:"cells"`
	Drills   []DrillDecl     `json:"drills,omitempty" level:"2"`
}

// AllDown is what a group answers when no site is up.
type AllDown string

// The rules for AllDown; primary is the default, last under failback manual.
const (
	AllDownPrimary AllDown = "primary"
	AllDownLast    AllDown = "last"
	AllDownAll     AllDown = "all"
)

// CellDecl is names that share one answer: equal sites, addresses, type and TTL. Without At they have the sites' own
// addresses.
type CellDecl struct {
	Names []record.Name `json:"names"`
	TTL   uint32        `json:"ttl"` // seconds
	At    []CellSite    `json:"at,omitempty"`
}

// CellSite is what the names of a cell have at one site (an ID).
type CellSite struct {
	Site      string       `json:"site"`
	Addresses []netip.Addr `json:"addresses,omitempty"`
	Target    record.Name  `json:"target,omitempty"`
}

// Digest identifies a declaration's content; its source is no part of it.
func (d *Declaration) Digest() string {
	c := *d
	c.Source = ""
	return c.sum()
}

// face identifies what clients can see of a declaration whatever is active: not how sites are probed and chosen and in
// which order, nor the sites' own addresses, which show in the groups' answers.
func (d *Declaration) face() string {
	c := *d
	c.Source, c.Agree, c.NoQuorum = "", "", NoQuorum{}
	c.Sites, c.Groups = slices.Clone(d.Sites), slices.Clone(d.Groups)
	c.Switches, c.Rules = nil, nil
	for i := range c.Sites {
		s := &c.Sites[i]
		s.Addresses, s.MinHealthy, s.Checks = nil, 0, nil
		if s.Flatten {
			s.Target, s.Flatten = "", false // its addresses show in the answers, too
		}
	}
	for i := range c.Groups {
		g := &c.Groups[i]
		g.Sites, g.Failback, g.AllDown, g.Drills = nil, health.Failback{}, "", nil
	}
	return c.sum()
}

// sum is the SHA-256 of a declaration's JSON. Its record sets pass by one by one: all of a large zone's together would
// take a hundred megabytes.
func (d *Declaration) sum() string {
	head := Declaration{Zone: d.Zone, Source: d.Source, Agree: d.Agree, NoQuorum: d.NoQuorum, SOA: d.SOA}
	rest := *d
	rest.Sets = nil
	upTo, text := len(mustJSON(&head))-len("}"), mustJSON(&rest)
	sum := sha256.New()
	sum.Write(text[:upTo])
	b := make([]byte, 0, 8<<10)
	for i := range d.Sets {
		if i == 0 {
			b = append(b, `,"sets":[`...)
		} else {
			b = append(b, ',')
		}
		if b = d.Sets[i].AppendJSON(b); len(b) > 4<<10 || i == len(d.Sets)-1 {
			sum.Write(b)
			b = b[:0]
		}
	}
	if len(d.Sets) > 0 {
		sum.Write([]byte("]"))
	}
	sum.Write(text[upTo:])
	return hex.EncodeToString(sum.Sum(nil))
}

func mustJSON(v any) []byte {
	b, err := json.Marshal(v)
	if err != nil {
		panic("state: a declaration does not encode: " + err.Error()) // plain data always does
	}
	return b
}
