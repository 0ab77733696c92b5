package failover

import (
	"context"

	"github.com/coredns/coredns/plugin"
	"github.com/coredns/coredns/plugin/metrics"
	"github.com/miekg/dns"

	"failoverdns/record"
	"failoverdns/zone"
)

// source is what answers are made from: the node.
type source interface {
	Zones() *zone.Set
	Ready() (ok bool, why string)
	Answers() bool // false: a witness, which answers REFUSED
}

// Failover answers queries for the zone of one server block. CoreDNS makes one for each listener and zone key.
type Failover struct {
	Next plugin.Handler

	zone     record.Name
	declared bool // the block declares its zone, rather than only serving it
	source   func() source
	wire     *wire // shared with the instance, which fills it in
}

// Name implements plugin.Handler.
func (f *Failover) Name() string { return name }

// ServeDNS implements plugin.Handler.
func (f *Failover) ServeDNS(ctx context.Context, w dns.ResponseWriter, r *dns.Msg) (int, error) {
	f.wire.limit(r)
	m, rcode := f.answer(r)
	if m == nil && rcode == dns.RcodeSuccess {
		return plugin.NextOrFailure(name, f.Next, ctx, w, r)
	}
	queries.WithLabelValues(metrics.WithServer(ctx), f.zone.String(), dns.RcodeToString[rcode]).Inc()
	if !plugin.ClientWrite(rcode) {
		return rcode, nil // the server writes these
	}
	return dns.RcodeSuccess, f.wire.send(w, r, m)
}

// answer gives a reply and its rcode, an rcode alone that the server is to write, or neither for a question that is
// not for us.
func (f *Failover) answer(r *dns.Msg) (*dns.Msg, int) {
	if r.Opcode != dns.OpcodeQuery {
		return nil, dns.RcodeNotImplemented // NOTIFY: this server is nobody's secondary
	}
	if len(r.Question) != 1 || !wellFormed(r) {
		return nil, dns.RcodeFormatError
	}
	if !f.answers() {
		return nil, dns.RcodeRefused
	}
	q := r.Question[0]
	n, err := record.ParseName(q.Name)
	if err != nil {
		return nil, dns.RcodeFormatError
	}
	images := f.images()
	image := images.FindWithin(f.zone, n, record.Type(q.Qtype))
	if image == nil {
		if f.declared && n.Under(f.zone) || !f.ready() {
			return nil, dns.RcodeServerFailure // a new node has no state yet
		}
		return nil, dns.RcodeSuccess
	}
	m := image.Respond(r, images)
	return m, m.Rcode
}

// images are the node's zones as they are now.
func (f *Failover) images() zone.Images {
	s := f.source()
	if s == nil {
		return zone.Images{}
	}
	return s.Zones().Images()
}

func (f *Failover) ready() bool {
	s := f.source()
	if s == nil {
		return false
	}
	ok, _ := s.Ready()
	return ok
}

// answers says whether this node answers at all.
func (f *Failover) answers() bool {
	s := f.source()
	return s == nil || s.Answers()
}

// Ready implements ready.Readiness. It speaks for the whole node: the plugin ready keeps one answer for each plugin's
// name.
func (f *Failover) Ready() bool { return f.ready() }

// CacheBypassZones implements cache.ZoneBypasser: a cache in front would delay a flip by up to the TTL.
func (f *Failover) CacheBypassZones() []string { return []string{f.zone.String()} }
