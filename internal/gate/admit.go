package gate

import (
	"context"
	"math"
	"net/http"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/gin-gonic/gin"

	"zhijia/internal/fault"
	"zhijia/internal/people"
)

// Admission: so many requests are answered at once, the rest wait a while in the order of their institutions, one of each in
// turn, and who would wait too long is told so at once. Whatever one institution sends, a part of the places is left to the
// others. Health, metrics and listeners to events hold no place.

var (
	errQueue = fault.New(fault.RateLimited, "admission.queue", "贵机构同时提交的请求过多，请按 Retry-After 稍后重试。", "Your institution has too many requests waiting; try again after Retry-After seconds.")
	errBusy  = fault.New(fault.Unavailable, "admission.busy", "服务繁忙，请稍后重试。", "The service is busy; try again later.")
)

// turnstile lets requests in.
type turnstile struct {
	share int           // of the places, for one institution
	queue int           // of one institution that may wait
	wait  time.Duration // at most

	mu      sync.Mutex
	free    int
	inside  map[string]int
	waiting map[string][]chan struct{}
	order   []string                 // institutions that wait; the first is next
	took    map[string]time.Duration // how long a request of an institution holds its place, of late
}

// An institution whose requests hold their places for longer than soonEnough has fewer of them: more at once would only make
// each slower, until nobody waits for an answer any more. It always has a few.
const (
	soonEnough = 2 * time.Second
	aFew       = 8
)

// places are how many an institution may hold now.
func (t *turnstile) places(institution string) int {
	took := t.took[institution]
	if took <= soonEnough {
		return t.share
	}
	return max(int(float64(t.share)*soonEnough.Seconds()/took.Seconds()), min(aFew, t.share))
}

func newTurnstile(places, share, queue int, wait time.Duration) *turnstile {
	return &turnstile{share: share, queue: queue, wait: wait, free: places, inside: map[string]int{}, waiting: map[string][]chan struct{}{}, took: map[string]time.Duration{}}
}

// enter waits for a place. Who got one calls leave when he is done; who is refused is told after how many seconds to come
// back.
func (t *turnstile) enter(ctx context.Context, institution string) (leave func(), after int, err error) {
	t.mu.Lock()
	if t.free > 0 && t.inside[institution] < t.places(institution) && len(t.waiting[institution]) == 0 {
		t.take(institution)
		t.mu.Unlock()
		return t.leaver(institution), 0, nil
	}
	if len(t.waiting[institution]) >= t.queue {
		after := t.after(institution)
		t.mu.Unlock()
		return nil, after, errQueue
	}
	in := make(chan struct{})
	if len(t.waiting[institution]) == 0 {
		t.order = append(t.order, institution)
	}
	t.waiting[institution] = append(t.waiting[institution], in)
	t.mu.Unlock()
	late := time.NewTimer(t.wait)
	defer late.Stop()
	select {
	case <-in:
		return t.leaver(institution), 0, nil
	case <-ctx.Done():
		err = ctx.Err()
	case <-late.C:
		err = errBusy
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	select {
	case <-in: // let in just now
		return t.leaver(institution), 0, nil
	default:
	}
	after = t.after(institution)
	t.waiting[institution] = slices.DeleteFunc(t.waiting[institution], func(c chan struct{}) bool { return c == in })
	t.forget(institution)
	return nil, after, err
}

// after is how long an institution's queue takes to pass, in seconds.
func (t *turnstile) after(institution string) int {
	passes := t.took[institution].Seconds() * float64(len(t.waiting[institution])) / float64(t.places(institution))
	return int(min(max(math.Ceil(passes), 1), 60))
}

func (t *turnstile) take(institution string) {
	t.free--
	t.inside[institution]++
}

func (t *turnstile) leaver(institution string) func() {
	begun := time.Now()
	return func() {
		t.mu.Lock()
		defer t.mu.Unlock()
		t.took[institution] += (time.Since(begun) - t.took[institution]) / 8
		t.free++
		if t.inside[institution]--; t.inside[institution] == 0 {
			delete(t.inside, institution)
		}
		t.admit()
		if t.inside[institution] == 0 { // idle: what was slow is over
			delete(t.took, institution)
		}
	}
}

// admit gives free places to those who wait, to each institution in turn.
func (t *turnstile) admit() {
	for t.free > 0 {
		at := slices.IndexFunc(t.order, func(i string) bool { return t.inside[i] < t.places(i) })
		if at < 0 {
			return
		}
		institution := t.order[at]
		t.order = append(slices.Delete(t.order, at, at+1), institution) // its next is behind everybody's
		queue := t.waiting[institution]
		t.waiting[institution] = queue[1:]
		t.take(institution)
		close(queue[0])
		t.forget(institution)
	}
}

// forget drops an institution of which nobody waits.
func (t *turnstile) forget(institution string) {
	if len(t.waiting[institution]) > 0 {
		return
	}
	delete(t.waiting, institution)
	t.order = slices.DeleteFunc(t.order, func(i string) bool { return i == institution })
}

// places of a gate: of what is only read, of work that is answered soon, and of what takes long, such as uploads and questions
// to a model. An institution whose valuations wait for a slow endpoint still reads its lists. One upload takes up to 64 MiB.
func (g *Gate) places() (read, short, long *turnstile) {
	n := g.AtOnce
	read = newTurnstile(n, max(1, n*3/4), 8*n, g.Patience)
	short = newTurnstile(n, max(1, n*3/4), 8*n, g.Patience)
	return read, short, newTurnstile(12, 4, 16, 30*g.Patience)
}

// atOnce is how many requests are answered at once where nothing else is set.
func atOnce() int { return max(32, 8*runtime.GOMAXPROCS(0)) }

// admission is the check of a route: a place, or a refusal before the work is begun.
func (g *Gate) admission(r *Route) gin.HandlerFunc {
	places := g.short
	switch {
	case strings.HasSuffix(r.Path, "/events"): // a listener costs nothing but its connection
		return func(*gin.Context) {}
	case r.Timeout > g.RequestTimeout:
		places = g.long
	case r.Method == http.MethodGet:
		places = g.read
	}
	fail := r.Fail
	if fail == nil {
		fail = Fail
	}
	return func(c *gin.Context) {
		leave, after, err := places.enter(c.Request.Context(), people.Of(c.Request.Context()).Institution)
		if err != nil {
			g.metrics.refused.Inc()
			c.Header("Retry-After", strconv.Itoa(after))
			fail(c, err)
			return
		}
		defer leave()
		c.Next()
	}
}
