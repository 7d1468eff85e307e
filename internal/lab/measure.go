package lab

import (
	"bufio"
	"context"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"go.opentelemetry.io/otel"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	semconv "go.opentelemetry.io/otel/semconv/v1.37.0"
	"go.opentelemetry.io/otel/trace"

	"zhijia/internal/appraisal"
	"zhijia/internal/fault"
	"zhijia/internal/store"
)

// Row is one line of the table of a measurement.
type Row struct {
	What       string  `json:"what"`
	Clients    int     `json:"clients"`
	Times      int     `json:"times"`
	P50        float64 `json:"p50_ms"`
	P99        float64 `json:"p99_ms"`
	PerSecond  float64 `json:"per_second"`
	Statements float64 `json:"statements,omitempty"` // sent to the database for one, counted in a run of its own
	RoundTrips float64 `json:"round_trips,omitempty"`
	InDatabase float64 `json:"database_ms,omitempty"`
}

// Measurement is what a database of some size gave on this machine.
type Measurement struct {
	Counts     store.Counts      `json:"counts"`
	Tables     []store.TableSize `json:"tables"`
	Path       string            `json:"search_path"` // exact, or hnsw
	First      float64           `json:"first_valuation_ms"`
	Rows       []Row             `json:"rows"`
	Statements []string          `json:"statements_of_20_valuations,omitempty"`
	PeakMiB    float64           `json:"peak_mib"` // resident memory of this process
	Finished   time.Time         `json:"finished_at"`
}

// Plan of a measurement.
type Plan struct {
	Seed    uint64
	Patents int   // that were generated
	Times   int   // valuations a line; searches and lists a fifth of it
	Clients []int // at once
	Say     func(Row)
}

// Measure values, searches and lists over what [Generate] made. counted is the
// same service over a traced connection, for counting statements; nil: not
// counted.
func Measure(ctx context.Context, db *store.DB, svc, counted *appraisal.Service, statements *Statements, actor appraisal.Actor, p Plan) (m Measurement, err error) {
	defer fault.Wrap(&err, "lab.Measure")
	ctx = store.As(ctx, actor.Institution)
	if has, err := db.HasPatent(ctx, Number(p.Seed, max(0, p.Patents-1))); err != nil {
		return m, err
	} else if !has || p.Patents < 1 {
		return m, fault.New(fault.NotFound, "lab.not_generated", "没有找到按此种子与数量生成的专利，请先运行 zhijia lab generate。", "The patents of this seed and number are not there; run zhijia lab generate first.")
	}
	r := rand.New(rand.NewPCG(p.Seed, 99))
	at := make([]int, 100_000)
	for i := range at {
		at[i] = r.IntN(p.Patents)
	}
	value := func(svc *appraisal.Service) func(context.Context, int) error {
		return func(ctx context.Context, i int) error {
			_, err := svc.Value(ctx, actor, appraisal.Request{Number: Number(p.Seed, at[i%len(at)]), Purpose: "pledge"})
			return err
		}
	}
	ops := []struct {
		what string
		per  int // so many fewer than valuations
		on   func(*appraisal.Service) func(context.Context, int) error
	}{
		{"valuation", 1, value},
		{"comparables", 1, func(svc *appraisal.Service) func(context.Context, int) error {
			return func(ctx context.Context, i int) error {
				_, err := svc.Comparables(ctx, actor, appraisal.Request{Number: Number(p.Seed, at[(i+31)%len(at)]), Purpose: "pledge"})
				return err
			}
		}},
		{"search by text", 5, func(svc *appraisal.Service) func(context.Context, int) error {
			return func(ctx context.Context, i int) error {
				found, err := svc.Spaces().SearchPatents(ctx, Patent(p.Seed, at[(i+7)%len(at)]).Abstract, store.PatentFilter{}, 20)
				m.Path = found.Path
				return err
			}
		}},
		{"search in one subclass", 5, func(svc *appraisal.Service) func(context.Context, int) error {
			return func(ctx context.Context, i int) error {
				x := Patent(p.Seed, at[(i+13)%len(at)])
				_, err := svc.Spaces().SearchPatents(ctx, x.Abstract, store.PatentFilter{IPC: []string{x.IPC[0][:4]}}, 20)
				return err
			}
		}},
		{"look-up by number", 1, func(svc *appraisal.Service) func(context.Context, int) error {
			return func(ctx context.Context, i int) error {
				_, err := svc.FindPatents(ctx, actor, Number(p.Seed, at[(i+3)%len(at)]), 20)
				return err
			}
		}},
		{"list of valuations", 1, func(svc *appraisal.Service) func(context.Context, int) error {
			return func(ctx context.Context, i int) error {
				_, _, err := svc.Valuations(ctx, actor, appraisal.Query{}, "", 50)
				return err
			}
		}},
	}
	start := time.Now()
	if err := ops[0].on(svc)(ctx, 0); err != nil {
		return m, err
	}
	m.First = ms(time.Since(start))
	for _, op := range ops {
		for _, clients := range p.Clients {
			times := max(1, p.Times/op.per)
			if op.per > 1 && clients > 1 {
				continue
			}
			row, err := run(ctx, op.what, clients, times, op.on(svc))
			if err != nil {
				return m, err
			}
			if counted != nil && clients == p.Clients[0] {
				ctx, span := otel.Tracer("lab").Start(ctx, op.what) // statements are traced below a span alone
				if err := op.on(counted)(ctx, 0); err != nil {      // the first also prepares and fills caches
					return m, err
				}
				statements.reset()
				n := 20 / (op.per * op.per) // searches take long and send the same each time
				n = max(1, n)
				for i := range n {
					if err := op.on(counted)(ctx, i+1); err != nil {
						return m, err
					}
				}
				span.End()
				count, trips, took := statements.read()
				row.Statements, row.RoundTrips, row.InDatabase = float64(count)/float64(n), float64(trips)/float64(n), ms(took)/float64(n)
				if op.what == "valuation" {
					m.Statements = statements.Texts()
				}
			}
			m.Rows = append(m.Rows, row)
			if p.Say != nil {
				p.Say(row)
			}
		}
	}
	if m.Counts, err = db.Counts(ctx); err != nil {
		return m, err
	}
	if m.Tables, err = db.TableSizes(ctx); err != nil {
		return m, err
	}
	m.PeakMiB, m.Finished = peakMiB(), time.Now().UTC()
	return m, nil
}

func run(ctx context.Context, what string, clients, times int, one func(context.Context, int) error) (Row, error) {
	took := make([]time.Duration, times)
	var next atomic.Int64
	var wg sync.WaitGroup
	var once sync.Once
	var failed error
	begin := time.Now()
	for range clients {
		wg.Go(func() {
			for {
				i := int(next.Add(1)) - 1
				if i >= times || ctx.Err() != nil {
					return
				}
				t := time.Now()
				if err := one(ctx, i); err != nil {
					once.Do(func() { failed = err })
					return
				}
				took[i] = time.Since(t)
			}
		})
	}
	wg.Wait()
	if failed != nil {
		return Row{}, failed
	}
	if err := ctx.Err(); err != nil {
		return Row{}, err
	}
	total := time.Since(begin)
	slices.Sort(took)
	at := func(q float64) float64 { return ms(took[min(times-1, int(q*float64(times)))]) }
	return Row{What: what, Clients: clients, Times: times, P50: at(.5), P99: at(.99), PerSecond: float64(times) / total.Seconds()}, nil
}

func ms(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }

// peakMiB is the largest resident memory of this process, 0 where the system
// does not tell.
func peakMiB() float64 {
	f, err := os.Open("/proc/self/status")
	if err != nil {
		return 0
	}
	defer f.Close()
	for s := bufio.NewScanner(f); s.Scan(); {
		if v, ok := strings.CutPrefix(s.Text(), "VmHWM:"); ok {
			kb, _ := strconv.ParseFloat(strings.TrimSpace(strings.TrimSuffix(strings.TrimSpace(v), "kB")), 64)
			return kb / 1024
		}
	}
	return 0
}

// Statements counts what is sent to the database, from the spans of its
// connections.
type Statements struct {
	mu      sync.Mutex
	n       int
	trips   int
	took    time.Duration
	texts   map[string]int
	batches map[trace.SpanID]bool
}

// Count starts counting and returns the counter; connections opened with
// tracing afterwards are counted.
func Count() *Statements {
	s := &Statements{texts: map[string]int{}, batches: map[trace.SpanID]bool{}}
	otel.SetTracerProvider(sdktrace.NewTracerProvider(sdktrace.WithSpanProcessor(s)))
	return s
}

// OnStart notes a batch, whose statements travel together.
func (s *Statements) OnStart(_ context.Context, span sdktrace.ReadWriteSpan) {
	if span.Name() == "batch start" {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.batches[span.SpanContext().SpanID()] = true
	}
}

// OnEnd counts a statement. What names the institution goes along with each and
// is not counted.
func (s *Statements) OnEnd(span sdktrace.ReadOnlySpan) {
	text := ""
	for _, a := range span.Attributes() {
		if a.Key == semconv.DBQueryTextKey {
			text = strings.TrimSpace(a.Value.AsString())
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	inBatch := s.batches[span.Parent().SpanID()]
	switch {
	case span.Name() == "batch start":
		delete(s.batches, span.SpanContext().SpanID())
		fallthrough
	case text != "" && !inBatch && !strings.HasPrefix(span.Name(), "prepare"):
		s.trips++
		s.took += span.EndTime().Sub(span.StartTime())
	}
	if text == "" || strings.HasPrefix(span.Name(), "prepare") || strings.HasPrefix(text, "SELECT set_config('zhijia.institution'") || text == "commit" || strings.HasPrefix(strings.ToUpper(text), "BEGIN") {
		return
	}
	s.texts[text]++
	s.n++
}

// Shutdown does nothing.
func (s *Statements) Shutdown(context.Context) error { return nil }

// ForceFlush does nothing.
func (s *Statements) ForceFlush(context.Context) error { return nil }

func (s *Statements) reset() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.n, s.trips, s.took, s.texts = 0, 0, 0, map[string]int{}
}

func (s *Statements) read() (statements, trips int, took time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.n, s.trips, s.took
}

// Whole returns every statement counted last, as it was sent.
func (s *Statements) Whole() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Sorted(maps.Keys(s.texts))
}

// Texts lists the statements counted last, the most frequent first.
func (s *Statements) Texts() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	var out []string
	for text, n := range s.texts {
		out = append(out, fmt.Sprintf("%6d  %.160s", n, strings.Join(strings.Fields(text), " ")))
	}
	slices.Sort(out)
	slices.Reverse(out)
	return out
}
