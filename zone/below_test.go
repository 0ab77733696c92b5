package zone

import (
	"testing"

	"github.com/miekg/dns"

	"failoverdns/record"
	"failoverdns/state"
)

// below is a server of example.org and of zones below it: one that it does not delegate, one below that, one that it
// does delegate, and one far below an empty name. It also serves example.net.
func below(t testing.TB) *Set {
	st := new(state.State)
	for origin, text := range map[string]string{
		"example.org": `$TTL 300
@ IN SOA ns1 h 1 1 1 1 60
@ IN NS ns1
ns1 IN A 192.0.2.1
host IN A 192.0.2.9
www IN CNAME host.acme
ghost IN CNAME ghost.acme
bare IN CNAME acme
round IN CNAME back.acme
ping IN CNAME pong.acme
deep IN CNAME host.deep.acme
d IN DNAME acme
net IN CNAME host.example.net.
mx IN MX 1 host.acme
cut2 IN NS ns.cut2
cut2 IN DS 1 8 2 00
tocut2 IN CNAME host.cut2
ns.cut2 IN A 192.0.2.66
host.acme IN A 192.0.2.99
stale.acme IN A 192.0.2.99
`,
		"acme.example.org": `$TTL 200
@ IN SOA ns2 h 1 1 1 1 50
@ IN NS ns2
host IN A 192.0.2.2
back IN CNAME host.example.org.
pong IN CNAME ping.example.org.
up IN CNAME host.example.org.
`,
		"deep.acme.example.org": "$TTL 100\n@ IN SOA ns3 h 1 1 1 1 40\n@ IN NS ns3\nhost IN A 192.0.2.3\n",
		"cut2.example.org":      "$TTL 100\n@ IN SOA ns4 h 1 1 1 1 40\n@ IN NS ns4\nhost IN A 192.0.2.4\n",
		"far.empty.example.org": "$TTL 100\n@ IN SOA ns5 h 1 1 1 1 40\n@ IN NS ns5\nhost IN A 192.0.2.5\n",
		"example.net":           "$TTL 100\n@ IN SOA ns6 h 1 1 1 1 40\n@ IN NS ns6\nhost IN A 192.0.2.6\n",
	} {
		key := state.ZoneKey(record.MustParseName(origin))
		z, _ := fileState(t, origin, text).Zones.Get(key)
		st.Zones = st.Zones.With(key, z)
	}
	return loaded(st)
}

func TestAliasesLeadIntoTheNearestZone(t *testing.T) {
	s := below(t)
	const (
		orgSOA  = "ns example.org. 60 IN SOA ns1.example.org. h.example.org. 1 1 1 1 60"
		acmeSOA = "ns acme.example.org. 50 IN SOA ns2.acme.example.org. h.acme.example.org. 1 1 1 1 50"
	)
	for _, tc := range []struct {
		claim, name string
		qtype       uint16
		want        string
	}{
		{"a zone that the parent does not delegate, and not the parent's own data below it", "www", dns.TypeA, `NOERROR aa
			www.example.org. 300 IN CNAME host.acme.example.org.
			host.acme.example.org. 200 IN A 192.0.2.2`},
		{"NODATA is that zone's", "www", dns.TypeAAAA, `NOERROR aa
			www.example.org. 300 IN CNAME host.acme.example.org.
			` + acmeSOA},
		{"NXDOMAIN is that zone's", "ghost", dns.TypeA, `NXDOMAIN aa
			ghost.example.org. 300 IN CNAME ghost.acme.example.org.
			` + acmeSOA},
		{"its apex", "bare", dns.TypeNS, `NOERROR aa
			bare.example.org. 300 IN CNAME acme.example.org.
			acme.example.org. 200 IN NS ns2.acme.example.org.`},
		{"its DS is the parent's", "bare", dns.TypeDS, `NOERROR aa
			bare.example.org. 300 IN CNAME acme.example.org.
			` + orgSOA},
		{"and back", "round", dns.TypeA, `NOERROR aa
			round.example.org. 300 IN CNAME back.acme.example.org.
			back.acme.example.org. 200 IN CNAME host.example.org.
			host.example.org. 300 IN A 192.0.2.9`},
		{"a loop over zones ends", "ping", dns.TypeA, `NOERROR aa
			ping.example.org. 300 IN CNAME pong.acme.example.org.
			pong.acme.example.org. 200 IN CNAME ping.example.org.`},
		{"the longest of several zones", "deep", dns.TypeA, `NOERROR aa
			deep.example.org. 300 IN CNAME host.deep.acme.example.org.
			host.deep.acme.example.org. 100 IN A 192.0.2.3`},
		{"a DNAME's target", "host.d", dns.TypeA, `NOERROR aa
			d.example.org. 300 IN DNAME acme.example.org.
			host.d.example.org. 300 IN CNAME host.acme.example.org.
			host.acme.example.org. 200 IN A 192.0.2.2`},
		{"a zone that the parent delegates", "tocut2", dns.TypeA, `NOERROR aa
			tocut2.example.org. 300 IN CNAME host.cut2.example.org.
			host.cut2.example.org. 100 IN A 192.0.2.4`},
		{"additional addresses", "mx", dns.TypeMX, `NOERROR aa
			mx.example.org. 300 IN MX 1 host.acme.example.org.
			extra host.acme.example.org. 200 IN A 192.0.2.2`},
		{"a zone aside is the resolver's to ask", "net", dns.TypeA, `NOERROR aa
			net.example.org. 300 IN CNAME host.example.net.`},
		{"a zone above is the resolver's to ask", "up.acme", dns.TypeA, `NOERROR aa
			up.acme.example.org. 200 IN CNAME host.example.org.`},
		{"the parent's data below is nobody's", "stale.acme", dns.TypeA, "NXDOMAIN aa\n" + acmeSOA},
		{"a name above a zone exists", "empty", dns.TypeA, "NOERROR aa\n" + orgSOA},
		{"a zone's name exists for its parent", "acme", dns.TypeDS, "NOERROR aa\n" + orgSOA},
		{"a name beside them does not", "empt", dns.TypeA, "NXDOMAIN aa\n" + orgSOA},
	} {
		t.Run(tc.claim, func(t *testing.T) { wantReply(t, ask(t, s, tc.name+".example.org", tc.qtype), tc.want) })
	}
}
