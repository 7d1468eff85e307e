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
// 200 ms, 32 in flight: 6.25 s at best. It reports the time over that ideal,
// and the live heap when a tenth is through and when all are.
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
		start, tenth := time.Now(), 0.0
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
			if next <- i; i == 100 {
				tenth = heap()
			}
		}
		close(next)
		wg.Wait()
		b.ReportMetric(time.Since(start).Seconds()/(1000.0/32*0.2), "x-ideal")
		all := heap()
		b.ReportMetric(tenth/(1<<20), "MiB-at-10%")
		b.ReportMetric(all/(1<<20), "MiB-at-100%")
		b.ReportMetric(all/tenth, "x-heap")
		b.ReportMetric(float64(s.Peak()), "in-flight")
	}
}
