package node

import (
	"context"
	"time"

	"failoverdns/health"
	"failoverdns/probes"
	"failoverdns/raftstore"
)

// Service is a part that stands above the node and lives as long as it does: the admin API, a listener.
type Service interface {
	Name() string
	Start(n *Node) error
	Reload(n *Node) error // n.Config() has changed
	Stop(ctx context.Context) error
}

// Status is a node's view of itself and of the cluster.
type Status struct {
	raftstore.Status
	ID         string
	Version    string
	StateAge   time.Duration
	Quorum     bool // a leader is in contact with a majority, and this node with it
	Ready      bool
	NotReady   string                   // why, in words
	Silent     bool                     // it never answers: a witness
	Witness    bool                     // it is not ready only because it never answers
	Contact    map[string]time.Duration // by node ID: time since it was last heard; the leader knows all, others the leader's
	Abstaining int                      // endpoints on which this node abstains
	Refused    []string                 // why declarations of this node were refused
	Diverged   []string                 // nodes whose state differs from the leader's at the same index
	CertExpiry time.Time                // of this node's certificate; zero without one
}

// Latest is this node's own probing of one endpoint.
type Latest struct {
	Vote      health.Opinion
	Successes int             // in a row
	Failures  int             // as its check counts them: in a row, or in the window
	Results   []probes.Result // newest first
}

// Report is what one member says of itself, asked just now.
type Report struct {
	ID        string            `json:"id"`
	Reachable bool              `json:"-"`
	Error     string            `json:"-"` // why it is not reachable
	Version   string            `json:"version"`
	Index     uint64            `json:"index"` // of the state from which it answers queries
	Hash      uint64            `json:"hash"`  // of that state
	StateAge  time.Duration     `json:"state_age"`
	Active    map[string]string `json:"active"`          // group: the site ID that it answers with
	Rules     map[string]string `json:"rules,omitempty"` // group: the word of its own by which it answers, or refuses

	Level   int                      `json:"level,omitempty"`   // the highest feature level that its version knows
	Contact time.Duration            `json:"contact,omitempty"` // since the leader's last word; negative if there was none
	Heard   map[string]time.Duration `json:"heard,omitempty"`   // of the leader: since it last heard of each node
}

// Lookup is a DNS answer in presentation form.
type Lookup struct {
	RCode     string   // NOERROR, NXDOMAIN, REFUSED, SERVFAIL
	Answer    []string // records of the answer section
	Authority []string
}
