package server

import (
	"context"
	"fmt"
	"net/http"
	"strings"

	"failoverdns/api"
	"failoverdns/record"
	"failoverdns/state"
)

// access is what somebody may do. The zero value is the highest, so that a route that names no role is for admin.
type access uint8

const (
	accessAdmin access = iota
	accessOperate
	accessRead
	accessNone
)

var accessWords = map[access]state.Access{accessAdmin: state.AccessAdmin, accessOperate: state.AccessOperate, accessRead: state.AccessRead, accessNone: "none"}

func (a access) String() string { return string(accessWords[a]) }

// identity is who asks.
type identity struct {
	kind  string        // what proved it: tokenKind or certificateKind; empty: nobody had to prove anything
	id    string        // of the token
	name  string        // of whoever holds it: the author of all that is done with it
	role  access        // what it may do
	zones []record.Name // only in these; none: everywhere
}

// anybody is who asks where the API is open: whoever gets there may do all.
var anybody = &identity{role: accessAdmin}

type identityKey struct{}

func (i *identity) in(ctx context.Context) context.Context {
	return context.WithValue(ctx, identityKey{}, i)
}

// identityOf is who sent a request, as the guard found out.
func identityOf(r *http.Request) *identity {
	if i, ok := r.Context().Value(identityKey{}).(*identity); ok {
		return i
	}
	return &identity{kind: "nobody", role: accessNone}
}

// may says whether an identity's role is enough for a route.
func (i *identity) may(r *route) error {
	if i.role <= r.least {
		return nil
	}
	return &api.Problem{Status: http.StatusForbidden, Code: api.CodeForbidden,
		Detail: fmt.Sprintf("%s has the role %s, and %s %s takes %s", i, i.role, r.method, r.path, r.least)}
}

// author is who did what an identity asks for: who they were let in as, whatever they say of themselves. That is kept
// before it, and counts alone where nobody has to prove anything.
func (i *identity) author(claimed string) (string, error) {
	switch {
	case i.kind == "" && claimed == "":
		return "", invalid("author", "author is empty; it is kept with the change, for those who ask who it was")
	case i.kind == "":
		return claimed, nil
	case claimed == "" || claimed == i.name:
		return i.String(), nil
	case strings.Contains(claimed, via):
		return "", invalid("author", "author %q holds the word %q, which stands before the name of a token or certificate", claimed, strings.TrimSpace(via))
	}
	return claimed + via + i.String(), nil
}

// via stands between what somebody says of themselves and what they proved.
const via = " via "

// String names an identity as the author of what it does.
func (i *identity) String() string { return i.kind + " " + i.name }
