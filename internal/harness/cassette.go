package harness

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"sync/atomic"

	"zhijia/internal/fault"
)

// cassette is the transport a model client is given in an evaluation. Offline
// it answers from recorded replies, keyed by the hash of the request's method,
// path and body, and a request that was never recorded fails: an evaluation
// must not depend on a network, and must not pretend. Live it asks the model
// and records the reply.
type cassette struct {
	recorded fs.FS             // holds recorded/KEY.json
	folder   string            // where live replies are written
	live     http.RoundTripper // nil: offline
	tokens   atomic.Int64      // of every reply used, as the replies state them
	missed   atomic.Int64
}

// recording is one reply as kept on disk. The host and every header of the
// request stay out of it: the key must be the same for every endpoint, and
// credentials must not be written down.
type recording struct {
	Method string          `json:"method"`
	Path   string          `json:"path"`
	Status int             `json:"status"`
	Body   json.RawMessage `json:"body"`
}

// RoundTrip implements http.RoundTripper.
func (c *cassette) RoundTrip(r *http.Request) (*http.Response, error) {
	var body []byte
	if r.Body != nil {
		var err error
		if body, err = io.ReadAll(r.Body); err != nil {
			return nil, err
		}
		r.Body.Close()
	}
	key := requestKey(r.Method, r.URL.Path, body)
	if again, _ := r.Context().Value(secondTake{}).(bool); again {
		key += "-2"
	}
	raw, err := c.find(key)
	switch {
	case err == nil:
		var rec recording
		if err := json.Unmarshal(raw, &rec); err != nil {
			return nil, fmt.Errorf("recorded reply %s: %w", key, err)
		}
		return c.reply(r, rec), nil
	case !errors.Is(err, fs.ErrNotExist):
		return nil, err
	case c.live == nil:
		c.missed.Add(1)
		return nil, fault.New(fault.Unavailable, "eval.not_recorded", "没有该请求的录制应答，请用 --live 录制。",
			fmt.Sprintf("No reply is recorded for request %s; record it with --live.", key))
	}
	again := r.Clone(r.Context())
	again.Body, again.ContentLength = io.NopCloser(bytes.NewReader(body)), int64(len(body))
	resp, err := c.live.RoundTrip(again)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	answer, err := io.ReadAll(io.LimitReader(resp.Body, 16<<20))
	if err != nil {
		return nil, err
	}
	rec := recording{Method: r.Method, Path: r.URL.Path, Status: resp.StatusCode, Body: answer}
	if !json.Valid(answer) {
		return nil, fmt.Errorf("the model endpoint answered %d with something that is not JSON", resp.StatusCode)
	}
	if resp.StatusCode == http.StatusOK { // a refusal or an outage is not the model's answer
		if err := c.keep(key, rec); err != nil {
			return nil, err
		}
	}
	return c.reply(r, rec), nil
}

// secondTake marks, in a context, a question that is asked again to see
// whether the answer is the same: it has a recording of its own.
type secondTake struct{}

// requestKey identifies a request by what the model is asked, not by where:
// the body is compacted, so that white space does not matter.
func requestKey(method, path string, body []byte) string {
	var compact bytes.Buffer
	if json.Compact(&compact, body) != nil {
		compact.Reset()
		compact.Write(body)
	}
	h := sha256.New()
	fmt.Fprintf(h, "%s %s\n", method, filepath.Base(path)) // the prefix differs between endpoints
	h.Write(compact.Bytes())
	return hex.EncodeToString(h.Sum(nil)[:20])
}

// find prefers what this run recorded to what is shipped.
func (c *cassette) find(key string) ([]byte, error) {
	if c.folder != "" {
		raw, err := os.ReadFile(filepath.Join(c.folder, key+".json"))
		if err == nil || !errors.Is(err, fs.ErrNotExist) {
			return raw, err
		}
	}
	return fs.ReadFile(c.recorded, "recorded/"+key+".json")
}

func (c *cassette) keep(key string, rec recording) error {
	raw, err := json.MarshalIndent(rec, "", " ")
	if err != nil {
		return err
	}
	if err := os.MkdirAll(c.folder, 0o755); err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(c.folder, key+".json"), append(raw, '\n'), 0o644)
}

func (c *cassette) reply(r *http.Request, rec recording) *http.Response {
	var usage struct {
		Usage struct {
			Total int64 `json:"total_tokens"`
		} `json:"usage"`
	}
	_ = json.Unmarshal(rec.Body, &usage) // a reply without usage costs an unknown number of tokens, counted as none
	c.tokens.Add(usage.Usage.Total)
	return &http.Response{
		StatusCode: rec.Status, Status: http.StatusText(rec.Status), Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header: http.Header{"Content-Type": {"application/json"}}, Body: io.NopCloser(bytes.NewReader(rec.Body)), ContentLength: int64(len(rec.Body)), Request: r,
	}
}

// modelClient is the HTTP client a judge gets in an evaluation.
func (s *Service) modelClient(_ context.Context, live bool) (*http.Client, *cassette) {
	c := &cassette{recorded: s.Files, folder: s.RecordTo}
	if live {
		c.live = http.DefaultTransport
	}
	return &http.Client{Transport: c}, c
}
