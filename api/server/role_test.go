package server

import (
	"maps"
	"net/http"
	"testing"
	"time"

	"failoverdns/api"
	"failoverdns/health"
	"failoverdns/record"
	"failoverdns/state"
)

const mail = "mail.auth.example.com"

// twoGroups is a world whose sites serve two groups, of which one is pinned to the secondary.
func twoGroups(t *testing.T) *world {
	w := newWorld(t)
	d := declaration(health.Failback{Mode: health.FailbackAuto})
	second := d.Groups[0]
	second.Name, second.Cells = mail, []state.CellDecl{{Names: []record.Name{record.MustParseName(mail)}, TTL: 60}}
	d.Groups = append(d.Groups, second)
	w.must(&state.Declare{Node: "ns1", Incarnation: "i-ns1", Declarations: []*state.Declaration{d}})
	w.probing()
	w.must(&state.SetPin{Group: mail, Site: "aws", Reason: "a test", For: time.Hour})
	return w
}

func TestRoleThatDiffersByGroupIsRefusedWithEachGroupsRole(t *testing.T) {
	h := twoGroups(t).server().Handler()
	for site, want := range map[string]map[string]string{
		"azure": {"auth.example.com": roleActive, mail: roleStandby},
		"aws":   {"auth.example.com": roleStandby, mail: roleActive},
	} {
		res := get(h, "/v1/sites/"+site+"/role")
		p := decoded[api.Problem](t, res)
		if res.Code != http.StatusConflict || p.Code != api.CodeRole || !maps.Equal(p.Groups, want) {
			t.Errorf("%s: HTTP status %d, code %q, groups %v, want %v", site, res.Code, p.Code, p.Groups, want)
		}
		for group, role := range want {
			res := get(h, "/v1/sites/"+site+"/role?group="+group)
			if a := decoded[api.Role](t, res); res.Code != http.StatusOK || a.Role != role || !a.Quorum || a.Index == 0 {
				t.Errorf("%s in %s: HTTP status %d, %+v", site, group, res.Code, a)
			}
		}
	}
	if res := get(h, "/v1/sites/azure/role?group=nothing.example.com"); res.Code != http.StatusNotFound {
		t.Errorf("a group that is none: HTTP status %d", res.Code)
	}
}

func TestRoleIsUnknownAfterThirtySecondsWithoutALeaderAndNotBefore(t *testing.T) {
	for age, status := range map[time.Duration]int{0: 200, staleAfter: 200, staleAfter + time.Millisecond: 503, time.Hour: 503} {
		w := declared(t)
		w.status.StateAge, w.status.Quorum, w.status.Leader = age, age == 0, ""
		res := get(w.server().Handler(), "/v1/sites/azure/role")
		if res.Code != status {
			t.Errorf("after %s: HTTP status %d, want %d", age, res.Code, status)
		}
		if status == 200 {
			if a := decoded[api.Role](t, res); a.Role != roleActive || a.Quorum != (age == 0) || a.StateAge != age.Seconds() {
				t.Errorf("after %s: %+v", age, a)
			}
			continue
		}
		if p := decoded[api.Problem](t, res); p.Role != roleUnknown || res.Header().Get("Retry-After") == "" {
			t.Errorf("after %s: role %q, headers %v", age, p.Role, res.Header())
		}
	}
}
