package llm

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
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
type transport struct {
	base     http.RoundTripper
	flight   *semaphore.Weighted
	requests *rate.Limiter
	breaker  circuitbreaker.CircuitBreaker[any]
	attempts int
	timeout  time.Duration
	first    time.Duration // pause before the second try, doubled after
}

// bodyKey carries the body of a chat request in place of the library's.
type bodyKey struct{}

// errOpen says the breaker is open.
var errOpen = fault.New(fault.Unavailable, "llm.circuit_open", "模型服务连续失败，暂停调用。", "The endpoint failed repeatedly; calls are paused.")

func (t *transport) RoundTrip(req *http.Request) (*http.Response, error) {
	ctx := req.Context()
	special, _ := ctx.Value(transferKey{}).(transfer)
	if body, ok := ctx.Value(bodyKey{}).([]byte); ok { // what was logged is what is sent
		req = req.Clone(ctx)
		req.ContentLength = int64(len(body))
		req.GetBody = func() (io.ReadCloser, error) { return io.NopCloser(newReader(body)), nil }
		req.Body, _ = req.GetBody()
	}
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
		resp, err := t.try(req, attempt, special)
		var wait time.Duration
		switch {
		case ctx.Err() != nil: // the caller left: no verdict on the endpoint
			t.breaker.RecordSuccess()
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
			return resp, nil
		}
		if special.once && (err != nil || resp.StatusCode >= 500 || resp.StatusCode == http.StatusRequestTimeout) { // it may have been done
			return resp, err
		}
		if attempt >= t.attempts || req.Body != nil && req.GetBody == nil {
			return resp, err
		}
		backoff := t.first << (attempt - 1)
		wait = max(wait, backoff/2+rand.N(backoff/2+1))
		if deadline, ok := ctx.Deadline(); ok && time.Until(deadline) <= wait {
			return resp, err // another try cannot end in time
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
	resp.Body = io.NopCloser(newReader(body))
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
func noRedirect(req *http.Request, _ []*http.Request) error {
	return fmt.Errorf("the endpoint redirects to another address, which is not followed")
}
