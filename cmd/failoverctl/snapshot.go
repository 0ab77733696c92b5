package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"failoverdns/api"
	"failoverdns/archive"
)

func snapshotCommand(s *session) *cobra.Command {
	c := group("snapshot", "Backups of the cluster's state", snapshotSave(s), snapshotInspect(s), snapshotRestore(s))
	c.Long = "snapshot saves what the cluster agreed on, and puts it back: zones, sites, checks and their verdicts, overrides, pins,\ntokens (by their hashes) and history. Members belong to a cluster, and are not restored.\n\nA backup is a gzip'd tar with checksums; tar xzf and sha256sum -c SHA256SUMS look into it without this program."
	return c
}

func snapshotSave(s *session) *cobra.Command {
	stale := false
	c := &cobra.Command{Use: "save FILE", Short: "Write a backup of the state to a file", Args: cobra.ExactArgs(1), RunE: func(c *cobra.Command, args []string) error {
		client, err := s.client()
		if err != nil {
			return err
		}
		b, err := client.Backup(c.Context(), stale)
		if err != nil {
			return err
		}
		m, st, err := archive.Read(bytes.NewReader(b))
		if err != nil {
			return fmt.Errorf("what the server sent is not whole, and nothing was written: %w", err)
		}
		if err := archive.Save(args[0], func(w io.Writer) error { _, err := w.Write(b); return err }); err != nil {
			return fmt.Errorf("write the backup: %w", err)
		}
		return s.showBackup(args[0], m, st, fmt.Sprintf("Saved to %s, %d bytes.\n", args[0], len(b)))
	}}
	c.Long = "save writes a backup with all that was acknowledged before. With --stale it is of the state that the node has, so that it\nworks without a leader; the backup says how old that state was. The file is written whole or not at all."
	c.Flags().BoolVar(&stale, "stale", false, "what the node has, without asking a leader")
	return c
}

func snapshotInspect(s *session) *cobra.Command {
	return &cobra.Command{Use: "inspect FILE", Short: "Check a backup, and say what is in it; asks no server", Args: cobra.ExactArgs(1), RunE: func(_ *cobra.Command, args []string) error {
		f, err := os.Open(args[0])
		if err != nil {
			return fmt.Errorf("read the backup: %w", err)
		}
		defer f.Close()
		m, st, err := archive.Read(f)
		if err != nil {
			return fmt.Errorf("%s: %w", args[0], err)
		}
		return s.showBackup(args[0], m, st, "")
	}}
}

// backup is what inspect says as JSON.
type backup struct {
	File string `json:"file"`
	archive.Meta
	Bytes int            `json:"state_bytes"`
	Rows  map[string]int `json:"rows"`
}

func (s *session) showBackup(path string, m archive.Meta, st []byte, before string) error {
	b := backup{path, m, len(st), archive.Rows(st)}
	if s.output == "json" {
		return s.t.json(b)
	}
	s.t.printf("%s", before)
	b.page(s.t)
	return nil
}

func (b *backup) page(t *terminal) {
	x := t.table("")
	x.row("taken", fmt.Sprintf("%s by %s (%s)", when(b.Time, t.now()), b.Node, orDash(b.Program)))
	x.row("state", fmt.Sprintf("index %d, term %d, hash %s, feature level %d", b.Index, b.Term, b.Hash, b.Level))
	if b.Stale {
		x.row("age", fmt.Sprintf("%s; no leader was asked", fine(b.Age)))
	}
	x.row("cluster", orDash(b.Cluster))
	var members []string
	for _, m := range b.Members {
		members = append(members, fmt.Sprintf("%s %s (%s)", m.ID, m.Address, m.Suffrage))
	}
	x.row("members then", strings.Join(members, ", "))
	var rows []string
	for table, n := range b.Rows {
		rows = append(rows, fmt.Sprintf("%s %d", table, n))
	}
	slices.Sort(rows)
	x.row("holds", strings.Join(rows, ", "))
	x.row("checksums", "good")
	x.end()
}

func snapshotRestore(s *session) *cobra.Command {
	c := s.writeCommand("restore FILE", "Put a backup into force, in place of the present state", cobra.ExactArgs(1), flagSet{force: true, reason: true},
		func(ctx context.Context, cl *api.Client, f *writeFlags, args []string) (*api.Written, error) {
			b, err := os.ReadFile(args[0])
			if err != nil {
				return nil, fmt.Errorf("read the backup: %w; nothing was changed", err)
			}
			if _, _, err := archive.Read(bytes.NewReader(b)); err != nil {
				return nil, fmt.Errorf("%s: %w; nothing was changed", args[0], err)
			}
			return cl.Restore(ctx, api.RestoreRequest{Who: f.who(), Name: filepath.Base(args[0]), Force: f.force}, bytes.NewReader(b), f.plan)
		})
	c.Long = "restore puts a backup's state in place of the present one, on every node at once, in this cluster or in a new one with\nother nodes. The whole file is checked first; then it comes into force whole or not at all. --plan shows which answers\nwould change, and which zones, record sets, overrides, switches and tokens of now are not in it and would go.\n\nMembers stay those of the cluster that it is restored in. Serials, the numbers of events and the cluster clock never go\nback, and what expires keeps the time that it had left. Verdicts stand until the nodes have probed anew. Tokens of the\nbackup are good again; those of this cluster stay, and one that was revoked here stays revoked.\n\nAsk with --timeout 1m where the state is large."
	return c
}
