package failover

import (
	"net/netip"
	"strconv"
	"strings"
	"time"

	"golang.org/x/net/http/httpguts"

	"failoverdns/health"
)

var checkProperties = map[string]property[check]{
	"interval":  {usage: "interval 10s", least: 1, most: 1, read: checkDuration(func(c *check) *time.Duration { return &c.spec.Interval })},
	"timeout":   {usage: "timeout 4s", least: 1, most: 1, read: checkDuration(func(c *check) *time.Duration { return &c.spec.Timeout })},
	"recheck":   {usage: "recheck 1s", least: 1, most: 1, read: checkDuration(func(c *check) *time.Duration { return &c.spec.Recheck })},
	"failures":  {usage: "failures 3, or failures 3 of 5", least: 1, most: 3, read: readFailures},
	"successes": {usage: "successes 3", least: 1, most: 1, read: readSuccesses},
	"dial":      {usage: "dial HOST[:PORT]", least: 1, most: 1, read: readDial},
	"method":    {usage: "method GET", least: 1, most: 1, read: readMethod},
	"header":    {usage: "header NAME VALUE|file:PATH (quote a value of several words)", least: 2, most: 2, repeat: true, read: readHeader},
	"status":    {usage: "status CODE|FROM-TO...", least: 1, most: many, read: readStatus},
	"match":     {usage: "match TEXT (quote a text of several words)", least: 1, most: 1, read: readMatch},
	"follow-redirects": {usage: "follow-redirects", read: func(c *check, l *line) error {
		c.spec.FollowRedirects = true
		return nil
	}},
	"insecure": {usage: "insecure", read: func(c *check, l *line) error {
		c.spec.Insecure = true
		return nil
	}},
	"server-name": {usage: "server-name NAME", least: 1, most: 1, read: readServerName},
}

// addCheck reads a line "check" of an owner that has some already.
func addCheck(have []*check, owner, root string, l *line) ([]*check, error) {
	c, err := readCheck(l, root)
	if err != nil {
		return nil, err
	}
	for _, o := range have {
		if o.name == c.name {
			return nil, l.errorf("%s has two checks named %q, the first at %s; give one a name: check NAME %s", owner, c.name, o.at.at(), c.spec.URL())
		}
	}
	return append(have, c), nil
}

func readCheck(l *line, root string) (*check, error) {
	args := l.args()
	spec, err := health.ParseURL(args[len(args)-1])
	if err != nil {
		return nil, l.errorf("check: %w", err)
	}
	c := &check{at: l, name: string(spec.Kind), root: root, spec: spec}
	if len(args) == 2 {
		if c.name, err = l.label("check", args[0]); err != nil {
			return nil, err
		}
	}
	if err := readBlock(c, "a check", l.block, checkProperties); err != nil {
		return nil, err
	}
	if err := c.spec.Complete(); err != nil {
		return nil, l.errorf("check %q: %w", c.name, err)
	}
	return c, nil
}

func checkDuration(field func(*check) *time.Duration) func(*check, *line) error {
	return func(c *check, l *line) (err error) {
		*field(c), err = l.duration(l.args()[0])
		return err
	}
}

func readFailures(c *check, l *line) (err error) {
	args := l.args()
	if len(args) == 2 || len(args) == 3 && args[1] != "of" {
		return l.errorf("failures %q is neither a number nor a count in a window; write: failures 3, or failures 3 of 5", strings.Join(args, " "))
	}
	if c.spec.Failures, err = l.number(args[0], 1, health.MaxCount); err != nil {
		return err
	}
	if len(args) == 3 {
		c.spec.Window, err = l.number(args[2], c.spec.Failures, health.MaxCount)
	}
	return err
}

func readSuccesses(c *check, l *line) (err error) {
	c.spec.Successes, err = l.number(l.args()[0], 1, health.MaxCount)
	return err
}

func readDial(c *check, l *line) error {
	host, _, err := health.ParseDial(l.args()[0])
	if err != nil {
		return l.errorf("%w", err)
	}
	if _, err := netip.ParseAddr(host); err != nil {
		if _, err := l.absolute(host); err != nil {
			return err
		}
	}
	c.dialAt, c.spec.Dial = l, l.args()[0]
	return nil
}

// dialHost is the host of "dial", or "".
func (c *check) dialHost() string {
	if c.dialAt == nil {
		return ""
	}
	host, _, _ := health.ParseDial(c.spec.Dial) // it was read before
	return host
}

func readMethod(c *check, l *line) error {
	m := l.args()[0]
	if !httpguts.ValidHeaderFieldName(m) || m != strings.ToUpper(m) {
		return l.errorf("method %q is no HTTP method; they are in capitals, like GET or HEAD (RFC 9110 section 9.1)", m)
	}
	c.spec.Method = m
	return nil
}

func readHeader(c *check, l *line) error {
	name, value := l.args()[0], l.args()[1]
	switch {
	case !httpguts.ValidHeaderFieldName(name):
		return l.errorf("header %q is no name of a header field; write it without a colon (RFC 9110 section 5.1)", name)
	case strings.EqualFold(name, "Host"):
		return l.errorf("header %q: the Host is that of the check's URL; change the URL", name)
	}
	for _, h := range c.spec.Headers {
		if strings.EqualFold(h.Name, name) {
			return l.errorf("header %q is given twice in this check", name)
		}
	}
	h := health.Header{Name: name}
	if file, ok := strings.CutPrefix(value, "file:"); ok {
		if file == "" {
			return l.errorf("header %s file: lacks the path", name)
		}
		h.File = path(c.root, file)
	} else if h.Value = value; !httpguts.ValidHeaderFieldValue(value) {
		return l.errorf("header %s: %q cannot be sent, it has control characters", name, value)
	}
	c.spec.Headers = append(c.spec.Headers, h)
	return nil
}

func readStatus(c *check, l *line) error {
	for _, w := range l.args() {
		from, to, isRange := strings.Cut(w, "-")
		if !isRange {
			to = from
		}
		f, err1 := strconv.Atoi(from)
		t, err2 := strconv.Atoi(to)
		if err1 != nil || err2 != nil || f < 100 || t > 599 || f > t {
			return l.errorf("status %q is neither a status code from 100 to 599 nor a range of them; write it like 200 or 200-299", w)
		}
		c.spec.Status = append(c.spec.Status, health.StatusRange{From: f, To: t})
	}
	return nil
}

func readMatch(c *check, l *line) error {
	c.spec.Match = l.args()[0]
	return nil
}

func readServerName(c *check, l *line) error {
	n, err := l.absolute(l.args()[0])
	if err != nil {
		return err
	}
	c.spec.ServerName = n.Bare()
	return nil
}
