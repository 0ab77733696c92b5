package zone

import (
	"slices"
	"strings"

	"github.com/miekg/dns"

	"failoverdns/record"
)

// Lookup is Respond for people: the response code's mnemonic and the records of the answer and authority sections in
// presentation form.
func (im *Image) Lookup(name record.Name, t record.Type) (rcode string, answer, authority []string) {
	req := new(dns.Msg)
	req.SetQuestion(name.String(), uint16(t))
	m := im.Respond(req)
	return dns.RcodeToString[m.Rcode], present(m.Answer), present(m.Ns)
}

func present(rrs []dns.RR) []string {
	out := make([]string, len(rrs))
	for i, rr := range rrs {
		out[i] = rr.String()
	}
	return out
}

// Data is the data of a set's records in presentation form, sorted.
func Data(set record.Set) []string {
	var out []string
	for _, rr := range toRecords(".", set) {
		_, data, _ := strings.Cut(rr.String(), rr.Header().String())
		out = append(out, data)
	}
	slices.Sort(out)
	return out
}
