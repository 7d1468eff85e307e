package intake_test

import (
	"bytes"
	"context"
	"flag"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"zhijia/internal/appraisal"
	"zhijia/internal/embed"
	"zhijia/internal/intake"
	"zhijia/internal/store"
	"zhijia/internal/store/storetest"
)

var benchRows = flag.Int("ingest.rows", 100_000, "rows of BenchmarkIngest")

var fields = []string{"锂离子电池", "图像识别", "废水处理", "激光测量", "永磁电机", "药物组合物", "光伏组件", "齿轮传动", "抗体", "涂层", "无线通信", "热泵", "机器人", "半导体封装", "食品加工", "土壤修复"}

var subclassesOf = []string{"H01M", "G06V", "C02F", "G01M", "H02K", "A61K", "H02S", "F16H", "C07K", "C09D", "H04W", "F25B", "B25J", "H01L", "A23L", "B09C"}

// generated writes n made-up patents of about 270 characters each.
func generated(n int) []byte {
	rng := rand.New(rand.NewPCG(1, 1))
	parts := []string{"壳体", "控制单元", "传感器", "电极", "基板", "反应腔", "驱动机构", "密封件", "换热管", "夹具", "信号处理模块", "导向轴", "过滤层", "催化剂", "支撑架", "检测端"}
	verbs := []string{"设置于", "连接于", "用于驱动", "用于检测", "包覆", "固定于", "通信连接", "导热连接"}
	var b bytes.Buffer
	b.WriteString("专利号,专利名称,摘要,IPC分类号,申请日,权利要求数\n")
	for i := range n {
		f := rng.IntN(len(fields))
		var text strings.Builder
		for text.Len() < 3*250 {
			fmt.Fprintf(&text, "所述%s%s%s%s；", fields[f], parts[rng.IntN(len(parts))], verbs[rng.IntN(len(verbs))], parts[rng.IntN(len(parts))])
		}
		fmt.Fprintf(&b, "%s,一种%s用%s,%s,%s %d/%02d,20%02d-%02d-%02d,%d\n", number(i), fields[f], parts[rng.IntN(len(parts))], text.String(),
			subclassesOf[f], 1+rng.IntN(20), rng.IntN(90), 10+rng.IntN(15), 1+rng.IntN(12), 1+rng.IntN(28), 1+rng.IntN(20))
	}
	return b.Bytes()
}

// BenchmarkIngest takes a file in, text to searchable vector, and reports its
// time beside that of a bare COPY of the same rows and of the embedder alone.
// Run it once: go test -run xxx -bench Ingest -benchtime 1x ./internal/intake
func BenchmarkIngest(b *testing.B) {
	ctx := context.Background()
	body := generated(*benchRows)
	for b.Loop() {
		url := storetest.URL(b)
		db, err := store.Open(ctx, url, store.Options{MaxConns: 4, Institution: store.Default})
		if err != nil {
			b.Fatal(err)
		}
		svc, err := appraisal.New(ctx, db, appraisal.Options{})
		if err != nil {
			b.Fatal(err)
		}
		start := time.Now()
		rep, err := intake.Run(ctx, db, svc, actor, "patents", "p.csv", bytes.NewReader(body), intake.Options{})
		if err != nil || rep.Rejected > 0 {
			b.Fatal(err, rep.Rejects)
		}
		ingest := time.Since(start)
		id, err := db.ActiveSpaceID(ctx)
		if err != nil {
			b.Fatal(err)
		}
		space, err := db.Space(ctx, id)
		if err != nil {
			b.Fatal(err)
		}
		start = time.Now()
		if err := db.BuildVectorIndex(ctx, space); err != nil {
			b.Fatal(err)
		}
		index := time.Since(start)

		var texts []string
		if err := db.EachText(ctx, func(t store.CorpusText) { texts = append(texts, t.Text) }); err != nil {
			b.Fatal(err)
		}
		start = time.Now()
		if _, _, err := svc.Spaces().EmbedLocally(ctx, texts); err != nil {
			b.Fatal(err)
		}
		embedding := time.Since(start)

		conn, err := pgx.Connect(ctx, url)
		if err != nil {
			b.Fatal(err)
		}
		if _, err := conn.Exec(ctx, `CREATE TABLE raw (number text, text text, vector real[])`); err != nil {
			b.Fatal(err)
		}
		vector := embed.Hash(texts[0])
		start = time.Now()
		if _, err := conn.CopyFrom(ctx, pgx.Identifier{"raw"}, []string{"number", "text", "vector"}, pgx.CopyFromSlice(len(texts), func(i int) ([]any, error) {
			return []any{number(i), texts[i], vector}, nil
		})); err != nil {
			b.Fatal(err)
		}
		raw := time.Since(start)
		conn.Close(ctx)
		db.Close()
		b.ReportMetric(float64(rep.Accepted)/ingest.Seconds(), "rows/s")
		b.ReportMetric(ingest.Seconds()/raw.Seconds(), "x_raw_copy")
		b.ReportMetric(ingest.Seconds()/embedding.Seconds(), "x_embedder")
		b.ReportMetric(index.Seconds(), "s_index")
		b.ReportMetric(ingest.Seconds(), "s_ingest")
	}
}
