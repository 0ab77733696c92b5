package cluster

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// Parent is the root of the name space and the parent of the cluster's zone in one name server (NSD), which delegates the
// zone to the nodes.
type Parent struct {
	*Process
	hints string // path of a file that names it as the root's server
}

// rootServer is the parent's own name.
const rootServer = "a.root."

// Parent makes one at port 53 of the place of this name, and starts nothing; Close ends it. The cluster must be delegated.
func (c *Cluster) Parent(place string) (*Parent, error) {
	path, err := NSD.path()
	if err != nil {
		return nil, err
	}
	dir, at := filepath.Join(c.dir, place), c.spec.Place(place)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("make the directory of %s: %w", place, err)
	}
	_, above, _ := strings.Cut(c.spec.Zone, ".")
	config := filepath.Join(dir, "conf")
	for file, text := range map[string]string{
		config:                           fmt.Sprintf(parentConfig, at.Address, dir, above),
		filepath.Join(dir, "root.zone"):  apex(".") + fmt.Sprintf("%s NS %s\n%[2]s A %[3]s\n", above+".", rootServer, at.Address),
		filepath.Join(dir, "above.zone"): apex(above+".") + c.delegation(),
		filepath.Join(dir, "hints"):      fmt.Sprintf(". 3600000 NS %s\n%[1]s 3600000 A %s\n", rootServer, at.Address),
	} {
		err = errors.Join(err, os.WriteFile(file, []byte(text), 0o600))
	}
	if err != nil {
		return nil, fmt.Errorf("configure %s: %w", place, err)
	}
	p := &Parent{hints: filepath.Join(dir, "hints"), Process: &Process{name: place, log: filepath.Join(dir, "log"), command: func() *exec.Cmd {
		return at.command(append(append([]string{path}, NSD.args...), config)...)
	}}}
	c.others = append(c.others, p.Process)
	return p, nil
}

// apex is what stands at the top of one of its zones.
func apex(zone string) string {
	return fmt.Sprintf("$TTL 86400\n%s SOA %s nobody.invalid. 1 3600 600 604800 300\n%[1]s NS %[2]s\n", zone, rootServer)
}

// delegation is what the parent says of the cluster's zone: its name servers, and where they are.
func (c *Cluster) delegation() string {
	var b strings.Builder
	for i := range c.nodes {
		fmt.Fprintf(&b, "%s. NS %s.\n%[2]s. A %[3]s\n", c.spec.Zone, c.nameServer(i), c.nameServerAddress(i))
	}
	return b.String()
}

// parentConfig is NSD's, with its address, directory, and the zone above the cluster's.
const parentConfig = `server:
    ip-address: %s
    server-count: 1
    username: ""
    zonesdir: "%[2]s"
    database: ""
    pidfile: "%[2]s/pid"
    xfrdfile: "%[2]s/xfrd.state"
    zonelistfile: "%[2]s/zone.list"
    xfrdir: "%[2]s"
remote-control:
    control-enable: no
zone:
    name: "."
    zonefile: "root.zone"
zone:
    name: "%[3]s"
    zonefile: "above.zone"
`
