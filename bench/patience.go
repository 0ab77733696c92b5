package main

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"os"
	"time"

	"github.com/miekg/dns"
)

// A patient client asks again as resolvers do.
const (
	patienceWait  = 400 * time.Millisecond
	patienceTries = 3
)

// patience is what such a client saw.
type patience struct {
	asked int
	again int // questions whose first query got no answer in time
	lost  int // those that no query got an answer to
	cut   int // answers with TC alone: a resolver comes by TCP
	took  []time.Duration
}

// pending is a question without an answer.
type pending struct {
	id    uint16
	tries int
	sent  time.Time
}

// patient is a client at work.
type patient struct {
	conn    *net.UDPConn
	query   []byte
	waiting map[uint16]*pending
	order   []*pending // by the time of their last query
	patience
}

// askPatiently asks for the first host of the zone at the client's even rate, whatever becomes of the answers.
func askPatiently(ctx context.Context, port int, length time.Duration) (patience, error) {
	query, err := new(dns.Msg).SetQuestion(host(0)+"."+zoneName+".", dns.TypeA).Pack()
	if err != nil {
		return patience{}, err
	}
	p := &patient{query: query, waiting: map[uint16]*pending{}}
	to := &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1), Port: port}
	if p.conn, err = net.DialUDP("udp", &net.UDPAddr{IP: floodClient.AsSlice()}, to); err != nil {
		return patience{}, err
	}
	defer p.conn.Close()
	err = onCore(clientCore, func() error { return p.run(ctx, length) })
	return p.patience, err
}

func (p *patient) run(ctx context.Context, length time.Duration) error {
	next := time.Now()
	end := next.Add(length)
	for ctx.Err() == nil && (next.Before(end) || len(p.waiting) > 0) {
		if now := time.Now(); next.Before(end) && !now.Before(next) {
			next = next.Add(floodEvery)
			one := &pending{id: uint16(p.asked)}
			p.asked++
			p.waiting[one.id] = one
			if err := p.send(one); err != nil {
				return err
			}
		}
		if err := p.askAgain(); err != nil {
			return err
		}
		wake := time.Now().Add(floodEvery)
		if next.Before(end) {
			wake = next
		}
		if err := p.read(wake); err != nil {
			return err
		}
	}
	return ctx.Err()
}

func (p *patient) send(one *pending) error {
	binary.BigEndian.PutUint16(p.query, one.id)
	one.tries++
	one.sent = time.Now()
	p.order = append(p.order, one)
	_, err := p.conn.Write(p.query)
	return err
}

// askAgain sends again, or gives up, what has waited long enough.
func (p *patient) askAgain() error {
	for len(p.order) > 0 && time.Since(p.order[0].sent) > patienceWait {
		one := p.order[0]
		p.order = p.order[1:]
		if p.waiting[one.id] != one {
			continue // it was answered
		}
		if one.tries == 1 {
			p.again++
		}
		if one.tries == patienceTries {
			p.lost++
			delete(p.waiting, one.id)
			continue
		}
		if err := p.send(one); err != nil {
			return err
		}
	}
	return nil
}

// read takes at most one answer.
func (p *patient) read(until time.Time) error {
	if err := p.conn.SetReadDeadline(until); err != nil {
		return err
	}
	var b [1500]byte
	n, err := p.conn.Read(b[:])
	if errors.Is(err, os.ErrDeadlineExceeded) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("read an answer: %w", err)
	}
	one := p.waiting[binary.BigEndian.Uint16(b[:])]
	if n < len(p.query) || one == nil {
		return nil
	}
	delete(p.waiting, one.id)
	switch {
	case b[2]&2 != 0:
		p.cut++
	case one.tries == 1:
		p.took = append(p.took, time.Since(one.sent))
	}
	return nil
}
