package ledger

import (
	"cmp"
	"context"
	"encoding/json"
	"io"
	"math"
	"slices"

	"zhijia/internal/appraisal"
	"zhijia/internal/calendar"
	"zhijia/internal/fault"
	"zhijia/internal/store"
	"zhijia/internal/valuation"
	"zhijia/internal/valuation/market"
)

// leastShared is the number of events and of sellers below which a cell is not
// shared: fewer would let a reader guess a deal.
const leastShared = 5

// apart is the sd of ln price between institutions' levels of one cell: what
// their places and practices differ by, taken as the shipped spread of channels.
const apart = 0.5

// Statistics are what an institution may show of its deals: by market and kind
// the level, the spread and the counts, and no deal.
type Statistics struct {
	Format string `json:"format"` // zhijia-ledger-statistics-1
	Label  string `json:"label"`  // how the sender wishes to be called
	Made   string `json:"made"`   // day
	Cells  []Cell `json:"cells"`
	Hidden int    `json:"hidden_deals"` // in cells of too few events or sellers
}

// Cell is one market and kind of patent.
type Cell struct {
	Market market.Sale `json:"market"`
	Kind   string      `json:"patent_kind"`
	Deals  int         `json:"deals"`
	Events int         `json:"events"`
	Year   int         `json:"year"`   // the middle one
	Median float64     `json:"median"` // yuan of one patent, to three figures
	SD     float64     `json:"log_sd"` // of ln price between events
}

const statisticsFormat = "zhijia-ledger-statistics-1"

// Export sums the institution's own admitted deals up. Cells of fewer than five
// events or sellers are left out.
func (s *Service) Export(ctx context.Context, actor appraisal.Actor, label string) (out Statistics, err error) {
	defer fault.Wrap(&err, "ledger.Export")
	ctx = store.As(ctx, actor.Institution)
	as := valuation.DefaultAssumptions()
	today := calendar.InChina(s.now())
	deals, err := s.deals(ctx, &as, today)
	if err != nil {
		return out, err
	}
	out = summed(deals)
	out.Label, out.Made = cmp.Or(label, "未具名机构"), today.String()
	return out, s.db.Record(ctx, store.Act{Institution: actor.Institution, Actor: actor.Name, Action: "ledger.export", Subject: actor.Institution, Detail: map[string]int{"cells": len(out.Cells), "hidden": out.Hidden}})
}

func summed(deals []market.Deal) Statistics {
	type key struct {
		market market.Sale
		kind   string
	}
	type cell struct {
		events  map[string][]float64
		sellers map[string]bool
		years   []int
		n       int
	}
	cells := map[key]*cell{}
	var order []key
	for i := range deals {
		d := &deals[i]
		if !d.Own {
			continue
		}
		k := key{d.Market, d.Kind}
		c := cells[k]
		if c == nil {
			c = &cell{events: map[string][]float64{}, sellers: map[string]bool{}}
			cells[k] = c
			order = append(order, k)
		}
		e := cmp.Or(d.Event, "\x00"+d.ID)
		c.events[e] = append(c.events[e], d.Log-math.Log(float64(d.Patents)))
		c.sellers[cmp.Or(d.Seller, "\x00"+d.ID)] = true
		c.years = append(c.years, d.Date.Year)
		c.n++
	}
	slices.SortFunc(order, func(a, b key) int { return cmp.Or(cmp.Compare(a.market, b.market), cmp.Compare(a.kind, b.kind)) })
	out := Statistics{Format: statisticsFormat, Cells: []Cell{}}
	for _, k := range order {
		c := cells[k]
		if len(c.events) < leastShared || len(c.sellers) < leastShared {
			out.Hidden += c.n
			continue
		}
		var means []float64
		for _, x := range c.events {
			sum := 0.0
			for _, l := range x {
				sum += l
			}
			means = append(means, sum/float64(len(x)))
		}
		slices.Sort(means)
		slices.Sort(c.years)
		mid := (means[len(means)/2] + means[(len(means)-1)/2]) / 2
		ss := 0.0
		for _, m := range means {
			ss += (m - mid) * (m - mid)
		}
		out.Cells = append(out.Cells, Cell{
			Market: k.market, Kind: k.kind, Deals: c.n, Events: len(c.events), Year: c.years[len(c.years)/2],
			Median: figures(math.Exp(mid), 3), SD: figures(math.Sqrt(ss/float64(len(means)-1)), 3),
		})
	}
	return out
}

// figures rounds to n significant figures.
func figures(x float64, n int) float64 {
	if x == 0 {
		return 0
	}
	p := math.Pow(10, float64(n-1)-math.Floor(math.Log10(math.Abs(x))))
	return math.Round(x*p) / p
}

// ReadStatistics reads another institution's statistics, refusing what is no
// such file or not coherent.
func ReadStatistics(r io.Reader) (st Statistics, err error) {
	dec := json.NewDecoder(io.LimitReader(r, 1<<20))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&st); err != nil {
		return st, badStatistics("格式有误", "malformed")
	}
	return st, st.Check()
}

func badStatistics(zh, en string) error {
	return fault.New(fault.Invalid, "ledger.statistics", "不是有效的共享统计："+zh+"。", "These are no shared statistics: "+en+".")
}

// Check refuses statistics that are not coherent.
func (st *Statistics) Check() error {
	if st.Format != statisticsFormat || st.Label == "" {
		return badStatistics("缺少格式标记或机构名称", "the format mark or the label is missing")
	}
	for _, c := range st.Cells {
		if !slices.Contains(market.Sales[:], c.Market) || c.Kind == "" || !(c.Median > 0) || math.IsInf(c.Median, 0) || !(c.SD >= 0) || math.IsInf(c.SD, 0) || c.Events < leastShared || c.Deals < c.Events || c.Year < 1985 || c.Year > 2200 {
			return badStatistics("有一格的市场、类型、中位数、离散度、件数或年份不成立", "a cell's market, kind, median, spread, count or year does not hold")
		}
	}
	return nil
}

// anchors turns each cell into what the model may know of a level without a
// deal: a median, as certain as its events make it and institutions are alike.
func (st *Statistics) anchors() []market.Anchor {
	var out []market.Anchor
	for _, c := range st.Cells {
		out = append(out, market.Anchor{
			Labels: market.Ordinary(c.Market, "", c.Kind), Year: c.Year, Median: c.Median, SD: math.Sqrt(c.SD*c.SD/float64(c.Events) + apart*apart),
			Source: market.Source{Reason: "另一机构共享的统计量，不含任何成交", Source: st.Label + "，" + st.Made, Provenance: "computed", From: c.Year, To: c.Year},
		})
	}
	return out
}
