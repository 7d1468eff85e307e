package api

import (
	"cmp"
	"context"
	"errors"
	"io"
	"mime"
	"net/http"
	"reflect"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/gin-gonic/gin"

	"zhijia/internal/fault"
	"zhijia/internal/gate"
	"zhijia/internal/intake"
	"zhijia/internal/people"
)

var (
	errUploadType = fault.New(fault.Unsupported, "content_type.unsupported", "请以 multipart/form-data 上传，文件放在 file 字段。", "Upload as multipart/form-data with the file in the field file.")
	errUploadCut  = fault.New(fault.Invalid, "upload.truncated", "上传未完成，已存的批次保留，重新上传同一文件即可补齐。", "The upload broke off; batches already stored are kept, and uploading the file again completes it.")
)

// maxMapped bounds the headers that one upload explains.
const maxMapped = 200

// registerImports serves uploads. A file is streamed: it is never held in
// memory or on disk, and every batch of rows is stored wholly or not at all.
func registerImports(api huma.API, s *Server) {
	binary := &huma.Schema{Type: huma.TypeString, Format: "binary", Description: "CSV (UTF-8 or GB18030), XLSX or JSONL; the name's ending says which."}
	var datasets []any
	for _, d := range intake.Datasets() {
		datasets = append(datasets, d)
	}
	s.raw(huma.Operation{
		OperationID: "import", Method: http.MethodPost, Path: "/v1/imports/{id}", Tags: []string{"imports"},
		Summary:     "导入文件 Take a file in: " + strings.Join(intake.Datasets(), ", "),
		Description: "Streamed, batch by batch, idempotent by each row's natural key. Rows that are not taken are in `rejects` with number, field and reason. An upload that breaks off is completed by uploading the file again.",
		Parameters: []*huma.Param{
			// One name for one place in the path: the specification knows no two paths that differ in a name alone.
			{Name: "id", In: "path", Required: true, Description: "What the file holds.", Schema: &huma.Schema{Type: huma.TypeString, Enum: datasets}},
			{Name: "map", In: "query", Schema: &huma.Schema{Type: huma.TypeArray, Items: &huma.Schema{Type: huma.TypeString}}, Explode: new(true), Description: "HEADER=FIELD: what a header of the file means, a field or known header of the dataset, or nothing to leave it unread. Once a header; remembered for files with the same headers."},
			{Name: "dry_run", In: "query", Schema: &huma.Schema{Type: huma.TypeBoolean}, Description: "Check every row and store nothing."},
		},
		RequestBody: &huma.RequestBody{Required: true, Content: map[string]*huma.MediaType{
			"multipart/form-data": {Schema: &huma.Schema{Type: huma.TypeObject, Properties: map[string]*huma.Schema{"file": binary}, Required: []string{"file"}}},
		}},
		Responses: s.respondsWith(reflect.TypeFor[intake.Report](), "200", "What was taken and what was not."),
		Metadata:  map[string]any{metaTimeout: s.gate.ImportTimeout, metaMaxBody: s.gate.MaxUpload},
	}, s.importFile)

	huma.Register(api, huma.Operation{
		OperationID: "get-import", Method: http.MethodGet, Path: "/v1/imports/{id}", Summary: "导入结果 State of an import", Tags: []string{"imports"},
	}, s.getImport)
}

// Import is the record of one file taken in.
type Import struct {
	ID         string     `json:"id"`
	Dataset    string     `json:"dataset"`
	Name       string     `json:"name"`
	StartedAt  time.Time  `json:"started_at"`
	FinishedAt *time.Time `json:"finished_at" doc:"null: it runs, or its process died; upload the file again to complete it."`
	Accepted   int64      `json:"accepted"`
	Rejected   int64      `json:"rejected"`
	Rejects    any        `json:"rejects" doc:"The first of them, with row, field and reason."`
	Error      string     `json:"error,omitempty"`
}

type importID struct {
	ID string `path:"id" pattern:"^[A-Za-z0-9_-]{1,64}$"`
}

func (s *Server) getImport(ctx context.Context, in *importID) (*reply[Import], error) {
	i, err := s.opt.Intake.Import(ctx, actor(ctx), in.ID)
	return &reply[Import]{Import{i.ID, i.Dataset, i.Name, i.StartedAt, i.FinishedAt, i.Accepted, i.Rejected, i.Rejects, i.Error}}, err
}

func (s *Server) importFile(c *gin.Context) error {
	dry, columns := false, map[string]string{}
	for k, v := range c.Request.URL.Query() {
		if k == "map" {
			for _, pair := range v {
				header, field, ok := strings.Cut(pair, "=")
				if !ok || header == "" || len(columns) == maxMapped {
					return fault.New(fault.Invalid, "map.shape", "map 参数应为“列=字段”，每列一个，最多 200 个。", "The parameter map is HEADER=FIELD, one for each header, at most 200.")
				}
				columns[header] = field
			}
			continue
		}
		switch {
		case k != "dry_run":
			return fault.New(fault.Invalid, "query.unknown", "未知查询参数。", "Unknown query parameter.")
		case v[0] == "true":
			dry = true
		case v[0] != "false":
			return fault.New(fault.Invalid, "field.type", "dry_run 须为 true 或 false。", "dry_run must be true or false.")
		}
	}
	if t, _, err := mime.ParseMediaType(c.GetHeader("Content-Type")); err != nil || t != "multipart/form-data" {
		return errUploadType
	}
	parts, err := c.Request.MultipartReader()
	if err != nil {
		return errUploadType
	}
	ctx := c.Request.Context()
	p := people.Of(ctx)
	part, err := parts.NextPart()
	switch {
	case errors.Is(err, io.EOF):
		return gate.ErrNoFile
	case err != nil:
		return uploadError(err)
	case part.FormName() != "file":
		return fault.New(fault.Invalid, "field.unknown", "只接受 file 字段。", "Only the field file is accepted.")
	}
	report, err := s.opt.Intake.Take(ctx, p.Actor(), c.Param("id"), gate.FileName(part.FileName()), &upload{r: part}, intake.Options{DryRun: dry, Map: columns})
	if err != nil {
		return uploadError(err)
	}
	for { // the file was streamed; what comes behind it is named, not dropped in silence
		part, err := parts.NextPart()
		if err != nil {
			break
		}
		report.IgnoredParts = append(report.IgnoredParts, gate.FileName(cmp.Or(part.FileName(), part.FormName())))
	}
	if !dry {
		// Vectors of the local space come with the rows; an endpoint's may lag.
		if _, err := s.opt.Appraisal.EmbedStored(ctx, p.Actor()); err != nil {
			return err
		}
		c.Header("Location", "/v1/imports/"+report.ID)
	}
	c.JSON(http.StatusOK, report)
	return nil
}

// upload marks the errors of the client's connection, so that they are told
// from those of the file and of the store.
type upload struct{ r io.Reader }

type cutError struct{ error }

func (e cutError) Unwrap() error { return e.error }

func (u *upload) Read(b []byte) (int, error) {
	n, err := u.r.Read(b)
	if err != nil && !errors.Is(err, io.EOF) {
		err = cutError{err}
	}
	return n, err
}

func uploadError(err error) error {
	var over *http.MaxBytesError
	var f *fault.Error
	var cut cutError
	switch {
	case errors.As(err, &over):
		return gate.TooLarge
	case errors.As(err, &cut), errors.Is(err, io.ErrUnexpectedEOF), strings.HasPrefix(err.Error(), "multipart:"):
		return errUploadCut.Because(err)
	case errors.As(err, &f):
		return err
	}
	return err
}
