package main

import (
	"path/filepath"

	"github.com/spf13/cobra"

	"failoverdns/trust"
)

func certRotate(s *session) *cobra.Command {
	var dir string
	c := &cobra.Command{Use: "rotate", Short: "Make a new authority beside the old one", Args: cobra.NoArgs,
		Long: "rotate makes a new authority. The authority's file then holds both, and issue signs with the new one.\n\nThe order: give the file to every node; issue new certificates for all of them; then retire. Nodes look at their files every five\nseconds, and nothing restarts. A node that lacks the file of both does not trust a certificate of the new authority.",
		RunE: func(*cobra.Command, []string) error {
			if err := trust.RotateCA(dir); err != nil {
				return err
			}
			file := filepath.Join(dir, trust.CAFile)
			if s.output == "json" {
				return s.t.json(map[string]string{"ca": file, "key": filepath.Join(dir, trust.CAKeyFile), "old_key": filepath.Join(dir, trust.OldCAKeyFile)})
			}
			s.t.printf("%s holds both authorities now, the new one first.\nNext, and in this order:\n  1. give %s to every node, and wait until each has logged \"certificates reloaded\"\n  2. failoverctl cert issue NODE --ca %s, for each node and each client\n  3. failoverctl cert retire --ca %s, and give the file to every node again\n", file, file, dir, dir)
			return nil
		}}
	c.Flags().StringVar(&dir, "ca", "ca", "directory of the authority")
	return c
}

func certRetire(s *session) *cobra.Command {
	var dir string
	c := &cobra.Command{Use: "retire", Short: "Leave only the newest authority in the authority's file", Args: cobra.NoArgs,
		Long: "retire ends what rotate began: the authority's file holds only the newest one, and the old one's key is removed. A node that\ngets this file and still has a certificate of the old authority does not take it, and says so in its log.",
		RunE: func(*cobra.Command, []string) error {
			if err := trust.RetireCA(dir); err != nil {
				return err
			}
			file := filepath.Join(dir, trust.CAFile)
			if s.output == "json" {
				return s.t.json(map[string]string{"ca": file})
			}
			s.t.printf("%s holds the newest authority alone. Give it to every node.\n", file)
			return nil
		}}
	c.Flags().StringVar(&dir, "ca", "ca", "directory of the authority")
	return c
}
