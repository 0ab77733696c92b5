package listener

import (
	"bytes"
	"net"
	"os"

	"golang.org/x/sys/unix"
)

// pass hands the i-th packet of a socket's batch to CoreDNS. Without a server or room it is lost.
func (p *port) pass(s *socket, i int, c client) {
	to := p.passage.Load()
	if to == nil || len(to.queue) == cap(to.queue) {
		p.overflow.Add(1)
		return
	}
	p.passed.Add(1)
	from, client := s.batch.sender(i)
	var control []byte
	if s.wildcard {
		control = bytes.Clone(s.batch.control[i][:s.batch.in[i].Controllen])
		anyInterface(control)
	}
	finish := s.active.later(p, &s.answerer, c)
	to.put(&passed{
		data: bytes.Clone(s.batch.packet(i)), client: client,
		reply: func(answer []byte) error {
			if answer = finish(answer); answer == nil {
				return nil
			}
			return s.sendLater(answer, control, from)
		},
	})
}

// sendLater sends one answer, from any goroutine, also when the socket is being closed.
func (s *socket) sendLater(answer, control []byte, to unix.Sockaddr) error {
	raw, err := s.file.SyscallConn()
	if err != nil {
		return err
	}
	var sent error
	if err := raw.Control(func(fd uintptr) { sent = unix.Sendmsg(int(fd), answer, control, to, 0) }); err != nil {
		return err
	}
	return os.NewSyscallError("sendmsg", sent)
}

// sender is the address of the i-th packet's sender, for the system and for people.
func (b *batch) sender(i int) (unix.Sockaddr, *net.UDPAddr) {
	port := int(b.port(i))
	from := &b.from[i]
	if from.Family == unix.AF_INET {
		a := [4]byte(b.fromBytes(i)[4:8])
		return &unix.SockaddrInet4{Port: port, Addr: a}, &net.UDPAddr{IP: net.IP(a[:]), Port: port}
	}
	a := from.Addr
	client := &net.UDPAddr{IP: net.IP(a[:]), Port: port}
	if client.IP.IsLinkLocalUnicast() {
		if i, err := net.InterfaceByIndex(int(from.Scope_id)); err == nil {
			client.Zone = i.Name
		}
	}
	return &unix.SockaddrInet6{Port: port, Addr: a, ZoneId: from.Scope_id}, client
}
