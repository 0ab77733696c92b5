package failover

// notYet is what the Corefile's language has and this version's server does not act on, with what to do meanwhile.
// It is refused rather than accepted without effect. An entry goes away when it comes true.
var notYet = map[string]string{
	"cluster join":         "list the nodes with peer lines",
	"cluster role replica": "use role voter",
	"cluster role witness": "use role voter; a voter in a third place does the witness's work and answers as well",
	"admin tokens":         "leave it out: the admin API listens on a loopback address, without tokens",
	"admin tls":            "leave it out: the admin API listens on a loopback address, without TLS",
}

// supported refuses what stands in notYet.
func (l *line) supported(what string) error {
	if meanwhile, refused := notYet[what]; refused {
		return l.errorf("%q is not supported by this version; %s", what, meanwhile)
	}
	return nil
}
