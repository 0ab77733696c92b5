package server

import (
	"errors"
	"fmt"
	"net/http"
	"net/netip"

	"failoverdns/api"
	"failoverdns/record"
	"failoverdns/state"
	"failoverdns/zone"
)

func writeRecords(w http.ResponseWriter, r *http.Request) (state.Body, string, error) {
	var q api.RecordsRequest
	if err := decodeUpTo(api.MaxRecordsBody, w, r, &q); err != nil {
		return nil, "", err
	}
	name, err := domainName("zone", q.Zone)
	if err != nil {
		return nil, "", err
	}
	c := &state.ChangeRecords{Zone: name, Reason: q.Reason}
	for i := range q.Changes {
		x, err := recordChange(name, &q.Changes[i])
		if err != nil {
			return nil, "", invalid(fmt.Sprintf("changes[%d]", i), "%s %s: %s", q.Changes[i].Name, q.Changes[i].Type, err)
		}
		c.Changes = append(c.Changes, x)
	}
	return c, q.Author, errors.Join(text("author", q.Author, true), text("reason", q.Reason, false))
}

func recordChange(z record.Name, q *api.RecordChange) (c state.RecordChange, err error) {
	c = state.RecordChange{Verb: state.RecordVerb(q.Verb), TTL: q.TTL, Version: q.Version}
	if c.Name, err = nameBelow(z, q.Name); err != nil {
		return c, err
	}
	if c.Type, err = zone.ParseType(q.Type); err != nil {
		return c, err
	}
	for _, s := range q.Data {
		d, err := zone.ParseData(c.Type, s, z)
		if err != nil {
			return c, fmt.Errorf("the data %.100q: %w", s, err)
		}
		c.Data = append(c.Data, d)
	}
	return c, nil
}

func writeZone(w http.ResponseWriter, r *http.Request) (state.Body, string, error) {
	var q api.ZoneRequest
	if err := decode(w, r, &q); err != nil {
		return nil, "", err
	}
	name, err := domainName("zone", q.Zone)
	if err != nil {
		return nil, "", err
	}
	servers, err := nameServers(name, q.NameServers)
	if err != nil {
		return nil, "", err
	}
	if q.TTL == 0 {
		q.TTL = defaultZoneTTL
	}
	soa, sets := zone.Made(name, servers, q.TTL)
	return &state.CreateZone{Zone: name, SOA: soa, Sets: sets, Replace: q.Replace, Reason: q.Reason}, q.Author, who(q.Who)
}

// defaultZoneTTL is that of negative answers in a zone that is made by command, in seconds: such zones are for what
// comes and goes.
const defaultZoneTTL = 60

func nameServers(z record.Name, list []api.NameServer) (out []zone.NameServer, err error) {
	if len(list) == 0 {
		return nil, invalid("nameservers", "a zone needs a name server")
	}
	for _, s := range list {
		n := zone.NameServer{}
		if n.Name, err = domainName("nameservers", s.Name); err != nil {
			return nil, err
		}
		for _, a := range s.Addresses {
			ip, err := netip.ParseAddr(a)
			if err != nil || ip.Zone() != "" {
				return nil, invalid("nameservers", "the address %q of name server %s is none", a, s.Name)
			}
			n.Addresses = append(n.Addresses, ip)
		}
		if n.Name.Under(z) && len(n.Addresses) == 0 {
			return nil, invalid("nameservers", "name server %s stands within the zone, and needs its addresses here", s.Name)
		}
		out = append(out, n)
	}
	return out, nil
}

func writeZoneDelete(_ http.ResponseWriter, r *http.Request) (state.Body, string, error) {
	q := r.URL.Query()
	force, err := truth(q, "force")
	if err != nil {
		return nil, "", err
	}
	name, err := domainName("zone", q.Get("zone"))
	if err != nil {
		return nil, "", err
	}
	by := api.Who{Author: q.Get("author"), Reason: q.Get("reason")}
	return &state.DeleteZone{Zone: name, Reason: by.Reason, Force: force}, by.Author, who(by)
}
