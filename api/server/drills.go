package server

import (
	"net/http"
	"net/url"
	"slices"
	"time"

	"failoverdns/api"
	"failoverdns/state"
)

func drillRoutes() []route {
	return []route{
		{method: http.MethodGet, path: "/v1/drills", least: accessRead, text: "drills, newest first, each with its report",
			params: []param{{"id", "integer", "this one only"}}, answer: api.Drills{}, read: readDrills},
		{method: http.MethodPost, path: "/v1/drills", least: accessOperate, text: "rehearse a failover that ends by itself", body: api.DrillRequest{}, answer: api.Written{}, write: writeDrill},
		{method: http.MethodDelete, path: "/v1/drills", least: accessOperate, text: "end a drill before its time",
			params: join([]param{{"id", "integer", "of the drill"}}, whoParams), answer: api.Written{}, write: writeAbortDrill},
	}
}

func readDrills(s *Server, _ *http.Request, q url.Values) (api.Answer, error) {
	id, err := number(q, "id")
	if err != nil {
		return nil, err
	}
	v := s.view()
	out := &api.Drills{Meta: v.meta(), Drills: []api.Drill{}}
	for _, d := range v.st.Drills.All() {
		if id == 0 || d.ID == id {
			out.Drills = append(out.Drills, v.drill(d))
		}
	}
	if id != 0 && len(out.Drills) == 0 {
		return nil, notFound("id", "there is no drill %d, or it is no longer kept", id)
	}
	slices.Reverse(out.Drills)
	if id == 0 {
		out.Schedules = v.schedules()
	}
	return out, nil
}

func (v *view) schedules() (out []api.Schedule) {
	for _, g := range v.st.Groups.All() {
		for _, d := range g.Drills {
			s := api.Schedule{Group: g.Name, Text: d.String()}
			if g.DrillSeen > 0 {
				last := time.Unix(g.DrillSeen, 0).UTC()
				s.Last = &last
			}
			out = append(out, s)
		}
	}
	return out
}

func (v *view) drill(d *state.Drill) api.Drill {
	caches := time.Duration(d.TTL) * time.Second
	out := api.Drill{
		ID: d.ID, Group: d.Group, From: d.From, To: d.To, Author: d.Author, Reason: d.Reason, For: seconds(d.For), Outcome: "running", Why: d.Why,
		Started: utc(d.Wall), Index: d.Index, OutAt: utc(d.Wall.Add(caches)), Out: drillTimes(d.Out), Return: drillTimes(d.Return), Health: []api.DrillHealth{},
	}
	for _, h := range d.Health {
		out.Health = append(out.Health, api.DrillHealth{At: utc(h.Wall), Up: h.Up, Healthy: h.Healthy, Of: h.Of})
	}
	if d.Outcome == "" {
		ends := utc(d.Wall.Add(d.For))
		out.Ends, out.Lasted = &ends, seconds(max(0, v.now.Sub(d.Wall)))
		return out
	}
	back := utc(d.EndWall.Add(caches))
	out.Outcome, out.Ended, out.BackAt, out.Back, out.Lasted = string(d.Outcome), at(d.EndWall), &back, d.Back, seconds(d.Ended-d.Started)
	return out
}

func drillTimes(times []state.DrillTime) []api.Swap {
	out := []api.Swap{}
	for _, t := range times {
		out = append(out, api.Swap{Node: t.Node, Leader: t.Leader, Error: t.Error, Commit: micros(t.Commit), Apply: micros(t.Apply), Swapped: micros(t.Swapped)})
	}
	return out
}

func writeDrill(w http.ResponseWriter, r *http.Request) (state.Body, string, error) {
	var q api.DrillRequest
	if err := decode(w, r, &q); err != nil {
		return nil, "", err
	}
	d, err := time.ParseDuration(q.For)
	if err != nil {
		return nil, "", invalid("for", "for %q is no duration; write it like 10m", q.For)
	}
	return &state.StartDrill{Group: q.Group, Site: q.Site, For: d, Reason: q.Reason}, q.Author, who(q.Who)
}

func writeAbortDrill(_ http.ResponseWriter, r *http.Request) (state.Body, string, error) {
	q := r.URL.Query()
	id, err := number(q, "id")
	if err != nil {
		return nil, "", err
	}
	by := api.Who{Author: q.Get("author"), Reason: q.Get("reason")}
	return &state.AbortDrill{Drill: id, Reason: by.Reason}, by.Author, who(by)
}
