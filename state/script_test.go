package state

import (
	"fmt"
	"net/netip"
	"strconv"
	"strings"
	"time"

	"github.com/cockroachdb/datadriven"

	"failoverdns/health"
	"failoverdns/record"
)

// commands are the directives of a transcript that propose one command each.
var commands = map[string]func(d *datadriven.TestData) (Body, error){
	"announce": func(d *datadriven.TestData) (Body, error) {
		return &Announce{ID: arg(d, 0), Incarnation: word(d, "inc", "i1"), Role: Role(word(d, "role", "voter")), Probe: word(d, "probe", "on") == "on", Version: word(d, "version", "1")}, nil
	},
	"session": func(d *datadriven.TestData) (Body, error) {
		return &SessionOpen{Node: arg(d, 0), Interval: duration(d, "interval", 10*time.Second), Boot: word(d, "boot", "b1")}, nil
	},
	"close": func(d *datadriven.TestData) (Body, error) {
		n, err := strconv.ParseUint(word(d, "number", "0"), 10, 64)
		return &SessionClose{Node: arg(d, 0), Interval: duration(d, "interval", 10*time.Second), Number: n, Recount: word(d, "recount", "yes") == "yes"}, err
	},
	"declare": func(d *datadriven.TestData) (Body, error) {
		ds, err := declarations(d.Input)
		return &Declare{Node: arg(d, 0), Incarnation: word(d, "inc", "i1"), Declarations: ds}, err
	},
	"adopt": func(d *datadriven.TestData) (Body, error) {
		a := &Adopt{Node: arg(d, 0)}
		if arg(d, 1) != "all" {
			a.Zone = record.MustParseName(arg(d, 1))
		}
		return a, nil
	},
	"drill": func(d *datadriven.TestData) (Body, error) {
		return &StartDrill{Group: arg(d, 0), Site: arg(d, 1), For: duration(d, "for", 10*time.Minute), Reason: word(d, "reason", "")}, nil
	},
	"abort": func(d *datadriven.TestData) (Body, error) {
		id, err := strconv.ParseUint(arg(d, 0), 10, 64)
		return &AbortDrill{Drill: id, Reason: word(d, "reason", "")}, err
	},
	"scheduled": func(d *datadriven.TestData) (Body, error) {
		at, err := strconv.ParseInt(arg(d, 1), 10, 64)
		return &ScheduledDrill{Group: arg(d, 0), Schedule: DrillDecl{Day: "sunday", Minute: 240, To: "aws", For: 10 * time.Minute}, Occurrence: at, Late: duration(d, "late", 0)}, err
	},
	"measure": func(d *datadriven.TestData) (Body, error) {
		id, err := strconv.ParseUint(arg(d, 0), 10, 64)
		return &MeasureDrill{Drill: id, Ended: d.HasArg("ended"), Times: []DrillTime{{Node: "ns1", Leader: true, Commit: time.Millisecond}}}, err
	},
	"switch": func(d *datadriven.TestData) (Body, error) {
		return &SetSwitches{Changes: switchChanges(d), Reason: word(d, "reason", ""), Force: d.HasArg("force"), BreakGlass: d.HasArg("break-glass")}, nil
	},
	"override": func(d *datadriven.TestData) (Body, error) {
		return &SetOverride{Scope: Scope(arg(d, 0)), Target: arg(d, 1), Word: Word(arg(d, 2)), Reason: word(d, "reason", ""), For: duration(d, "for", 24*time.Hour), Force: d.HasArg("force"), BreakGlass: d.HasArg("break-glass")}, nil
	},
	"window": func(d *datadriven.TestData) (Body, error) {
		at, err := time.Parse(time.RFC3339, word(d, "at", "2026-01-01T00:00:00Z"))
		if !d.HasArg("at") {
			at = time.Time{}
		}
		return &PlanWindow{Scope: Scope(arg(d, 0)), Target: arg(d, 1), Word: Word(arg(d, 2)), Reason: word(d, "reason", ""), At: at, In: duration(d, "in", 0), For: duration(d, "for", time.Hour), Force: d.HasArg("force"), BreakGlass: d.HasArg("break-glass")}, err
	},
	"cancel": func(d *datadriven.TestData) (Body, error) {
		id, err := strconv.ParseUint(arg(d, 0), 10, 64)
		return &CancelWindow{Window: id, Reason: word(d, "reason", "")}, err
	},
	"clear": func(d *datadriven.TestData) (Body, error) {
		return &ClearOverride{Scope: Scope(arg(d, 0)), Target: arg(d, 1), Reason: word(d, "reason", ""), Force: d.HasArg("force"), BreakGlass: d.HasArg("break-glass")}, nil
	},
	"extend": func(d *datadriven.TestData) (Body, error) {
		return &Extend{Scope: Scope(arg(d, 0)), Target: arg(d, 1), For: duration(d, "for", 24*time.Hour)}, nil
	},
	"pin": func(d *datadriven.TestData) (Body, error) {
		return &SetPin{Group: arg(d, 0), Site: arg(d, 1), Reason: word(d, "reason", ""), For: duration(d, "for", 24*time.Hour), Force: d.HasArg("force"), BreakGlass: d.HasArg("break-glass")}, nil
	},
	"unpin": func(d *datadriven.TestData) (Body, error) {
		return &Unpin{Group: arg(d, 0), Reason: word(d, "reason", "")}, nil
	},
	"failback": func(d *datadriven.TestData) (Body, error) {
		return &EndHold{Group: arg(d, 0), Reason: word(d, "reason", "")}, nil
	},
	"resolved": func(d *datadriven.TestData) (Body, error) {
		return &Resolved{Target: record.MustParseName(arg(d, 0)), Addresses: addresses(plain(d.CmdArgs[1:]))}, nil
	},
	"token": func(d *datadriven.TestData) (Body, error) {
		return &TokenCreate{ID: arg(d, 0), Kind: TokenKind(arg(d, 1)), Role: arg(d, 2), Name: word(d, "name", ""), Hash: hashOf(word(d, "secret", "")),
			Zones: names(listIn(d.CmdArgs, "zones")), OneUse: d.HasArg("once"), For: duration(d, "for", 24*time.Hour), Reason: word(d, "reason", "")}, nil
	},
	"revoke": func(d *datadriven.TestData) (Body, error) {
		return &TokenRevoke{ID: arg(d, 0), Reason: word(d, "reason", "")}, nil
	},
	"use": func(d *datadriven.TestData) (Body, error) {
		return &TokenUse{ID: arg(d, 0), By: arg(d, 1), Hash: hashOf(word(d, "secret", ""))}, nil
	},
	"admit": func(d *datadriven.TestData) (Body, error) {
		level, err := strconv.Atoi(word(d, "level", strconv.Itoa(Level)))
		return &Admit{Node: arg(d, 0), Incarnation: word(d, "inc", "i1"), Address: word(d, "at", arg(d, 0)+":53"), Role: Role(word(d, "role", "voter")), Token: word(d, "token", ""), Hash: hashOf(word(d, "secret", "")), Level: level}, err
	},
	"change": func(d *datadriven.TestData) (Body, error) {
		return &ChangeMember{Op: arg(d, 0), Node: arg(d, 1), Reason: word(d, "reason", ""), Force: d.HasArg("force")}, nil
	},
	"records": func(d *datadriven.TestData) (Body, error) {
		return changeRecords(record.MustParseName(arg(d, 0)), word(d, "reason", ""), d.Input)
	},
	"create-zone": func(d *datadriven.TestData) (Body, error) {
		z := record.MustParseName(arg(d, 0))
		ns := nameIn(arg(d, 1), z)
		return &CreateZone{Zone: z, Replace: d.HasArg("replace"), SOA: zoneLine(d.CmdArgs, 0).SOA, Sets: []record.Set{{Name: z, Type: record.NS, TTL: 60, Data: [][]byte{[]byte(ns)}}}}, nil
	},
	"delete-zone": func(d *datadriven.TestData) (Body, error) {
		return &DeleteZone{Zone: record.MustParseName(arg(d, 0)), Force: d.HasArg("force")}, nil
	},
	"withdraw": func(d *datadriven.TestData) (Body, error) {
		return &Withdraw{Node: arg(d, 0), Incarnation: word(d, "inc", "i1"), Zones: []record.Name{record.MustParseName(arg(d, 1))}}, nil
	},
	"due": func(*datadriven.TestData) (Body, error) { return &Due{}, nil },
}

// switchChanges reads NAME=on and NAME=off.
func switchChanges(d *datadriven.TestData) (out []SwitchChange) {
	for _, a := range d.CmdArgs {
		if v := word(d, a.Key, ""); v == "on" || v == "off" {
			out = append(out, SwitchChange{a.Key, v == "on"})
		}
	}
	return out
}

func arg(d *datadriven.TestData, i int) string {
	if i < len(d.CmdArgs) {
		return d.CmdArgs[i].Key
	}
	return ""
}

func word(d *datadriven.TestData, key, or string) string { return wordIn(d.CmdArgs, key, or) }

func wordIn(args []datadriven.CmdArg, key, or string) string {
	if v := listIn(args, key); len(v) > 0 {
		return v[0]
	}
	return or
}

func listIn(args []datadriven.CmdArg, key string) []string {
	for _, a := range args {
		if a.Key == key {
			return a.Vals
		}
	}
	return nil
}

func duration(d *datadriven.TestData, key string, or time.Duration) time.Duration {
	return durationIn(d.CmdArgs, key, or)
}

func durationIn(args []datadriven.CmdArg, key string, or time.Duration) time.Duration {
	switch v := wordIn(args, key, ""); v {
	case "":
		return or
	case "never":
		return 0
	default:
		t, err := time.ParseDuration(v)
		if err != nil {
			panic(err)
		}
		return t
	}
}

// declarations reads the compact form of zones:
//
//	zone example.org [serial=N] [agree=all] [minimum=N]
//	site [GROUP/]azure 192.0.2.1 2001:db8::1 [target=NAME] [flatten=NAME] [check=(https,tcp)] [min=N] [interval=D] [successes=N] [dial=H]
//	group example.org azure aws [failback=auto|manual|10m] [alldown=last]
//	names login api [ttl=60] [azure=(192.0.2.9)] [aws=target:NAME]
//	set NAME TYPE DATA
//	drill DAY minute=N to=SITE for=D
//	switch NAME [SITE...] [initially=off]
//	rule NAME assertion|gating SWITCH... [gates=(SWITCH...)] [least=N] [most=N] [wait=D]
func declarations(text string) (ds []*Declaration, err error) {
	for line := range strings.Lines(text) {
		cmd, args, err := datadriven.ParseLine(line)
		if err != nil {
			return nil, err
		}
		if cmd == "zone" {
			ds = append(ds, zoneLine(args, len(ds)))
			continue
		}
		if err := declarationLine(ds[len(ds)-1], cmd, args); err != nil {
			return nil, fmt.Errorf("%s: %w", strings.TrimSpace(line), err)
		}
	}
	return ds, nil
}

func zoneLine(args []datadriven.CmdArg, n int) *Declaration {
	name := record.MustParseName(args[0].Key)
	return &Declaration{Zone: name, Source: fmt.Sprintf("Corefile:%d", n+1), Agree: health.Agree(wordIn(args, "agree", "")), NoQuorum: NoQuorum{Mode: NoQuorumHold},
		SOA: SOA{TTL: 60, MName: record.MustParseName("ns1." + name.Bare()), RName: record.MustParseName("hostmaster." + name.Bare()),
			Serial: number(args, "serial", 0), Refresh: 300, Retry: 60, Expire: 86400, Minimum: number(args, "minimum", 60)}}
}

func number(args []datadriven.CmdArg, key string, or uint32) uint32 {
	n, err := strconv.ParseUint(wordIn(args, key, strconv.FormatUint(uint64(or), 10)), 10, 32)
	if err != nil {
		panic(err)
	}
	return uint32(n)
}

func declarationLine(d *Declaration, cmd string, args []datadriven.CmdArg) error {
	switch cmd {
	case "site":
		d.Sites = append(d.Sites, siteLine(args))
	case "group":
		d.Groups = append(d.Groups, groupLine(args))
	case "names":
		g := &d.Groups[len(d.Groups)-1]
		g.Cells = append(g.Cells, namesLine(d.Zone, g, args))
	case "set":
		d.Sets = append(d.Sets, record.Set{Name: nameIn(args[0].Key, d.Zone), Type: scriptTypes[args[1].Key], TTL: 60, Data: [][]byte{[]byte(args[2].Key)}})
	case "drill":
		g := &d.Groups[len(d.Groups)-1]
		g.Drills = append(g.Drills, DrillDecl{Day: args[0].Key, Minute: int(number(args, "minute", 0)), To: wordIn(args, "to", ""), For: durationIn(args, "for", 0)})
	case "switch":
		words := plain(args)
		d.Switches = append(d.Switches, SwitchDecl{Name: words[0], Sites: words[1:], Off: wordIn(args, "initially", "on") == "off"})
	case "rule":
		words := plain(args)
		d.Rules = append(d.Rules, RuleDecl{Name: words[0], Kind: RuleKind(words[1]), Switches: words[2:], Gates: listIn(args, "gates"),
			Least: int(number(args, "least", 0)), Most: int(number(args, "most", 0)), Wait: durationIn(args, "wait", 0)})
	default:
		return fmt.Errorf("unknown line %q", cmd)
	}
	return nil
}

var scriptTypes = map[string]record.Type{"A": record.A, "TXT": record.TXT, "NS": record.NS, "CNAME": record.CNAME, "SOA": record.SOA, "DS": record.DS, "AXFR": 252}

// changeRecords reads changes of record sets, one a line:
//
//	set|delete|add|remove NAME TYPE [data=(x,y)] [ttl=N] [version=N]
func changeRecords(zone record.Name, reason, text string) (*ChangeRecords, error) {
	out := &ChangeRecords{Zone: zone, Reason: reason}
	for line := range strings.Lines(text) {
		verb, args, err := datadriven.ParseLine(line)
		if err != nil {
			return nil, err
		}
		c := RecordChange{Verb: RecordVerb(verb), Name: nameIn(args[0].Key, zone), Type: scriptTypes[args[1].Key]}
		for _, d := range listIn(args, "data") {
			c.Data = append(c.Data, []byte(d))
		}
		if ttl := number(args, "ttl", 0); wordIn(args, "ttl", "") != "" {
			c.TTL = &ttl
		}
		if v := uint64(number(args, "version", 0)); wordIn(args, "version", "") != "" {
			c.Version = &v
		}
		out.Changes = append(out.Changes, c)
	}
	return out, nil
}

func siteLine(args []datadriven.CmdArg) SiteDecl {
	s := SiteDecl{Name: Short(args[0].Key), MinHealthy: int(number(args, "min", 1)), Addresses: addresses(plain(args[1:]))}
	s.Group = strings.TrimSuffix(strings.TrimSuffix(args[0].Key, s.Name), "/")
	if target := wordIn(args, "target", ""); target != "" {
		s.Target = record.MustParseName(target)
	}
	if target := wordIn(args, "flatten", ""); target != "" {
		s.Target, s.Flatten = record.MustParseName(target), true
	}
	for _, name := range listIn(args, "check") {
		c := health.Check{Kind: health.TCP, Port: 443, Dial: wordIn(args, "dial", ""),
			Interval: durationIn(args, "interval", 10*time.Second), Successes: int(number(args, "successes", 3))}
		if err := c.Complete(); err != nil {
			panic(err)
		}
		s.Checks = append(s.Checks, CheckDecl{Name: name, Check: c})
	}
	return s
}

func groupLine(args []datadriven.CmdArg) GroupDecl {
	g := GroupDecl{Name: args[0].Key, Sites: plain(args[1:]), AllDown: AllDown(wordIn(args, "alldown", "primary"))}
	switch f := wordIn(args, "failback", "auto"); f {
	case "auto", "manual":
		g.Failback.Mode = health.FailbackMode(f)
	default:
		g.Failback = health.Failback{Mode: health.FailbackAfter, After: durationIn(args, "failback", 0)}
	}
	return g
}

func namesLine(zone record.Name, g *GroupDecl, args []datadriven.CmdArg) CellDecl {
	c := CellDecl{TTL: number(args, "ttl", 60)}
	for _, n := range plain(args) {
		c.Names = append(c.Names, nameIn(n, zone))
	}
	for _, site := range g.Sites {
		at := listIn(args, site)
		switch {
		case at == nil:
		case strings.HasPrefix(at[0], "target:"):
			c.At = append(c.At, CellSite{Site: site, Target: record.MustParseName(strings.TrimPrefix(at[0], "target:"))})
		default:
			c.At = append(c.At, CellSite{Site: site, Addresses: addresses(at)})
		}
	}
	return c
}

// nameIn reads a name in full, or one that stands below the zone.
func nameIn(s string, zone record.Name) record.Name {
	if n := record.MustParseName(s); n.Under(zone) || strings.HasSuffix(s, ".") {
		return n
	}
	n, err := record.ParseNameIn(s, zone)
	if err != nil {
		panic(err)
	}
	return n
}

// plain are the words without a value.
func plain(args []datadriven.CmdArg) (words []string) {
	for _, a := range args {
		if a.Vals == nil {
			words = append(words, a.Key)
		}
	}
	return words
}

func addresses(words []string) (out []netip.Addr) {
	for _, w := range words {
		out = append(out, netip.MustParseAddr(w))
	}
	return out
}
