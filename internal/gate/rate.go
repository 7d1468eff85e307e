package gate

import (
	"math"
	"strconv"
	"sync"
	"time"

	"github.com/gin-gonic/gin"
	"golang.org/x/time/rate"

	"zhijia/internal/fault"
	"zhijia/internal/people"
)

// limiters hold one token bucket per key. The table is bounded by the number
// of keys that exist: a limiter is made only after authentication.
type limiters struct {
	mu    sync.Mutex
	every rate.Limit
	burst int
	byKey map[string]*rate.Limiter
}

func newLimiters(perSecond float64, burst int) *limiters {
	return &limiters{every: rate.Limit(perSecond), burst: burst, byKey: map[string]*rate.Limiter{}}
}

func (l *limiters) of(key string) *rate.Limiter {
	l.mu.Lock()
	defer l.mu.Unlock()
	lim := l.byKey[key]
	if lim == nil {
		lim = rate.NewLimiter(l.every, l.burst)
		l.byKey[key] = lim
	}
	return lim
}

var errRate = fault.New(fault.RateLimited, "rate.limited", "请求过于频繁，请按 Retry-After 稍后重试。", "Too many requests; try again after Retry-After seconds.")

// limitRate spends one token of the caller's key and tells how many are left.
func (g *Gate) limitRate(c *gin.Context) {
	if g.limiters.every <= 0 {
		return // no limit configured
	}
	p := people.Of(c.Request.Context())
	now := g.Now()
	lim := g.limiters.of(p.Caller())
	ok := lim.AllowN(now, 1)
	left := lim.TokensAt(now)
	reset := time.Duration((float64(g.limiters.burst) - left) / float64(g.limiters.every) * float64(time.Second))
	c.Header("RateLimit-Limit", strconv.Itoa(g.limiters.burst))
	c.Header("RateLimit-Remaining", strconv.Itoa(int(max(left, 0))))
	c.Header("RateLimit-Reset", strconv.Itoa(int(math.Ceil(reset.Seconds()))))
	if !ok {
		wait := (1 - left) / float64(g.limiters.every)
		c.Header("Retry-After", strconv.Itoa(max(1, int(math.Ceil(wait)))))
		g.metrics.limited.Inc()
		Fail(c, errRate)
	}
}
