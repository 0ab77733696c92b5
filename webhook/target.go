// Package webhook puts an event into the form that a webhook takes, signs it, and sends it once. When to send what,
// and when again, is decided elsewhere.
//
// A request has the headers of Standard Webhooks (standardwebhooks.com, version 1.0.0): webhook-id, equal for every
// try of one event and from whichever node it comes; webhook-timestamp, in seconds; and with a secret
// webhook-signature, "v1," and the base64 of HMAC-SHA256 over ID, timestamp and body, joined by full stops. A receiver
// takes an ID only once, and no timestamp that is far from its own clock.
//
// URLs and secrets may be kept in files, which are read anew for each request. Neither is ever part of an error.
package webhook

import (
	"errors"
	"fmt"
	"net/url"
	"os"
	"path"
	"strings"
	"time"

	"failoverdns/state"
)

// Format is the form of a request's body.
type Format string

// The formats: one object as Standard Webhooks has it, or what POST /api/v2/alerts of Alertmanager takes.
const (
	Failover     Format = "failover"
	Alertmanager Format = "alertmanager"
)

// The bounds of a request's time.
const (
	DefaultTimeout = 10 * time.Second
	MaxTimeout     = time.Minute
)

// Target is a webhook as one node's Corefile has it.
type Target struct {
	Name    string
	URL     string   // or
	URLFile string   // a file that holds it
	Events  []string // patterns of types, as path.Match takes them; none: all that are not quiet
	Secret  string   // path of a file with one secret on each line; empty: requests are not signed
	Format  Format
	Timeout time.Duration
	Headers []Header
}

// Header is sent with each request; its value is the content of a file.
type Header struct {
	Name, File string
}

// Wants says whether a target takes events of a type.
func (t *Target) Wants(typ string) bool {
	if t.Format == Alertmanager && typ == resolves {
		typ = raises // whoever hears of the one must hear of the other, or the alert stays
	}
	for _, pattern := range t.Events {
		if ok, err := path.Match(pattern, typ); ok && err == nil {
			return true
		}
	}
	return len(t.Events) == 0 && !quiet[typ]
}

var quiet = func() map[string]bool {
	out := map[string]bool{}
	for _, e := range state.EventTypes {
		out[e.Name] = e.Quiet
	}
	return out
}()

// CheckPattern refuses a pattern that no event has.
func CheckPattern(pattern string) error {
	for _, e := range state.EventTypes {
		ok, err := path.Match(pattern, e.Name)
		switch {
		case err != nil:
			return fmt.Errorf("events %q is no pattern; * stands for any letters: %w", pattern, err)
		case ok:
			return nil
		}
	}
	return fmt.Errorf("events %q fits no type of event; docs/webhooks.md lists them", pattern)
}

// address is where to send to.
func (t *Target) address() (*url.URL, error) {
	text := t.URL
	if t.URLFile != "" {
		b, err := readSmall(t.URLFile)
		if err != nil {
			return nil, fmt.Errorf("its URL cannot be read: %w", err)
		}
		text = strings.TrimSpace(string(b))
	}
	u, err := CheckURL(text)
	if err != nil && t.URLFile != "" {
		return nil, fmt.Errorf("%s holds no URL that can be sent to: write https://HOST/PATH", t.URLFile)
	}
	return u, err
}

// CheckURL parses a URL that can be sent to.
func CheckURL(text string) (*url.URL, error) {
	u, err := url.Parse(text)
	switch {
	case err != nil:
		return nil, errors.New("it is no URL; write https://HOST/PATH")
	case u.Scheme != "http" && u.Scheme != "https" || u.Hostname() == "":
		return nil, errors.New("its URL has no http or https and a host; write https://HOST/PATH")
	case u.User != nil:
		return nil, errors.New("its URL has a user or password; send it as a header: header Authorization file:PATH")
	case u.Fragment != "":
		return nil, errors.New("its URL has a fragment, which is never sent; leave out the # and what follows")
	}
	return u, nil
}

// maxFile bounds a file that holds a URL, a secret or a header, in bytes.
const maxFile = 16 << 10

func readSmall(name string) ([]byte, error) {
	info, err := os.Stat(name)
	switch {
	case err != nil:
		return nil, err
	case info.Size() > maxFile:
		return nil, fmt.Errorf("%s has %d bytes; at most %d", name, info.Size(), maxFile)
	}
	return os.ReadFile(name)
}
