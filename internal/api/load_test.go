package api

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"zhijia/internal/appraisal"
	"zhijia/internal/calendar"
	"zhijia/internal/gate/gatetest"
	"zhijia/internal/patent"
	"zhijia/internal/people"
	"zhijia/internal/store"
	"zhijia/internal/store/storetest"
)

// size is a figure of the load that a smaller machine may lower.
func size(env string, n int) int {
	if v, err := strconv.Atoi(os.Getenv(env)); err == nil {
		return v
	}
	return n
}

// generatedSubclasses are the IPC subclasses of the generated corpus.
var generatedSubclasses = []string{
	"H01M", "H04L", "G06F", "A61K", "C07D", "B01D", "G01N", "H02J", "C02F", "A01K", "B65G", "E04B", "F16H", "G05B", "H01L", "C08L", "A61B", "B29C", "D06M", "F24F",
	"G02B", "G06Q", "G06T", "H04N", "H04W", "B23K", "C22C", "C12N", "B60L", "A23L",
}

var generatedWords = []string{
	"电池", "正极", "材料", "制备", "方法", "装置", "系统", "图像", "识别", "网络", "通信", "信号", "处理", "催化剂", "反应", "温度", "压力", "传感器", "控制", "模块",
	"结构", "支架", "涂层", "薄膜", "纳米", "复合", "树脂", "纤维", "过滤", "净化", "检测", "算法", "数据", "存储", "芯片", "电路", "焊接", "合金", "细胞", "蛋白",
}

func generatedText(r *rand.Rand, words int) string {
	var b bytes.Buffer
	for range words {
		b.WriteString(generatedWords[r.IntN(len(generatedWords))])
	}
	return b.String()
}

// loadCorpus fills a database with generated patents and deals. Nothing in it
// is real.
func loadCorpus(b *testing.B, db *store.DB, svc *appraisal.Service, patents, deals int) (numbers []string) {
	b.Helper()
	ctx := context.Background()
	r := rand.New(rand.NewPCG(1, 2))
	const batch = 1000
	for from := 0; from < patents; from += batch {
		rows := make([]store.Patent, 0, batch)
		for i := from; i < min(from+batch, patents); i++ {
			year := 2008 + r.IntN(15)
			digits := fmt.Sprintf("%d1%07d", year, i)
			number := "CN" + digits + "." + string(patent.CheckDigit(digits))
			title := "一种" + generatedText(r, 6)
			rows = append(rows, store.Patent{
				Number: number, Kind: "invention", Title: title, Abstract: generatedText(r, 60), Claims: "1. " + generatedText(r, 80),
				IPC: []string{generatedSubclasses[r.IntN(len(generatedSubclasses))] + fmt.Sprintf(" %d/%02d", 1+r.IntN(20), r.IntN(60))}, Filing: calendar.New(year, time.Month(1+r.IntN(12)), 1+r.IntN(28)),
				Grant: calendar.New(year+3, 6, 1), Owners: []string{"某公司"}, OwnerType: "firm", ClaimCount: new(1 + r.IntN(20)), Source: "generated",
			})
			numbers = append(numbers, number)
		}
		if err := db.MergePatents(ctx, rows, 0, nil); err != nil {
			b.Fatal(err)
		}
	}
	for from := 0; from < deals; from += batch {
		rows := make([]store.Deal, 0, batch)
		for i := from; i < min(from+batch, deals); i++ {
			amount := float64(int(10_000 * (1 + r.ExpFloat64()*50)))
			rows = append(rows, store.Deal{
				ID: fmt.Sprintf("G%06d", i), Title: generatedText(r, 8), Description: generatedText(r, 40), Amount: &amount, Currency: "CNY", DealKind: "assignment", Patents: new(1),
				IPC: []string{generatedSubclasses[r.IntN(len(generatedSubclasses))] + fmt.Sprintf(" %d/%02d", 1+r.IntN(20), r.IntN(60))}, Date: calendar.New(2012+r.IntN(12), time.Month(1+r.IntN(12)), 1),
				DateUnit: "day", RelatedParty: new(false), SourceType: "own_ledger", OwnerType: "firm",
			})
		}
		if err := db.PutDeals(ctx, rows); err != nil {
			b.Fatal(err)
		}
	}
	if err := svc.Spaces().EmbedStored(ctx, nil); err != nil {
		b.Fatal(err)
	}
	return numbers
}

// cpuTime is the processor time this process, server and clients, has used. It
// does not grow with what else runs on the machine.
func cpuTime(b *testing.B) time.Duration {
	b.Helper()
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// BenchmarkValuations values generated patents by number over loopback HTTP,
// model off, with 1, 8 and 32 clients:
//
//	go test ./internal/api -run xxx -bench Valuations -benchtime 2000x
func BenchmarkValuations(b *testing.B) {
	ctx := context.Background()
	db, err := store.Open(ctx, storetest.URL(b), store.Options{MaxConns: 16, Institution: store.Default})
	if err != nil {
		b.Fatal(err)
	}
	defer db.Close()
	svc, err := appraisal.New(ctx, db, appraisal.Options{})
	if err != nil {
		b.Fatal(err)
	}
	start := time.Now()
	numbers := loadCorpus(b, db, svc, size("ZHIJIA_LOAD_PATENTS", 100_000), size("ZHIJIA_LOAD_DEALS", 10_000))
	b.Logf("corpus of %d patents ready in %.1f s", len(numbers), time.Since(start).Seconds())
	s := serve(b, gatetest.Over(b, db, svc), options{}, people.Officer).gate
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	stopCtx, stop := context.WithCancel(ctx)
	served := make(chan error, 1)
	go func() { served <- s.Serve(stopCtx, l) }()
	defer func() { stop(); <-served }()
	key := gatetest.NewKey(b, db, time.Time{}, people.Officer)
	base := "http://" + l.Addr().String()

	for _, clients := range []int{1, 8, 32} {
		b.Run(fmt.Sprintf("clients=%d", clients), func(b *testing.B) {
			transport := &http.Transport{MaxIdleConnsPerHost: clients}
			client := &http.Client{Transport: transport}
			defer transport.CloseIdleConnections()
			took := make([]time.Duration, b.N)
			var next atomic.Int64
			var wg sync.WaitGroup
			b.ResetTimer()
			begin, cpu := time.Now(), cpuTime(b)
			for range clients {
				wg.Go(func() {
					for {
						i := int(next.Add(1)) - 1
						if i >= b.N {
							return
						}
						body := fmt.Sprintf(`{"number":%q,"purpose":"pledge"}`, numbers[(i*7919)%len(numbers)])
						r, err := http.NewRequest(http.MethodPost, base+"/v1/valuations", bytes.NewReader([]byte(body)))
						if err != nil {
							b.Error(err)
							return
						}
						r.Header.Set("Authorization", "Bearer "+key)
						r.Header.Set("Content-Type", "application/json")
						t := time.Now()
						resp, err := client.Do(r)
						if err != nil {
							b.Error(err)
							return
						}
						got, err := io.ReadAll(resp.Body)
						resp.Body.Close()
						took[i] = time.Since(t)
						if err != nil || resp.StatusCode != http.StatusCreated {
							b.Errorf("%d %.200s %v", resp.StatusCode, got, err)
							return
						}
					}
				})
			}
			wg.Wait()
			total, cpu := time.Since(begin), cpuTime(b)-cpu
			b.StopTimer()
			slices.Sort(took)
			ms := func(q float64) float64 {
				return float64(took[min(len(took)-1, int(q*float64(len(took))))].Microseconds()) / 1000
			}
			b.ReportMetric(ms(.5), "p50-ms")
			b.ReportMetric(ms(.99), "p99-ms")
			b.ReportMetric(float64(b.N)/total.Seconds(), "valuations/s")
			b.ReportMetric(cpu.Seconds()*1000/float64(b.N), "cpu-ms/op")
		})
	}
}
