package listener

import (
	"time"

	"failoverdns/zone"
)

// follow takes over a changed configuration. Callers hold mu.
func (s *socket) follow(a *active) {
	s.active = a
	s.byBlock = make([]*Tally, len(a.route.blocks))
	for name, b := range a.route.blocks {
		s.byBlock[b.index] = s.tallies[name]
	}
}

// one answers the i-th packet of a batch, or passes it on. Callers hold mu.
func (s *socket) one(p *port, i int, zones *zone.Set, now moment) {
	packet := s.batch.packet(i)
	a := &s.answerer
	what := a.read(packet)
	if what == drop {
		p.malformed.Add(1)
		return
	}
	var c client
	if what == ours && zones != nil {
		ipv6 := s.batch.ipv6(i)
		if s.active.on() {
			c = s.active.meet(a, s.batch.address(i), now.Time)
		}
		if c.damaged {
			s.batch.reply(i, len(a.short(s.batch.buffer(), formerr, false, leastSize)))
			return
		}
		var b []byte
		var m made
		if b, m, what = a.answer(s.batch.buffer(), s.active.route, zones, ipv6); what == ours {
			if b = s.active.limited(p, a, b, m, c, now); b == nil {
				return
			}
			s.batch.reply(i, len(b))
			s.count(m, len(packet), ipv6)
			return
		}
	} else {
		a.grant = nil
		c.from = s.batch.address(i)
	}
	p.pass(s, i, c)
}

// count counts an answer. Callers hold mu.
func (s *socket) count(m made, in int, ipv6 bool) {
	t := s.tally(m.block)
	t.count(&s.answerer.query, m, in, ipv6)
	if m.block.Timed {
		s.touch(t)
	}
}

// tally is where answers of a block are counted. Callers hold mu.
func (s *socket) tally(b *block) *Tally {
	t := s.byBlock[b.index]
	if t == nil {
		t = new(Tally)
		s.byBlock[b.index], s.tallies[b.Zone] = t, t
	}
	return t
}

// touch notes that a tally wants to know how long the batch takes. Callers hold mu.
func (s *socket) touch(t *Tally) {
	if t.batch == 0 {
		s.touched = append(s.touched, t)
	}
	t.batch++
}

// measure counts how long the batch took: each of its answers was under way as long as all. Callers hold mu.
func (s *socket) measure(start time.Time) {
	if len(s.touched) == 0 {
		return
	}
	took := uint64(time.Since(start))
	for _, t := range s.touched {
		t.Took.count(took, t.batch)
		t.batch = 0
	}
	s.touched = s.touched[:0]
}
