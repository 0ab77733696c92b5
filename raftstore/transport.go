package raftstore

import (
	"context"
	"io"
	"net"
	"time"

	"github.com/hashicorp/go-hclog"
	"github.com/hashicorp/raft"
)

const (
	// rpcTimeout bounds each of Raft's calls: a dead link blocks replication for that long.
	rpcTimeout = 3 * time.Second
	rpcPool    = 3
)

// advertised is the address that Raft knows this node by.
type advertised string

func (advertised) Network() string  { return "tcp" }
func (a advertised) String() string { return string(a) }

// streams is Raft's way through the port: raft.StreamLayer.
type streams struct {
	*handed
	dial func(ctx context.Context, id, protocol string) (*peerConn, error)
	ctx  context.Context // ends dials
}

// Dial implements raft.StreamLayer. What Raft takes for an address is an ID, by the address book.
func (s streams) Dial(id raft.ServerAddress, timeout time.Duration) (net.Conn, error) {
	ctx, cancel := context.WithTimeout(s.ctx, timeout)
	defer cancel()
	return s.dial(ctx, string(id), protocolRaft)
}

// transport is Raft's network transport with five changes. It is embedded, not wrapped: Raft looks for further
// methods on it, and would turn pre-vote off without a word.
type transport struct {
	*raft.NetworkTransport
	heard  func(word)
	asks   func(id raft.ServerID) // a node is asked to take the lead
	unfit  func(end place) error  // why Raft must not be given a snapshot
	rpcs   chan raft.RPC
	closed chan struct{}
}

func newTransport(s streams, addresses raft.ServerAddressProvider, heard func(word), asks func(raft.ServerID), unfit func(place) error, log hclog.Logger) *transport {
	t := &transport{heard: heard, asks: asks, unfit: unfit, rpcs: make(chan raft.RPC), closed: make(chan struct{}),
		NetworkTransport: raft.NewNetworkTransportWithConfig(&raft.NetworkTransportConfig{
			Stream: s, ServerAddressProvider: addresses, Logger: log, MaxPool: rpcPool, Timeout: rpcTimeout,
			MaxRPCsInFlight:         1, // no pipelining: one refusal can block replication to a follower for good (raft #612)
			MsgpackUseNewTimeFormat: true,
		})}
	go t.pump()
	return t
}

// SetHeartbeatHandler does nothing, so that heartbeats go the way of all calls: handled beside it they race with an
// old leader's write (raft #695).
func (*transport) SetHeartbeatHandler(func(raft.RPC)) {}

// TimeoutNow implements raft.Transport.
func (t *transport) TimeoutNow(id raft.ServerID, at raft.ServerAddress, q *raft.TimeoutNowRequest, a *raft.TimeoutNowResponse) error {
	t.asks(id)
	return t.NetworkTransport.TimeoutNow(id, at, q, a)
}

// Consumer implements raft.Transport.
func (t *transport) Consumer() <-chan raft.RPC { return t.rpcs }

// Close implements raft.WithClose.
func (t *transport) Close() error {
	select {
	case <-t.closed:
	default:
		close(t.closed)
	}
	t.CloseStreams() // the pool; Close alone leaves it open
	return t.NetworkTransport.Close()
}

// pump passes calls on, but for snapshots that Raft must not be given, and looks at those that tell the leader's commit index.
func (t *transport) pump() {
	for {
		select {
		case rpc := <-t.NetworkTransport.Consumer():
			switch c := rpc.Command.(type) {
			case *raft.AppendEntriesRequest:
				if c.LeaderCommitIndex > 0 {
					rpc = t.observe(rpc, word{time.Now(), c.LeaderCommitIndex})
				}
			case *raft.InstallSnapshotRequest:
				if why := t.unfit(place{c.LastLogIndex, c.LastLogTerm}); why != nil {
					go refuseSnapshot(rpc, why)
					continue
				}
			}
			select {
			case t.rpcs <- rpc:
			case <-t.closed:
				return
			}
		case <-t.closed:
			return
		}
	}
}

// refuseSnapshot keeps a snapshot from Raft. Other than a plain no, an error ends a replication that should have ended before; a
// leader's goes on and tries again.
func refuseSnapshot(rpc raft.RPC, why error) {
	_, _ = io.Copy(io.Discard, rpc.Reader) // the next call comes behind it
	rpc.Respond(&raft.InstallSnapshotResponse{}, why)
}

// observe takes the leader's word if Raft accepts the call: an old leader's is worth nothing.
func (t *transport) observe(rpc raft.RPC, w word) raft.RPC {
	to, from := rpc.RespChan, make(chan raft.RPCResponse, 1)
	rpc.RespChan = from
	go func() {
		select {
		case answer := <-from:
			to <- answer // buffered by the transport
			if r, ok := answer.Response.(*raft.AppendEntriesResponse); ok && r.Success && answer.Error == nil {
				t.heard(w)
			}
		case <-t.closed:
		}
	}()
	return rpc
}
