package listener

import "failoverdns/record"

// count is what one address has counted.
type count struct {
	tallies map[record.Name]*Tally
	packets Packets
}

// counts is that of all addresses, by name.
type counts map[string]*count

// add adds what a port has counted.
func (c counts) add(name string, p *port) {
	sum := c[name]
	if sum == nil {
		sum = &count{tallies: map[record.Name]*Tally{}}
		c[name] = sum
	}
	for _, s := range p.sockets {
		s.mu.Lock()
		sum.join(s.tallies)
		sum.packets.Lost += s.lost()
		s.mu.Unlock()
	}
	sum.packets.Passed += p.passed.Load()
	sum.packets.Malformed += p.malformed.Load()
	sum.packets.Overflow += p.overflow.Load()
	sum.packets.Limited += p.limited.Load()
	sum.packets.Shed += p.shed.Load()
}

// join adds tallies of zones.
func (c *count) join(all map[record.Name]*Tally) {
	for name, t := range all {
		if c.tallies[name] == nil {
			c.tallies[name] = new(Tally)
		}
		c.tallies[name].add(t)
	}
}

// counted is what was counted so far, by addresses, closed ones too.
func (l *Listener) counted() counts {
	l.mu.Lock()
	defer l.mu.Unlock()
	all := counts{}
	for name, c := range l.gone {
		all[name] = &count{tallies: map[record.Name]*Tally{}, packets: c.packets}
		all[name].join(c.tallies)
	}
	for name, p := range l.ports {
		all.add(name, p)
	}
	return all
}

// Tallies is what was answered, by address and the zone of the server block. The caller may keep it.
func (l *Listener) Tallies() map[string]map[record.Name]*Tally {
	out := map[string]map[record.Name]*Tally{}
	for name, c := range l.counted() {
		out[name] = c.tallies
	}
	return out
}

// Packets is what became of all others, by address.
func (l *Listener) Packets() map[string]Packets {
	out := map[string]Packets{}
	for name, c := range l.counted() {
		out[name] = c.packets
	}
	return out
}
