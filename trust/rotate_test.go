package trust

import (
	"crypto/tls"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// hello is one handshake between two nodes, each as its files are now.
func hello(from, to *Files) error {
	a, b := net.Pipe()
	defer a.Close()
	defer b.Close()
	server, client := tls.Server(b, to.ServerConfig("x")), tls.Client(a, from.ClientConfig(to.ID(), "x"))
	done := make(chan error, 1)
	go func() {
		err := server.Handshake()
		_, _ = server.Write([]byte("x"))
		b.Close()
		done <- err
	}()
	err := client.Handshake()
	if err == nil {
		_, err = client.Read(make([]byte, 1)) // TLS 1.3: a server's refusal comes after the client's handshake
	}
	a.Close()
	if e := <-done; err == nil {
		err = e
	}
	return err
}

// TestCAIsRotatedNodeByNodeAndNoTwoNodesEverLoseEachOther walks the order of the documents, one node after another.
func TestCAIsRotatedNodeByNodeAndNoTwoNodesEverLoseEachOther(t *testing.T) {
	ca := filepath.Join(t.TempDir(), "ca")
	if err := InitCA(ca); err != nil {
		t.Fatal(err)
	}
	var nodes []*Files
	dirs := map[string]string{}
	give := func(id string, what string) {
		b, err := os.ReadFile(filepath.Join(ca, what))
		if err == nil {
			err = os.WriteFile(filepath.Join(dirs[id], what), b, 0o600)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	issue := func(id string) {
		if err := Issue(ca, dirs[id], id, nil, time.Hour); err != nil {
			t.Fatal(err)
		}
	}
	for _, id := range []string{"ns1", "ns2", "ns3"} {
		dirs[id] = t.TempDir()
		give(id, CAFile)
		issue(id)
		f, err := Load(filepath.Join(dirs[id], id+".pem"), filepath.Join(dirs[id], id+"-key.pem"), filepath.Join(dirs[id], CAFile))
		if err != nil {
			t.Fatal(err)
		}
		nodes = append(nodes, f)
	}
	meet := func(step string) {
		t.Helper()
		for _, a := range nodes {
			for _, b := range nodes {
				if err := hello(a, b); err != nil {
					t.Errorf("%s: %s to %s: %v", step, a.ID(), b.ID(), err)
				}
			}
		}
	}
	each := func(step string, do func(id string)) {
		t.Helper()
		for _, f := range nodes {
			do(f.ID())
			if changed, err := f.Reload(); !changed || err != nil {
				t.Fatalf("%s on %s: %v, %v", step, f.ID(), changed, err)
			}
			meet(step + " on " + f.ID())
		}
	}
	old := *nodes[0].current.Load()
	if err := RotateCA(ca); err != nil {
		t.Fatal(err)
	}
	if err := RotateCA(ca); err == nil || !strings.Contains(err.Error(), "cert retire") {
		t.Errorf("a second rotation: %v", err)
	}
	each("both CAs", func(id string) { give(id, CAFile) })
	each("a new certificate", issue)
	if err := RetireCA(ca); err != nil {
		t.Fatal(err)
	}
	each("the new CA alone", func(id string) { give(id, CAFile) })
	left := &Files{}
	left.current.Store(&old)
	if hello(left, nodes[1]) == nil || hello(nodes[1], left) == nil {
		t.Error("a certificate of the retired CA is still taken")
	}
	if _, err := os.Stat(filepath.Join(ca, OldCAKeyFile)); err == nil {
		t.Error("the retired CA's key is still there")
	}
}

func TestNodeWithAnOldCertificateDoesNotTakeTheNewCAAlone(t *testing.T) {
	ca := filepath.Join(t.TempDir(), "ca")
	if err := InitCA(ca); err != nil {
		t.Fatal(err)
	}
	if err := Issue(ca, ca, "ns1", nil, time.Hour); err != nil {
		t.Fatal(err)
	}
	f, err := Load(filepath.Join(ca, "ns1.pem"), filepath.Join(ca, "ns1-key.pem"), filepath.Join(ca, CAFile))
	if err != nil {
		t.Fatal(err)
	}
	if err := RotateCA(ca); err != nil {
		t.Fatal(err)
	}
	if err := RetireCA(ca); err != nil {
		t.Fatal(err)
	}
	if changed, err := f.Reload(); changed || err == nil {
		t.Errorf("it locked itself out: %v, %v", changed, err)
	}
	if err := hello(f, f); err != nil {
		t.Errorf("the files before are not in use: %v", err)
	}
}
