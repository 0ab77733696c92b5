package raftstore

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// hello is what nodes tell each other before the first start.
type hello struct {
	ID          string `json:"id"`
	Incarnation string `json:"incarnation"`
	HasState    bool   `json:"has_state"`
	Peers       []Peer `json:"peers"`
	// Known is the incarnation of each member that this node knows one of: as the replicated state has it, and where
	// it has none, as it was seen at the bootstrap.
	Known map[string]string `json:"known,omitempty"`
	// Members are the IDs of the cluster's members, of a node that is in a leader's contact.
	Members []string `json:"members,omitempty"`
	// Configured are the same as this node has them, in contact or not.
	Configured []string `json:"configured,omitempty"`
	// Voters are those of them for whom this node would vote.
	Voters []string `json:"voters,omitempty"`
	// Whereabouts is where this node has members, so that two that moved find each other by way of a third.
	Whereabouts []Peer `json:"whereabouts,omitempty"`
	Last        uint64 `json:"last,omitempty"` // index of the log's last entry
	// Decided is the index up to which this node knows what was decided: its lists are no older.
	Decided uint64 `json:"decided,omitempty"`
	// Removal is how the node that asks was taken out of the cluster, if it was.
	Removal *Removal `json:"removal,omitempty"`
}

// answer is what came of saying hello to one peer.
type answer struct {
	hello hello
	err   error
}

// move is what a node without state does next.
type move int

const (
	moveWait      move = iota
	moveBootstrap      // make the cluster, with Genesis as its first incarnations
	moveFollow         // take the log of those who have it
	moveWiped          // the cluster knows this node by another data directory
)

// verdict is a move and why.
type verdict struct {
	move    move
	waits   []Wait            // of moveWait and moveWiped
	genesis map[string]string // of moveBootstrap: every first voter's incarnation
}

// Wait is a node that this one waits for.
type Wait struct {
	ID  string
	Why string
}

// decide is the rule of the first start (pure). me has no state; answers has one entry for each other peer.
//
// A peer that has state and lists me.Incarnation settles it, whatever others say: only a node that saw this very data
// directory can know it. Otherwise any peer with state forbids a bootstrap, and one that knows this ID by another
// incarnation means that this disk was wiped: voting with it could be voting twice.
func decide(me hello, answers map[string]answer) verdict {
	var v verdict
	wiped := false
	for _, p := range me.Peers {
		if p.ID == me.ID {
			continue
		}
		a := answers[p.ID]
		known := a.hello.Known[me.ID]
		switch {
		case a.err == nil && a.hello.HasState && known == me.Incarnation:
			return verdict{move: moveFollow}
		case a.err == nil && a.hello.HasState && known != "":
			wiped = true
			v.waits = append(v.waits, Wait{p.ID, "it knows this node by another data directory: remove it, then join"})
		default:
			if why := obstacle(me, a); why != "" {
				v.waits = append(v.waits, Wait{p.ID, why})
			}
		}
	}
	switch {
	case wiped:
		v.move = moveWiped
	case len(v.waits) == 0:
		v.move, v.genesis = moveBootstrap, genesisOf(me, answers)
	}
	return v
}

// obstacle is why a peer's answer does not allow a bootstrap; empty if it does.
func obstacle(me hello, a answer) string {
	switch {
	case a.err != nil:
		return a.err.Error()
	case a.hello.HasState:
		return "it is in a cluster that does not list this node: join that one, or clear the data directory there"
	case !samePeers(me.Peers, a.hello.Peers):
		return fmt.Sprintf("its list of peers is %s, here it is %s: make them equal and reload", peerList(a.hello.Peers), peerList(me.Peers))
	default:
		return ""
	}
}

func genesisOf(me hello, answers map[string]answer) map[string]string {
	out := map[string]string{me.ID: me.Incarnation}
	for id, a := range answers {
		out[id] = a.hello.Incarnation
	}
	return out
}

func sortedPeers(p []Peer) []Peer {
	return slices.SortedFunc(slices.Values(p), func(a, b Peer) int { return cmp.Compare(a.ID, b.ID) })
}

func samePeers(a, b []Peer) bool { return slices.Equal(sortedPeers(a), sortedPeers(b)) }

func peerList(peers []Peer) string {
	var parts []string
	for _, p := range sortedPeers(peers) {
		parts = append(parts, p.ID+" "+p.Address)
	}
	return fmt.Sprintf("%q", strings.Join(parts, ", "))
}
