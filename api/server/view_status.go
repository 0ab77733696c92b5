package server

import (
	"fmt"
	"strings"
	"time"

	"failoverdns/api"
	"failoverdns/node"
	"failoverdns/raftstore"
	"failoverdns/state"
)

// staleAfter is the state's age from which a node's answers are called unhealthy: the leader's heartbeats and a few
// lost packets fit in it many times.
const staleAfter = 30 * time.Second

// certificateWarning is how long before its end a certificate is spoken of: time for the one who is on holiday.
const certificateWarning = 30 * 24 * time.Hour

// status is the one page on everything; the view has peers.
func (v *view) status() *api.Status {
	out := &api.Status{
		Meta: v.meta(), Groups: v.groups(), Overrides: v.overrides(), Windows: v.windows(), Drift: v.offers(true), Cluster: v.cluster(),
		Emergency: v.emergency(), NoQuorum: v.noQuorum(), Problems: []api.Notice{}, Notes: []api.Notice{},
	}
	for i := range out.Groups {
		out.Groups[i].Nodes = v.nodeAnswers(out.Groups[i].Name)
	}
	v.problems(out)
	v.notes(out)
	return out
}

func (v *view) nodeAnswers(group string) []api.NodeAnswer {
	out := []api.NodeAnswer{}
	for _, p := range v.peers {
		if m, ok := v.st.Nodes.Get(p.ID); ok && m.Role == state.Witness {
			continue // it answers nothing
		}
		a := api.NodeAnswer{Node: p.ID, Reachable: p.Reachable, Error: p.Error}
		if p.Reachable {
			a.Active, a.Rule, a.StateAge, a.Index = p.Active[group], p.Rules[group], seconds(p.StateAge), p.Index
		}
		out = append(out, a)
	}
	return out
}

// cluster is the Raft cluster and its members; the view has peers.
func (v *view) cluster() api.Cluster {
	n := &v.node
	c := api.Cluster{
		Leader: n.Leader, Quorum: n.Quorum, Term: n.Term, RaftState: n.Raft, Phase: string(n.Phase), Detail: n.Detail, Waiting: waiting(n),
		Ready: n.Ready, NotReady: n.NotReady, Witness: n.Witness, Level: v.st.FeatureLevel(), CAPin: v.caPin, Members: []api.Member{},
	}
	if n.Removed != nil {
		c.Removed = v.removed(n.Removed)
	}
	diverged := v.diverged()
	for _, m := range v.st.Nodes.All() {
		c.Members = append(c.Members, v.member(m, diverged))
	}
	for _, m := range c.Members {
		if m.Suffrage != "voter" {
			continue
		}
		c.Voters++
		if m.Reachable {
			c.Live++
		}
	}
	if c.Quorum {
		c.Tolerates = max(0, c.Live-(c.Voters/2+1))
	}
	return c
}

// waiting says whom a first start waits for, and why.
func waiting(n *node.Status) (out []string) {
	for _, w := range n.Waiting {
		out = append(out, w.ID+": "+w.Why)
	}
	return out
}

func (v *view) member(m *state.Node, diverged map[string]bool) api.Member {
	out := api.Member{
		ID: m.ID, Address: m.Address, Admin: m.Admin, Role: string(m.Role), Suffrage: m.Suffrage, Probes: m.Probe, Version: m.Version,
		Leader: m.ID == v.node.Leader, Self: m.ID == v.node.ID, LastContact: seconds(v.node.Contact[m.ID]),
		Muted: v.st.Overrides.Has(state.OverrideKey(state.ScopeNode, m.ID)), Diverged: diverged[m.ID], Joining: m.Promote,
	}
	for _, p := range v.peers {
		if p.ID != m.ID {
			continue
		}
		out.Reachable, out.Error = p.Reachable, p.Error
		if p.Reachable {
			out.Version, out.Index, out.Hash, out.StateAge = p.Version, p.Index, hashText(p.Hash), seconds(p.StateAge)
			out.Level, out.LastContact = p.Level, seconds(max(0, p.Contact))
		}
	}
	if l := v.leaderReport(); l != nil {
		if heard, ok := l.Heard[m.ID]; ok && !out.Reachable {
			out.LastContact = seconds(heard)
		}
		if out.Reachable && out.Index < l.Index {
			out.Lag = l.Index - out.Index
		}
	}
	return out
}

// leaderReport is what the leader says of itself, or nil.
func (v *view) leaderReport() *node.Report {
	for i := range v.peers {
		if p := &v.peers[i]; p.Reachable && p.ID == v.node.Leader {
			return p
		}
	}
	return nil
}

// diverged names the nodes whose states differ though their index is the same: those that the leader has found to
// differ from itself, else what the peers say now. Which of these is right cannot be told here, so all of that index
// are named.
func (v *view) diverged() map[string]bool {
	out := map[string]bool{}
	for _, id := range v.node.Diverged {
		out[id] = true
	}
	if len(out) > 0 {
		return out
	}
	for i, a := range v.peers {
		for _, b := range v.peers[i+1:] {
			if a.Reachable && b.Reachable && a.Index == b.Index && a.Hash != b.Hash {
				out[a.ID], out[b.ID] = true, true
			}
		}
	}
	return out
}

// diskFault is the reason at hand for having no leader: this node cannot write.
func (v *view) diskFault(add func(code, next, format string, args ...any), c *api.Cluster) {
	add(api.ProblemNoQuorum, "", "no quorum: %s cannot write to its disk, and takes no part in the cluster until it can (%s); %sno command is taken here. Mend the disk: the node tries again by itself and answers meanwhile",
		v.node.ID, c.Detail, v.nothingFlips())
}

// problems are what makes a cluster unhealthy.
func (v *view) problems(s *api.Status) {
	add := func(code, next, format string, args ...any) {
		s.Problems = append(s.Problems, api.Notice{Code: code, Text: fmt.Sprintf(format, args...), Next: next})
	}
	for i := range s.Groups {
		if g := &s.Groups[i]; g.AllDown {
			add(api.ProblemAllDown, g.Next, "%s: no site is up; it answers with %s (%s)", g.Name, g.Active, g.OnAllDown)
		}
	}
	c := &s.Cluster
	switch {
	case c.Removed != nil:
		add(api.ProblemRemoved, c.Removed.Next, "%s", c.Removed.Text)
	case !c.Quorum && c.Voters == 0:
		add(api.ProblemNoQuorum, "", "no quorum: %s knows of no cluster yet", v.node.ID)
	case !c.Quorum && v.node.Phase == raftstore.PhaseFault:
		v.diskFault(add, c)
	case !c.Quorum && c.Live > c.Voters/2:
		add(api.ProblemNoQuorum, "failoverctl cluster members", "no quorum: %d of %d voters answer, and none leads: an election takes seconds; until then %sno command is taken. If it lasts, the log of each node says why", c.Live, c.Voters, v.nothingFlips())
	case !c.Quorum:
		add(api.ProblemNoQuorum, "failoverctl cluster members", "no quorum: %d of %d voters answer; %sno command is taken until %d do. To move names meanwhile: failoverctl local pin, on each node's own machine", c.Live, c.Voters, v.nothingFlips(), c.Voters/2+1)
	}
	if !c.Ready && !c.Witness && c.Removed == nil {
		next := ""
		if len(c.Waiting) > 0 {
			next = "failoverctl cluster status" // each with its reason
		}
		add(api.ProblemNotReady, next, "%s is not ready: %s", v.node.ID, c.NotReady)
	}
	for _, text := range v.node.Refused {
		add(api.ProblemDrift, "", "%s: its file was refused: %s", v.node.ID, text)
	}
	for _, o := range s.Drift {
		add(api.ProblemDrift, "failoverctl config diff, then put the old file back, or failoverctl config adopt "+o.Node+" "+o.Zone+" --reason TEXT",
			"the file of %s (%s) has zone %s otherwise than what is in force and goes on being served", o.Node, o.Source, o.Zone)
	}
	switch names := divergedNames(c.Members); {
	case len(v.node.Diverged) > 0:
		add(api.ProblemDiverged, "failoverctl cluster members", "the state of %s differs from the leader's at the same index: its answers may be wrong until it is removed and joins anew", names)
	case names != "":
		add(api.ProblemDiverged, "failoverctl cluster members", "the states of %s differ at the same index", names)
	}
	v.localProblems(add)
	v.stale(add, c)
}

// removed says at a node that was removed what that means. It goes on answering, unless it is a witness, so whoever
// still asks it gets old answers.
func (v *view) removed(r *raftstore.Removal) *api.Removal {
	out := &api.Removal{At: utc(r.At), Index: r.Index, Author: r.Author, Reason: r.Reason}
	how := "at a time that it does not know"
	if !r.At.IsZero() {
		how = "at " + clockText(r.At)
	}
	if r.Author != "" {
		how += " by " + r.Author
	}
	if r.Reason != "" {
		how += " (" + r.Reason + ")"
	}
	what := fmt.Sprintf("It goes on answering with the state that it had, of index %d, and follows no failover any more", v.st.Index)
	if v.node.Silent {
		what = "It was a witness, and never answered; it votes no more"
	}
	out.Text = fmt.Sprintf("%s was removed from the cluster %s. %s", v.node.ID, how, what)
	out.Next = "stop it (systemctl disable --now failoverdns), or wipe its data directory and join it again: at a member failoverctl token create " + v.node.ID + " --join --role ROLE --reason TEXT, then here failoverctl cluster join HOST:PORT --token FILE"
	return out
}

func (v *view) stale(add func(code, next, format string, args ...any), c *api.Cluster) {
	if v.node.StateAge > staleAfter && c.Removed == nil { // else said already
		add(api.ProblemStale, "failoverctl cluster members", "the state of %s is %s old", v.node.ID, v.node.StateAge.Round(time.Second))
	}
	for _, p := range v.peers {
		if p.Reachable && p.ID != v.node.ID && p.StateAge > staleAfter {
			add(api.ProblemStale, "failoverctl cluster members", "the state of %s is %s old", p.ID, p.StateAge.Round(time.Second))
		}
	}
}

func divergedNames(members []api.Member) string {
	var out []string
	for _, m := range members {
		if m.Diverged {
			out = append(out, m.ID)
		}
	}
	return strings.Join(out, ", ")
}

// notes are what is worth knowing, though healthy.
func (v *view) notes(s *api.Status) {
	add := func(code, next, format string, args ...any) {
		s.Notes = append(s.Notes, api.Notice{Code: code, Text: fmt.Sprintf(format, args...), Next: next})
	}
	for i := range s.Groups {
		groupNotes(&s.Groups[i], add)
	}
	v.localNotes(add)
	v.switchNotes(add)
	for _, o := range s.Overrides {
		v.overrideNote(&o, add)
	}
	v.windowNotes(s.Windows, add)
	if n := v.node.Abstaining; n > 0 {
		add(api.NoteAbstaining, "failoverctl checks", "%s abstains on %s by faults of its own: its probes cannot tell", v.node.ID, plural(n, "endpoint"))
	}
	if at := v.node.CertExpiry; !at.IsZero() && at.Sub(v.now) < certificateWarning {
		add(api.NoteCertificate, "failoverctl cert issue "+v.node.ID, "the certificate of %s ends at %s%s", v.node.ID, clockText(at), endsWord(at, v.now))
	}
	if !v.ends.IsZero() {
		add(api.NoteCertificate, "", "the certificate of the admin API of %s ends at %s", v.node.ID, clockText(v.ends))
	}
	c := &s.Cluster
	for _, m := range c.Members {
		if !m.Reachable && !m.Self && c.Quorum {
			add(api.NoteMemberLost, "", "%s does not answer%s", m.ID, tolerates(c))
		}
	}
}

// endsWord says what a certificate's end means, and how far off it is.
func endsWord(at, now time.Time) string {
	if left := at.Sub(now); left > 0 {
		return fmt.Sprintf(", in %s: after that its peers refuse it", plural(int(left.Hours()/24), "day"))
	}
	return ", which has passed: its peers refuse it"
}

func groupNotes(g *api.Group, add func(code, next, format string, args ...any)) {
	switch {
	case g.AllDown: // said as a problem
	case g.Emergency != nil: // said of the file
	case g.Pin != nil && g.Pin.Yields:
		add(api.NotePinned, g.Next, "%s answers with %s, not with %s to which %s pinned it (%s): that site is down, and the pin yields; --force would hold it", g.Name, g.Active, g.Pin.Site, g.Pin.Author, g.Pin.Reason)
	case g.Pin != nil:
		add(api.NotePinned, g.Next, "%s is pinned to %s by %s: %s", g.Name, g.Pin.Site, g.Pin.Author, g.Pin.Reason)
	case g.FailedOver:
		add(api.NoteFailedOver, g.Next, "%s is failed over: %s instead of %s%s", g.Name, g.Active, g.Preferred, preferredWaits(g))
	}
	for _, n := range g.Nodes {
		switch {
		case n.Reachable && n.Rule != "" && (n.Active != g.Active || n.Rule != g.Rule):
			add(api.NoteLagging, "", "%s answers %s for %s %s", n.Node, orNothing(n.Active), g.Name, ruleText(n.Rule))
		case n.Reachable && n.Active != g.Active && isLocal(g.Rule):
			add(api.NoteLagging, "", "%s answers %s for %s, by the cluster's word", n.Node, orNothing(n.Active), g.Name)
		case n.Reachable && n.Active != g.Active:
			add(api.NoteLagging, "", "%s answers %s for %s, not %s: it is behind", n.Node, orNothing(n.Active), g.Name, g.Active)
		}
	}
	for _, s := range g.Sites {
		if !s.Up && !s.Active && !g.AllDown && s.Site != g.Preferred && s.Override == nil {
			add(api.NoteDegraded, "", "%s: site %s is down; %s", g.Name, s.Site, s.Why)
		}
	}
}

// preferredWaits says what a failed-over group waits for.
func preferredWaits(g *api.Group) string {
	if len(g.Waits) == 0 {
		return ""
	}
	return "; " + g.Waits[0]
}

// isLocal says whether a rule is one node's own.
func isLocal(rule string) bool {
	return rule == state.RuleEmergency || rule == state.RuleLocal || rule == node.RuleRefuse
}

func orNothing(s string) string {
	if s == "" {
		return "nothing"
	}
	return s
}

func undo(word string) string {
	if word == string(state.Mute) {
		return "unmute"
	}
	return "clear"
}

// endsSoon is how long before its end an override is spoken of as ending: when the state warns of it, too.
const endsSoon = 15 * time.Minute

// overrideNote says what stands until when, and how to end it, or to keep it where it ends soon.
func (v *view) overrideNote(o *api.Override, add func(code, next, format string, args ...any)) {
	what, ends := "forced "+o.Word, "until it is cleared"
	if o.Word == string(state.Mute) {
		what = "muted"
	}
	next := "failoverctl " + o.Scope + " " + undo(o.Word) + " " + o.Target + " --reason TEXT"
	if o.Expires != nil {
		ends = "until " + clockText(*o.Expires)
		switch left := o.Expires.Sub(v.now).Round(time.Second); {
		case o.Overdue:
			ends += ", which has passed: nothing expires without a leader"
		case left < endsSoon:
			ends += fmt.Sprintf(", in %s", left)
			next = "failoverctl " + o.Scope + " extend " + o.Target + " --for 24h"
		}
	}
	add(api.NoteOverridden, next, "%s %s is %s by %s %s: %s", o.Scope, o.Target, what, o.Author, ends, o.Reason)
}

// tolerates says what the next loss costs, where it costs something.
func tolerates(c *api.Cluster) string {
	if c.Tolerates > 0 {
		return fmt.Sprintf("; %s more may be lost", plural(c.Tolerates, "voter"))
	}
	return "; if one more voter is lost, nothing flips until one is back"
}
