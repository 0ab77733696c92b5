package api

import (
	"context"
	"net/http"
	"net/url"
	"time"
)

// MaxRecordsBody bounds the body of POST /v1/records, in bytes.
const MaxRecordsBody = 4 << 20

// MaxRecords bounds the record sets of one answer to GET /v1/records.
const MaxRecords = 10_000

// Zones is GET /v1/zones[?zone=NAME].
type Zones struct {
	Meta
	Zones []Zone `json:"zones"`
}

// Zone is a served zone.
type Zone struct {
	Zone       string   `json:"zone"` // absolute, with the final dot
	Serial     uint32   `json:"serial"`
	Source     string   `json:"source"`           // the file and line that declares it, or the command that made it
	Author     string   `json:"author,omitempty"` // who made it by command; empty where a file declares it
	DeclaredBy []string `json:"declared_by"`      // nodes whose files have it
	Declared   int      `json:"declared"`         // record sets
	Dynamic    int      `json:"dynamic"`          // record sets
	Steered    int      `json:"steered"`          // names
	Groups     []string `json:"groups"`
}

// Kinds of record sets.
const (
	SetDeclared = "declared" // from a file
	SetDynamic  = "dynamic"  // from a command
	SetSteered  = "steered"  // what a group answers now
)

// Records is GET /v1/records?zone=NAME[&name=NAME][&type=TYPE][&dynamic]: all record sets but the SOA.
type Records struct {
	Meta
	Zone    string      `json:"zone"`
	Serial  uint32      `json:"serial"`
	Records []RecordSet `json:"records"`
	More    bool        `json:"more,omitempty"` // there are more than MaxRecords: name one, or export the zone
}

// RecordSet is one record set, its data in presentation form.
type RecordSet struct {
	Name    string     `json:"name"` // absolute, with the final dot
	Type    string     `json:"type"`
	TTL     uint32     `json:"ttl"` // seconds
	Data    []string   `json:"data"`
	Kind    string     `json:"kind"`              // one of the Set constants
	Version uint64     `json:"version,omitempty"` // of a dynamic one: the log index of its last change
	Author  string     `json:"author,omitempty"`
	Reason  string     `json:"reason,omitempty"`
	At      *time.Time `json:"at,omitempty"`
	Source  string     `json:"source,omitempty"` // of any other: file and line, or the group
}

// ZoneText is GET /v1/zones/export?zone=NAME: a zone file (RFC 1035 section 5) with the answers of now.
type ZoneText struct {
	Meta
	Zone string `json:"zone"`
	Text string `json:"text"`
}

// RecordsRequest is POST /v1/records: all of the changes happen, or none.
type RecordsRequest struct {
	Who
	Zone    string         `json:"zone"`
	Changes []RecordChange `json:"changes"`
}

// Verbs of a RecordChange.
const (
	RecordsSet    = "set"    // the set is these records, whatever it was
	RecordsDelete = "delete" // there is no such set any more
	RecordsAdd    = "add"    // these records are in the set too
	RecordsRemove = "remove" // these records are not in the set any more; the last one takes the set with it
)

// RecordChange changes one dynamic record set.
type RecordChange struct {
	Verb    string   `json:"verb"`
	Name    string   `json:"name"` // with a final dot absolute, else below the zone; @ is the zone itself
	Type    string   `json:"type"`
	TTL     *uint32  `json:"ttl,omitempty"`     // seconds; else that of the set, or 300
	Data    []string `json:"data,omitempty"`    // presentation form; TXT without quotes is one text as it stands
	Version *uint64  `json:"version,omitempty"` // that the set must have; 0: there must be none
}

// ZoneRequest is PUT /v1/zones: a zone that no file declares.
type ZoneRequest struct {
	Who
	Zone        string       `json:"zone"`
	NameServers []NameServer `json:"nameservers"`
	TTL         uint32       `json:"ttl,omitempty"`     // seconds, of negative answers; else 60
	Replace     bool         `json:"replace,omitempty"` // give one that was made so other name servers
}

// NameServer is a name server of a zone, with its addresses where it stands within the zone.
type NameServer struct {
	Name      string   `json:"name"`
	Addresses []string `json:"addresses,omitempty"`
}

// ZoneDeleteRequest is DELETE /v1/zones; its fields travel in the query.
type ZoneDeleteRequest struct {
	Who
	Zone  string `json:"zone"`
	Force bool   `json:"force,omitempty"`
}

// Zones asks for all zones, or for one.
func (c *Client) Zones(ctx context.Context, zone string) (*Zones, error) {
	a := new(Zones)
	return a, c.get(ctx, "/v1/zones", given("zone", zone), a)
}

// ExportZone asks for a zone as a zone file.
func (c *Client) ExportZone(ctx context.Context, zone string) (*ZoneText, error) {
	a := new(ZoneText)
	return a, c.get(ctx, "/v1/zones/export", given("zone", zone), a)
}

// RecordsQuery says which record sets of a zone are asked for: all, but for what its fields leave out.
type RecordsQuery struct {
	Zone    string
	Name    string // of this name only
	Type    string // of this type only
	Dynamic bool   // only dynamic ones
}

// Records asks for a zone's record sets.
func (c *Client) Records(ctx context.Context, r RecordsQuery) (*Records, error) {
	a, q := new(Records), given("zone", r.Zone, "name", r.Name, "type", r.Type)
	if r.Dynamic {
		q.Set("dynamic", "true")
	}
	return a, c.get(ctx, "/v1/records", q, a)
}

// ChangeRecords changes dynamic record sets of one zone.
func (c *Client) ChangeRecords(ctx context.Context, r RecordsRequest, plan bool) (*Written, error) {
	return c.write(ctx, http.MethodPost, "/v1/records", nil, r, plan)
}

// PutZone makes a zone that no file declares.
func (c *Client) PutZone(ctx context.Context, r ZoneRequest, plan bool) (*Written, error) {
	return c.write(ctx, http.MethodPut, "/v1/zones", nil, r, plan)
}

// DeleteZone deletes a zone that no file declares any more.
func (c *Client) DeleteZone(ctx context.Context, r ZoneDeleteRequest, plan bool) (*Written, error) {
	q := r.Who.query()
	q.Set("zone", r.Zone)
	setForce(q, r.Force)
	return c.write(ctx, http.MethodDelete, "/v1/zones", q, nil, plan)
}

// given is a query of the pairs whose value is not empty.
func given(pairs ...string) url.Values {
	q := url.Values{}
	for i := 0; i < len(pairs); i += 2 {
		if pairs[i+1] != "" {
			q.Set(pairs[i], pairs[i+1])
		}
	}
	return q
}
