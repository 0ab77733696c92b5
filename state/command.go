package state

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"failoverdns/record"
)

// Header is what every command carries.
type Header struct {
	Clock  Clock     `json:"clock"`                      // the leader's, when it proposed; Apply takes the maximum
	Wall   time.Time `json:"wall,omitzero"`              // the leader's; for display
	ID     string    `json:"id,omitempty"`               // request ID: a second command with it has no effect
	Author string    `json:"author,omitempty"`           // who asked for it
	Node   string    `json:"node,omitempty"`             // where it entered
	Source string    `json:"source,omitempty" level:"2"` // the address that asked for it
}

// Command is one entry of the log: what is asked, and by whom and when.
type Command struct {
	Header
	Body Body
}

// Body is one kind of command; all are in this package.
type Body interface {
	kind() kind
	apply(t *txn) *Refusal
}

// kind is a command's type on the wire: never reused for another meaning.
type kind byte

const (
	kindAnnounce     kind = 1
	kindAdmit        kind = 17
	kindChangeMember kind = 18
	kindSessionOpen  kind = 2
	kindSessionClose kind = 3
	kindVotes        kind = 4
	kindDeclare      kind = 5
	kindOverride     kind = 6
	kindClear        kind = 7
	kindDue          kind = 8
	kindSwitches     kind = 28
	kindDrill        kind = 31
	kindAbortDrill   kind = 32
	kindMeasureDrill kind = 33
	kindTimedDrill   kind = 34
	kindPlanWindow   kind = 29
	kindCancelWindow kind = 30
	kindPin          kind = 9
	kindUnpin        kind = 10
	kindFailback     kind = 11
	kindAdopt        kind = 12
	kindExtend       kind = 13
	kindStage        kind = 14
	kindComplete     kind = 15
	kindResolved     kind = 16
	kindNote         kind = 44
	kindTokenCreate  kind = 20
	kindTokenRevoke  kind = 21
	kindTokenUse     kind = 22
	kindDelivered    kind = 45
	kindWebhookGone  kind = 46
	kindMeasured     kind = 47
	kindRestore      kind = 40
	kindRaise        kind = 41
	kindRecords      kind = 24
	kindCreateZone   kind = 25
	kindDeleteZone   kind = 26
	kindWithdraw     kind = 27
)

var bodies = map[kind]func() Body{
	kindAnnounce:     func() Body { return new(Announce) },
	kindAdmit:        func() Body { return new(Admit) },
	kindChangeMember: func() Body { return new(ChangeMember) },
	kindSessionOpen:  func() Body { return new(SessionOpen) },
	kindSessionClose: func() Body { return new(SessionClose) },
	kindVotes:        func() Body { return new(Votes) },
	kindDeclare:      func() Body { return new(Declare) },
	kindOverride:     func() Body { return new(SetOverride) },
	kindClear:        func() Body { return new(ClearOverride) },
	kindDue:          func() Body { return new(Due) },
	kindSwitches:     func() Body { return new(SetSwitches) },
	kindDrill:        func() Body { return new(StartDrill) },
	kindAbortDrill:   func() Body { return new(AbortDrill) },
	kindMeasureDrill: func() Body { return new(MeasureDrill) },
	kindTimedDrill:   func() Body { return new(ScheduledDrill) },
	kindPlanWindow:   func() Body { return new(PlanWindow) },
	kindCancelWindow: func() Body { return new(CancelWindow) },
	kindPin:          func() Body { return new(SetPin) },
	kindUnpin:        func() Body { return new(Unpin) },
	kindFailback:     func() Body { return new(EndHold) },
	kindAdopt:        func() Body { return new(Adopt) },
	kindExtend:       func() Body { return new(Extend) },
	kindStage:        func() Body { return new(Stage) },
	kindComplete:     func() Body { return new(Complete) },
	kindResolved:     func() Body { return new(Resolved) },
	kindNote:         func() Body { return new(Note) },
	kindTokenCreate:  func() Body { return new(TokenCreate) },
	kindTokenRevoke:  func() Body { return new(TokenRevoke) },
	kindTokenUse:     func() Body { return new(TokenUse) },
	kindDelivered:    func() Body { return new(Delivered) },
	kindWebhookGone:  func() Body { return new(ForgetWebhook) },
	kindMeasured:     func() Body { return new(Measured) },
	kindRestore:      func() Body { return new(Restore) },
	kindRaise:        func() Body { return new(Raise) },
	kindRecords:      func() Body { return new(ChangeRecords) },
	kindCreateZone:   func() Body { return new(CreateZone) },
	kindDeleteZone:   func() Body { return new(DeleteZone) },
	kindWithdraw:     func() Body { return new(Withdraw) },
}

// format is the first byte of every encoded command.
const format = 1

// MaxCommand bounds an encoded command, in bytes.
const MaxCommand = 256 << 10

// ErrUnknownCommand marks a command that this version cannot apply: a node that meets one stops applying.
var ErrUnknownCommand = errors.New("a command that this version does not know")

// ErrTooLarge marks a change that does not fit into one entry of the log.
var ErrTooLarge = errors.New("the change is too large")

// wire is the JSON part of an encoded command.
type wire struct {
	Header
	Body json.RawMessage `json:"body"`
}

// Encode gives the form that the log holds: format byte, type byte, JSON. One that is larger than MaxCommand is
// ErrTooLarge: Split it first.
func (c Command) Encode() ([]byte, error) {
	body, err := json.Marshal(c.Body)
	if err != nil {
		return nil, fmt.Errorf("encode a command: %w", err)
	}
	b, err := c.encode(body)
	if err == nil && len(b) > MaxCommand {
		return nil, fmt.Errorf("%w: %s %d bytes when encoded, and at most %d travel in one command", ErrTooLarge, what(c.Body), len(b), MaxCommand)
	}
	return b, err
}

// encode is Encode without a bound, for a body that is encoded.
func (c Command) encode(body []byte) ([]byte, error) {
	b, err := json.Marshal(wire{c.Header, body})
	if err != nil {
		return nil, fmt.Errorf("encode a command: %w", err)
	}
	return append([]byte{format, byte(c.Body.kind())}, b...), nil
}

// what names a command's content for an error about its size.
func what(b Body) string {
	d, ok := b.(*Declare)
	if !ok {
		return "it is"
	}
	var zones []string
	for _, z := range d.Declarations {
		zones = append(zones, fmt.Sprintf("%s (%s)", z.Zone.Bare(), z.Source))
	}
	if len(zones) == 1 {
		return "zone " + zones[0] + " is"
	}
	return "zones " + strings.Join(zones, ", ") + " changed together are"
}

// DecodeCommand reads what Encode wrote.
func DecodeCommand(b []byte) (Command, error) {
	if len(b) < 2 {
		return Command{}, errors.New("decode a command: it is cut short")
	}
	if b[0] != format {
		return Command{}, fmt.Errorf("%w: format %d", ErrUnknownCommand, b[0])
	}
	body, ok := bodies[kind(b[1])]
	if !ok {
		return Command{}, fmt.Errorf("%w: type %d", ErrUnknownCommand, b[1])
	}
	var w wire
	if err := json.Unmarshal(b[2:], &w); err != nil {
		return Command{}, fmt.Errorf("decode a command: %w", err)
	}
	c := Command{Header: w.Header, Body: body()}
	if err := json.Unmarshal(w.Body, c.Body); err != nil {
		return Command{}, fmt.Errorf("decode a command of type %d: %w", b[1], err)
	}
	if last, ok := c.Body.(*Complete); ok && bodies[last.Type] == nil {
		return Command{}, fmt.Errorf("%w: type %d, in chunks", ErrUnknownCommand, last.Type)
	}
	if r, ok := c.Body.(*Raise); ok && r.Level > Level {
		return Command{}, fmt.Errorf("%w: feature level %d", ErrUnknownCommand, r.Level)
	}
	return c, nil
}

// Refusal is why a command had no effect. It is an outcome, equal on all nodes, not a fault.
type Refusal struct {
	Code string `json:"code"` // one of the Refused constants
	Text string `json:"text"` // what is wrong, and the way out
}

// The codes of refusals.
const (
	RefusedNotFound   = "not-found"
	RefusedInvalid    = "invalid"
	RefusedConflict   = "conflict"    // it collides with something that stands
	RefusedUnsafe     = "needs-force" // allowed with --force only
	RefusedVersion    = "version"     // it was meant for another version of what it changes
	RefusedStale      = "stale"       // of a closed session, an old revision, another incarnation
	RefusedBusy       = "busy"        // no room for now; the same may be sent again
	RefusedIncomplete = "incomplete"  // chunks of it are missing; the same may be sent again
)

func (r *Refusal) Error() string { return r.Text }

// Member is a server of Raft's configuration.
type Member struct {
	ID      string
	Address string
	Voter   bool
}

// Result is what applying one entry did.
type Result struct {
	Index   uint64
	Refusal *Refusal // nil if it took effect, or had nothing to do
	Effect  Effect
}

// Effect is what changed that others must look at: images, votes, timers.
type Effect struct {
	Zones  []ZoneChange // whose answers changed
	Checks bool         // endpoints or checks were added, changed or removed
	Events []*Event
}

// ZoneChange says what of a zone changed. Cells and Serial alone change at a flip; Whole is a new declaration, or a
// zone that is gone.
type ZoneChange struct {
	Zone  string // key in State.Zones
	Whole bool
	Cells []CellRef
	Names []record.Name // whose dynamic record sets changed
}

// CellRef names a cell: Groups[Group].Cells[Cell].
type CellRef struct {
	Group string
	Cell  int
}
