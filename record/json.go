package record

import (
	"encoding/base64"
	"encoding/json"
	"strconv"
)

// AppendJSON appends what json.Marshal gives of a set, at a tenth of the cost: digests are taken of millions.
func (s *Set) AppendJSON(b []byte) []byte {
	b = append(b, `{"name":`...)
	b = s.Name.appendJSON(b)
	b = strconv.AppendUint(append(b, `,"type":`...), uint64(s.Type), 10)
	b = strconv.AppendUint(append(b, `,"ttl":`...), uint64(s.TTL), 10)
	if s.Data == nil {
		return append(b, `,"data":null}`...)
	}
	b = append(b, `,"data":[`...)
	for i, d := range s.Data {
		if i > 0 {
			b = append(b, ',')
		}
		if d == nil {
			b = append(b, "null"...)
			continue
		}
		b = append(base64.StdEncoding.AppendEncode(append(b, '"'), d), '"')
	}
	return append(b, "]}"...)
}

// appendJSON writes plain names itself, and leaves others, which need escapes, to package json.
func (n Name) appendJSON(b []byte) []byte {
	start := len(b)
	b = append(b, '"')
	for i := 0; i < len(n) && n[i] != 0; i += 1 + int(n[i]) {
		for _, c := range []byte(n[i+1 : i+1+int(n[i])]) {
			if !plain(c) {
				text, err := json.Marshal(n)
				if err != nil {
					panic("record: a name does not encode: " + err.Error()) // text always does
				}
				return append(b[:start], text...)
			}
			b = append(b, c)
		}
		b = append(b, '.')
	}
	if n == Root {
		b = append(b, '.')
	}
	return append(b, '"')
}

func plain(c byte) bool {
	return 'a' <= c && c <= 'z' || '0' <= c && c <= '9' || c == '-' || c == '_' || c == '*'
}
