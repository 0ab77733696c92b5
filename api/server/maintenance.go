package server

import (
	"fmt"
	"net/http"
	"net/url"
	"time"

	"failoverdns/api"
	"failoverdns/state"
)

func maintenanceRoutes() []route {
	return []route{
		{method: http.MethodGet, path: "/v1/maintenance", least: accessRead, text: "maintenance windows, those that are over too", answer: api.Maintenance{}, read: readMaintenance},
		{method: http.MethodPost, path: "/v1/maintenance", least: accessOperate, text: "plan an override ahead", body: api.MaintenanceRequest{}, answer: api.Written{}, write: writeMaintenance},
		{method: http.MethodDelete, path: "/v1/maintenance", least: accessOperate, text: "cancel a maintenance window before its start",
			params: join([]param{{"id", "integer", "of the window"}}, whoParams), answer: api.Written{}, write: writeCancelMaintenance},
	}
}

func readMaintenance(s *Server, _ *http.Request, _ url.Values) (api.Answer, error) {
	v := s.view()
	out := &api.Maintenance{Meta: v.meta(), Windows: []api.Window{}}
	for _, w := range v.st.Windows.All() {
		out.Windows = append(out.Windows, v.window(w))
	}
	return out, nil
}

func (v *view) window(w *state.Window) api.Window {
	out := api.Window{
		ID: w.ID, Scope: string(w.Scope), Target: w.Target, Word: string(w.Word), Forced: w.Force, BreakGlass: w.BreakGlass, Author: w.Author, Reason: w.Reason,
		Planned: utc(w.Wall), Starts: v.wall(w.Starts), Ends: v.wallOr(w.Ends), Why: w.Why, Standing: string(w.Outcome),
	}
	switch {
	case v.st.Running(w):
		out.Standing = api.WindowRunning
		o, _ := v.st.Overrides.Get(state.OverrideKey(w.Scope, w.Target))
		out.Ends = v.wallOr(o.Expires)
	case w.Outcome == state.WindowStarted:
		out.Standing = api.WindowEnded
	case w.Outcome == "":
		out.Standing = api.WindowPlanned
		out.Overdue = v.overdue(&out.Starts)
	}
	return out
}

// windows are those that people should have in mind: planned and running ones, and refused ones until their end would
// have come.
func (v *view) windows() (out []api.Window) {
	for _, w := range v.st.Windows.All() {
		switch x := v.window(w); x.Standing {
		case api.WindowPlanned, api.WindowRunning:
			out = append(out, x)
		case api.WindowRefused:
			if x.Ends.After(v.now) {
				out = append(out, x)
			}
		}
	}
	return out
}

// windowNotes tell of windows that start soon, that should have started, and that were refused.
func (v *view) windowNotes(windows []api.Window, add func(code, next, format string, args ...any)) {
	for i := range windows {
		w := &windows[i]
		what := fmt.Sprintf("maintenance window %d of %s (%s %s %s: %s)", w.ID, w.Author, w.Scope, w.Target, w.Word, w.Reason)
		cancel := fmt.Sprintf("failoverctl maintenance cancel %d --reason TEXT", w.ID)
		left := w.Starts.Sub(v.now).Round(time.Second)
		switch {
		case w.Standing == api.WindowRefused:
			add(api.NoteMaintenance, "failoverctl maintenance list", "%s did not start, and has no effect: %s", what, w.Why)
		case w.Overdue:
			add(api.NoteMaintenance, cancel, "%s should have started at %s: nothing starts without a leader", what, clockText(w.Starts))
		case w.Standing == api.WindowPlanned && left < endsSoon:
			add(api.NoteMaintenance, cancel, "%s starts at %s, in %s", what, clockText(w.Starts), left)
		}
	}
}

func writeMaintenance(w http.ResponseWriter, r *http.Request) (state.Body, string, error) {
	var q api.MaintenanceRequest
	if err := decode(w, r, &q); err != nil {
		return nil, "", err
	}
	c := &state.PlanWindow{Scope: state.Scope(q.Scope), Target: q.Target, Word: state.Word(q.Word), Reason: q.Reason, Force: q.Force, BreakGlass: q.BreakGlass}
	var err error
	if c.For, err = time.ParseDuration(q.For); err != nil {
		return nil, "", invalid("for", "for %q is no duration; write it like 2h", q.For)
	}
	if q.At != nil {
		c.At = q.At.UTC()
	}
	if q.In != "" {
		if c.In, err = time.ParseDuration(q.In); err != nil {
			return nil, "", invalid("in", "in %q is no duration; write it like 30m", q.In)
		}
	}
	return c, q.Author, who(q.Who)
}

func writeCancelMaintenance(_ http.ResponseWriter, r *http.Request) (state.Body, string, error) {
	q := r.URL.Query()
	id, err := number(q, "id")
	if err != nil {
		return nil, "", err
	}
	by := api.Who{Author: q.Get("author"), Reason: q.Get("reason")}
	return &state.CancelWindow{Window: id, Reason: by.Reason}, by.Author, who(by)
}
