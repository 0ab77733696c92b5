package cluster

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"time"
)

// Site is a toy site: one server process at each of its addresses, all on one port.
type Site struct {
	Name    string
	Servers []*Server
}

// Server is the server at one address of a toy site.
type Server struct {
	*Process
	Address string // without the port
	At      string // HOST:PORT
	orders  string // path of the socket where it takes orders
}

func (c *Cluster) newSite(s SiteSpec) (*Site, error) {
	site := &Site{Name: s.Name}
	var certificates string
	if c.spec.TLS {
		certificates = c.trustDir()
	}
	self, err := os.Executable()
	if err != nil {
		return nil, fmt.Errorf("find this program, which toy sites are too: %w", err)
	}
	for i, a := range s.Addresses {
		at := net.JoinHostPort(a, strconv.Itoa(c.sitePort))
		name := s.Name + "-" + strconv.Itoa(i+1)
		orders := filepath.Join(c.dir, "sites", name)
		site.Servers = append(site.Servers, &Server{Address: a, At: at, orders: orders, Process: &Process{
			name: "site " + name, log: filepath.Join(c.dir, "sites", name+".log"),
			command: func() *exec.Cmd { return c.spec.Place(s.Name).command(self, toyWord, s.Name, at, orders, certificates) },
		}})
	}
	return site, nil
}

// Start starts all its servers and waits until they take connections.
func (s *Site) Start(ctx context.Context) error {
	for _, v := range s.Servers {
		if err := v.Process.Start(); err != nil {
			return err
		}
	}
	for _, v := range s.Servers {
		if err := v.wait(ctx); err != nil {
			return err
		}
	}
	return nil
}

// Kill kills all its servers, and gives the time at which they were gone.
func (s *Site) Kill() time.Time {
	var gone time.Time
	for _, v := range s.Servers {
		gone = v.Kill()
	}
	return gone
}

// SetFaults makes all its servers misbehave.
func (s *Site) SetFaults(f Faults) error {
	for _, v := range s.Servers {
		if err := v.SetFaults(f); err != nil {
			return err
		}
	}
	return nil
}

// wait waits until the server takes connections.
func (v *Server) wait(ctx context.Context) error {
	return until(ctx, v.Process, func(ctx context.Context) error {
		var d net.Dialer
		conn, err := d.DialContext(ctx, "tcp", v.At)
		if err == nil {
			conn.Close()
		}
		return err
	})
}

// SetFaults makes the server misbehave, until it ends.
func (v *Server) SetFaults(f Faults) error {
	body, err := json.Marshal(f)
	if err != nil {
		return fmt.Errorf("encode faults: %w", err)
	}
	r, err := http.NewRequest(http.MethodPut, "http://toy/faults", bytes.NewReader(body))
	if err != nil {
		return fmt.Errorf("set faults of %s: %w", v.name, err)
	}
	var d net.Dialer
	socket := &http.Transport{DisableKeepAlives: true, DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return d.DialContext(ctx, "unix", v.orders)
	}}
	res, err := (&http.Client{Transport: socket}).Do(r)
	if err != nil {
		return fmt.Errorf("set faults of %s: %w", v.name, err)
	}
	res.Body.Close()
	if res.StatusCode != http.StatusOK {
		return fmt.Errorf("set faults of %s: %s", v.name, res.Status)
	}
	return nil
}

// pollEvery is how often a condition is looked at.
const pollEvery = 50 * time.Millisecond

// until calls ready until it gives no error. It ends with ready's last error when the context ends, and says so
// when the process does; p may be nil.
func until(ctx context.Context, p *Process, ready func(context.Context) error) error {
	for {
		try, cancel := context.WithTimeout(ctx, 2*time.Second)
		err := ready(try)
		cancel()
		switch {
		case err == nil:
			return nil
		case p != nil && !p.Running():
			return fmt.Errorf("%s has ended; it said last:\n%s", p.name, p.Tail(15))
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("waited too long: %w", err)
		case <-time.After(pollEvery):
		}
	}
}
