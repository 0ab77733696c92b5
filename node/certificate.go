package node

import (
	"context"
	"time"

	"failoverdns/trust"
)

// How early and how often the log says that the cluster's certificate is about to end: time for the one who is on
// holiday.
const (
	certificateWarning = 30 * 24 * time.Hour
	warnEvery          = 24 * time.Hour
)

// keepCertificate loads the certificate files again when they change, and warns before what they hold ends.
func (n *Node) keepCertificate(ctx context.Context) {
	n.run(func() { n.trust.Watch(ctx, pollInterval, n.certificatesChanged) })
	for ctx.Err() == nil {
		if at := n.trust.Expires(); time.Until(at) < certificateWarning {
			n.log.Warn("the certificate of this node ends soon, or has ended: without another it is out of the cluster; a new one in the same files is taken without a restart", "ends", at, "next", "failoverctl cert issue "+n.trust.ID())
		}
		wait(ctx, warnEvery, nil)
	}
}

// Look loads the files as a node's start does: whose certificate it is, and when it ends.
func (f *TLSFiles) Look() (id string, expires time.Time, err error) {
	files, err := trust.Load(f.Cert, f.Key, f.CA)
	if err != nil {
		return "", time.Time{}, err
	}
	return files.ID(), files.Expires(), nil
}
