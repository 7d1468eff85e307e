package judge_test

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"zhijia/internal/llm"
	"zhijia/internal/llm/llmtest"
)

// BenchmarkReading reads 320 patents of 9,000 characters through an endpoint
// that takes 200 ms, 32 in flight; on every fourth one indicator is near a
// boundary. It reports calls, tokens as the endpoint counts them and yuan at
// 0.8 and 2 yuan a million, each for one patent, and the time over the ideal.
func BenchmarkReading(b *testing.B) {
	s := llmtest.New(b, func(r llmtest.Request) llmtest.Reply {
		whole, fourth := len(r.Items()) > 1, strings.Contains(r.Part("title"), "四")
		return llmtest.Reply{Delay: 200 * time.Millisecond, Content: llmtest.Read(r, func(i llmtest.Item) llmtest.Choice {
			c := llmtest.Choice{Letter: i.Letter(60)}
			if whole && fourth && i.Code == "L2.1" {
				c.Also = i.Letter(40)
			}
			return c
		})}
	})
	var gate llmtest.Gate
	reader := readerOf(b, s, gate.Open(false), func(c *llm.Config) { c.Concurrency, c.PriceIn, c.PriceOut = 32, 0.8, 2 })
	codes := all(b)
	const patents = 320
	for b.Loop() {
		gate.Used = llm.Usage{}
		calls, start := s.Calls(), time.Now()
		next := make(chan int)
		var wg sync.WaitGroup
		for range 64 {
			wg.Go(func() {
				for i := range next {
					p := cathode
					p.Title = fmt.Sprintf("一种材料%d", i)
					if i%4 == 0 {
						p.Title += "四"
					}
					p.Description = strings.Repeat("本实施例取镍钴锰前驱体与锂源混合后煅烧。", 430)
					if r := reader.Read(context.Background(), p, codes); r.Unfinished != "" {
						b.Errorf("%s: %v", r.Unfinished, r.Err)
					}
				}
			})
		}
		for i := range patents {
			next <- i
		}
		close(next)
		wg.Wait()
		n := float64(s.Calls() - calls)
		b.ReportMetric(n/patents, "calls/patent")
		b.ReportMetric(float64(gate.Used.Prompt)/patents, "prompt-tokens/patent")
		b.ReportMetric(float64(gate.Used.Answer)/patents, "answer-tokens/patent")
		b.ReportMetric(float64(gate.Used.Micro)/1e6/patents*10_000, "yuan/10k-patents")
		b.ReportMetric(time.Since(start).Seconds()/(n/32*0.2), "x-ideal")
		b.ReportMetric(time.Since(start).Seconds()/patents*10_000, "s/10k-patents")
	}
}
