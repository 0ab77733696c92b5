package probes

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"strings"
	"syscall"
	"time"
	"unicode"

	"failoverdns/health"
)

// maxDetail bounds a result's detail, in bytes: it travels in votes and is shown in one line of a terminal.
const maxDetail = 160

// fault is why a probe did not succeed. Whether it is a failure or an abstention follows from the reason.
type fault struct {
	reason health.Reason
	detail string
}

func (f *fault) Error() string { return string(f.reason) + ": " + f.detail }

// newFault makes one printable line of what may be a server's own words.
func newFault(reason health.Reason, format string, args ...any) *fault {
	line := strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) {
			return ' '
		}
		return r
	}, fmt.Sprintf(format, args...))
	line = strings.Join(strings.Fields(line), " ")
	if len(line) > maxDetail {
		line = strings.ToValidUTF8(line[:maxDetail-len("…")], "") + "…"
	}
	return &fault{reason: reason, detail: line}
}

func (f *fault) abstains() bool { return f.outcome() == health.Abstained }

func (f *fault) outcome() health.Outcome {
	switch f.reason {
	case health.Denied, health.NoRoute, health.Resources, health.Resolver, health.Canary, health.Secret:
		return health.Abstained
	}
	return health.Failure
}

// isTimeout covers a deadline of ours and the kernel's ETIMEDOUT.
func isTimeout(err error) bool {
	var n net.Error
	return errors.Is(err, os.ErrDeadlineExceeded) || errors.Is(err, context.DeadlineExceeded) ||
		errors.As(err, &n) && n.Timeout()
}

func isReset(err error) bool {
	return errors.Is(err, syscall.ECONNRESET) || errors.Is(err, syscall.EPIPE) || errors.Is(err, syscall.ECONNABORTED)
}

// connectFault reads the error of a dial. routed says whether this node has a route to the address: the same error
// number may come from the own routing table or, by ICMP, from a router on the way.
func connectFault(err error, to netip.AddrPort, limit time.Duration, routed func(netip.AddrPort) bool) *fault {
	is := func(numbers ...syscall.Errno) bool {
		for _, n := range numbers {
			if errors.Is(err, n) {
				return true
			}
		}
		return false
	}
	switch {
	case is(syscall.EMFILE, syscall.ENFILE, syscall.ENOBUFS, syscall.ENOMEM):
		return newFault(health.Resources, "no socket to be had: %v", errno(err))
	case is(syscall.ECONNREFUSED):
		return newFault(health.Refused, "%s refused the connection", to)
	case is(syscall.EAFNOSUPPORT, syscall.ENETDOWN, syscall.EACCES, syscall.EPERM):
		return newFault(health.NoRoute, "this node cannot send to %s: %v", to, errno(err))
	case is(syscall.ENETUNREACH, syscall.EADDRNOTAVAIL) && !routed(to):
		return newFault(health.NoRoute, "this node has no route to %s", to)
	case is(syscall.EADDRNOTAVAIL):
		return newFault(health.Resources, "no local port left to connect to %s", to)
	case isReset(err):
		return newFault(health.Reset, "%s reset the connection", to)
	case isTimeout(err):
		return newFault(health.Timeout, "%s did not accept the connection within %s", to, limit.Round(time.Millisecond))
	}
	return newFault(health.Unreachable, "%s: %v", to, errno(err))
}

// errno is the system's word in an error, without Go's "dial tcp …: connect:" before it.
func errno(err error) error {
	var n syscall.Errno
	if errors.As(err, &n) {
		return n
	}
	return err
}
