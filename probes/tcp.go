package probes

import (
	"context"
	"net/netip"
)

// probeTCP succeeds when the connection is accepted; it sends and reads nothing.
func probeTCP(ctx context.Context, env *Env, t Target) (netip.Addr, error) {
	places, err := env.locate(ctx, t)
	if err != nil {
		return netip.Addr{}, err
	}
	conn, place, err := env.connect(ctx, t, places)
	if err != nil {
		return place.Addr(), err
	}
	conn.Close()
	return place.Addr(), nil
}
