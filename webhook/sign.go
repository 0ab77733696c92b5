package webhook

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// The headers of Standard Webhooks.
const (
	IDHeader        = "Webhook-Id"
	TimestampHeader = "Webhook-Timestamp"
	SignatureHeader = "Webhook-Signature"
)

// secretPrefix marks a secret in base64, as Standard Webhooks writes it.
const secretPrefix = "whsec_"

// minSecret is the least length of a secret in bytes, as Standard Webhooks demands.
const minSecret = 24

// secrets reads a file of secrets, one on each line: base64 behind "whsec_", or any text as it stands. While a secret is
// being changed both stand there, and requests carry a signature by each.
func secrets(text []byte) (keys [][]byte, err error) {
	for n, line := range strings.Split(string(text), "\n") {
		if line = strings.TrimSpace(line); line == "" {
			continue
		}
		key := []byte(line)
		if encoded, ok := strings.CutPrefix(line, secretPrefix); ok {
			if key, err = base64.StdEncoding.DecodeString(encoded); err != nil {
				return nil, fmt.Errorf("line %d is no base64 behind %s", n+1, secretPrefix)
			}
		}
		if len(key) < minSecret {
			return nil, fmt.Errorf("the secret of line %d has %d bytes; at least %d: openssl rand -base64 32", n+1, len(key), minSecret)
		}
		keys = append(keys, key)
	}
	if keys == nil {
		return nil, fmt.Errorf("no secret stands in it")
	}
	return keys, nil
}

// Sign is the value of SignatureHeader.
func Sign(keys [][]byte, id string, at time.Time, body []byte) string {
	var out []string
	for _, key := range keys {
		mac := hmac.New(sha256.New, key)
		mac.Write([]byte(id + "." + strconv.FormatInt(at.Unix(), 10) + "."))
		mac.Write(body)
		out = append(out, "v1,"+base64.StdEncoding.EncodeToString(mac.Sum(nil)))
	}
	return strings.Join(out, " ")
}
