package failover

import (
	"context"
	"fmt"
	"log/slog"
	"strings"

	clog "github.com/coredns/coredns/plugin/pkg/log"
)

// logHandler lets the parts that know no CoreDNS write into its log, in its form. Debug lines appear with the plugin
// debug.
type logHandler struct {
	attrs string // " key=value" of With, in front of a record's own
	group string // "name." in front of keys
}

func (h logHandler) Enabled(_ context.Context, l slog.Level) bool {
	return l >= slog.LevelInfo || clog.D.Value()
}

func (h logHandler) Handle(_ context.Context, r slog.Record) error {
	var b strings.Builder
	b.WriteString(r.Message)
	b.WriteString(h.attrs)
	r.Attrs(func(a slog.Attr) bool {
		b.WriteString(attribute(h.group, a))
		return true
	})
	write := log.Info
	switch {
	case r.Level >= slog.LevelError:
		write = log.Error
	case r.Level >= slog.LevelWarn:
		write = log.Warning
	case r.Level < slog.LevelInfo:
		write = log.Debug
	}
	write(b.String())
	return nil
}

func attribute(group string, a slog.Attr) string {
	v := a.Value.Resolve().String()
	if v == "" || strings.ContainsAny(v, " \"=\n\r\t") {
		v = fmt.Sprintf("%q", v)
	}
	return " " + group + a.Key + "=" + v
}

func (h logHandler) WithAttrs(attrs []slog.Attr) slog.Handler {
	for _, a := range attrs {
		h.attrs += attribute(h.group, a)
	}
	return h
}

func (h logHandler) WithGroup(group string) slog.Handler {
	h.group += group + "."
	return h
}
