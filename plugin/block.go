package failover

import (
	"net/netip"
	"time"

	"failoverdns/health"
	"failoverdns/record"
	"failoverdns/state"
)

// block is one failover block as it is written, each part with its line. Nothing is filled in yet, and nothing is
// compared with other blocks.
type block struct {
	at   *line
	zone record.Name
	root string // CoreDNS's root, for relative paths

	sites     []*site // the primary first
	serve     []ownedName
	records   []*recordBlock
	policy    policy
	agree     health.Agree
	noQuorum  state.NoQuorum
	file      *line
	servers   []nameServer
	switches  []*switchBlock
	rules     []*ruleBlock
	drills    []drillLine
	declaring *line // the first line that declares something; nil for a block that serves the stored zone

	local local
}

// ownedName is a name in the zone, and the line that gives it.
type ownedName struct {
	name record.Name
	at   *line
}

// nameServer is a line "nameserver".
type nameServer struct {
	ownedName
	addresses []netip.Addr
}

// policy is what a block or a record with checks of its own may say of its group. Lines are nil where nothing is
// said.
type policy struct {
	ttlAt, failbackAt, allDownAt *line

	ttl      uint32
	failback health.Failback
	allDown  state.AllDown
}

// within fills in what this policy leaves open, from that of the block around it.
func (p policy) within(outer policy) policy {
	if p.ttlAt == nil {
		p.ttl, p.ttlAt = outer.ttl, outer.ttlAt
	}
	if p.failbackAt == nil {
		p.failback, p.failbackAt = outer.failback, outer.failbackAt
	}
	if p.allDownAt == nil {
		p.allDown, p.allDownAt = outer.allDown, outer.allDownAt
	}
	return p
}

// defaultTTL is in seconds: a dead site is out of every resolver's cache a minute after the flip.
const defaultTTL = 60

// complete fills in the defaults.
func (p policy) complete() policy {
	if p.ttlAt == nil {
		p.ttl = defaultTTL
	}
	if p.failbackAt == nil {
		p.failback = health.Failback{Mode: health.FailbackAuto}
	}
	if p.allDownAt == nil {
		p.allDown = state.AllDownPrimary
		if p.failback.Mode == health.FailbackManual {
			p.allDown = state.AllDownLast
		}
	}
	return p
}

// blockProperties are those of a failover block; local properties stand in localProperties.
var blockProperties = map[string]property[block]{
	"primary":    {usage: "primary SITE { ... }, or primary SITE", least: 1, most: 1, repeat: true, block: mayBlock, read: readPrimary},
	"secondary":  {usage: "secondary SITE { ... }, or secondary SITE", least: 1, most: 1, repeat: true, block: mayBlock, read: readSecondary},
	"serve":      {usage: "serve NAME...", least: 1, most: many, repeat: true, read: readServe},
	"record":     {usage: "record NAME... { at SITE IP... }", least: 1, most: many, repeat: true, block: mustBlock, read: readRecord},
	"ttl":        {usage: "ttl 60", least: 1, most: 1, read: func(b *block, l *line) error { return b.policy.readTTL(l) }},
	"failback":   {usage: "failback auto|after DURATION|manual", least: 1, most: 2, read: func(b *block, l *line) error { return b.policy.readFailback(l) }},
	"all-down":   {usage: "all-down primary|last|all", least: 1, most: 1, read: func(b *block, l *line) error { return b.policy.readAllDown(l) }},
	"agree":      {usage: "agree majority|all|N", least: 1, most: 1, read: readAgree},
	"no-quorum":  {usage: "no-quorum hold|refuse DURATION|local DURATION", least: 1, most: 2, read: readNoQuorum},
	"file":       {usage: "file PATH", least: 1, most: 1, read: readFile},
	"drill":      {usage: drillUsage, least: 7, most: 8, repeat: true, read: readDrill},
	"switch":     {usage: "switch NAME { sites SITE... }", least: 1, most: 1, repeat: true, block: mayBlock, read: readSwitch},
	"rule":       {usage: "rule NAME assertion|gating { switches SWITCH... }", least: 2, most: 2, repeat: true, block: mustBlock, read: readRule},
	"nameserver": {usage: "nameserver NAME [IP...]", least: 1, most: many, repeat: true, read: readNameServer},
}

// allProperties is blockProperties with the node-local ones.
var allProperties = func() map[string]property[block] {
	all := map[string]property[block]{}
	for word, p := range blockProperties {
		all[word] = declares(p)
	}
	for word, p := range localProperties {
		all[word] = property[block]{p.usage, p.least, p.most, p.repeat, p.block, func(b *block, l *line) error {
			return p.read(&b.local, l)
		}}
	}
	return all
}()

// declares notes that a block declares something.
func declares(p property[block]) property[block] {
	read := p.read
	p.read = func(b *block, l *line) error {
		if b.declaring == nil {
			b.declaring = l
		}
		return read(b, l)
	}
	return p
}

// readFailover reads the line "failover" and its block.
func readFailover(l *line, zone record.Name, root string) (*block, error) {
	b := &block{at: l, zone: zone, root: root, local: local{root: root}}
	if len(l.args()) > 0 {
		return nil, l.errorf("\"failover\" has a word too many, %q; the zone is the key of the server block: ZONE { failover { ... } }", l.args()[0])
	}
	if err := readBlock(b, "failover", l.block, allProperties); err != nil {
		return nil, err
	}
	return b, b.check()
}

func (p *policy) readTTL(l *line) (err error) {
	p.ttlAt = l
	p.ttl, err = l.ttl(l.args()[0])
	return err
}

func (p *policy) readFailback(l *line) error {
	mode, err := l.oneOf(l.args()[0], string(health.FailbackAuto), string(health.FailbackAfter), string(health.FailbackManual))
	if err != nil {
		return err
	}
	p.failbackAt, p.failback = l, health.Failback{Mode: health.FailbackMode(mode)}
	p.failback.After, err = l.modeDuration(mode == string(health.FailbackAfter), "10m")
	return err
}

// modeDuration reads the duration behind a mode, which must be there if wanted and must not if not.
func (l *line) modeDuration(wanted bool, example string) (d time.Duration, err error) {
	mode, rest := l.args()[0], l.args()[1:]
	switch {
	case wanted && len(rest) == 0:
		return 0, l.errorf("%s %s needs a duration; write: %s %s %s", l.word(), mode, l.word(), mode, example)
	case !wanted && len(rest) > 0:
		return 0, l.errorf("%s %s takes no %q", l.word(), mode, rest[0])
	case !wanted:
		return 0, nil
	}
	return l.duration(rest[0])
}

func (p *policy) readAllDown(l *line) error {
	w, err := l.oneOf(l.args()[0], string(state.AllDownPrimary), string(state.AllDownLast), string(state.AllDownAll))
	p.allDownAt, p.allDown = l, state.AllDown(w)
	return err
}

func readAgree(b *block, l *line) error {
	a, err := health.ParseAgree(l.args()[0])
	if err != nil {
		return l.errorf("%w", err)
	}
	b.agree = a
	return nil
}

func readNoQuorum(b *block, l *line) error {
	mode, err := l.oneOf(l.args()[0], string(state.NoQuorumHold), string(state.NoQuorumRefuse), string(state.NoQuorumLocal))
	if err != nil {
		return err
	}
	b.noQuorum.Mode = state.NoQuorumMode(mode)
	b.noQuorum.After, err = l.modeDuration(b.noQuorum.Mode != state.NoQuorumHold, "2m")
	return err
}

func readServe(b *block, l *line) error {
	for _, w := range l.args() {
		n, err := l.nameIn(w, b.zone)
		if err != nil {
			return err
		}
		b.serve = append(b.serve, ownedName{n, l})
	}
	return nil
}

func readFile(b *block, l *line) error {
	b.file = l
	return nil
}

func readNameServer(b *block, l *line) error {
	n, err := l.absolute(l.args()[0])
	if err != nil {
		return err
	}
	for _, s := range b.servers {
		if s.name == n {
			return l.errorf("nameserver %q is given twice, first at %s; put all its addresses on one line", n.Bare(), s.at.at())
		}
	}
	addresses, err := l.addresses(l.args()[1:], nil)
	switch {
	case err != nil:
		return err
	case n.Under(b.zone) && len(addresses) == 0:
		return l.errorf("nameserver %q is in the zone and needs its addresses; write: nameserver %s IP...", n.Bare(), n.Bare())
	case !n.Under(b.zone) && len(addresses) > 0:
		return l.errorf("nameserver %q is not in the zone %s: its addresses belong to its own zone; leave them out here", n.Bare(), b.zone.Bare())
	}
	b.servers = append(b.servers, nameServer{ownedName{n, l}, addresses})
	return nil
}
