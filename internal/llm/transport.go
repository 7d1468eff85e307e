package llm

import (
	"bytes"
	"cmp"
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/url"
	"os"
	"strconv"
	"time"

	"github.com/failsafe-go/failsafe-go/circuitbreaker"
	"golang.org/x/sync/semaphore"
	"golang.org/x/time/rate"

	"zhijia/internal/fault"
)

// maxResponse bounds what is read of one answer, in bytes.
const maxResponse = 32 << 20

// transport carries every request to the endpoint: bounded in flight and in
// rate, retried with jitter, and stopped at once while the endpoint is down.
// An answer with a status of 400 or more comes back as a [refusal].
type transport struct {
	base     http.RoundTripper
	header   http.Header // added to every request
	query    url.Values
	flight   *semaphore.Weighted
	requests *rate.Limiter
	breaker  circuitbreaker.CircuitBreaker[any]
	attempts int
	timeout  time.Duration
	first    time.Duration // pause before the second try, doubled after
}

// network is the way to the endpoint: through the configured proxy or none,
// whatever the environment says, and with the configured authority.
func network(cfg *Config) (http.RoundTripper, error) {
	t := http.DefaultTransport.(*http.Transport).Clone()
	t.Proxy, t.MaxIdleConnsPerHost = nil, cfg.Concurrency
	if cfg.Proxy != "" {
		u, err := url.Parse(cfg.Proxy)
		if err != nil {
			return nil, err
		}
		t.Proxy = http.ProxyURL(u)
	}
	if cfg.CAFile != "" {
		pem, err := os.ReadFile(cfg.CAFile)
		if err != nil {
			return nil, fault.New(fault.Invalid, "llm.ca_file", "无法读取 CA 证书文件 "+cfg.CAFile+"。", "Cannot read the CA file "+cfg.CAFile+".").Because(err)
		}
		roots := x509.NewCertPool()
		if !roots.AppendCertsFromPEM(pem) {
			return nil, fault.New(fault.Invalid, "llm.ca_file", "CA 证书文件 "+cfg.CAFile+" 中没有 PEM 证书。", "The CA file "+cfg.CAFile+" holds no PEM certificate.")
		}
		t.TLSClientConfig = &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12}
	}
	return t, nil
}

// bodyKey carries the body of a chat request in place of the library's.
type bodyKey struct{}

// errOpen says the breaker is open.
var errOpen = fault.New(fault.Unavailable, "llm.circuit_open", "模型服务连续失败，暂停调用。", "The endpoint failed repeatedly; calls are paused.")

// sentKey carries a count of the tries that went out and brought no answer: the
// provider may bill them.
type sentKey struct{}

func (t *transport) RoundTrip(req *http.Request) (*http.Response, error) {
	ctx, arrived := req.Context(), time.Now()
	special, _ := ctx.Value(transferKey{}).(transfer)
	broken, _ := ctx.Value(sentKey{}).(*int)
	req = t.dressed(req)
	if err := t.flight.Acquire(ctx, 1); err != nil {
		return nil, err
	}
	defer t.flight.Release(1)
	for attempt := 1; ; attempt++ {
		if err := t.requests.Wait(ctx); err != nil {
			return nil, context.DeadlineExceeded
		}
		if !t.breaker.TryAcquirePermit() {
			return nil, errOpen
		}
		began := time.Now()
		resp, err := t.try(req, attempt, special)
		if err != nil && broken != nil {
			*broken++
		}
		var wait time.Duration
		switch {
		case ctx.Err() == context.DeadlineExceeded && time.Since(began) >= began.Sub(arrived):
			// The caller's time ran out mostly in this try: the endpoint hangs.
			t.breaker.RecordFailure()
			return nil, ctx.Err()
		case ctx.Err() != nil: // the caller left: no verdict on the endpoint
			if t.breaker.IsHalfOpen() {
				t.breaker.Open() // the trial told nothing: another after a pause
			}
			return nil, ctx.Err()
		case err != nil:
			t.breaker.RecordFailure()
		case resp.StatusCode == http.StatusTooManyRequests: // alive, but busy
			t.breaker.RecordSuccess()
			wait = retryAfter(resp.Header.Get("Retry-After"), time.Now())
		case resp.StatusCode >= 500 || resp.StatusCode == http.StatusRequestTimeout:
			t.breaker.RecordFailure()
			wait = retryAfter(resp.Header.Get("Retry-After"), time.Now())
		default:
			t.breaker.RecordSuccess()
			return refused(resp)
		}
		if special.once && (err != nil || resp.StatusCode >= 500 || resp.StatusCode == http.StatusRequestTimeout) || // it may have been done
			attempt >= t.attempts || req.Body != nil && req.GetBody == nil {
			return orRefused(resp, err)
		}
		backoff := t.first << (attempt - 1)
		wait = max(wait, backoff/2+rand.N(backoff/2+1))
		if deadline, ok := ctx.Deadline(); ok && time.Until(deadline) <= wait {
			return orRefused(resp, err) // another try cannot end in time
		}
		timer := time.NewTimer(wait)
		select {
		case <-ctx.Done():
			timer.Stop()
			return nil, ctx.Err()
		case <-timer.C:
		}
	}
}

// dressed adds the configured headers and query, and what was logged as the
// body.
func (t *transport) dressed(req *http.Request) *http.Request {
	req = req.Clone(req.Context())
	for name, values := range t.header {
		req.Header[name] = values
	}
	if len(t.query) > 0 {
		q := req.URL.Query()
		for name, values := range t.query {
			q[name] = values
		}
		req.URL.RawQuery = q.Encode()
	}
	if body, ok := req.Context().Value(bodyKey{}).([]byte); ok {
		req.ContentLength = int64(len(body))
		req.GetBody = func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(body)), nil }
		req.Body, _ = req.GetBody()
	}
	return req
}

// refused turns a status of 400 or more into an error.
func refused(resp *http.Response) (*http.Response, error) {
	if resp.StatusCode < 400 {
		return resp, nil
	}
	body, _ := io.ReadAll(resp.Body) // in memory already
	return nil, newRefusal(resp.StatusCode, body)
}

func orRefused(resp *http.Response, err error) (*http.Response, error) {
	if err != nil {
		return nil, err
	}
	return refused(resp)
}

// try sends once and reads the whole answer, so that a body that stalls or
// breaks counts as a failed try.
func (t *transport) try(req *http.Request, attempt int, special transfer) (*http.Response, error) {
	limit := cmp.Or(special.limit, maxResponse)
	ctx, cancel := context.WithTimeout(req.Context(), cmp.Or(special.timeout, t.timeout))
	defer cancel()
	r := req.Clone(ctx)
	if attempt > 1 && req.GetBody != nil {
		body, err := req.GetBody()
		if err != nil {
			return nil, err
		}
		r.Body = body
	}
	resp, err := t.base.RoundTrip(r)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, limit+1))
	if err != nil {
		return nil, err
	}
	if int64(len(body)) > limit {
		return nil, fmt.Errorf("the answer is larger than %d MiB", limit>>20)
	}
	resp.Body = io.NopCloser(bytes.NewReader(body))
	resp.ContentLength = int64(len(body))
	return resp, nil
}

// retryAfter reads seconds or an HTTP date; 0 when there is none.
func retryAfter(v string, now time.Time) time.Duration {
	if s, err := strconv.ParseFloat(v, 64); err == nil && s >= 0 && s < 1e6 {
		return time.Duration(s * float64(time.Second))
	}
	if at, err := http.ParseTime(v); err == nil {
		return max(at.Sub(now), 0)
	}
	return 0
}

// noRedirect keeps a text from following the endpoint's redirection to a host
// nobody allowed.
func noRedirect(*http.Request, []*http.Request) error {
	return fmt.Errorf("the endpoint redirects to another address, which is not followed")
}
