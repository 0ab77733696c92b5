package state

import "time"

// restoreHistory puts the archive's history and that of now one after the other. What both have is taken once. Numbers
// only grow: what happened here and not there follows the archive's last, so a reader who asks for what comes after an
// event never gets an older one under its number.
func (s *State) restoreHistory(was *State, present Clock) {
	s.Events = follow(s.Events, movedTable(was.Events, present), maxEvents,
		func(e *Event) stamp { return stamp{e.ID, e.Index, e.Wall} },
		func(e *Event, id uint64) *Event { c := *e; c.ID = id; return &c })
	s.Audits = follow(s.Audits, movedTable(was.Audits, present), maxAudits,
		func(a *Audit) stamp { return stamp{a.ID, a.Index, a.Wall} },
		func(a *Audit, id uint64) *Audit { c := *a; c.ID = id; return &c })
	s.Incidents = follow(s.Incidents, movedTable(was.Incidents, present), maxIncidents,
		func(i *Incident) stamp { return stamp{i.ID, i.Index, i.Wall} },
		func(i *Incident, id uint64) *Incident { return s.ended(i, id) })
	s.restoreDeliveries(was, present)
}

// ended is an incident of before the restore under another number: no site is in it any more.
func (s *State) ended(i *Incident, id uint64) *Incident {
	c := *i
	c.ID = id
	if c.Returned == 0 {
		c.Returned, c.ReturnWall = s.Clock, s.Wall
	}
	if c.Back == 0 {
		c.Back, c.BackWall = s.Clock, s.Wall
	}
	return &c
}

// stamp tells rows of a history apart: one cluster gives a number once, and another gives it at another time.
type stamp struct {
	id, index uint64
	wall      time.Time
}

func (a stamp) equal(b stamp) bool {
	return a.id == b.id && a.index == b.index && a.wall.Equal(b.wall)
}

// follow puts the rows of present that archive does not have behind it, under numbers of their own.
func follow[V any](archive, present Table[V], most int, of func(V) stamp, renumber func(V, uint64) V) Table[V] {
	next := uint64(1)
	if _, last, ok := archive.Last(); ok {
		next = of(last).id + 1
	}
	for key, row := range present.All() {
		if same, ok := archive.Get(key); ok && of(same).equal(of(row)) {
			continue
		}
		next = max(next, of(row).id)
		archive = archive.With(numberKey(next), renumber(row, next))
		next++
	}
	for archive.Len() > most {
		key, _, _ := archive.First()
		archive = archive.Without(key)
	}
	return archive
}

// restoreDeliveries has webhooks go on with what comes next: what is history by now was delivered, or is too late.
func (s *State) restoreDeliveries(was *State, present Clock) {
	through := uint64(0)
	if _, last, ok := s.Events.Last(); ok {
		through = last.ID
	}
	for name, d := range was.Deliveries.All() {
		s.Deliveries = s.Deliveries.With(name, moved(d, present))
	}
	for name, d := range s.Deliveries.All() {
		next := *d
		next.Through = through
		s.Deliveries = s.Deliveries.With(name, &next)
	}
}
