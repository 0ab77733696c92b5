package main

import (
	"context"
	"errors"
	"time"

	"github.com/spf13/cobra"

	"failoverdns/token"
	"failoverdns/trust"
)

// joinExtra is what a join token needs beside its secret: what the new node must know to find and trust the cluster.
type joinExtra struct{ caFile string }

func (x *joinExtra) addJoin(c *cobra.Command) {
	c.Flags().StringVar(&x.caFile, "cluster-ca", "", "with --join: the cluster's CA certificate, to pin (default: the one that the asked node uses)")
}

// text is what the token's file holds. A join token names the cluster's CA.
func (f *tokenFlags) text(s *session, k *token.Token) (string, error) {
	if !f.join {
		return k.Text(), nil
	}
	lasts, err := time.ParseDuration(f.lasts)
	if err != nil || lasts <= 0 {
		return "", usage("a join token has an end: --for %q is no duration (1h, 24h)", f.lasts)
	}
	pin, err := f.pin(s)
	if err != nil {
		return "", err
	}
	j := &token.Join{Token: k, Pin: pin, Role: f.role, Expires: s.t.now().Add(lasts)}
	return j.Text(), nil
}

// pin is that of the file, or of the CA that the asked node goes by.
func (f *tokenFlags) pin(s *session) (trust.Pin, error) {
	if f.caFile != "" {
		return trust.ReadPin(f.caFile)
	}
	client, err := s.client()
	if err != nil {
		return trust.Pin{}, err
	}
	ctx, cancel := context.WithTimeout(context.Background(), s.timeout)
	defer cancel()
	a, err := client.Members(ctx)
	if err != nil {
		return trust.Pin{}, err
	}
	if a.Cluster.CAPin == "" {
		return trust.Pin{}, errors.New("node " + a.Node + " runs on its own: no other can join it. Make a cluster of one of it first: failoverctl cert init and cert issue " + a.Node + ", then in its Corefile cluster { id " + a.Node + "  peer " + a.Node + " HOST:PORT  tls CERT KEY CA }, and restart it; docs/cluster.md shows each step")
	}
	return trust.ParsePin(a.Cluster.CAPin)
}

// parse reads what text wrote.
func (f *tokenFlags) parse(words string) (*token.Token, error) {
	if !f.join {
		return token.Parse(words)
	}
	j, err := token.ParseJoin(words)
	if err != nil {
		return nil, err
	}
	return j.Token, nil
}
