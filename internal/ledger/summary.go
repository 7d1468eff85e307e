package ledger

import (
	"cmp"
	"context"
	"io"
	"math"
	"slices"
	"strconv"

	"zhijia/internal/appraisal"
	"zhijia/internal/fault"
	"zhijia/internal/intake"
	"zhijia/internal/store"
	"zhijia/internal/valuation/market"
)

// Group is a part of the deals in view, with the prices of one patent.
type Group struct {
	Name        string
	Own, Public int     // comparables
	Median      float64 // yuan of one patent; 0: none
	Low, High   float64 // quarter and three quarters of them
}

// Missing is a fact that some own deals lack, and what it costs.
type Missing struct {
	What, Why string
	Deals     int
}

// Summary is a ledger at one look.
type Summary struct {
	Own, Valid, Public        int
	ByMarket, ByClass, ByYear []Group
	Missing                   []Missing
	Refused                   map[string]int // own deals by code
	From, To                  int
	Version                   string          // of the assumptions in use
	Held                      *market.Held    // of its 80% range
	Mine                      map[string]bool // ids of the own deals
	Conflicts                 []Conflict
}

// Summarise sums the deals of the institution's view up.
func (s *Service) Summarise(ctx context.Context, actor appraisal.Actor) (out *Summary, err error) {
	defer fault.Wrap(&err, "ledger.Summarise")
	ctx = store.As(ctx, actor.Institution)
	all, err := s.db.SeenDeals(ctx, store.LedgerFilter{})
	if err != nil {
		return nil, err
	}
	as, version, err := s.inUse(ctx)
	if err != nil {
		return nil, err
	}
	out = &Summary{Refused: map[string]int{}, Version: version, Mine: map[string]bool{}, Conflicts: conflicts(all)}
	for i := range as.Prices.Calibration.Held {
		if h := &as.Prices.Calibration.Held[i]; h.Level == level {
			out.Held = h
		}
	}
	markets, classes, years := grouping{}, grouping{}, grouping{}
	lack := map[string]int{}
	for i := range all {
		l := listed(all[i])
		d := &l.Deal // with its market
		if d.Own {
			out.Own++
			out.Mine[d.ID] = true
			if l.Validity.Code != "" {
				out.Refused[l.Validity.Code]++
			}
			for what, open := range map[string]bool{
				"日期": d.Date.IsZero(), "件数": d.Patents == nil, "成交市场": d.Market == "" || d.Market == "unknown", "专利类型": d.PatentKind == "", "出让方": d.Seller == "",
				"IPC 分类号": len(d.IPC) == 0, "申请日或剩余年限": d.RemainingLife == nil, "是否关联": d.RelatedParty == nil,
			} {
				if open {
					lack[what]++
				}
			}
		}
		if l.Validity.Code != "" || d.Amount == nil || d.Patents == nil || *d.Patents < 1 {
			continue
		}
		if d.Own {
			out.Valid++
		} else {
			out.Public++
		}
		unit := *d.Amount
		if d.Rate != nil && d.Currency != "CNY" {
			unit *= *d.Rate
		}
		if d.PriceKind != "per_patent" {
			unit /= float64(*d.Patents)
		}
		markets.add(d.Market, d.Own, unit)
		class := "未知"
		if len(d.IPC) > 0 && len(d.IPC[0]) >= 3 {
			class = d.IPC[0][:3]
		}
		classes.add(class, d.Own, unit)
		if y := d.Date.Year; y > 0 {
			years.add(strconv.Itoa(y), d.Own, unit)
			if d.Own {
				out.From, out.To = min(cmp.Or(out.From, y), y), max(out.To, y)
			}
		}
	}
	out.ByMarket, out.ByClass, out.ByYear = markets.list(), classes.list(), years.list()
	slices.SortStableFunc(out.ByClass, func(a, b Group) int { return cmp.Compare(b.Own+b.Public, a.Own+a.Public) })
	out.ByClass = out.ByClass[:min(len(out.ByClass), 15)]
	for _, m := range [...][2]string{
		{"日期", "无日期的成交不能证明早于基准日，不作可比"},
		{"件数", "不知件数即无单价"},
		{"成交市场", "市场不同，价格相差数十至上千倍"},
		{"专利类型", "按未知类型处理，区间放宽"},
		{"出让方", "同一卖方的成交不能识别为一次经验"},
		{"IPC 分类号", "不能按领域检索"},
		{"申请日或剩余年限", "剩余期限未计入"},
		{"是否关联", "关联交易可能混入"},
	} {
		if n := lack[m[0]]; n > 0 {
			out.Missing = append(out.Missing, Missing{m[0], m[1], n})
		}
	}
	return out, nil
}

type grouping map[string]*struct {
	own, public int
	units       []float64
}

func (g grouping) add(name string, own bool, unit float64) {
	if g[name] == nil {
		g[name] = &struct {
			own, public int
			units       []float64
		}{}
	}
	if own {
		g[name].own++
	} else {
		g[name].public++
	}
	g[name].units = append(g[name].units, unit)
}

func (g grouping) list() (out []Group) {
	for name, x := range g {
		slices.Sort(x.units)
		at := func(p float64) float64 { return x.units[int(math.Round(p*float64(len(x.units)-1)))] }
		out = append(out, Group{name, x.own, x.public, at(.5), at(.25), at(.75)})
	}
	slices.SortFunc(out, func(a, b Group) int { return cmp.Compare(a.Name, b.Name) })
	return out
}

// WriteOwn writes the institution's own deals as CSV in the columns of the
// transactions import, with their validity.
func (s *Service) WriteOwn(ctx context.Context, actor appraisal.Actor, w io.Writer) (err error) {
	defer fault.Wrap(&err, "ledger.WriteOwn")
	all, err := s.db.SeenDeals(store.As(ctx, actor.Institution), store.LedgerFilter{Own: true})
	if err != nil {
		return err
	}
	if err := s.db.Record(ctx, store.Act{Institution: actor.Institution, Actor: actor.Name, Action: "ledger.download", Subject: actor.Institution, Detail: map[string]any{"deals": len(all)}}); err != nil {
		return err
	}
	return intake.WriteLedger(w, all, func(d *Deal) string { return listed(*d).Validity.Zh })
}
