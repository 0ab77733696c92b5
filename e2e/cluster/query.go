package cluster

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/miekg/dns"
)

// Query asks the node over UDP. name is absolute, with or without the final dot.
func (n *Node) Query(ctx context.Context, name string, qtype uint16) (*dns.Msg, error) {
	return n.exchange(ctx, "udp", name, qtype)
}

// QueryTCP asks the node over TCP.
func (n *Node) QueryTCP(ctx context.Context, name string, qtype uint16) (*dns.Msg, error) {
	return n.exchange(ctx, "tcp", name, qtype)
}

func (n *Node) exchange(ctx context.Context, network, name string, qtype uint16) (*dns.Msg, error) {
	q := new(dns.Msg)
	q.SetQuestion(dns.Fqdn(name), qtype)
	c := &dns.Client{Net: network}
	m, _, err := c.ExchangeContext(ctx, q, n.DNS)
	if err != nil {
		return nil, fmt.Errorf("ask %s for %s %s: %w", n.ID, name, dns.TypeToString[qtype], err)
	}
	return m, nil
}

// Answer is a response in one word: its addresses in order, joined by commas; NODATA; or the response code.
func Answer(m *dns.Msg) string {
	if m.Rcode != dns.RcodeSuccess {
		return dns.RcodeToString[m.Rcode]
	}
	var out []string
	for _, r := range m.Answer {
		switch r := r.(type) {
		case *dns.A:
			out = append(out, r.A.String())
		case *dns.AAAA:
			out = append(out, r.AAAA.String())
		default:
			out = append(out, dns.TypeToString[r.Header().Rrtype])
		}
	}
	if len(out) == 0 {
		return "NODATA"
	}
	slices.Sort(out)
	return strings.Join(out, ",")
}

// Serial asks the node for the zone's serial.
func (n *Node) Serial(ctx context.Context, zone string) (uint32, error) {
	m, err := n.Query(ctx, zone, dns.TypeSOA)
	if err != nil {
		return 0, err
	}
	for _, r := range m.Answer {
		if soa, ok := r.(*dns.SOA); ok {
			return soa.Serial, nil
		}
	}
	return 0, fmt.Errorf("%s answers %s for the SOA of %s", n.ID, Answer(m), zone)
}
