package node

import (
	"crypto/sha256"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"failoverdns/raftstore"
	"failoverdns/state"
)

// judge watches a trial: at each applied command on each node, and each second when nothing moves. What it holds
// nodes to is in the files named twin_*: each a naive reading of the contract that shares no code with the rules.
type judge struct {
	trial *trial

	mu    sync.Mutex // guards all that follows
	wrong []string
	count counts

	hash    map[uint64]uint64 // by index
	face    map[uint64]string // by index: what clients see
	clock   map[uint64]state.Clock
	whole   map[uint64][sha256.Size]byte // by index: of the whole state, now and then
	serials map[uint32]string            // what clients see, by serial

	last     map[string]*state.State // by node: what it answers from, or answered from last
	answered map[string][]answered   // by node: its serials
	leaders  map[string]bool         // "node term" that were seen leading
	leader   string

	probing    probing
	membership membership
	orders     []*order
	begun      []taken               // maintenance windows
	turns      []turned              // of sites' switches
	backups    map[string]*backup    // by source
	sites      map[string]standingOf // by name
	edited     bool                  // another form than the first was ever in force

	calm, trouble, turmoil time.Time // since when nothing was disturbed; when trouble was last seen; when it began
	looks                  int
}

// counts is what was run, for the summary.
type counts struct {
	schedules, steps, applied, verdicts, flips, elections, restarts, orders, kept int

	members, roles, renewals, turns, drills, windows, writes, installs, restores int
}

func (c *counts) add(o counts) {
	c.schedules += o.schedules
	c.steps += o.steps
	c.applied += o.applied
	c.verdicts += o.verdicts
	c.flips += o.flips
	c.elections += o.elections
	c.restarts += o.restarts
	c.orders += o.orders
	c.kept += o.kept
	c.members += o.members
	c.roles += o.roles
	c.renewals += o.renewals
	c.turns += o.turns
	c.drills += o.drills
	c.windows += o.windows
	c.writes += o.writes
	c.installs += o.installs
	c.restores += o.restores
}

func newJudge() *judge {
	return &judge{hash: map[uint64]uint64{}, face: map[uint64]string{}, clock: map[uint64]state.Clock{}, whole: map[uint64][sha256.Size]byte{},
		serials: map[uint32]string{}, last: map[string]*state.State{}, answered: map[string][]answered{}, leaders: map[string]bool{}, probing: newProbing(), membership: newMembership(), sites: map[string]standingOf{}, backups: map[string]*backup{}}
}

// fail notes what is wrong; the first few things are enough.
func (j *judge) fail(format string, args ...any) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.failf(format, args...)
}

func (j *judge) failf(format string, args ...any) {
	at := time.Duration(0)
	if j.trial != nil {
		at = j.trial.now()
	}
	if len(j.wrong) < 5 {
		j.wrong = append(j.wrong, fmt.Sprintf("at %s: ", at)+fmt.Sprintf(format, args...))
	}
}

func (j *judge) failed() bool {
	j.mu.Lock()
	defer j.mu.Unlock()
	return len(j.wrong) > 0
}

// disturb says that something happened on which answers depend: budgets count from now.
func (j *judge) disturb() {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.calm, j.membership.touched, j.membership.stepped = time.Now(), time.Now(), true
}

// opened looks at a process before it takes part: it answers already.
func (j *judge) opened(p *proc) {
	j.mu.Lock()
	defer j.mu.Unlock()
	st := p.node.State()
	if last := j.last[p.id]; last != nil && st.Index > last.Index {
		j.failf("%s: it answers from index %d before Raft is up, and had applied %d", p.id, st.Index, last.Index)
	}
	j.sameForAll(p, st)
	j.notBack(p, st)
	j.last[p.id] = st
	j.probing.boot(p)
}

// closed looks away from a process; its successor may be behind it by no more than back.
func (j *judge) closed(p *proc, back time.Duration) {
	j.mu.Lock()
	defer j.mu.Unlock()
	p.gone = true
	if back == 0 {
		return
	}
	// What was answered for less than that time is forgiven; the rest must come back.
	list := j.answered[p.id]
	for len(list) > 1 && time.Since(list[len(list)-1].at) < back {
		list = list[:len(list)-1]
	}
	if len(list) == 1 && time.Since(list[0].at) < back {
		list = nil
	}
	j.answered[p.id] = list
}

func (j *judge) isGone(p *proc) bool {
	j.mu.Lock()
	defer j.mu.Unlock()
	return p.gone
}

// applied looks at one command on one node, after the node's answers have moved.
func (j *judge) applied(p *proc, st *state.State, r state.Result) {
	j.mu.Lock()
	defer j.mu.Unlock()
	if p.gone {
		return
	}
	prev := j.last[p.id]
	j.last[p.id] = st
	_, seen := j.hash[st.Index]
	j.clock[st.Index] = st.Clock
	j.sameForAll(p, st)
	j.notBack(p, st)
	j.membership.rosters[st.Index] = rosterOf(st)
	installed := r.Effect.Checks && len(r.Effect.Events) == 0 // a whole snapshot: between it and prev lies more than one command
	b := j.restoredBy(j.takenAt(st))
	switch {
	case installed:
		j.count.installs++
	case b != nil:
		j.wentBack(p, prev, st, b)
		j.probing.note(st)
		if !seen {
			j.count.restores++
			j.turns = append(j.turns, turned{st.Index, b.later(b.turned, st.Clock)})
		}
	default:
		j.step(p, prev, st, r, !seen)
	}
	j.choice(p, prev, st, installed || b != nil)
	if b != nil || disturbing(prev, st) {
		j.calm = time.Now()
	}
	if !seen {
		j.tally(r)
	}
}

// step holds one command's effect to the rules; first tells that no node has applied it before.
func (j *judge) step(p *proc, prev, st *state.State, r state.Result, first bool) {
	j.probing.note(prev) // it was so until now
	j.probing.note(st)
	j.verdicts(p, prev, st, r)
	j.raised(p, prev, st)
	j.offers(p, prev, st)
	if first {
		j.votes(p, prev, st, r)
		j.holds(p, prev, st)
		j.rules(p, prev, st)
		j.planned(p, prev, st)
		j.members(p, prev, st)
	}
}

func (j *judge) tally(r state.Result) {
	j.count.applied++
	for _, e := range r.Effect.Events {
		switch e.Type {
		case "flip":
			j.count.flips++
		case "verdict":
			j.count.verdicts++
		case "switch-set":
			j.count.turns++
		case "drill-started":
			j.count.drills++
		case "maintenance-started":
			j.count.windows++
		case "records":
			j.count.writes++
		}
	}
}

// disturbing says whether a command changed what verdicts are made from.
func disturbing(a, b *state.State) bool {
	if digest(a) != digest(b) || strings.Join(probers(a), " ") != strings.Join(probers(b), " ") || !maps.Equal(rosterOf(a), rosterOf(b)) {
		return true
	}
	for _, id := range five {
		if muted(a, id) != muted(b, id) {
			return true
		}
	}
	return false
}

// look is the judge's round, each second when nothing moves.
func (j *judge) look() {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.looks++
	j.noteTrouble()
	j.noteCertificates()
	j.noteCompany()
	for _, id := range five {
		p := j.trial.procs[id]
		if p == nil {
			continue
		}
		st := p.node.State()
		j.sameForAll(p, st)
		j.noteLeader(p)
		j.ordersKept(p, st)
		j.heldTooLong(p, st)
		if j.looks%20 == 0 {
			j.sameWhole(p, st)
		}
	}
	j.budgets()
}

func (j *judge) noteLeader(p *proc) {
	s := p.node.Status()
	if key := fmt.Sprint(p.id, " ", s.Term); s.Self && !j.leaders[key] {
		j.leaders[key] = true
		j.count.elections++
		if j.leader != p.id && j.partial() {
			j.calm = time.Now() // whose votes count depends on who leads
		}
		j.leader = p.id
	}
	if !j.outside(p.id, s.Phase) {
		j.failf("%s is %s: %s", p.id, s.Phase, s.Detail)
	}
}

// noteCertificates: while a certificate has ended, who hears its node is chance: it goes by which connections are old.
// So nothing is owed within a time until it is renewed, but the node answers, and all else is owed as ever.
func (j *judge) noteCertificates() {
	for _, id := range five {
		if !j.trial.expired(id) {
			continue
		}
		j.calm, j.membership.touched, j.membership.stepped = time.Now(), time.Now(), true
		p := j.trial.procs[id]
		if l := p.node.Lookup(seen[1].name, seen[1].kind); digest(p.node.State()) != "" && !p.own() && len(l.Answer) == 0 {
			j.failf("%s, whose certificate has ended, answers %s %v", id, l.RCode, l.Answer)
		}
	}
}

// noteTrouble keeps when the world was last out of order, and since when.
func (j *judge) noteTrouble() {
	now := time.Now()
	if !j.trial.troubled() {
		return
	}
	if now.Sub(j.trouble) > sessionEnd {
		j.turmoil = now
	}
	j.trouble = now
}

// troubled says whether links are cut, processes down, or certificates at their end.
func (tr *trial) troubled() bool {
	for _, cut := range tr.cuts {
		if cut {
			return true
		}
	}
	return slices.ContainsFunc(five, func(id string) bool { return tr.dirs[id] != "" && tr.procs[id] == nil || tr.expired(id) })
}

// final looks at a cluster that was left alone: everybody answers alike and has everything. Where operators took the
// quorum away by force there is nothing to look at.
func (j *judge) final() {
	j.mu.Lock()
	defer j.mu.Unlock()
	leader := j.leads()
	if leader == "" || !j.trial.quorate(j.trial.company(leader)) {
		return
	}
	lead := j.trial.procs[leader].node.State()
	for _, m := range j.trial.procs[leader].node.store.Members() {
		if at := j.trial.address(m.ID); at != m.Address && j.trial.place[m.ID].runs {
			j.failf("in the end %s leads, and has %s at %s; it is at %s", leader, m.ID, m.Address, at)
		}
	}
	j.replicasVote(leader)
	for _, id := range five {
		p := j.trial.procs[id]
		switch {
		case p == nil:
		case !slices.Contains(j.trial.place[leader].members, id):
			j.finalOutside(p, leader)
		case p.node.store.Status().Phase == raftstore.PhaseWiped:
			if ok, _ := p.node.Ready(); ok {
				j.failf("in the end %s is wiped, and ready", id)
			}
		default:
			j.finalMember(p, leader, lead)
		}
	}
}

// lagging says whether a member has not applied yet what the leader has.
func (j *judge) lagging() bool {
	leader := j.leads()
	return leader != "" && slices.ContainsFunc(j.trial.place[leader].members, func(id string) bool {
		p := j.trial.procs[id]
		return p != nil && p.node.State().Index != j.trial.procs[leader].node.State().Index
	})
}

func (j *judge) finalMember(p *proc, leader string, lead *state.State) {
	id, st := p.id, p.node.State()
	if ok, why := p.node.Ready(); ok == (j.trial.roleOf(id) == state.Witness) {
		j.failf("in the end %s, a %s, is ready: %t %s", id, j.trial.roleOf(id), ok, why)
	}
	if st.Index != lead.Index {
		j.failf("in the end %s is at index %d, %s at %d", id, st.Index, leader, lead.Index)
	}
	j.sameWhole(p, st)
	j.sessionsOpen(p, st)
	want := form(j.trial.form[id], j.trial.switches).Digest()
	if o, ok := st.Offer(id, seen[0].name); !ok || o.Digest != want || o.Drift && want == digest(st) {
		j.failf("in the end the state does not hold what %s's file says: offer %+v, in force %.8s, its file %.8s", id, o, digest(st), want)
	}
	if n, ok := st.Nodes.Get(id); !ok || n.Role != j.trial.roleOf(id) || n.Prober() != (n.Role != state.Replica) {
		j.failf("in the end %s, a %s by its file, is a %s and counts as a probing node: %t", id, j.trial.roleOf(id), n.Role, n.Prober())
	}
}

// sessionsOpen: in the end the votes of everybody who probes count.
func (j *judge) sessionsOpen(p *proc, st *state.State) {
	for _, interval := range intervals(st) {
		for id, n := range st.Nodes.All() {
			s, ok := st.Sessions.Get(state.SessionKey(id, interval))
			if q := j.trial.procs[id]; n.Probe && q != nil && j.trial.place[id].runs && (!ok || s.Boot != q.node.boot) {
				j.failf("in the end %s has no open session for %s's checks each %s: %+v", p.id, id, interval, s)
			}
		}
	}
}

func intervals(st *state.State) (out []time.Duration) {
	for _, e := range st.Endpoints.All() {
		if !slices.Contains(out, e.Spec.Interval) {
			out = append(out, e.Spec.Interval)
		}
	}
	return out
}
