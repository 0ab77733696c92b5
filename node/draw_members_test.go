package node

import (
	"slices"
	"time"
)

// membership has the cluster's members change, and from then on troubles happen to the new ones, too.
func (d *drawer) membership(at time.Duration) {
	switch d.IntN(5) {
	case 0:
		d.grow(at)
	case 1:
		at = d.grow(at)
		d.shuffle(at)
	case 2:
		d.shuffle(at)
	case 3:
		d.replace(at)
	case 4:
		d.replaceDisk(at)
	}
}

// grow has one or two nodes join, in any role, and gives when that should be through.
func (d *drawer) grow(at time.Duration) time.Duration {
	for _, id := range five[3 : 4+d.IntN(2)] {
		d.add(at, "join %s %s %s", id, pick(d, "voter", "voter", "replica", "witness"), pick(d, pick(d, three...), "leader"))
		d.nodes = append(slices.Clone(d.nodes), id)
		at += d.lasting()
	}
	return at
}

// shuffle has several operators change members at about the same time.
func (d *drawer) shuffle(at time.Duration) {
	for range 1 + d.IntN(4) {
		d.via(at, "%s %s%s", pick(d, "remove", "remove", "demote", "demote", "promote"), d.node(), pick(d, "", "", "", "", " force"))
		at += pick(d, d.soon(), d.lasting())
	}
	if d.IntN(2) == 0 {
		d.via(at, "promote %s", d.node())
	}
	if d.IntN(2) == 0 { // a node that was removed by mistake, or none
		d.add(at+d.lasting(), "join %s voter %s", pick(d, three...), pick(d, three...))
	}
}

// replace takes a node out after or before another one has come in under a new ID; the old one is stopped, or dead.
func (d *drawer) replace(at time.Duration) {
	old := pick(d, three...)
	if d.IntN(3) == 0 {
		d.add(at, "crash %s", old)
		at += d.soon()
	}
	d.add(at, "join ns4 voter %s", d.another(old))
	d.nodes = append(slices.Clone(d.nodes), "ns4")
	at += pick(d, d.soon(), d.lasting())
	d.add(at, "via %s remove %s", d.another(old), old)
	d.add(at+d.lasting(), "stop %s", old)
}

// replaceDisk wipes a node, which is removed and joins anew under its own ID.
func (d *drawer) replaceDisk(at time.Duration) {
	id := pick(d, pick(d, three...), "leader")
	d.add(at, "wipe %s", id)
	at += pick(d, d.soon(), d.lasting())
	for range 1 + d.IntN(2) {
		d.add(at, "via %s remove %s", d.another(id), id)
		at += d.soon()
	}
	d.add(at, "join %s voter %s", id, d.another(id))
}

// another is a founder that is not this one.
func (d *drawer) another(id string) string {
	i := slices.Index(three, id)
	return three[(i+1+d.IntN(2))%3]
}

// moving has nodes restart at other addresses, one after another; nobody else's file is told.
func (d *drawer) moving(at time.Duration) {
	for range 1 + d.IntN(3) {
		id := pick(d, pick(d, three...), d.node(), "leader")
		d.add(at, "%s %s", pick(d, "stop", "crash", "crash-unsynced"), id)
		d.add(at, "move %s %d", id, 7401+d.IntN(3))
		at += pick(d, d.soon(), d.lasting())
		d.add(at, "start %s", id)
		at += pick(d, d.soon(), d.lasting())
	}
}

// recasting has a node restart in another role; sometimes an operator promotes it then, be that too early or too late.
func (d *drawer) recasting(at time.Duration) {
	id := pick(d, pick(d, three...), d.node(), "leader")
	for range 1 + d.IntN(3) {
		d.add(at, "%s %s", pick(d, "stop", "crash", "crash-unsynced"), id)
		d.add(at, "role %s %s", id, pick(d, "replica", "replica", "witness", "voter"))
		at += pick(d, d.soon(), d.lasting())
		d.add(at, "start %s", id)
		at += pick(d, d.soon(), d.lasting())
		if d.IntN(2) == 0 {
			d.via(at, "promote %s", id)
			at += d.soon()
		}
	}
}

// renewing gives nodes new certificates; some end soon, unless they are renewed in time.
func (d *drawer) renewing(at time.Duration) {
	for _, i := range d.Perm(3)[:pick(d, 1, 1, 1, 2, 3)] {
		id := pick(d, three[i], three[i], three[i], d.node(), "leader")
		d.add(at, "renew %s%s", id, pick(d, "", " for 20s", " for 60s", " for 90s"))
		if d.IntN(2) == 0 {
			d.restart(at + d.lasting())
		}
		if d.IntN(2) == 0 {
			d.add(at+d.lasting(), "renew %s", id)
		}
		at += d.soon()
	}
}
