package main

import (
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"failoverdns/trust"
)

// certValidity is how long a node's certificate is good unless told otherwise: long enough that its renewal can be
// a yearly chore with a month to spare. Certificates are polled, so renewing restarts nothing.
const certValidity = 397 * 24 * time.Hour

func certCommand(s *session) *cobra.Command {
	return group("cert", "The cluster's certificates; works on files, asks no server", certInit(s), certIssue(s), certShow(s), certRotate(s), certRetire(s))
}

func certInit(s *session) *cobra.Command {
	var dir string
	c := &cobra.Command{Use: "init", Short: "Make the cluster's certificate authority", Args: cobra.NoArgs, RunE: func(*cobra.Command, []string) error {
		if err := trust.InitCA(dir); err != nil {
			return err
		}
		cert, key := filepath.Join(dir, trust.CAFile), filepath.Join(dir, trust.CAKeyFile)
		if s.output == "json" {
			return s.t.json(map[string]string{"ca": cert, "key": key})
		}
		s.t.printf("Made %s, which every node needs, and %s, which no node needs: keep it apart.\nNext: failoverctl cert issue NODE --ca %s\n", cert, key, dir)
		return nil
	}}
	c.Flags().StringVar(&dir, "ca", "ca", "directory of the authority")
	return c
}

// issuing is what cert issue is asked for.
type issuing struct {
	ca, out  string
	hosts    []string
	validity time.Duration
	role     string
	zones    []string
}

func certIssue(s *session) *cobra.Command {
	i := new(issuing)
	c := &cobra.Command{Use: "issue NAME...", Short: "Make certificates and keys of nodes, or of people and programs", Args: cobra.MinimumNArgs(1),
		Long: "issue makes a certificate and a key for each node. With --role they are those of a client of the admin API instead\n(admin HOST:PORT { tls CERT KEY CLIENT-CA }), and no node's.",
		RunE: func(_ *cobra.Command, names []string) error {
			made := []map[string]string{}
			for _, name := range names {
				if err := i.issue(name); err != nil {
					return err
				}
				made = append(made, map[string]string{i.kind(): name, "cert": filepath.Join(i.out, name+".pem"), "key": filepath.Join(i.out, name+"-key.pem")})
			}
			if s.output == "json" {
				return s.t.json(made)
			}
			for _, m := range made {
				i.tell(s.t, m)
			}
			return nil
		}}
	c.Flags().StringVar(&i.ca, "ca", "ca", "directory of the authority")
	c.Flags().StringVar(&i.out, "out", ".", "directory of the new files")
	c.Flags().StringArrayVar(&i.hosts, "host", nil, "a host name or IP address beside the node's ID; may repeat")
	c.Flags().DurationVar(&i.validity, "validity", certValidity, "how long it is good")
	c.Flags().StringVar(&i.role, "role", "", "for a client of the admin API: read, operate or admin")
	c.Flags().StringArrayVar(&i.zones, "zone", nil, "with --role: a zone that it is good for; may repeat (default all)")
	return c
}

func (i *issuing) kind() string {
	if i.role != "" {
		return "client"
	}
	return "node"
}

func (i *issuing) issue(name string) error {
	switch {
	case i.role == "" && len(i.zones) > 0:
		return usage("--zone goes with --role: a node's certificate has no zones")
	case i.role == "":
		return trust.Issue(i.ca, i.out, name, i.hosts, i.validity)
	case len(i.hosts) > 0:
		return usage("--host is of no use with --role: a client has no host name")
	}
	return trust.IssueAccess(i.ca, i.out, trust.Access{Name: name, Role: i.role, Zones: i.zones}, i.validity)
}

func (i *issuing) tell(t *terminal, m map[string]string) {
	if i.role != "" {
		t.printf("Made %s and %s.\n  failoverctl --cert %s --key %s\n", m["cert"], m["key"], m["cert"], m["key"])
		return
	}
	t.printf("Made %s and %s.\n  In the Corefile of %s:  tls %s %s %s\n", m["cert"], m["key"], m["node"], m["cert"], m["key"], filepath.Join(i.ca, trust.CAFile))
}

// certificate is what cert show says of one.
type certificate struct {
	File    string    `json:"file"`
	Node    string    `json:"node,omitempty"`
	Client  string    `json:"client,omitempty"`
	Role    string    `json:"role,omitempty"` // of a client
	Zones   []string  `json:"zones,omitempty"`
	Subject string    `json:"subject"`
	CA      bool      `json:"ca"`
	Hosts   []string  `json:"hosts,omitempty"`
	From    time.Time `json:"from"`
	Until   time.Time `json:"until"`
	Expired bool      `json:"expired"`
}

func certShow(s *session) *cobra.Command {
	return &cobra.Command{Use: "show FILE...", Short: "What certificates say; exit 1 if one has expired", Args: cobra.MinimumNArgs(1), RunE: func(_ *cobra.Command, files []string) error {
		all := []certificate{}
		for _, f := range files {
			certs, err := readCertificates(f, s.t.now())
			if err != nil {
				return err
			}
			all = append(all, certs...)
		}
		if err := s.showCertificates(all); err != nil {
			return err
		}
		for _, c := range all {
			if c.Expired {
				return errUnhealthy
			}
		}
		return nil
	}}
}

func (s *session) showCertificates(all []certificate) error {
	if s.output == "json" {
		return s.t.json(all)
	}
	x := s.t.table("", "FILE", "FOR", "HOSTS", "ENDS")
	for _, c := range all {
		name := c.Subject
		switch {
		case c.CA:
			name = "authority: " + c.Subject
		case c.Node != "":
			name = "node " + c.Node
		case c.Role != "":
			name = "client " + c.Client + ", " + c.Role + after(" for ", strings.Join(c.Zones, ", "))
		}
		ends := when(c.Until, s.t.now())
		if c.Expired {
			ends += " EXPIRED"
		}
		x.row(c.File, name, strings.Join(c.Hosts, ", "), ends)
	}
	x.end()
	return nil
}

func readCertificates(file string, now time.Time) (out []certificate, err error) {
	b, err := os.ReadFile(file)
	if err != nil {
		return nil, fmt.Errorf("read a certificate: %w", err)
	}
	for block, rest := pem.Decode(b); block != nil; block, rest = pem.Decode(rest) {
		if block.Type != "CERTIFICATE" {
			continue
		}
		c, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", file, err)
		}
		out = append(out, describe(file, c, now))
	}
	if out == nil {
		return nil, fmt.Errorf("%q holds no PEM certificate", file)
	}
	return out, nil
}

func describe(file string, c *x509.Certificate, now time.Time) certificate {
	out := certificate{File: file, Subject: c.Subject.CommonName, CA: c.IsCA, From: c.NotBefore, Until: c.NotAfter, Expired: now.After(c.NotAfter)}
	if id, err := trust.NodeID(c); err == nil {
		out.Node = id
	}
	if a, err := trust.AccessOf(c); err == nil {
		out.Client, out.Role, out.Zones = a.Name, a.Role, a.Zones
	}
	out.Hosts = append(out.Hosts, c.DNSNames...)
	for _, ip := range c.IPAddresses {
		out.Hosts = append(out.Hosts, net.IP(ip).String())
	}
	return out
}
