package listener

import (
	"encoding/binary"
	"net/netip"
	"unsafe"

	"golang.org/x/sys/unix"
)

const (
	// batchSize is how many packets one system call takes or sends. With more the calls' own cost no longer falls.
	batchSize = 64
	// packetSize is the longest query that is read. A longer one arrives cut, and is malformed then.
	packetSize = 4096
	// controlSize holds one in6_pktinfo with its header.
	controlSize = 40
)

// message is struct mmsghdr of recvmmsg(2).
type message struct {
	unix.Msghdr
	n uint32
	_ [4]byte
}

// batch is the buffers of one socket, used again for each call. It never moves: its parts point to each other.
type batch struct {
	in, out   [batchSize]message
	inVec     [batchSize]unix.Iovec
	outVec    [batchSize]unix.Iovec
	from      [batchSize]unix.RawSockaddrInet6 // large enough for both families
	control   [batchSize][controlSize]byte
	packets   [batchSize][packetSize]byte
	answers   [batchSize][bufferSize]byte
	wildcard  bool // an answer comes from the address that its query went to
	taken     int  // packets of the last receive
	toSend    int
	sendError int // answers that the system did not take, ever
}

func newBatch(wildcard bool) *batch {
	b := &batch{wildcard: wildcard, taken: batchSize}
	for i := range b.in {
		b.inVec[i].Base, b.outVec[i].Base = &b.packets[i][0], &b.answers[i][0]
		b.inVec[i].SetLen(packetSize)
		b.in[i].Iov, b.out[i].Iov = &b.inVec[i], &b.outVec[i]
		b.in[i].SetIovlen(1)
		b.out[i].SetIovlen(1)
		b.in[i].Name = (*byte)(unsafe.Pointer(&b.from[i]))
		if wildcard {
			b.in[i].Control = &b.control[i][0]
		}
	}
	return b
}

// receive waits for packets, as long as the socket's timeout says at most, and gives their number.
func (b *batch) receive(fd int, wait bool) (int, error) {
	for i := range b.taken {
		b.in[i].Namelen = unix.SizeofSockaddrInet6
		if b.wildcard {
			b.in[i].SetControllen(controlSize)
		}
	}
	b.taken, b.toSend = 0, 0
	// While there are packets, the scheduler need not know of the call: it never waits.
	n, _, errno := unix.RawSyscall6(unix.SYS_RECVMMSG, uintptr(fd), uintptr(unsafe.Pointer(&b.in)), batchSize, unix.MSG_DONTWAIT, 0, 0)
	if errno == unix.EAGAIN && wait {
		n, _, errno = unix.Syscall6(unix.SYS_RECVMMSG, uintptr(fd), uintptr(unsafe.Pointer(&b.in)), batchSize, unix.MSG_WAITFORONE, 0, 0)
	}
	switch errno {
	case 0:
		b.taken = int(n)
		return int(n), nil
	case unix.EAGAIN, unix.EINTR:
		return 0, nil
	}
	return 0, errno
}

// packet is the i-th packet of the last receive.
func (b *batch) packet(i int) []byte { return b.packets[i][:min(b.in[i].n, packetSize)] }

// ipv6 says whether the i-th packet's sender has an IPv6 address; on a socket for both families one of IPv4 is mapped
// (RFC 4291 section 2.5.5.2).
func (b *batch) ipv6(i int) bool {
	from := &b.from[i]
	if from.Family != unix.AF_INET6 {
		return false
	}
	a := &from.Addr
	return binary.NativeEndian.Uint64(a[:8]) != 0 || a[8] != 0 || a[9] != 0 || a[10] != 0xff || a[11] != 0xff
}

// fromBytes is the i-th packet's sender as the system writes it.
func (b *batch) fromBytes(i int) []byte {
	return (*[unix.SizeofSockaddrInet6]byte)(unsafe.Pointer(&b.from[i]))[:]
}

// port is the port of the i-th packet's sender: in network order, at the same place for both families.
func (b *batch) port(i int) uint16 { return binary.BigEndian.Uint16(b.fromBytes(i)[2:]) }

// address is the address of the i-th packet's sender.
func (b *batch) address(i int) netip.Addr {
	if b.from[i].Family == unix.AF_INET {
		return netip.AddrFrom4([4]byte(b.fromBytes(i)[4:8]))
	}
	return netip.AddrFrom16(b.from[i].Addr)
}

// buffer is where the next answer is made.
func (b *batch) buffer() []byte { return b.answers[b.toSend][:0] }

// reply queues the answer of length n in buffer for the sender of the i-th packet.
func (b *batch) reply(i, n int) {
	out := &b.out[b.toSend]
	b.outVec[b.toSend].SetLen(n)
	out.Name, out.Namelen = b.in[i].Name, b.in[i].Namelen
	if b.wildcard {
		out.Control, out.Controllen = &b.control[i][0], b.in[i].Controllen
		anyInterface(b.control[i][:b.in[i].Controllen])
	}
	b.toSend++
}

// send sends the queued answers. One that the system does not take is lost, as on the way.
func (b *batch) send(fd int) {
	for sent := 0; sent < b.toSend; {
		// A call that the scheduler knows of would lose its processor to another thread after 20 µs, and then wait for
		// one: a batch takes longer. It is told only where the call really waits.
		out, left := uintptr(unsafe.Pointer(&b.out[sent])), uintptr(b.toSend-sent)
		n, _, errno := unix.RawSyscall6(unix.SYS_SENDMMSG, uintptr(fd), out, left, unix.MSG_DONTWAIT, 0, 0)
		if errno == unix.EAGAIN {
			n, _, errno = unix.Syscall6(unix.SYS_SENDMMSG, uintptr(fd), out, left, 0, 0, 0)
		}
		switch errno {
		case 0:
			sent += int(n)
		case unix.EINTR:
		default:
			b.sendError++
			sent++
		}
	}
	b.toSend = 0
}

// anyInterface takes the interface out of a control message that told to which address a packet went, so that the
// answer goes from that address by the route that the system chooses; a link-local address needs its interface.
func anyInterface(control []byte) {
	if len(control) < unix.SizeofCmsghdr {
		return
	}
	h := (*unix.Cmsghdr)(unsafe.Pointer(&control[0]))
	data := control[unix.SizeofCmsghdr:]
	switch {
	case h.Level == unix.IPPROTO_IP && h.Type == unix.IP_PKTINFO && len(data) >= unix.SizeofInet4Pktinfo:
		clear(data[:4])
	case h.Level == unix.IPPROTO_IPV6 && h.Type == unix.IPV6_PKTINFO && len(data) >= unix.SizeofInet6Pktinfo:
		if linkLocal := data[0] == 0xfe && data[1]&0xc0 == 0x80; !linkLocal {
			clear(data[16:20])
		}
	}
}
