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
