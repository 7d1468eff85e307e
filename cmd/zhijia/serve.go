package main

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"time"

	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracehttp"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/sdk/resource"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	semconv "go.opentelemetry.io/otel/semconv/v1.37.0"

	"zhijia/eval"
	"zhijia/internal/api"
	"zhijia/internal/appraisal"
	"zhijia/internal/arranger"
	"zhijia/internal/audit"
	"zhijia/internal/chain"
	"zhijia/internal/desk"
	"zhijia/internal/dossier"
	"zhijia/internal/fault"
	"zhijia/internal/fetch"
	"zhijia/internal/gate"
	"zhijia/internal/harness"
	"zhijia/internal/intake"
	"zhijia/internal/jobs"
	"zhijia/internal/judge"
	"zhijia/internal/labelling"
	"zhijia/internal/ledger"
	"zhijia/internal/pages"
	"zhijia/internal/product"
	"zhijia/internal/reading"
	"zhijia/internal/store"
	"zhijia/prompts"
)

// serviceFlags are the settings of the service.
type serviceFlags struct {
	Database
	modelFlags

	Listen         string        `env:"ZHIJIA_LISTEN" group:"Service" default:"127.0.0.1:8080" placeholder:"ADDR" help:"Address to listen on. Put a TLS proxy in front before leaving the machine."`
	RequestTimeout time.Duration `env:"ZHIJIA_REQUEST_TIMEOUT" group:"Service" default:"30s" help:"Deadline of one request."`
	ImportTimeout  time.Duration `env:"ZHIJIA_IMPORT_TIMEOUT" group:"Service" default:"30m" help:"Deadline of one upload."`
	DrainTimeout   time.Duration `env:"ZHIJIA_DRAIN_TIMEOUT" group:"Service" default:"40s" help:"How long a stop waits for accepted requests."`
	MaxBodyMiB     int64         `name:"max-body-mib" env:"ZHIJIA_MAX_BODY_MIB" group:"Service" default:"4" help:"Largest JSON body."`
	MaxUploadMiB   int64         `name:"max-upload-mib" env:"ZHIJIA_MAX_UPLOAD_MIB" group:"Service" default:"512" help:"Largest upload."`
	Rate           float64       `env:"ZHIJIA_RATE" group:"Service" default:"50" help:"Requests per second and key; 0: no limit."`
	Burst          int           `env:"ZHIJIA_BURST" group:"Service" default:"200" help:"Requests a key may send at once."`
	oidcFlags
	sourceFlags
	watchFlags
	DeskRows      int    `env:"ZHIJIA_DESK_ROWS" group:"Service" default:"4" help:"Rows of loan desks' files this process works at once; 0 leaves them to zhijia worker."`
	LogLevel      string `env:"ZHIJIA_LOG_LEVEL" group:"Observation" enum:"debug,info,warn,error" default:"info" help:"debug, info, warn or error."`
	LogFormat     string `env:"ZHIJIA_LOG_FORMAT" group:"Observation" enum:"json,text" default:"json" help:"json or text."`
	TraceEndpoint string `env:"OTEL_EXPORTER_OTLP_ENDPOINT" group:"Observation" placeholder:"URL" help:"OTLP/HTTP collector for traces. Empty: no traces."`
}

func (f *serviceFlags) logger(w io.Writer) *slog.Logger {
	var level slog.Level
	_ = level.UnmarshalText([]byte(f.LogLevel)) // the enum admits only valid names
	o := &slog.HandlerOptions{Level: level}
	if f.LogFormat == "text" {
		return slog.New(slog.NewTextHandler(w, o))
	}
	return slog.New(slog.NewJSONHandler(w, o))
}

// serveCmd runs the service.
type serveCmd struct {
	serviceFlags
}

// Run answers requests until the process is told to stop.
func (c *serveCmd) Run(g *Globals) error {
	defer steadyHeap(deskHeap)()
	log := c.logger(g.stderr)
	if err := scratchSpace(); err != nil {
		return err
	}
	stopTracing, err := c.startTracing(g.ctx)
	if err != nil {
		return err
	}
	defer stopTracing()
	c.trace = c.TraceEndpoint != ""
	service := *g
	service.Institution = "" // each request says whose it is
	db, done, err := c.open(&service)
	if err != nil {
		return err
	}
	defer done()
	identity, err := c.identity()
	if err != nil {
		return err
	}
	options, err := c.options(g.ctx, db, log, appraisal.Options{Log: log, Days: g.days})
	if err != nil {
		return err
	}
	svc, err := appraisal.New(g.ctx, db, options)
	if err != nil {
		return err
	}
	queue, err := jobs.New(db, log)
	if err != nil {
		return err
	}
	pools := arranger.New(db, queue, time.Now)
	loans, err := desk.New(db, svc, log)
	if err != nil {
		return err
	}
	portfolios, err := c.watcher(db, log, g.days)
	if err != nil {
		return err
	}
	entrance := gate.New(gate.Options{
		DB: db, Log: log, RequestTimeout: c.RequestTimeout, ImportTimeout: c.ImportTimeout, DrainTimeout: c.DrainTimeout,
		MaxBody: c.MaxBodyMiB << 20, MaxUpload: c.MaxUploadMiB << 20, RatePerSecond: c.Rate, RateBurst: c.Burst, Tracing: c.TraceEndpoint != "",
	})
	workers := append(portfolios.Workers(c.WatchInterval), c.scoring(g.ctx, judge.RunOptions{})...)
	workers = append(workers, loans.Monitor(bookInterval)...)
	evaluations := c.evaluations(g, db, queue)
	fetcher, err := fetch.New(db, svc, queue, c.Sources, time.Now, nil)
	if err != nil {
		return err
	}
	workers = append(workers, fetcher.Workers()...)
	workers = append(workers, pools.Worker(), evaluations.Worker(), entrance.Retention())
	deals := ledger.New(db, time.Now)
	workers = append(workers, deals.Worker(driftInterval))
	if c.DeskRows > 0 {
		workers = append(workers, loans.Workers(desk.WorkOptions{Rows: c.DeskRows})...)
	}
	defer beside(g.ctx, queue, log, workers)()
	files := intake.New(db, svc, time.Now)
	dossiers := dossier.New(db, time.Now, g.days)
	record := audit.New(db, time.Now)
	oneRight := chain.New(db, loans, dossiers, time.Now)
	reader := reading.New(db, svc, c.judge, time.Now)
	set, err := prompts.Load(c.Prompts)
	if err != nil {
		return err
	}
	labels := labelling.New(db, c.judge, set, time.Now)
	products := product.New(db, time.Now)
	if _, err := api.New(entrance, api.Options{
		Appraisal: svc, Desk: loans, Arranger: pools, Watch: portfolios, Intake: files, Ledger: deals, Dossier: dossiers, Audit: record, Chain: oneRight, Reading: reader, Labels: labels, Days: g.days, Version: release,
		Eval: evaluations, Fetch: fetcher, Products: products,
	}); err != nil {
		return err
	}
	if err := pages.Register(entrance, pages.Options{
		Appraisal: svc, Desk: loans, Watch: portfolios, Intake: files, Ledger: deals, Dossier: dossiers, Audit: record, Chain: oneRight, Reading: reader, Labels: labels, Products: products, Arranger: pools, Eval: evaluations, Fetch: fetcher, Institution: c.OIDC.Institution, Provider: identity,
	}); err != nil {
		return err
	}
	l, err := net.Listen("tcp", c.Listen)
	if err != nil {
		return fault.New(fault.Unavailable, "serve.listen", "无法监听 "+c.Listen+"。", "Cannot listen on "+c.Listen+".").Because(err)
	}
	log.Info("listening", "address", l.Addr().String(), "version", release)
	err = entrance.Serve(g.ctx, l)
	log.Info("stopped")
	return err
}

// evaluations are those anybody of an institution may ask for: of what ships,
// with no model.
func (d *Database) evaluations(g *Globals, db *store.DB, queue *jobs.Queue) *harness.Service {
	return &harness.Service{DB: db, Queue: queue, Files: eval.FS, Program: programVersion(), Product: harness.Product{Scratch: d.scratch(g)}}
}

// beside works in the background. The returned function ends it, after the
// turns in hand.
func beside(ctx context.Context, queue *jobs.Queue, log *slog.Logger, workers []jobs.Worker) (stop func()) {
	ctx, cancel := context.WithCancel(ctx)
	done := make(chan struct{})
	go func() {
		defer close(done)
		if err := queue.Run(ctx, jobs.RunOptions{}, workers...); err != nil {
			log.Error("background work", "error", err)
		}
	}()
	return func() { cancel(); <-done }
}

// startTracing sends spans to the configured collector. The returned function
// delivers what is left.
func (f *serviceFlags) startTracing(ctx context.Context) (func(), error) {
	if f.TraceEndpoint == "" {
		return func() {}, nil
	}
	exporter, err := otlptracehttp.New(ctx, otlptracehttp.WithEndpointURL(f.TraceEndpoint))
	if err != nil {
		return nil, fmt.Errorf("tracing: %w", err)
	}
	provider := sdktrace.NewTracerProvider(sdktrace.WithBatcher(exporter),
		sdktrace.WithResource(resource.NewSchemaless(semconv.ServiceName("zhijia"), semconv.ServiceVersion(release))))
	otel.SetTracerProvider(provider)
	otel.SetTextMapPropagator(propagation.TraceContext{})
	return func() {
		stop, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
		defer cancel()
		_ = provider.Shutdown(stop)
	}, nil
}

// scratchSpace refuses to serve where no file can be written: every upload would fail later.
func scratchSpace() error {
	f, err := os.CreateTemp("", "zhijia-start-*")
	if err != nil {
		return fault.New(fault.Unavailable, "temp.unwritable", "临时目录 "+os.TempDir()+" 不可写，上传无法进行；请挂载可写目录或设置 TMPDIR。", "The folder for temporary files, "+os.TempDir()+", cannot be written, so no upload would work; mount a writable one or set TMPDIR.").Because(err)
	}
	f.Close()
	return os.Remove(f.Name())
}
