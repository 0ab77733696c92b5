package node

import (
	"bytes"
	"fmt"
	"time"

	"failoverdns/archive"
)

// Archive is this node's state as a backup holds it. It asks nobody: whoever needs what the leader has waits for its
// index first.
func (n *Node) Archive() (archive.Meta, []byte, error) {
	st := n.State()
	age := n.store.Age()
	var b bytes.Buffer
	if err := st.Encode(&b); err != nil {
		return archive.Meta{}, nil, err
	}
	m := archive.Meta{Cluster: st.Cluster, Node: n.ID(), Time: time.Now().UTC().Truncate(time.Second), Index: st.Index, Term: n.store.Status().Term,
		Hash: fmt.Sprintf("%016x", st.Hash), Level: st.FeatureLevel(), Program: n.Config().Version, Age: age.Seconds()}
	for _, x := range st.Nodes.All() {
		m.Members = append(m.Members, archive.Member{ID: x.ID, Address: x.Address, Suffrage: x.Suffrage})
	}
	return m, b.Bytes(), nil
}
