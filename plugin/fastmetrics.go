package failover

import (
	"slices"
	"strings"

	"github.com/coredns/coredns/plugin/metrics/vars"
	"github.com/miekg/dns"
	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"

	"failoverdns/listener"
	"failoverdns/record"
)

// The fast path counts for itself, in plain numbers for each batch. At each scrape its counts are added to those that
// CoreDNS and this plugin keep of what they have answered: the same series speak of both.

// merged is a vector of counters or histograms whose values have the fast path's added.
type merged struct {
	prometheus.Collector
	child func(labels prometheus.Labels) error // makes a series, so that it is there to be added to
	parts func(t tallied) []addition
}

// addition is what the fast path adds to one series.
type addition struct {
	labels prometheus.Labels
	count  uint64            // for a counter
	values []listener.Amount // for a histogram
}

// tallied is the fast path's counts of one server block on one address.
type tallied struct {
	*listener.Tally
	server, zone string
}

// Collect implements prometheus.Collector.
func (m merged) Collect(ch chan<- prometheus.Metric) {
	add := map[string]addition{}
	for server, zones := range fast.Tallies() {
		for name, t := range zones {
			for _, a := range m.parts(tallied{t, server, name.String()}) {
				if m.child(a.labels) == nil {
					add[seriesOf(a.labels)] = a
				}
			}
		}
	}
	own := make(chan prometheus.Metric)
	go func() {
		defer close(own)
		m.Collector.Collect(own)
	}()
	for metric := range own {
		ch <- sum{metric, add}
	}
}

// sum is one series with what is to be added.
type sum struct {
	prometheus.Metric
	add map[string]addition
}

// Write implements prometheus.Metric.
func (s sum) Write(out *dto.Metric) error {
	if err := s.Metric.Write(out); err != nil {
		return err
	}
	labels := prometheus.Labels{}
	for _, l := range out.Label {
		labels[l.GetName()] = l.GetValue()
	}
	a, ok := s.add[seriesOf(labels)]
	switch {
	case !ok:
	case out.Counter != nil:
		v := out.Counter.GetValue() + float64(a.count)
		out.Counter.Value = &v
	case out.Histogram != nil:
		addValues(out.Histogram, a.values)
	}
	return nil
}

// seriesOf is one text for equal labels.
func seriesOf(labels prometheus.Labels) string {
	var all []string
	for k, v := range labels {
		all = append(all, k+"="+v)
	}
	slices.Sort(all)
	return strings.Join(all, "\x00")
}

// mergeFast lets the series of CoreDNS and this plugin speak of the fast path too.
func mergeFast() {
	counter := func(vec *prometheus.CounterVec, parts func(tallied) []addition) {
		merge(vec, func(l prometheus.Labels) error { _, err := vec.GetMetricWith(l); return err }, parts)
	}
	histogram := func(vec *prometheus.HistogramVec, parts func(tallied) []addition) {
		merge(vec, func(l prometheus.Labels) error { _, err := vec.GetMetricWith(l); return err }, parts)
	}
	counter(queries, answersOf)
	counter(vars.RequestCount, measuredParts(requestsOf))
	counter(vars.RequestDo, measuredParts(signaturesOf))
	counter(vars.ResponseRcode, measuredParts(rcodesOf))
	histogram(vars.RequestSize, measuredParts(func(t tallied) []addition { return sizesOf(t, t.In) }))
	histogram(vars.ResponseSize, measuredParts(func(t tallied) []addition { return sizesOf(t, t.Out) }))
	histogram(vars.RequestDuration, measuredParts(func(t tallied) []addition {
		return []addition{{labels: t.labels(nil), values: t.Took.Amounts()}}
	}))
}

func merge(vec prometheus.Collector, child func(prometheus.Labels) error, parts func(tallied) []addition) {
	prometheus.Unregister(vec)
	prometheus.MustRegister(merged{vec, child, parts})
}

// measuredParts leaves out server blocks without the plugin prometheus.
func measuredParts(parts func(tallied) []addition) func(tallied) []addition {
	return func(t tallied) []addition {
		if len(t.Took.Amounts()) == 0 {
			return nil
		}
		return parts(t)
	}
}

// labels are those of all of CoreDNS's series, with some more.
func (t tallied) labels(more prometheus.Labels) prometheus.Labels {
	l := prometheus.Labels{"server": t.server, "zone": t.zone, "view": ""}
	for k, v := range more {
		l[k] = v
	}
	return l
}

func requestsOf(t tallied) (all []addition) {
	for family, kinds := range t.Requests {
		for kind, count := range kinds {
			if count == 0 {
				continue
			}
			name := "other"
			if kind < len(listener.Types) {
				name = dns.TypeToString[listener.Types[kind]]
			}
			labels := t.labels(prometheus.Labels{"proto": "udp", "family": string(rune('1' + family)), "type": name})
			all = append(all, addition{labels: labels, count: count})
		}
	}
	return all
}

func signaturesOf(t tallied) []addition {
	if t.DO == 0 {
		return nil
	}
	return []addition{{labels: t.labels(nil), count: t.DO}}
}

func rcodesOf(t tallied) (all []addition) {
	for rcode, count := range t.Rcodes {
		if count > 0 {
			all = append(all, addition{labels: t.labels(prometheus.Labels{"rcode": dns.RcodeToString[rcode], "plugin": name}), count: count})
		}
	}
	return all
}

// answersOf is what this plugin counts itself.
func answersOf(t tallied) (all []addition) {
	for rcode, count := range t.Rcodes {
		if count > 0 {
			labels := prometheus.Labels{"server": t.server, "zone": t.zone, "rcode": dns.RcodeToString[rcode]}
			all = append(all, addition{labels: labels, count: count})
		}
	}
	return all
}

func sizesOf(t tallied, counts [listener.Sizes]uint64) []addition {
	var values []listener.Amount
	for size, count := range counts {
		if count > 0 {
			values = append(values, listener.Amount{Value: float64(size), Count: count})
		}
	}
	return []addition{{labels: t.labels(prometheus.Labels{"proto": "udp"}), values: values}}
}

// What became of the packets that the fast path took in.
var (
	fastAnswered = prometheus.NewDesc(prometheus.BuildFQName("coredns", name, "fast_answers_total"),
		"Queries answered by the fast path.", []string{"server"}, nil)
	fastPassed = prometheus.NewDesc(prometheus.BuildFQName("coredns", name, "fast_passed_total"),
		"Queries that the fast path handed to CoreDNS.", []string{"server"}, nil)
	fastLost = prometheus.NewDesc(prometheus.BuildFQName("coredns", name, "fast_dropped_total"),
		"Packets that the fast path dropped, by reason.", []string{"server", "reason"}, nil)
)

// What became of connections.
var (
	connectionsOpen    = gauge("connections", "Connections that are open.", "server")
	connectionsRefused = prometheus.NewDesc(prometheus.BuildFQName("coredns", name, "connections_refused_total"),
		"Connections turned away, by reason.", []string{"server", "reason"}, nil)
	connectionsEvicted = prometheus.NewDesc(prometheus.BuildFQName("coredns", name, "connections_evicted_total"),
		"Connections closed to make room for newer ones.", []string{"server"}, nil)
)

var fastDescs = []*prometheus.Desc{fastAnswered, fastPassed, fastLost, connectionsOpen, connectionsRefused, connectionsEvicted}

// fastCollector tells them at each scrape.
type fastCollector struct{}

// Describe implements prometheus.Collector.
func (fastCollector) Describe(ch chan<- *prometheus.Desc) {
	for _, d := range fastDescs {
		ch <- d
	}
}

// Collect implements prometheus.Collector.
func (fastCollector) Collect(ch chan<- prometheus.Metric) {
	counter := func(d *prometheus.Desc, v uint64, labels ...string) {
		ch <- prometheus.MustNewConstMetric(d, prometheus.CounterValue, float64(v), labels...)
	}
	answers := fast.Tallies()
	for server, p := range fast.Packets() {
		counter(fastAnswered, answered(answers[server]), server)
		counter(fastPassed, p.Passed, server)
		counter(fastLost, p.Malformed, server, "malformed")
		counter(fastLost, p.Overflow, server, "overflow")
		counter(fastLost, p.Limited, server, "ratelimit")
		counter(fastLost, p.Shed, server, "pressure")
		counter(fastLost, p.Lost, server, "queue")
	}
	for server, c := range streams.Counts() {
		ch <- prometheus.MustNewConstMetric(connectionsOpen, prometheus.GaugeValue, float64(c.Open), server)
		counter(connectionsRefused, c.Network, server, "network")
		counter(connectionsRefused, c.Total, server, "total")
		counter(connectionsEvicted, c.Evicted, server)
	}
}

func answered(zones map[record.Name]*listener.Tally) (n uint64) {
	for _, t := range zones {
		for _, count := range t.Rcodes {
			n += count
		}
	}
	return n
}
