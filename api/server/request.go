package server

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"failoverdns/api"
	"failoverdns/record"
	"failoverdns/state"
)

// checkQuery refuses parameters that a route does not have, and repeated ones: a misspelt "plan" must not write.
func checkQuery(q url.Values, allowed []param) error {
	for name, values := range q {
		if !slices.ContainsFunc(allowed, func(p param) bool { return p.name == name }) {
			return invalid(name, "there is no parameter %q here; /v1/openapi.json lists them", name)
		}
		if len(values) > 1 {
			return invalid(name, "the parameter %q is given %d times", name, len(values))
		}
	}
	return nil
}

// truth reads a parameter that stands alone (?plan), or has the value true or false.
func truth(q url.Values, name string) (bool, error) {
	if !q.Has(name) {
		return false, nil
	}
	if q.Get(name) == "" {
		return true, nil
	}
	on, err := strconv.ParseBool(q.Get(name))
	if err != nil {
		return false, invalid(name, "%s=%q is neither true nor false", name, q.Get(name))
	}
	return on, nil
}

func number(q url.Values, name string) (uint64, error) {
	if !q.Has(name) {
		return 0, nil
	}
	n, err := strconv.ParseUint(q.Get(name), 10, 64)
	if err != nil {
		return 0, invalid(name, "%s=%q is no number from 0 on", name, q.Get(name))
	}
	return n, nil
}

// decode reads a body: one JSON value, of known fields, in bounds.
func decode(w http.ResponseWriter, r *http.Request, into any) error {
	return decodeUpTo(api.MaxBody, w, r, into)
}

// decodeUpTo is decode with a bound of its own, in bytes.
func decodeUpTo(limit int64, w http.ResponseWriter, r *http.Request, into any) error {
	media, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err != nil || media != api.JSON {
		return &api.Problem{Status: http.StatusUnsupportedMediaType, Code: api.CodeMediaType,
			Detail: "send the header Content-Type: " + api.JSON + ", not " + strconv.Quote(r.Header.Get("Content-Type"))}
	}
	d := json.NewDecoder(http.MaxBytesReader(w, r.Body, limit))
	d.DisallowUnknownFields()
	if err := d.Decode(into); err != nil {
		return bodyProblem(err)
	}
	if _, err := d.Token(); err != io.EOF {
		return invalid("", "the body goes on after the JSON object; send one object")
	}
	return nil
}

func bodyProblem(err error) error {
	var large *http.MaxBytesError
	var typ *json.UnmarshalTypeError
	switch {
	case errors.As(err, &large):
		return &api.Problem{Status: http.StatusRequestEntityTooLarge, Code: api.CodeTooLarge, Detail: fmt.Sprintf("a body has at most %d bytes here", large.Limit)}
	case errors.As(err, &typ):
		return invalid(typ.Field, "the field %q is a %s, not a %s", typ.Field, typ.Type, typ.Value)
	case errors.Is(err, io.EOF):
		return invalid("", "the body is empty; /v1/openapi.json says what belongs into it")
	}
	return invalid("", "the body is not understood: %s", strings.TrimPrefix(err.Error(), "json: "))
}

// text checks what people wrote: it goes into the log of every node, and onto terminals.
func text(field, s string, required bool) error {
	switch {
	case required && strings.TrimSpace(s) == "":
		return invalid(field, "%s is empty; it is kept with the change, for those who ask why", field)
	case len(s) > api.MaxText:
		return invalid(field, "%s has %d bytes; at most %d", field, len(s), api.MaxText)
	case !utf8.ValidString(s) || strings.ContainsFunc(s, func(r rune) bool { return !unicode.IsPrint(r) }):
		return invalid(field, "%s %q holds characters that do not print", field, s)
	}
	return nil
}

// who checks what a request says of itself; identity.author says whether it has to.
func who(w api.Who) error {
	return errors.Join(text("author", w.Author, false), text("reason", w.Reason, true))
}

// lasting reads "for". The state's 0 is for ever.
func lasting(s string) (time.Duration, error) {
	switch s {
	case "":
		return api.DefaultFor, nil
	case api.Never:
		return 0, nil
	}
	d, err := time.ParseDuration(s)
	if err != nil || d < time.Second || d > state.MaxFor {
		return 0, invalid("for", "for %q is neither a duration from 1s to %.0fh (30m, 24h) nor %q", s, state.MaxFor.Hours(), api.Never)
	}
	return d, nil
}

func domainName(field, s string) (record.Name, error) {
	n, err := record.ParseName(s)
	if err != nil {
		return "", invalid(field, "%s: %s", field, err)
	}
	return n, nil
}

// lastNamedType: mnemonics are looked for up to this number; the greatest that record knows is CAA, 257.
const lastNamedType = 1024

// recordType reads a mnemonic or TYPEnnn (RFC 3597 section 5); empty is A.
func recordType(s string) (record.Type, error) {
	s = strings.ToUpper(s)
	if s == "" {
		return record.A, nil
	}
	if digits, ok := strings.CutPrefix(s, "TYPE"); ok {
		if n, err := strconv.ParseUint(digits, 10, 16); err == nil {
			return record.Type(n), nil
		}
	}
	for t := record.Type(1); t <= lastNamedType; t++ {
		if t.String() == s {
			return t, nil
		}
	}
	return 0, invalid("type", "type %q is not known by name; write TYPE and its number, as in TYPE257", s)
}

// requestID reads the name of a write; without one the write has none, and is not safe to repeat.
func requestID(r *http.Request) (string, error) {
	id := r.Header.Get(api.RequestIDHeader)
	ok := func(c rune) bool {
		return c < unicode.MaxASCII && (unicode.IsLetter(c) || unicode.IsDigit(c) || strings.ContainsRune("-_.:", c))
	}
	if len(id) > api.MaxRequestID || strings.ContainsFunc(id, func(c rune) bool { return !ok(c) }) {
		return "", invalid(api.RequestIDHeader, "the header %s is not up to %d letters, digits, and -_.:", api.RequestIDHeader, api.MaxRequestID)
	}
	return id, nil
}
