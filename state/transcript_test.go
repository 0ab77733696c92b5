package state

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/cockroachdb/datadriven"
	"pgregory.net/rapid"

	"failoverdns/health"
)

// TestTranscripts replays testdata/*.txt; -rewrite writes the golden answers anew. Each command goes through its
// encoded form, and is applied a second time to a state that comes out of a snapshot before every command: the two
// must never differ.
func TestTranscripts(t *testing.T) {
	datadriven.Walk(t, "testdata/transcripts", func(t *testing.T, path string) {
		p := &play{s: New(), restored: New(), wall: time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)}
		datadriven.RunTest(t, path, func(t *testing.T, d *datadriven.TestData) string { return p.run(t, d) })
	})
}

// play is one transcript in progress.
type play struct {
	s        *State
	restored *State // the same, out of a snapshot
	clock    Clock
	wall     time.Time
	view     *View // of one node, by its local words
}

func (p *play) run(t *testing.T, d *datadriven.TestData) string {
	if show, ok := shows[d.Cmd]; ok {
		return show(p, d)
	}
	switch d.Cmd {
	case "advance":
		return p.advance(t, d)
	case "members":
		return p.members(t, d)
	case "vote":
		return p.vote(t, d)
	}
	build, ok := commands[d.Cmd]
	if !ok {
		d.Fatalf(t, "unknown directive %q", d.Cmd)
	}
	body, err := build(d)
	if err != nil {
		d.Fatalf(t, "%s", err)
	}
	return p.apply(t, d, body)
}

// advance moves the cluster clock, then makes happen what is due by then, as the leader would.
func (p *play) advance(t *testing.T, d *datadriven.TestData) string {
	by, err := time.ParseDuration(d.CmdArgs[0].Key)
	if err != nil {
		d.Fatalf(t, "%s", err)
	}
	end, out := p.clock+by, ""
	for {
		at, ok := p.s.NextDue()
		if !ok || at > end || d.HasArg("no-leader") {
			break
		}
		p.turnTo(max(at, p.clock))
		out += fmt.Sprintf("at %s: %s", p.clock, p.apply(t, d, &Due{}))
		if next, ok := p.s.NextDue(); ok && next <= p.clock {
			d.Fatalf(t, "something is still due at %s", next)
		}
	}
	p.turnTo(end)
	return out + "now " + end.String() + "\n"
}

func (p *play) turnTo(c Clock) { p.clock, p.wall = c, p.wall.Add(c-p.clock) }

func (p *play) members(t *testing.T, d *datadriven.TestData) string {
	var ms []Member
	for _, a := range d.CmdArgs {
		id, replica := strings.CutPrefix(a.Key, "replica:")
		ms = append(ms, Member{ID: id, Address: id + ":7000", Voter: !replica})
	}
	was := encoded(t, p.s)
	next, res := p.s.Configure(p.s.Index+1, ms)
	sameBytes(t, "Configure changed the old state", was, encoded(t, p.s))
	p.restored, _ = reread(t, p.restored).Configure(p.s.Index+1, ms)
	p.s = next
	sameBytes(t, "a restart made a difference", encoded(t, p.s), encoded(t, p.restored))
	return outcome(p.s, res)
}

// vote casts one node's vote, or several nodes' (a,b), on every endpoint that the second word names: an endpoint, a
// check or a site. Without rev and session they are the present ones.
func (p *play) vote(t *testing.T, d *datadriven.TestData) string {
	var out strings.Builder
	for _, node := range strings.Split(d.CmdArgs[0].Key, ",") {
		body := &Votes{Node: node}
		for _, e := range p.s.Endpoints.All() {
			if id := d.CmdArgs[1].Key; id == e.ID || id == e.Check || id == e.Site || id == "*" {
				body.Votes = append(body.Votes, p.cast(t, d, node, e))
			}
		}
		out.WriteString(p.apply(t, d, body))
	}
	return out.String()
}

func (p *play) cast(t *testing.T, d *datadriven.TestData, node string, e *Endpoint) Cast {
	c := Cast{Endpoint: e.ID, Revision: e.Revision, Opinion: health.Opinion(d.CmdArgs[2].Key)}
	if s, ok := p.s.Sessions.Get(SessionKey(node, e.Spec.Interval)); ok {
		c.Session = s.Number
	}
	if len(d.CmdArgs) > 3 && d.CmdArgs[3].Vals == nil {
		c.Reason = health.Reason(d.CmdArgs[3].Key)
	}
	d.MaybeScanArgs(t, "rev", &c.Revision)
	d.MaybeScanArgs(t, "session", &c.Session)
	c.SinceFirst = duration(d, "since", 0)
	return c
}

// apply proposes a command as node and author of the directive say, and tells what it did.
func (p *play) apply(t *testing.T, d *datadriven.TestData, body Body) string {
	h := Header{Clock: p.clock, Wall: p.wall, ID: word(d, "id", ""), Author: word(d, "by", "")}
	b, err := Command{Header: h, Body: body}.Encode()
	if err != nil {
		return "not proposed: " + err.Error() + "\n"
	}
	c, err := DecodeCommand(b)
	if err != nil {
		t.Fatal(err)
	}
	was := encoded(t, p.s)
	next, res := p.s.Apply(p.s.Index+1, c)
	sameBytes(t, "Apply changed the old state", was, encoded(t, p.s))
	p.restored, _ = reread(t, p.restored).Apply(p.s.Index+1, c)
	p.s = next
	sameBytes(t, "a restart made a difference", encoded(t, p.s), encoded(t, p.restored))
	return outcome(p.s, res)
}

// outcome writes a result: the refusal or the events, single votes and sessions left out, and the zones that changed.
func outcome(s *State, res Result) string {
	var b strings.Builder
	switch {
	case res.Refusal != nil:
		fmt.Fprintf(&b, "refused (%s): %s\n", res.Refusal.Code, res.Refusal.Text)
	case res.Index != s.Index:
		fmt.Fprintf(&b, "done before, at index %d\n", res.Index)
	default:
		b.WriteString("ok\n")
	}
	for _, e := range res.Effect.Events {
		if e.Type != "vote" && e.Type != "session" {
			fmt.Fprintf(&b, "  %s\n", e.Text)
		}
	}
	for _, c := range res.Effect.Zones {
		z, ok := s.Zones.Get(c.Zone)
		if !ok {
			b.WriteString("  a zone is gone\n")
			continue
		}
		fmt.Fprintf(&b, "  zone %s serial %d", z.Name.Bare(), z.Serial)
		if c.Whole {
			b.WriteString(", whole")
		}
		for _, r := range c.Cells {
			fmt.Fprintf(&b, ", %s cell %d", r.Group, r.Cell)
		}
		for _, name := range c.Names {
			fmt.Fprintf(&b, ", %s", name.Bare())
		}
		b.WriteString("\n")
	}
	return b.String()
}

func encoded(t rapid.TB, s *State) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := s.Encode(&b); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// reread is a state after a restart.
func reread(t rapid.TB, s *State) *State {
	t.Helper()
	r, err := Decode(bytes.NewReader(encoded(t, s)))
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func sameBytes(t rapid.TB, what string, a, b []byte) {
	t.Helper()
	if bytes.Equal(a, b) {
		return
	}
	as, bs := strings.Split(string(a), "\n"), strings.Split(string(b), "\n")
	for i := range min(len(as), len(bs)) {
		if as[i] != bs[i] {
			t.Fatalf("%s:\n%s\n%s", what, as[i], bs[i])
		}
	}
	t.Fatalf("%s: one is longer", what)
}
