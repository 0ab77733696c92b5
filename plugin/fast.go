package failover

import (
	"context"
	"net"
	"slices"
	"strings"
	"time"

	"github.com/coredns/coredns/core/dnsserver"
	"github.com/coredns/coredns/plugin"
	"github.com/coredns/coredns/plugin/bufsize"
	"github.com/coredns/coredns/plugin/pkg/parse"
	"github.com/coredns/coredns/plugin/pkg/transport"
	"github.com/miekg/dns"

	"failoverdns/listener"
	"failoverdns/zone"
)

// fast is the batched UDP path of this process. It outlives reloads, as the node does.
var fast = listener.New(logger)

// transparent are the plugins that change nothing about an answer that the fast path gives: they serve other classes,
// opcodes or question types (chaos, transfer), stand behind failover (file) or let its zones pass (cache), act on
// options that the fast path leaves to them (nsid), report errors, of which it makes none, or are counted for
// (prometheus). What bufsize wants is known.
var transparent = []string{"nsid", "bufsize", "prometheus", "errors", "chaos", "cache", "transfer", name, "file"}

// prepareFast opens the fast path where the server blocks allow it. It can always be done without.
func (i *instance) prepareFast(pass *passing) error {
	c := listener.Config{Zones: servedZones}
	if err := i.corefile.defend(&c); err != nil {
		return err
	}
	for _, s := range i.serving {
		why := s.opaque()
		if why != "" {
			log.Infof("The fast path is off for %s: %s", s.zone.Bare(), why)
			if c.RateLimit != nil || c.Secrets != nil {
				log.Warningf("ratelimit and cookies are the fast path's: %s may be without", s.zone.Bare())
			}
		}
		for _, address := range s.addresses() {
			c.Addresses = addBlock(c.Addresses, address, s.fastBlock(why == ""))
		}
	}
	c.Addresses = i.servers.passTo(c.Addresses, pass)
	// An address without any block that is answered there stays CoreDNS's alone, unless it is open already.
	c.Addresses = slices.DeleteFunc(c.Addresses, func(a listener.Address) bool {
		return len(a.Passed) == 0 && !fast.Open(a.Name) && !slices.ContainsFunc(a.Blocks, func(b listener.Block) bool { return b.Fast })
	})
	if err := fast.Prepare(c); err != nil {
		for _, a := range c.Addresses {
			if len(a.Passed) > 0 && !fast.Open(a.Name) {
				return err // nobody else can read there
			}
		}
		log.Warningf("The fast path is off, CoreDNS's own listener serves: %v", strings.ReplaceAll(err.Error(), "\n", "; "))
	}
	return nil
}

// addBlock puts a block to its address.
func addBlock(all []listener.Address, address string, b listener.Block) []listener.Address {
	at := slices.IndexFunc(all, func(a listener.Address) bool { return a.Name == address })
	if at < 0 {
		at = len(all)
		all = append(all, listener.Address{Name: address, Host: strings.TrimPrefix(address, dnsScheme)})
	}
	all[at].Blocks = append(all[at].Blocks, b)
	return all
}

const dnsScheme = transport.DNS + "://"

// opaque is why a server block's questions cannot be answered without asking its plugins; "" if they can.
func (s *serving) opaque() string {
	if s.slow {
		return "listener off"
	}
	if len(s.cfg.FilterFuncs) > 0 {
		return "the server block is for some clients only"
	}
	var names []string
	for _, h := range s.cfg.Handlers() {
		if !slices.Contains(transparent, h.Name()) {
			names = append(names, h.Name())
		}
	}
	if len(names) > 0 {
		return "each query has to pass the plugin " + strings.Join(names, ", ")
	}
	return ""
}

// fastBlock is what the fast path has to know of a server block.
func (s *serving) fastBlock(on bool) listener.Block {
	b := listener.Block{Zone: s.zone, Fast: on, Payload: s.wire.payload, Timed: s.cfg.Handler("prometheus") != nil}
	switch h := s.cfg.Handler("bufsize").(type) {
	case bufsize.Bufsize:
		b.Payload = uint16(h.Size)
	case *bufsize.Bufsize:
		b.Payload = uint16(h.Size)
	}
	return b
}

// addresses are the plain DNS addresses of a server block, as CoreDNS names them.
func (s *serving) addresses() []string {
	var all []string
	for _, key := range s.keys {
		scheme, rest := parse.Transport(key)
		if scheme != transport.DNS {
			continue
		}
		_, port, err := plugin.SplitHostPort(rest)
		if err != nil {
			continue
		}
		if port == "" {
			port = dnsserver.Port
		}
		for _, host := range s.hosts {
			addr, err := net.ResolveTCPAddr("tcp", net.JoinHostPort(host, port))
			if err != nil {
				continue
			}
			if name := dnsScheme + addr.String(); !slices.Contains(all, name) {
				all = append(all, name)
			}
		}
	}
	return all
}

// servedZones is what this process answers from; nil before it has a node.
func servedZones() *zone.Set {
	if n := answering.Load(); n != nil {
		return n.Zones()
	}
	return nil
}

// serveFast gives the fast path the server of an address. CoreDNS calls it when the server's socket is open; the nil
// says that its writer stays as it is.
func serveFast(s *dnsserver.Server) dns.DecorateWriter {
	base := context.WithValue(context.WithValue(context.Background(), dnsserver.Key{}, s), dnsserver.LoopKey{}, 0)
	fast.Serve(s.Addr, listener.Server{
		Handler:    dns.HandlerFunc(func(w dns.ResponseWriter, r *dns.Msg) { s.ServeDNS(base, w, r) }),
		TsigSecret: s.TsigSecret,
	})
	return nil
}

// fastStop bounds the end of the fast path: what is under way takes milliseconds.
const fastStop = 3 * time.Second

func stopFast() {
	ctx, cancel := context.WithTimeout(context.Background(), fastStop)
	defer cancel()
	fast.Stop(ctx)
}
