package llm

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
)

// recording is one exchange on disk. Headers are not kept, so no key is.
type recording struct {
	Method   string `json:"method"`
	Path     string `json:"path"`
	Request  string `json:"request"`
	Status   int    `json:"status"`
	Response string `json:"response"`
}

type recorded struct {
	dir  string
	live http.RoundTripper
}

// Recorded answers requests from the files of dir, keyed by the SHA-256 of
// method, path and body. With a nil live transport a request that was not
// recorded fails; otherwise it is sent and its answer recorded. Use it with
// [WithTransport].
func Recorded(dir string, live http.RoundTripper) http.RoundTripper { return recorded{dir, live} }

func (r recorded) RoundTrip(req *http.Request) (*http.Response, error) {
	var body []byte
	if req.Body != nil {
		var err error
		if body, err = io.ReadAll(req.Body); err != nil {
			return nil, err
		}
		req.Body.Close()
	}
	h := sha256.New()
	fmt.Fprintf(h, "%s %s\n", req.Method, req.URL.Path)
	h.Write(body)
	name := filepath.Join(r.dir, hex.EncodeToString(h.Sum(nil))+".json")
	var rec recording
	raw, err := os.ReadFile(name)
	switch {
	case err == nil:
		if err := json.Unmarshal(raw, &rec); err != nil {
			return nil, fmt.Errorf("recording %s: %w", filepath.Base(name), err)
		}
	case !os.IsNotExist(err):
		return nil, err
	case r.live == nil:
		return nil, fmt.Errorf("no recording %s for %s %s; record it with --live", filepath.Base(name), req.Method, req.URL.Path)
	default:
		req.Body = io.NopCloser(bytes.NewReader(body))
		resp, err := r.live.RoundTrip(req)
		if err != nil {
			return nil, err
		}
		defer resp.Body.Close()
		answer, err := io.ReadAll(resp.Body)
		if err != nil {
			return nil, err
		}
		rec = recording{req.Method, req.URL.Path, string(body), resp.StatusCode, string(answer)}
		if resp.StatusCode != http.StatusOK {
			resp.Body = io.NopCloser(bytes.NewReader(answer)) // a failure is not worth keeping
			return resp, nil
		}
		if raw, err = json.MarshalIndent(rec, "", " "); err != nil {
			return nil, err
		}
		if err := os.WriteFile(name, append(raw, '\n'), 0o644); err != nil {
			return nil, err
		}
	}
	return &http.Response{
		Status: fmt.Sprintf("%d %s", rec.Status, http.StatusText(rec.Status)), StatusCode: rec.Status, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header: http.Header{"Content-Type": {"application/json"}}, Body: io.NopCloser(bytes.NewReader([]byte(rec.Response))), Request: req,
	}, nil
}
