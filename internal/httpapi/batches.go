package httpapi

import (
	"bytes"
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"reflect"
	"strconv"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/gin-gonic/gin"

	"zhijia/internal/calendar"
	"zhijia/internal/desk"
	"zhijia/internal/deskfile"
	"zhijia/internal/fault"
	"zhijia/internal/lending"
	"zhijia/internal/money"
	"zhijia/internal/store"
)

// Batch is a loan desk's file as the API shows it.
type Batch struct {
	ID            string            `json:"id"`
	Name          string            `json:"name" doc:"Of the file."`
	SHA256        string            `json:"file_sha256"`
	CreatedAt     time.Time         `json:"created_at"`
	CreatedBy     string            `json:"created_by"`
	ValuationDate calendar.Date     `json:"valuation_date"`
	Policy        string            `json:"policy" doc:"id@version"`
	Priority      int               `json:"priority"`
	Status        store.BatchStatus `json:"status" doc:"running, cancelled, finished"`
	FinishedAt    *time.Time        `json:"finished_at,omitempty"`
	Rows          int               `json:"rows"`
	Ignored       []string          `json:"ignored_columns,omitempty" doc:"Headers of the file that name no column; they were not read."`
	Progress      *store.Progress   `json:"progress,omitempty"`
}

func describeBatch(b *store.Batch) (Batch, error) {
	var o desk.Options
	err := json.Unmarshal(b.Options, &o)
	return Batch{
		ID: b.ID, Name: b.Name, SHA256: hex.EncodeToString(b.Content), CreatedAt: b.CreatedAt, CreatedBy: b.CreatedBy, ValuationDate: b.AsOf,
		Policy: o.Policy.ID + "@" + o.Policy.Version, Priority: b.Priority, Status: b.Status, FinishedAt: b.Finished, Rows: b.Rows, Ignored: b.Ignored,
	}, err
}

// BatchList is one page of batches.
type BatchList struct {
	Batches []Batch `json:"batches"`
	Cursor  string  `json:"cursor,omitempty"`
}

// BatchRow is one row of a batch with what came of it.
type BatchRow struct {
	deskfile.Outcome
	Line      int    `json:"line"`
	Valuation string `json:"valuation,omitempty" doc:"Id of the stored valuation."`
}

// BatchRows is one page of rows.
type BatchRows struct {
	Rows []BatchRow `json:"rows"`
	Next int        `json:"next,omitempty" doc:"after of the next page; absent on the last."`
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
			query("unit", "元 or 万元, for amount columns whose header names none."), query("priority", "Among your own files: 1 first to 4 last. Default 3."),
		},
		RequestBody: &huma.RequestBody{Required: true, Content: map[string]*huma.MediaType{
			"multipart/form-data": {Schema: &huma.Schema{Type: huma.TypeObject, Properties: map[string]*huma.Schema{"options": options, "file": binary}, Required: []string{"file"}}},
		}},
		Responses: s.respondsWith(reflect.TypeFor[Batch](), "201", "The batch, stored."),
		Metadata:  map[string]any{metaTimeout: s.opt.ImportTimeout, metaMaxBody: s.opt.MaxUpload},
	}, s.submitBatch)
	s.raw(huma.Operation{
		OperationID: "watch-batch", Method: http.MethodGet, Path: "/v1/batches/{id}/events", Tags: []string{"batches"},
		Summary: "进度事件 Progress as server-sent events, until the batch is no longer running", Parameters: []*huma.Param{idParam},
		Responses: map[string]*huma.Response{"200": {Description: "Events named progress; data is a Progress, whole each time: connect again after a break. The stream ends when the status is no longer running.", Content: map[string]*huma.MediaType{"text/event-stream": {Schema: &huma.Schema{Type: huma.TypeString}}}}},
		Metadata:  map[string]any{metaTimeout: s.opt.ImportTimeout},
	}, s.watchBatch)
	s.raw(huma.Operation{
		OperationID: "get-batch-result", Method: http.MethodGet, Path: "/v1/batches/{id}/result", Tags: []string{"batches"},
		Summary: "下载结果 Download the results of a finished batch", Parameters: []*huma.Param{idParam, query("format", "xlsx (default) or csv")},
		Responses: map[string]*huma.Response{"200": {Description: "The workbook or table.", Content: map[string]*huma.MediaType{
			xlsxType: {Schema: &huma.Schema{Type: huma.TypeString, Format: "binary"}}, "text/csv": {Schema: &huma.Schema{Type: huma.TypeString}},
		}}},
		Metadata: map[string]any{metaTimeout: s.opt.ImportTimeout},
	}, s.batchResult)
	s.raw(huma.Operation{
		OperationID: "get-batch-template", Method: http.MethodGet, Path: "/v1/batch-template", Tags: []string{"batches"},
		Summary:   "下载模板 The empty workbook a desk fills in",
		Responses: map[string]*huma.Response{"200": {Description: "The workbook.", Content: map[string]*huma.MediaType{xlsxType: {Schema: &huma.Schema{Type: huma.TypeString, Format: "binary"}}}}},
	}, func(c *gin.Context) error {
		attach(c, xlsxType, "zhijia-batch-template.xlsx", "知价批量估值模板.xlsx")
		return deskfile.WriteTemplate(c.Writer)
	})

	type list struct {
		Cursor string `query:"cursor" maxLength:"200"`
		Limit  int    `query:"limit" minimum:"1" maximum:"200" default:"50"`
	}
	type listed struct{ Body BatchList }
	huma.Register(api, huma.Operation{
		OperationID: "list-batches", Method: http.MethodGet, Path: "/v1/batches", Summary: "批次列表 List batches, newest first", Tags: []string{"batches"},
	}, func(ctx context.Context, in *list) (*listed, error) {
		at, id, err := readCursor(in.Cursor)
		if err != nil {
			return nil, err
		}
		p, _ := principalOf(ctx)
		found, err := s.opt.DB.Batches(ctx, p.Institution, at, id, in.Limit+1)
		if err != nil {
			return nil, err
		}
		out := &listed{}
		if len(found) > in.Limit {
			found = found[:in.Limit]
			last := found[in.Limit-1]
			out.Body.Cursor = makeCursor(last.CreatedAt, last.ID)
		}
		out.Body.Batches = make([]Batch, len(found))
		for i := range found {
			if out.Body.Batches[i], err = describeBatch(&found[i]); err != nil {
				return nil, err
			}
		}
		return out, nil
	})
	huma.Register(api, huma.Operation{
		OperationID: "get-batch", Method: http.MethodGet, Path: "/v1/batches/{id}", Summary: "批次进度 One batch with its progress", Tags: []string{"batches"},
	}, func(ctx context.Context, in *BatchID) (*batchReply, error) { return s.batchReply(ctx, in.ID) })
	for _, act := range []struct {
		id, verb, summary string
		do                func(context.Context, string) error
	}{
		{"cancel-batch", "cancel", "取消批次 Stop a batch; what has its result keeps it", func(ctx context.Context, id string) error {
			p, _ := principalOf(ctx)
			return s.opt.Desk.Cancel(ctx, p.actor(), id)
		}},
		{"resume-batch", "resume", "恢复批次 Take a cancelled batch up where it stopped", func(ctx context.Context, id string) error {
			p, _ := principalOf(ctx)
			return s.opt.Desk.Resume(ctx, p.actor(), id)
		}},
		{"retry-batch", "retry", "重试失败行 Work the failed rows again, and only those", func(ctx context.Context, id string) error {
			p, _ := principalOf(ctx)
			_, err := s.opt.Desk.Retry(ctx, p.actor(), id)
			return err
		}},
		{"decide-batch", "decide", "重新决定 Decide a finished batch again on what is drawn and booked today; values stay", func(ctx context.Context, id string) error {
			p, _ := principalOf(ctx)
			return s.opt.Desk.DecideAgain(ctx, p.actor(), id)
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

	type contractsIn struct {
		BatchID
		After int `query:"after" minimum:"0" doc:"Contracts already seen."`
		Limit int `query:"limit" minimum:"1" maximum:"500" default:"100"`
	}
	type contractsOut struct {
		Body struct {
			Contracts []lending.Contract `json:"contracts"`
			Next      int                `json:"next,omitempty"`
			Facts     store.Facts        `json:"facts" doc:"What stood in store when the batch was decided."`
		}
	}
	huma.Register(api, huma.Operation{
		OperationID: "list-batch-contracts", Method: http.MethodGet, Path: "/v1/batches/{id}/contracts", Tags: []string{"batches"},
		Summary: "批次合同 Contracts of a finished batch in queue order, with limits, route and outlook",
	}, func(ctx context.Context, in *contractsIn) (*contractsOut, error) {
		p, _ := principalOf(ctx)
		r, err := s.opt.Desk.Result(ctx, p.actor(), in.ID)
		if err != nil {
			return nil, err
		}
		out := &contractsOut{}
		out.Body.Contracts = r.Contracts[min(in.After, len(r.Contracts)):]
		if len(out.Body.Contracts) > in.Limit {
			out.Body.Contracts = out.Body.Contracts[:in.Limit]
			out.Body.Next = in.After + in.Limit
		}
		out.Body.Facts, err = s.opt.DB.BatchFacts(ctx, in.ID)
		return out, err
	})
	type coverIn struct {
		BatchID
		Contract string  `query:"contract" required:"true" maxLength:"500" doc:"Key of the contract."`
		Discount float64 `query:"discount" default:"0.12" minimum:"0.001" maximum:"0.99"`
		Repay    string  `query:"repayment" enum:"bullet,equal" default:"bullet"`
		Step     int     `query:"step_months" minimum:"1" maximum:"60" default:"6"`
	}
	huma.Register(api, huma.Operation{
		OperationID: "forecast-batch-cover", Method: http.MethodGet, Path: "/v1/batches/{id}/cover", Tags: []string{"batches"},
		Summary: "合同押品覆盖预测 Cover of one contract over its life as the patents' term runs down",
	}, func(ctx context.Context, in *coverIn) (*coverReply, error) {
		p, _ := principalOf(ctx)
		c, err := s.opt.Desk.Cover(ctx, p.actor(), in.ID, in.Contract)
		if err != nil {
			return nil, err
		}
		c.Repay, c.Step = in.Repay, in.Step
		return forecast(c, in.Discount)
	})

	type rowsIn struct {
		BatchID
		Status string `query:"status" enum:"waiting,done,failed,refused" doc:"Only rows of this status."`
		After  int    `query:"after" minimum:"0" doc:"Only rows after this line."`
		Limit  int    `query:"limit" minimum:"1" maximum:"500" default:"100"`
	}
	type rowsOut struct{ Body BatchRows }
	huma.Register(api, huma.Operation{
		OperationID: "list-batch-rows", Method: http.MethodGet, Path: "/v1/batches/{id}/rows", Summary: "批次各行 Rows with values, decisions and reasons, in the order of the file", Tags: []string{"batches"},
	}, func(ctx context.Context, in *rowsIn) (*rowsOut, error) {
		p, _ := principalOf(ctx)
		if _, err := s.opt.Desk.Batch(ctx, p.actor(), in.ID); err != nil {
			return nil, err
		}
		found, err := s.opt.DB.BatchRows(ctx, in.ID, store.RowStatus(in.Status), in.After, in.Limit+1)
		if err != nil {
			return nil, err
		}
		out := &rowsOut{}
		if len(found) > in.Limit {
			found = found[:in.Limit]
			out.Body.Next = found[in.Limit-1].Line
		}
		out.Body.Rows = make([]BatchRow, len(found))
		for i := range found {
			o, err := desk.ReadOutcome(&found[i])
			if err != nil {
				return nil, err
			}
			out.Body.Rows[i] = BatchRow{Outcome: *o, Line: found[i].Line, Valuation: found[i].Valuation}
		}
		return out, nil
	})
	s.raw(huma.Operation{
		OperationID: "get-batch-opinion", Method: http.MethodGet, Path: "/v1/batches/{id}/rows/{line}/opinion", Tags: []string{"batches"},
		Summary: "单行意见 One row's decision as one printable page", Parameters: []*huma.Param{idParam, query("full", "1: the whole opinion of the value behind it"), {Name: "line", In: "path", Required: true, Schema: &huma.Schema{Type: huma.TypeInteger}}},
		Responses: map[string]*huma.Response{"200": {Description: "A self-contained page.", Content: map[string]*huma.MediaType{"text/html": {Schema: &huma.Schema{Type: huma.TypeString}}}}},
	}, s.batchOpinion)
}

// attach names a download: plainly for programs that know no more, and with
// its Chinese name (RFC 6266, section 5).
func attach(c *gin.Context, contentType, plain, name string) {
	c.Header("Content-Type", contentType)
	c.Header("Content-Disposition", `attachment; filename="`+plain+`"; filename*=UTF-8''`+url.PathEscape(name))
	c.Header("Cache-Control", "no-store")
}

func (s *Server) batchReply(ctx context.Context, id string) (*batchReply, error) {
	p, _ := principalOf(ctx)
	b, err := s.opt.Desk.Batch(ctx, p.actor(), id)
	if err != nil {
		return nil, err
	}
	out := &batchReply{}
	if out.Body, err = describeBatch(&b); err != nil {
		return nil, err
	}
	progress, err := s.opt.DB.BatchProgress(ctx, id)
	out.Body.Progress = &progress
	return out, err
}

func (s *Server) submitBatch(c *gin.Context) (err error) {
	ctx := c.Request.Context()
	p, _ := principalOf(ctx)
	var o desk.Options
	for k, v := range c.Request.URL.Query() {
		switch k {
		case "policy":
			if len(v[0]) > 200 {
				return fault.New(fault.Invalid, "policy.unknown", "没有这个质押政策。", "There is no such policy.")
			}
		case "valuation_date":
			if o.Date, err = queryDate("query.valuation_date", v[0]); err != nil {
				return err
			}
		case "product":
			o.Product = v[0]
		case "unit":
			if v[0] != "元" && v[0] != "万元" {
				return fault.New(fault.Invalid, "unit.unknown", "单位应为元或万元。", "The unit must be 元 or 万元.")
			}
			o.Unit = v[0]
		case "priority":
			if o.Priority, err = strconv.Atoi(v[0]); err != nil {
				return fault.New(fault.Invalid, "batch.priority", "优先级应为 1 到 4。", "The priority must be 1 to 4.")
			}
		default:
			return fault.New(fault.Invalid, "query.unknown", "未知查询参数。", "Unknown query parameter.")
		}
	}
	if o.Policy, err = s.opt.Desk.Policy(ctx, p.actor(), c.Query("policy")); err != nil {
		return err
	}
	if o.Programmes, err = s.opt.Desk.WithProgrammes(ctx, p.actor(), nil); err != nil {
		return err
	}
	if t, _, err := mime.ParseMediaType(c.GetHeader("Content-Type")); err != nil || t != "multipart/form-data" {
		return errUploadType
	}
	parts, err := c.Request.MultipartReader()
	if err != nil {
		return errUploadType
	}
	part, err := parts.NextPart()
	if err == nil && part.FormName() == "options" {
		if err := s.fileOptions(ctx, part, &o); err != nil {
			return err
		}
		part, err = parts.NextPart()
	}
	switch {
	case errors.Is(err, io.EOF):
		return errUploadFile
	case err != nil:
		return uploadError(err)
	case part.FormName() != "file":
		return fault.New(fault.Invalid, "field.unknown", "只接受 file 字段。", "Only the field file is accepted.")
	}
	spool, err := spoolFile("zhijia-batch-*") // read twice: once to know it again, once for its rows
	if err != nil {
		return err
	}
	defer spool.Close()
	if _, err := io.Copy(spool, &upload{r: part}); err != nil {
		return uploadError(err)
	}
	if _, err := spool.Seek(0, io.SeekStart); err != nil {
		return err
	}
	b, fresh, err := s.opt.Desk.Submit(ctx, p.actor(), fileName(part.FileName()), spool, o)
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
	}
	body, err := io.ReadAll(io.LimitReader(part, maxFileOptions+1))
	if err != nil {
		return uploadError(err)
	}
	if len(body) > maxFileOptions {
		return fault.New(fault.TooLarge, "options.large", "options 超过 16 MiB。", "The options are above 16 MiB.")
	}
	dec := json.NewDecoder(bytes.NewReader(body))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&in); err != nil {
		return fault.New(fault.Invalid, "options.json", "options 不是有效的 JSON，或含有未知字段。", "The options are not valid JSON, or have an unknown field: "+err.Error()+".")
	}
	p, _ := principalOf(ctx)
	if o.Programmes, err = s.opt.Desk.WithProgrammes(ctx, p.actor(), in.Programmes); err != nil {
		return err
	}
	o.Limits, o.Bearable = in.Limits, in.Bearable
	return nil // Submit checks them
}

// spoolFile is a file without a name: a desk's file is gone with the request,
// even when the process is killed.
func spoolFile(pattern string) (*os.File, error) {
	f, err := os.CreateTemp("", pattern)
	if err != nil {
		return nil, err
	}
	return f, os.Remove(f.Name())
}

// watchBatch sends the progress whenever it changed, at most twice a second,
// and now and then when it did not. An event holds the whole progress, so a
// listener that lost its connection misses nothing by connecting again.
func (s *Server) watchBatch(c *gin.Context) error {
	ctx, cancel := context.WithCancel(c.Request.Context())
	defer cancel()
	go func() {
		select {
		case <-s.draining: // a stop does not wait for listeners
			cancel()
		case <-ctx.Done():
		}
	}()
	p, _ := principalOf(ctx)
	started := false
	for progress, err := range s.opt.Desk.Watch(ctx, p.actor(), c.Param("id"), 500*time.Millisecond) {
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
		data, err := json.Marshal(progress)
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
	p, _ := principalOf(ctx)
	r, err := s.opt.Desk.Result(ctx, p.actor(), c.Param("id"))
	if err != nil {
		return err
	}
	name := strings.TrimSuffix(r.Name, filepath.Ext(r.Name)) + "-估值结果"
	switch format := c.DefaultQuery("format", "xlsx"); format {
	case "xlsx":
		spool, err := spoolFile("zhijia-result-*") // an error half-way must not look like a file
		if err != nil {
			return err
		}
		defer spool.Close()
		if err := deskfile.WriteBook(spool, r); err != nil {
			return err
		}
		if _, err := spool.Seek(0, io.SeekStart); err != nil {
			return err
		}
		attach(c, xlsxType, c.Param("id")+".xlsx", name+".xlsx")
		_, err = io.Copy(c.Writer, spool)
		return err
	case "csv":
		attach(c, "text/csv; charset=utf-8", c.Param("id")+".csv", name+".csv")
		return deskfile.WriteCSV(c.Writer, r)
	}
	return fault.New(fault.Invalid, "field.enum", "format 应为 xlsx 或 csv。", "format must be xlsx or csv.", fault.Field{Field: "query.format", Code: "field.enum", Zh: "应为 xlsx 或 csv", En: "must be xlsx or csv"})
}

func (s *Server) batchOpinion(c *gin.Context) error {
	ctx := c.Request.Context()
	p, _ := principalOf(ctx)
	line, err := strconv.Atoi(c.Param("line"))
	if err != nil {
		return fault.New(fault.Invalid, "field.type", "行号应为整数。", "The line must be an integer.")
	}
	o, err := s.opt.Desk.RowOpinion(ctx, p.actor(), c.Param("id"), line)
	if err != nil {
		return err
	}
	if c.Query("full") != "" && o.Valuation != "" {
		rec, err := s.opt.Appraisal.Get(ctx, p.actor(), o.Valuation)
		if err != nil {
			return err
		}
		made, err := opinionOf(rec, nil)
		if err != nil {
			return err
		}
		o.Opinion = &made
	}
	c.Header("Content-Type", "text/html; charset=utf-8")
	c.Header("Cache-Control", "private, no-store")
	return deskfile.WriteRowOpinion(c.Writer, o)
}
