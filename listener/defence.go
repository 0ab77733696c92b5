package listener

import (
	"bytes"
	"encoding/binary"
	"net/netip"
	"reflect"
	"time"
)

// defence is what stands between a query and its answer: DNS Cookies and the rate limit.
type defence struct {
	limit   *limiter // nil: none
	secrets []Secret
}

// next is the defence that a configuration wants. A limit that has not changed goes on with what it has counted.
func (d *defence) next(c Config) *defence {
	n := &defence{secrets: c.Secrets}
	switch {
	case c.RateLimit == nil:
	case d != nil && d.limit != nil && reflect.DeepEqual(d.limit.RateLimit, *c.RateLimit):
		n.limit = d.limit
	default:
		n.limit = newLimiter(*c.RateLimit)
	}
	return n
}

// on says whether there is anything to do.
func (d *defence) on() bool { return d.limit != nil || len(d.secrets) > 0 }

// client is what is known of a query's sender.
type client struct {
	from    netip.Addr
	proven  bool // it has a good cookie: the address is its own
	damaged bool // its cookie is none (RFC 7873 section 5.2.2)
}

const (
	formerr    = 1
	optionHead = 4 // code and length
)

// meet looks at a query's cookie and makes the one for the answer.
func (d *defence) meet(a *answerer, from netip.Addr, now time.Time) client {
	c := client{from: from}
	a.grant = nil
	if len(d.secrets) == 0 || a.cookie == nil {
		return c
	}
	if !validLength(len(a.cookie)) {
		c.damaged = true
		return c
	}
	c.proven = good(d.secrets, a.cookie, from, now)
	a.grant = d.secrets[0].append(a.cookies[:0], a.cookie, from, now)
	return c
}

// moment is when a batch came, and whether more comes than can be answered.
type moment struct {
	time.Time
	pressed bool
}

// limited is an answer as the rate limit lets it go: whole, cut, or nil. Under pressure nothing is sent to say that
// nothing is there, nor that something was held back: sending is the most of an answer's cost, and packets wait.
func (d *defence) limited(p *port, a *answerer, b []byte, m made, c client, now moment) []byte {
	if d.limit == nil || c.proven || d.limit.exempt(c.from) {
		return b
	}
	if now.pressed && m.rcode != 0 {
		p.shed.Add(1)
		return nil
	}
	switch d.limit.judge(c.from, int(m.rcode), now.Time) {
	case sayAll:
		return b
	case sayCut:
		if !now.pressed {
			p.limited.Add(1)
			return a.short(b[:0], 0, true, m.block.Payload)
		}
	}
	p.limited.Add(1)
	return nil
}

// later does for an answer of CoreDNS's what is done for one made here.
func (d *defence) later(p *port, a *answerer, c client) func(answer []byte) []byte {
	if !d.on() {
		return func(answer []byte) []byte { return answer }
	}
	grant, room := bytes.Clone(a.grant), 0
	if grant != nil {
		room = int(max(leastSize, a.size))
	}
	return func(b []byte) []byte {
		if len(b) < headerLen {
			return b
		}
		if d.limit != nil && !c.proven && !d.limit.exempt(c.from) {
			switch d.limit.judge(c.from, int(b[3]&0xf), time.Now()) {
			case sayCut:
				p.limited.Add(1)
				return shorten(b)
			case sayNothing:
				p.limited.Add(1)
				return nil
			}
		}
		return withCookie(b, grant, room)
	}
}

// shorten is an answer without its records, and TC set.
func shorten(b []byte) []byte {
	end := headerLen
	if binary.BigEndian.Uint16(b[4:]) == 1 {
		for end < len(b) && b[end] != 0 {
			end += 1 + int(b[end])
		}
		end += 1 + questionEnd
	}
	b = bytes.Clone(b[:min(end, len(b))])
	b[2] |= flagTC >> 8
	clear(b[6:headerLen])
	return b
}

// withCookie adds a cookie to an answer that ends in an OPT record without options, if there is room.
func withCookie(b, grant []byte, room int) []byte {
	at := len(b) - optLen
	if grant == nil || at < headerLen || b[at] != 0 || binary.BigEndian.Uint16(b[at+1:]) != typeOPT ||
		binary.BigEndian.Uint16(b[at+9:]) != 0 || len(b)+optionHead+len(grant) > room {
		return b
	}
	b = bytes.Clone(b)
	binary.BigEndian.PutUint16(b[at+9:], uint16(optionHead+len(grant)))
	return appendCookie(b, grant)
}

// appendCookie appends a COOKIE option.
func appendCookie(b, cookie []byte) []byte {
	b = binary.BigEndian.AppendUint16(b, optionCookie)
	b = binary.BigEndian.AppendUint16(b, uint16(len(cookie)))
	return append(b, cookie...)
}
