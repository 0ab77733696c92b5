package probes

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strings"
	"sync"
)

// LookUp gives the addresses of a name for answers rather than for a probe. Each family is looked up for itself: one
// that cannot be told now keeps those of last, one that the name does not have is empty. Denied targets are left out,
// since nobody means to send clients there either. It is an error if neither family can be told, or no address is left.
func (e *Env) LookUp(ctx context.Context, host string, last []netip.Addr) ([]netip.Addr, error) {
	var v4, v6 []netip.Addr
	var err4, err6 error
	var both sync.WaitGroup
	both.Go(func() { v4, err4 = e.lookUpFamily(ctx, "ip4", host) })
	both.Go(func() { v6, err6 = e.lookUpFamily(ctx, "ip6", host) })
	both.Wait()
	if err4 != nil && err6 != nil {
		return nil, err4
	}
	for _, a := range last {
		switch {
		case err4 != nil && a.Is4():
			v4 = append(v4, a)
		case err6 != nil && a.Is6():
			v6 = append(v6, a)
		}
	}
	return e.meant(host, append(v4, v6...))
}

// lookUpFamily tells a family that the name does not have, which is no error, from one that is not known now.
func (e *Env) lookUpFamily(ctx context.Context, network, host string) ([]netip.Addr, error) {
	resolver := e.Resolver
	if resolver == nil {
		resolver = net.DefaultResolver
	}
	addresses, err := resolver.LookupNetIP(ctx, network, strings.TrimSuffix(host, ".")+".") // no search list
	var dns *net.DNSError
	switch {
	case errors.As(err, &dns) && dns.IsNotFound:
		return nil, nil
	case err != nil:
		return nil, fmt.Errorf("looking up %q: %w", host, err)
	}
	return addresses, nil
}

func (e *Env) meant(host string, addresses []netip.Addr) (out []netip.Addr, err error) {
	err = fmt.Errorf("the name %q has no address", host)
	for _, a := range addresses {
		a = a.Unmap().WithZone("")
		if why := e.denied(a, false); why != "" {
			err = fmt.Errorf("the name %q has the address %s, which is %s; name it in allow-targets if it is meant", host, a, why)
			continue
		}
		out = append(out, a)
	}
	if out == nil {
		return nil, err
	}
	return out, nil
}
