package zone

import (
	"fmt"
	"slices"
	"strings"

	"github.com/miekg/dns"

	"failoverdns/record"
)

// Lookup is Respond for people: the response code's mnemonic and the records of the answer and authority sections in
// presentation form.
func (im *Image) Lookup(name record.Name, t record.Type, images Images) (rcode string, answer, authority []string) {
	req := new(dns.Msg)
	req.SetQuestion(name.String(), uint16(t))
	m := im.Respond(req, images)
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
		if unknown, ok := rr.(*dns.RFC3597); ok {
			data = fmt.Sprintf(`\# %d %s`, len(unknown.Rdata)/2, unknown.Rdata) // its own text has another header
		}
		out = append(out, data)
	}
	slices.Sort(out)
	return out
}
