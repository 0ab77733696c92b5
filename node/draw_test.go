package node

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"time"
)

// warmUp is how long a drawn cluster is left alone at first: it founds itself and gets its first verdicts.
const warmUp = 30 * time.Second

// drawer draws a schedule: some troubles that overlap as chance has it, each a few steps.
type drawer struct {
	*rand.Rand
	steps schedule
	end   time.Duration
	edits int // declared forms so far

	switches bool // are declared
	nodes    []string
}

// drawSchedule gives the schedule of a seed, always the same one.
func drawSchedule(seed uint64) schedule {
	d := &drawer{Rand: rand.New(rand.NewPCG(seed, 0x5eed)), nodes: three}
	d.add(0, "timing %s", pick(d, "lan", "wan"))
	if d.IntN(2) == 0 {
		d.add(0, "zones 2")
	}
	if d.switches = d.IntN(3) == 0; d.switches {
		d.add(0, "switches declared")
	}
	if *shortLogs && d.IntN(3) == 0 {
		d.add(0, "logs %d", pick(d, 1, 3, 10, 30))
	}
	late := time.Duration(0)
	if d.IntN(10) == 0 {
		late = d.between(10*time.Second, 90*time.Second) // nothing is founded before the last one is there
	}
	for i, id := range d.Perm(3) {
		at := d.between(0, 3*time.Second)
		if i == 0 {
			at += late
		}
		d.add(at, "start %s", three[id])
	}
	// Most are short, so that there are many; the long ones are for what takes minutes, and for troubles upon troubles.
	troubles, lasting := 1+d.IntN(4), d.between(20*time.Second, 90*time.Second)
	if d.IntN(4) == 0 {
		troubles, lasting = 2+d.IntN(7), d.between(2*time.Minute, 7*time.Minute)
	}
	d.end = warmUp + late + lasting
	if d.IntN(6) == 0 && *members {
		d.membership(d.between(warmUp+late, d.end))
	}
	for range troubles {
		d.trouble(d.between(warmUp+late, d.end))
	}
	return d.steps.sorted()
}

func (d *drawer) add(at time.Duration, format string, args ...any) {
	d.steps = append(d.steps, step{at.Round(time.Millisecond), strings.Fields(fmt.Sprintf(format, args...))})
}

func (d *drawer) between(least, most time.Duration) time.Duration {
	return least + time.Duration(d.Int64N(int64(most-least)))
}

func pick[T any](d *drawer, of ...T) T { return of[d.IntN(len(of))] }

// ifSwitches is a weight of what needs them.
func (d *drawer) ifSwitches(weight int) int {
	if d.switches {
		return weight
	}
	return 0
}

func (d *drawer) node() string { return pick(d, d.nodes...) }

func (d *drawer) pair() (a, b string) {
	n := len(d.nodes)
	i := d.IntN(n)
	return d.nodes[i], d.nodes[(i+1+d.IntN(n-1))%n]
}

// trouble adds one, beginning at a time.
func (d *drawer) trouble(at time.Duration) {
	kinds := []struct {
		weight int
		draw   func(time.Duration)
	}{
		{4, d.isolation}, {3, d.deposed}, {3, d.linkCut}, {2, d.oneWayCut}, {1, d.slowLink}, {4, d.restart}, {1, d.powerCut},
		{6, d.siteOutage}, {3, d.flapping}, {7, d.command}, {3, d.rollOut}, {1, d.probingOff}, {2, d.blackout}, {2, d.heldVotes}, {2, d.oneAddress}, {2, d.blindness}, {2, d.handOvers},
		{2, d.moving}, {2, d.recasting}, {2, d.renewing}, {3, d.restoring}, {d.ifSwitches(6), d.switching}, {3, d.drilling}, {3, d.planning}, {3, d.writing},
	}
	total := 0
	for _, k := range kinds {
		total += k.weight
	}
	n := d.IntN(total)
	for _, k := range kinds {
		if n -= k.weight; n < 0 {
			k.draw(at)
			return
		}
	}
}

// lasting is how long a trouble lasts: often short against elections and sessions, sometimes long.
func (d *drawer) lasting() time.Duration {
	switch d.IntN(4) {
	case 0:
		return d.between(100*time.Millisecond, 5*time.Second)
	case 1:
		return d.between(5*time.Second, 25*time.Second)
	default:
		return d.between(25*time.Second, 2*time.Minute)
	}
}

func (d *drawer) isolation(at time.Duration) {
	id := d.node()
	d.add(at, "isolate %s", id)
	d.add(at+d.lasting(), "rejoin %s", id)
}

// deposed takes the leader away while operators talk to it: what it took may be lost, but then nobody may ever see it.
func (d *drawer) deposed(at time.Duration) {
	d.add(at, "isolate leader")
	at += d.between(0, 3*time.Second)
	d.operator(at, "leader")
	if d.IntN(2) == 0 {
		at += d.between(0, 2*time.Second)
		d.add(at, "%s leader", pick(d, "crash", "crash-unsynced"))
		d.add(at+d.lasting(), "start leader")
	}
	d.add(at+d.lasting(), "rejoin leader")
}

func (d *drawer) linkCut(at time.Duration) {
	a, b := d.pair()
	until := at + d.lasting()
	d.add(at, "cut %s %s", a, b)
	d.add(at, "cut %s %s", b, a)
	d.add(until, "heal %s %s", a, b)
	d.add(until, "heal %s %s", b, a)
}

func (d *drawer) oneWayCut(at time.Duration) {
	a, b := d.pair()
	d.add(at, "cut %s %s", a, b)
	d.add(at+d.lasting(), "heal %s %s", a, b)
}

func (d *drawer) slowLink(at time.Duration) {
	a, b := d.pair()
	d.add(at, "slow %s %s %s", a, b, pick(d, "60ms", "90ms", "120ms"))
	d.add(at+d.lasting(), "slow %s %s %s", a, b, oneWay)
}

func (d *drawer) restart(at time.Duration) {
	id := pick(d, d.node(), d.node(), "leader")
	d.add(at, "%s %s", pick(d, "stop", "crash", "crash-unsynced"), id)
	d.add(at+d.lasting(), "start %s", id)
}

// powerCut crashes all nodes; they come back one by one, in any order.
func (d *drawer) powerCut(at time.Duration) {
	for _, id := range three {
		d.add(at, "%s %s", pick(d, "crash", "crash-unsynced"), id)
		d.add(at+d.lasting(), "start %s", id)
	}
}

// target is a site or one address of azure, which has two in some of the declared forms.
func (d *drawer) target() string {
	return pick(d, "azure", "azure", "azure", "azure", "aws", "azure@"+azure, "azure@"+azure2)
}

func (d *drawer) siteOutage(at time.Duration) {
	target, until := d.target(), at+d.lasting()
	for _, id := range pick(d, []string{"*"}, []string{"*"}, three[:1], three[:2], three[1:], []string{"ns1", "ns3"}) {
		late := time.Duration(d.IntN(2)) * d.between(0, 15*time.Second)
		d.add(at+late, "break %s %s", id, target)
		d.add(until+late, "mend %s %s", id, target)
	}
}

func (d *drawer) flapping(at time.Duration) {
	who, target := pick(d, "*", "*", d.node()), d.target()
	for range 2 + d.IntN(5) {
		d.add(at, "break %s %s", who, target)
		at += d.between(5*time.Second, 60*time.Second)
		d.add(at, "mend %s %s", who, target)
		at += d.between(5*time.Second, 60*time.Second)
	}
}

func (d *drawer) command(at time.Duration) { d.operator(at, d.node()) }

// operator gives a command, sometimes with others after it.
func (d *drawer) operator(at time.Duration, via string) {
	term := pick(d, "for 5s", "for 30s", "for 90s", "for 24h", "for ever")
	force := pick(d, "", " force")
	site := pick(d, "azure", "aws")
	first := pick(d,
		"override site "+site+" down "+term+force, "override site "+site+" up "+term,
		"override address azure@"+azure+" "+pick(d, "up ", "down ")+term+force,
		"override endpoint azure/https@"+azure+" "+pick(d, "up ", "down ")+term+force,
		"override check "+site+"/https mute "+term, "override node "+d.node()+" mute "+term+force,
		"pin "+site+" "+term+force, "pin "+site+" "+term+force)
	d.add(at, "via %s %s", via, first)
	for range d.IntN(3) {
		at += d.lasting()
		kind := strings.Fields(first)
		switch kind[0] {
		case "pin":
			d.add(at, "via %s %s", d.node(), pick(d, "unpin", "failback", "pin "+pick(d, "azure", "aws")+" "+term+force))
		default:
			d.add(at, "via %s %s %s %s%s", d.node(), pick(d, "clear", "extend"), kind[1], kind[2], " "+term+force)
		}
	}
	if d.IntN(3) == 0 {
		d.add(at+d.lasting(), "via %s failback", d.node())
	}
}

// rollOut brings a new form of the declaration to the nodes one by one, or to some only, and sometimes back.
func (d *drawer) rollOut(at time.Duration) {
	old, form := d.edits, 1+d.IntN(len(forms)-1)
	order, pause := d.Perm(3), d.lasting()
	for _, i := range order[:1+d.IntN(3)] {
		d.add(at, "edit %s %d", three[i], form)
		at += pause / 3
	}
	d.edits = form
	if d.IntN(3) == 0 {
		for _, i := range d.Perm(3) {
			d.add(at, "edit %s %d", three[i], old)
			at += pause / 3
		}
		d.edits = old
	}
}

// blackout leaves every node alone for a while, under one of the rules for that, and a site may be down meanwhile.
func (d *drawer) blackout(at time.Duration) {
	d.edits = pick(d, len(forms)-2, len(forms)-1)
	for _, id := range three {
		d.add(at, "edit %s %d", id, d.edits)
		at += d.between(time.Second, 10*time.Second)
	}
	until := at + d.between(time.Minute, 4*time.Minute)
	who, target := pick(d, "*", d.node()), d.target()
	broken := at + d.between(0, time.Minute)
	d.add(broken, "break %s %s", who, target)
	d.add(broken+2*d.lasting(), "mend %s %s", who, target)
	for _, id := range three {
		d.add(at, "isolate %s", id)
		d.add(until+d.between(0, 10*time.Second), "rejoin %s", id)
	}
}

// heldVotes keeps a node from being heard while it makes up its mind, until that is void; and as it is heard again it
// hears late of that itself.
func (d *drawer) heldVotes(at time.Duration) {
	id, target := d.node(), d.target()
	d.add(at, "break %s %s", pick(d, "*", id), target)
	held := at + d.between(5*time.Second, 35*time.Second)
	until := held + d.between(20*time.Second, 80*time.Second)
	for _, o := range three {
		if o != id {
			d.add(held, "cut %s %s", id, o)
			d.add(held, "slow %s %s 150ms", o, id)
			d.add(until, "heal %s %s", id, o)
			d.add(until+4*time.Second, "slow %s %s %s", o, id, oneWay)
		}
	}
	mended := until + d.between(-10*time.Second, 30*time.Second)
	d.add(mended, "mend * %s", target)
	d.add(mended, "mend %s %s", id, target)
}

// oneAddress takes one of azure's two addresses away.
func (d *drawer) oneAddress(at time.Duration) {
	d.edits = pick(d, 12, 13)
	for _, id := range three {
		d.add(at, "edit %s %d", id, d.edits)
	}
	address := pick(d, azure, azure2)
	d.add(at+d.lasting(), "break * azure@%s", address)
	d.add(at+4*d.lasting(), "mend * azure@%s", address)
}

func (d *drawer) probingOff(at time.Duration) {
	id := d.node()
	d.add(at, "probe %s off", id)
	d.add(at+d.lasting(), "probe %s on", id)
}

// blindness is a fault of a node's own: its probes tell nothing.
func (d *drawer) blindness(at time.Duration) {
	for _, i := range d.Perm(3)[:pick(d, 1, 1, 1, 2, 3)] {
		d.add(at, "blind %s", three[i])
		d.add(at+d.lasting(), "sight %s", three[i])
	}
	if d.IntN(2) == 0 {
		d.siteOutage(at + d.between(0, 20*time.Second))
	}
}

// handOvers has the lead change hands, sometimes again and again.
func (d *drawer) handOvers(at time.Duration) {
	for range 1 + d.IntN(3) {
		d.add(at, "hand-over %s", d.node())
		at += d.between(0, 8*time.Second)
	}
}
