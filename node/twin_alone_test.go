package node

import (
	"strings"
	"time"

	"failoverdns/record"
	"failoverdns/state"
)

// own says whether a process answers otherwise than the replicated state: by its rule for the time without a quorum, or
// not at all since it is new and has not caught up.
func (p *proc) own() bool {
	return len(p.node.Answered().Local.Modes) > 0 || p.node.answering.isBlank()
}

// alone holds nodes that have been without a quorum for long to the rule in force: hold answers as was last agreed
// (which is judged elsewhere), refuse answers SERVFAIL, local by what the node itself sees.
func (j *judge) alone(undisturbed time.Duration) {
	for _, id := range five {
		p := j.trial.procs[id]
		if p == nil || len(j.trial.reach(id)) != 1 || j.trial.quorate([]string{id}) || undisturbed < verdictBudget {
			continue
		}
		d := formsByDigest[digest(p.node.State())]
		if d == nil {
			continue
		}
		l := p.node.Lookup(seen[1].name, record.A)
		switch d.NoQuorum.Mode {
		case state.NoQuorumRefuse:
			if l.RCode != "SERVFAIL" {
				j.failf("%s: %s alone, and it answers %s %v, where it should refuse", id, undisturbed, l.RCode, l.Answer)
			}
		case state.NoQuorumLocal:
			j.byOwnSight(p, d, l)
		default:
			if p.own() {
				j.failf("%s: it goes by words of its own, where it should hold", id)
			}
		}
	}
}

// byOwnSight: no site that this node sees down is answered while it sees another one up, operators aside.
func (j *judge) byOwnSight(p *proc, d *state.Declaration, l Lookup) {
	st := p.node.State()
	if g, ok := st.Groups.Get(theGroup); !ok || g.Pin != nil || st.Overrides.Len() > 0 || (view{st: st, d: d}).off("azure") || (view{st: st, d: d}).off("aws") || !p.node.Config().Probe || j.trial.isDark(p.id) {
		return
	}
	var up []string
	for _, s := range d.Sites {
		for _, a := range s.Addresses {
			if !j.trial.refuses(p.id, s.Name+"/https@"+a.String()) {
				up = append(up, a.String())
			}
		}
	}
	for _, rr := range l.Answer {
		f := strings.Fields(rr)
		if a := f[len(f)-1]; len(up) > 0 && !strings.Contains(strings.Join(up, " ")+" ", a+" ") {
			j.failf("%s: alone it answers %v, and sees only %v up", p.id, l.Answer, up)
		}
	}
}
