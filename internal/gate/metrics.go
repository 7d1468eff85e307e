package gate

import (
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
)

// metrics of one server, on a registry of its own so that two servers in one
// process do not collide.
type metrics struct {
	registry   *prometheus.Registry
	requests   *prometheus.CounterVec
	seconds    *prometheus.HistogramVec
	inFlight   prometheus.Gauge
	panics     prometheus.Counter
	limited    prometheus.Counter
	refused    prometheus.Counter
	denied     *prometheus.CounterVec
	valuations prometheus.Counter
}

func newMetrics() *metrics {
	m := &metrics{
		registry: prometheus.NewRegistry(),
		requests: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "zhijia_http_requests_total", Help: "Requests answered, by route and status.",
		}, []string{"route", "status"}),
		seconds: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "zhijia_http_request_seconds", Help: "Time to answer, by route.",
			Buckets: []float64{.001, .0025, .005, .01, .015, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 30, 60},
		}, []string{"route"}),
		inFlight: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "zhijia_http_in_flight", Help: "Requests being answered.",
		}),
		panics: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "zhijia_http_panics_total", Help: "Requests that ended in a panic.",
		}),
		limited: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "zhijia_http_rate_limited_total", Help: "Requests refused by the rate limit.",
		}),
		refused: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "zhijia_http_refused_total", Help: "Requests for which there was no place in time.",
		}),
		denied: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "zhijia_http_denied_total", Help: "Requests refused for want of a key or a role.",
		}, []string{"code"}),
		valuations: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "zhijia_valuations_total", Help: "Valuations stored through REST.",
		}),
	}
	m.registry.MustRegister(m.requests, m.seconds, m.inFlight, m.panics, m.limited, m.refused, m.denied, m.valuations,
		collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return m
}
