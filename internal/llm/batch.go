package llm

import (
	"bufio"
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	openai "github.com/sashabaranov/go-openai"

	"zhijia/internal/fault"
)

// InBatch is what computed at the price of a single call costs in a batch.
func (c *Client) InBatch(u Usage) Usage {
	u.Micro = int64(float64(u.Micro) * c.cfg.BatchPrice)
	return u
}

// BatchFile collects questions into one file of the endpoint's batch format.
type BatchFile struct {
	Questions []Question
	body      bytes.Buffer
	keys      map[string]bool
	claimed   bool
	url       string
	limit     int
}

// maxBatchBytes bounds one file; providers allow 100 MB and more, but it is
// held in memory while it is sent.
const maxBatchBytes = 16 << 20

// maxBatchAnswers bounds what the answers to one file may take, in bytes.
const maxBatchAnswers = 64 << 20

// maxBatchRequests is below every documented limit (50,000).
const maxBatchRequests = 10_000

// NewBatchFile returns an empty file.
func (c *Client) NewBatchFile() *BatchFile {
	// A line of the answers: up to six bytes a token, and the frame.
	return &BatchFile{keys: map[string]bool{}, url: c.batchEndpoint(), limit: min(maxBatchRequests, max(1, maxBatchAnswers/(6*c.cfg.MaxTokens+2048)))}
}

// batchEndpoint is what the requests of a batch are addressed to: the version
// segment of the base URL, /v1 of most and /v4 of GLM, and the method.
func (c *Client) batchEndpoint() string {
	version := c.cfg.BaseURL[strings.LastIndexByte(c.cfg.BaseURL, '/')+1:]
	if len(version) < 2 || version[0] != 'v' || version[1] < '0' || version[1] > '9' {
		version = "v1"
	}
	return "/" + version + "/chat/completions"
}

// Add puts a question into the file; false when it is full. A question that is
// in it already is not put twice: two patents may have one text.
func (f *BatchFile) Add(q Question) bool {
	if f.keys[q.Key] {
		return true
	}
	if len(f.Questions) > 0 && (f.body.Len()+len(q.Body) > maxBatchBytes || len(f.Questions) >= f.limit) {
		return false
	}
	fmt.Fprintf(&f.body, `{"custom_id":%q,"method":"POST","url":%q,"body":%s}`+"\n", q.Key, f.url, q.Body)
	q.Body = nil // kept in the file
	f.keys[q.Key] = true
	f.Questions = append(f.Questions, q)
	return true
}

// Claim has the questions reserved and put on record, and keeps those that
// claim returns. A file nobody claimed is not sent.
func (f *BatchFile) Claim(claim func([]Question) (keys map[string]bool, err error)) error {
	keys, err := claim(f.Questions)
	if err != nil {
		return err
	}
	f.only(keys)
	f.claimed = true
	return nil
}

// Half drops the second half of the questions.
func (f *BatchFile) Half() {
	keys := map[string]bool{}
	for _, q := range f.Questions[:(len(f.Questions)+1)/2] {
		keys[q.Key] = true
	}
	f.only(keys)
}

func (f *BatchFile) only(keys map[string]bool) {
	kept := &BatchFile{keys: keys, url: f.url, limit: f.limit}
	lines := bytes.SplitAfter(f.body.Bytes(), []byte("\n"))
	for i, q := range f.Questions {
		if keys[q.Key] {
			kept.body.Write(lines[i])
			kept.Questions = append(kept.Questions, q)
		}
	}
	*f = *kept
}

// Batch is a batch at the endpoint.
type Batch struct {
	ID        string
	Status    string // validating, in_progress, finalizing, completed, failed, expired, cancelling, cancelled
	Completed int
	Failed    int
	Reason    string   // why it failed, in the endpoint's words, cut short
	files     []string // of answers and of errors
	input     string
}

// Ended reports whether nothing more will come.
func (b *Batch) Ended() bool {
	switch b.Status {
	case "completed", "failed", "expired", "cancelled":
		return true
	}
	return false
}

func (c *Client) batch(b openai.Batch) Batch {
	out := Batch{ID: b.ID, Status: b.Status, Completed: b.RequestCounts.Completed, Failed: b.RequestCounts.Failed, input: b.InputFileID}
	for _, id := range []*string{b.OutputFileID, b.ErrorFileID} {
		if id != nil && *id != "" {
			out.files = append(out.files, *id)
		}
	}
	if b.Errors != nil {
		for _, e := range b.Errors.Data {
			out.Reason = strings.TrimSpace(out.Reason + " " + e.Code + ": " + e.Message)
		}
		out.Reason = c.redact(out.Reason)
	}
	return out
}

// Requests to files take long, and one that makes a batch must not be made
// twice.
type transferKey struct{}

type transfer struct {
	timeout time.Duration
	once    bool
	limit   int64 // of the answer, in bytes
}

func withTransfer(ctx context.Context, t transfer) context.Context {
	return context.WithValue(ctx, transferKey{}, t)
}

const transferTimeout = 5 * time.Minute

// OffersBatches asks the endpoint whether it takes files of requests.
func (c *Client) OffersBatches(ctx context.Context) (bool, error) {
	one := 1
	list, err := c.api.ListBatch(ctx, nil, &one)
	if err == nil {
		return list.Object == "list" || list.Data != nil, nil // a proxy may answer anything with 200
	}
	if noSuchMethod(err) {
		return false, nil
	}
	return false, c.explain(ctx, err)
}

// noSuchMethod reports that the endpoint does not know what was asked of it.
func noSuchMethod(err error) bool {
	switch status(err) {
	case http.StatusBadRequest, http.StatusNotFound, http.StatusMethodNotAllowed, http.StatusRequestEntityTooLarge, http.StatusUnsupportedMediaType, http.StatusUnprocessableEntity, http.StatusNotImplemented:
		return true
	}
	var syntax *json.SyntaxError
	var kind *json.UnmarshalTypeError
	return errors.As(err, &syntax) || errors.As(err, &kind) // answered with something else
}

// ErrNoBatches says that the endpoint does not take files of requests after
// all.
var ErrNoBatches = fault.New(fault.Unsupported, "llm.no_batches", "模型服务不支持批量接口。", "The endpoint takes no batches.")

// Upload sends a file whose questions were claimed, and returns the endpoint's
// id of it.
func (c *Client) Upload(ctx context.Context, name string, f *BatchFile) (id string, err error) {
	if !f.claimed {
		return "", errors.New("llm: a file that nobody claimed is not sent")
	}
	if err := c.gate.Consent(ctx); err != nil {
		return "", err
	}
	file, err := c.api.CreateFileBytes(withTransfer(ctx, transfer{timeout: transferTimeout}), openai.FileBytesRequest{Name: name, Bytes: f.body.Bytes(), Purpose: openai.PurposeBatch})
	switch {
	case err != nil && noSuchMethod(err):
		return "", errors.Join(ErrNoBatches, c.explain(ctx, err))
	case err != nil:
		return "", c.explain(ctx, err)
	case file.ID == "":
		return "", ErrNoBatches
	}
	return file.ID, nil
}

// StartBatch has an uploaded file worked. It is tried once: whether a try that
// broke off made a batch is found out by [Client.FindBatch].
func (c *Client) StartBatch(ctx context.Context, file string) (Batch, error) {
	b, err := c.api.CreateBatch(withTransfer(ctx, transfer{timeout: c.cfg.RequestTimeout, once: true}), openai.CreateBatchRequest{
		InputFileID: file, Endpoint: openai.BatchEndpoint(c.batchEndpoint()), CompletionWindow: "24h",
	})
	if err != nil {
		return Batch{}, c.explain(ctx, err)
	}
	return c.batch(b.Batch), nil
}

// FindBatch looks for the batch made of a file.
func (c *Client) FindBatch(ctx context.Context, file string) (b Batch, ok bool, err error) {
	const page, pages = 100, 50
	var after *string
	size := page
	for range pages {
		list, err := c.api.ListBatch(ctx, after, &size)
		if err != nil {
			return Batch{}, false, c.explain(ctx, err)
		}
		for i := range list.Data {
			if list.Data[i].InputFileID == file {
				return c.batch(list.Data[i]), true, nil
			}
		}
		if !list.HasMore || list.LastID == "" {
			break
		}
		after = &list.LastID
	}
	return Batch{}, false, nil
}

// Batch returns a batch as it stands; ok is false when the endpoint does not
// know it.
func (c *Client) Batch(ctx context.Context, id string) (b Batch, ok bool, err error) {
	got, err := c.api.RetrieveBatch(ctx, id)
	switch {
	case status(err) == http.StatusNotFound:
		return Batch{}, false, nil
	case err != nil:
		return Batch{}, false, c.explain(ctx, err)
	}
	return c.batch(got.Batch), true, nil
}

// BatchAnswer is one line of a batch's results: an answer, which may be void,
// or why there is none.
type BatchAnswer struct {
	Key     string
	Content string
	Void    string // why the answer cannot be used
	Failure string // why there is none: a stable code of ours or the endpoint's
	Usage   Usage
	Told    bool // the endpoint says what it cost
}

// callFailed is the failure of a question of which nothing else is said.
const callFailed = "call_failed"

// maxLine bounds one line of a batch's results, in bytes.
const maxLine = 4 << 20

// BatchAnswers reads what a batch that ended left: its answers and its errors,
// in whatever order.
func (c *Client) BatchAnswers(ctx context.Context, b Batch, yield func(BatchAnswer) error) error {
	for _, id := range b.files {
		body, err := c.api.GetFileContent(withTransfer(ctx, transfer{timeout: transferTimeout, limit: 2 * maxBatchAnswers}), id)
		if status(err) == http.StatusNotFound {
			continue // expired: what it held counts as unanswered
		}
		if err != nil {
			return c.explain(ctx, err)
		}
		err = c.readAnswers(body, yield)
		body.Close()
		if err != nil {
			return err
		}
	}
	return nil
}

// readAnswers reads JSON lines. A line that cannot be read answers nothing.
func (c *Client) readAnswers(r io.Reader, yield func(BatchAnswer) error) error {
	in := bufio.NewScanner(r)
	in.Buffer(nil, maxLine)
	for in.Scan() {
		if len(bytes.TrimSpace(in.Bytes())) == 0 {
			continue
		}
		a, ok := c.readAnswer(in.Bytes())
		if !ok {
			continue
		}
		if err := yield(a); err != nil {
			return err
		}
	}
	if err := in.Err(); err != nil {
		return fault.New(fault.Unavailable, "llm.bad_batch", "批量结果文件无法读取。", "The results of a batch cannot be read.").Because(err)
	}
	return nil
}

func (c *Client) readAnswer(line []byte) (a BatchAnswer, ok bool) {
	var l struct {
		ID       string `json:"custom_id"`
		Response *struct {
			Status int             `json:"status_code"`
			Body   json.RawMessage `json:"body"`
		} `json:"response"`
		Error *struct {
			Code any `json:"code"`
		} `json:"error"`
	}
	if err := json.Unmarshal(line, &l); err != nil || l.ID == "" {
		return a, false
	}
	a.Key = l.ID
	switch {
	case l.Error != nil && l.Error.Code != nil:
		a.Failure = cmp.Or(c.redact(printable(fmt.Sprint(l.Error.Code))), callFailed)
		return a, true
	case l.Response == nil:
		a.Failure = callFailed
		return a, true
	case l.Response.Status != http.StatusOK:
		a.Failure = strings.TrimSpace(fmt.Sprintf("status_%d %s", l.Response.Status, c.redact(newRefusal(l.Response.Status, l.Response.Body).words)))
		return a, true
	}
	var resp completion
	if err := json.Unmarshal(l.Response.Body, &resp); err != nil {
		a.Failure = VoidJSON
		return a, true
	}
	text, err := resp.text()
	if u := resp.Usage; u != nil && u.Prompt > 0 {
		a.Told = true
		a.Usage = c.InBatch(c.cost(min(u.Prompt, maxLine), min(u.Answer, int64(c.cfg.MaxTokens))))
	}
	a.Content = text
	var bad badAnswer
	if errors.As(err, &bad) {
		a.Void = string(bad)
	} else {
		a.Void = Read(Answer{Content: text}).Void
	}
	return a, true
}

// DropFiles removes a batch's files from the endpoint: the texts in them have
// done their service. What cannot be removed stays until the provider does.
func (c *Client) DropFiles(ctx context.Context, input string, b Batch) error {
	var all error
	for _, id := range append([]string{input}, b.files...) {
		if id == "" {
			continue
		}
		if err := c.api.DeleteFile(ctx, id); err != nil && status(err) != http.StatusNotFound {
			all = c.explain(ctx, err)
		}
	}
	return all
}

// CancelBatch stops a batch; what it answered stays to be read.
func (c *Client) CancelBatch(ctx context.Context, id string) error {
	if _, err := c.api.CancelBatch(ctx, id); err != nil && status(err) != http.StatusNotFound && status(err) != http.StatusConflict && status(err) != http.StatusBadRequest {
		return c.explain(ctx, err)
	}
	return nil
}
