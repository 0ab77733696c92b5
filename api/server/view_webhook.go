package server

import (
	"errors"
	"net/http"
	"net/url"
	"time"

	"failoverdns/api"
	"failoverdns/node"
	"failoverdns/state"
)

func readWebhooks(s *Server, _ *http.Request, _ url.Values) (api.Answer, error) {
	v := s.view()
	return &api.Webhooks{Meta: v.meta(), Webhooks: v.webhooks(s.node.Webhooks())}, nil
}

// webhooks are the configured ones in their order, then those of which only marks are left.
func (v *view) webhooks(configured []node.Webhook) []api.Webhook {
	out, known := []api.Webhook{}, map[string]bool{}
	for _, h := range configured {
		w := api.Webhook{Name: h.Name, Configured: true, Format: h.Format, Events: h.Events, Signed: h.Signed, Pending: h.Pending}
		if mark, ok := v.st.Deliveries.Get(h.Name); ok {
			marked(&w, mark)
		}
		out, known[h.Name] = append(out, w), true
	}
	for name, mark := range v.st.Deliveries.All() {
		if !known[name] {
			w := api.Webhook{Name: name}
			marked(&w, mark)
			out = append(out, w)
		}
	}
	return out
}

func marked(w *api.Webhook, mark *state.Delivery) {
	w.Through, w.Sent, w.Lost, w.Last, w.Failing, w.Error = mark.Through, mark.Sent, mark.Lost, at(mark.Last), at(mark.Failing), mark.Error
}

func writeForgetWebhook(_ http.ResponseWriter, r *http.Request) (state.Body, string, error) {
	q := r.URL.Query()
	by := api.Who{Author: q.Get("author"), Reason: q.Get("reason")}
	return &state.ForgetWebhook{Webhook: q.Get("webhook"), Reason: by.Reason}, by.Author, who(by)
}

// serveWebhookTest has this node send a test at once: a failure is an answer, not an error.
func (s *Server) serveWebhookTest(w http.ResponseWriter, r *http.Request) {
	var q api.WebhookTestRequest
	if err := decode(w, r, &q); err != nil {
		s.fail(w, r, err)
		return
	}
	began := time.Now()
	err := s.node.TryWebhook(r.Context(), q.Webhook)
	if errors.Is(err, node.ErrNoWebhook) {
		s.fail(w, r, notFound("webhook", "the configuration of %s has no webhook %q; failoverctl webhook list names them", s.node.Status().ID, q.Webhook))
		return
	}
	out := &api.WebhookTest{Meta: s.view().meta(), Webhook: q.Webhook, Delivered: err == nil, Took: micros(time.Since(began))}
	if err != nil {
		out.Error = err.Error()
	}
	s.send(w, http.StatusOK, api.JSON, out)
}

// webhookNotes tells of receivers that take nothing, and of those that this node would not tell anything.
func (v *view) webhookNotes(hooks []api.Webhook, add func(code, next, format string, args ...any)) {
	for _, h := range hooks {
		switch {
		case h.Failing != nil:
			add(api.NoteWebhook, "failoverctl webhook list", "webhook %s has taken nothing since %s (%s); %s", h.Name, clockText(*h.Failing), h.Error, eventsWait(h.Pending))
		case !h.Configured && v.node.Leader == v.node.ID:
			add(api.NoteWebhook, "failoverctl webhook forget "+h.Name+" --reason TEXT", "%s leads, and its file has no webhook %s: nothing is delivered to it; put it into the file, or have it forgotten", v.node.ID, h.Name)
		}
	}
}

func eventsWait(n int) string {
	if n == 1 {
		return "1 event waits"
	}
	return plural(n, "event") + " wait"
}
