package api

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"reflect"
	"strconv"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/gin-gonic/gin"

	"zhijia/internal/arranger"
	"zhijia/internal/calendar"
	"zhijia/internal/fault"
	"zhijia/internal/gate"
	"zhijia/internal/money"
	"zhijia/internal/people"
	"zhijia/internal/pool"
	"zhijia/internal/poolfile"
	"zhijia/internal/strict"
)

// Pools have a registry of schemas of their own: their types share names with
// those of valuations, and a field that is left out of a deal is unknown, never
// invalid. Bodies are decoded strictly and checked by the domain.

const maxDealBody = 32 << 20

// PoolCreated is the reply to a new pool.
type PoolCreated struct {
	ID         string          `json:"id"`
	CreatedAt  time.Time       `json:"created_at"`
	Notes      []string        `json:"notes" doc:"What was taken from the store, in Chinese."`
	Tests      pool.Report     `json:"tests"`
	Collateral pool.Collateral `json:"collateral"`
}

// PoolStored is a pool as kept.
type PoolStored struct {
	ID        string    `json:"id"`
	CreatedAt time.Time `json:"created_at"`
	CreatedBy string    `json:"created_by"`
	Deal      pool.Deal `json:"deal"`
}

// PoolList is one page of pools.
type PoolList struct {
	Pools []PoolSummary `json:"pools"`
	Page
}

// PoolSummary is a line of a list.
type PoolSummary struct {
	ID        string        `json:"id"`
	Name      string        `json:"name"`
	CreatedAt time.Time     `json:"created_at"`
	CreatedBy string        `json:"created_by"`
	CutOff    calendar.Date `json:"cut_off"`
	Patents   int           `json:"patents"`
	Released  bool          `json:"released" doc:"Its patents are free for another pool."`
}

// PoolFigures are the exchange's list and the coverage by IP value.
type PoolFigures struct {
	Statistics pool.Statistics `json:"statistics"`
	Collateral pool.Collateral `json:"collateral"`
}

// PoolSimulationRequest asks for a simulation.
type PoolSimulationRequest struct {
	Scenarios int64         `json:"scenarios" doc:"1 to 500000; default 20000."`
	Seed      uint64        `json:"seed" doc:"The same seed gives the same result."`
	Targets   []pool.Target `json:"targets,omitempty"`
}

// PoolSimulationStatus is a simulation with its progress.
type PoolSimulationStatus struct {
	ID         string          `json:"id"`
	PoolID     string          `json:"pool_id"`
	Status     string          `json:"status" enum:"running,done,failed"`
	Scenarios  int64           `json:"scenarios"`
	Done       int64           `json:"done" doc:"Paths finished."`
	Seed       uint64          `json:"seed"`
	CreatedAt  time.Time       `json:"created_at"`
	FinishedAt *time.Time      `json:"finished_at"`
	Error      string          `json:"error,omitempty"`
	Report     json.RawMessage `json:"report,omitempty" doc:"pool.CreditReport when done."`
}

// PoolReconcileRequest is a bank statement against the schedule.
type PoolReconcileRequest struct {
	From     calendar.Date   `json:"from"`
	To       calendar.Date   `json:"to"`
	Lines    []pool.BankLine `json:"lines"`
	Accounts pool.Accounts   `json:"accounts"`
}

// PoolReportRequest asks for the report of one payment period.
type PoolReportRequest struct {
	Period   int             `json:"period" doc:"Counted from 1."`
	Lines    []pool.BankLine `json:"lines"`
	Accounts pool.Accounts   `json:"accounts"`
	Events   []pool.Event    `json:"events,omitempty"`
}

// PoolBuiltDeal is the builder's answer with the deal it built.
type PoolBuiltDeal struct {
	pool.Built
	Deal *pool.Deal `json:"deal"`
}

// PoolRevolveRequest are the purchase cycles to simulate.
type PoolRevolveRequest struct {
	Cycles []pool.Cycle `json:"cycles"`
}

// PoolRevolved are their results.
type PoolRevolved struct {
	Cycles []pool.CycleResult `json:"cycles"`
}

// PoolPeriodLine is one version of a closed period in a list.
type PoolPeriodLine struct {
	Period     int           `json:"period"`
	Version    int           `json:"version"`
	Counts     bool          `json:"counts" doc:"False: reopened; a later version replaces it."`
	From       calendar.Date `json:"from"`
	To         calendar.Date `json:"to"`
	PayDate    calendar.Date `json:"pay_date"`
	Received   money.Fen     `json:"received"`
	RiskClass  string        `json:"risk_class"`
	ClosedAt   time.Time     `json:"closed_at"`
	ClosedBy   string        `json:"closed_by"`
	ReopenedAt *time.Time    `json:"reopened_at"`
	ReopenedBy string        `json:"reopened_by,omitempty"`
	Reason     string        `json:"reason,omitempty"`
}

// PoolPeriods are all versions of a pool's periods.
type PoolPeriods struct {
	Periods []PoolPeriodLine `json:"periods"`
}

// PoolReopen says why a period is reopened.
type PoolReopen struct {
	Reason string `json:"reason"`
}

// PoolReopened says how many periods count no more.
type PoolReopened struct {
	Periods int64 `json:"periods" doc:"The period and those after it."`
}

// poolRoutes registers the pool's operations.
type poolRoutes struct {
	s       *Server
	desk    *arranger.Service
	schemas huma.Registry
}

func registerPools(api huma.API, s *Server) {
	p := &poolRoutes{s: s, desk: s.opt.Arranger}
	p.schemas = huma.NewMapRegistry("#/components/schemas/", func(t reflect.Type, hint string) string {
		return "Pool" + strings.TrimPrefix(huma.DefaultSchemaNamer(t, hint), "Pool")
	})
	p.schemas.RegisterTypeAlias(reflect.TypeFor[calendar.Date](), reflect.TypeFor[dateSchema]())
	p.schemas.RegisterTypeAlias(reflect.TypeFor[money.Fen](), reflect.TypeFor[moneySchema]())
	p.schemas.RegisterTypeAlias(reflect.TypeFor[json.RawMessage](), reflect.TypeFor[anySchema]())

	p.route("create-pool", "POST /v1/pools", "新建资产池 Keep a deal, completed from stored valuations", reflect.TypeFor[pool.Deal](), reflect.TypeFor[PoolCreated](), 201, p.create)
	p.route("import-pool", "POST /v1/pools:import", "从工作簿新建资产池 Keep a deal from an XLSX workbook", nil, reflect.TypeFor[PoolCreated](), 201, p.create)
	p.route("list-pools", "GET /v1/pools", "资产池列表 List pools, newest first", nil, reflect.TypeFor[PoolList](), 200, p.list)
	p.route("get-pool", "GET /v1/pools/{id}", "资产池 A pool as kept", nil, reflect.TypeFor[PoolStored](), 200, p.get)
	p.route("test-pool", "POST /v1/pools/{id}:test", "规则测试 Test against the rules: pass, fail, waived or unknown", nil, reflect.TypeFor[pool.Report](), 200,
		p.onDeal(func(c *gin.Context, d *pool.Deal) (any, error) { return d.Test(), nil }))
	p.route("pool-statistics", "GET /v1/pools/{id}/statistics", "资产池统计 Statistics and coverage by IP value", nil, reflect.TypeFor[PoolFigures](), 200,
		p.onDeal(func(c *gin.Context, d *pool.Deal) (any, error) {
			return PoolFigures{d.Statistics(), d.Collateral()}, nil
		}))
	p.route("pool-cash-flow", "POST /v1/pools/{id}:cash-flow", "现金流 One scenario through the waterfall", reflect.TypeFor[pool.Scenario](), reflect.TypeFor[pool.CashFlow](), 200,
		withBody(p, func(d *pool.Deal, in pool.Scenario) (any, error) { return d.CashFlow(in) }))
	p.route("size-pool", "POST /v1/pools/{id}:size", "分层 Largest senior tranche that meets a target", reflect.TypeFor[pool.SizeTarget](), reflect.TypeFor[pool.Size](), 200,
		withBody(p, func(d *pool.Deal, in pool.SizeTarget) (any, error) { return d.SizeSenior(in) }))
	p.route("stress-pool", "POST /v1/pools/{id}:stress", "压力测试 Stress grid; an empty object runs the illustrative one", reflect.TypeFor[pool.StressGrid](), reflect.TypeFor[pool.StressReport](), 200,
		withBody(p, func(d *pool.Deal, in pool.StressGrid) (any, error) { return d.Stress(in) }))
	p.route("build-pool", "POST /v1/pools/{id}:build", "组合优选 Choose assets within limits", reflect.TypeFor[pool.BuildLimits](), reflect.TypeFor[PoolBuiltDeal](), 200,
		withBody(p, func(d *pool.Deal, in pool.BuildLimits) (any, error) {
			b, err := d.Build(in)
			return PoolBuiltDeal{b, b.Deal}, err
		}))
	p.route("revolve-pool", "POST /v1/pools/{id}:revolve", "循环购买 Simulate purchase cycles", reflect.TypeFor[PoolRevolveRequest](), reflect.TypeFor[PoolRevolved](), 200,
		withBody(p, func(d *pool.Deal, in PoolRevolveRequest) (any, error) {
			res, _, err := d.Revolve(in.Cycles, p.s.opt.Days)
			return PoolRevolved{res}, err
		}))
	p.route("reconcile-pool", "POST /v1/pools/{id}:reconcile", "资金流核对 Match bank lines to the schedule", reflect.TypeFor[PoolReconcileRequest](), reflect.TypeFor[pool.Reconciliation](), 200,
		withBody(p, func(d *pool.Deal, in PoolReconcileRequest) (any, error) {
			if in.From.IsZero() || in.To.Before(in.From) || in.Accounts.Plan == "" {
				return nil, fault.New(fault.Invalid, "pool.reconcile", "请提供起止日期与专项计划账户。", "give from, to and accounts.plan")
			}
			if in.Accounts.AsOf.IsZero() {
				in.Accounts.AsOf = in.To
			}
			return pool.Reconcile(d.ExpectedReceipts(in.From, in.To), in.Lines, in.Accounts), nil
		}))
	p.route("pool-notice", "POST /v1/pools/{id}:notice", "事项公告 Whether an event needs a notice and by when", reflect.TypeFor[pool.Event](), reflect.TypeFor[pool.Notice](), 200,
		withBody(p, func(d *pool.Deal, in pool.Event) (any, error) { return d.Notice(in, p.s.opt.Days) }))
	p.route("report-pool", "POST /v1/pools/{id}:report", "定期报告 Asset-management report of a period with the notices it calls for: ?format=json (default) or html", reflect.TypeFor[PoolReportRequest](), reflect.TypeFor[pool.Periodic](), 200, p.report)
	p.route("simulate-pool", "POST /v1/pools/{id}:simulate", "信用模拟 Start a simulation as a durable job", reflect.TypeFor[PoolSimulationRequest](), reflect.TypeFor[PoolSimulationStatus](), 202, p.simulate)
	p.route("pool-simulation", "GET /v1/pools/{id}/simulations/{simulation}", "模拟进度与结果 Progress and report of a simulation", nil, reflect.TypeFor[PoolSimulationStatus](), 200, p.simulation)
	p.route("annex-pool", "POST /v1/pools/{id}:annex", "信息披露附件 The disclosure annex: ?format=html (default), xlsx or json", nil, reflect.TypeFor[pool.Annex](), 200, p.annex)
	p.route("release-pool", "POST /v1/pools/{id}:release", "解除占用 Free the pool's patents for another pool", nil, reflect.TypeFor[PoolStored](), 200, p.release)

	p.route("close-pool-period", "POST /v1/pools/{id}/periods", "期间结账 Close the next collection period from its bank lines", reflect.TypeFor[pool.Collection](), reflect.TypeFor[pool.Closed](), 201, p.closePeriod)
	p.route("list-pool-periods", "GET /v1/pools/{id}/periods", "期间列表 Every version of every closed period", nil, reflect.TypeFor[PoolPeriods](), 200, p.periods)
	p.route("get-pool-period", "GET /v1/pools/{id}/periods/{period}", "收益分配报告 The distribution report of a period: ?format=json (default) or html, ?version for one that counts no more", nil, reflect.TypeFor[pool.Closed](), 200, p.period)
	p.route("reopen-pool-period", "POST /v1/pools/{id}/periods/{period}:reopen", "重新打开 Reopen a period and those after it", reflect.TypeFor[PoolReopen](), reflect.TypeFor[PoolReopened](), 200, p.reopenPeriod)
	p.route("replay-pool", "POST /v1/pools/{id}:replay", "重放 Work the pool's life out again from its events", nil, reflect.TypeFor[arranger.Replayed](), 200, p.replay)

	all := api.OpenAPI().Components.Schemas.Map()
	for name, schema := range p.schemas.Map() {
		schema.Required = nil // a field left out is unknown
		all[name] = schema
	}
}

func (p *poolRoutes) route(id, name, summary string, in, out reflect.Type, status int, handler func(*gin.Context) error) {
	method, path, _ := strings.Cut(name, " ")
	op := huma.Operation{OperationID: id, Method: method, Path: path, Summary: summary, Tags: []string{"pools"}, DefaultStatus: status}
	op.Metadata = map[string]any{metaMaxBody: int64(maxDealBody)}
	for _, part := range strings.Split(path, "/") {
		if name, ok := strings.CutPrefix(part, "{"); ok {
			name, _, _ = strings.Cut(name, "}")
			op.Parameters = append(op.Parameters, &huma.Param{Name: name, In: "path", Required: true, Schema: &huma.Schema{Type: huma.TypeString}})
		}
	}
	content := map[string]*huma.MediaType{"application/json": {Schema: p.schemas.Schema(out, true, "")}}
	switch id {
	case "annex-pool":
		content["text/html"] = &huma.MediaType{Schema: &huma.Schema{Type: huma.TypeString}}
		content[gate.XLSX] = &huma.MediaType{Schema: &huma.Schema{Type: huma.TypeString, Format: "binary"}}
		op.Parameters = append(op.Parameters, &huma.Param{Name: "format", In: "query", Schema: &huma.Schema{Type: huma.TypeString, Enum: []any{"html", "xlsx", "json"}}})
	case "get-pool-period":
		content["text/html"] = &huma.MediaType{Schema: &huma.Schema{Type: huma.TypeString}}
		op.Parameters = append(op.Parameters, &huma.Param{Name: "format", In: "query", Schema: &huma.Schema{Type: huma.TypeString, Enum: []any{"json", "html"}}},
			&huma.Param{Name: "version", In: "query", Schema: &huma.Schema{Type: huma.TypeInteger}, Description: "Default: the version that counts."})
	case "report-pool":
		content["text/html"] = &huma.MediaType{Schema: &huma.Schema{Type: huma.TypeString}}
		op.Parameters = append(op.Parameters, &huma.Param{Name: "format", In: "query", Schema: &huma.Schema{Type: huma.TypeString, Enum: []any{"json", "html"}}})
	case "list-pools":
		low, high := 1.0, 1000.0
		op.Parameters = append(op.Parameters,
			&huma.Param{Name: "cursor", In: "query", Schema: &huma.Schema{Type: huma.TypeString}, Description: "The next_cursor of the page before; none: from the beginning."},
			&huma.Param{Name: "limit", In: "query", Schema: &huma.Schema{Type: huma.TypeInteger, Default: 100, Minimum: &low, Maximum: &high}, Description: "Lines of a page."})
	case "import-pool":
		op.RequestBody = &huma.RequestBody{Required: true, Content: map[string]*huma.MediaType{gate.XLSX: {Schema: &huma.Schema{Type: huma.TypeString, Format: "binary"}}}}
	}
	if in != nil {
		op.RequestBody = &huma.RequestBody{Required: true, Content: map[string]*huma.MediaType{"application/json": {Schema: p.schemas.Schema(in, true, "")}}}
	}
	if method == http.MethodPost && (status == 201 || status == 202) {
		op.Metadata[metaIdempotent] = true
		op.Parameters = append(op.Parameters, idempotencyParam)
	}
	op.Responses = map[string]*huma.Response{fmt.Sprint(status): {Description: "OK", Content: content}}
	p.s.raw(op, handler)
}

// body reads the whole request body within the route's limit.
func body(c *gin.Context) ([]byte, error) {
	b, err := io.ReadAll(c.Request.Body)
	var large *http.MaxBytesError
	switch {
	case errors.As(err, &large):
		return nil, gate.TooLarge
	case err != nil:
		return nil, fault.New(fault.Invalid, "body.read", "请求内容读取失败。", "the body could not be read").Because(err)
	case len(b) == 0:
		return nil, fault.New(fault.Invalid, "body.required", "请求内容为空。", "The request body is empty.")
	}
	return b, nil
}

// withBody decodes the body strictly and answers from the stored deal.
func withBody[T any](p *poolRoutes, ask func(*pool.Deal, T) (any, error)) func(*gin.Context) error {
	return p.onDeal(func(c *gin.Context, d *pool.Deal) (any, error) {
		in, err := decodeBody[T](c)
		if err != nil {
			return nil, err
		}
		return ask(d, in)
	})
}

func decodeBody[T any](c *gin.Context) (in T, err error) {
	b, err := body(c)
	if err != nil {
		return in, err
	}
	return in, strict.Decode(b, &in, "pool.json", "字段或取值无法识别，请对照接口说明。", "A field or value is not recognised; see the specification.")
}

func (p *poolRoutes) stored(c *gin.Context) (arranger.Pool, error) {
	who := people.Of(c.Request.Context())
	rec, err := p.desk.Pool(c.Request.Context(), who.Institution, c.Param("id"))
	rec.Deal.Days = p.s.opt.Days
	return rec, err
}

func (p *poolRoutes) onDeal(ask func(*gin.Context, *pool.Deal) (any, error)) func(*gin.Context) error {
	return func(c *gin.Context) error {
		rec, err := p.stored(c)
		if err != nil {
			return err
		}
		out, err := ask(c, &rec.Deal)
		if err != nil {
			return err
		}
		return answer(c, http.StatusOK, out)
	}
}

func answer(c *gin.Context, status int, v any) error {
	var b bytes.Buffer
	if err := marshalJSON(&b, v); err != nil {
		return err
	}
	c.Data(status, "application/json", b.Bytes())
	return nil
}

func (p *poolRoutes) create(c *gin.Context) error {
	b, err := body(c)
	if err != nil {
		return err
	}
	var deal pool.Deal
	if strings.HasSuffix(gate.RouteOf(c), ":import") {
		deal, err = poolfile.ReadBook(bytes.NewReader(b))
	} else {
		deal, err = poolfile.ReadJSON(bytes.NewReader(b))
	}
	if err != nil {
		return err
	}
	who := people.Of(c.Request.Context())
	rec, notes, err := p.desk.Create(c.Request.Context(), who.Institution, who.Name, deal)
	if err != nil {
		return err
	}
	if notes == nil {
		notes = []string{}
	}
	c.Header("Location", "/v1/pools/"+rec.ID)
	return answer(c, http.StatusCreated, PoolCreated{rec.ID, rec.CreatedAt, notes, rec.Deal.Test(), rec.Deal.Collateral()})
}

func (p *poolRoutes) list(c *gin.Context) error {
	limit := 100
	if text := c.Query("limit"); text != "" {
		n, err := strconv.Atoi(text)
		if err != nil || n < 1 || n > 1000 {
			return fault.New(fault.Invalid, "field.range", "limit 应为 1 至 1000。", "The limit must be 1 to 1000.", fault.Field{Field: "query.limit", Code: "field.range", Zh: "应为 1 至 1000", En: "must be 1 to 1000"})
		}
		limit = n
	}
	pools, next, err := p.desk.Pools(c.Request.Context(), people.Of(c.Request.Context()).Institution, c.Query("cursor"), limit)
	if err != nil {
		return err
	}
	return answer(c, http.StatusOK, PoolList{each(pools, func(s *arranger.Summary) PoolSummary { return PoolSummary(*s) }), pageTo(next)})
}

func (p *poolRoutes) get(c *gin.Context) error {
	rec, err := p.stored(c)
	if err != nil {
		return err
	}
	return answer(c, http.StatusOK, PoolStored{rec.ID, rec.CreatedAt, rec.CreatedBy, rec.Deal})
}

func (p *poolRoutes) release(c *gin.Context) error {
	who := people.Of(c.Request.Context())
	if err := p.desk.Release(c.Request.Context(), who.Institution, who.Actor().Name, c.Param("id")); err != nil {
		return err
	}
	return p.get(c)
}

func (p *poolRoutes) simulate(c *gin.Context) error {
	in, err := decodeBody[PoolSimulationRequest](c)
	if err != nil {
		return err
	}
	if in.Scenarios == 0 {
		in.Scenarios = 20_000
	}
	who := people.Of(c.Request.Context())
	job, err := p.desk.Start(c.Request.Context(), who.Institution, c.Param("id"), in.Seed, in.Scenarios, in.Targets)
	if err != nil {
		return err
	}
	c.Header("Location", "/v1/pools/"+job.PoolID+"/simulations/"+job.ID)
	return answer(c, http.StatusAccepted, describeSimulation(job))
}

func (p *poolRoutes) simulation(c *gin.Context) error {
	who := people.Of(c.Request.Context())
	job, err := p.desk.Status(c.Request.Context(), who.Institution, c.Param("simulation"))
	if err != nil {
		return err
	}
	if job.PoolID != c.Param("id") {
		return fault.New(fault.NotFound, "pool.simulation.unknown", "没有这个模拟任务。", "There is no such simulation.")
	}
	return answer(c, http.StatusOK, describeSimulation(job))
}

func describeSimulation(s arranger.Simulation) PoolSimulationStatus {
	return PoolSimulationStatus{
		ID: s.ID, PoolID: s.PoolID, Status: s.Status, Scenarios: s.Scenarios, Done: s.Done, Seed: s.Seed,
		CreatedAt: s.CreatedAt, FinishedAt: s.FinishedAt, Error: s.Error, Report: s.Report,
	}
}

func (p *poolRoutes) report(c *gin.Context) error {
	rec, err := p.stored(c)
	if err != nil {
		return err
	}
	in, err := decodeBody[PoolReportRequest](c)
	if err != nil {
		return err
	}
	d := &rec.Deal
	from, to, err := d.PeriodDays(in.Period)
	if err != nil {
		return err
	}
	if in.Accounts.AsOf.IsZero() {
		in.Accounts.AsOf = to
	}
	out, err := d.Periodic(in.Period-1, pool.Reconcile(d.ExpectedReceipts(from, to), in.Lines, in.Accounts), in.Events, p.s.opt.Days)
	if err != nil {
		return err
	}
	if c.Query("format") != "html" {
		return answer(c, http.StatusOK, out)
	}
	var b bytes.Buffer
	if err := poolfile.WritePeriodicHTML(&b, out); err != nil {
		return err
	}
	c.Data(http.StatusOK, "text/html; charset=utf-8", b.Bytes())
	return nil
}

func (p *poolRoutes) closePeriod(c *gin.Context) error {
	in, err := decodeBody[pool.Collection](c)
	if err != nil {
		return err
	}
	who := people.Of(c.Request.Context())
	out, err := p.desk.Close(c.Request.Context(), who.Institution, who.Actor().Name, c.Param("id"), in, p.s.opt.Days)
	if err != nil {
		return err
	}
	c.Header("Location", fmt.Sprintf("/v1/pools/%s/periods/%d", c.Param("id"), out.Period))
	return answer(c, http.StatusCreated, out.Closed)
}

func (p *poolRoutes) periods(c *gin.Context) error {
	all, err := p.desk.Periods(c.Request.Context(), people.Of(c.Request.Context()).Institution, c.Param("id"))
	if err != nil {
		return err
	}
	return answer(c, http.StatusOK, PoolPeriods{each(all, func(x *arranger.Period) PoolPeriodLine {
		return PoolPeriodLine{
			x.Period, x.Version, x.ReopenedAt == nil, x.Closed.From, x.Closed.To, x.Closed.PayDate, x.Closed.Received, x.Closed.Class,
			x.ClosedAt, x.ClosedBy, x.ReopenedAt, x.ReopenedBy, x.Reason,
		}
	})})
}

// number reads a positive whole number of the path or the query; empty is nought.
func number(text, name string) (int, error) {
	if text == "" {
		return 0, nil
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 1 {
		return 0, fault.New(fault.Invalid, "field.range", name+" 应为正整数。", name+" must be a positive whole number.", fault.Field{Field: name, Code: "field.range", Zh: "应为正整数", En: "must be a positive whole number"})
	}
	return n, nil
}

func (p *poolRoutes) period(c *gin.Context) error {
	period, err := number(c.Param("period"), "period")
	if err != nil {
		return err
	}
	version, err := number(c.Query("version"), "version")
	if err != nil {
		return err
	}
	x, err := p.desk.Period(c.Request.Context(), people.Of(c.Request.Context()).Institution, c.Param("id"), period, version)
	if err != nil {
		return err
	}
	if c.Query("format") != "html" {
		return answer(c, http.StatusOK, x.Closed)
	}
	var b bytes.Buffer
	if err := poolfile.WriteClosedHTML(&b, x.Closed); err != nil {
		return err
	}
	c.Data(http.StatusOK, "text/html; charset=utf-8", b.Bytes())
	return nil
}

func (p *poolRoutes) reopenPeriod(c *gin.Context) error {
	period, err := number(c.Param("period"), "period")
	if err != nil {
		return err
	}
	in, err := decodeBody[PoolReopen](c)
	if err != nil {
		return err
	}
	who := people.Of(c.Request.Context())
	n, err := p.desk.Reopen(c.Request.Context(), who.Institution, who.Actor().Name, c.Param("id"), period, in.Reason)
	if err != nil {
		return err
	}
	return answer(c, http.StatusOK, PoolReopened{n})
}

func (p *poolRoutes) replay(c *gin.Context) error {
	out, err := p.desk.Replay(c.Request.Context(), people.Of(c.Request.Context()).Institution, c.Param("id"), p.s.opt.Days)
	if err != nil {
		return err
	}
	return answer(c, http.StatusOK, out)
}

func (p *poolRoutes) annex(c *gin.Context) error {
	rec, err := p.stored(c)
	if err != nil {
		return err
	}
	d := &rec.Deal
	a := poolfile.Annex{Annex: d.Annex(), Calendar: d.DisclosureCalendar(0, p.s.opt.Days)}
	if t := d.Structure.Tranches; len(t) >= 2 {
		s, err := d.Stress(pool.StressGrid{Lag: 2})
		if err != nil {
			return err
		}
		a.Stress, a.Senior, a.Sub = &s, t[0].Principal, t[len(t)-1].Principal
	}
	var b bytes.Buffer
	switch c.DefaultQuery("format", "html") {
	case "html":
		if err := poolfile.WriteAnnexHTML(&b, a); err != nil {
			return err
		}
		c.Data(http.StatusOK, "text/html; charset=utf-8", b.Bytes())
	case "xlsx":
		if err := poolfile.WriteAnnexBook(&b, a); err != nil {
			return err
		}
		c.Header("Content-Disposition", `attachment; filename="annex.xlsx"`)
		c.Data(http.StatusOK, gate.XLSX, b.Bytes())
	case "json":
		return answer(c, http.StatusOK, a.Annex)
	default:
		return fault.New(fault.Invalid, "pool.annex.format", "format 应为 html、xlsx 或 json。", "format must be html, xlsx or json",
			fault.Field{Field: "query.format", Code: "field.enum", Zh: "取值须为 html、xlsx、json 之一", En: "must be html, xlsx or json"})
	}
	return nil
}
