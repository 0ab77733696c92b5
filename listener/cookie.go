package listener

import (
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"math/bits"
	"net/netip"
	"strings"
	"time"
)

// Secret is what server cookies are made with (RFC 9018): all nodes that a client may meet have the same.
type Secret [16]byte

// ParseSecrets reads a file of secrets, 32 hexadecimal digits to a line; # begins a comment. Cookies are made with the
// first; those made with any are good. So a new one goes last into all nodes' files, then first, and the old one goes
// when no cookie of it is good any more (RFC 9018 section 5).
func ParseSecrets(text string) (all []Secret, err error) {
	for i, line := range strings.Split(text, "\n") {
		line, _, _ = strings.Cut(line, "#")
		if line = strings.TrimSpace(line); line == "" {
			continue
		}
		var s Secret
		if n, err := hex.Decode(s[:min(len(s), 16)], []byte(line[:min(len(line), 32)])); err != nil || n != len(s) || len(line) != 32 {
			return nil, fmt.Errorf("line %d is no cookie secret: it must be 32 hexadecimal digits (make one with: openssl rand -hex 16)", i+1)
		}
		all = append(all, s)
	}
	if len(all) == 0 {
		return nil, errors.New("it holds no cookie secret; a line of 32 hexadecimal digits is one (make it with: openssl rand -hex 16)")
	}
	return all, nil
}

// Lengths and times of RFC 7873 section 4 and RFC 9018 section 4.
const (
	clientCookie = 8
	wholeCookie  = clientCookie + 16
	cookieFuture = 5 * time.Minute // clocks differ
	cookieLife   = time.Hour       // then it is no longer good
)

// validLength says whether a COOKIE option may have so many octets.
func validLength(n int) bool { return n == clientCookie || n >= clientCookie+8 && n <= clientCookie+32 }

// append appends the cookie that a client gets now.
func (s *Secret) append(b, client []byte, from netip.Addr, now time.Time) []byte {
	at := len(b)
	b = append(b, client[:clientCookie]...)
	b = append(b, 1, 0, 0, 0) // version and reserved octets
	b = binary.BigEndian.AppendUint32(b, uint32(now.Unix()))
	return binary.LittleEndian.AppendUint64(b, s.hash(b[at:], from))
}

// hash is the last part of a cookie: it binds the rest to the client's address.
func (s *Secret) hash(front []byte, from netip.Addr) uint64 {
	var in [32]byte
	n := copy(in[:], front[:16])
	if from = from.Unmap(); from.Is4() {
		a := from.As4()
		n += copy(in[n:], a[:])
	} else {
		a := from.As16()
		n += copy(in[n:], a[:])
	}
	return sipHash(s, in[:n])
}

// good says whether a client's cookie was made here for its address, lately.
func good(secrets []Secret, cookie []byte, from netip.Addr, now time.Time) bool {
	if len(cookie) != wholeCookie || cookie[8] != 1 {
		return false
	}
	// Serial arithmetic (RFC 1982): the clock wraps in 2106.
	age := time.Duration(int32(uint32(now.Unix())-binary.BigEndian.Uint32(cookie[12:]))) * time.Second
	if age > cookieLife || age < -cookieFuture {
		return false
	}
	for i := range secrets {
		if secrets[i].hash(cookie, from) == binary.LittleEndian.Uint64(cookie[16:]) {
			return true
		}
	}
	return false
}

// sipHash is SipHash-2-4 (Aumasson and Bernstein 2012).
func sipHash(key *Secret, b []byte) uint64 {
	k0, k1 := binary.LittleEndian.Uint64(key[:]), binary.LittleEndian.Uint64(key[8:])
	v0, v1, v2, v3 := k0^0x736f6d6570736575, k1^0x646f72616e646f6d, k0^0x6c7967656e657261, k1^0x7465646279746573
	rounds := func(n int) {
		for range n {
			v0 += v1
			v2 += v3
			v1, v3 = bits.RotateLeft64(v1, 13)^v0, bits.RotateLeft64(v3, 16)^v2
			v0 = bits.RotateLeft64(v0, 32)
			v2 += v1
			v0 += v3
			v1, v3 = bits.RotateLeft64(v1, 17)^v2, bits.RotateLeft64(v3, 21)^v0
			v2 = bits.RotateLeft64(v2, 32)
		}
	}
	last := uint64(len(b)) << 56
	for ; len(b) >= 8; b = b[8:] {
		m := binary.LittleEndian.Uint64(b)
		v3 ^= m
		rounds(2)
		v0 ^= m
	}
	for i, c := range b {
		last |= uint64(c) << (8 * i)
	}
	v3 ^= last
	rounds(2)
	v0 ^= last
	v2 ^= 0xff
	rounds(4)
	return v0 ^ v1 ^ v2 ^ v3
}
