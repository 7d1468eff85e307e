package gate

import (
	"context"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"zhijia/internal/store"
)

// databaseMetrics tells of the database and of the work that waits in it. Every
// process of one database tells the same of the work: take the largest, not the
// sum.
type databaseMetrics struct {
	db *store.DB

	mu    sync.Mutex
	asked time.Time
	last  []prometheus.Metric
}

// between is how often the database is asked at most, however often it is
// scraped.
const between = 15 * time.Second

var (
	databaseUp    = prometheus.NewDesc("zhijia_database_up", "1: the database answers.", nil, nil)
	databaseConns = prometheus.NewDesc("zhijia_database_connections", "Connections of this process.", []string{"state"}, nil)
	databaseMost  = prometheus.NewDesc("zhijia_database_connections_max", "Connections this process may open.", nil, nil)
	databaseBytes = prometheus.NewDesc("zhijia_database_bytes", "Size of the database on disk.", nil, nil)
	replicaBehind = prometheus.NewDesc("zhijia_replica_behind_seconds", "How old the follower is at most; absent: none, or it cannot be told.", nil, nil)
	replicaUsed   = prometheus.NewDesc("zhijia_replica_used", "1: searches are read from the follower; 0: it is away or too far behind.", nil, nil)
	jobsOpen      = prometheus.NewDesc("zhijia_jobs", "Background work that has not ended.", []string{"kind", "status"}, nil)
	jobsOldest    = prometheus.NewDesc("zhijia_jobs_oldest_seconds", "Age of the oldest work that has not ended.", []string{"kind"}, nil)
	jobsFailing   = prometheus.NewDesc("zhijia_jobs_failing", "Work whose last turn failed or whose process died.", []string{"kind"}, nil)
)

// Describe implements prometheus.Collector; what is told depends on what is there.
func (m *databaseMetrics) Describe(chan<- *prometheus.Desc) {}

// Collect implements prometheus.Collector.
func (m *databaseMetrics) Collect(out chan<- prometheus.Metric) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if time.Since(m.asked) >= between {
		m.last, m.asked = m.ask(), time.Now()
	}
	for _, x := range m.last {
		out <- x
	}
}

func (m *databaseMetrics) ask() (list []prometheus.Metric) {
	gauge := func(d *prometheus.Desc, v float64, labels ...string) {
		list = append(list, prometheus.MustNewConstMetric(d, prometheus.GaugeValue, v, labels...))
	}
	ctx, stop := context.WithTimeout(context.Background(), 2*time.Second)
	defer stop()
	conns := m.db.Connections()
	gauge(databaseConns, float64(conns.Busy), "busy")
	gauge(databaseConns, float64(conns.Idle), "idle")
	gauge(databaseMost, float64(conns.Most))
	state, err := m.db.Workload(ctx)
	if err != nil {
		gauge(databaseUp, 0)
		return list
	}
	gauge(databaseUp, 1)
	gauge(databaseBytes, float64(state.Bytes))
	for _, w := range state.Jobs {
		gauge(jobsOpen, float64(w.Open), w.Kind, w.Status)
	}
	for kind, w := range state.Kinds {
		gauge(jobsOldest, w.Oldest, kind)
		gauge(jobsFailing, float64(w.Failing), kind)
	}
	if _, read := m.db.OnReplica(ctx); read != nil {
		used := 0.0
		if read.Server == "replica" {
			used = 1
		}
		gauge(replicaUsed, used)
		if read.Behind != nil {
			gauge(replicaBehind, *read.Behind)
		}
	}
	return list
}
