package probes

import (
	"io"
	"net"
	"sync"
	"testing"
)

// TestEachProbeOpensAConnectionOfItsOwn, though the server would keep one open: a pool would hide that nobody new gets
// in any more.
func TestEachProbeOpensAConnectionOfItsOwn(t *testing.T) {
	var mu sync.Mutex
	connections := 0
	at := serve(t, func(c net.Conn) {
		mu.Lock()
		connections++
		mu.Unlock()
		for readRequest(c) != nil {
			io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: keep-alive\r\n\r\nok")
		}
	})
	env := &Env{}
	for range 3 {
		expect(t, env, target(t, "http://h/", at, match("ok")), "", "")
	}
	mu.Lock()
	defer mu.Unlock()
	if connections != 3 {
		t.Errorf("three probes opened %d connections", connections)
	}
}
