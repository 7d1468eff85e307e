// Package llmtest is a server that speaks the OpenAI protocol on the loopback
// and behaves as a test scripts it. It is the only double of an endpoint.
package llmtest

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"
)

// Key is the API key the server accepts.
const Key = "sk-test-0123456789abcdef"

// Request is one chat request as received.
type Request struct {
	Model    string `json:"model"`
	Messages []struct {
		Role    string `json:"role"`
		Content string `json:"content"`
	} `json:"messages"`
	Temperature    *float64 `json:"temperature"`
	Seed           *int     `json:"seed"`
	ResponseFormat *struct {
		Type string `json:"type"`
	} `json:"response_format"`
	Tools []struct {
		Function struct {
			Name string `json:"name"`
		} `json:"function"`
	} `json:"tools"`
	Raw []byte `json:"-"`
}

// Probe reports whether the request is a client's connection test.
func (r *Request) Probe() bool {
	return len(r.Messages) > 0 && strings.HasPrefix(r.Messages[0].Content, "Connection test")
}

// Reply is what the server does with a chat request.
type Reply struct {
	Content    string        // of the message, or the tool call's arguments
	Finish     string        // default "stop"; "length" is truncated
	Refusal    string        // the model refuses
	Status     int           // an error with an OpenAI error body
	Message    string        // of the error
	RetryAfter string        // header
	Delay      time.Duration // before the answer; ends early when the client leaves
	Stall      bool          // send half the body, then hang until the client leaves
	Raw        string        // the whole body instead, e.g. broken JSON
	Tool       string        // answer with a call of this tool
}

// ProbeAnswer is what a well-behaved model answers to a connection test.
const ProbeAnswer = `{"score":"UNKNOWN","confidence":0,"quotes":[],"reason":"ok"}`

// Server is a running endpoint.
type Server struct {
	URL string // base URL, with /v1

	mu       sync.Mutex
	chat     func(Request) Reply
	embed    func(texts []string) ([][]float32, int)
	modes    []string
	batches  bool
	calls    int
	inFlight int
	peak     int
	files    map[string][]byte
	batch    map[string]string // batch id -> output file id
	embeds   int
}

// New starts a server that answers every chat request by chat and stops it
// when the test ends. It honours every mode until [Server.Modes] says less.
func New(t testing.TB, chat func(Request) Reply) *Server {
	t.Helper()
	s := &Server{chat: chat, modes: []string{"json_schema", "json_object", "tool", "plain"}, files: map[string][]byte{}, batch: map[string]string{}}
	mux := http.NewServeMux()
	mux.HandleFunc("POST /v1/chat/completions", s.auth(s.completions))
	mux.HandleFunc("POST /v1/embeddings", s.auth(s.embeddings))
	mux.HandleFunc("GET /v1/models", s.auth(func(w http.ResponseWriter, _ *http.Request) {
		reply(w, 200, map[string]any{"object": "list", "data": []any{map[string]any{"id": "test-model", "object": "model", "owned_by": "llmtest"}}})
	}))
	mux.HandleFunc("POST /v1/files", s.auth(s.upload))
	mux.HandleFunc("GET /v1/files/{id}/content", s.auth(s.download))
	mux.HandleFunc("POST /v1/batches", s.auth(s.createBatch))
	mux.HandleFunc("GET /v1/batches/{id}", s.auth(s.getBatch))
	h := httptest.NewServer(mux)
	t.Cleanup(func() { h.CloseClientConnections(); h.Close() })
	s.URL = h.URL + "/v1"
	return s
}

// Modes sets the forms of structured output the server accepts; it refuses the
// others with a 400.
func (s *Server) Modes(modes ...string) { s.mu.Lock(); defer s.mu.Unlock(); s.modes = modes }

// Batches makes the server offer files and batches.
func (s *Server) Batches() { s.mu.Lock(); defer s.mu.Unlock(); s.batches = true }

// Embeddings scripts the embeddings; a status other than 0 is an error.
func (s *Server) Embeddings(f func(texts []string) (vectors [][]float32, status int)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.embed = f
}

// Calls returns how many chat requests arrived.
func (s *Server) Calls() int { s.mu.Lock(); defer s.mu.Unlock(); return s.calls }

// EmbedCalls returns how many embedding requests arrived.
func (s *Server) EmbedCalls() int { s.mu.Lock(); defer s.mu.Unlock(); return s.embeds }

// Peak returns the most chat requests that were in flight at once.
func (s *Server) Peak() int { s.mu.Lock(); defer s.mu.Unlock(); return s.peak }

func (s *Server) auth(next http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Authorization") != "Bearer "+Key {
			// Real providers repeat part of the key; a careless one repeats all.
			fail(w, 401, "invalid_api_key", "Incorrect API key provided: "+strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer "))
			return
		}
		next(w, r)
	}
}

func reply(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(v)
}

func fail(w http.ResponseWriter, status int, code, message string) {
	reply(w, status, map[string]any{"error": map[string]any{"message": message, "type": "invalid_request_error", "param": nil, "code": code}})
}

func (s *Server) completions(w http.ResponseWriter, r *http.Request) {
	raw, _ := io.ReadAll(r.Body)
	s.mu.Lock()
	s.calls++
	s.inFlight++
	s.peak = max(s.peak, s.inFlight)
	s.mu.Unlock()
	defer func() { s.mu.Lock(); s.inFlight--; s.mu.Unlock() }()
	status, body, p := s.answer(raw)
	if p.Delay > 0 {
		select {
		case <-r.Context().Done():
			return
		case <-time.After(p.Delay):
		}
	}
	if p.RetryAfter != "" {
		w.Header().Set("Retry-After", p.RetryAfter)
	}
	w.Header().Set("Content-Type", "application/json")
	if p.Stall {
		w.Header().Set("Content-Length", fmt.Sprint(len(body)))
		_, _ = w.Write(body[:len(body)/2])
		w.(http.Flusher).Flush()
		<-r.Context().Done()
		return
	}
	w.WriteHeader(status)
	_, _ = w.Write(body)
}

// answer is one chat completion, as sent alone or in a batch.
func (s *Server) answer(raw []byte) (int, []byte, Reply) {
	failed := func(status int, code, message string) (int, []byte, Reply) {
		b, _ := json.Marshal(map[string]any{"error": map[string]any{"message": message, "type": "invalid_request_error", "param": nil, "code": code}})
		return status, b, Reply{}
	}
	var req Request
	if err := json.Unmarshal(raw, &req); err != nil || req.Model == "" || len(req.Messages) == 0 {
		return failed(400, "invalid_request", "could not parse the request")
	}
	req.Raw = raw
	mode := "plain"
	if req.ResponseFormat != nil {
		mode = req.ResponseFormat.Type
	} else if len(req.Tools) > 0 {
		mode = "tool"
	}
	s.mu.Lock()
	chat, accepted := s.chat, strings.Contains(" "+strings.Join(s.modes, " ")+" ", " "+mode+" ")
	s.mu.Unlock()
	if !accepted {
		return failed(400, "unsupported_parameter", mode+" is not supported by this model")
	}
	p := chat(req)
	if p.Status >= 400 {
		status, body, _ := failed(p.Status, "scripted", p.Message)
		return status, body, p
	}
	if p.Raw != "" {
		return 200, []byte(p.Raw), p
	}
	finish := p.Finish
	if finish == "" {
		finish = "stop"
	}
	message := map[string]any{"role": "assistant", "content": p.Content}
	if p.Refusal != "" {
		message["content"], message["refusal"] = nil, p.Refusal
	}
	if p.Tool == "" && mode == "tool" {
		p.Tool = req.Tools[0].Function.Name
	}
	if p.Tool != "" {
		finish = "tool_calls"
		message = map[string]any{"role": "assistant", "content": nil, "tool_calls": []any{map[string]any{
			"id": "call_1", "type": "function", "function": map[string]any{"name": p.Tool, "arguments": p.Content},
		}}}
	}
	in, out := len(raw)/3, len(p.Content)/3+1
	b, _ := json.Marshal(map[string]any{
		"id": "chatcmpl-1", "object": "chat.completion", "created": 1, "model": req.Model,
		"choices": []any{map[string]any{"index": 0, "message": message, "finish_reason": finish}},
		"usage":   map[string]any{"prompt_tokens": in, "completion_tokens": out, "total_tokens": in + out},
	})
	return 200, b, p
}

func (s *Server) embeddings(w http.ResponseWriter, r *http.Request) {
	var req struct {
		Input []string `json:"input"`
		Model string   `json:"model"`
	}
	if err := json.NewDecoder(r.Body).Decode(&req); err != nil || len(req.Input) == 0 {
		fail(w, 400, "invalid_request", "input is required")
		return
	}
	s.mu.Lock()
	s.embeds++
	f := s.embed
	s.mu.Unlock()
	var vectors [][]float32
	status := 0
	if f != nil {
		vectors, status = f(req.Input)
	} else {
		for _, text := range req.Input {
			vectors = append(vectors, Vector(text))
		}
	}
	if status != 0 {
		w.Header().Set("Retry-After", "0")
		fail(w, status, "scripted", "scripted failure")
		return
	}
	data, n := []any{}, 0
	for i, v := range vectors {
		data = append(data, map[string]any{"object": "embedding", "index": i, "embedding": v})
		n += len(req.Input[min(i, len(req.Input)-1)]) / 3
	}
	reply(w, 200, map[string]any{"object": "list", "model": req.Model, "data": data, "usage": map[string]any{"prompt_tokens": n, "total_tokens": n}})
}

// Vector is the default embedding: 8 figures from the text's bytes.
func Vector(text string) []float32 {
	v := make([]float32, 8)
	for i := range len(text) {
		v[i%8] += float32(text[i]) / 256
	}
	return v
}

func (s *Server) upload(w http.ResponseWriter, r *http.Request) {
	if !s.offersBatches(w) {
		return
	}
	f, _, err := r.FormFile("file")
	if err != nil || r.FormValue("purpose") != "batch" {
		fail(w, 400, "invalid_request", "file and purpose are required")
		return
	}
	body, _ := io.ReadAll(f)
	s.mu.Lock()
	id := fmt.Sprintf("file-%d", len(s.files)+1)
	s.files[id] = body
	s.mu.Unlock()
	reply(w, 200, map[string]any{"id": id, "object": "file", "bytes": len(body), "purpose": "batch"})
}

func (s *Server) offersBatches(w http.ResponseWriter) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.batches {
		fail(w, 404, "not_found", "unknown URL")
	}
	return s.batches
}

func (s *Server) download(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	body, ok := s.files[r.PathValue("id")]
	s.mu.Unlock()
	if !ok {
		fail(w, 404, "not_found", "no such file")
		return
	}
	_, _ = w.Write(body)
}

func (s *Server) createBatch(w http.ResponseWriter, r *http.Request) {
	if !s.offersBatches(w) {
		return
	}
	var req struct {
		Input string `json:"input_file_id"`
	}
	_ = json.NewDecoder(r.Body).Decode(&req)
	s.mu.Lock()
	lines := strings.Split(strings.TrimSpace(string(s.files[req.Input])), "\n")
	s.mu.Unlock()
	var out strings.Builder
	for i := range lines { // results come in another order than the requests
		var line struct {
			CustomID string          `json:"custom_id"`
			Body     json.RawMessage `json:"body"`
		}
		if json.Unmarshal([]byte(lines[len(lines)-1-i]), &line) != nil {
			continue
		}
		status, body, _ := s.answer(line.Body)
		b, _ := json.Marshal(map[string]any{"id": fmt.Sprintf("r%d", i), "custom_id": line.CustomID, "response": map[string]any{"status_code": status, "body": json.RawMessage(body)}})
		out.Write(append(b, '\n'))
	}
	s.mu.Lock()
	id := fmt.Sprintf("batch-%d", len(s.batch)+1)
	file := fmt.Sprintf("file-out-%d", len(s.batch)+1)
	s.files[file], s.batch[id] = []byte(out.String()), file
	s.mu.Unlock()
	reply(w, 200, map[string]any{"id": id, "object": "batch", "status": "validating"})
}

func (s *Server) getBatch(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	file, ok := s.batch[r.PathValue("id")]
	s.mu.Unlock()
	if !ok {
		fail(w, 404, "not_found", "no such batch")
		return
	}
	reply(w, 200, map[string]any{"id": r.PathValue("id"), "object": "batch", "status": "completed", "output_file_id": file})
}
