package failover

import "failoverdns/listener"

// connections is the line "connections".
type connections struct {
	at *line
	listener.Connections
}

// Defaults of the limits for connections. A thousand of them take less than 100 MB with TLS; BIND takes 150, NSD 100, and
// Knot half of the descriptors it may have. One network's tenth leaves room for nine more that do the same. Networks are
// those of the rate limit.
const (
	connectionsTotal   = 1000
	connectionsNetwork = 100
	connectionsMost    = 100_000
)

func defaultConnections() listener.Connections {
	return listener.Connections{Total: connectionsTotal, Network: connectionsNetwork, IPv4: limitIPv4, IPv6: limitIPv6}
}

var connectionsProperties = map[string]property[connections]{
	"network": {usage: "network COUNT", least: 1, most: 1, read: func(c *connections, l *line) (err error) {
		c.Network, err = l.number(l.args()[0], 1, c.Total)
		return err
	}},
	"prefix": {usage: "prefix IPV4-LENGTH IPV6-LENGTH", least: 2, most: 2, read: func(c *connections, l *line) (err error) {
		c.IPv4, c.IPv6, err = l.prefixLengths()
		return err
	}},
	"exempt": {usage: "exempt CIDR...", least: 1, most: many, repeat: true, read: func(c *connections, l *line) (err error) {
		c.Exempt, err = l.exempt(c.Exempt)
		return err
	}},
}

func readConnections(c *local, l *line) (err error) {
	n := &connections{at: l, Connections: defaultConnections()}
	if n.Total, err = l.number(l.args()[0], 1, connectionsMost); err != nil {
		return err
	}
	n.Network = min(n.Network, n.Total)
	c.connections = n
	return readBlock(n, "connections", l.block, connectionsProperties)
}

// connections is what the blocks say of connections.
func (c *corefile) connections() listener.Connections {
	if n := c.once.connections; n != nil {
		return n.Connections
	}
	return defaultConnections()
}
