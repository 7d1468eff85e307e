package gate

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"net/http"
	"regexp"
	"time"

	"github.com/gin-gonic/gin"

	"zhijia/internal/fault"
	"zhijia/internal/people"
	"zhijia/internal/store"
)

// Idempotency-Key: a request that succeeded is answered again from its stored
// reply and not carried out twice; the same key with another request is an
// error; a request that failed stored nothing and may be sent again with the
// same key. Keys belong to the caller's API key and live for a day.
var (
	idempotencyForm = regexp.MustCompile(`^[\x21-\x7e]{1,255}$`)

	errIdempotencyForm = fault.New(fault.Invalid, "idempotency.key", "Idempotency-Key 须为1至255个可见 ASCII 字符。", "Idempotency-Key must be 1 to 255 visible ASCII characters.")
	errIdempotencyUsed = fault.New(fault.Conflict, "idempotency.mismatch", "该 Idempotency-Key 已用于另一请求，请换一个。", "This Idempotency-Key was used for a different request; choose another.")
	errIdempotencyLost = fault.New(fault.Unavailable, "idempotency.unsettled", "结果未能登记，请稍后用同一 Idempotency-Key 重试。", "The reply could not be recorded; try again later with the same Idempotency-Key.")
	errIdempotencyBusy = fault.New(fault.Conflict, "idempotency.in_progress", "使用该 Idempotency-Key 的请求正在处理，请稍后重试。", "A request with this Idempotency-Key is in progress; try again later.")
)

// IdempotencyLifetime is how long a stored reply is kept.
const IdempotencyLifetime = 24 * time.Hour

func (g *Gate) idempotent(c *gin.Context) {
	key := c.GetHeader("Idempotency-Key")
	if key == "" {
		return
	}
	if !idempotencyForm.MatchString(key) {
		Fail(c, errIdempotencyForm)
		return
	}
	body, err := io.ReadAll(c.Request.Body)
	if err != nil {
		Fail(c, BodyError(err))
		return
	}
	c.Request.Body = io.NopCloser(bytes.NewReader(body))
	p := people.Of(c.Request.Context())
	print := fingerprint(c.Request, body)
	ctx := c.Request.Context()

	// A claim older than the deadline of its request belongs to a process that
	// died; it is taken over.
	claim := store.IdempotencyClaim{Institution: p.Institution, KeyID: p.KeyID, Key: key, Fingerprint: print}
	reply, claimed, err := g.DB.ClaimIdempotency(ctx, &claim, g.Now(), g.RequestTimeout+15*time.Second, IdempotencyLifetime)
	switch {
	case err != nil:
		Fail(c, err)
		return
	case !claimed && !bytes.Equal(reply.Fingerprint, print):
		Fail(c, errIdempotencyUsed)
		return
	case !claimed && reply.Status == 0:
		c.Header("Retry-After", "1")
		Fail(c, errIdempotencyBusy)
		return
	case !claimed:
		c.Header("Idempotency-Replayed", "true")
		if reply.Location != "" {
			c.Header("Location", reply.Location)
		}
		c.Data(reply.Status, reply.ContentType, reply.Body)
		c.Abort()
		return
	}

	c.Request = c.Request.WithContext(store.Named(ctx, claim))
	rec := &replyRecorder{ResponseWriter: c.Writer}
	c.Writer = rec
	finished := false
	// The claim is settled even when the client has gone or the handler
	// panicked, and before a byte of the reply leaves: a reply the client has
	// seen is one that will be repeated.
	defer func() {
		done, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
		defer cancel()
		status := rec.Status()
		success := finished && status >= 200 && status < 300 && rec.body.Len() > 0
		var err error
		if success {
			err = g.DB.CompleteIdempotency(done, claim, store.IdempotencyReply{
				Status: status, ContentType: rec.Header().Get("Content-Type"), Location: rec.Header().Get("Location"), Body: rec.body.Bytes(),
			})
		} else {
			err = g.DB.ReleaseIdempotency(done, claim)
		}
		c.Writer = rec.ResponseWriter
		if err != nil {
			g.Log.ErrorContext(done, "idempotency", "request_id", requestID(ctx), "error", err)
			if success {
				for _, h := range []string{"Location", "ETag"} {
					c.Writer.Header().Del(h)
				}
				Fail(c, errIdempotencyLost.Because(err))
				return
			}
		}
		if finished && rec.body.Len() > 0 {
			_, _ = c.Writer.Write(rec.body.Bytes()) // a client that hung up asks again
		}
	}()
	c.Next()
	finished = true
}

// fingerprint identifies what was asked: method, path, query and body.
func fingerprint(r *http.Request, body []byte) []byte {
	h := sha256.New()
	fmt.Fprintf(h, "%s\n%s\n%s\n%s\n", r.Method, r.URL.Path, r.URL.RawQuery, r.Header.Get("Accept"))
	h.Write(body)
	return h.Sum(nil)
}

// BodyError classifies a failure to read a request body.
func BodyError(err error) error {
	var over *http.MaxBytesError
	if errors.As(err, &over) {
		return TooLarge
	}
	return fault.New(fault.Invalid, "body.unreadable", "请求内容未能完整读取。", "The request body could not be read to its end.").Because(err)
}

// replyRecorder holds a reply back until its claim is settled.
type replyRecorder struct {
	gin.ResponseWriter
	body bytes.Buffer
}

func (r *replyRecorder) Write(b []byte) (int, error)       { return r.body.Write(b) }
func (r *replyRecorder) WriteString(s string) (int, error) { return r.body.WriteString(s) }
