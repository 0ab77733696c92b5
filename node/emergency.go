package node

import (
	"context"
	"fmt"
	"path/filepath"
	"slices"
	"time"

	"failoverdns/emergency"
	"failoverdns/state"
)

// emergencyEvery is how often the emergency file is read.
const emergencyEvery = time.Second

// file is the emergency file as it was read.
type file struct {
	dir  string
	path string
	text string
	pins []emergency.Pin
	err  error // why it is ignored
}

func readEmergency(dir string) file {
	if whole, err := filepath.Abs(dir); err == nil {
		dir = whole // who mends it stands in another directory
	}
	f := file{dir: dir, path: emergency.Path(dir)}
	if f.text, f.err = emergency.Read(dir); f.err == nil {
		f.pins, f.err = emergency.Parse(f.text)
	}
	return f
}

// fault says why the file is ignored, empty if it is not.
func (f *file) fault() string {
	if f.err == nil {
		return ""
	}
	return fmt.Sprintf("%s: %s; until it is mended none of its lines has effect (failoverctl local clear all --data %s removes it)", f.path, f.err, f.dir)
}

// keepEmergency reads the file each second. A disk that hangs holds up nothing but this.
func (n *Node) keepEmergency(ctx context.Context) {
	for {
		n.answering.read(readEmergency(n.Config().DataDir))
		select {
		case <-ctx.Done():
			return
		case <-time.After(emergencyEvery):
		}
	}
}

// words gives the lines that have not expired, and what they pin: site IDs by group. A line that names a group or site
// which the state does not have has no effect, and says so; the others have theirs.
func (f *file) words(st *state.State, now time.Time) (lines []Emergency, pins map[string]string) {
	pins = map[string]string{}
	for _, p := range f.pins {
		if p.Stands(now) {
			lines = append(lines, Emergency{Pin: p})
		}
	}
	for i := range lines {
		if l := &lines[i]; l.Group != emergency.All {
			l.one(st, pins)
		}
	}
	for i := range lines {
		if l := &lines[i]; l.Group == emergency.All {
			l.all(st, pins, lines)
		}
	}
	return lines, pins
}

// one pins the line's group.
func (l *Emergency) one(st *state.State, pins map[string]string) {
	g, ok := groupNamed(st, l.Group)
	if !ok {
		l.Vain = fmt.Sprintf("there is no group %q; failoverctl status lists them", l.Group)
		return
	}
	id, ok := g.SiteIn(l.Site)
	if !ok {
		l.Vain = fmt.Sprintf("group %s has no site %q, only %s", g.Name, l.Site, join(g.Sites))
		return
	}
	l.Groups, pins[g.Name] = []string{g.Name}, id
}

// all pins every group that has the site and no line of its own.
func (l *Emergency) all(st *state.State, pins map[string]string, lines []Emergency) {
	known := false
	for name, g := range st.Groups.All() {
		id, ok := g.SiteIn(l.Site)
		known = known || ok
		own := slices.ContainsFunc(lines, func(o Emergency) bool { return o.Group == emergency.Group(name) })
		if ok && !own {
			l.Groups, pins[name] = append(l.Groups, name), id
		}
	}
	if !known {
		l.Vain = fmt.Sprintf("no group has a site %q; failoverctl sites lists them", l.Site)
	}
}

// groupNamed finds a group by its name as the file writes it.
func groupNamed(st *state.State, name string) (*state.Group, bool) {
	if g, ok := st.Groups.Get(name); ok {
		return g, true
	}
	for _, g := range st.Groups.All() {
		if emergency.Group(g.Name) == name {
			return g, true
		}
	}
	return nil, false
}

func join(sites []string) string {
	out := ""
	for i, s := range sites {
		if i > 0 {
			out += ", "
		}
		out += state.Short(s)
	}
	return out
}

// tellVain notes the groups whose pinned site has nothing to answer with.
func tellVain(lines []Emergency, groups []string) {
	for i := range lines {
		l := &lines[i]
		l.Groups = slices.DeleteFunc(l.Groups, func(g string) bool {
			vain := slices.Contains(groups, g)
			if vain {
				l.Vain = fmt.Sprintf("site %s of group %s has no addresses yet", l.Site, g)
			}
			return vain
		})
	}
}

func (a *answering) tellEmergency(was, is []Emergency) {
	for _, l := range is {
		if slices.ContainsFunc(was, l.same) {
			continue
		}
		if l.Vain != "" {
			a.log.Error("a line of the emergency file has no effect", "file", a.file.path, "line", l.Line, "reason", l.Vain)
			continue
		}
		a.log.Warn("the emergency file pins groups on this node", "groups", l.Groups, "site", l.Site, "until", l.Expires.Format(time.RFC3339), "reason", l.Reason)
	}
	for _, l := range was {
		if l.Vain == "" && !slices.ContainsFunc(is, l.same) {
			a.log.Warn("a pin of the emergency file has ended on this node", "groups", l.Groups, "site", l.Site)
		}
	}
}

// same says whether two lines do the same.
func (l Emergency) same(o Emergency) bool {
	return l.Group == o.Group && l.Site == o.Site && l.Vain == o.Vain && l.Expires.Equal(o.Expires) && slices.Equal(l.Groups, o.Groups)
}
