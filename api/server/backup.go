package server

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"mime"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"failoverdns/api"
	"failoverdns/archive"
	"failoverdns/raftstore"
	"failoverdns/state"
)

// backupTimeout bounds how long a backup may travel, in or out.
const backupTimeout = 5 * time.Minute

// backups is what a node gives for them.
type backups interface {
	// Archive is this node's state as a backup holds it; it asks nobody.
	Archive() (archive.Meta, []byte, error)

	// PlanRecovery says what recovering this node without the members that are not kept would mean.
	PlanRecovery(ctx context.Context, keep []string, force bool) (*raftstore.Recovery, error)

	// Recover does it.
	Recover(ctx context.Context, r *raftstore.Recovery, author, source, reason string) error
}

// backupRoutes are for whoever may do all, in all zones.
func backupRoutes() []route {
	force := []param{{"force", "boolean", "even if it ends the answers of a zone"}}
	return []route{
		{method: http.MethodGet, path: "/v1/snapshot", text: "a backup of the state, with all that the leader had acknowledged: a gzip'd tar",
			params: []param{{"stale", "boolean", "what this node has, without asking a leader"}}, names: readsAll, special: (*Server).serveBackup, media: api.Gzip},
		{method: http.MethodPost, path: "/v1/snapshot/restore", text: "put a backup's state into force, in place of the present one", media: api.Gzip,
			params: join([]param{{"name", "string", "of the backup, for people"}}, whoParams, force), answer: api.Written{}, write: writeRestore},
		{method: http.MethodPost, path: "/v1/recover", text: "after losing the majority for good: make a cluster of this node and those that it is to keep",
			params: []param{{"plan", "boolean", "only say what it means"}}, body: api.RecoverRequest{}, answer: api.Recovery{}, names: readsAll, special: (*Server).serveRecover},
	}
}

// serveBackup sends the state as a backup: all that the leader had acknowledged, unless the request takes less.
func (s *Server) serveBackup(w http.ResponseWriter, r *http.Request) {
	stale, err := truth(r.URL.Query(), "stale")
	if err == nil && !stale {
		err = s.ready(r.Context(), url.Values{"consistent": {""}})
	}
	if err != nil {
		s.fail(w, r, err)
		return
	}
	m, st, err := s.node.Archive()
	if err != nil {
		s.fail(w, r, err)
		return
	}
	m.Stale = stale
	var b bytes.Buffer
	if err := archive.Write(&b, m, st); err != nil {
		s.fail(w, r, err)
		return
	}
	patience(w)
	h := w.Header()
	h.Set("Content-Type", api.Gzip)
	h.Set("Content-Length", strconv.Itoa(b.Len()))
	h.Set("Cache-Control", "no-store")
	_, _ = w.Write(b.Bytes()) // a client that left is no fault
}

// patience lets a large body take longer than an ordinary one. A server that knows no deadlines has none to move.
func patience(w http.ResponseWriter) {
	c := http.NewResponseController(w)
	_ = c.SetReadDeadline(time.Now().Add(backupTimeout))
	_ = c.SetWriteDeadline(time.Now().Add(backupTimeout))
}

// writeRestore reads a backup whole before anything is proposed. Its members are ignored: the cluster keeps its own.
func writeRestore(w http.ResponseWriter, r *http.Request) (state.Body, string, error) {
	q := r.URL.Query()
	force, err := truth(q, "force")
	if err != nil {
		return nil, "", err
	}
	if err := text("name", q.Get("name"), false); err != nil {
		return nil, "", err
	}
	media, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err != nil || media != api.Gzip {
		return nil, "", &api.Problem{Status: http.StatusUnsupportedMediaType, Code: api.CodeMediaType,
			Detail: "send the header Content-Type: " + api.Gzip + ", not " + strconv.Quote(r.Header.Get("Content-Type"))}
	}
	patience(w)
	b, err := io.ReadAll(http.MaxBytesReader(w, r.Body, api.MaxBackup))
	if err != nil {
		return nil, "", &api.Problem{Status: http.StatusRequestEntityTooLarge, Code: api.CodeTooLarge, Detail: fmt.Sprintf("the backup does not arrive whole: %v", err)}
	}
	body, err := restoring(b, q.Get("name"))
	if err != nil {
		return nil, "", err
	}
	by := api.Who{Author: q.Get("author"), Reason: q.Get("reason")}
	body.Reason, body.Force = by.Reason, force
	return body, by.Author, who(by)
}

// restoring is the command that a backup means.
func restoring(b []byte, name string) (*state.Restore, error) {
	m, st, err := archive.Read(bytes.NewReader(b))
	if err != nil {
		return nil, invalid("", "%s; nothing was changed", err)
	}
	packed, err := state.Pack(st)
	if err != nil {
		return nil, err
	}
	source := fmt.Sprintf("a backup of index %d, taken by %s at %s", m.Index, m.Node, m.Time.Format(time.RFC3339))
	if name != "" {
		source = name + ", " + source
	}
	body := &state.Restore{State: packed, Source: source}
	if _, err := body.Archived(); err != nil {
		return nil, invalid("", "%s; nothing was changed", err)
	}
	return body, nil
}
