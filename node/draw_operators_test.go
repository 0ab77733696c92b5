package node

import (
	"strings"
	"time"
)

// via adds an operator's command to a node as chance has it.
func (d *drawer) via(at time.Duration, format string, args ...any) {
	d.add(at, "via %s "+format, append([]any{d.anyone()}, args...)...)
}

// anyone is mostly a node, sometimes whoever leads.
func (d *drawer) anyone() string { return pick(d, d.node(), d.node(), d.node(), "leader") }

// soon is a time in which operators get in each other's way.
func (d *drawer) soon() time.Duration {
	return pick(d, d.between(0, 100*time.Millisecond), d.between(0, 2*time.Second), d.between(0, 12*time.Second))
}

// leaveWords are what a command may go past, mostly nothing.
func (d *drawer) leaveWords() string {
	return pick(d, "", "", "", "", " force", " glass", " force glass")
}

func (d *drawer) site() string { return pick(d, "azure", "azure", "aws") }

// switching has several operators turn switches, and take sites out otherwise, at about the same time.
func (d *drawer) switching(at time.Duration) {
	for range 2 + d.IntN(5) {
		switch {
		case d.IntN(4) == 0:
			d.via(at, "override site %s down for 30s%s", d.site(), d.leaveWords())
		case d.IntN(6) == 0:
			d.via(at, "pin %s for 30s%s", d.site(), d.leaveWords())
		case d.IntN(6) == 0:
			d.via(at, "switch unlocked=%s", pick(d, "on", "on", "off"))
		default:
			turns := pick(d, "azure-in=off", "azure-in=on", "aws-in=off", "aws-in=on", "azure-in=off aws-in=on", "aws-in=off azure-in=on", "azure-in=off aws-in=off")
			d.via(at, "switch %s%s", turns, d.leaveWords())
		}
		at += d.soon()
	}
	if d.IntN(3) > 0 {
		d.via(at+d.lasting(), "switch azure-in=on aws-in=on unlocked=on glass")
	}
}

// drilling has drills begin, and things happen that end them before their time.
func (d *drawer) drilling(at time.Duration) {
	term := pick(d, "10s", "30s", "90s")
	for range 1 + d.IntN(3) {
		d.via(at, "drill %s for %s", pick(d, "aws", "aws", "azure"), term)
		at += d.soon()
	}
	switch d.IntN(8) {
	case 0, 1:
		d.add(at, "break * aws")
		d.add(at+d.lasting(), "mend * aws")
	case 2:
		d.via(at, "%s", pick(d, "unpin", "abort 1", "abort 2", "failback"))
	case 3:
		d.via(at, "pin %s for 30s%s", d.site(), d.leaveWords())
	case 4:
		d.via(at, "override site aws down for 30s%s", d.leaveWords())
	case 5:
		d.restart(at)
	case 6:
		d.add(at, "break * azure")
		d.add(at+d.lasting(), "mend * azure")
	}
}

// planning has maintenance windows planned, and sometimes others' words in their way.
func (d *drawer) planning(at time.Duration) {
	for range 1 + d.IntN(3) {
		in := d.between(time.Second, time.Minute)
		target := pick(d, "site azure", "site azure", "site aws", "address azure@"+azure, "endpoint azure/https@"+azure)
		word := pick(d, "down", "down", "down", "up")
		if d.IntN(8) == 0 {
			target, word = "node "+d.node(), "mute"
		}
		d.via(at, "maintain %s %s in %s for %s%s", target, word, in.Round(time.Second), pick(d, "5s", "30s", "90s"), d.leaveWords())
		switch d.IntN(6) {
		case 0:
			d.via(at+d.between(0, in), "override %s %s for 30s%s", target, word, d.leaveWords())
		case 1:
			scope := strings.Fields(target)[0]
			d.via(at+in+d.between(0, 5*time.Second), "%s %s %s for 1h%s", pick(d, "clear", "extend"), scope, strings.Fields(target)[1], d.leaveWords())
		case 2:
			d.via(at+d.between(0, in), "cancel %d", 1+d.IntN(2))
		case 3:
			d.restart(at + d.between(0, in))
		}
		at += d.soon()
	}
}

// writing has several writers count in one record set and add to another, at about the same time, and now and then the
// leader goes while they do.
func (d *drawer) writing(at time.Duration) {
	if d.IntN(2) == 0 {
		id := pick(d, "leader", d.node())
		d.add(at+d.soon(), "isolate %s", id)
		d.add(at+d.lasting(), "rejoin %s", id)
	}
	for range 3 + d.IntN(6) {
		what := pick(d, "count", "count", "count", "count", "note add "+pick(d, "a", "b", "c"), "note remove "+pick(d, "a", "b"), "note set a")
		if d.IntN(12) == 0 {
			what = "uncount"
		}
		d.via(at, "%s", what)
		at += d.soon()
	}
}

// restoring takes a backup, has things happen, and puts it into force again, sometimes twice, or by way of somebody else.
func (d *drawer) restoring(at time.Duration) {
	d.via(at, "save a")
	for range 1 + d.IntN(2) {
		pick(d, d.command, d.writing, d.rollOut, d.siteOutage, d.drilling, d.planning, d.switching)(at + d.soon())
	}
	if d.IntN(4) == 0 {
		d.via(at+d.soon(), "save b")
	}
	for range 1 + d.IntN(2) {
		at += d.lasting()
		d.via(at, "restore %s", pick(d, "a", "a", "b"))
		if d.IntN(3) == 0 {
			pick(d, d.command, d.writing)(at + d.soon())
		}
	}
}
