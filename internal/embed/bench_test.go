package embed

import (
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"runtime"
	"strconv"
	"strings"
	"testing"
)

// generated makes labelled texts of 450 subclasses, long-tailed like the real
// ones: each has 40 words of its own beside 400 that all share.
func generated(n int) []Example {
	rng := rand.New(rand.NewPCG(1, 1))
	word := func() string {
		r := make([]rune, 2+rng.IntN(2))
		for i := range r {
			r[i] = 0x4e00 + rune(2500*math.Pow(rng.Float64(), 2))
		}
		return string(r)
	}
	list := func(n int) []string {
		out := make([]string, n)
		for i := range out {
			out[i] = word()
		}
		return out
	}
	shared := list(400)
	own := make([][]string, 450)
	for i := range own {
		own[i] = list(40)
	}
	out := make([]Example, n)
	for i := range out {
		k := int(450 * math.Pow(rng.Float64(), 2.5))
		var b strings.Builder
		for range 12 {
			if rng.IntN(3) == 0 {
				b.WriteString(own[k][rng.IntN(40)])
			} else {
				b.WriteString(shared[rng.IntN(400)])
			}
		}
		symbol := fmt.Sprintf("%c%02d%c", 'A'+k%8, 1+k/8%20, 'A'+k/160)
		out[i] = Example{Text: b.String(), IPC: []string{symbol}, Group: strconv.Itoa(i)}
	}
	return out
}

// BenchmarkTrainGenerated fits on ZHIJIA_TEXTS (100,000) generated labelled
// texts of about 30 characters and reports the memory at its peak:
//
//	go test ./internal/embed -run XX -bench TrainGenerated -benchtime 1x -timeout 0
func BenchmarkTrainGenerated(b *testing.B) {
	n := 100_000
	if s := os.Getenv("ZHIJIA_TEXTS"); s != "" {
		var err error
		if n, err = strconv.Atoi(s); err != nil {
			b.Fatal(err)
		}
	}
	examples := generated(n)
	for b.Loop() {
		m, err := Train(examples, nil, Card{}, 1)
		if err != nil {
			b.Fatal(err)
		}
		b.ReportMetric(m.card.First, "first-right")
	}
	if raw, err := os.ReadFile("/proc/self/status"); err == nil && runtime.GOOS == "linux" {
		for line := range strings.Lines(string(raw)) {
			if f := strings.Fields(line); len(f) == 3 && f[0] == "VmHWM:" {
				kb, _ := strconv.ParseFloat(f[1], 64)
				b.ReportMetric(kb/1024, "MiB-peak")
			}
		}
	}
}
