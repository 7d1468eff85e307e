package income

import (
	"math"
	"slices"
	"strconv"

	"zhijia/internal/calendar"
	"zhijia/internal/valuation/terms"
)

// Uniforms hold one probability in (0, 1) for each input: the quantile it is
// drawn at.
type Uniforms [nInputs]float64

// Median draws every input at its middle.
func Median() Uniforms {
	var u Uniforms
	for i := range u {
		u[i] = 0.5
	}
	return u
}

// The inputs a draw is made of.
const (
	iForecast = iota
	iGrowth
	iRoyalty
	iMargin
	iProfitShare
	iAttribution
	iDecay
	iHazard
	iTax
	iDiscount
	iAttrition
	iCost
	iLump
	iEconomic
	iContract
	iBegin
	nInputs
)

// inputNames are the inputs' names in correlations, tornados and workings.
var inputNames = [nInputs]string{
	"revenue", "revenue_growth", "royalty_rate", "operating_margin", "profit_share", "attribution", "share_decay", "hazard",
	"tax_rate", "discount_rate", "attrition", "annual_cost", "lump_sum", "economic_life", "contract_term", "contract_begins",
}

// Method is one of the income methods.
type Method int

// Methods.
const (
	ReliefFromRoyalty Method = iota
	ExcessEarningsMethod
	WithAndWithout
)

// name is an input's name under the method.
func (m Method) name(input int) string {
	if input == iForecast && m != ReliefFromRoyalty {
		return "cash_flow"
	}
	return inputNames[input]
}

// takes reports whether the method depends on an input.
func (m Method) takes(input int) bool {
	switch input {
	case iForecast, iDiscount, iTax, iEconomic, iContract, iBegin:
		return true
	case iAttrition:
		return m == ExcessEarningsMethod
	}
	return m == ReliefFromRoyalty
}

// Value is the present value of a draw by the method, in yuan.
func (m Method) Value(d *Draw) float64 { return m.price(d, nil) }

// price is the pricer of the method.
func (m Method) price(d *Draw, each func(Period)) float64 {
	switch m {
	case ExcessEarningsMethod:
		return d.excess(each)
	case WithAndWithout:
		return d.incremental(each)
	}
	return d.relief(each)
}

// Subject is what the income methods must know of the right.
type Subject struct {
	Date    calendar.Date
	Legal   float64   // remaining legal life, years; +Inf unknown
	Licence float64   // years granted by the licence that is valued; +Inf none
	Fees    []float64 // official annual fees in yuan by period from T
	TAB     bool      // the purpose takes the tax amortisation benefit
}

// Inputs are the facts as distributions, with what was found in resolving
// them. A fact known exactly is a point.
type Inputs struct {
	Missing [WithAndWithout + 1]string // by method: why it does not apply, or ""
	Scored  bool                       // the royalty is by range and score
	M, N    float64                    // its range
	BuiltUp bool                       // the discount rate is by build-up
	Flags   []terms.Flag
	Notes   []terms.Working // the inputs at their medians, with sources

	forecast [WithAndWithout + 1]series // sales, earnings, flows
	dist     [nInputs]terms.Dist
	split    bool // the royalty is margin times profit share
	extend   bool // sales go on beyond their forecast
	charge   float64
	subject  Subject
	first    float64
	tabLife  float64
	timing   terms.Convention
}

// At draws every input at its quantile. One life limits every method.
func (in *Inputs) At(m Method, u Uniforms) Draw {
	q := func(i int) float64 { return in.dist[i].Quantile(u[i]) }
	d := Draw{
		Extend: in.extend, Growth: q(iGrowth), Royalty: q(iRoyalty) * q(iAttribution), Decay: q(iDecay), Hazard: q(iHazard),
		Charge: in.charge, Attrition: q(iAttrition), Tax: q(iTax), Discount: q(iDiscount), Cost: q(iCost), Fees: in.subject.Fees,
		Lump: q(iLump), Step: 1, First: in.first, Begin: q(iBegin), Convention: in.timing,
	}
	if in.split {
		d.Royalty = q(iMargin) * q(iProfitShare) * q(iAttribution)
	}
	d.Forecast, d.Scale = in.forecast[m].at(u[iForecast])
	d.Life = Life(in.subject.Legal, in.subject.Licence, d.Begin+q(iContract), q(iEconomic))
	if in.subject.TAB {
		if d.Step = TABFactor(d.Tax, d.Discount, in.tabLife, d.Convention == terms.MidPeriod); math.IsInf(d.Step, 1) {
			d.Step = 1
		}
	}
	return d
}

// Gross are the inputs before fees, upkeep and charges: their spread does not depend on how much is earned.
func (in *Inputs) Gross() *Inputs {
	g := *in
	g.subject.Fees, g.charge, g.dist[iCost] = nil, 0, terms.Point(0)
	return &g
}

// random lists the uncertain inputs a method depends on.
func (in *Inputs) random(m Method) []int {
	var out []int
	for i := range nInputs {
		if s := &in.forecast[m]; m.takes(i) && (!in.dist[i].IsPoint() || i == iForecast && (s.ranged || !s.spread.IsPoint())) {
			out = append(out, i)
		}
	}
	return out
}

// Resolve turns the facts into inputs under the rules. r is the score of the
// royalty table, b the discount rate by build-up; both serve only where the
// facts do not state the figure.
func Resolve(s Subject, f *Facts, rules *Rules, table *RoyaltyTable, discount *DiscountTable, r TableScore, b *BuildUp) *Inputs {
	in := &Inputs{subject: s, timing: rules.Convention, tabLife: terms.ValueOr(f.TABLife, rules.TABLife.Value)}
	in.first = min(float64(s.Date.DaysUntil(calendar.New(s.Date.Year+1, 1, 1)))/365, 1)
	for i := range in.dist {
		in.dist[i] = terms.Point(0)
	}
	in.forecasts(f, rules)
	in.royalty(f, rules, table, r)
	in.stated(iAttribution, f.Attribution, terms.Figure{Value: 1})
	in.stated(iDecay, f.Decay, rules.Decay)
	in.stated(iHazard, f.Hazard, rules.Hazard)
	in.stated(iTax, f.Tax, rules.Tax)
	in.rate(f, discount, b)
	in.stated(iEconomic, f.EconomicLife, rules.Economic)
	in.stated(iContract, f.ContractTerm, terms.Figure{Value: math.Inf(1)})
	in.stated(iBegin, f.ContractFrom, terms.Figure{})
	if in.stated(iCost, f.AnnualCost, terms.Figure{}); f.AnnualCost != nil {
		in.subject.Fees = nil
	}
	in.stated(iLump, f.LumpSum, terms.Figure{})
	if x := f.ExcessEarnings; x != nil {
		in.stated(iAttrition, x.Attrition, terms.Figure{})
		for _, a := range x.Assets {
			in.charge += a.Value * a.Return
		}
	}
	d := in.At(ReliefFromRoyalty, Median())
	if s.TAB {
		if math.IsInf(TABFactor(d.Tax, d.Discount, in.tabLife, d.Convention == terms.MidPeriod), 1) {
			in.Flags = append(in.Flags, terms.NewFlag("TAB-01", "alarm", "税收摊销系数无定义，未计入", "the tax amortisation factor has no value and was left out"))
		}
		in.note("tab_factor", d.Step, "ratio", "1/(1 - T·AF(k, n)/n)", "IVS 210")
	}
	if rf := discount.RiskFree.Value; d.Discount < rf+discount.Low.Value || d.Discount > rf+discount.High.Value {
		in.Flags = append(in.Flags, terms.NewFlag("DISC-BAND", "review", "折现率超出无风险利率加 4% 至 32% 的范围", "the discount rate lies outside r_f + 4% to r_f + 32%"))
	}
	if math.IsInf(d.Life, 1) {
		for m := range in.Missing {
			in.Missing[m] = "income.life_unknown"
		}
	}
	return in
}

func (in *Inputs) note(key string, v float64, unit, formula, source string, children ...terms.Working) {
	in.Notes = append(in.Notes, terms.Working{Key: key, Value: v, Unit: unit, Formula: formula, Source: source, Children: children})
}

// stated sets an input to the fact, or to the assumption where nothing is
// stated.
func (in *Inputs) stated(i int, q *terms.Quantity, def terms.Figure) {
	if q != nil {
		in.dist[i] = q.Dist()
		in.note(inputNames[i], in.dist[i].Quantile(0.5), "", "", q.Source)
		return
	}
	in.dist[i] = terms.Point(def.Value)
	if def.Source != "" {
		in.note(inputNames[i], def.Value, "", "", def.Source+": "+def.Reason)
	}
}

// forecasts resolves the yearly figures of the three methods.
func (in *Inputs) forecasts(f *Facts, rules *Rules) {
	year, sd := in.subject.Date.Year, rules.RevenueSD.Value
	single := func(q *terms.Quantity) []terms.YearQuantity { return []terms.YearQuantity{{Year: year, Quantity: *q}} }
	sales := f.Revenue
	switch {
	case slices.ContainsFunc(sales, func(y terms.YearQuantity) bool { return y.Year >= year }):
		for y := year; y <= lastYear(sales); y++ {
			if !slices.ContainsFunc(sales, func(x terms.YearQuantity) bool { return x.Year == y }) {
				in.Flags = append(in.Flags, terms.NewFlag("INC-GAP", "review", strconv.Itoa(y)+" 年收入缺失，按零计", "no revenue given for "+strconv.Itoa(y)+": counted as none"))
			}
		}
		if f.Growth == nil {
			in.Flags = append(in.Flags, terms.NewFlag("INC-HORIZON", "note", "预测期之后的收入未给出增长率，不计入", "no growth given: nothing is counted beyond the forecast"))
		}
	case f.Current != nil:
		sales, in.extend = single(f.Current), true
	case f.PerUnit != nil && f.Units != nil:
		sales, in.extend = single(f.Units), true
	case f.LumpSum != nil:
		sales, in.extend = single(terms.Exactly(0)), true
	default:
		in.Missing[ReliefFromRoyalty] = "income.revenue_missing"
	}
	in.forecast[ReliefFromRoyalty] = newSeries(sales, year, sd)
	for i, v := range in.forecast[ReliefFromRoyalty].middle {
		in.note("revenue."+strconv.Itoa(year+i), v, "yuan", "", "")
	}
	if f.Growth != nil {
		in.extend = true
		in.stated(iGrowth, f.Growth, terms.Figure{})
	}

	if x := f.ExcessEarnings; x != nil {
		in.forecast[ExcessEarningsMethod] = newSeries(x.Earnings, year, sd)
	}
	without := map[int]terms.Quantity{}
	for _, y := range f.Without {
		without[y.Year] = y.Quantity
	}
	net := slices.Clone(f.With)
	for i := range net {
		if q, ok := without[net[i].Year]; ok {
			net[i].Quantity = net[i].Quantity.Less(q)
		}
	}
	in.forecast[WithAndWithout] = newSeries(net, year, sd)
	for _, m := range []Method{ExcessEarningsMethod, WithAndWithout} {
		if len(in.forecast[m].years) == 0 {
			in.Missing[m] = "income.cash_flow_missing"
		}
	}
}

func lastYear(rows []terms.YearQuantity) int {
	last := math.MinInt
	for i := range rows {
		last = max(last, rows[i].Year)
	}
	return last
}

// royalty resolves the royalty: stated, per unit, by profit split, or by the
// 分成率 of range and score.
func (in *Inputs) royalty(f *Facts, rules *Rules, table *RoyaltyTable, r TableScore) {
	switch {
	case f.Royalty != nil:
		in.stated(iRoyalty, f.Royalty, terms.Figure{})
	case f.PerUnit != nil && f.Units != nil:
		in.stated(iRoyalty, f.PerUnit, terms.Figure{})
	case f.Margin != nil && f.ProfitShare != nil:
		in.split = true
		in.stated(iMargin, f.Margin, terms.Figure{})
		in.stated(iProfitShare, f.ProfitShare, terms.Figure{})
	default:
		in.Scored = true
		band, own := table.Band(f.Industry)
		in.M, in.N = band.Low, band.High
		source := band.Source + " (" + band.Provenance + ")"
		if f.RoyaltyRange != nil {
			in.M, in.N = f.RoyaltyRange[0], f.RoyaltyRange[1]
			source = "stated"
		} else if !own {
			in.Flags = append(in.Flags, terms.NewFlag("ROY-BAND", "review", "未给出行业，许可费率区间取跨行业分布", "no industry given: the royalty range is the cross-industry distribution"))
		}
		k := RoyaltyRate(in.M, in.N, r.R)
		in.dist[iRoyalty] = terms.LogNormal(rules.RateSD.Value).Times(k)
		in.note("royalty_rate_scored", k, "rate", "m + (n-m)·r", source,
			terms.Working{Key: "m", Value: in.M, Unit: "rate"}, terms.Working{Key: "n", Value: in.N, Unit: "rate"}, terms.Working{Key: "r", Value: r.R, Unit: "ratio"},
			terms.Working{Key: "r_unknown_worst", Value: r.Low, Unit: "ratio"}, terms.Working{Key: "r_unknown_best", Value: r.High, Unit: "ratio"})
		in.note("royalty_rate", k, "rate", "", source)
		if k > table.Cap.Value {
			in.Flags = append(in.Flags, terms.NewFlag("ROY-CAP", "review", "许可费率高于净销售额的 20%", "the royalty exceeds 20% of net sales"))
		}
	}
}

// rate resolves the discount rate: stated, WACC, or the build-up of scored
// risks.
func (in *Inputs) rate(f *Facts, t *DiscountTable, b *BuildUp) {
	if f.Discount != nil {
		in.stated(iDiscount, f.Discount, terms.Figure{})
		return
	}
	if f.WACC != nil {
		if k, ok := f.WACC.Rate(); ok {
			in.dist[iDiscount] = terms.Point(k)
			in.note("discount_rate", k, "rate", "E/V·ke + D/V·kd·(1-T)", "")
			return
		}
	}
	in.BuiltUp = true
	in.dist[iDiscount] = terms.Point(b.Rate)
	in.note("discount_rate", b.Rate, "rate", "r_f + Σ R_max·s/100", t.Source, b.Premia...)
	if b.High > b.Low+1e-12 {
		in.note("discount_rate_range", b.High-b.Low, "rate", "", "")
	}
}

// Explain returns the workings of a method: the inputs at their medians, then
// one node for each period of the life.
func (in *Inputs) Explain(m Method) []terms.Working {
	w := slices.Clone(in.Notes)
	d := in.At(m, Median())
	value := m.price(&d, func(p Period) {
		node := terms.Working{
			Key: "period." + strconv.Itoa(p.Index+1), Value: p.Flow * p.Factor, Unit: "yuan", Formula: periodFormula[m],
			Children: []terms.Working{
				{Key: "length", Value: p.Length, Unit: "years"}, {Key: "discount_factor", Value: p.Factor, Unit: "ratio"}, {Key: "cash_flow", Value: p.Flow, Unit: "yuan"},
			},
		}
		if m == ReliefFromRoyalty {
			node.Children = append(node.Children, terms.Working{Key: "revenue", Value: p.Sales, Unit: "yuan"},
				terms.Working{Key: "share", Value: p.Rate, Unit: "rate"}, terms.Working{Key: "survival", Value: p.Survival, Unit: "ratio"})
		}
		w = append(w, node)
	})
	return append(w,
		terms.Working{Key: "life", Value: d.Life, Unit: "years", Formula: "min(legal, licence, contract, economic)"},
		terms.Working{Key: "value_at_medians", Value: value, Unit: "yuan"})
}

var periodFormula = [...]string{
	"(revenue·share·survival - upkeep)·(1-T)·DF",
	"(earnings - charges)·(1-T)·(1-attrition)^t·DF",
	"(with - without)·DF",
}
