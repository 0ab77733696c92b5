package listener

import (
	"encoding/hex"
	"net/netip"
	"strings"
	"testing"
	"time"
)

func unhex(t *testing.T, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(s)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func secrets(t *testing.T, text string) []Secret {
	t.Helper()
	all, err := ParseSecrets(text)
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// TestCookiesAreThoseOfRFC9018 has the examples of its appendix A.
func TestCookiesAreThoseOfRFC9018(t *testing.T) {
	for _, c := range []struct {
		claim, secret, client, from string
		at                          int64
		want                        string
	}{
		{"A.1, a new cookie", "e5e973e5a6b2a43f48e7dc849e37bfcf", "2464c4abcf10c957", "198.51.100.100", 1559731985, "2464c4abcf10c957010000005cf79f111f8130c3eee29480"},
		{"A.2, the same client renewed", "e5e973e5a6b2a43f48e7dc849e37bfcf", "2464c4abcf10c957", "198.51.100.100", 1559734385, "2464c4abcf10c957010000005cf7a871d4a564a1442aca77"},
		{"A.4, IPv6 with a new secret", "445536bcd2513298075a5d379663c962", "22681ab97d52c298", "2001:db8:220:1:59de:d0f4:8769:82b8", 1559741961, "22681ab97d52c298010000005cf7c609a6bb79d16625507a"},
	} {
		s := secrets(t, c.secret)[0]
		got := s.append(nil, unhex(t, c.client), netip.MustParseAddr(c.from), time.Unix(c.at, 0))
		if hex.EncodeToString(got) != c.want {
			t.Errorf("%s: got %x, want %s", c.claim, got, c.want)
		}
	}
}

func TestCookieIsGoodForItsAddressTimeAndSecrets(t *testing.T) {
	both := secrets(t, "445536bcd2513298075a5d379663c962 # new\n\ne5e973e5a6b2a43f48e7dc849e37bfcf\n")
	from, now := netip.MustParseAddr("198.51.100.100"), time.Unix(1559731985, 0)
	old := both[1].append(nil, make([]byte, 8), from, now)
	damaged := append([]byte(nil), old...)
	damaged[20] ^= 1
	for _, c := range []struct {
		claim   string
		secrets []Secret
		cookie  []byte
		from    string
		after   time.Duration
		want    bool
	}{
		{"as it was given", both[1:], old, "198.51.100.100", 0, true},
		{"to a mapped address", both[1:], old, "::ffff:198.51.100.100", 0, true},
		{"with a newer secret in front", both, old, "198.51.100.100", 0, true},
		{"with the old secret gone", both[:1], old, "198.51.100.100", 0, false},
		{"from another address", both, old, "198.51.100.101", 0, false},
		{"damaged", both, damaged, "198.51.100.100", 0, false},
		{"the client's part alone", both, old[:8], "198.51.100.100", 0, false},
		{"an hour later", both, old, "198.51.100.100", time.Hour, true},
		{"more than an hour later", both, old, "198.51.100.100", time.Hour + time.Second, false},
		{"by a clock that is a little ahead", both, old, "198.51.100.100", -5 * time.Minute, true},
		{"by one that is far ahead", both, old, "198.51.100.100", -6 * time.Minute, false},
	} {
		if got := good(c.secrets, c.cookie, netip.MustParseAddr(c.from), now.Add(c.after)); got != c.want {
			t.Errorf("%s: got %v", c.claim, got)
		}
	}
}

func TestSecretsFileNamesTheLineThatIsWrong(t *testing.T) {
	for text, want := range map[string]string{
		"":                                    "no cookie secret",
		"# nothing\n":                         "no cookie secret",
		"445536bcd2513298075a5d379663c962\nx": "line 2",
		"445536bcd2513298075a5d379663c96200":  "line 1",
		"445536bcd2513298075a5d379663c9":      "line 1",
		"445536bcd2513298075a5d379663c96z":    "line 1",
	} {
		if _, err := ParseSecrets(text); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: got %v", text, err)
		}
	}
}
