package failover

import (
	"maps"
	"slices"
	"time"

	"failoverdns/node"
	"failoverdns/state"
)

// switchBlock is a line "switch".
type switchBlock struct {
	at   *line
	decl state.SwitchDecl
}

// ruleBlock is a line "rule". Bounds are nil where nothing is said.
type ruleBlock struct {
	at    *line
	decl  state.RuleDecl
	least *line
}

var switchProperties = map[string]property[switchBlock]{
	"sites":     {usage: "sites SITE...", least: 1, most: many, read: readSwitchSites},
	"initially": {usage: "initially on|off", least: 1, most: 1, read: readInitially},
}

var ruleProperties = map[string]property[ruleBlock]{
	"switches": {usage: "switches SWITCH...", least: 1, most: many, read: func(r *ruleBlock, l *line) error {
		r.decl.Switches = l.args()
		return nil
	}},
	"gates": {usage: "gates SWITCH...", least: 1, most: many, read: func(r *ruleBlock, l *line) error {
		r.decl.Gates = l.args()
		return nil
	}},
	"at-least": {usage: "at-least N|all", least: 1, most: 1, read: readLeast},
	"at-most":  {usage: "at-most N", least: 1, most: 1, read: readMost},
	"wait":     {usage: "wait 5s, or wait 0s", least: 1, most: 1, read: readWait},
}

// defaultWait is what passes between two changes of a rule's switches, as in ARC: time to see what the first one did.
const defaultWait = 5 * time.Second

func readSwitch(b *block, l *line) error {
	name, err := l.label("switch", l.args()[0])
	if err != nil {
		return err
	}
	s := &switchBlock{at: l, decl: state.SwitchDecl{Name: name}}
	if err := readBlock(s, "a switch", l.block, switchProperties); err != nil {
		return err
	}
	b.switches = append(b.switches, s)
	return nil
}

func readSwitchSites(s *switchBlock, l *line) error {
	s.decl.Sites = l.args()
	return nil
}

func readInitially(s *switchBlock, l *line) error {
	word, err := l.oneOf(l.args()[0], "on", "off")
	s.decl.Off = word == "off"
	return err
}

func readRule(b *block, l *line) error {
	name, err := l.label("rule", l.args()[0])
	if err != nil {
		return err
	}
	kind, err := l.oneOf(l.args()[1], string(state.Assertion), string(state.Gating))
	if err != nil {
		return err
	}
	r := &ruleBlock{at: l, decl: state.RuleDecl{Name: name, Kind: state.RuleKind(kind), Wait: defaultWait}}
	if err := readBlock(r, "a rule", l.block, ruleProperties); err != nil {
		return err
	}
	if err := r.complete(); err != nil {
		return err
	}
	b.rules = append(b.rules, r)
	return nil
}

// all stands for the number of switches that a bound counts, until they are known.
const all = -1

func readLeast(r *ruleBlock, l *line) (err error) {
	r.least = l
	if l.args()[0] == "all" {
		r.decl.Least = all
		return nil
	}
	r.decl.Least, err = l.number(l.args()[0], 1, state.MaxSwitches)
	return err
}

func readMost(r *ruleBlock, l *line) (err error) {
	r.decl.Most, err = l.number(l.args()[0], 1, state.MaxSwitches)
	return err
}

func readWait(r *ruleBlock, l *line) (err error) {
	if l.args()[0] == "0s" {
		r.decl.Wait = 0
		return nil
	}
	r.decl.Wait, err = l.duration(l.args()[0])
	return err
}

// complete fills in the bounds, and refuses a rule that makes no sense by itself.
func (r *ruleBlock) complete() error {
	d := &r.decl
	counted := d.Switches
	if d.Kind == state.Gating {
		counted = d.Gates
	}
	switch {
	case r.least == nil && d.Most == 0:
		d.Least = 1
	case d.Least == all:
		d.Least = len(counted)
	}
	if why := d.Wrong(); why != "" {
		return r.at.errorf("rule %q %s", d.Name, why)
	}
	return nil
}

// checkSwitches wants each switch and rule once in all blocks, and what they name to be there.
func (c *corefile) checkSwitches(*node.Config) error {
	switches, rules := map[string]*line{}, map[string]*line{}
	for _, b := range c.blocks {
		for _, s := range b.switches {
			if o := switches[s.decl.Name]; o != nil {
				return s.at.errorf("switch %q is declared twice, first at %s; one name means one switch in the whole cluster", s.decl.Name, o.at())
			}
			switches[s.decl.Name] = s.at
			for _, site := range s.decl.Sites {
				if c.defined[site] == nil {
					return s.at.errorf("switch %q names site %q, which is defined nowhere in this Corefile", s.decl.Name, site)
				}
			}
		}
	}
	for _, b := range c.blocks {
		for _, r := range b.rules {
			if o := rules[r.decl.Name]; o != nil {
				return r.at.errorf("rule %q is declared twice, first at %s", r.decl.Name, o.at())
			}
			rules[r.decl.Name] = r.at
			for _, name := range slices.Concat(r.decl.Switches, r.decl.Gates) {
				if switches[name] == nil {
					return r.at.errorf("rule %q names switch %q, which is declared nowhere in this Corefile%s", r.decl.Name, name, didYouMean(name, slices.Sorted(maps.Keys(switches))))
				}
			}
		}
	}
	return nil
}

// declareSwitches adds the block's switches and rules.
func (b *block) declareSwitches(d *state.Declaration) {
	for _, s := range b.switches {
		d.Switches = append(d.Switches, s.decl)
	}
	for _, r := range b.rules {
		d.Rules = append(d.Rules, r.decl)
	}
}
