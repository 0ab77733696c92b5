package main

import (
	"slices"
	"sync"
	"time"

	"failoverdns/e2e/cluster"
)

// board is what is known now. The story and the watchers write, the screen reads.
type board struct {
	mu    sync.Mutex // guards what follows
	v     view
	notes int
}

// view is one look at the board.
type view struct {
	Stage string
	Zero  time.Time // what the times of new notes are counted from
	Nodes []nodeRow
	Sites []siteRow
	Notes []note // by time
}

// nodeRow is one node, as it answers now.
type nodeRow struct {
	ID, At string
	Role   string // leader, follower; or empty while it says neither
	Answer string
	TTL    uint32
	Serial uint32
}

// siteRow is one site, and what the cluster thinks of it.
type siteRow struct {
	Name, Address string
	Rank          string // primary, secondary
	Alive         bool   // its process runs
	Verdict       string
	Votes         []voteCell // in the order of nodes
}

// voteCell is one node's vote on a site, and the latest of its own probes, oldest first.
type voteCell struct {
	Node, Opinion string
	Probes        []bool // passed
}

// note is one line of the timeline.
type note struct {
	ID    int // in the order in which they were noted
	At    time.Time
	Since time.Duration // what the act before it began
	Kind  kind
	Text  string
}

// kind is how a note is painted.
type kind int

const (
	act      kind = iota // what the story does
	passed               // a probe
	failing              // a probe
	vote                 // of one node
	decision             // verdicts and flips
	answer               // of one node
)

func newBoard(c *cluster.Cluster) *board {
	b := &board{v: view{Zero: time.Now()}}
	for _, n := range c.Nodes() {
		b.v.Nodes = append(b.v.Nodes, nodeRow{ID: n.ID, At: n.DNS})
	}
	for i, s := range c.Sites() {
		row := siteRow{Name: s.Name, Address: s.Servers[0].Address, Rank: "primary"}
		if i > 0 {
			row.Rank = "secondary"
		}
		for _, n := range c.Nodes() {
			row.Votes = append(row.Votes, voteCell{Node: n.ID})
		}
		b.v.Sites = append(b.v.Sites, row)
	}
	return b
}

// known says whether any node has answered yet.
func (v view) known() bool {
	return slices.ContainsFunc(v.Nodes, func(n nodeRow) bool { return n.Answer != "" })
}

// look copies the board.
func (b *board) look() view {
	b.mu.Lock()
	defer b.mu.Unlock()
	v := b.v
	v.Nodes, v.Notes, v.Sites = slices.Clone(v.Nodes), slices.Clone(v.Notes), slices.Clone(v.Sites)
	for i := range v.Sites {
		v.Sites[i].Votes = slices.Clone(v.Sites[i].Votes)
	}
	return v
}

// stage begins a stage of the story.
func (b *board) stage(text string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.v.Stage = text
}

// act notes what the story does. The times of notes are counted from it.
func (b *board) act(at time.Time, text string) {
	b.mu.Lock()
	b.v.Zero = at
	b.mu.Unlock()
	b.note(at, act, text)
}

// note adds a line to the timeline, at its place in time.
func (b *board) note(at time.Time, k kind, text string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	i := len(b.v.Notes)
	for i > 0 && b.v.Notes[i-1].At.After(at) {
		i--
	}
	b.v.Notes = slices.Insert(b.v.Notes, i, note{b.notes, at, at.Sub(b.v.Zero), k, text})
	b.notes++
}

// node changes the i-th node's row.
func (b *board) node(i int, change func(*nodeRow)) {
	b.mu.Lock()
	defer b.mu.Unlock()
	change(&b.v.Nodes[i])
}

// site changes the i-th site's row.
func (b *board) site(i int, change func(*siteRow)) {
	b.mu.Lock()
	defer b.mu.Unlock()
	change(&b.v.Sites[i])
}
