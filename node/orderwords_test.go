package node

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"failoverdns/record"
	"failoverdns/state"
)

// said is an operator's command in words: what stands before the leave to go past refusals, and before the times.
type said struct {
	words        []string
	in, term     time.Duration // of "in 10s", "for 30s"; "for ever" is 0
	force, glass bool
}

func readWords(words []string) (s said, err error) {
	for i := 0; i < len(words); i++ {
		switch w := words[i]; {
		case w == "force":
			s.force = true
		case w == "glass":
			s.glass = true
		case w != "for" && w != "in":
			s.words = append(s.words, w)
		case i+1 == len(words):
			return s, fmt.Errorf("%q without a time", w)
		default:
			i++
			if words[i] == "ever" {
				continue
			}
			d, err := time.ParseDuration(words[i])
			if err != nil {
				return s, err
			}
			if w == "in" {
				s.in = d
			} else {
				s.term = d
			}
		}
	}
	return s, nil
}

// parseOrder reads what an operator says: "override site azure down for 30s force", "pin aws for ever", "clear site
// azure", "extend site azure for 1h", "unpin", "failback", "switch azure-in=off aws-in=on glass", "drill aws for 30s",
// "abort 1", "maintain site azure down in 10s for 30s", "cancel 1", "note add x". "count" is what somebody does who
// reads a number from a node and writes the next one, for the version that was read; "uncount" deletes it so.
func parseOrder(words []string, st *state.State) (state.Body, error) {
	s, err := readWords(words)
	if err != nil {
		return nil, err
	}
	verbs := map[string]struct {
		words int
		body  func() state.Body
	}{
		"unpin":    {1, func() state.Body { return &state.Unpin{Group: theGroup} }},
		"failback": {1, func() state.Body { return &state.EndHold{Group: theGroup} }},
		"pin": {2, func() state.Body {
			return &state.SetPin{Group: theGroup, Site: s.words[1], For: s.term, Force: s.force, BreakGlass: s.glass}
		}},
		"override": {4, func() state.Body {
			return &state.SetOverride{Scope: state.Scope(s.words[1]), Target: s.words[2], Word: state.Word(s.words[3]), For: s.term, Force: s.force, BreakGlass: s.glass}
		}},
		"clear": {3, func() state.Body {
			return &state.ClearOverride{Scope: state.Scope(s.words[1]), Target: s.words[2], Force: s.force, BreakGlass: s.glass}
		}},
		"extend": {3, func() state.Body {
			return &state.Extend{Scope: state.Scope(s.words[1]), Target: s.words[2], For: s.term}
		}},
		"switch": {0, func() state.Body { return s.switches() }},
		"drill":  {2, func() state.Body { return &state.StartDrill{Group: theGroup, Site: s.words[1], For: s.term} }},
		"abort":  {2, func() state.Body { return &state.AbortDrill{Drill: s.number()} }},
		"maintain": {4, func() state.Body {
			return &state.PlanWindow{Scope: state.Scope(s.words[1]), Target: s.words[2], Word: state.Word(s.words[3]), In: s.in, For: s.term, Force: s.force, BreakGlass: s.glass}
		}},
		"cancel":  {2, func() state.Body { return &state.CancelWindow{Window: s.number()} }},
		"note":    {3, func() state.Body { return note(state.RecordVerb(s.words[1]), s.words[2]) }},
		"count":   {1, func() state.Body { return count(st) }},
		"uncount": {1, func() state.Body { return uncount(st) }},
	}
	if len(s.words) > 0 {
		if v, ok := verbs[s.words[0]]; ok && (v.words == len(s.words) || v.words == 0) {
			return v.body(), nil
		}
	}
	return nil, fmt.Errorf("%q is nothing that an operator says", strings.Join(words, " "))
}

func (s said) number() uint64 {
	n, _ := strconv.ParseUint(s.words[1], 10, 64) // of what is no number there is none
	return n
}

func (s said) switches() *state.SetSwitches {
	c := &state.SetSwitches{Force: s.force, BreakGlass: s.glass}
	for _, w := range s.words[1:] {
		name, position, _ := strings.Cut(w, "=")
		c.Changes = append(c.Changes, state.SwitchChange{Name: name, On: position == "on"})
	}
	return c
}

// leave is what a command may go past.
func leave(body any) (force, glass bool) {
	switch c := body.(type) {
	case *state.SetOverride:
		return c.Force, c.BreakGlass
	case *state.ClearOverride:
		return c.Force, c.BreakGlass
	case *state.SetSwitches:
		return c.Force, c.BreakGlass
	}
	return true, true
}

var (
	tallyName = record.MustParseName("_tally.auth.example.com")
	notesName = record.MustParseName("_notes.auth.example.com")
)

func changeTXT(name record.Name, verb state.RecordVerb, version *uint64, text ...string) *state.ChangeRecords {
	c := state.RecordChange{Verb: verb, Name: name, Type: record.TXT, Version: version}
	for _, t := range text {
		c.Data = append(c.Data, append([]byte{byte(len(t))}, t...))
	}
	return &state.ChangeRecords{Zone: seen[0].name, Changes: []state.RecordChange{c}}
}

// note adds a text to those of a name, or removes it, whoever else does so.
func note(verb state.RecordVerb, text string) *state.ChangeRecords {
	return changeTXT(notesName, verb, nil, text)
}

// tally is the number that a state has, and its version.
func tally(st *state.State) (n int, version uint64) {
	if z, ok := st.Zones.Get(state.ZoneKey(seen[0].name)); ok {
		if d, ok := z.Dynamic.Get(state.SetKey(tallyName, record.TXT)); ok {
			n, _ = strconv.Atoi(textOf(d.Data[0]))
			version = d.Version
		}
	}
	return n, version
}

func count(st *state.State) *state.ChangeRecords {
	n, version := tally(st)
	return changeTXT(tallyName, state.RecordsSet, &version, strconv.Itoa(n+1))
}

func uncount(st *state.State) *state.ChangeRecords {
	_, version := tally(st)
	return changeTXT(tallyName, state.RecordsDelete, &version)
}

func textOf(data []byte) string { return string(slices.Clone(data[1:])) }
