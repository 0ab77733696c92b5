package state

import (
	"encoding/binary"
	"fmt"
	"net/netip"
	"time"

	"failoverdns/record"
)

// ZoneKey is a zone's key in State.Zones.
func ZoneKey(zone record.Name) string { return string(zone.Key()) }

// SetKey is a record set's key in Zone.Sets: sets of one name stand together, in front of those below the name.
func SetKey(name record.Name, t record.Type) string {
	return string(appendSetKey(make([]byte, 0, len(name)+2), name, t))
}

func appendSetKey(b []byte, name record.Name, t record.Type) []byte {
	return binary.BigEndian.AppendUint16(append(name.AppendKey(b), 0), uint16(t))
}

// SessionKey is a session's key in State.Sessions.
func SessionKey(node string, interval time.Duration) string { return node + "/" + interval.String() }

// OverrideKey is an override's key in State.Overrides.
func OverrideKey(scope Scope, target string) string { return string(scope) + "/" + target }

// CheckID names a site's check.
func CheckID(siteID, check string) string { return siteID + "/" + check }

// EndpointID names a check at one address, target or dial host.
func EndpointID(checkID, at string) string { return checkID + "@" + at }

// AddressID names one address of a site, as overrides do.
func AddressID(siteID string, a netip.Addr) string { return siteID + "@" + a.String() }

func offerKey(node string, zone record.Name) string { return offersOf(node) + ZoneKey(zone) }

// offersOf is what the keys of a node's offers begin with.
func offersOf(node string) string { return node + "/" }

// numberKey orders numbers.
func numberKey(n uint64) string { return fmt.Sprintf("%020d", n) }

// Offer is what a node last offered for a zone.
func (s *State) Offer(node string, zone record.Name) (*Offer, bool) {
	return s.Offers.Get(offerKey(node, zone))
}

// OffersOf are a node's offers, by zone.
func (s *State) OffersOf(node string) (offers []*Offer) {
	for _, o := range s.Offers.Prefix(offersOf(node)) {
		if o.Node == node {
			offers = append(offers, o)
		}
	}
	return offers
}
