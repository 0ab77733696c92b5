package state

import (
	"encoding/json"
	"reflect"
	"slices"
	"strings"
	"time"
	"unicode"
)

// Audit is one write: who asked for what, from where and why, and what came of it. A refused one is kept too.
type Audit struct {
	ID      uint64    `json:"id"`
	Index   uint64    `json:"index"`
	Clock   Clock     `json:"clock"`
	Wall    time.Time `json:"wall,omitzero"`
	Author  string    `json:"author"`
	Node    string    `json:"node,omitempty"`    // where it entered
	Source  string    `json:"source,omitempty"`  // the address that it came from
	Request string    `json:"request,omitempty"` // its request ID
	Action  string    `json:"action"`
	Target  string    `json:"target,omitempty"`
	Reason  string    `json:"reason,omitempty"`
	Force   bool      `json:"force,omitempty"` // it was asked to go past a refusal
	Outcome string    `json:"outcome"`         // OutcomeDone, or one of the Refused constants
	Text    string    `json:"text,omitempty"`  // what it did, or why it was refused
}

// OutcomeDone is the outcome of a write that took effect, or had nothing to do.
const OutcomeDone = "done"

const (
	maxAudits    = 5000
	maxAuditText = 600 // bytes of Text, so that the trail stays small beside the state
	maxNoteText  = 500 // bytes of each field of a Note
)

// NodeAuthor is the author of what a node's own Corefile declares.
func NodeAuthor(node string) string { return "node:" + node }

// actions names the commands; one that is not here has its type's name, in words.
var actions = map[kind]string{
	kindOverride: "override-set", kindClear: "override-clear", kindExtend: "override-extend", kindPin: "pin-set", kindUnpin: "pin-clear",
	kindFailback: "failback", kindAdopt: "config-adopt", kindDeclare: "config-offer",
	kindSwitches: "switch-set", kindDrill: "drill-start", kindAbortDrill: "drill-abort",
	kindPlanWindow: "maintenance-add", kindCancelWindow: "maintenance-cancel",
}

func action(b Body) string {
	if word, ok := actions[b.kind()]; ok {
		return word
	}
	if c, ok := b.(*ChangeMember); ok {
		return "member-" + c.Op
	}
	var out strings.Builder
	for i, r := range reflect.TypeOf(b).Elem().Name() {
		if unicode.IsUpper(r) && i > 0 {
			out.WriteByte('-')
		}
		out.WriteRune(unicode.ToLower(r))
	}
	return out.String()
}

// particulars are the fields by which commands name what they are about. No command has a secret in one of them.
type particulars struct {
	Group, Scope, Target, Word, Site, Node, Zone, Name, Webhook, Reason string
	Force                                                               bool
}

func particularsOf(b Body) (p particulars) {
	if text, err := json.Marshal(b); err == nil {
		_ = json.Unmarshal(text, &p) // a field of another type under one of these names is left out
	}
	return p
}

func (p *particulars) target() string {
	words := []string{p.Group, p.Scope, p.Target, p.Word, p.Site, p.Zone, p.Name, p.Webhook, p.Node}
	return strings.Join(slices.DeleteFunc(words, func(w string) bool { return w == "" }), " ")
}

// audit keeps a command that somebody wrote. What nodes do by themselves is no write, but for offers that change what
// is in force, drift, or are refused.
func (t *txn) audit(b Body, refusal *Refusal) {
	a := &Audit{Author: t.h.Author, Node: t.h.Node, Source: t.h.Source, Request: t.h.ID, Outcome: OutcomeDone}
	switch c := b.(type) {
	case *Stage, *Complete:
		return // chunks: the whole is what counts
	case *Note:
		c.into(a)
		t.saveAudit(a)
		return
	case *Declare:
		if refusal == nil && len(t.effect.Events) == 0 {
			return
		}
		a.Author, a.Target = NodeAuthor(c.Node), c.zones()
	default:
		p := particularsOf(b)
		a.Target, a.Reason, a.Force = p.target(), p.Reason, p.Force
		if x, ok := b.(interface{ about() string }); ok {
			a.Target = x.about()
		}
	}
	if a.Author == "" {
		return
	}
	a.Action, a.Text = action(b), t.effect.text()
	if refusal != nil {
		a.Outcome, a.Text = refusal.Code, refusal.Text
	}
	t.saveAudit(a)
}

func (t *txn) saveAudit(a *Audit) {
	a.ID = 1
	if _, last, ok := t.s.Audits.Last(); ok {
		a.ID = last.ID + 1
	}
	a.Index, a.Clock, a.Wall, a.Text = t.s.Index, t.s.Clock, t.s.Wall, cut(a.Text, maxAuditText)
	t.s.Audits = t.s.Audits.With(numberKey(a.ID), a)
	for t.s.Audits.Len() > maxAudits {
		k, _, _ := t.s.Audits.First()
		t.s.Audits = t.s.Audits.Without(k)
	}
}

// text is all that happened, in words.
func (e *Effect) text() string {
	var out []string
	for _, x := range e.Events {
		out = append(out, x.Text)
	}
	return strings.Join(out, "; ")
}

func (c *Declare) zones() string {
	var out []string
	for _, d := range c.Declarations {
		if d != nil { // one that is refused may be anything
			out = append(out, d.Zone.Bare())
		}
	}
	return cut(strings.Join(out, " "), maxNoteText)
}

// cut shortens a text to at most so many bytes, between two characters.
func cut(s string, most int) string {
	if len(s) <= most {
		return s
	}
	end := most - len("…")
	for end > 0 && s[end]&0xC0 == 0x80 {
		end--
	}
	return s[:end] + "…"
}

// Note puts into the audit trail a write that is no command of its own: a change of Raft's members, or a request that
// was refused before it became a command though its author was known.
type Note struct {
	Action  string `json:"action"`
	Target  string `json:"target,omitempty"`
	Reason  string `json:"reason,omitempty"`
	Force   bool   `json:"force,omitempty"`
	Outcome string `json:"outcome"` // OutcomeDone or a word for the refusal
	Text    string `json:"text,omitempty"`
}

func (*Note) kind() kind { return kindNote }

func (c *Note) apply(t *txn) *Refusal {
	switch {
	case t.h.Author == "":
		return refuse(RefusedInvalid, "a note for the audit trail has no author")
	case c.Action == "" || c.Outcome == "":
		return refuse(RefusedInvalid, "a note for the audit trail lacks its action or its outcome")
	}
	for _, field := range []string{c.Action, c.Target, c.Reason, c.Outcome, c.Text} {
		if len(field) > maxNoteText {
			return refuse(RefusedInvalid, "a note for the audit trail has a field of %d bytes; at most %d", len(field), maxNoteText)
		}
	}
	return nil
}

// Fitting is the note with what is too long cut.
func (c Note) Fitting() *Note {
	for _, field := range []*string{&c.Action, &c.Target, &c.Reason, &c.Outcome, &c.Text} {
		*field = cut(*field, maxNoteText)
	}
	return &c
}

func (c *Note) into(a *Audit) {
	a.Action, a.Target, a.Reason, a.Force, a.Outcome, a.Text = c.Action, c.Target, c.Reason, c.Force, c.Outcome, c.Text
}

// AuditBegins says since when the trail is kept: when its oldest entry was written, and whether that is the first of
// all, so that nothing has been forgotten.
func (s *State) AuditBegins() (wall time.Time, whole bool) {
	_, first, ok := s.Audits.First()
	if !ok {
		return time.Time{}, true
	}
	return first.Wall, first.ID == 1
}
