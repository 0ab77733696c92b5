package failover

import (
	"net"
	"net/netip"
	"strings"

	"failoverdns/node"
	"failoverdns/record"
	"failoverdns/state"
)

// cluster is the block "cluster" as it is written. A line is nil where nothing is said.
type cluster struct {
	at      *line
	root    string
	id      string
	data    string
	listen  *line
	advert  *line
	peers   []node.Peer
	peersAt []*line
	join    *node.JoinAt
	joinAt  *line
	roleAt  *line
	role    state.Role
	probe   *bool
	tls     *node.TLSFiles
	timing  node.Timing
}

var clusterProperties = map[string]property[cluster]{
	"id":        {usage: "id NAME", least: 1, most: 1, read: readID},
	"data":      {usage: "data DIR", least: 1, most: 1, read: readData},
	"listen":    {usage: "listen HOST:PORT", least: 1, most: 1, read: readListen},
	"advertise": {usage: "advertise HOST:PORT", least: 1, most: 1, read: readAdvertise},
	"peer":      {usage: "peer NAME HOST:PORT", least: 2, most: 2, repeat: true, read: readPeer},
	"join":      {usage: "join HOST:PORT TOKEN-FILE", least: 2, most: 2, read: readJoin},
	"role":      {usage: "role voter|replica|witness", least: 1, most: 1, read: readRole},
	"probe":     {usage: "probe on|off", least: 1, most: 1, read: readProbe},
	"tls":       {usage: "tls CERT KEY CA", least: 3, most: 3, read: readClusterTLS},
	"timing":    {usage: "timing wan|lan", least: 1, most: 1, read: readTiming},
}

func readCluster(c *local, l *line) error {
	k := &cluster{at: l, root: c.root}
	if err := readBlock(k, "cluster", l.block, clusterProperties); err != nil {
		return err
	}
	c.cluster = k
	return k.whole()
}

func readID(k *cluster, l *line) (err error) {
	k.id, err = l.label("node", l.args()[0])
	return err
}

func readData(k *cluster, l *line) error {
	k.data = path(k.root, l.args()[0])
	return nil
}

func readListen(k *cluster, l *line) error {
	k.listen = l
	_, err := l.hostPort(l.args()[0])
	return err
}

func readAdvertise(k *cluster, l *line) error {
	k.advert = l
	host, err := l.hostPort(l.args()[0])
	if a, isAddr := netip.ParseAddr(host); err == nil && isAddr == nil && a.IsUnspecified() {
		return l.errorf("advertise %q is no address that peers can dial", l.args()[0])
	}
	return err
}

func readPeer(k *cluster, l *line) error {
	id, err := l.label("peer", l.args()[0])
	if err != nil {
		return err
	}
	address := l.args()[1]
	host, err := l.hostPort(address)
	if err != nil {
		return err
	}
	if a, err := netip.ParseAddr(host); err == nil && a.IsUnspecified() {
		return l.errorf("peer %s %q is no address that peers can dial", id, address)
	}
	for i, p := range k.peers {
		switch {
		case p.ID == id:
			return l.errorf("peer %q is listed twice, first at %s", id, k.peersAt[i].at())
		case sameHostPort(p.Address, address):
			return l.errorf("peers %q and %q have the same address, %s", p.ID, id, address)
		}
	}
	k.peers, k.peersAt = append(k.peers, node.Peer{ID: id, Address: address}), append(k.peersAt, l)
	return nil
}

func readRole(k *cluster, l *line) error {
	w, err := l.oneOf(l.args()[0], string(state.Voter), string(state.Replica), string(state.Witness))
	if err != nil {
		return err
	}
	k.role, k.roleAt = state.Role(w), l
	return nil
}

func readJoin(k *cluster, l *line) error {
	host, err := l.hostPort(l.args()[0])
	if err != nil {
		return err
	}
	if a, err := netip.ParseAddr(host); err == nil && a.IsUnspecified() {
		return l.errorf("join %q is no address that can be dialled; write that of any node of the cluster", l.args()[0])
	}
	k.join, k.joinAt = &node.JoinAt{Address: l.args()[0], TokenFile: path(k.root, l.args()[1])}, l
	return nil
}

func readProbe(k *cluster, l *line) error {
	w, err := l.oneOf(l.args()[0], "on", "off")
	on := w == "on"
	k.probe = &on
	return err
}

func readClusterTLS(k *cluster, l *line) error {
	k.tls = &node.TLSFiles{Cert: path(k.root, l.args()[0]), Key: path(k.root, l.args()[1]), CA: path(k.root, l.args()[2])}
	return nil
}

func readTiming(k *cluster, l *line) error {
	w, err := l.oneOf(l.args()[0], string(node.WAN), string(node.LAN))
	k.timing = node.Timing(w)
	return err
}

// whole says whether the lines of a cluster block fit together.
func (k *cluster) whole() error {
	switch {
	case k.join != nil && len(k.peers) > 0:
		return k.joinAt.errorf("join and peer lines exclude each other: peers are the first voters of a new cluster, and a node joins one that runs")
	case k.join != nil:
		return k.wholeJoin()
	case len(k.peers) > 0:
		return k.wholePeers()
	}
	for _, l := range []*line{k.listen, k.advert} {
		if l != nil {
			return l.errorf("%s has no use for a node on its own. For a new cluster list its first voters, this one included (a list of one grows later): peer NAME HOST:PORT. For a cluster that runs: join HOST:PORT TOKEN-FILE", l.word())
		}
	}
	if k.role != "" && k.role != state.Voter {
		return k.roleAt.errorf("role %s is for a node of a cluster; a node on its own is its only voter, and answers", k.role)
	}
	return nil
}

// wholeTLS is what nodes that speak with others need.
func (k *cluster) wholeTLS() error {
	if k.tls != nil {
		return nil
	}
	return k.at.errorf("nodes of a cluster need TLS, even the first one of them; write: tls CERT KEY CA (failoverctl cert init and cert issue make the files)")
}

func (k *cluster) wholeJoin() error {
	switch {
	case k.id == "":
		return k.joinAt.errorf("a node that joins needs its id, which is the one in its certificate; write: id NAME")
	case k.listen == nil:
		return k.joinAt.errorf("a node that joins needs a port of its own for the others; write: listen HOST:PORT")
	}
	host, _, _ := net.SplitHostPort(k.listen.args()[0])
	if a, err := netip.ParseAddr(host); err == nil && a.IsUnspecified() && k.advert == nil {
		return k.listen.errorf("listen %q is no address that others can dial; write beside it: advertise HOST:PORT", k.listen.args()[0])
	}
	return k.wholeTLS()
}

func (k *cluster) wholePeers() error {
	own := k.own()
	switch {
	case k.id == "":
		return k.at.errorf("a cluster with peers needs this node's id; write: id %s, or whichever of the peers this node is", k.peers[0].ID)
	case own == nil:
		return k.at.errorf("id %q is none of the peers (%s); the same peer lines stand on all nodes, this one included", k.id, k.peerIDs())
	case k.advert != nil && !sameHostPort(k.advert.args()[0], own.Address):
		return k.advert.errorf("advertise %q is not the address in this node's peer line, %s, which is what peers dial", k.advert.args()[0], own.Address)
	case k.role == state.Replica:
		return k.roleAt.errorf("role replica is not for one of the first voters; take its peer line off all nodes, and write here: join HOST:PORT TOKEN-FILE")
	case k.role == state.Witness && len(k.peers) == 1:
		return k.roleAt.errorf("the first node of a cluster is no witness: nobody would answer; begin with one that answers, and join this one")
	}
	return k.wholeTLS()
}

// own is this node's peer line.
func (k *cluster) own() *node.Peer {
	for i := range k.peers {
		if k.peers[i].ID == k.id {
			return &k.peers[i]
		}
	}
	return nil
}

func (k *cluster) peerIDs() string {
	var ids []string
	for _, p := range k.peers {
		ids = append(ids, p.ID)
	}
	return strings.Join(ids, ", ")
}

// outside refuses addresses that depend on names that this cluster serves: they could not be found when they are needed.
func (k *cluster) outside(zones []record.Name) error {
	for i, p := range k.peers {
		if err := k.peersAt[i].outside("peer "+p.ID, p.Address, zones); err != nil {
			return err
		}
	}
	if k.join != nil {
		return k.joinAt.outside("join", k.join.Address, zones)
	}
	return nil
}

func (l *line) outside(what, address string, zones []record.Name) error {
	host, _, _ := net.SplitHostPort(address)
	n, err := record.ParseName(host)
	if err != nil {
		return nil
	}
	for _, z := range zones {
		if n.Under(z) {
			return l.errorf("%s: %q is in the zone %s, which this cluster serves; write its address", what, host, z.Bare())
		}
	}
	return nil
}

// apply writes the block into the node's configuration.
func (k *cluster) apply(c *node.Config) {
	c.ID, c.Peers, c.Join, c.TLS = k.id, k.peers, k.join, k.tls
	if k.data != "" {
		c.DataDir = k.data
	}
	if k.timing != "" {
		c.Timing = k.timing
	}
	if k.role != "" {
		c.Role = k.role
	}
	c.Probe = c.Role != state.Replica
	if k.probe != nil {
		c.Probe = *k.probe
	}
	if own := k.own(); own != nil {
		c.Advertise, c.Listen = own.Address, own.Address
	}
	if k.listen != nil {
		c.Listen = k.listen.args()[0]
	}
	if k.advert != nil && c.Advertise == "" {
		c.Advertise = k.advert.args()[0]
	}
}
