package node

import (
	"net/netip"
	"time"

	"failoverdns/state"
	"failoverdns/webhook"
)

// Config is all that a Corefile says of the node itself, and what it declares. The node-local part is never compared
// with other nodes'.
type Config struct {
	ID        string // empty: a random one, kept in the data directory
	DataDir   string
	Listen    string  // HOST:PORT of Raft and node-to-node calls; empty for a node on its own
	Advertise string  // what peers dial; default Listen
	Peers     []Peer  // the first voters, this node included; empty for a node on its own
	Join      *JoinAt // instead of peers: the cluster to join
	Role      state.Role
	Probe     bool
	TLS       *TLSFiles
	Timing    Timing

	Admin AdminConfig

	Canary       []string // HOST:PORT, tested at each failed probe
	AllowTargets []netip.Prefix
	Resolvers    []string // IP:PORT; empty: the system's

	Webhooks []webhook.Target // told of events while this node leads

	Snapshots Snapshots

	Declarations []*state.Declaration // handed over: a running node's Config has them no more, see Node.own
	Version      string
}

// Peer is one of the first voters.
type Peer struct {
	ID      string
	Address string // HOST:PORT
}

// JoinAt is how a node without state gets into a running cluster.
type JoinAt struct {
	Address   string // HOST:PORT of any member
	TokenFile string
}

// TLSFiles are paths of PEM files. They are polled and reloaded.
type TLSFiles struct {
	Cert, Key, CA string
}

// Timing is a preset of Raft's timeouts.
type Timing string

// The presets: heartbeat, election and lease timeouts of 3, 3 and 2.5 s for sites apart, 1, 1 and 0.5 s within one.
const (
	WAN Timing = "wan"
	LAN Timing = "lan"
)

// AdminConfig is where the admin API listens.
type AdminConfig struct {
	Address string // HOST:PORT; default 127.0.0.1:8053
	TLS     *TLSFiles
	Tokens  string // path
}

// pollInterval is how often files are looked at for changes.
const pollInterval = 5 * time.Second
