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

// lostAfter is how long an answer may stay out before it counts as lost.
const lostAfter = time.Second

// reply is what became of one query.
type reply struct {
	sent time.Time
	took time.Duration // lostAfter: no answer came
}

// latencies are those of the answers that came.
func latencies(replies []reply) (all []time.Duration) {
	for _, r := range replies {
		if r.took < lostAfter {
			all = append(all, r.took)
		}
	}
	return all
}

// asker asks one server for the A records of one name, one query at a time.
type asker struct {
	conn  net.Conn
	query []byte
	id    uint16
	buf   [1500]byte
}

func newAsker(server, name string) (*asker, error) {
	query, err := new(dns.Msg).SetQuestion(name, dns.TypeA).Pack()
	if err != nil {
		return nil, err
	}
	conn, err := net.Dial("udp", server)
	return &asker{conn: conn, query: query}, err
}

// ask gives the answer in wire form, until the next call; none if it stayed out.
func (a *asker) ask() ([]byte, error) {
	a.id++
	binary.BigEndian.PutUint16(a.query, a.id)
	if err := a.conn.SetReadDeadline(time.Now().Add(lostAfter)); err != nil {
		return nil, err
	}
	if _, err := a.conn.Write(a.query); err != nil {
		return nil, err
	}
	for {
		n, err := a.conn.Read(a.buf[:])
		if errors.Is(err, os.ErrDeadlineExceeded) {
			return nil, nil
		}
		if err != nil {
			return nil, fmt.Errorf("read an answer: %w", err)
		}
		if n >= len(a.query) && binary.BigEndian.Uint16(a.buf[:]) == a.id { // else to a query that was given up
			return a.buf[:n], nil
		}
	}
}

// follow asks again and again, at the even rate of the latency measurements, until ctx ends.
func follow(ctx context.Context, server, name string) (all []reply, err error) {
	a, err := newAsker(server, name)
	if err != nil {
		return nil, err
	}
	defer a.conn.Close()
	for ; ctx.Err() == nil; time.Sleep(latencyEvery) {
		sent := time.Now()
		answer, err := a.ask()
		if err != nil {
			return nil, err
		}
		took := lostAfter
		if answer != nil {
			took = time.Since(sent)
		}
		all = append(all, reply{sent, took})
	}
	return all, nil
}

// toAnswer makes a change, and gives the milliseconds from its beginning to the first answer with the new address.
func toAnswer(ctx context.Context, port int, name, address string, change func() error) (float64, error) {
	a, err := newAsker(fmt.Sprintf("127.0.0.1:%d", port), name)
	if err != nil {
		return 0, err
	}
	defer a.conn.Close()
	began, done := time.Now(), make(chan error, 1)
	go func() { done <- change() }() // it may answer later than the name does
	took, err := a.until(ctx, began, address)
	return took, errors.Join(err, <-done)
}

// until asks until the answer has the address.
func (a *asker) until(ctx context.Context, began time.Time, address string) (float64, error) {
	for end := began.Add(30 * time.Second); ctx.Err() == nil && time.Now().Before(end); time.Sleep(latencyEvery / 2) {
		answer, err := a.ask()
		if err != nil {
			return 0, err
		}
		took := time.Since(began)
		m := new(dns.Msg)
		if answer != nil && m.Unpack(answer) == nil && len(m.Answer) == 1 && m.Answer[0].(*dns.A).A.String() == address {
			return float64(took.Microseconds()) / 1000, nil
		}
	}
	return 0, errors.Join(fmt.Errorf("the answer is not %s within 30 s", address), ctx.Err())
}
