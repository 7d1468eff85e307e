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

	"zhijia/internal/llm"
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
	Temperature    *json.Number `json:"temperature"`
	Seed           *int         `json:"seed"`
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
	Reasoning  string        // reasoning_content beside the answer
	Null       bool          // content null
	Prompt     int           // prompt tokens reported; 0: as counted here, -1: no usage
	Body       string        // of an error, as it stands
}

// Server is a running endpoint.
type Server struct {
	URL string // base URL, with /v1

	mu      sync.Mutex
	chat    func(Request) Reply
	embed   func(texts []string) ([][]float32, int)
	modes   []string
	batches bool
	calls   int
	embeds  int
	files   map[string]file
	made    int // files ever made
	batch   []*batch
	plan    func(n int) BatchPlan
}

// New starts a server that answers every chat request by chat and stops it
// when the test ends. It honours every mode until [Server.Modes] says less.
func New(t testing.TB, chat func(Request) Reply) *Server {
	t.Helper()
	s := &Server{chat: chat, modes: []string{"json_schema", "json_object", "tool", "plain"}, files: map[string]file{}}
	mux := http.NewServeMux()
	mux.HandleFunc("POST /v1/chat/completions", s.auth(s.completions))
	mux.HandleFunc("POST /v1/embeddings", s.auth(s.embeddings))
	mux.HandleFunc("GET /v1/models", s.auth(func(w http.ResponseWriter, _ *http.Request) {
		reply(w, 200, map[string]any{"object": "list", "data": []any{map[string]any{"id": "test-model", "object": "model", "owned_by": "llmtest"}}})
	}))
	mux.HandleFunc("POST /v1/files", s.auth(s.upload))
	mux.HandleFunc("GET /v1/files/{id}/content", s.auth(s.download))
	mux.HandleFunc("DELETE /v1/files/{id}", s.auth(s.deleteFile))
	mux.HandleFunc("POST /v1/batches", s.auth(s.createBatch))
	mux.HandleFunc("GET /v1/batches", s.auth(s.listBatches))
	mux.HandleFunc("GET /v1/batches/{id}", s.auth(s.getBatch))
	mux.HandleFunc("POST /v1/batches/{id}/cancel", s.auth(s.cancelBatch))
	h := httptest.NewServer(mux)
	t.Cleanup(func() { h.CloseClientConnections(); h.Close() })
	s.URL = h.URL + "/v1"
	return s
}

// Modes sets the forms of structured output the server accepts; it refuses the
// others with a 400.
func (s *Server) Modes(modes ...string) { s.mu.Lock(); defer s.mu.Unlock(); s.modes = modes }

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
	s.mu.Unlock()
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
	if p.Status >= 400 && p.Body != "" {
		return p.Status, []byte(p.Body), p
	}
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
	if p.Reasoning != "" {
		message["reasoning_content"] = p.Reasoning
	}
	if p.Null {
		message["content"] = nil
	}
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
	in, out := 0, len([]rune(p.Content))+1
	for _, m := range req.Messages {
		in += 2 * llm.Tokens(m.Content) / 3 // as the tokenizers in use count Chinese
	}
	if p.Prompt > 0 {
		in = p.Prompt
	}
	body := map[string]any{
		"id": "chatcmpl-1", "object": "chat.completion", "created": 1, "model": req.Model,
		"choices": []any{map[string]any{"index": 0, "message": message, "finish_reason": finish}},
		"usage":   map[string]any{"prompt_tokens": in, "completion_tokens": out, "total_tokens": in + out},
	}
	if p.Prompt < 0 {
		delete(body, "usage")
	}
	b, _ := json.Marshal(body)
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
