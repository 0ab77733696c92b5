package raftstore

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"slices"
	"time"

	"failoverdns/state"
	"failoverdns/trust"
)

// Config is what a Store is opened with.
type Config struct {
	ID        string     // this node's, see trust.CheckID
	Dir       string     // made if missing; of this node alone
	Listen    string     // HOST:PORT; with peers
	Advertise string     // HOST:PORT that peers dial; default: this node's address among Peers
	Peers     []Peer     // the first voters, this node included; empty for a node on its own, which opens no port
	Join      *JoinAt    // instead of Peers: the cluster that a node without state joins
	Role      state.Role // default voter; a token lets in one role
	Trust     *trust.Files
	Timing    Timing       // default WAN
	Network   Network      // default TCP
	Calls     http.Handler // answers members' calls; Caller gives their ID

	// OnApply is told of every applied entry, in log order, on Raft's FSM goroutine. It must return soon.
	OnApply func(*state.State, state.Result, Moment)

	Logger *slog.Logger // default: silence
	NoSync bool         // tests only: nothing survives a crash of the machine

	Compaction Compaction // default: what suits a small state; tests have shorter logs

	openLog func(dir string, noSync bool) (logStore, error) // default openBolt
	level   int                                             // that this node says it knows; default state.Level
}

// Peer is one of the first voters.
type Peer struct {
	ID      string `json:"id"`
	Address string `json:"address"` // HOST:PORT, by preference an IP address; never a name that this cluster serves
}

// Timing is how patient nodes are with each other.
type Timing struct {
	Heartbeat time.Duration // without a leader's word for this long (up to twice) a follower stands for election
	Election  time.Duration
	Lease     time.Duration // a leader without contact to a majority for this long steps down
	Commit    time.Duration // how often, up to twice that, followers hear of the commit index at least
}

// The presets. WAN rides out a total cut of two seconds between sites 80 ms apart; a lost leader is replaced in seven
// seconds on average.
var (
	WAN = Timing{3 * time.Second, 3 * time.Second, 2500 * time.Millisecond, 100 * time.Millisecond}
	LAN = Timing{time.Second, time.Second, 500 * time.Millisecond, 50 * time.Millisecond}
)

// Compaction is when a snapshot takes the place of the log's beginning.
type Compaction struct {
	Threshold uint64        // entries since the last snapshot for which it is worth a new one
	Trailing  uint64        // entries before a snapshot that stay: a follower that was away for fewer needs none
	Every     time.Duration // how often, up to twice that, the log is looked at
}

// compaction is the default: the state is small, so is the log.
var compaction = Compaction{Threshold: 256, Trailing: 1024, Every: 60 * time.Second}

// Network is how nodes reach each other.
type Network interface {
	Listen(address string) (net.Listener, error)
	Dial(ctx context.Context, address string) (net.Conn, error)
}

// tcp is the Network of real nodes.
type tcp struct{}

func (tcp) Listen(address string) (net.Listener, error) { return net.Listen("tcp", address) }

func (tcp) Dial(ctx context.Context, address string) (net.Conn, error) {
	return (&net.Dialer{KeepAlive: 15 * time.Second}).DialContext(ctx, "tcp", address)
}

func (c *Config) complete() error {
	if err := trust.CheckID(c.ID); err != nil {
		return err
	}
	if c.Dir == "" {
		return errors.New("no data directory")
	}
	if c.Timing == (Timing{}) {
		c.Timing = WAN
	}
	if c.Compaction == (Compaction{}) {
		c.Compaction = compaction
	}
	if c.Network == nil {
		c.Network = tcp{}
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	if c.OnApply == nil {
		c.OnApply = func(*state.State, state.Result, Moment) {}
	}
	if c.Calls == nil {
		c.Calls = http.NotFoundHandler()
	}
	if c.openLog == nil {
		c.openLog = openBolt
	}
	if c.level == 0 {
		c.level = state.Level
	}
	if c.Role == "" {
		c.Role = state.Voter
	}
	if c.alone() {
		return nil
	}
	return c.completeCluster()
}

// alone says whether this is a node on its own, without a port.
func (c *Config) alone() bool { return len(c.Peers) == 0 && c.Join == nil }

func (c *Config) completeCluster() error {
	if c.Join == nil {
		if err := checkPeers(c.ID, c.Peers); err != nil {
			return err
		}
	}
	if c.Trust == nil {
		return errors.New("nodes of a cluster need certificates: set tls CERT KEY CA")
	}
	if id := c.Trust.ID(); id != c.ID {
		return fmt.Errorf("this node is %q, but its certificate is that of %q", c.ID, id)
	}
	if c.Listen == "" {
		return errors.New("nodes of a cluster need an address to listen on: set listen HOST:PORT")
	}
	if c.Advertise == "" {
		c.Advertise = cmp.Or(addressOf(c.Peers, c.ID), c.Listen)
	}
	return nil
}

func checkPeers(id string, peers []Peer) error {
	seen := map[string]bool{}
	for _, p := range peers {
		if err := trust.CheckID(p.ID); err != nil {
			return fmt.Errorf("peer: %w", err)
		}
		if _, _, err := net.SplitHostPort(p.Address); err != nil {
			return fmt.Errorf("peer %q: address %q is not HOST:PORT: %w", p.ID, p.Address, err)
		}
		if seen[p.ID] || seen["@"+p.Address] {
			return fmt.Errorf("peer %q at %q: the ID or the address is listed twice", p.ID, p.Address)
		}
		seen[p.ID], seen["@"+p.Address] = true, true
	}
	if !seen[id] {
		return fmt.Errorf("this node, %q, is not among its peers: the list names all first voters, this node included", id)
	}
	return nil
}

func addressOf(peers []Peer, id string) string {
	if i := slices.IndexFunc(peers, func(p Peer) bool { return p.ID == id }); i >= 0 {
		return peers[i].Address
	}
	return ""
}
