package record

// Compare orders names as RFC 4034 section 6.1 does, and as their Keys do, without making them.
func Compare(a, b Name) int {
	var as, bs [128]uint8
	na, nb := a.starts(&as), b.starts(&bs)
	for na > 0 && nb > 0 {
		na, nb = na-1, nb-1
		la, lb := a.label(int(as[na])), b.label(int(bs[nb]))
		if la != lb {
			if la < lb {
				return -1
			}
			return 1
		}
	}
	return na - nb
}

// starts notes where the labels start, and gives their number. A name has at most 255 octets.
func (n Name) starts(at *[128]uint8) (count int) {
	for i := 0; i < len(n) && n[i] != 0; i += 1 + int(n[i]) {
		at[count] = uint8(i)
		count++
	}
	return count
}

// label is the label that starts at an octet.
func (n Name) label(at int) Name { return n[at+1 : at+1+int(n[at])] }
