package server

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"failoverdns/api"
	"failoverdns/record"
	"failoverdns/state"
	"failoverdns/zone"
)

func zoneRoutes() []route {
	one := []param{{"zone", "string", "its name"}}
	return []route{
		{method: http.MethodGet, path: "/v1/zones", least: accessRead, text: "all zones, or one",
			params: []param{{"zone", "string", "this one only"}}, answer: api.Zones{}, names: readsZones, read: readZones},
		{method: http.MethodGet, path: "/v1/zones/export", least: accessRead, text: "a zone as a zone file, with the answers as they are now",
			params: one, answer: api.ZoneText{}, names: readsZone, read: readZoneText},
		{method: http.MethodGet, path: "/v1/records", least: accessRead, text: "a zone's record sets, but for the SOA",
			params: join(one, []param{{"name", "string", "of this name only; without a final dot below the zone"}, {"type", "string", "of this type only"}, {"dynamic", "boolean", "only dynamic ones"}}), answer: api.Records{}, names: readsZone, read: readRecords},
		{method: http.MethodPost, path: "/v1/records", least: accessOperate, text: "change dynamic record sets of a zone, all of them or none", body: api.RecordsRequest{}, answer: api.Written{}, write: writeRecords},
		{method: http.MethodPut, path: "/v1/zones", least: accessAdmin, text: "make a zone that no file declares", body: api.ZoneRequest{}, answer: api.Written{}, write: writeZone},
		{method: http.MethodDelete, path: "/v1/zones", least: accessAdmin, text: "delete a zone that no node's file declares any more",
			params: join(one, whoParams, []param{{"force", "boolean", "with the names that it steers, and its dynamic record sets"}}), answer: api.Written{}, write: writeZoneDelete},
	}
}

// readsZone is the reach of reads that name a zone.
func readsZone(_ *state.State, _ *http.Request, q url.Values) reach {
	name, err := record.ParseName(q.Get("zone"))
	if err != nil {
		return everywhere
	}
	return reach{zones: []record.Name{name}}
}

// readsZones is the reach of the list, which is shown whole: whoever has a name looks for its zone there.
func readsZones(st *state.State, r *http.Request, q url.Values) reach {
	if !q.Has("zone") {
		return reach{}
	}
	return readsZone(st, r, q)
}

// namedZone finds the zone that a read is about.
func (v *view) namedZone(q url.Values) (*state.Zone, error) {
	name, err := domainName("zone", q.Get("zone"))
	if err != nil {
		return nil, err
	}
	z, ok := v.st.Zones.Get(state.ZoneKey(name))
	if !ok {
		return nil, notFound("zone", "there is no zone %q; failoverctl zone list names them", q.Get("zone"))
	}
	return z, nil
}

func readZones(s *Server, _ *http.Request, q url.Values) (api.Answer, error) {
	v := s.view()
	out := &api.Zones{Meta: v.meta(), Zones: []api.Zone{}}
	if q.Has("zone") {
		z, err := v.namedZone(q)
		if err != nil {
			return nil, err
		}
		out.Zones = append(out.Zones, v.zone(z))
		return out, nil
	}
	for _, z := range v.st.Zones.All() {
		out.Zones = append(out.Zones, v.zone(z))
	}
	return out, nil
}

func readZoneText(s *Server, _ *http.Request, q url.Values) (api.Answer, error) {
	v := s.view()
	z, err := v.namedZone(q)
	if err != nil {
		return nil, err
	}
	var b strings.Builder
	if err := zone.Export(&b, v.st, z); err != nil {
		return nil, fmt.Errorf("export zone %s: %w", z.Name, err)
	}
	return &api.ZoneText{Meta: v.meta(), Zone: z.Name.String(), Text: b.String()}, nil
}

func readRecords(s *Server, _ *http.Request, q url.Values) (api.Answer, error) {
	v := s.view()
	z, err := v.namedZone(q)
	if err != nil {
		return nil, err
	}
	name, typ, err := nameAndType(z, q)
	if err != nil {
		return nil, err
	}
	dynamic, err := truth(q, "dynamic")
	if err != nil {
		return nil, err
	}
	out := &api.Records{Meta: v.meta(), Zone: z.Name.String(), Serial: z.Serial, Records: []api.RecordSet{}}
	for set := range v.sets(z, name) {
		if typ != 0 && set.Type != typ || dynamic && !z.Dynamic.Has(state.SetKey(set.Name, set.Type)) {
			continue
		}
		if out.More = len(out.Records) >= api.MaxRecords; out.More {
			break
		}
		out.Records = append(out.Records, v.recordSet(z, set))
	}
	return out, nil
}

func nameAndType(z *state.Zone, q url.Values) (name record.Name, typ record.Type, err error) {
	if q.Get("name") != "" {
		if name, err = nameBelow(z.Name, q.Get("name")); err != nil {
			return "", 0, invalid("name", "name %q: %s", q.Get("name"), err)
		}
	}
	if q.Get("type") != "" {
		if typ, err = zone.ParseType(q.Get("type")); err != nil {
			return "", 0, invalid("type", "%s", err)
		}
	}
	return name, typ, nil
}

// nameBelow reads a name; without a final dot it stands below the zone, unless it is written out to the zone's end.
func nameBelow(z record.Name, s string) (record.Name, error) {
	if n, err := record.ParseName(s); err == nil && n.Under(z) && z != record.Root {
		return n, nil
	}
	return record.ParseNameIn(s, z)
}
