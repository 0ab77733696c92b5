package node

import (
	"crypto/sha256"
	"fmt"
	"strings"
	"time"

	"failoverdns/record"
	"failoverdns/state"
)

// answered is a serial that a node answered with, from a time on.
type answered struct {
	at     time.Time
	serial uint32
}

// seen are the questions whose answers clients are held to see alike.
var seen = []struct {
	name record.Name
	kind record.Type
}{
	{mustName("auth.example.com"), record.A}, {mustName("login.auth.example.com"), record.A}, {mustName("api.auth.example.com"), record.A},
	{mustName("login.auth.example.com"), record.AAAA}, {mustName("ns1.auth.example.com"), record.A},
	{tallyName, record.TXT}, {notesName, record.TXT}, {mustName("nobody.auth.example.com"), record.A},
}

// faceOf is what clients see of a node now, and the serial with it; "" while it has no zone. An image never changes, so
// one that was looked at needs no second look.
func (p *proc) faceOf() (face string, serial uint32) {
	im := p.node.Zones().Find(seen[0].name)
	if im == nil {
		return "", 0
	}
	if im == p.image {
		return p.face, im.Serial()
	}
	var b strings.Builder
	for _, q := range seen {
		l := p.node.Lookup(q.name, q.kind)
		fmt.Fprintf(&b, "%s %v\n", l.RCode, l.Answer)
	}
	p.image, p.face = im, b.String()
	return p.face, im.Serial()
}

// sameForAll: at one index all nodes have one hash and one face, and one serial always means the same answers.
func (j *judge) sameForAll(p *proc, st *state.State) {
	face, serial := p.faceOf()
	if was, ok := j.hash[st.Index]; ok && was != st.Hash {
		j.failf("%s: at index %d its hash is %016x, another node's %016x", p.id, st.Index, st.Hash, was)
	}
	j.hash[st.Index] = st.Hash
	if p.own() {
		return
	}
	all := fmt.Sprintf("serial %d\n%s", serial, face)
	if was, ok := j.face[st.Index]; ok && was != all {
		j.failf("%s: at index %d it answers\n%sanother node\n%s", p.id, st.Index, all, was)
	}
	if was, ok := j.serials[serial]; ok && was != face {
		j.failf("%s: serial %d answers\n%sand it was\n%s", p.id, serial, face, was)
	}
	j.face[st.Index], j.serials[serial] = all, face
}

// notBack: on one node the serial never goes back, whatever the process.
func (j *judge) notBack(p *proc, st *state.State) {
	_, serial := p.faceOf()
	list := j.answered[p.id]
	if len(list) > 0 && serial < list[len(list)-1].serial {
		j.failf("%s: the serial went back from %d to %d, at index %d", p.id, list[len(list)-1].serial, serial, st.Index)
	}
	if len(list) == 0 || list[len(list)-1].serial != serial {
		j.answered[p.id] = append(list, answered{time.Now(), serial})
	}
}

// raised: the serial rises by one with each change of what clients see, and with nothing else.
func (j *judge) raised(p *proc, prev, st *state.State) {
	was, is := j.face[prev.Index], j.face[st.Index]
	wasSerial, isSerial := serialOf(prev), serialOf(st)
	_, before, _ := strings.Cut(was, "\n")
	_, after, _ := strings.Cut(is, "\n")
	switch {
	case wasSerial == 0 || was == "" || is == "": // the zone is new, or nobody was seen to answer by it alone
	case before != after && isSerial != wasSerial+1:
		j.failf("%s: at index %d the answers changed, the serial went from %d to %d:\n%s%s", p.id, st.Index, wasSerial, isSerial, before, after)
	case before == after && isSerial != wasSerial:
		j.failf("%s: at index %d the serial went from %d to %d, with the same answers", p.id, st.Index, wasSerial, isSerial)
	}
}

func serialOf(st *state.State) uint32 {
	if z, ok := st.Zones.Get(state.ZoneKey(seen[0].name)); ok {
		return z.Serial
	}
	return 0
}

// sameWhole compares whole states, not only their running hashes.
func (j *judge) sameWhole(p *proc, st *state.State) {
	h := sha256.New()
	if err := st.Encode(h); err != nil {
		j.failf("%s: encode the state: %v", p.id, err)
	}
	sum := [sha256.Size]byte(h.Sum(nil))
	if was, ok := j.whole[st.Index]; ok && was != sum {
		j.failf("%s: at index %d its state is not that of another node, though the hashes are equal", p.id, st.Index)
	}
	j.whole[st.Index] = sum
}
