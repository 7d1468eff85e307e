package llm_test

import (
	"context"
	"fmt"
	"runtime"
	"sync"
	"testing"
	"time"

	"zhijia/internal/llm"
	"zhijia/internal/llm/llmtest"
)

// BenchmarkThousandPatents puts 1,000 patents through an endpoint that takes
// 200 ms, 32 in flight: 6.25 s at best. It reports the time over that ideal
// and the heap after over before.
func BenchmarkThousandPatents(b *testing.B) {
	s := llmtest.New(b, func(r llmtest.Request) llmtest.Reply {
		x := honest(r)
		x.Delay = 200 * time.Millisecond
		return x
	})
	cfg := config(s)
	cfg.Mode, cfg.Permutations, cfg.Concurrency = llm.JSONSchema, 1, 32
	c := client(b, cfg)
	set := rubric(b)
	heap := func() float64 {
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return float64(m.HeapAlloc)
	}
	for b.Loop() {
		before, start := heap(), time.Now()
		var wg sync.WaitGroup
		next := make(chan int)
		for range 64 {
			wg.Go(func() {
				for i := range next {
					p := subject
					p.Number = fmt.Sprint(i)
					p.Abstract += fmt.Sprint(i)
					if rs, err := c.Score(context.Background(), set, p, []string{"L2.1"}); err != nil || rs[0].Score == nil {
						b.Errorf("%v %+v", err, rs)
					}
				}
			})
		}
		for i := range 1000 {
			next <- i
		}
		close(next)
		wg.Wait()
		b.ReportMetric(time.Since(start).Seconds()/(1000.0/32*0.2), "x-ideal")
		b.ReportMetric(heap()/before, "x-heap")
		b.ReportMetric(float64(s.Peak()), "in-flight")
	}
}
