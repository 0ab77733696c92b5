package node

import (
	"log/slog"
	"maps"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"failoverdns/emergency"
	"failoverdns/health"
	"failoverdns/state"
	"failoverdns/zone"
)

// Answered is what a node answers, and by which words of its own it differs from the replicated state.
type Answered struct {
	State *state.State // the replicated state, but for groups that Local settles otherwise: never to be applied to
	Local Local
}

// Local is the words that this node alone goes by, at one moment. The zero value is the common case: none.
type Local struct {
	Silence   time.Duration // for so long no leader has been in contact
	Emergency []Emergency   // the lines of the emergency file that have not expired, in its order
	Data      string        // the data directory with the emergency file, as failoverctl local takes it
	Invalid   string        // why the emergency file is ignored: the line, what is wrong, and the way out
	Modes     []Mode        // zones that are served by their no-quorum rule now, by name; never those on hold
	Hold      int           // zones that hold what was last agreed, without a leader
}

// Emergency is a line of the emergency file.
type Emergency struct {
	emergency.Pin
	Groups []string // that answer by it
	Vain   string   // why it has no effect; empty if it has
}

// Mode is a zone that is served by its no-quorum rule.
type Mode struct {
	Zone  string // without a final dot
	key   string // in State.Zones
	Rule  state.NoQuorum
	Since time.Time
	Own   map[string]health.Opinion // local: by endpoint, the counts that stand in place of the cluster's verdicts
}

// RuleRefuse is the word by which names of a group get SERVFAIL; the other words are the state's Rule constants.
const RuleRefuse = "no-quorum-refuse"

// rules are the words of this node's own by which groups answer.
func (a *Answered) rules() map[string]string {
	out := map[string]string{}
	for _, m := range a.Local.Modes {
		z, ok := a.State.Zones.Get(m.key)
		for i := 0; ok && m.Rule.Mode == state.NoQuorumRefuse && i < len(z.Groups); i++ {
			out[z.Groups[i]] = RuleRefuse
		}
	}
	if len(a.Local.Modes)+len(a.Local.Emergency) == 0 {
		return out
	}
	for name, g := range a.State.Groups.All() {
		if g.Rule == state.RuleEmergency || g.Rule == state.RuleLocal {
			out[name] = g.Rule
		}
	}
	return out
}

// Rule is the word of this node's own by which a group answers, or refuses; empty if it follows the cluster.
func (a *Answered) Rule(group string) string { return a.rules()[group] }

// answering decides what this node answers: the replicated state, or a view of it by local words. It owns the zones'
// images: whoever has a new state, or new words, comes here.
type answering struct {
	zones   *zone.Set
	log     *slog.Logger
	opinion func(*state.Endpoint) (o health.Opinion, good bool) // as Ballot.Own gives it

	caught func() bool // all that a leader had committed was applied here once; set before load

	shown atomic.Pointer[Answered]

	mu     sync.Mutex // guards the rest, and the changing of zones
	blank  bool       // this node is new, and answers nothing until it has caught up
	base   *state.State
	baseAt time.Time   // when base came
	view   *state.View // nil: what is answered is base
	marks  map[string]zone.Mark
	file   file
	lead   lead
	modes  map[string]*mode // by zone key
}

func newAnswering(zones *zone.Set, opinion func(*state.Endpoint) (health.Opinion, bool), log *slog.Logger) *answering {
	return &answering{zones: zones, log: log, opinion: opinion, modes: map[string]*mode{}}
}

// load begins with a recovered state and the emergency file as it is now, so that the first answer is right.
func (a *answering) load(st *state.State, f file) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.base, a.baseAt, a.file = st, time.Now(), f
	if a.blank = st.Zones.Len() == 0; a.blank {
		a.shown.Store(&Answered{State: st})
		return
	}
	a.begin(Local{})
}

// begin shows the base state whole.
func (a *answering) begin(before Local) {
	now := a.decide()
	a.zones.Mark(a.marks)
	a.zones.Load(now.State)
	a.shown.Store(now)
	a.tell(before, now.Local)
}

// waits says whether there is nothing to answer yet: a new node passes through states of long ago on its way to the
// cluster's. Once that is over it begins.
func (a *answering) waits() bool {
	if a.blank && a.caught() {
		a.blank = false
		a.begin(Local{})
	}
	return a.blank
}

// isBlank says whether this node is new and answers nothing yet.
func (a *answering) isBlank() bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.blank
}

// applied follows a command. Without local words it costs what the command changed, and no more.
func (a *answering) applied(st *state.State, changes []state.ZoneChange) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.base, a.baseAt = st, time.Now()
	if a.blank {
		a.waits()
		return
	}
	if a.quiet() {
		a.zones.Update(st, changes)
		was := a.shown.Load().Local
		a.shown.Store(&Answered{State: st, Local: was})
		return
	}
	a.show(changes)
}

// heardOf takes what is known of leaders, and looks whether words begin or end.
func (a *answering) heardOf(l lead) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.lead = l
	if !a.waits() {
		a.show(nil)
	}
}

// read takes the emergency file as it was just read.
func (a *answering) read(f file) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if f.text == a.file.text && f.fault() == a.file.fault() {
		return
	}
	a.file = f
	if !a.waits() {
		a.show(nil)
	}
}

// quiet says that no local word was in effect, nor can begin by a command.
func (a *answering) quiet() bool {
	return a.view == nil && len(a.marks) == 0 && len(a.modes) == 0 && len(a.file.pins) == 0
}

// show decides anew, and brings the images to it: those that a command changed, and those that local words did.
func (a *answering) show(changes []state.ZoneChange) {
	before, marks := a.shown.Load(), a.marks
	now := a.decide()
	if now.State != before.State {
		changes = append(slices.Clone(changes), state.ChangedAnswers(before.State, now.State)...)
	}
	for _, key := range slices.Sorted(maps.Keys(both(marks, a.marks))) {
		if !marks[key].Equal(a.marks[key]) {
			changes = append(changes, state.ZoneChange{Zone: key})
		}
	}
	a.zones.Mark(a.marks)
	a.zones.Update(now.State, changes)
	a.shown.Store(now)
	a.tell(before.Local, now.Local)
}

func both(a, b map[string]zone.Mark) map[string]zone.Mark {
	out := maps.Clone(a)
	if out == nil {
		out = map[string]zone.Mark{}
	}
	maps.Copy(out, b)
	return out
}

// decide works out the view of the base state by the words that are in effect now, and how zones are served by it.
func (a *answering) decide() *Answered {
	now := time.Now()
	words := state.Local{Clock: a.base.Clock + now.Sub(a.baseAt), Wall: now}
	l := Local{Silence: a.lead.silence, Data: a.file.dir, Invalid: a.file.fault()}
	l.Emergency, words.Pins = a.file.words(a.base, now)
	l.Modes, words.Counts, words.Seen = a.modesNow(now)
	l.Hold = a.holding(l.Modes)
	answered := &Answered{State: a.base}
	if len(words.Pins)+len(words.Counts) == 0 {
		a.view = nil
	} else {
		a.view = a.base.View(words, a.view)
		answered.State = a.view.State
		a.tellTurns()
		tellVain(l.Emergency, a.view.Vain)
	}
	answered.Local = l
	a.marks = a.marksNow(answered.State)
	return answered
}

// marksNow says which zones are served otherwise than the common way.
func (a *answering) marksNow(shown *state.State) map[string]zone.Mark {
	marks := map[string]zone.Mark{}
	for key, m := range a.modes {
		marks[key] = zone.Mark{Local: true}
		if z, ok := a.base.Zones.Get(key); ok && m.rule.Mode == state.NoQuorumRefuse {
			marks[key] = zone.Mark{Local: true, Withheld: slices.DeleteFunc(slices.Clone(z.Groups), func(g string) bool { return pinned(shown, g) })}
		}
	}
	if a.view == nil {
		return marks
	}
	for key := range a.view.Differ {
		m := marks[key]
		m.Local = true
		marks[key] = m
	}
	return marks
}

// pinned says whether the emergency file has a group answer: refusing gives way to an operator's word.
func pinned(shown *state.State, group string) bool {
	g, ok := shown.Groups.Get(group)
	return ok && g.Rule == state.RuleEmergency
}

// holding counts the zones that go on with what was last agreed while no leader has been in contact for long.
func (a *answering) holding(modes []Mode) int {
	if a.lead.silence < staleAfter {
		return 0
	}
	return a.base.Zones.Len() - len(modes)
}

// tellTurns logs what own counts turned.
func (a *answering) tellTurns() {
	for _, e := range a.view.Events {
		a.log.Warn("without a quorum, by this node's own counts: "+e.Text, "group", e.Group)
	}
}

// tell logs the words that begin and end.
func (a *answering) tell(was, is Local) {
	if is.Invalid != was.Invalid && is.Invalid != "" {
		a.log.Error("the emergency file is ignored as a whole", "reason", is.Invalid)
	}
	a.tellEmergency(was.Emergency, is.Emergency)
	a.tellModes(was.Modes, is.Modes)
}
