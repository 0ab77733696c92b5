package trust

import (
	"bytes"
	"encoding/pem"
	"errors"
	"fmt"
	"os"
	"path/filepath"
)

// OldCAKeyFile is where RotateCA leaves the key of the CA before.
const OldCAKeyFile = "ca-key-old.pem"

// RotateCA makes a new CA in dir beside the one that is there. CAFile then holds both, the new one first: nodes that
// have it trust certificates of either. Issue signs with the new one. The old key goes to OldCAKeyFile.
//
// The order is what keeps a cluster together: every node gets the CA file of both, then a certificate of the new CA,
// and only then RetireCA's file.
func RotateCA(dir string) error {
	old, _, err := loadCA(dir)
	if err != nil {
		return err
	}
	b, err := os.ReadFile(filepath.Join(dir, CAFile))
	if err != nil {
		return fmt.Errorf("read the CA: %w", err)
	}
	if all, err := parseCertificates(b); err != nil || len(all) > 1 {
		return errors.Join(err, fmt.Errorf("%q holds %d CAs: a rotation is under way; end it with failoverctl cert retire", filepath.Join(dir, CAFile), len(all)))
	}
	key, err := os.ReadFile(filepath.Join(dir, CAKeyFile))
	if err != nil {
		return fmt.Errorf("read the CA's key: %w", err)
	}
	der, newKey, err := makeCA()
	if err != nil {
		return err
	}
	if err := replaceFile(filepath.Join(dir, OldCAKeyFile), key, 0o600); err != nil {
		return err
	}
	if err := writePair(filepath.Join(dir, CAFile), filepath.Join(dir, CAKeyFile), der, newKey); err != nil {
		return err
	}
	return replaceFile(filepath.Join(dir, CAFile), bundle(der, old.Raw), 0o644)
}

// RetireCA takes all CAs but the newest out of CAFile, and removes OldCAKeyFile. A node that gets the file and still has
// a certificate of an older CA does not take it, and says so.
func RetireCA(dir string) error {
	now, _, err := loadCA(dir)
	if err != nil {
		return err
	}
	if err := replaceFile(filepath.Join(dir, CAFile), bundle(now.Raw), 0o644); err != nil {
		return err
	}
	if err := os.Remove(filepath.Join(dir, OldCAKeyFile)); err != nil && !errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("remove the old CA's key: %w", err)
	}
	return nil
}

func bundle(ders ...[]byte) []byte {
	var b bytes.Buffer
	for _, der := range ders {
		_ = pem.Encode(&b, &pem.Block{Type: "CERTIFICATE", Bytes: der}) // a Buffer takes all
	}
	return b.Bytes()
}
