// Package lab fills a database with generated patents, deals, events and
// valuations of any number and measures the service over them, so that an
// operator knows what a machine carries before real data is on it. Start with
// [Generate] and [Measure].
package lab

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"zhijia/internal/appraisal"
	"zhijia/internal/calendar"
	"zhijia/internal/fault"
	"zhijia/internal/patent"
	"zhijia/internal/store"
)

// Source marks every generated record.
const Source = "generated"

// Size says how much is generated. Every record is a function of the seed and
// of its place alone: a run that was broken off is completed by running it
// again, and a larger run holds a smaller one.
type Size struct {
	Seed       uint64 `json:"seed"`
	Patents    int    `json:"patents"`
	Deals      int    `json:"deals"`
	Events     int    `json:"events"`
	Valuations int    `json:"valuations"`
}

// Step is how long one kind of record took.
type Step struct {
	What    string  `json:"what"`
	Rows    int     `json:"rows"`  // written by this run
	There   int     `json:"there"` // found from an earlier run
	Seconds float64 `json:"seconds"`
	PerSec  float64 `json:"rows_per_second"`
}

const (
	batchPatents    = 5000
	batchDeals      = 1000
	batchEvents     = 20_000
	batchValuations = 5000
	// realValuations are made by the product; the others repeat what they hold
	// under ids, days and patents of their own.
	realValuations = 200
	maxPatents     = 9_999_999 // serials of one year and kind have seven digits
)

// Generate writes what is missing. It refuses an institution that holds
// anything that was not generated.
func Generate(ctx context.Context, db *store.DB, svc *appraisal.Service, actor appraisal.Actor, size Size, workers int, say func(what string, done, of int)) (steps []Step, err error) {
	defer fault.Wrap(&err, "lab.Generate")
	if size.Patents < 0 || size.Deals < 0 || size.Events < 0 || size.Valuations < 0 || size.Patents > maxPatents || size.Deals > maxPatents {
		return nil, fault.New(fault.Invalid, "lab.size", "数量应为 0 至 9,999,999。", "A number must be between 0 and 9,999,999.")
	}
	if size.Events > eventsOfOne*size.Patents || size.Valuations > 0 && size.Patents == 0 {
		return nil, fault.New(fault.Invalid, "lab.too_few_patents", "每件专利生成 10 条法律事件，估值也需要专利：请增大 --patents。", "Ten events are made of each patent, and valuations need patents: raise --patents.")
	}
	ctx = store.As(ctx, actor.Institution)
	known, err := db.Institutions(ctx)
	if err != nil {
		return nil, err
	}
	if !slices.ContainsFunc(known, func(i store.Institution) bool { return i.ID == actor.Institution }) {
		return nil, fault.New(fault.NotFound, "institution.unknown", "没有机构“"+actor.Institution+"”，请先用 zhijia institutions add 建立。", "There is no institution "+actor.Institution+"; add it with zhijia institutions add.")
	}
	if used, err := db.HasOtherThan(ctx, Source); err != nil {
		return nil, err
	} else if used {
		return nil, fault.New(fault.Conflict, "lab.in_use", "机构“"+actor.Institution+"”已有真实数据，生成数据会改变其估值；请用 zhijia institutions add 另建机构，并以 --institution 指定。",
			"The institution "+actor.Institution+" holds real data, whose values generated deals would change; add another (zhijia institutions add) and name it with --institution.")
	}
	if say == nil {
		say = func(string, int, int) {}
	}
	step := func(what string, total, batch int, each func(ctx context.Context, from, to int) (there bool, err error)) error {
		if total == 0 {
			return nil
		}
		start := time.Now()
		var done, there atomic.Int64
		group, ctx := errgroup.WithContext(ctx)
		group.SetLimit(max(1, workers))
		for from := 0; from < total && ctx.Err() == nil; from += batch {
			to := min(from+batch, total)
			group.Go(func() error {
				was, err := each(ctx, from, to)
				if err != nil {
					return err
				}
				if was {
					there.Add(int64(to - from))
				}
				say(what, int(done.Add(int64(to-from))), total)
				return nil
			})
		}
		if err := group.Wait(); err != nil {
			return err
		}
		s := Step{What: what, Rows: total - int(there.Load()), There: int(there.Load()), Seconds: time.Since(start).Seconds()}
		s.PerSec = math.Round(float64(s.Rows) / max(s.Seconds, 1e-9))
		steps = append(steps, s)
		return nil
	}
	err = step("patents", size.Patents, batchPatents, func(ctx context.Context, from, to int) (bool, error) {
		if has, err := db.HasPatent(ctx, Number(size.Seed, to-1)); err != nil || has { // a batch is there wholly or not at all
			return has, err
		}
		rows, texts := make([]store.Patent, 0, to-from), make([]string, 0, to-from)
		for i := from; i < to; i++ {
			p := Patent(size.Seed, i)
			rows, texts = append(rows, p), append(texts, p.Text())
		}
		space, vectors, err := svc.Spaces().EmbedLocally(ctx, texts)
		if err != nil {
			return false, err
		}
		return false, db.MergePatents(ctx, rows, space, vectors)
	})
	if err != nil {
		return steps, err
	}
	err = step("deals", size.Deals, batchDeals, func(ctx context.Context, from, to int) (bool, error) {
		last, err := db.OwnDeals(ctx, []string{dealID(size.Seed, to-1)})
		if err != nil || len(last) > 0 {
			return len(last) > 0, err
		}
		rows, texts := make([]store.Deal, 0, to-from), make([]string, 0, to-from)
		for i := from; i < to; i++ {
			d := Deal(size.Seed, i)
			rows, texts = append(rows, d), append(texts, d.Text())
		}
		space, vectors, err := svc.Spaces().EmbedLocally(ctx, texts)
		if err != nil {
			return false, err
		}
		return false, db.MergeDeals(ctx, rows, space, vectors)
	})
	if err != nil {
		return steps, err
	}
	err = step("events", size.Events, batchEvents, func(ctx context.Context, from, to int) (bool, error) {
		rows := make([]store.LegalEvent, 0, to-from)
		for i := from; i < to; i++ {
			rows = append(rows, Event(size.Seed, i))
		}
		last := rows[len(rows)-1]
		if has, err := db.HasEvent(ctx, last); err != nil || has {
			return has, err
		}
		return false, db.MergeEvents(ctx, rows)
	})
	if err != nil {
		return steps, err
	}
	if err := db.Analyze(ctx); err != nil {
		return steps, err
	}
	return steps, valuations(ctx, db, svc, actor, size, step)
}

func valuations(ctx context.Context, db *store.DB, svc *appraisal.Service, actor appraisal.Actor, size Size, step func(string, int, int, func(context.Context, int, int) (bool, error)) error) error {
	there, err := db.ValuationsHeld(ctx)
	if err != nil {
		return err
	}
	made := min(size.Valuations, realValuations)
	err = step("valuations", made, 10, func(ctx context.Context, from, to int) (bool, error) {
		if to <= there {
			return true, nil
		}
		for i := from; i < to; i++ {
			if _, err := svc.Value(ctx, actor, appraisal.Request{Number: Number(size.Seed, i*7919%size.Patents), Purpose: "pledge"}); err != nil {
				return false, err
			}
		}
		return false, nil
	})
	if err != nil {
		return err
	}
	if there, err = db.ValuationsHeld(ctx); err != nil {
		return err
	}
	return step("copies of valuations", max(0, size.Valuations-made), batchValuations, func(ctx context.Context, from, to int) (bool, error) {
		if made+to <= there {
			return true, nil
		}
		numbers := make([]string, to-from)
		for i := range numbers {
			numbers[i] = Number(size.Seed, (from+i)*7919%size.Patents)
		}
		return false, db.RepeatValuations(ctx, numbers)
	})
}

var words = []string{
	"电池", "正极", "材料", "制备", "方法", "装置", "系统", "图像", "识别", "网络", "通信", "信号", "处理", "催化剂", "反应", "温度", "压力", "传感器", "控制", "模块",
	"结构", "支架", "涂层", "薄膜", "纳米", "复合", "树脂", "纤维", "过滤", "净化", "检测", "算法", "数据", "存储", "芯片", "电路", "焊接", "合金", "细胞", "蛋白",
	"齿轮", "轴承", "泵体", "叶轮", "阀门", "管路", "换热", "制冷", "加热", "干燥", "输送", "夹持", "切割", "研磨", "抛光", "喷涂", "模具", "注塑", "挤出", "织物",
	"缓冲", "减震", "密封", "导轨", "滑块", "支撑", "壳体", "端盖", "电机", "转子", "定子", "绕组", "磁体", "天线", "滤波", "调制", "编码", "解码", "加密", "认证",
}

// Subclasses are those of the generated corpus, from the most filed in to the
// least: the k-th has a share in proportion to 1/(k+5), so that the largest
// holds some seven in a hundred, as in the national register.
var Subclasses = strings.Fields(`G06F H04L H01M G06Q G06T H01L A61K G01N H04W H04N G06N G06V B65G A61B H02J G05B B01D C02F B23K B29C
	F16H H05K A01K E04B C08L C12N C07D B60L G02B A23L F24F H02K C22C B65D G01R G01B H04B B23P B24B A61P
	B21D A01G H04M H01R A47J F16L G01S B60R E02D B62D F16K H02G C04B F21V G08B A63B E04G G09B D06F B66C
	F25D B05B H01H A47B H03K B64C E21B G01M B08B A61M F28D G11C A61N B32B H02M F16F F02M C09D C25D B01F
	B02C F04D G16H C08G C08F A43B D04H F23G E01C B22F B25J C09K B01J C01B H05B A01N F03D B63B D21H G10L
	H02S B26D F16B B60K E05B A45C B41J G07C A41D F01N B61L C07K C12Q G03F H01Q B28B C21D F42B G21C H03M`)

var shares = func() []float64 {
	sum, out := 0.0, make([]float64, len(Subclasses))
	for k := range out {
		sum += 1 / float64(k+5)
		out[k] = sum
	}
	for k := range out {
		out[k] /= sum
	}
	return out
}()

func draws(seed uint64, kind uint64, i int) *rand.Rand {
	return rand.New(rand.NewPCG(seed*8+kind, uint64(i)))
}

func text(r *rand.Rand, n int) string {
	var b strings.Builder
	for range n {
		b.WriteString(words[r.IntN(len(words))])
	}
	return b.String()
}

func symbol(r *rand.Rand) string {
	k, _ := slices.BinarySearch(shares, r.Float64())
	return fmt.Sprintf("%s %d/%02d", Subclasses[min(k, len(Subclasses)-1)], 1+r.IntN(20), r.IntN(60))
}

func filed(r *rand.Rand) calendar.Date {
	return calendar.New(2008+r.IntN(17), time.Month(1+r.IntN(12)), 1+r.IntN(28))
}

// Number is that of the i-th patent.
func Number(seed uint64, i int) string {
	digits := fmt.Sprintf("%d1%07d", filed(draws(seed, 1, i)).Year, i)
	return "CN" + digits + "." + string(patent.CheckDigit(digits))
}

// Patent is the i-th patent. Nothing in it is real.
func Patent(seed uint64, i int) store.Patent {
	r := draws(seed, 1, i)
	day := filed(r)
	p := store.Patent{
		Number: Number(seed, i), Kind: "invention", IPC: []string{symbol(r)}, Filing: day, Published: day.AddDays(540), Grant: day.AddDays(900 + r.IntN(500)),
		Title: "一种" + text(r, 6), Abstract: text(r, 60), Claims: "1. " + text(r, 80),
		Owners: []string{fmt.Sprintf("生成%d号有限公司", r.IntN(50_000))}, OwnerType: "firm", ClaimCount: new(1 + r.IntN(20)), Inventors: new(1 + r.IntN(8)), CitedBy: new(r.IntN(12)),
		Source: Source,
	}
	if r.IntN(3) == 0 {
		p.IPC = append(p.IPC, symbol(r))
	}
	return p
}

func dealID(seed uint64, i int) string { return fmt.Sprintf("LAB%d-%07d", seed, i) }

// Deal is the i-th priced deal.
func Deal(seed uint64, i int) store.Deal {
	r := draws(seed, 2, i)
	amount := math.Round(10_000 * (1 + r.ExpFloat64()*50))
	return store.Deal{
		ID: dealID(seed, i), Title: text(r, 8), Description: text(r, 40), Amount: &amount, Currency: "CNY", DealKind: "assignment", Patents: new(1), IPC: []string{symbol(r)},
		Date: calendar.New(2012+r.IntN(13), time.Month(1+r.IntN(12)), 1+r.IntN(28)), DateUnit: "day", RelatedParty: new(false), SourceType: "own_ledger", OwnerType: "firm",
		Seller: fmt.Sprintf("生成%d号大学", r.IntN(2000)), Notes: Source,
	}
}

// eventsOfOne is how many events a patent has.
const eventsOfOne = 10

// Event is the i-th event, ten of each patent: examination, grant, then
// transfers, pledges and their ends, licences.
func Event(seed uint64, i int) store.LegalEvent {
	at, round := i/eventsOfOne, i%eventsOfOne
	p := Patent(seed, at)
	r := draws(seed, 3, i)
	e := patent.Event{Source: Source}
	switch round {
	case 0:
		e.Code, e.Effective = "SE01", p.Published.AddDays(60)
	case 1:
		e.Code, e.Effective = "GR01", p.Grant
	default:
		e.Code = []string{"TR01", "PE01", "PC01", "EE01", "CP01"}[r.IntN(5)]
		e.Effective = p.Grant.AddDays(30 + 97*round + r.IntN(90))
		switch e.Code {
		case "TR01", "CP01":
			e.Before, e.After = p.Owners, []string{fmt.Sprintf("生成%d号有限公司", r.IntN(50_000))}
		case "PE01", "PC01":
			e.Party, e.Registration = "生成银行", fmt.Sprintf("Y%d", 1_000_000_000+i)
		case "EE01":
			e.Party, e.Registration, e.LicenceKind = "生成被许可人", fmt.Sprintf("X%d", 1_000_000_000+i), "普通许可"
		}
	}
	e.Gazette = e.Effective.AddDays(14)
	return store.LegalEvent{Number: p.Number, Event: e}
}
