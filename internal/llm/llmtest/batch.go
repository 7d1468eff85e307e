package llmtest

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"time"
)

// BatchPlan is what the server does with one batch.
type BatchPlan struct {
	Hold      bool   // stay in progress until another plan is set
	End       string // "completed" (default), "failed", "expired", "cancelled"
	Answered  int    // with another end: lines answered before it; the rest expired or were cancelled
	LoseReply bool   // the batch is made, and the answer to making it breaks off
	Foreign   bool   // the results begin with lines nobody asked for and lines that are no JSON
	Refuse    bool   // no batch is made: the model has none
	Gone      bool   // the server knows nothing of the batch when asked
}

type file struct {
	name, purpose string
	body          []byte
}

// batch is one batch as the API shows it, and what it will come to.
type batch struct {
	plan   BatchPlan
	n      int
	steps  []string // statuses still to come, one per look
	object map[string]any
	lines  []batchLine
}

type batchLine struct {
	ID     string          `json:"custom_id"`
	Method string          `json:"method"`
	URL    string          `json:"url"`
	Body   json.RawMessage `json:"body"`
}

// Batches makes the server offer files and batches; plan says what becomes of
// the n-th, counted from 1. Every batch goes through the API's statuses, one
// step each time it is looked at: validating, in_progress, finalizing, and its
// end. Results come in another order than the requests.
func (s *Server) Batches(plan func(n int) BatchPlan) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.batches, s.plan = true, plan
	if plan == nil {
		s.plan = func(int) BatchPlan { return BatchPlan{} }
	}
}

// BatchesMade returns how many batches were made.
func (s *Server) BatchesMade() int { s.mu.Lock(); defer s.mu.Unlock(); return len(s.batch) }

// Lines returns how many requests arrived in batches that were accepted.
func (s *Server) Lines() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	n := 0
	for _, b := range s.batch {
		n += len(b.lines)
	}
	return n
}

// Files returns how many files the server holds.
func (s *Server) Files() int { s.mu.Lock(); defer s.mu.Unlock(); return len(s.files) }

func (s *Server) offersBatches(w http.ResponseWriter) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.batches {
		fail(w, 404, "not_found", "unknown URL")
	}
	return s.batches
}

func (s *Server) put(f file) string {
	s.made++
	id := fmt.Sprintf("file-%d", s.made)
	s.files[id] = f
	return id
}

func (s *Server) upload(w http.ResponseWriter, r *http.Request) {
	if !s.offersBatches(w) {
		return
	}
	f, header, err := r.FormFile("file")
	if err != nil || r.FormValue("purpose") != "batch" {
		fail(w, 400, "invalid_request", "file and purpose are required")
		return
	}
	body, _ := io.ReadAll(f)
	s.mu.Lock()
	id := s.put(file{header.Filename, "batch", body})
	s.mu.Unlock()
	reply(w, 200, map[string]any{"id": id, "object": "file", "bytes": len(body), "created_at": 1, "filename": header.Filename, "purpose": "batch", "status": "processed"})
}

func (s *Server) download(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	f, ok := s.files[r.PathValue("id")]
	s.mu.Unlock()
	if !ok {
		fail(w, 404, "not_found", "No such File object: "+r.PathValue("id"))
		return
	}
	_, _ = w.Write(f.body)
}

func (s *Server) deleteFile(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	_, ok := s.files[r.PathValue("id")]
	delete(s.files, r.PathValue("id"))
	s.mu.Unlock()
	if !ok {
		fail(w, 404, "not_found", "No such File object: "+r.PathValue("id"))
		return
	}
	reply(w, 200, map[string]any{"id": r.PathValue("id"), "object": "file", "deleted": true})
}

func (s *Server) createBatch(w http.ResponseWriter, r *http.Request) {
	if !s.offersBatches(w) {
		return
	}
	var req struct {
		Input    string `json:"input_file_id"`
		Endpoint string `json:"endpoint"`
		Window   string `json:"completion_window"`
	}
	if err := json.NewDecoder(r.Body).Decode(&req); err != nil || req.Endpoint != "/v1/chat/completions" || req.Window != "24h" {
		fail(w, 400, "invalid_request", "endpoint and completion_window are required")
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	input, ok := s.files[req.Input]
	if !ok {
		fail(w, 404, "not_found", "No such File object: "+req.Input)
		return
	}
	b := &batch{n: len(s.batch) + 1, steps: []string{"in_progress", "finalizing", "completed"}}
	if b.plan = s.plan(b.n); b.plan.Refuse {
		fail(w, 400, "invalid_model", "The provided model is not supported by the Batch API.")
		return
	}
	b.object = map[string]any{
		"id": fmt.Sprintf("batch_%d", b.n), "object": "batch", "endpoint": req.Endpoint, "errors": nil, "input_file_id": req.Input, "completion_window": req.Window,
		"status": "validating", "output_file_id": nil, "error_file_id": nil, "created_at": 1, "in_progress_at": nil, "expires_at": 86401, "finalizing_at": nil,
		"completed_at": nil, "failed_at": nil, "expired_at": nil, "cancelling_at": nil, "cancelled_at": nil,
		"request_counts": map[string]any{"total": 0, "completed": 0, "failed": 0}, "metadata": nil,
	}
	var wrong []any
	seen := map[string]bool{}
	for i, text := range strings.Split(strings.TrimSuffix(string(input.body), "\n"), "\n") {
		var l batchLine
		code := ""
		switch err := json.Unmarshal([]byte(text), &l); {
		case err != nil:
			code = "invalid_json_line"
		case l.ID == "":
			code = "missing_required_parameter"
		case seen[l.ID]:
			code = "duplicate_custom_id"
		case l.Method != "POST":
			code = "invalid_method"
		case l.URL != req.Endpoint:
			code = "mismatched_url"
		case i >= 50_000:
			code = "too_many_tasks"
		}
		if code != "" {
			wrong = append(wrong, map[string]any{"code": code, "message": "line " + fmt.Sprint(i+1) + " is not valid", "param": nil, "line": i + 1})
			continue
		}
		seen[l.ID] = true
		b.lines = append(b.lines, l)
	}
	switch {
	case len(wrong) > 0 || b.plan.End == "failed":
		if len(wrong) == 0 {
			wrong = []any{map[string]any{"code": "token_limit_exceeded", "message": "Enqueued token limit reached", "param": nil, "line": nil}}
		}
		b.lines, b.steps = nil, []string{"failed"}
		b.object["errors"] = map[string]any{"object": "list", "data": wrong}
	case b.plan.End != "":
		b.steps[len(b.steps)-1] = b.plan.End
	}
	s.batch = append(s.batch, b)
	if b.plan.LoseReply {
		w.WriteHeader(http.StatusBadGateway)
		return
	}
	reply(w, 200, b.object)
}

func (s *Server) find(w http.ResponseWriter, id string) *batch {
	i := slices.IndexFunc(s.batch, func(b *batch) bool { return b.object["id"] == id && !b.plan.Gone })
	if i < 0 {
		fail(w, 404, "not_found", "No batch found with id '"+id+"'.")
		return nil
	}
	return s.batch[i]
}

func (s *Server) listBatches(w http.ResponseWriter, r *http.Request) {
	if !s.offersBatches(w) {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	data := []any{}
	for _, b := range slices.Backward(s.batch) {
		data = append(data, b.object)
	}
	if after := r.FormValue("after"); after != "" {
		i := slices.IndexFunc(data, func(x any) bool { return x.(map[string]any)["id"] == after })
		data = data[i+1:]
	}
	limit := 20
	_, _ = fmt.Sscan(r.FormValue("limit"), &limit)
	more := len(data) > limit
	data = data[:min(limit, len(data))]
	list := map[string]any{"object": "list", "data": data, "first_id": nil, "last_id": nil, "has_more": more}
	if len(data) > 0 {
		list["first_id"], list["last_id"] = data[0].(map[string]any)["id"], data[len(data)-1].(map[string]any)["id"]
	}
	reply(w, 200, list)
}

func (s *Server) getBatch(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	b := s.find(w, r.PathValue("id"))
	if b == nil {
		return
	}
	b.plan.Hold = s.plan(b.n).Hold
	if len(b.steps) > 0 && !(b.plan.Hold && b.object["status"] == "in_progress") {
		s.step(b)
	}
	reply(w, 200, b.object)
}

// step brings a batch to its next status.
func (s *Server) step(b *batch) {
	status := b.steps[0]
	b.steps = b.steps[1:]
	b.object["status"], b.object[status+"_at"] = status, 2
	counts := b.object["request_counts"].(map[string]any)
	counts["total"] = len(b.lines)
	if len(b.steps) > 0 || status == "failed" {
		return
	}
	answered := len(b.lines)
	if status != "completed" {
		answered = min(b.plan.Answered, answered)
	}
	var out, bad strings.Builder
	if b.plan.Foreign {
		out.WriteString("{not json\n\n" + `{"id":"batch_req_x","custom_id":"nobody-asked","response":{"status_code":200,"body":{}},"error":null}` + "\n")
	}
	done, failed := 0, 0
	for i := range b.lines {
		l := b.lines[len(b.lines)-1-i]
		line := map[string]any{"id": fmt.Sprintf("batch_req_%d", i), "custom_id": l.ID, "response": nil, "error": nil}
		to := &bad
		if i < answered {
			s.mu.Unlock() // the script may look at the server
			code, body, _ := s.answer(l.Body)
			s.mu.Lock()
			if !json.Valid(body) {
				body, _ = json.Marshal(string(body))
			}
			line["response"] = map[string]any{"status_code": code, "request_id": fmt.Sprintf("req_%d", i), "body": json.RawMessage(body)}
			if code == 200 {
				to, done = &out, done+1
			} else {
				failed++
			}
		} else {
			line["error"], failed = map[string]any{"code": "batch_" + status, "message": "This request could not be executed before the completion window expired."}, failed+1
		}
		raw, _ := json.Marshal(line)
		to.Write(append(raw, '\n'))
	}
	counts["completed"], counts["failed"] = done, failed
	if out.Len() > 0 {
		b.object["output_file_id"] = s.put(file{"output.jsonl", "batch_output", []byte(out.String())})
	}
	if bad.Len() > 0 {
		b.object["error_file_id"] = s.put(file{"error.jsonl", "batch_output", []byte(bad.String())})
	}
}

func (s *Server) cancelBatch(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	b := s.find(w, r.PathValue("id"))
	if b == nil {
		return
	}
	if len(b.steps) == 0 {
		fail(w, 409, "invalid_request", fmt.Sprintf("Cannot cancel a batch with status '%s'.", b.object["status"]))
		return
	}
	b.steps, b.plan.Hold = []string{"cancelled"}, false
	b.object["status"], b.object["cancelling_at"] = "cancelling", time.Now().Unix()
	reply(w, 200, b.object)
}
