package api

import (
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"mime"
	"net/http"
	"reflect"
	"strconv"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/gin-gonic/gin"

	"zhijia/internal/calendar"
	"zhijia/internal/desk"
	"zhijia/internal/deskfile"
	"zhijia/internal/fault"
	"zhijia/internal/gate"
	"zhijia/internal/lending"
	"zhijia/internal/money"
	"zhijia/internal/people"
	"zhijia/internal/strict"
)

// Batch is a loan desk's file as the API shows it.
type Batch struct {
	ID            string           `json:"id"`
	Name          string           `json:"name" doc:"Of the file."`
	SHA256        string           `json:"file_sha256"`
	CreatedAt     time.Time        `json:"created_at"`
	CreatedBy     string           `json:"created_by"`
	ValuationDate calendar.Date    `json:"valuation_date"`
	Policy        string           `json:"policy" doc:"id@version"`
	Priority      int              `json:"priority"`
	Readings      string           `json:"readings" enum:"await,kept" doc:"Whether the rows wait for the model, where one is configured; settled before the first row."`
	Status        desk.BatchStatus `json:"status" enum:"running,cancelled,finished"`
	FinishedAt    *time.Time       `json:"finished_at,omitempty"`
	Rows          int              `json:"rows"`
	Ignored       []string         `json:"ignored_columns,omitempty" doc:"Headers of the file that name no column; they were not read."`
	Progress      *Progress        `json:"progress,omitempty"`
}

func describeBatch(b *desk.Batch) (Batch, error) {
	policy, err := desk.PolicyOf(b)
	return Batch{
		ID: b.ID, Name: b.Name, SHA256: hex.EncodeToString(b.Content), CreatedAt: b.CreatedAt, CreatedBy: b.CreatedBy, ValuationDate: b.AsOf,
		Policy: policy, Priority: b.Priority, Readings: desk.ReadingsOf(b), Status: b.Status, FinishedAt: b.Finished, Rows: b.Rows, Ignored: b.Ignored,
	}, err
}

// Progress counts the rows of a batch.
type Progress struct {
	Status  desk.BatchStatus `json:"status" enum:"running,cancelled,finished"`
	Rows    int              `json:"rows"`
	Waiting int              `json:"waiting"`
	Done    int              `json:"done"`
	Failed  int              `json:"failed"`
	Refused int              `json:"refused"`
}

// BatchList is one page of batches.
type BatchList struct {
	Batches []Batch `json:"batches"`
	Page
}

// BatchRow is one row of a batch with what came of it.
type BatchRow struct {
	Line      int              `json:"line"`
	Status    desk.RowStatus   `json:"status" enum:"waiting,done,failed,refused"`
	Valuation string           `json:"valuation,omitempty" doc:"Id of the stored valuation."`
	Valued    lending.Valued   `json:"valued" doc:"Its row alone when it was not valued."`
	Faults    []fault.Field    `json:"faults,omitempty"`
	Decision  lending.Decision `json:"decision"`
}

// BatchRows is one page of rows.
type BatchRows struct {
	Rows []BatchRow `json:"rows"`
	Page
}

// BatchContracts is one page of the contracts of a finished batch.
type BatchContracts struct {
	Contracts []lending.Contract `json:"contracts"`
	Facts     LendingFacts       `json:"facts" doc:"What stood in store when the batch was decided."`
	Page
}

// LendingFacts are what stood in store when something was decided.
type LendingFacts struct {
	Drawn  []lending.Draw   `json:"drawn,omitempty" doc:"Under the programmes."`
	Booked []lending.Booked `json:"booked,omitempty" doc:"Patents that secure loans of the book."`
	Later  []lending.Later  `json:"later,omitempty" doc:"What the register said after the rows were valued."`
	Again  *lending.Again   `json:"again,omitempty" doc:"Of a batch that was decided before: when, and the lines decided otherwise."`
}

// BatchID is the path of one batch.
type BatchID struct {
	ID string `path:"id" pattern:"^[A-Za-z0-9_-]{1,64}$" doc:"Id of a batch."`
}

type batchReply struct{ Body Batch }

func registerBatches(api huma.API, s *Server) {
	query := func(name, description string) *huma.Param {
		return &huma.Param{Name: name, In: "query", Schema: &huma.Schema{Type: huma.TypeString}, Description: description}
	}
	binary := &huma.Schema{Type: huma.TypeString, Format: "binary", Description: "XLSX, CSV (UTF-8 or GB18030) or JSONL; the name's ending says which."}
	options := &huma.Schema{Type: huma.TypeString, Description: "Before the file: JSON of programmes (a list, beside your stored ones), borrower_limits and bearable (yuan by credit code or name; the bank's figures)."}
	idParam := &huma.Param{Name: "id", In: "path", Required: true, Schema: &huma.Schema{Type: huma.TypeString}}
	s.raw(huma.Operation{
		OperationID: "submit-batch", Method: http.MethodPost, Path: "/v1/batches", Tags: []string{"batches"},
		Summary:     "提交批量文件 Submit a file of patents",
		Description: "Rows are read and stored at once, good and faulty ones alike; workers value the good ones. The same file with the same options is the same batch (200 instead of 201). The file is refused whole when it cannot be read, has no column of patent numbers, or its unit is missing or contradicts itself.",
		Parameters: []*huma.Param{
			query("policy", "Lending policy: id or id@version, a preset or your own. Default TEMPLATE."), query("valuation_date", "YYYY-MM-DD. Default: today."),
			query("product", "Loan product of rows that name none; one of your stored ones, or given in options."),
			query("unit", "元 or 万元, for amount columns whose header names none."), query("priority", "Among your own files: 1 first to 4 last. Default 3."), query("readings", "Whether rows wait for the configured model to read their patents: await, or kept, which uses only what it has read before. Default await. Each row is decided once."),
		},
		RequestBody: &huma.RequestBody{Required: true, Content: map[string]*huma.MediaType{
			"multipart/form-data": {Schema: &huma.Schema{Type: huma.TypeObject, Properties: map[string]*huma.Schema{"options": options, "file": binary}, Required: []string{"file"}}},
		}},
		Responses: s.batchResponses(),
		Metadata:  map[string]any{metaTimeout: s.gate.ImportTimeout, metaMaxBody: s.gate.MaxUpload},
	}, s.submitBatch)
	s.raw(huma.Operation{
		OperationID: "watch-batch", Method: http.MethodGet, Path: "/v1/batches/{id}/events", Tags: []string{"batches"},
		Summary: "进度事件 Progress as server-sent events, until the batch is no longer running", Parameters: []*huma.Param{idParam},
		Responses: map[string]*huma.Response{"200": {Description: "Events named progress; data is a Progress, whole each time: connect again after a break. The stream ends when the status is no longer running.", Content: map[string]*huma.MediaType{"text/event-stream": {Schema: &huma.Schema{Type: huma.TypeString}}}}},
		Metadata:  map[string]any{metaTimeout: s.gate.ImportTimeout},
	}, s.watchBatch)
	s.raw(huma.Operation{
		OperationID: "get-batch-result", Method: http.MethodGet, Path: "/v1/batches/{id}/result", Tags: []string{"batches"},
		Summary: "下载结果 Download the results of a finished batch", Parameters: []*huma.Param{idParam, query("format", "xlsx (default) or csv")},
		Responses: map[string]*huma.Response{"200": {Description: "The workbook or table.", Content: map[string]*huma.MediaType{
			gate.XLSX: {Schema: &huma.Schema{Type: huma.TypeString, Format: "binary"}}, "text/csv": {Schema: &huma.Schema{Type: huma.TypeString}},
		}}},
		Metadata: map[string]any{metaTimeout: s.gate.ImportTimeout},
	}, s.batchResult)
	s.raw(huma.Operation{
		OperationID: "get-batch-template", Method: http.MethodGet, Path: "/v1/batch-template", Tags: []string{"batches"},
		Summary:   "下载模板 The empty workbook a desk fills in",
		Responses: map[string]*huma.Response{"200": {Description: "The workbook.", Content: map[string]*huma.MediaType{gate.XLSX: {Schema: &huma.Schema{Type: huma.TypeString, Format: "binary"}}}}},
	}, func(c *gin.Context) error {
		gate.Attach(c, gate.XLSX, "zhijia-batch-template.xlsx", "知价批量估值模板.xlsx")
		return deskfile.WriteTemplate(c.Writer)
	})

	huma.Register(api, huma.Operation{
		OperationID: "list-batches", Method: http.MethodGet, Path: "/v1/batches", Summary: "批次列表 List batches, newest first", Tags: []string{"batches"},
	}, s.listBatches)
	huma.Register(api, huma.Operation{
		OperationID: "get-batch", Method: http.MethodGet, Path: "/v1/batches/{id}", Summary: "批次进度 One batch with its progress", Tags: []string{"batches"},
	}, func(ctx context.Context, in *BatchID) (*batchReply, error) { return s.batchReply(ctx, in.ID) })
	for _, act := range []struct {
		id, verb, summary string
		do                func(context.Context, string) error
	}{
		{"cancel-batch", "cancel", "取消批次 Stop a batch; what has its result keeps it", func(ctx context.Context, id string) error {
			p := people.Of(ctx)
			return s.opt.Desk.Cancel(ctx, p.Actor(), id)
		}},
		{"resume-batch", "resume", "恢复批次 Take a cancelled batch up where it stopped", func(ctx context.Context, id string) error {
			p := people.Of(ctx)
			return s.opt.Desk.Resume(ctx, p.Actor(), id)
		}},
		{"retry-batch", "retry", "重试失败行 Work the failed rows again, and only those", func(ctx context.Context, id string) error {
			p := people.Of(ctx)
			_, err := s.opt.Desk.Retry(ctx, p.Actor(), id)
			return err
		}},
		{"decide-batch", "decide", "重新决定 Decide a finished batch again on today's facts: rows with news are valued anew, the values of the others stand", func(ctx context.Context, id string) error {
			p := people.Of(ctx)
			return s.opt.Desk.DecideAgain(ctx, p.Actor(), id)
		}},
	} {
		huma.Register(api, huma.Operation{
			OperationID: act.id, Method: http.MethodPost, Path: "/v1/batches/{id}:" + act.verb, Summary: act.summary, Tags: []string{"batches"},
		}, func(ctx context.Context, in *BatchID) (*batchReply, error) {
			if err := act.do(ctx, in.ID); err != nil {
				return nil, err
			}
			return s.batchReply(ctx, in.ID)
		})
	}

	huma.Register(api, huma.Operation{
		OperationID: "list-batch-contracts", Method: http.MethodGet, Path: "/v1/batches/{id}/contracts", Tags: []string{"batches"},
		Summary: "批次合同 Contracts of a finished batch in queue order, with limits, route and outlook",
	}, s.listContracts)
	huma.Register(api, huma.Operation{
		OperationID: "forecast-batch-cover", Method: http.MethodGet, Path: "/v1/batches/{id}/cover", Tags: []string{"batches"},
		Summary: "合同押品覆盖预测 Cover of one contract over its life as the patents' term runs down",
	}, s.forecastContract)
	huma.Register(api, huma.Operation{
		OperationID: "list-batch-rows", Method: http.MethodGet, Path: "/v1/batches/{id}/rows", Summary: "批次各行 Rows with values, decisions and reasons, in the order of the file", Tags: []string{"batches"},
	}, s.listRows)
	s.raw(huma.Operation{
		OperationID: "get-batch-opinion", Method: http.MethodGet, Path: "/v1/batches/{id}/rows/{line}/opinion", Tags: []string{"batches"},
		Summary: "单行意见 One row's decision as one printable page", Parameters: []*huma.Param{idParam, query("full", "1: the whole opinion of the value behind it"), {Name: "line", In: "path", Required: true, Schema: &huma.Schema{Type: huma.TypeInteger}}},
		Responses: map[string]*huma.Response{"200": {Description: "A self-contained page.", Content: map[string]*huma.MediaType{"text/html": {Schema: &huma.Schema{Type: huma.TypeString}}}}},
	}, s.batchOpinion)
}

func (s *Server) listBatches(ctx context.Context, in *PageQuery) (*reply[BatchList], error) {
	found, next, err := s.opt.Desk.Batches(ctx, actor(ctx), in.Cursor, in.Limit)
	if err != nil {
		return nil, err
	}
	out := &reply[BatchList]{BatchList{Batches: make([]Batch, len(found)), Page: pageTo(next)}}
	for i := range found {
		if out.Body.Batches[i], err = describeBatch(&found[i]); err != nil {
			return nil, err
		}
	}
	return out, nil
}

type batchPage struct {
	BatchID
	PageQuery
}

func (s *Server) listContracts(ctx context.Context, in *batchPage) (*reply[BatchContracts], error) {
	contracts, next, facts, err := s.opt.Desk.Contracts(ctx, actor(ctx), in.ID, in.Cursor, in.Limit)
	return &reply[BatchContracts]{BatchContracts{contracts, LendingFacts(facts), pageTo(next)}}, err
}

type contractCover struct {
	BatchID
	Contract string  `query:"contract" required:"true" maxLength:"500" doc:"Key of the contract."`
	Discount float64 `query:"discount" default:"0.12" minimum:"0.001" maximum:"0.99"`
	Repay    string  `query:"repayment" enum:"bullet,equal" default:"bullet"`
	Step     int     `query:"step_months" minimum:"1" maximum:"60" default:"6"`
}

func (s *Server) forecastContract(ctx context.Context, in *contractCover) (*coverReply, error) {
	c, err := s.opt.Desk.Cover(ctx, actor(ctx), in.ID, in.Contract)
	if err != nil {
		return nil, err
	}
	c.Repay, c.Step = in.Repay, in.Step
	return forecast(c, in.Discount)
}

type batchRowsIn struct {
	BatchID
	PageQuery
	Status string `query:"status" enum:"waiting,done,failed,refused" doc:"Only rows of this status."`
}

func (s *Server) listRows(ctx context.Context, in *batchRowsIn) (*reply[BatchRows], error) {
	rows, next, err := s.opt.Desk.Rows(ctx, actor(ctx), in.ID, desk.RowFilter{Status: desk.RowStatus(in.Status)}, in.Cursor, in.Limit)
	return &reply[BatchRows]{BatchRows{each(rows, func(r *desk.Row) BatchRow {
		return BatchRow{Line: r.Line, Status: r.Status, Valuation: r.Valuation, Valued: r.Outcome.Valued, Faults: r.Outcome.Faults, Decision: r.Outcome.Decision}
	}), pageTo(next)}}, err
}

func (s *Server) batchReply(ctx context.Context, id string) (*batchReply, error) {
	p := people.Of(ctx)
	b, err := s.opt.Desk.Batch(ctx, p.Actor(), id)
	if err != nil {
		return nil, err
	}
	out := &batchReply{}
	if out.Body, err = describeBatch(&b); err != nil {
		return nil, err
	}
	progress, err := s.opt.Desk.Progress(ctx, p.Actor(), id)
	out.Body.Progress = (*Progress)(&progress)
	return out, err
}

// batchResponses are those of a file sent in: it is stored, or stood already.
func (s *Server) batchResponses() map[string]*huma.Response {
	all := s.respondsWith(reflect.TypeFor[Batch](), "201", "The batch, stored.")
	maps.Copy(all, s.respondsWith(reflect.TypeFor[Batch](), "200", "The batch of the same file with the same options."))
	return all
}

func (s *Server) submitBatch(c *gin.Context) (err error) {
	ctx := c.Request.Context()
	p := people.Of(ctx)
	var texts desk.OptionTexts
	for k, v := range c.Request.URL.Query() {
		to, known := map[string]*string{
			"policy": &texts.Policy, "valuation_date": &texts.Date, "product": &texts.Product, "unit": &texts.Unit, "priority": &texts.Priority, "readings": &texts.Readings,
		}[k]
		if !known {
			return fault.New(fault.Invalid, "query.unknown", "未知查询参数。", "Unknown query parameter.")
		}
		*to = v[0]
	}
	o, err := s.opt.Desk.ReadOptions(ctx, p.Actor(), texts)
	if err != nil {
		return err
	}
	if t, _, err := mime.ParseMediaType(c.GetHeader("Content-Type")); err != nil || t != "multipart/form-data" {
		return errUploadType
	}
	parts, err := c.Request.MultipartReader()
	if err != nil {
		return errUploadType
	}
	spool, err := gate.Spool("zhijia-batch-*") // read twice: once to know it again, once for its rows
	if err != nil {
		return err
	}
	defer spool.Close()
	name, seen := "", map[string]bool{} // parts in any order, each once
	for {
		part, err := parts.NextPart()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return uploadError(err)
		}
		field := part.FormName()
		switch {
		case field != "file" && field != "options":
			return fault.New(fault.Invalid, "field.unknown", "只接受 file 和 options 字段。", "Only the fields file and options are accepted.")
		case seen[field]:
			return fault.New(fault.Invalid, "field.twice", "“"+field+"”字段出现了两次；一次只提交一个文件。", "The field "+field+" was sent twice; send one file at a time.")
		case field == "options":
			if err := s.fileOptions(ctx, part, &o); err != nil {
				return err
			}
		default:
			name = gate.FileName(part.FileName())
			if _, err := io.Copy(spool, &upload{r: part}); err != nil {
				return uploadError(err)
			}
		}
		seen[field] = true
	}
	if !seen["file"] {
		return gate.ErrNoFile
	}
	if _, err := spool.Seek(0, io.SeekStart); err != nil {
		return err
	}
	b, fresh, err := s.opt.Desk.Submit(ctx, p.Actor(), name, spool, o)
	if err != nil {
		return err
	}
	reply, err := s.batchReply(ctx, b.ID)
	if err != nil {
		return err
	}
	status := http.StatusCreated
	if !fresh {
		status = http.StatusOK
	}
	c.Header("Location", "/v1/batches/"+b.ID)
	c.JSON(status, reply.Body)
	return nil
}

// maxFileOptions bounds the options part of an upload.
const maxFileOptions = 16 << 20

// fileOptions reads what an upload says beside its file.
func (s *Server) fileOptions(ctx context.Context, part io.Reader, o *desk.Options) error {
	var in struct {
		Programmes []lending.Programme  `json:"programmes"`
		Limits     map[string]money.Fen `json:"borrower_limits"`
		Bearable   map[string]money.Fen `json:"bearable"`
		Columns    map[string]string    `json:"columns"`
	}
	body, err := io.ReadAll(io.LimitReader(part, maxFileOptions+1))
	if err != nil {
		return uploadError(err)
	}
	if len(body) > maxFileOptions {
		return fault.New(fault.TooLarge, "options.large", "options 超过 16 MiB。", "The options are above 16 MiB.")
	}
	if err := strict.Decode(body, &in, "options.json", "options 含有未知字段，或取值无法识别。", "The options have an unknown field or a value that is not recognised."); err != nil {
		return err
	}
	p := people.Of(ctx)
	if o.Programmes, err = s.opt.Desk.WithProgrammes(ctx, p.Actor(), in.Programmes); err != nil {
		return err
	}
	o.Limits, o.Bearable, o.Columns = in.Limits, in.Bearable, in.Columns
	return nil // Submit checks them
}

// watchBatch sends the progress whenever it changed, at most twice a second,
// and now and then when it did not. An event holds the whole progress, so a
// listener that lost its connection misses nothing by connecting again.
func (s *Server) watchBatch(c *gin.Context) error {
	ctx, cancel := context.WithCancel(c.Request.Context())
	defer cancel()
	go func() {
		select {
		case <-s.gate.Draining(): // a stop does not wait for listeners
			cancel()
		case <-ctx.Done():
		}
	}()
	p := people.Of(ctx)
	started := false
	for progress, err := range s.opt.Desk.Watch(ctx, p.Actor(), c.Param("id"), 500*time.Millisecond) {
		switch {
		case err != nil && !started:
			return err
		case err != nil:
			return nil // the client left, or the service stops
		case !started:
			started = true
			c.Header("Content-Type", "text/event-stream")
			c.Header("Cache-Control", "no-store")
			c.Header("X-Accel-Buffering", "no") // or a proxy in front holds events back
		}
		data, err := json.Marshal(Progress(progress))
		if err != nil {
			return err
		}
		if _, err := fmt.Fprintf(c.Writer, "event: progress\nretry: 2000\ndata: %s\n\n", data); err != nil {
			return nil
		}
		c.Writer.Flush()
	}
	return nil
}

func (s *Server) batchResult(c *gin.Context) error {
	ctx := c.Request.Context()
	p := people.Of(ctx)
	format := c.DefaultQuery("format", desk.XLSX)
	spool, err := gate.Spool("zhijia-result-*") // an error half-way must not look like a file
	if err != nil {
		return err
	}
	defer spool.Close()
	name, err := s.opt.Desk.WriteResult(ctx, p.Actor(), c.Param("id"), format, spool)
	if err != nil {
		return err
	}
	return gate.SendFile(c, spool, c.Param("id")+"."+format, name)
}

func (s *Server) batchOpinion(c *gin.Context) error {
	ctx := c.Request.Context()
	p := people.Of(ctx)
	line, err := strconv.Atoi(c.Param("line"))
	if err != nil {
		return fault.New(fault.Invalid, "field.type", "行号应为整数。", "The line must be an integer.")
	}
	o, err := s.opt.Desk.RowOpinion(ctx, p.Actor(), c.Param("id"), line, c.Query("full") != "")
	if err != nil {
		return err
	}
	c.Header("Content-Type", "text/html; charset=utf-8")
	c.Header("Cache-Control", "private, no-store")
	return deskfile.WriteRowOpinion(c.Writer, o)
}
