package probes

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"slices"
	"strings"
	"time"

	"failoverdns/health"
)

// locate gives the addresses at which a target is dialled, in order: IPv4 before IPv6, else as the resolver has them.
func (e *Env) locate(ctx context.Context, t Target) ([]netip.AddrPort, error) {
	host, port := t.Host, t.Check.Port
	if t.Check.Dial != "" {
		h, p, err := health.ParseDial(t.Check.Dial)
		if err != nil {
			return nil, newFault(health.Resolver, "%v", err)
		}
		host = h
		if p != 0 {
			port = p
		}
	}
	if host == "" {
		return []netip.AddrPort{netip.AddrPortFrom(t.Address, port)}, nil
	}
	return e.resolve(ctx, host, port)
}

// resolve looks a name up. That it does not exist is a failure: who follows the name finds nothing either. All other
// errors are the resolver's, and this node abstains.
func (e *Env) resolve(ctx context.Context, host string, port uint16) ([]netip.AddrPort, error) {
	if a, err := netip.ParseAddr(host); err == nil {
		return []netip.AddrPort{netip.AddrPortFrom(a, port)}, nil
	}
	name := host
	if strings.Contains(name, ".") && !strings.HasSuffix(name, ".") {
		name += "." // else a search list could find another name instead
	}
	addrs, err := e.lookup(ctx, name)
	var dns *net.DNSError
	switch {
	case errors.As(err, &dns) && dns.IsNotFound, err == nil && len(addrs) == 0:
		return nil, newFault(health.Unreachable, "the name %q has no address", host)
	case isTimeout(err):
		return nil, newFault(health.Resolver, "no answer for the name %q in time", host)
	case err != nil:
		return nil, newFault(health.Resolver, "looking up %q: %v", host, err)
	}
	for i := range addrs {
		addrs[i] = addrs[i].Unmap()
	}
	slices.SortStableFunc(addrs, func(a, b netip.Addr) int { return a.BitLen() - b.BitLen() })
	places := make([]netip.AddrPort, 0, len(addrs))
	for _, a := range addrs {
		if p := netip.AddrPortFrom(a, port); !slices.Contains(places, p) {
			places = append(places, p)
		}
	}
	return places, nil
}

// connect dials the places in order until one accepts; what it then says decides the probe. Each gets an equal share
// of the time that is left, so that a silent one does not use up the turn of the next. If none accepts, the first
// failure is the result, and an abstention only if there was none.
func (e *Env) connect(ctx context.Context, t Target, places []netip.AddrPort) (net.Conn, netip.AddrPort, error) {
	var worst *fault
	var at netip.AddrPort
	for i, place := range places {
		conn, f := e.connectOne(ctx, t, place, len(places)-i)
		if f == nil {
			return conn, place, nil
		}
		if worst == nil || worst.abstains() && !f.abstains() {
			worst, at = f, place
		}
	}
	return nil, at, worst
}

// connectOne dials one place within its share of the context's time.
func (e *Env) connectOne(ctx context.Context, t Target, place netip.AddrPort, shares int) (net.Conn, *fault) {
	if !place.Addr().IsValid() {
		return nil, newFault(health.Denied, "the endpoint has no address")
	}
	if why := e.denied(place.Addr(), t.FromAPI); why != "" {
		return nil, newFault(health.Denied, "%s is %s; name it in allow-targets if it is meant", place.Addr(), why)
	}
	limit := t.Check.Timeout
	if deadline, ok := ctx.Deadline(); ok && shares > 1 {
		limit = time.Until(deadline) / time.Duration(shares)
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, limit)
		defer cancel()
	}
	conn, err := e.dial(ctx, place.String())
	if err != nil {
		return nil, connectFault(err, place, limit, e.routed)
	}
	return conn, nil
}

// bind makes a connection end with the context. The returned function undoes it.
func bind(ctx context.Context, conn net.Conn) (release func() bool) {
	if deadline, ok := ctx.Deadline(); ok {
		conn.SetDeadline(deadline)
	}
	return context.AfterFunc(ctx, func() { conn.SetDeadline(time.Unix(1, 0)) })
}
