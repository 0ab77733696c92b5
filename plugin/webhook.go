package failover

import (
	"fmt"
	"net/url"
	"strings"

	"golang.org/x/net/http/httpguts"

	"failoverdns/node"
	"failoverdns/record"
	"failoverdns/webhook"
)

// hook is a line "webhook" with its block.
type hook struct {
	at   *line
	root string
	webhook.Target
}

var webhookProperties = map[string]property[hook]{
	"events":  {usage: "events TYPE...", least: 1, most: many, repeat: true, read: readEvents},
	"secret":  {usage: "secret file:PATH", least: 1, most: 1, read: readSecret},
	"format":  {usage: "format failover|alertmanager", least: 1, most: 1, read: readFormat},
	"timeout": {usage: "timeout 10s", least: 1, most: 1, read: readWebhookTimeout},
	"header":  {usage: "header NAME file:PATH", least: 2, most: 2, repeat: true, read: readWebhookHeader},
}

func readWebhook(c *local, l *line) error {
	h := &hook{at: l, root: c.root, Target: webhook.Target{Format: webhook.Failover, Timeout: webhook.DefaultTimeout}}
	if err := h.readURL(l); err != nil {
		return err
	}
	if err := readBlock(h, "a webhook", l.block, webhookProperties); err != nil {
		return err
	}
	c.webhooks = append(c.webhooks, h)
	return nil
}

// readURL takes [NAME] URL|file:PATH. Without a name it is the URL's host.
func (h *hook) readURL(l *line) error {
	target := l.args()[len(l.args())-1]
	if file, ok := strings.CutPrefix(target, "file:"); ok {
		if file == "" || len(l.args()) == 1 {
			return l.errorf("a webhook whose URL stands in a file needs a name and the path; write: webhook pager file:PATH")
		}
		h.URLFile = path(h.root, file)
	} else {
		u, err := webhook.CheckURL(target)
		if err != nil {
			return l.errorf("webhook %q: %w", target, err)
		}
		h.URL, h.Name = u.String(), u.Hostname()
	}
	if len(l.args()) == 2 {
		name, err := l.label("webhook", l.args()[0])
		if err != nil {
			return err
		}
		h.Name = name
	}
	return nil
}

func readEvents(h *hook, l *line) error {
	for _, pattern := range l.args() {
		if err := webhook.CheckPattern(pattern); err != nil {
			return l.errorf("%w", err)
		}
		h.Events = append(h.Events, pattern)
	}
	return nil
}

// readSecret takes a path only: what stands in a Corefile is read by too many.
func readSecret(h *hook, l *line) error {
	file, ok := strings.CutPrefix(l.args()[0], "file:")
	if !ok || file == "" {
		return l.errorf("a webhook's secret stands in a file of its own; write: secret file:PATH")
	}
	h.Secret = path(h.root, file)
	return nil
}

func readFormat(h *hook, l *line) error {
	w, err := l.oneOf(l.args()[0], string(webhook.Failover), string(webhook.Alertmanager))
	h.Format = webhook.Format(w)
	return err
}

func readWebhookTimeout(h *hook, l *line) error {
	d, err := l.duration(l.args()[0])
	if err == nil && d > webhook.MaxTimeout {
		return l.errorf("timeout %s is more than %s", d, webhook.MaxTimeout)
	}
	h.Timeout = d
	return err
}

func readWebhookHeader(h *hook, l *line) error {
	name, value := l.args()[0], l.args()[1]
	file, ok := strings.CutPrefix(value, "file:")
	switch {
	case !httpguts.ValidHeaderFieldName(name):
		return l.errorf("header %q is no name of a header field; write it without a colon (RFC 9110 section 5.1)", name)
	case webhook.Reserved(name):
		return l.errorf("header %q is set by the server itself", name)
	case !ok || file == "":
		return l.errorf("header %s of a webhook has its value in a file; write: header %s file:PATH", name, name)
	}
	for _, other := range h.Headers {
		if strings.EqualFold(other.Name, name) {
			return l.errorf("header %q is given twice in this webhook", name)
		}
	}
	h.Headers = append(h.Headers, webhook.Header{Name: name, File: path(h.root, file)})
	return nil
}

// checkWebhooks refuses two of one name: the cluster remembers by it what was delivered.
func (c *corefile) checkWebhooks(*node.Config) error {
	first := map[string]*line{}
	for _, b := range c.blocks {
		for _, h := range b.local.webhooks {
			if f := first[h.Name]; f != nil {
				return h.at.errorf("a second webhook named %q, the first is at %s; give it a name: webhook NAME URL", h.Name, f.at())
			}
			first[h.Name] = h.at
		}
	}
	return nil
}

// warnWebhooks looks for receivers that are reached by names which this cluster moves: what tells of a failover should
// not depend on it.
func warnWebhooks(cfg *node.Config) (w []string) {
	for _, t := range cfg.Webhooks {
		u, err := url.Parse(t.URL)
		if err != nil || t.URL == "" {
			continue
		}
		host, err := record.ParseName(u.Hostname())
		if err != nil {
			continue
		}
		for _, d := range cfg.Declarations {
			if host.Under(d.Zone) {
				w = append(w, fmt.Sprintf("webhook %s goes to %s, a name in the zone %s, which this cluster serves: what tells of a failover should not depend on it", t.Name, host.Bare(), d.Zone.Bare()))
			}
		}
		if u.Scheme == "http" && !loopback(u.Hostname()) && (t.Secret == "" || len(t.Headers) > 0) {
			w = append(w, fmt.Sprintf("webhook %s goes over http: whoever is on the way can read it%s; use https", t.Name, map[bool]string{true: ", its headers included", false: ""}[len(t.Headers) > 0]))
		}
	}
	return w
}
