package failover

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"time"

	"failoverdns/api/server"
	"failoverdns/node"
)

// expiresSoon is before the end of a certificate when -check warns, as a running node does.
const expiresSoon = 30 * 24 * time.Hour

// warnFiles opens the files that a node's start or reload would, and judges them as it would. It warns only, for -check
// may run on another machine than the server.
func warnFiles(cfg *node.Config) []string {
	w := append(warnCluster(cfg), warnAdmin(cfg.Admin)...)
	if cfg.Join != nil {
		w = append(w, unreadable("the join token", "failoverctl token create --join", cfg.Join.TokenFile)...)
	}
	return w
}

// unreadable tells of the files that are not there, or not for this user.
func unreadable(what, next string, files ...string) (w []string) {
	for _, file := range files {
		f, err := os.Open(file)
		if err != nil {
			w = append(w, fmt.Sprintf("%s cannot be read here: %v; the node does not start without it (%s)", what, err, next))
			continue
		}
		_ = f.Close()
	}
	return w
}

func warnCluster(cfg *node.Config) []string {
	if cfg.TLS == nil {
		return nil
	}
	if w := unreadable("a certificate file", "failoverctl cert issue", cfg.TLS.Cert, cfg.TLS.Key, cfg.TLS.CA); w != nil {
		return w
	}
	id, expires, err := cfg.TLS.Look()
	switch {
	case err != nil:
		return []string{fmt.Sprintf("the cluster's certificate is not good: %v", err)}
	case cfg.ID != "" && id != cfg.ID:
		return []string{fmt.Sprintf("%q is the certificate of node %q, and this node is %q", cfg.TLS.Cert, id, cfg.ID)}
	}
	return ending(cfg.TLS.Cert, expires)
}

func warnAdmin(c node.AdminConfig) []string {
	expires, err := server.LookAt(c)
	switch {
	case errors.Is(err, fs.ErrNotExist), errors.Is(err, fs.ErrPermission):
		return []string{fmt.Sprintf("a file of the admin API cannot be read here: %v; the node does not start without it", err)}
	case err != nil:
		return []string{fmt.Sprintf("the admin API would not start: %v", err)}
	case c.TLS == nil:
		return nil
	}
	return ending(c.TLS.Cert, expires)
}

func ending(file string, at time.Time) []string {
	switch left := time.Until(at); {
	case left < 0:
		return []string{fmt.Sprintf("the certificate %q ended on %s: whoever looks at it refuses it", file, at.UTC().Format(time.DateOnly))}
	case left < expiresSoon:
		return []string{fmt.Sprintf("the certificate %q ends on %s, in %s", file, at.UTC().Format(time.DateOnly), left.Round(time.Hour))}
	}
	return nil
}
