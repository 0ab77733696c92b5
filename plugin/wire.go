package failover

import (
	"github.com/coredns/coredns/core/dnsserver"
	"github.com/coredns/coredns/plugin/pkg/transport"
	"github.com/coredns/coredns/request"
	"github.com/miekg/dns"
)

// payload is the largest answer over UDP, in octets, where the plugin bufsize says nothing: it passes every link
// unfragmented (DNS Flag Day 2020, RFC 9715 section 3.1).
const payload = 1232

// padTo is the block length of padded answers, in octets (RFC 8467 section 4.1).
const padTo = 468

// wire is what a server block's transport and its other plugins mean for messages. The instance fills it in before the
// block's sockets are open; it never changes after that.
type wire struct {
	payload   uint16 // the most that a client's OPT record may ask for; 0: as much as it likes
	encrypted bool
	stream    bool // no message is ever cut, though its addresses look like UDP's: QUIC
}

// learn takes what is known once all plugins of a block have been set up.
func (x *wire) learn(cfg *dnsserver.Config) {
	if cfg.Handler("bufsize") == nil {
		x.payload = payload
	}
	switch cfg.Transport {
	case transport.TLS, transport.HTTPS, transport.HTTPS3:
		x.encrypted = true
	case transport.QUIC:
		x.encrypted, x.stream = true, true
	}
}

// wellFormed says whether a request's OPT record is alone, in its section, and the root's (RFC 6891 section 6.1.1 and
// 6.1.2). The library has counted questions and the records of the other sections.
func wellFormed(r *dns.Msg) bool {
	for _, section := range [][]dns.RR{r.Answer, r.Ns} {
		for _, rr := range section {
			if rr.Header().Rrtype == dns.TypeOPT {
				return false
			}
		}
	}
	count := 0
	for _, rr := range r.Extra {
		if rr.Header().Rrtype == dns.TypeOPT {
			count++
			if rr.Header().Name != "." {
				return false
			}
		}
	}
	return count <= 1
}

// limit lowers what a client's OPT record offers to take: the server around the plugins cuts answers to that, and
// sends it back.
func (x *wire) limit(r *dns.Msg) {
	if opt := r.IsEdns0(); opt != nil && x.payload > 0 && opt.UDPSize() > x.payload {
		opt.SetUDPSize(x.payload)
	}
}

// send writes an answer. What need not be in it goes first where it is too long.
func (x *wire) send(w dns.ResponseWriter, r, m *dns.Msg) error {
	req := request.Request{W: w, Req: r}
	if x.encrypted {
		pad(r, m)
	}
	datagram := req.Proto() == "udp"
	if datagram && x.stream {
		return sendWhole(w, &req, m)
	}
	if datagram {
		size := req.Size()
		if r.IsEdns0() != nil {
			size -= optLength
		}
		shed(m, size)
		m.Truncate(size) // the server does this too, but not once the plugin tsig has signed
	}
	return w.WriteMsg(m)
}

// sendWhole writes an answer that the server would cut as if it went over UDP: DNS over QUIC has streams, and its
// messages are as long as TCP's (RFC 9250 section 4.2).
func sendWhole(w dns.ResponseWriter, req *request.Request, m *dns.Msg) error {
	if m.Len()+optLength <= req.Size() {
		return w.WriteMsg(m)
	}
	req.SizeAndDo(m)
	b, err := m.Pack()
	if err != nil {
		return err
	}
	if _, err := w.Write(b); err != nil {
		return err
	}
	return w.Close() // no more comes on this stream
}

// optLength is the length of an OPT record without options.
const optLength = 11

// shed drops record sets from the additional section of an answer that is too long, the last first: nobody asked for
// them, and the client must not come again by TCP for them (RFC 2181 section 9). A referral's are its glue, which is
// part of it: it is left to be cut, and marked as such (RFC 9471 section 3).
func shed(m *dns.Msg, size int) {
	if len(m.Extra) == 0 || len(m.Answer) == 0 {
		return
	}
	m.Compress = true
	for len(m.Extra) > 0 && m.Len() > size {
		last := m.Extra[len(m.Extra)-1].Header()
		for n := len(m.Extra); n > 0 && m.Extra[n-1].Header().Name == last.Name && m.Extra[n-1].Header().Rrtype == last.Rrtype; n-- {
			m.Extra = m.Extra[:n-1]
		}
	}
}

// pad fills an answer up where the client has padded its query (RFC 7830 section 4), so that its length tells nothing
// of the name.
func pad(r, m *dns.Msg) {
	opt := r.IsEdns0()
	if opt == nil || m.IsEdns0() != nil || !padded(opt) {
		return
	}
	m.SetEdns0(opt.UDPSize(), opt.Do())
	fill := new(dns.EDNS0_PADDING)
	own := m.IsEdns0()
	own.Option = append(own.Option, fill)
	m.Compress = false
	fill.Padding = make([]byte, (padTo-m.Len()%padTo)%padTo)
}

func padded(opt *dns.OPT) bool {
	for _, o := range opt.Option {
		if o.Option() == dns.EDNS0PADDING {
			return true
		}
	}
	return false
}
