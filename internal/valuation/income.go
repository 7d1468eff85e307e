package valuation

import (
	"math"
	"slices"
	"strconv"

	"zhijia/internal/calendar"
)

// statutoryYears is the term from the filing date (专利法 art. 42).
var statutoryYears = map[PatentKind]int{Invention: 20, UtilityModel: 10, Design: 15}

// expiryOf is the end of the right: as given, or by the statute.
func expiryOf(p Patent) calendar.Date {
	if !p.Expiry.IsZero() || p.Filing.IsZero() || statutoryYears[p.Kind] == 0 {
		return p.Expiry
	}
	return p.Filing.AddYears(statutoryYears[p.Kind])
}

// legalLife is the remaining legal life at t in years, false when unknown.
func legalLife(p Patent, t calendar.Date) (float64, bool) {
	e := expiryOf(p)
	if e.IsZero() {
		return 0, false
	}
	return max(t.YearsUntil(e), 0), true
}

// ReliefFromRoyalty are the resolved inputs of the relief-from-royalty method
// (standards 2.3): V = Σ R_t·K·(1-d)^(t-1)·s_t·(1-T)·DF_t less upkeep.
type ReliefFromRoyalty struct {
	Revenue    []float64  // yuan a year, by calendar year from that of T; beyond the last it grows at Growth when Extend is set
	Extend     bool       // the stream goes on beyond the forecast
	Growth     float64    // per year, beyond the forecast
	Royalty    float64    // fraction of revenue in the first year
	Decay      float64    // yearly fall of the share
	Hazard     float64    // lapse and invalidation per year, survival e^(-hazard·τ)
	Tax        float64    // of the owner
	Discount   float64    // after tax, nominal
	Life       float64    // years from T: the shortest of legal, economic and contract life
	First      float64    // length of the first period in years; its revenue is the full year's
	Convention Convention // of discounting
	Upkeep     []float64  // yuan a year before tax, by period; beyond the last, the last
	Lump       float64    // received at T, before tax
	Scale      float64    // multiplies every revenue; 0 means 1
}

// Value returns the value in yuan. It may be negative when upkeep exceeds
// income.
func (m *ReliefFromRoyalty) Value() float64 { return m.value(nil) }

// value evaluates the stream; each is called per period when not nil.
func (m *ReliefFromRoyalty) value(each func(start, length, revenue, share, survival, df, flow float64)) float64 {
	scale := m.Scale
	if scale == 0 {
		scale = 1
	}
	first := m.First
	if first <= 0 || first > 1 {
		first = 1
	}
	v, force := 1/(1+m.Discount), math.Log1p(m.Discount)
	keep := 1 - m.Tax
	sum := m.Lump * keep
	share := m.Royalty
	survive := 1.0
	if m.Hazard > 0 {
		survive = math.Exp(-m.Hazard)
	}
	start, length := 0.0, min(first, m.Life)
	df, alive := 1.0, 1.0 // at the middle of a whole year that starts at start
	growth, last := 1.0, 0.0
	for j := 0; start < m.Life-1e-12; j++ {
		at := start + length/2
		if m.Convention == PeriodEnd {
			at = start + length
		}
		if j <= 1 || length < 1 { // whole years after the second follow by multiplication
			df = math.Exp(-at * force)
			if m.Hazard > 0 {
				alive = math.Exp(-m.Hazard * at)
			}
		} else {
			df *= v
			alive *= survive
		}
		revenue := 0.0
		switch {
		case j < len(m.Revenue):
			revenue = m.Revenue[j]
			last = revenue
		case m.Extend:
			growth *= 1 + m.Growth
			revenue = last * growth
		default:
			return sum
		}
		flow := revenue * scale * length * share * alive * keep
		if u := len(m.Upkeep); u > 0 {
			flow -= m.Upkeep[min(j, u-1)] * length * keep
		}
		sum += flow * df
		if each != nil {
			each(start, length, revenue*scale, share, alive, df, flow)
		}
		start += length
		length = min(1, m.Life-start)
		share *= 1 - m.Decay
	}
	return sum
}

// incomeCase is one income method ready to be valued and simulated.
type incomeCase struct {
	id, method string
	reason     string // why not applicable
	base       ReliefFromRoyalty
	inputs     []randomInput
	set        func(m *ReliefFromRoyalty, x []float64)
	sim        *simulation
	factor     func(x []float64) float64 // for methods that are not relief from royalty

	royaltyKind string // stated, profit_split, score, per_unit
	m, n        float64
	r, rNeutral float64 // score, and the neutral score
	build       *buildUp
	flags       []Flag
	workings    []Working
	tab         float64
}

// value evaluates the case at a draw.
func (c *incomeCase) value(m *ReliefFromRoyalty, x []float64) float64 {
	if c.factor != nil {
		return c.factor(x)
	}
	*m = c.base
	c.set(m, x)
	return m.Value() * c.tab
}

// reliefCase resolves the facts into a relief-from-royalty case. r is the
// royalty score, k the build-up; both are replaced in the neutral run.
func (a *Assumptions) reliefCase(asg *Assignment, f *IncomeFacts, live []Patent, r TableScore, b *buildUp) *incomeCase {
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

	add := func(name string, q *Quantity, def Figure, apply func(m *ReliefFromRoyalty, v float64)) {
		d := dist{kind: "point", mid: def.Value}
		source := def.Source + ": " + def.Reason
		if q != nil {
			d, source = q.distribution(), q.Source
		}
		v := d.quantile(0.5)
		apply(m, v)
		c.workings = append(c.workings, Working{Key: name, Value: v, Source: source})
		if d.kind != "point" {
			c.inputs = append(c.inputs, randomInput{name, d})
			old, i := c.set, len(c.inputs)-1
			c.set = func(m *ReliefFromRoyalty, x []float64) {
				if old != nil {
					old(m, x)
				}
				apply(m, x[i])
			}
		}
	}
	c.set = func(*ReliefFromRoyalty, []float64) {}

	if code := c.revenue(asg, f, rules, add); code != "" {
		c.reason = code
		return c
	}
	c.royalty(a, f, r, add)

	add("share_decay", f.Decay, rules.Decay, func(m *ReliefFromRoyalty, v float64) { m.Decay = v })
	add("hazard", f.Hazard, rules.Hazard, func(m *ReliefFromRoyalty, v float64) { m.Hazard = v })
	add("tax_rate", f.Tax, rules.Tax, func(m *ReliefFromRoyalty, v float64) { m.Tax = v })
	c.discount(a, f, b, add)

	legal := math.Inf(1)
	for i, p := range live { // a bundle earns while any member lives
		l, ok := legalLife(p, asg.Date)
		if !ok {
			l = math.Inf(1)
		}
		if i == 0 || l > legal {
			legal = l
		}
	}
	ceiling := legal
	if asg.Purpose == PurposeLicence && asg.LicenceTerm != nil {
		ceiling = min(ceiling, *asg.LicenceTerm)
	}
	m.Life = ceiling
	add("economic_life", f.EconomicLife, rules.Economic, func(m *ReliefFromRoyalty, v float64) { m.Life = min(ceiling, v) })
	if f.ContractTerm != nil {
		add("contract_term", f.ContractTerm, Figure{}, func(m *ReliefFromRoyalty, v float64) { m.Life = min(m.Life, v) })
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
		add("annual_cost", f.AnnualCost, Figure{}, func(m *ReliefFromRoyalty, v float64) { m.Upkeep = []float64{v} })
	} else {
		m.Upkeep = a.annualFees(live, asg.Date)
	}
	if slices.Contains(rules.TABPurposes, asg.Purpose) {
		n := deref(f.TABLife, rules.TABLife.Value)
		c.tab = TABFactor(m.Tax, m.Discount, n, m.Convention == MidPeriod)
		if math.IsInf(c.tab, 1) {
			c.tab = 1
			c.flags = append(c.flags, flag("TAB-01", "alarm", "税收摊销系数无定义，未计入", "the tax amortisation factor has no value and was left out"))
		}
		c.workings = append(c.workings, Working{Key: "tab_factor", Value: c.tab, Unit: "ratio", Formula: "1/(1 - T·AF(k, n)/n)", Source: "IVS 210"})
	}
	c.flags = append(c.flags, c.guards(a)...)
	return c
}

type addInput func(name string, q *Quantity, def Figure, apply func(m *ReliefFromRoyalty, v float64))

// revenue resolves the forecast. One driver moves all years together.
func (c *incomeCase) revenue(asg *Assignment, f *IncomeFacts, rules *IncomeRules, add addInput) string {
	m := &c.base
	var lowSum, midSum, highSum float64
	kind := ""
	years := map[int]*Quantity{}
	lastYear := asg.Date.Year - 1
	for i := range f.Revenue {
		y := &f.Revenue[i]
		if y.Year < asg.Date.Year {
			continue
		}
		years[y.Year] = &y.Quantity
		lastYear = max(lastYear, y.Year)
	}
	one := func(q *Quantity) float64 {
		d := q.distribution()
		mid := d.quantile(0.5)
		low, high := mid, mid
		if d.kind != "point" {
			low, high, kind = d.quantile(0.1), d.quantile(0.9), d.kind
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
				c.flags = append(c.flags, flag("INC-GAP", "review", strconv.Itoa(y)+" 年收入缺失，按零计", "no revenue given for "+strconv.Itoa(y)+": counted as none"))
			}
		}
		if f.Growth == nil {
			c.flags = append(c.flags, flag("INC-HORIZON", "note", "预测期之后的收入未给出增长率，不计入", "no growth given: nothing is counted beyond the forecast"))
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
		add("revenue_growth", f.Growth, Figure{}, func(m *ReliefFromRoyalty, v float64) { m.Growth = v })
	}
	for i, v := range m.Revenue {
		c.workings = append(c.workings, Working{Key: "revenue." + strconv.Itoa(asg.Date.Year+i), Value: v, Unit: "yuan"})
	}
	if midSum > 0 {
		q := &Quantity{Distribution: "lognormal"}
		low, high := lowSum/midSum, highSum/midSum
		if kind == "" {
			low, high = math.Exp(-z10*rules.RevenueSD.Value), math.Exp(z10*rules.RevenueSD.Value)
		}
		if low > 0 && high > low {
			q.Low, q.High = &low, &high
			add("revenue", q, Figure{}, func(m *ReliefFromRoyalty, v float64) { m.Scale = v })
		}
	}
	if f.LumpSum != nil {
		add("lump_sum", f.LumpSum, Figure{}, func(m *ReliefFromRoyalty, v float64) { m.Lump = v })
	}
	if midSum <= 0 && f.LumpSum == nil {
		return "income.revenue_zero"
	}
	return ""
}

// royalty resolves the royalty: stated, per unit, by profit split, or by the
// 分成率 of range and score.
func (c *incomeCase) royalty(a *Assumptions, f *IncomeFacts, r TableScore, add addInput) {
	part := 1.0
	if f.Attribution != nil {
		part = f.Attribution.distribution().quantile(0.5)
		c.workings = append(c.workings, Working{Key: "attribution", Value: part, Unit: "rate"})
	}
	set := func(m *ReliefFromRoyalty, v float64) { m.Royalty = v * part }
	switch {
	case f.Royalty != nil:
		c.royaltyKind = "stated"
		add("royalty_rate", f.Royalty, Figure{}, set)
	case f.PerUnit != nil && f.Units != nil:
		c.royaltyKind = "per_unit"
		add("royalty_per_unit", f.PerUnit, Figure{}, set)
	case f.Margin != nil && f.ProfitShare != nil:
		c.royaltyKind = "profit_split"
		share := f.ProfitShare.distribution().quantile(0.5)
		add("operating_margin", f.Margin, Figure{}, func(m *ReliefFromRoyalty, v float64) { m.Royalty = v * share * part })
		c.workings = append(c.workings, Working{Key: "profit_share", Value: share, Unit: "rate"})
	default:
		c.royaltyKind = "score"
		band, own := a.Royalty.band(f.Industry)
		c.m, c.n = band.Low, band.High
		source := band.Source + " (" + band.Provenance + ")"
		if f.RoyaltyRange != nil {
			c.m, c.n = f.RoyaltyRange[0], f.RoyaltyRange[1]
			source = "stated"
		} else if !own {
			c.flags = append(c.flags, flag("ROY-BAND", "review", "未给出行业，许可费率区间取跨行业分布", "no industry given: the royalty range is the cross-industry distribution"))
		}
		k := RoyaltyRate(c.m, c.n, r.R)
		low, high := k*math.Exp(-z10*a.Income.RateSD.Value), k*math.Exp(z10*a.Income.RateSD.Value)
		c.workings = append(c.workings, Working{
			Key: "royalty_rate_scored", Value: k, Unit: "rate", Formula: "m + (n-m)·r", Source: source,
			Children: []Working{{Key: "m", Value: c.m, Unit: "rate"}, {Key: "n", Value: c.n, Unit: "rate"}, {Key: "r", Value: r.R, Unit: "ratio"}, {Key: "r_unknown_worst", Value: r.Low, Unit: "ratio"}, {Key: "r_unknown_best", Value: r.High, Unit: "ratio"}},
		})
		add("royalty_rate", &Quantity{Low: &low, High: &high, Distribution: "lognormal", Source: source}, Figure{}, set)
		if k > a.Royalty.Cap.Value {
			c.flags = append(c.flags, flag("ROY-CAP", "review", "许可费率高于净销售额的 20%", "the royalty exceeds 20% of net sales"))
		}
	}
}

// discount resolves the rate: stated, WACC, or the build-up of scored risks.
func (c *incomeCase) discount(a *Assumptions, f *IncomeFacts, b *buildUp, add addInput) {
	set := func(m *ReliefFromRoyalty, v float64) { m.Discount = v }
	if f.Discount != nil {
		c.build = nil
		add("discount_rate", f.Discount, Figure{}, set)
		return
	}
	if f.WACC != nil {
		if k, ok := f.WACC.rate(); ok {
			c.build = nil
			add("discount_rate", Exactly(k), Figure{}, set)
			c.workings[len(c.workings)-1].Formula = "E/V·ke + D/V·kd·(1-T)"
			return
		}
	}
	add("discount_rate", Exactly(b.rate), Figure{}, set)
	c.workings[len(c.workings)-1] = Working{Key: "discount_rate", Value: b.rate, Unit: "rate", Formula: "r_f + Σ R_max·s/100", Source: a.Discount.Source, Children: b.premia}
	if b.high > b.low+1e-12 {
		low, high := b.low, b.high
		c.workings = append(c.workings, Working{Key: "discount_rate_range", Value: high - low, Unit: "rate"})
	}
}

// guards checks the rate against its band.
func (c *incomeCase) guards(a *Assumptions) []Flag {
	rf := a.Discount.RiskFree.Value
	if k := c.base.Discount; k < rf+a.Discount.Low.Value || k > rf+a.Discount.High.Value {
		return []Flag{flag("DISC-BAND", "review", "折现率超出无风险利率加 4% 至 32% 的范围", "the discount rate lies outside r_f + 4% to r_f + 32%")}
	}
	return nil
}

// annualFees are the fees of the live members by period from T, from the fee
// schedule of each kind and the patent's year.
func (a *Assumptions) annualFees(live []Patent, t calendar.Date) []float64 {
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
func (c *incomeCase) detailed() []Working {
	w := slices.Clone(c.workings)
	if c.factor != nil {
		return w
	}
	m := c.base
	c.set(&m, c.sim.at(0.5))
	j := 0
	sum := m.value(func(start, length, revenue, share, survival, df, flow float64) {
		j++
		w = append(w, Working{
			Key: "period." + strconv.Itoa(j), Value: flow * df, Unit: "yuan", Formula: "(revenue·length·share·survival - upkeep)·(1-T)·DF",
			Children: []Working{
				{Key: "length", Value: length, Unit: "years"},
				{Key: "revenue", Value: revenue, Unit: "yuan"},
				{Key: "share", Value: share, Unit: "rate"},
				{Key: "survival", Value: survival, Unit: "ratio"},
				{Key: "discount_factor", Value: df, Unit: "ratio"},
				{Key: "cash_flow", Value: flow, Unit: "yuan"},
			},
		})
	})
	return append(w, Working{Key: "life", Value: m.Life, Unit: "years", Formula: "min(legal, economic, contract)"}, Working{Key: "value_at_medians", Value: sum * c.tab, Unit: "yuan"})
}

// flowCase makes a case of given yearly cash flows (excess earnings,
// incremental): present value of flow(year) at the discount rate.
func (a *Assumptions) flowCase(asg *Assignment, f *IncomeFacts, b *buildUp, live []Patent, id, method string, rows []YearQuantity, flow func(j int, gross, tax float64) float64) *incomeCase {
	c := &incomeCase{id: id, method: method, tab: 1, build: b}
	c.set = func(*ReliefFromRoyalty, []float64) {}
	by := map[int]*Quantity{}
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
		l, ok := legalLife(p, asg.Date)
		if !ok {
			l = math.Inf(1)
		}
		legal = max(legal, l)
	}
	tax := a.Income.Tax.Value
	if f.Tax != nil {
		tax = f.Tax.distribution().quantile(0.5)
	}
	k := b.rate
	if f.Discount != nil {
		k, c.build = f.Discount.distribution().quantile(0.5), nil
	} else if f.WACC != nil {
		if w, ok := f.WACC.rate(); ok {
			k, c.build = w, nil
		}
	}
	c.base.Discount, c.base.Tax, c.base.Life = k, tax, legal
	times := Times(last-asg.Date.Year+1, first, a.Income.Convention)
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
			d := q.distribution()
			lo, mid, hi = d.quantile(0.1), d.quantile(0.5), d.quantile(0.9)
		}
		mids, lows, highs = append(mids, flow(j, mid, tax)*length), append(lows, flow(j, lo, tax)*length), append(highs, flow(j, hi, tax)*length)
	}
	pv := func(rows []float64, k float64) float64 { return PresentValue(rows, times, k) }
	value, low, high := pv(mids, k), pv(lows, k), pv(highs, k)
	if value <= 0 {
		c.reason = "income.not_positive"
		return c
	}
	sd := a.Income.RevenueSD.Value
	if low > 0 && high > low {
		sd = math.Log(high/low) / (2 * z10)
	}
	lo, hi := math.Exp(-z10*sd), math.Exp(z10*sd)
	c.inputs = []randomInput{{"cash_flow", (&Quantity{Low: &lo, High: &hi, Distribution: "lognormal"}).distribution()}}
	c.factor = func(x []float64) float64 { return pv(mids, c.base.Discount) * x[0] }
	for j, t := range times {
		c.workings = append(c.workings, Working{Key: "period." + strconv.Itoa(j+1), Value: mids[j] * DiscountFactor(k, t), Unit: "yuan", Children: []Working{{Key: "cash_flow", Value: mids[j], Unit: "yuan"}, {Key: "time", Value: t, Unit: "years"}}})
	}
	c.workings = append(c.workings, Working{Key: "discount_rate", Value: k, Unit: "rate"})
	return c
}
