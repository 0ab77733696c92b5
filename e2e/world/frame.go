package world

import (
	"net"
	"slices"
)

// Where an Ethernet frame (IEEE 802.3) that carries IPv4 (RFC 791) has what is looked at here, in bytes.
const (
	etherType   = 12
	source      = 26
	destination = 30
	headers     = 34
)

// concerns says whether a frame is IPv4 from or to one of the addresses, or whether there are none: then each is meant.
func concerns(data []byte, addresses []string) bool {
	if len(addresses) == 0 {
		return true
	}
	if len(data) < headers || data[etherType] != 0x08 || data[etherType+1] != 0x00 {
		return false
	}
	from, to := net.IP(data[source:destination]).String(), net.IP(data[destination:headers]).String()
	return slices.Contains(addresses, from) || slices.Contains(addresses, to)
}
