package server

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"time"

	"failoverdns/api"
	"failoverdns/state"
)

// The bounds of event streams.
const (
	maxStreams   = 64               // at a time; each costs a goroutine and a walk over the events per change
	pingEvery    = 15 * time.Second // a comment that keeps middle boxes and clients patient
	streamWrite  = 10 * time.Second // for a client to take one message
	gatherEvents = 20 * time.Millisecond
)

// serveStream sends events as they happen, from Last-Event-ID or ?since on. Without either it begins with what comes
// next.
func (s *Server) serveStream(w http.ResponseWriter, r *http.Request) {
	since, err := streamStart(r)
	if err != nil {
		s.fail(w, r, err)
		return
	}
	filter, err := filterOf(r.URL.Query())
	if err != nil {
		s.fail(w, r, err)
		return
	}
	select {
	case s.streams <- struct{}{}:
		defer func() { <-s.streams }()
	default:
		s.fail(w, r, &api.Problem{Status: http.StatusServiceUnavailable, Code: api.CodeNotAllowed, Detail: fmt.Sprintf("%d event streams are open, which is all that are allowed", maxStreams)})
		return
	}
	h := w.Header()
	h.Set("Content-Type", api.EventStream)
	h.Set("Cache-Control", "no-store")
	w.WriteHeader(http.StatusOK)
	st := &stream{s: s, r: r, w: w, c: http.NewResponseController(w), last: since, filter: filter}
	if since == fromNow {
		st.last = 0
		if _, e, ok := s.node.State().Events.Last(); ok {
			st.last = e.ID
		}
	}
	ctx, cancel := context.WithCancel(r.Context())
	defer cancel()
	if ends, ok := ctx.Value(streamsEnd{}).(context.Context); ok {
		defer context.AfterFunc(ends, cancel)()
	}
	st.run(ctx)
}

// streamsEnd is the key of the context that ends all streams of a server that stops.
type streamsEnd struct{}

// fromNow is no event's ID.
const fromNow = 1<<64 - 1

func streamStart(r *http.Request) (uint64, error) {
	q := r.URL.Query()
	if q.Has("limit") {
		return 0, invalid("limit", "a stream has no limit")
	}
	if id := r.Header.Get("Last-Event-ID"); id != "" {
		n, err := strconv.ParseUint(id, 10, 64)
		if err != nil {
			return 0, invalid("Last-Event-ID", "the header Last-Event-ID %q is no event's ID", id)
		}
		return n, nil
	}
	if !q.Has("since") {
		return fromNow, nil
	}
	return number(q, "since")
}

// stream is one client's stream. It belongs to the request's goroutine.
type stream struct {
	s    *Server
	r    *http.Request
	w    http.ResponseWriter
	c    *http.ResponseController
	last uint64

	filter eventFilter
}

func (st *stream) run(ctx context.Context) {
	if st.write(": events of "+st.s.node.Status().ID+"\n\n") != nil {
		return
	}
	for ctx.Err() == nil {
		now := st.s.node.State()
		if st.send(now) != nil {
			return
		}
		wait, cancel := context.WithTimeout(ctx, pingEvery)
		err := st.s.node.Wait(wait, now.Index+1)
		cancel()
		switch {
		case errors.Is(err, context.DeadlineExceeded) && ctx.Err() == nil:
			err = st.write(": ping\n\n")
		case err == nil:
			sleep(ctx, gatherEvents)
		}
		if err != nil || !st.welcome() {
			return
		}
	}
}

// welcome says whether whoever opened the stream would still be let in: a token may have been revoked since.
func (st *stream) welcome() bool {
	_, why := st.s.identify(st.r)
	return why == nil
}

// sleep lets the commands of one moment gather, so that a burst costs one walk over the events.
func sleep(ctx context.Context, d time.Duration) {
	select {
	case <-ctx.Done():
	case <-time.After(d):
	}
}

func (st *stream) send(now *state.State) error {
	events, lost := eventsAfter(now, st.last, 0)
	if lost {
		if err := st.message(api.EventGap, 0, api.Gap{After: st.last, Before: events[0].ID}); err != nil {
			return err
		}
	}
	for _, e := range events {
		if st.filter.wants(e) {
			if err := st.message("", e.ID, event(e)); err != nil {
				return err
			}
		}
		st.last = e.ID
	}
	return nil
}

func (st *stream) message(name string, id uint64, data any) error {
	b, err := json.Marshal(data)
	if err != nil {
		return fmt.Errorf("encode an event: %w", err)
	}
	head := "id: " + strconv.FormatUint(id, 10) + "\n"
	if name != "" {
		head = "event: " + name + "\n"
	}
	return st.write(head + "data: " + string(b) + "\n\n")
}

func (st *stream) write(s string) error {
	if err := st.c.SetWriteDeadline(time.Now().Add(streamWrite)); err != nil && !errors.Is(err, http.ErrNotSupported) {
		return err
	}
	if _, err := st.w.Write([]byte(s)); err != nil {
		return err
	}
	return st.c.Flush()
}
