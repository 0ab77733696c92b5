package webhook

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"failoverdns/state"
)

// Sender sends. The zero value is ready; it may be used by any number of goroutines.
type Sender struct {
	Transport http.RoundTripper // nil: connections of its own, by the proxy that the environment names
	Now       func() time.Time  // nil: time.Now
	Agent     string            // for the header User-Agent
}

// Failure is why a try did not succeed.
type Failure struct {
	Status int           // of the answer; 0 without one
	After  time.Duration // the receiver asks for so much patience; 0: it does not
	err    error
}

func (f *Failure) Error() string { return f.err.Error() }

// Unwrap gives the cause.
func (f *Failure) Unwrap() error { return f.err }

// Refused says whether the receiver does not take this event, however often it is sent: 400, 413 and 422 are about the
// content. Whatever else a receiver says may be its own trouble, or a setting that somebody mends.
func (f *Failure) Refused() bool {
	return f.Status == http.StatusBadRequest || f.Status == http.StatusRequestEntityTooLarge || f.Status == http.StatusUnprocessableEntity
}

// maxAnswer is how much of an answer is read, so that the connection can be used again; what it says is not used.
const maxAnswer = 4 << 10

// Send tries once. Any status 2xx is success; redirects are not followed, for the body is signed for this receiver.
func (s *Sender) Send(ctx context.Context, t *Target, e *state.Event) error {
	ctx, cancel := context.WithTimeout(ctx, t.Timeout)
	defer cancel()
	r, err := s.request(ctx, t, e)
	if err != nil {
		return &Failure{err: err}
	}
	client := http.Client{Transport: s.Transport, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	res, err := client.Do(r)
	if err != nil {
		return &Failure{err: withoutURL(ctx, t, err)}
	}
	defer res.Body.Close()
	_, _ = io.CopyN(io.Discard, res.Body, maxAnswer)
	if res.StatusCode >= 200 && res.StatusCode < 300 {
		return nil
	}
	return &Failure{Status: res.StatusCode, After: retryAfter(res), err: fmt.Errorf("it answered %s", res.Status)}
}

func (s *Sender) request(ctx context.Context, t *Target, e *state.Event) (*http.Request, error) {
	u, err := t.address()
	if err != nil {
		return nil, err
	}
	b, err := body(t.Format, e)
	if err != nil {
		return nil, err
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, u.String(), bytes.NewReader(b))
	if err != nil {
		return nil, errors.New("its URL makes no request")
	}
	now := time.Now
	if s.Now != nil {
		now = s.Now
	}
	at := now()
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("User-Agent", s.Agent)
	r.Header.Set(IDHeader, ID(e))
	r.Header.Set(TimestampHeader, strconv.FormatInt(at.Unix(), 10))
	if t.Secret != "" {
		text, err := readSmall(t.Secret)
		if err != nil {
			return nil, fmt.Errorf("its secret cannot be read: %w", err)
		}
		keys, err := secrets(text)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", t.Secret, err)
		}
		r.Header.Set(SignatureHeader, Sign(keys, ID(e), at, b))
	}
	return r, t.setHeaders(r)
}

func (t *Target) setHeaders(r *http.Request) error {
	for _, h := range t.Headers {
		value, err := readSmall(h.File)
		if err != nil {
			return fmt.Errorf("its header %s cannot be read: %w", h.Name, err)
		}
		r.Header.Set(h.Name, strings.TrimSpace(string(value)))
	}
	return nil
}

// Reserved says whether a header is the sender's own.
func Reserved(header string) bool {
	switch http.CanonicalHeaderKey(header) {
	case IDHeader, TimestampHeader, SignatureHeader, "Content-Type", "Content-Length", "Host", "User-Agent", "Transfer-Encoding", "Connection":
		return true
	}
	return false
}

// withoutURL takes the URL out of an error: its path may be a secret, as those of chat services are.
func withoutURL(ctx context.Context, t *Target, err error) error {
	if errors.Is(ctx.Err(), context.DeadlineExceeded) {
		return fmt.Errorf("no answer within %s", t.Timeout)
	}
	var u *url.Error
	if errors.As(err, &u) {
		return u.Err
	}
	return err
}

// retryAfter reads the header Retry-After in seconds (RFC 9110 section 10.2.3); a date is not taken.
func retryAfter(res *http.Response) time.Duration {
	n, err := strconv.Atoi(res.Header.Get("Retry-After"))
	if err != nil || n < 0 || n > 24*3600 {
		return 0
	}
	return time.Duration(n) * time.Second
}
