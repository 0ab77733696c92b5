package node

import (
	"maps"
	"slices"
	"strconv"
	"strings"

	"failoverdns/record"
	"failoverdns/state"
)

// written is a dynamic record set as the operators' commands leave it.
type written struct {
	version uint64
	texts   []string
}

// written is what dynamic records are by the commands that took effect, one after the other: each for the version that
// it names or none, none lost, none made up.
func (j *judge) written(p *proc, list []taken) map[record.Name]written {
	sets := map[record.Name]written{}
	for _, o := range list {
		if b := j.restoredBy(&o); b != nil {
			sets = maps.Clone(b.sets)
		}
		c, ok := o.body.(*state.ChangeRecords)
		if !ok {
			continue
		}
		ch := &c.Changes[0]
		had := sets[ch.Name]
		stale := ch.Version != nil && *ch.Version != had.version
		switch {
		case o.refusal != nil && o.refusal.Code == state.RefusedVersion && !stale:
			j.failf("%s: the change of %s at index %d, for version %d, was refused, and that was its version: %s", p.id, ch.Name, o.index, *ch.Version, o.refusal.Text)
		case o.refusal != nil:
		case stale:
			j.failf("%s: the change of %s at index %d, for version %d, took effect upon version %d", p.id, ch.Name, o.index, *ch.Version, had.version)
		default:
			sets[ch.Name] = had.after(ch, o.index)
		}
	}
	return sets
}

// after reads one change naively.
func (w written) after(c *state.RecordChange, index uint64) written {
	texts := slices.Clone(w.texts)
	for _, d := range c.Data {
		texts = slices.DeleteFunc(texts, func(t string) bool { return t == textOf(d) })
	}
	switch c.Verb {
	case state.RecordsDelete:
		texts = nil
	case state.RecordsSet:
		texts = nil
		fallthrough
	case state.RecordsAdd:
		for _, d := range c.Data {
			texts = append(texts, textOf(d))
		}
	}
	slices.Sort(texts)
	switch {
	case slices.Equal(texts, w.texts):
		return w
	case len(texts) == 0:
		return written{}
	}
	return written{index, texts}
}

// compareRecords holds a state, and what its node answers, to what was written.
func (j *judge) compareRecords(p *proc, st *state.State, sets map[record.Name]written) {
	z, ok := st.Zones.Get(state.ZoneKey(seen[0].name))
	if !ok {
		return
	}
	for _, name := range []record.Name{tallyName, notesName} {
		var got written
		if d, ok := z.Dynamic.Get(state.SetKey(name, record.TXT)); ok {
			got.version = d.Version
			for _, data := range d.Data {
				got.texts = append(got.texts, textOf(data))
			}
			slices.Sort(got.texts)
		}
		want := sets[name]
		if got.version != want.version || !slices.Equal(got.texts, want.texts) {
			j.failf("%s: at index %d %s is %v at version %d; by the operators' commands it is %v at %d", p.id, st.Index, name, got.texts, got.version, want.texts, want.version)
		}
		if !p.own() && p.node.State().Index == st.Index {
			j.answersTexts(p, name, want.texts)
		}
	}
}

func (j *judge) answersTexts(p *proc, name record.Name, want []string) {
	var got []string
	for _, rr := range p.node.Lookup(name, record.TXT).Answer {
		f := strings.Fields(rr)
		text, err := strconv.Unquote(f[len(f)-1])
		if err != nil {
			j.failf("%s: it answers %q", p.id, rr)
		}
		got = append(got, text)
	}
	slices.Sort(got)
	if !slices.Equal(got, want) {
		j.failf("%s: it answers %s with %v, and %v was written", p.id, name, got, want)
	}
}
