package formula

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"gonum.org/v1/gonum/stat/distuv"

	"zhijia/internal/valuation/income"
	"zhijia/internal/valuation/option"
	"zhijia/internal/valuation/terms"
)

// Inputs shared by several methods.
var (
	inDiscount = Input{Name: "discount_rate", Aliases: []string{"r", "rate", "k"}, Type: "number", Unit: "rate", Doc: "per year, after tax"}
	inTax      = Input{Name: "tax_rate", Aliases: []string{"tax", "t"}, Type: "number", Unit: "rate", Doc: "income tax, [0, 1]"}
	inTab      = Input{Name: "tab", Aliases: []string{"tab_enabled"}, Type: "bool", Default: "true", Doc: "apply the tax amortisation benefit"}
	inTabLife  = Input{Name: "tab_life", Aliases: []string{"tab_life_years"}, Type: "number", Unit: "years", Default: "the useful life", Doc: "tax amortisation life"}
	inConv     = Input{Name: "convention", Type: "text", Default: "period_end", Doc: "period_end or mid_period"}
	inFraction = Input{Name: "first_period_fraction", Aliases: []string{"stub"}, Type: "number", Unit: "years", Default: "1", Doc: "length of a partial first year; its flow is given for that part"}
)

func inputFlows(name string, aliases ...string) Input {
	return Input{Name: name, Aliases: aliases, Type: "numbers", Unit: "yuan", Doc: "by year, from the first"}
}

// schedule reads the timing inputs: times of n flows.
func (in *inputs) schedule(n int) []float64 {
	c := terms.Convention(in.text("convention", string(terms.PeriodEnd), string(terms.PeriodEnd), string(terms.MidPeriod)))
	f := in.num("first_period_fraction", bound{lo: 0, hi: 1, openLo: true}, 1)
	return terms.Times(n, f, c)
}

func (in *inputs) mid() bool {
	return in.has("convention") && strings.Contains(string(in.raw["convention"]), string(terms.MidPeriod))
}

// presentValues returns the sum and one working per period.
func presentValues(flows, times []float64, r float64, formula string) (float64, []terms.Working) {
	w := make([]terms.Working, len(flows))
	pv := 0.0
	for i, f := range flows {
		df := terms.DiscountFactor(r, times[i])
		w[i] = terms.Working{
			Key: "period." + strconv.Itoa(i+1), Value: f * df, Unit: "yuan", Formula: formula,
			Children: []terms.Working{
				{Key: "cash_flow", Value: f, Unit: "yuan"},
				{Key: "time", Value: times[i], Unit: "years"},
				{Key: "discount_factor", Value: df, Unit: "ratio", Formula: "(1+r)^-time"},
			},
		}
		pv += f * df
	}
	return pv, w
}

// withTAB applies the step-up and records it. life is the default life.
func (in *inputs) withTAB(pv, tax, k float64, life int, w []terms.Working) (float64, []terms.Working, map[string]float64) {
	factor := 1.0
	if in.flag("tab", true) {
		n := in.num("tab_life", bound{lo: 0, hi: 1000, openLo: true}, float64(life))
		factor = income.TABFactor(tax, k, n, in.mid())
		if math.IsInf(factor, 1) {
			in.fail(in.name("tax_rate"), "tab.denominator", "税收摊销收益等于或超过资产价值，系数无定义", "the tax amortisation factor has no value: T·AF(k, n)/n is 1 or more")
			factor = 1
		}
	}
	w = append(w,
		terms.Working{Key: "pv_before_tab", Value: pv, Unit: "yuan", Formula: "Σ flow·(1+r)^-time"},
		terms.Working{Key: "tab_factor", Value: factor, Unit: "ratio", Formula: "1/(1 - T·AF(k, n)/n)", Source: "IVS 210"},
		terms.Working{Key: "value", Value: pv * factor, Unit: "yuan", Formula: "pv_before_tab·tab_factor"})
	return pv * factor, w, map[string]float64{"pv_before_tab": pv, "tab_factor": factor}
}

// reliefInputs reads the inputs of relief from royalty and returns its value
// at any royalty and rate, and its cash flows at the given royalty. A royalty
// or a rate that was not given is 0.
func (in *inputs) reliefInputs() (at func(rho, k float64) float64, flows, times []float64, rho, k, tax float64, life int) {
	revenue := in.list("revenue", nonNeg)
	rho = in.num("royalty_rate", fraction, 0)
	k = in.num("discount_rate", rateBound, 0)
	tax = in.num("tax_rate", fraction, 0)
	decay := in.num("share_decay", fraction, 0)
	hazard := in.num("hazard", bound{lo: 0, hi: 10}, 0)
	life = in.whole("useful_life", 1, 1000, len(revenue))
	if life > len(revenue) && len(revenue) > 0 {
		in.fail(in.name("useful_life"), "life.too_long", fmt.Sprintf("收入只有 %d 年", len(revenue)), fmt.Sprintf("is %d but revenue covers %d years", life, len(revenue)))
		life = len(revenue)
	}
	revenue = revenue[:min(life, len(revenue))]
	times = in.schedule(len(revenue))
	base := make([]float64, len(revenue)) // at a royalty of 1
	flows = make([]float64, len(revenue))
	for i, rev := range revenue {
		base[i] = rev * math.Pow(1-decay, float64(i)) * math.Exp(-hazard*times[i]) * (1 - tax)
		flows[i] = base[i] * rho
	}
	at = func(rho, k float64) float64 {
		v := rho * terms.PresentValue(base, times, k)
		if in.flag("tab", true) {
			v *= income.TABFactor(tax, k, in.num("tab_life", bound{lo: 0, hi: 1000, openLo: true}, float64(life)), in.mid())
		}
		return v
	}
	return at, flows, times, rho, k, tax, life
}

func evalRelief(in *inputs) (float64, []terms.Working, map[string]float64) {
	_, flows, times, _, k, tax, life := in.reliefInputs()
	pv, w := presentValues(flows, times, k, "revenue·royalty·(1-decay)^(t-1)·survival·(1-tax)·DF")
	return in.withTAB(pv, tax, k, life, w)
}

// The three inverses of relief from royalty: what one input must be for the
// method to give a stated value.
func evalImpliedRoyalty(in *inputs) (float64, []terms.Working, map[string]float64) {
	at, _, _, _, k, _, _ := in.reliefInputs()
	value := in.num("value", nonNeg, 0)
	return in.solved(income.Bisect(func(x float64) float64 { return at(x, k) - value }, 0, 1))
}

func evalImpliedDiscount(in *inputs) (float64, []terms.Working, map[string]float64) {
	at, _, _, rho, _, _, _ := in.reliefInputs()
	value := in.num("value", nonNeg, 0)
	return in.solved(income.Bisect(func(x float64) float64 { return at(rho, x) - value }, -0.5, 10))
}

func evalBreakEven(in *inputs) (float64, []terms.Working, map[string]float64) {
	at, _, _, rho, k, _, _ := in.reliefInputs()
	value := in.num("value", nonNeg, 0)
	return in.solved(income.Bisect(func(x float64) float64 { return x*at(rho, k) - value }, 0, 1e6))
}

func (in *inputs) solved(x float64, ok bool) (float64, []terms.Working, map[string]float64) {
	if !ok && in.fault() == nil {
		in.fail(in.name("value"), "solve.none", "没有满足该价值的解", "no solution gives this value")
	}
	return x, []terms.Working{{Key: "value", Value: x, Formula: "bisection to the last bit"}}, nil
}

func evalMPEEM(in *inputs) (float64, []terms.Working, map[string]float64) {
	cf := in.list("cash_flows", anyNumber)
	cac := in.list("total_cac", nonNeg)
	k := in.num("discount_rate", rateBound, 0)
	tax := in.num("tax_rate", fraction, 0)
	attrition := in.num("attrition", fraction, 0)
	switch {
	case len(cac) == 1 && len(cf) > 1:
		one := cac[0]
		cac = slices.Repeat([]float64{one}, len(cf))
	case len(cac) != len(cf) && in.fault() == nil:
		in.fail(in.name("total_cac"), "list.length", "年数须与现金流一致，或只给一个数", fmt.Sprintf("has %d years, cash_flows has %d", len(cac), len(cf)))
	}
	if in.fault() != nil {
		return 0, nil, nil
	}
	times := in.schedule(len(cf))
	flows := make([]float64, len(cf))
	for i := range cf {
		flows[i] = (cf[i] - cac[i]) * (1 - tax) * math.Pow(1-attrition, float64(i))
	}
	pv, w := presentValues(flows, times, k, "(cash flow - charges)·(1-tax)·DF")
	return in.withTAB(pv, tax, k, in.whole("useful_life", 1, 1000, len(cf)), w)
}

func evalIncremental(in *inputs) (float64, []terms.Working, map[string]float64) {
	with, without := in.list("with_asset", anyNumber), in.list("without_asset", anyNumber)
	k := in.num("discount_rate", rateBound, 0)
	if len(with) != len(without) && in.fault() == nil {
		in.fail(in.name("without_asset"), "list.length", "年数须一致", fmt.Sprintf("has %d years, with_asset has %d", len(without), len(with)))
	}
	if in.fault() != nil {
		return 0, nil, nil
	}
	flows := make([]float64, len(with))
	for i := range with {
		flows[i] = with[i] - without[i]
	}
	pv, w := presentValues(flows, in.schedule(len(flows)), k, "(with - without)·DF")
	return pv, w, nil
}

func evalReproduction(in *inputs) (float64, []terms.Working, map[string]float64) {
	var w []terms.Working
	gross := 0.0
	for _, name := range []string{"labor", "materials", "overhead", "expenses", "fees", "opportunity", "profit", "other"} {
		if in.has(name) {
			v := in.num(name, nonNeg, 0)
			gross += v
			w = append(w, terms.Working{Key: name, Value: v, Unit: "yuan"})
		}
	}
	keys, costs := in.table("development_costs", nonNeg)
	for _, k := range keys {
		gross += costs[k]
		w = append(w, terms.Working{Key: k, Value: costs[k], Unit: "yuan"})
	}
	if len(w) == 0 {
		in.fail("labor", "field.required", "至少需要一项成本", "at least one cost item is required")
	}
	return in.obsolete(gross, w)
}

// obsolete applies the three kinds of obsolescence, kept apart and named.
func (in *inputs) obsolete(gross float64, w []terms.Working) (float64, []terms.Working, map[string]float64) {
	_, nested := in.table("obsolescence_factors", fraction)
	kept, lost := 1.0, 0.0
	w = append(w, terms.Working{Key: "gross_cost", Value: gross, Unit: "yuan", Formula: "Σ costs"})
	for k := range nested {
		if k != "functional" && k != "technological" && k != "economic" {
			in.fail(in.name("obsolescence_factors")+"."+k, "field.unknown", "不认识的贬值类别", "unknown kind of obsolescence")
		}
	}
	for _, kind := range []string{"functional", "technological", "economic"} {
		d, inTable := nested[kind]
		if in.has(kind) {
			if inTable {
				in.fail(kind, "field.duplicate", "重复", "given twice")
			}
			d = in.num(kind, fraction, 0)
		}
		kept *= 1 - d
		lost += d
		w = append(w, terms.Working{Key: "obsolescence." + kind, Value: d, Unit: "rate"})
	}
	retention, formula := kept, "(1-functional)(1-technological)(1-economic)"
	if in.text("form", "multiplicative", "multiplicative", "additive") == "additive" {
		retention, formula = max(1-lost, 0), "max(1 - functional - technological - economic, 0)"
	}
	w = append(w, terms.Working{Key: "retention", Value: retention, Unit: "ratio", Formula: formula},
		terms.Working{Key: "value", Value: gross * retention, Unit: "yuan", Formula: "gross_cost·retention"})
	return gross * retention, w, map[string]float64{"gross_cost": gross, "total_obsolescence": 1 - retention}
}

func evalComparables(in *inputs) (float64, []terms.Working, map[string]float64) {
	rows, _ := in.tuples("comparables_price_revenue", []string{"price|sale_price|transaction_price", "revenue"}, []string{"asset_type|name"}, positive)
	subject := in.num("subject_revenue", positive, 0)
	keys, adj := in.table("adjustments", bound{lo: -1, hi: 100, openLo: true})
	for _, k := range keys {
		if i, err := strconv.Atoi(k); err != nil || i < 0 || i >= len(rows) {
			in.fail(in.name("adjustments")+"."+k, "index.range", "没有这个可比案例", "no comparable with that index")
		}
	}
	if in.fault() != nil {
		return 0, nil, nil
	}
	values := make([]float64, len(rows))
	w := make([]terms.Working, 0, len(rows)+1)
	for i, row := range rows {
		a := adj[strconv.Itoa(i)]
		values[i] = row[0] / row[1] * (1 + a) * subject
		w = append(w, terms.Working{
			Key: "comparable." + strconv.Itoa(i), Value: values[i], Unit: "yuan", Formula: "price/revenue·(1+adjustment)·subject_revenue",
			Children: []terms.Working{{Key: "multiple", Value: row[0] / row[1], Unit: "ratio"}, {Key: "adjustment", Value: a, Unit: "rate"}},
		})
	}
	slices.Sort(values)
	m := median(values)
	w = append(w, terms.Working{Key: "value", Value: m, Unit: "yuan", Formula: "median of the implied values"})
	return m, w, map[string]float64{"low": values[0], "high": values[len(values)-1], "n": float64(len(values))}
}

// median of sorted values.
func median(sorted []float64) float64 {
	n := len(sorted)
	if n == 0 {
		return math.NaN()
	}
	if n%2 == 1 {
		return sorted[n/2]
	}
	return (sorted[n/2-1] + sorted[n/2]) / 2
}

func evalAnnuity(in *inputs) (float64, []terms.Working, map[string]float64) {
	pmt, r, n := in.num("pmt", nonNeg, 0), in.num("r", rateBound, 0), in.num("n", yearsBound, 0)
	af := terms.AnnuityFactor(r, n)
	return pmt * af, []terms.Working{{Key: "annuity_factor", Value: af, Unit: "ratio", Formula: "(1-(1+r)^-n)/r"}, {Key: "value", Value: pmt * af, Unit: "yuan", Formula: "pmt·AF"}}, map[string]float64{"annuity_factor": af}
}

func evalGrowing(in *inputs) (float64, []terms.Working, map[string]float64) {
	pmt, r, g, n := in.num("pmt", nonNeg, 0), in.num("r", rateBound, 0), in.num("g", rateBound, 0), in.num("n", yearsBound, 0)
	f := terms.GrowingAnnuity(r, g, n)
	return pmt * f, []terms.Working{{Key: "growing_annuity_factor", Value: f, Unit: "ratio", Formula: "(1-((1+g)/(1+r))^n)/(r-g); n/(1+r) at r = g"}, {Key: "value", Value: pmt * f, Unit: "yuan", Formula: "pmt·factor"}}, map[string]float64{"factor": f}
}

func evalTerminal(in *inputs) (float64, []terms.Working, map[string]float64) {
	cf := in.num("cf", anyNumber, 0)
	kind := in.text("method", "gordon_growth", "gordon_growth", "gordon", "exit_multiple")
	if kind == "exit_multiple" {
		if !in.has("exit_multiple") {
			in.fail("exit_multiple", "field.required", "缺少必填字段", "required by method exit_multiple")
		}
		m := in.num("exit_multiple", positive, 0)
		return cf * m, []terms.Working{{Key: "value", Value: cf * m, Unit: "yuan", Formula: "cf·exit_multiple"}}, nil
	}
	for _, f := range []string{"g", "r"} {
		if !in.has(f) {
			in.fail(f, "field.required", "缺少必填字段", "required")
		}
	}
	g, r := in.num("g", rateBound, 0), in.num("r", rateBound, 0)
	if in.fault() == nil && g >= r {
		in.fail(in.name("g"), "rate.growth", "增长率必须低于折现率", "must be below the discount rate: a perpetuity that grows as fast as it is discounted has no value")
	}
	if in.fault() != nil {
		return 0, nil, nil
	}
	v := cf * (1 + g) / (r - g)
	return v, []terms.Working{{Key: "next_cash_flow", Value: cf * (1 + g), Unit: "yuan", Formula: "cf·(1+g)"}, {Key: "value", Value: v, Unit: "yuan", Formula: "cf·(1+g)/(r-g)"}}, nil
}

func evalBuildUp(in *inputs) (float64, []terms.Working, map[string]float64) {
	sum := in.num("rf", bound{lo: -0.1, hi: 10}, 0)
	w := []terms.Working{{Key: "rf", Value: sum, Unit: "rate"}}
	for _, name := range []string{"erp", "size", "industry", "specific", "country", "currency"} {
		if in.has(name) {
			v := in.num(name, bound{lo: -1, hi: 10}, 0)
			sum += v
			w = append(w, terms.Working{Key: name, Value: v, Unit: "rate"})
		}
	}
	keys, premia := in.table("premiums", bound{lo: -1, hi: 10})
	for _, k := range keys {
		sum += premia[k]
		w = append(w, terms.Working{Key: "premium." + k, Value: premia[k], Unit: "rate"})
	}
	return sum, append(w, terms.Working{Key: "value", Value: sum, Unit: "rate", Formula: "r_f + Σ premia"}), nil
}

func evalWACC(in *inputs) (float64, []terms.Working, map[string]float64) {
	e, d, p := in.num("E", nonNeg, 0), in.num("D", nonNeg, 0), in.num("P", nonNeg, 0)
	ke, kd, kp := in.num("ke", rateBound, 0), in.num("kd", rateBound, 0), in.num("kp", rateBound, 0)
	tax := in.num("tax", fraction, 0)
	v := e + d + p
	if in.fault() == nil && v <= 0 {
		in.fail(in.name("E"), "capital.zero", "资本总额必须大于零", "equity and debt must not both be zero")
	}
	if in.fault() != nil {
		return 0, nil, nil
	}
	k := e/v*ke + d/v*kd*(1-tax) + p/v*kp
	return k, []terms.Working{
		{Key: "weight_equity", Value: e / v, Unit: "ratio"},
		{Key: "weight_debt", Value: d / v, Unit: "ratio"},
		{Key: "after_tax_cost_of_debt", Value: kd * (1 - tax), Unit: "rate", Formula: "kd·(1-tax)"},
		{Key: "value", Value: k, Unit: "rate", Formula: "E/V·ke + D/V·kd·(1-tax) + P/V·kp"},
	}, map[string]float64{"weight_equity": e / v, "weight_debt": d / v}
}

func evalPatentPV(in *inputs) (float64, []terms.Working, map[string]float64) {
	cf := in.list("cash_flows", nonNeg)
	p := in.num("probability_of_success", fraction, 1)
	r := in.num("discount_rate", rateBound, 0)
	life := in.whole("remaining_life", 0, 1000, len(cf))
	cf = cf[:min(life, len(cf))]
	pv, w := presentValues(cf, in.schedule(len(cf)), r, "cash_flow·DF")
	w = append(w, terms.Working{Key: "gross_pv", Value: pv, Unit: "yuan", Formula: "Σ over years within the remaining life"}, terms.Working{Key: "value", Value: p * pv, Unit: "yuan", Formula: "probability·gross_pv"})
	return p * pv, w, map[string]float64{"gross_pv": pv}
}

func evalPortfolio(in *inputs) (float64, []terms.Working, map[string]float64) {
	rows, words := in.tuples("patents", []string{"value"}, []string{"category", "name|number|id"}, nonNeg)
	f := in.num("diversification_factor", fraction, 0.1)
	total := 0.0
	by := map[string]float64{}
	for i, row := range rows {
		total += row[0]
		by[words[i][0]] += row[0]
	}
	cats := make([]string, 0, len(by))
	for c := range by {
		cats = append(cats, c)
	}
	slices.Sort(cats)
	hhi := 0.0
	w := []terms.Working{{Key: "sum", Value: total, Unit: "yuan", Formula: "Σ value"}}
	for _, c := range cats {
		if total > 0 {
			hhi += by[c] / total * (by[c] / total)
		}
		w = append(w, terms.Working{Key: "category." + c, Value: by[c], Unit: "yuan"})
	}
	v := total * (1 - f*hhi)
	w = append(w, terms.Working{Key: "hhi", Value: hhi, Unit: "ratio", Formula: "Σ share²"}, terms.Working{Key: "value", Value: v, Unit: "yuan", Formula: "sum·(1 - factor·HHI)"})
	return v, w, map[string]float64{"sum": total, "hhi": hhi}
}

func evalOption(in *inputs) (float64, []terms.Working, map[string]float64) {
	x, s := in.num("exercise_cost", positive, 1), in.num("expected_value", positive, 1)
	sigma, t := in.num("volatility", bound{lo: 0, hi: 10}, 0), in.num("time_to_expiry", bound{lo: 0, hi: 1000}, 0)
	r, q := in.num("risk_free_rate", bound{lo: -0.5, hi: 10}, 0), in.num("cost_of_delay", bound{lo: 0, hi: 10}, 0)
	if in.fault() != nil {
		return 0, nil, nil
	}
	c, d1, d2 := option.BlackScholes(s, x, sigma, t, r, q)
	w := []terms.Working{{Key: "value", Value: c, Unit: "yuan", Formula: "S·e^(-qT)·Φ(d1) - X·e^(-rT)·Φ(d2)"}}
	extra := map[string]float64{"d1": d1, "d2": d2}
	if !math.IsInf(d1, 0) {
		w = append([]terms.Working{
			{Key: "d1", Value: d1, Unit: "ratio", Formula: "[ln(S/X) + (r-q+σ²/2)T]/(σ√T)"},
			{Key: "d2", Value: d2, Unit: "ratio", Formula: "d1 - σ√T"},
			{Key: "Phi(d1)", Value: distuv.UnitNormal.CDF(d1), Unit: "ratio", Formula: "½·erfc(-d1/√2)"},
			{Key: "Phi(d2)", Value: distuv.UnitNormal.CDF(d2), Unit: "ratio"},
		}, w...)
	}
	return c, w, extra
}

func evalProfitSplit(in *inputs) (float64, []terms.Working, map[string]float64) {
	profit := in.num("total_profit", nonNeg, 0)
	a := in.num("licensor_contribution", nonNeg, 0)
	b := in.num("licensee_contribution", nonNeg, max(1-a, 0))
	if in.fault() == nil && a+b <= 0 {
		in.fail(in.name("licensor_contribution"), "contribution.zero", "双方贡献不能都为零", "the contributions must not both be zero")
	}
	if in.fault() != nil {
		return 0, nil, nil
	}
	share := a / (a + b)
	w := []terms.Working{{Key: "licensor_share", Value: share, Unit: "ratio", Formula: "licensor/(licensor + licensee)"}, {Key: "value", Value: profit * share, Unit: "yuan", Formula: "total_profit·licensor_share"}}
	extra := map[string]float64{"licensor_share": share, "licensee_profit": profit * (1 - share)}
	if in.has("net_sales") {
		extra["royalty_rate"] = profit * share / in.num("net_sales", positive, 1)
	}
	return profit * share, w, extra
}

func evalAnalytical(in *inputs) (float64, []terms.Working, map[string]float64) {
	m, v := in.num("advantage_margin", fraction, 0), in.num("volume", nonNeg, 0)
	r, n := in.num("discount_rate", rateBound, 0), in.num("life", yearsBound, 0)
	af := terms.AnnuityFactor(r, n)
	return m * v * af, []terms.Working{
		{Key: "annual_advantage", Value: m * v, Unit: "yuan", Formula: "margin·volume"},
		{Key: "annuity_factor", Value: af, Unit: "ratio"},
		{Key: "value", Value: m * v * af, Unit: "yuan", Formula: "annual_advantage·AF"},
	}, map[string]float64{"annual_advantage": m * v, "implied_royalty_rate": m}
}

func evalAdjustRoyalty(in *inputs) (float64, []terms.Working, map[string]float64) {
	rate := in.num("base_rate", bound{lo: 0, hi: 1}, 0)
	w := []terms.Working{{Key: "base_rate", Value: rate, Unit: "rate"}}
	keys, factors := in.table("adjustment_factors", bound{lo: 0, hi: 100})
	for _, name := range []string{"profit_margin", "exclusivity", "market_conditions", "term", "geographic_scope"} {
		if in.has(name) {
			if _, twice := factors[name]; twice {
				in.fail(name, "field.duplicate", "重复", "given twice")
			}
			keys = append(keys, name)
			factors[name] = in.num(name, bound{lo: 0, hi: 100}, 1)
		}
	}
	slices.Sort(keys)
	for _, k := range keys {
		rate *= factors[k]
		w = append(w, terms.Working{Key: "factor." + k, Value: factors[k], Unit: "ratio"})
	}
	return rate, append(w, terms.Working{Key: "value", Value: rate, Unit: "rate", Formula: "base_rate·Π factors"}), nil
}

func evalCharges(in *inputs) (float64, []terms.Working, map[string]float64) {
	rows, words := in.tuples("assets", []string{"value|asset_value|fair_value", "return|return_rate|required_return|rate"}, []string{"name|asset|asset_name|type"}, bound{lo: 0, hi: 1e18})
	sum := 0.0
	var w []terms.Working
	for i, row := range rows {
		if row[1] > 10 {
			in.fail(fmt.Sprintf("%s[%d].return", in.name("assets"), i), "number.range", "回报率超出范围", "is above 10 (1000%)")
		}
		c := row[0] * row[1]
		sum += c
		w = append(w, terms.Working{Key: "charge." + words[i][0], Value: c, Unit: "yuan", Formula: "value·return"})
	}
	return sum, append(w, terms.Working{Key: "value", Value: sum, Unit: "yuan", Formula: "Σ value·return"}), nil
}

func evalSingle(in *inputs) (float64, []terms.Working, map[string]float64) {
	e, cap := in.num("normalized_earnings", anyNumber, 0), in.num("cap_rate", posRate, 1)
	cac := 0.0
	for _, c := range in.list("total_cac", nonNeg) {
		cac += c
	}
	v := (e - cac) / cap
	return v, []terms.Working{{Key: "total_cac", Value: cac, Unit: "yuan"}, {Key: "excess_earnings", Value: e - cac, Unit: "yuan", Formula: "earnings - charges"}, {Key: "value", Value: v, Unit: "yuan", Formula: "excess_earnings/cap_rate"}}, map[string]float64{"excess_earnings": e - cac}
}

func evalPV(in *inputs) (float64, []terms.Working, map[string]float64) {
	fv, r, n := in.num("fv", nonNeg, 0), in.num("r", rateBound, 0), in.num("n", yearsBound, 0)
	df := terms.DiscountFactor(r, n)
	return fv * df, []terms.Working{{Key: "discount_factor", Value: df, Unit: "ratio", Formula: "(1+r)^-n"}, {Key: "value", Value: fv * df, Unit: "yuan", Formula: "fv·DF"}}, map[string]float64{"discount_factor": df}
}

func evalCapitalise(in *inputs) (float64, []terms.Working, map[string]float64) {
	rev, rho, r := in.num("revenue", nonNeg, 0), in.num("royalty_rate", fraction, 0), in.num("discount_rate", posRate, 1)
	g := in.num("growth", rateBound, 0)
	if in.fault() == nil && g >= r {
		in.fail(in.name("growth"), "rate.growth", "增长率必须低于折现率", "must be below the discount rate")
	}
	if in.fault() != nil {
		return 0, nil, nil
	}
	return rev * rho / (r - g), []terms.Working{{Key: "annual_royalty", Value: rev * rho, Unit: "yuan", Formula: "revenue·royalty"}, {Key: "value", Value: rev * rho / (r - g), Unit: "yuan", Formula: "annual_royalty/(r-g)"}}, map[string]float64{"annual_royalty": rev * rho}
}

func evalTABAmount(in *inputs) (float64, []terms.Working, map[string]float64) {
	v, tax := in.num("asset_value", nonNeg, 0), in.num("tax_rate", fraction, 0)
	k, n := in.num("discount_rate", rateBound, 0), in.num("useful_life", bound{lo: 0, hi: 1000, openLo: true}, 1)
	amount := income.TABAmount(v, tax, k, n)
	f := income.TABFactor(tax, k, n, false)
	return amount, []terms.Working{
		{Key: "annuity_factor", Value: terms.AnnuityFactor(k, n), Unit: "ratio"},
		{Key: "value", Value: amount, Unit: "yuan", Formula: "asset_value·T·AF(k, n)/n"},
	}, map[string]float64{"annuity_factor": terms.AnnuityFactor(k, n), "step_up_factor": f}
}

func evalRule25(in *inputs) (float64, []terms.Working, map[string]float64) {
	p, a := in.num("profit", nonNeg, 0), in.num("attribution", fraction, 1)
	return 0.25 * p * a, []terms.Working{{Key: "attributable_profit", Value: p * a, Unit: "yuan"}, {Key: "value", Value: 0.25 * p * a, Unit: "yuan", Formula: "25%·profit·attribution"}}, nil
}

func evalReplacement(in *inputs) (float64, []terms.Working, map[string]float64) {
	return in.obsolete(in.num("current_cost", nonNeg, 0), nil)
}
