package valuation

import (
	"math"
	"slices"
	"strconv"

	"zhijia/internal/calendar"
	"zhijia/internal/valuation/income"
	"zhijia/internal/valuation/terms"
)

// incomeCase is one income method ready to be valued and simulated.
type incomeCase struct {
	id, method string
	reason     string // why not applicable
	base       income.ReliefFromRoyalty
	inputs     []income.RandomInput
	set        func(m *income.ReliefFromRoyalty, x []float64)
	sim        *income.Simulation
	factor     func(x []float64) float64 // for methods that are not relief from royalty

	royaltyKind string // stated, profit_split, score, per_unit
	m, n        float64
	r, rNeutral float64 // score, and the neutral score
	build       *income.BuildUp
	flags       []terms.Flag
	workings    []terms.Working
	tab         float64
}

// value evaluates the case at a draw.
func (c *incomeCase) value(m *income.ReliefFromRoyalty, x []float64) float64 {
	if c.factor != nil {
		return c.factor(x)
	}
	*m = c.base
	c.set(m, x)
	return m.Value() * c.tab
}

// reliefCase resolves the facts into a relief-from-royalty case. r is the
// royalty score, k the build-up; both are replaced in the neutral run.
func (a *Assumptions) reliefCase(asg *Assignment, f *income.Facts, live []terms.Patent, r income.TableScore, b *income.BuildUp) *incomeCase {
	c := &incomeCase{id: "income", method: "relief_from_royalty", tab: 1, build: b, r: r.R, rNeutral: 0.5}
	if f == nil || len(f.Revenue) == 0 && f.Current == nil && f.LumpSum == nil && (f.PerUnit == nil || f.Units == nil) {
		c.reason = "income.revenue_missing"
		return c
	}
	rules := &a.Income
	m := &c.base
	m.Convention = rules.Convention
	yearEnd := calendar.New(asg.Date.Year+1, 1, 1)
	m.First = min(float64(asg.Date.DaysUntil(yearEnd))/365, 1)

	add := func(name string, q *terms.Quantity, def terms.Figure, apply func(m *income.ReliefFromRoyalty, v float64)) {
		d := terms.Dist{Kind: "point", Mid: def.Value}
		source := def.Source + ": " + def.Reason
		if q != nil {
			d, source = q.Dist(), q.Source
		}
		v := d.Quantile(0.5)
		apply(m, v)
		c.workings = append(c.workings, terms.Working{Key: name, Value: v, Source: source})
		if d.Kind != "point" {
			c.inputs = append(c.inputs, income.RandomInput{Name: name, Dist: d})
			old, i := c.set, len(c.inputs)-1
			c.set = func(m *income.ReliefFromRoyalty, x []float64) {
				if old != nil {
					old(m, x)
				}
				apply(m, x[i])
			}
		}
	}
	c.set = func(*income.ReliefFromRoyalty, []float64) {}

	if code := c.revenue(asg, f, rules, add); code != "" {
		c.reason = code
		return c
	}
	c.royalty(a, f, r, add)

	add("share_decay", f.Decay, rules.Decay, func(m *income.ReliefFromRoyalty, v float64) { m.Decay = v })
	add("hazard", f.Hazard, rules.Hazard, func(m *income.ReliefFromRoyalty, v float64) { m.Hazard = v })
	add("tax_rate", f.Tax, rules.Tax, func(m *income.ReliefFromRoyalty, v float64) { m.Tax = v })
	c.discount(a, f, b, add)

	legal := math.Inf(1)
	for i, p := range live { // a bundle earns while any member lives
		l, ok := p.Life(asg.Date)
		if !ok {
			l = math.Inf(1)
		}
		if i == 0 || l > legal {
			legal = l
		}
	}
	ceiling := legal
	if asg.Purpose == terms.PurposeLicence && asg.LicenceTerm != nil {
		ceiling = min(ceiling, *asg.LicenceTerm)
	}
	m.Life = ceiling
	add("economic_life", f.EconomicLife, rules.Economic, func(m *income.ReliefFromRoyalty, v float64) { m.Life = min(ceiling, v) })
	if f.ContractTerm != nil {
		add("contract_term", f.ContractTerm, terms.Figure{}, func(m *income.ReliefFromRoyalty, v float64) { m.Life = min(m.Life, v) })
	}
	if math.IsInf(m.Life, 1) {
		c.reason = "income.life_unknown"
		return c
	}
	if m.Life <= 0 {
		c.reason = "income.no_life"
		return c
	}
	if f.AnnualCost != nil {
		add("annual_cost", f.AnnualCost, terms.Figure{}, func(m *income.ReliefFromRoyalty, v float64) { m.Upkeep = []float64{v} })
	} else {
		m.Upkeep = a.annualFees(live, asg.Date)
	}
	if slices.Contains(rules.TABPurposes, asg.Purpose) {
		n := terms.ValueOr(f.TABLife, rules.TABLife.Value)
		c.tab = income.TABFactor(m.Tax, m.Discount, n, m.Convention == terms.MidPeriod)
		if math.IsInf(c.tab, 1) {
			c.tab = 1
			c.flags = append(c.flags, terms.NewFlag("TAB-01", "alarm", "税收摊销系数无定义，未计入", "the tax amortisation factor has no value and was left out"))
		}
		c.workings = append(c.workings, terms.Working{Key: "tab_factor", Value: c.tab, Unit: "ratio", Formula: "1/(1 - T·AF(k, n)/n)", Source: "IVS 210"})
	}
	c.flags = append(c.flags, c.guards(a)...)
	return c
}

type addInput func(name string, q *terms.Quantity, def terms.Figure, apply func(m *income.ReliefFromRoyalty, v float64))

// revenue resolves the forecast. One driver moves all years together.
func (c *incomeCase) revenue(asg *Assignment, f *income.Facts, rules *income.Rules, add addInput) string {
	m := &c.base
	var lowSum, midSum, highSum float64
	kind := ""
	years := map[int]*terms.Quantity{}
	lastYear := asg.Date.Year - 1
	for i := range f.Revenue {
		y := &f.Revenue[i]
		if y.Year < asg.Date.Year {
			continue
		}
		years[y.Year] = &y.Quantity
		lastYear = max(lastYear, y.Year)
	}
	one := func(q *terms.Quantity) float64 {
		d := q.Dist()
		mid := d.Quantile(0.5)
		low, high := mid, mid
		if d.Kind != "point" {
			low, high, kind = d.Quantile(0.1), d.Quantile(0.9), d.Kind
		}
		lowSum, midSum, highSum = lowSum+low, midSum+mid, highSum+high
		return mid
	}
	switch {
	case len(years) > 0:
		for y := asg.Date.Year; y <= lastYear; y++ {
			if q := years[y]; q != nil {
				m.Revenue = append(m.Revenue, one(q))
			} else {
				m.Revenue = append(m.Revenue, 0)
				c.flags = append(c.flags, terms.NewFlag("INC-GAP", "review", strconv.Itoa(y)+" 年收入缺失，按零计", "no revenue given for "+strconv.Itoa(y)+": counted as none"))
			}
		}
		if f.Growth == nil {
			c.flags = append(c.flags, terms.NewFlag("INC-HORIZON", "note", "预测期之后的收入未给出增长率，不计入", "no growth given: nothing is counted beyond the forecast"))
		}
	case f.Current != nil:
		m.Revenue = []float64{one(f.Current)}
		m.Extend = true
	case f.PerUnit != nil && f.Units != nil:
		m.Revenue = []float64{one(f.Units)}
		m.Extend = true
	default: // a lump sum alone
		m.Revenue = []float64{0}
	}
	if f.Growth != nil {
		m.Extend = true
		add("revenue_growth", f.Growth, terms.Figure{}, func(m *income.ReliefFromRoyalty, v float64) { m.Growth = v })
	}
	for i, v := range m.Revenue {
		c.workings = append(c.workings, terms.Working{Key: "revenue." + strconv.Itoa(asg.Date.Year+i), Value: v, Unit: "yuan"})
	}
	if midSum > 0 {
		q := &terms.Quantity{Distribution: "lognormal"}
		low, high := lowSum/midSum, highSum/midSum
		if kind == "" {
			low, high = math.Exp(-terms.Z10*rules.RevenueSD.Value), math.Exp(terms.Z10*rules.RevenueSD.Value)
		}
		if low > 0 && high > low {
			q.Low, q.High = &low, &high
			add("revenue", q, terms.Figure{}, func(m *income.ReliefFromRoyalty, v float64) { m.Scale = v })
		}
	}
	if f.LumpSum != nil {
		add("lump_sum", f.LumpSum, terms.Figure{}, func(m *income.ReliefFromRoyalty, v float64) { m.Lump = v })
	}
	if midSum <= 0 && f.LumpSum == nil {
		return "income.revenue_zero"
	}
	return ""
}

// royalty resolves the royalty: stated, per unit, by profit split, or by the
// 分成率 of range and score.
func (c *incomeCase) royalty(a *Assumptions, f *income.Facts, r income.TableScore, add addInput) {
	part := 1.0
	if f.Attribution != nil {
		part = f.Attribution.Dist().Quantile(0.5)
		c.workings = append(c.workings, terms.Working{Key: "attribution", Value: part, Unit: "rate"})
	}
	set := func(m *income.ReliefFromRoyalty, v float64) { m.Royalty = v * part }
	switch {
	case f.Royalty != nil:
		c.royaltyKind = "stated"
		add("royalty_rate", f.Royalty, terms.Figure{}, set)
	case f.PerUnit != nil && f.Units != nil:
		c.royaltyKind = "per_unit"
		add("royalty_per_unit", f.PerUnit, terms.Figure{}, set)
	case f.Margin != nil && f.ProfitShare != nil:
		c.royaltyKind = "profit_split"
		share := f.ProfitShare.Dist().Quantile(0.5)
		add("operating_margin", f.Margin, terms.Figure{}, func(m *income.ReliefFromRoyalty, v float64) { m.Royalty = v * share * part })
		c.workings = append(c.workings, terms.Working{Key: "profit_share", Value: share, Unit: "rate"})
	default:
		c.royaltyKind = "score"
		band, own := a.Royalty.Band(f.Industry)
		c.m, c.n = band.Low, band.High
		source := band.Source + " (" + band.Provenance + ")"
		if f.RoyaltyRange != nil {
			c.m, c.n = f.RoyaltyRange[0], f.RoyaltyRange[1]
			source = "stated"
		} else if !own {
			c.flags = append(c.flags, terms.NewFlag("ROY-BAND", "review", "未给出行业，许可费率区间取跨行业分布", "no industry given: the royalty range is the cross-industry distribution"))
		}
		k := income.RoyaltyRate(c.m, c.n, r.R)
		low, high := k*math.Exp(-terms.Z10*a.Income.RateSD.Value), k*math.Exp(terms.Z10*a.Income.RateSD.Value)
		c.workings = append(c.workings, terms.Working{
			Key: "royalty_rate_scored", Value: k, Unit: "rate", Formula: "m + (n-m)·r", Source: source,
			Children: []terms.Working{{Key: "m", Value: c.m, Unit: "rate"}, {Key: "n", Value: c.n, Unit: "rate"}, {Key: "r", Value: r.R, Unit: "ratio"}, {Key: "r_unknown_worst", Value: r.Low, Unit: "ratio"}, {Key: "r_unknown_best", Value: r.High, Unit: "ratio"}},
		})
		add("royalty_rate", &terms.Quantity{Low: &low, High: &high, Distribution: "lognormal", Source: source}, terms.Figure{}, set)
		if k > a.Royalty.Cap.Value {
			c.flags = append(c.flags, terms.NewFlag("ROY-CAP", "review", "许可费率高于净销售额的 20%", "the royalty exceeds 20% of net sales"))
		}
	}
}

// discount resolves the rate: stated, WACC, or the build-up of scored risks.
func (c *incomeCase) discount(a *Assumptions, f *income.Facts, b *income.BuildUp, add addInput) {
	set := func(m *income.ReliefFromRoyalty, v float64) { m.Discount = v }
	if f.Discount != nil {
		c.build = nil
		add("discount_rate", f.Discount, terms.Figure{}, set)
		return
	}
	if f.WACC != nil {
		if k, ok := f.WACC.Rate(); ok {
			c.build = nil
			add("discount_rate", terms.Exactly(k), terms.Figure{}, set)
			c.workings[len(c.workings)-1].Formula = "E/V·ke + D/V·kd·(1-T)"
			return
		}
	}
	add("discount_rate", terms.Exactly(b.Rate), terms.Figure{}, set)
	c.workings[len(c.workings)-1] = terms.Working{Key: "discount_rate", Value: b.Rate, Unit: "rate", Formula: "r_f + Σ R_max·s/100", Source: a.Discount.Source, Children: b.Premia}
	if b.High > b.Low+1e-12 {
		low, high := b.Low, b.High
		c.workings = append(c.workings, terms.Working{Key: "discount_rate_range", Value: high - low, Unit: "rate"})
	}
}

// guards checks the rate against its band.
func (c *incomeCase) guards(a *Assumptions) []terms.Flag {
	rf := a.Discount.RiskFree.Value
	if k := c.base.Discount; k < rf+a.Discount.Low.Value || k > rf+a.Discount.High.Value {
		return []terms.Flag{terms.NewFlag("DISC-BAND", "review", "折现率超出无风险利率加 4% 至 32% 的范围", "the discount rate lies outside r_f + 4% to r_f + 32%")}
	}
	return nil
}

// annualFees are the fees of the live members by period from T, from the fee
// schedule of each kind and the patent's year.
func (a *Assumptions) annualFees(live []terms.Patent, t calendar.Date) []float64 {
	var out []float64
	for j := 0; j < 20; j++ {
		sum := 0.0
		for _, p := range live {
			if p.Filing.IsZero() {
				continue
			}
			year := int(p.Filing.YearsUntil(t)) + j // fees of patent year y+1 fall due within year y
			if fees := a.Income.Fees[p.Kind]; year >= 0 && year < len(fees) {
				sum += fees[year]
			}
		}
		out = append(out, sum)
	}
	return out
}

// detailed returns the workings of a case, with one node per period.
func (c *incomeCase) detailed() []terms.Working {
	w := slices.Clone(c.workings)
	if c.factor != nil {
		return w
	}
	m := c.base
	c.set(&m, c.sim.At(0.5))
	j := 0
	sum := m.Each(func(start, length, revenue, share, survival, df, flow float64) {
		j++
		w = append(w, terms.Working{
			Key: "period." + strconv.Itoa(j), Value: flow * df, Unit: "yuan", Formula: "(revenue·length·share·survival - upkeep)·(1-T)·DF",
			Children: []terms.Working{
				{Key: "length", Value: length, Unit: "years"},
				{Key: "revenue", Value: revenue, Unit: "yuan"},
				{Key: "share", Value: share, Unit: "rate"},
				{Key: "survival", Value: survival, Unit: "ratio"},
				{Key: "discount_factor", Value: df, Unit: "ratio"},
				{Key: "cash_flow", Value: flow, Unit: "yuan"},
			},
		})
	})
	return append(w, terms.Working{Key: "life", Value: m.Life, Unit: "years", Formula: "min(legal, economic, contract)"}, terms.Working{Key: "value_at_medians", Value: sum * c.tab, Unit: "yuan"})
}

// flowCase makes a case of given yearly cash flows (excess earnings,
// incremental): present value of flow(year) at the discount rate.
func (a *Assumptions) flowCase(asg *Assignment, f *income.Facts, b *income.BuildUp, live []terms.Patent, id, method string, rows []terms.YearQuantity, flow func(j int, gross, tax float64) float64) *incomeCase {
	c := &incomeCase{id: id, method: method, tab: 1, build: b}
	c.set = func(*income.ReliefFromRoyalty, []float64) {}
	by := map[int]*terms.Quantity{}
	last := asg.Date.Year - 1
	for i := range rows {
		if rows[i].Year >= asg.Date.Year {
			by[rows[i].Year] = &rows[i].Quantity
			last = max(last, rows[i].Year)
		}
	}
	if len(by) == 0 {
		c.reason = "income.cash_flow_missing"
		return c
	}
	yearEnd := calendar.New(asg.Date.Year+1, 1, 1)
	first := min(float64(asg.Date.DaysUntil(yearEnd))/365, 1)
	legal := 0.0
	for _, p := range live {
		l, ok := p.Life(asg.Date)
		if !ok {
			l = math.Inf(1)
		}
		legal = max(legal, l)
	}
	tax := a.Income.Tax.Value
	if f.Tax != nil {
		tax = f.Tax.Dist().Quantile(0.5)
	}
	k := b.Rate
	if f.Discount != nil {
		k, c.build = f.Discount.Dist().Quantile(0.5), nil
	} else if f.WACC != nil {
		if w, ok := f.WACC.Rate(); ok {
			k, c.build = w, nil
		}
	}
	c.base.Discount, c.base.Tax, c.base.Life = k, tax, legal
	times := terms.Times(last-asg.Date.Year+1, first, a.Income.Convention)
	var mids, lows, highs []float64
	start := 0.0
	for j := range times {
		length := 1.0
		if j == 0 {
			length = first
		}
		length = max(min(length, legal-start), 0)
		start += length
		q := by[asg.Date.Year+j]
		lo, mid, hi := 0.0, 0.0, 0.0
		if q != nil {
			d := q.Dist()
			lo, mid, hi = d.Quantile(0.1), d.Quantile(0.5), d.Quantile(0.9)
		}
		mids, lows, highs = append(mids, flow(j, mid, tax)*length), append(lows, flow(j, lo, tax)*length), append(highs, flow(j, hi, tax)*length)
	}
	pv := func(rows []float64, k float64) float64 { return terms.PresentValue(rows, times, k) }
	value, low, high := pv(mids, k), pv(lows, k), pv(highs, k)
	if value <= 0 {
		c.reason = "income.not_positive"
		return c
	}
	sd := a.Income.RevenueSD.Value
	if low > 0 && high > low {
		sd = math.Log(high/low) / (2 * terms.Z10)
	}
	lo, hi := math.Exp(-terms.Z10*sd), math.Exp(terms.Z10*sd)
	c.inputs = []income.RandomInput{{Name: "cash_flow", Dist: (&terms.Quantity{Low: &lo, High: &hi, Distribution: "lognormal"}).Dist()}}
	c.factor = func(x []float64) float64 { return pv(mids, c.base.Discount) * x[0] }
	for j, t := range times {
		c.workings = append(c.workings, terms.Working{Key: "period." + strconv.Itoa(j+1), Value: mids[j] * terms.DiscountFactor(k, t), Unit: "yuan", Children: []terms.Working{{Key: "cash_flow", Value: mids[j], Unit: "yuan"}, {Key: "time", Value: t, Unit: "years"}}})
	}
	c.workings = append(c.workings, terms.Working{Key: "discount_rate", Value: k, Unit: "rate"})
	return c
}
