package api

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/url"
)

// Gzip is the media type of a backup.
const Gzip = "application/gzip"

// MaxBackup bounds a backup that is sent, in bytes.
const MaxBackup = 64 << 20

// RestoreRequest is POST /v1/snapshot/restore; its fields travel in the query, and the backup is the body.
type RestoreRequest struct {
	Who
	Name  string // of the file, for people
	Force bool
}

// Backup asks for a backup of the state, of all that the leader had acknowledged, or with stale of what the node has. It
// is an archive as sha256sum and tar can look into.
func (c *Client) Backup(ctx context.Context, stale bool) ([]byte, error) {
	q := url.Values{}
	if stale {
		q.Set("stale", "")
	}
	var b []byte
	err := c.do(ctx, &call{method: http.MethodGet, path: "/v1/snapshot", query: q, raw: &b}, nil)
	return b, err
}

// Restore puts a backup's state into force. With plan nothing is written.
func (c *Client) Restore(ctx context.Context, r RestoreRequest, backup io.Reader, plan bool) (*Written, error) {
	b, err := io.ReadAll(io.LimitReader(backup, MaxBackup+1))
	switch {
	case err != nil:
		return nil, fmt.Errorf("read the backup: %w", err)
	case len(b) > MaxBackup:
		return nil, fmt.Errorf("the backup has more than %d bytes", MaxBackup)
	}
	q := r.Who.query()
	q.Set("name", r.Name)
	setForce(q, r.Force)
	return c.send(ctx, &call{method: http.MethodPost, path: "/v1/snapshot/restore", query: q, body: b, media: Gzip}, plan)
}
