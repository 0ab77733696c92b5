package probes

import (
	"context"
	"errors"
	"net"
	"strconv"
	"sync"
	"syscall"
	"time"
)

// canaryTime bounds one test of all canaries, which are asked at the same time, and is how long its outcome serves
// other probes that fail: when a network breaks, all of a node's probes fail at once.
const canaryTime = time.Second

// canary remembers the last test.
type canary struct {
	mu      sync.Mutex // guards what follows
	flight  chan struct{}
	tested  time.Time
	answers bool
}

// canaryAnswers says whether any canary answers, joining a test under way or using one not older than canaryTime.
func (e *Env) canaryAnswers(ctx context.Context) bool {
	c := &e.canary
	c.mu.Lock()
	if c.flight != nil {
		flight := c.flight
		c.mu.Unlock()
		<-flight
		c.mu.Lock()
		defer c.mu.Unlock()
		return c.answers
	}
	if !c.tested.IsZero() && time.Since(c.tested) < canaryTime {
		defer c.mu.Unlock()
		return c.answers
	}
	c.flight = make(chan struct{})
	c.mu.Unlock()
	// The outcome serves others too: the end of this endpoint's probe must not falsify it.
	answers := e.askCanaries(context.WithoutCancel(ctx))
	c.mu.Lock()
	defer c.mu.Unlock()
	c.answers, c.tested = answers, time.Now()
	close(c.flight)
	c.flight = nil
	return answers
}

// askCanaries is true as soon as one answers.
func (e *Env) askCanaries(ctx context.Context) bool {
	ctx, cancel := context.WithTimeout(ctx, canaryTime)
	defer cancel()
	answers := make(chan bool, len(e.Canaries))
	for _, address := range e.Canaries {
		go func() { answers <- e.askCanary(ctx, address) }()
	}
	for range e.Canaries {
		if <-answers {
			return true
		}
	}
	return false
}

// askCanary says whether a TCP exchange was completed: a refusal crosses the network as well as an acceptance.
func (e *Env) askCanary(ctx context.Context, address string) bool {
	host, service, err := net.SplitHostPort(address)
	if err != nil {
		return false
	}
	port, err := strconv.ParseUint(service, 10, 16)
	if err != nil {
		return false
	}
	places, err := e.resolve(ctx, host, uint16(port))
	if err != nil {
		return false
	}
	for i, place := range places {
		share := time.Duration(len(places) - i)
		deadline, _ := ctx.Deadline()
		one, cancel := context.WithTimeout(ctx, time.Until(deadline)/share)
		conn, err := e.dial(one, place.String())
		cancel()
		if err == nil {
			conn.Close()
		}
		if err == nil || errors.Is(err, syscall.ECONNREFUSED) {
			return true
		}
	}
	return false
}
