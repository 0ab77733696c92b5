package api

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// The pace of Follow. A server sends a comment each 15 s, so three missed ones mean a dead connection.
const (
	streamIdle  = 45 * time.Second
	backoffLow  = 250 * time.Millisecond
	backoffHigh = 5 * time.Second
)

// maxLine bounds one line of an event stream, in bytes.
const maxLine = 1 << 20

// Follow calls each for every event with an ID above since, in order, each once, as they happen, until the context
// ends or each gives an error. It changes servers and connects again as needed, from the last event on; notice, if
// not nil, hears of lost connections and gaps. It fails with a *Problem when a server refuses, and with
// ErrUnreachable when at the very first no server answers.
func (c *Client) Follow(ctx context.Context, since uint64, each func(Event) error, notice func(error)) error {
	return c.FollowOf(ctx, EventFilter{}, since, each, notice)
}

// FollowOf is Follow, of the events that a filter wants.
func (c *Client) FollowOf(ctx context.Context, filter EventFilter, since uint64, each func(Event) error, notice func(error)) error {
	f := &follower{c: c, filter: filter, last: since, each: each, notice: notice, wait: backoffLow}
	for connected := false; ; {
		err := f.round(ctx)
		var p *Problem
		switch {
		case ctx.Err() != nil:
			return ctx.Err()
		case f.failed != nil:
			return f.failed
		case errors.As(err, &p) && p.Status < 500:
			return p
		case errors.Is(err, ErrUnreachable) && !connected:
			return err
		}
		connected = connected || !errors.Is(err, ErrUnreachable)
		f.tell(err)
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(f.wait):
		}
		f.wait = min(2*f.wait, backoffHigh)
	}
}

// follower is one Follow.
type follower struct {
	c      *Client
	filter EventFilter
	last   uint64 // ID of the last event handed on
	each   func(Event) error
	notice func(error)
	wait   time.Duration
	failed error // of each
}

func (f *follower) tell(err error) {
	if f.notice != nil && err != nil {
		f.notice(err)
	}
}

// round connects to the first server that answers, and reads until the stream ends.
func (f *follower) round(ctx context.Context) error {
	var tries []error
	first := int(f.c.preferred.Load())
	for i := range f.c.servers {
		at := (first + i) % len(f.c.servers)
		res, cancel, err := f.connect(ctx, at)
		if err != nil {
			tries = append(tries, err)
			continue
		}
		f.c.preferred.Store(int32(at))
		err = f.read(res, cancel)
		cancel()
		f.c.preferred.Store(int32((at + 1) % len(f.c.servers))) // this one failed: the next time begin behind it
		return err
	}
	return &TransportError{ErrUnreachable, tries}
}

func (f *follower) connect(ctx context.Context, at int) (*http.Response, context.CancelFunc, error) {
	ctx, cancel := context.WithCancel(ctx)
	r, err := f.c.request(ctx, &call{method: http.MethodGet, path: "/v1/events", query: f.filter.query()}, at)
	if err != nil {
		cancel()
		return nil, nil, err
	}
	r.Header.Set("Accept", EventStream)
	r.Header.Set("Last-Event-ID", strconv.FormatUint(f.last, 10))
	timer := time.AfterFunc(f.c.timeout, cancel)
	res, err := f.c.http.Do(r)
	if !timer.Stop() && err == nil {
		res.Body.Close()
		err = fmt.Errorf("%s did not answer within %s", f.c.servers[at], f.c.timeout)
	}
	if err != nil {
		cancel()
		return nil, nil, err
	}
	return res, cancel, nil
}

// read hands on events until the stream ends or falls silent.
func (f *follower) read(res *http.Response, cancel context.CancelFunc) error {
	defer res.Body.Close()
	if res.StatusCode >= 400 {
		b, _ := io.ReadAll(io.LimitReader(res.Body, maxLine))
		return problemOf(res, b)
	}
	idle := time.AfterFunc(streamIdle, cancel)
	defer idle.Stop()
	lines := bufio.NewScanner(res.Body)
	lines.Buffer(nil, maxLine)
	var m message
	for lines.Scan() {
		idle.Reset(streamIdle)
		if !m.take(lines.Text()) {
			continue
		}
		if err := f.hand(m); err != nil {
			return err
		}
		m = message{}
	}
	if err := lines.Err(); err != nil {
		return fmt.Errorf("the event stream of %s ended: %w", res.Request.URL.Host, err)
	}
	return fmt.Errorf("the event stream of %s ended", res.Request.URL.Host)
}

// hand passes one message on, unless it is known already.
func (f *follower) hand(m message) error {
	if m.event == EventGap {
		var g Gap
		if err := json.Unmarshal([]byte(m.data), &g); err != nil {
			return fmt.Errorf("decode a gap in the events: %w", err)
		}
		f.tell(fmt.Errorf("the events between %d and %d are no longer kept", g.After, g.Before))
		return nil
	}
	var e Event
	if err := json.Unmarshal([]byte(m.data), &e); err != nil {
		return fmt.Errorf("decode an event: %w", err)
	}
	f.wait = backoffLow
	if e.ID <= f.last {
		return nil
	}
	f.last = e.ID
	f.failed = f.each(e)
	return f.failed
}

// message is one message of an event stream (WHATWG HTML, "Server-sent events").
type message struct {
	event string
	data  string
}

// take adds a line and says whether the message is complete and has data. Comments and unknown fields are ignored;
// an event's ID is in its data too.
func (m *message) take(line string) bool {
	if line == "" {
		if m.data == "" {
			*m = message{}
			return false
		}
		m.data = strings.TrimSuffix(m.data, "\n")
		return true
	}
	field, value, _ := strings.Cut(line, ":")
	value = strings.TrimPrefix(value, " ")
	switch field {
	case "event":
		m.event = value
	case "data":
		m.data += value + "\n"
	}
	return false
}
