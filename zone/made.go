package zone

import (
	"net/netip"

	"failoverdns/record"
	"failoverdns/state"
)

// NameServer is a name server of a zone. Addresses are needed for a name within the zone, where they are its glue.
type NameServer struct {
	Name      record.Name
	Addresses []netip.Addr
}

// Times of a made zone, in seconds. A secondary hears of changes by NOTIFY; it looks by itself every two hours and
// serves for two weeks without us (RIPE-203, RFC 1912 section 2.2). The NS set lives a day: parents delegate with one
// or two, so less would gain little (RFC 9199 section 3.5 advises hours up to a day), and it is what resolvers hold on
// to while a name server is gone. A name server that moves is found within the hour.
const (
	madeRefresh    = 7200
	madeRetry      = 900
	madeExpire     = 1209600
	madeNSTTL      = 86400
	madeAddressTTL = 3600
)

// Made is the SOA and the static record sets of a zone that has no zone file, served by these name servers. ttl, in
// seconds, is that of the steered names: negative answers live as long. There must be a name server.
func Made(zone record.Name, nameservers []NameServer, ttl uint32) (state.SOA, []record.Set) {
	soa := state.SOA{
		TTL:     ttl,
		MName:   nameservers[0].Name,
		RName:   hostmaster(zone),
		Refresh: madeRefresh,
		Retry:   madeRetry,
		Expire:  madeExpire,
		Minimum: ttl,
	}
	ns := record.Set{Name: zone, Type: record.NS, TTL: madeNSTTL}
	addresses := map[record.Name][]netip.Addr{}
	for _, s := range nameservers {
		ns.Data = append(ns.Data, []byte(s.Name))
		addresses[s.Name] = append(addresses[s.Name], s.Addresses...)
	}
	ns.Data = record.Dedup(ns.Data)
	sets := []record.Set{ns}
	for _, data := range ns.Data {
		if name := record.Name(data); name.Under(zone) {
			sets = append(sets, record.AddressSets(name, madeAddressTTL, addresses[name])...)
		}
	}
	return soa, sets
}

// hostmaster is the mailbox of RFC 2142 section 7; a zone whose name leaves no room for it stands for itself.
func hostmaster(zone record.Name) record.Name {
	if name, ok := zone.Child("hostmaster"); ok {
		return name
	}
	return zone
}
