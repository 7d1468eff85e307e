package valuation

import (
	"cmp"
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"

	"zhijia/internal/calendar"
	"zhijia/internal/patent"
	"zhijia/internal/valuation/income"
	"zhijia/internal/valuation/terms"
)

// incomeMethods names the income approaches, in the order of [income.Method].
var incomeMethods = [...]struct{ id, method string }{
	income.ReliefFromRoyalty:    {"income", "relief_from_royalty"},
	income.ExcessEarningsMethod: {"income.mpeem", "multi_period_excess_earnings"},
	income.WithAndWithout:       {"income.incremental", "with_and_without"},
}

// incomeScores are what the scores say to the income approach: of the royalty,
// and of the risks in the discount rate, which the model never moves.
type incomeScores struct {
	royalty map[string]income.FactorScore
	risk    map[string]income.FactorScore
	table   income.TableScore
	rate    income.BuildUp
}

// income runs relief from royalty, and excess earnings and with-and-without
// when their facts are given.
func (j *job) income() {
	f := j.ev.Income
	if f == nil {
		j.notApplicable("income", "relief_from_royalty", "income.revenue_missing", nil)
		j.missing("income.revenue", "未提供使用该专利的产品收入预测", "no revenue forecast of the products that use the patent", "提供产品收入、增长率和许可费率或行业")
		return
	}
	riskFree := j.as.Discount.RiskFree.Value
	if f.RiskFree != nil {
		riskFree = f.RiskFree.Dist().Quantile(0.5)
	}
	x := j.opinions(j.live, riskFree)
	// A utility model earns no more than an invention would, all else equal, whose fees are higher.
	var order *incomeOpinions
	if f.AnnualCost == nil && x.full.Missing[income.ReliefFromRoyalty] == "" && slices.ContainsFunc(j.live, func(p terms.Patent) bool { return p.Kind == patent.UtilityModel }) {
		order = j.opinions(asInventions(j.live), riskFree)
	}
	for m := range incomeMethods {
		m := income.Method(m)
		if m == income.ExcessEarningsMethod && f.ExcessEarnings == nil || m == income.WithAndWithout && len(f.With) == 0 {
			continue
		}
		if m != income.ReliefFromRoyalty {
			order = nil // the other methods know no fees
		}
		j.incomeMethod(m, x, order)
	}
	if x.full.Scored && x.full.BuiltUp && x.full.Missing[income.ReliefFromRoyalty] == "" {
		j.doubleCounting(x, riskFree)
	}
}

// incomeOpinions are three opinions of the income of the members: with every score, without the model's, and with every
// score at the middle of its table. Each has its own draws, so that what the cap and the width compare with does not depend
// on any score it must not depend on.
type incomeOpinions struct {
	scores               incomeScores
	full, plain, neutral *income.Inputs
	resolve              func(income.TableScore, *income.BuildUp) *income.Inputs
}

func (j *job) opinions(live []terms.Patent, riskFree float64) *incomeOpinions {
	as, f := j.as, j.ev.Income
	s := incomeScores{
		royalty: income.FactorScores(as.Royalty.Groups, j.ind, live, true),
		risk:    income.FactorScores(as.Discount.Risks, j.ind, live, false),
	}
	s.table, s.rate = income.ScoreTable(as.Royalty.Groups, s.royalty), as.Discount.Build(riskFree, s.risk)
	unmodelled := income.ScoreTable(as.Royalty.Groups, income.FactorScores(as.Royalty.Groups, j.ind, live, false))
	middle := s.rate
	middle.Rate = s.rate.Neutral
	subject := j.incomeSubject()
	subject.Fees = as.annualFees(live, j.asg.Date)
	x := &incomeOpinions{scores: s, resolve: func(r income.TableScore, b *income.BuildUp) *income.Inputs {
		return income.Resolve(subject, f, &as.Income, &as.Royalty, &as.Discount, r, b)
	}}
	x.full, x.plain, x.neutral = x.resolve(s.table, &s.rate), x.resolve(unmodelled, &s.rate), x.resolve(income.TableScore{R: 0.5}, &middle)
	return x
}

// asInventions are the members as if each were an invention, of the same life.
func asInventions(live []terms.Patent) []terms.Patent {
	out := slices.Clone(live)
	for i := range out {
		out[i].Kind = patent.Invention
	}
	return out
}

// incomeSubject is what the income approach must know of the right: a bundle
// earns while any member lives.
func (j *job) incomeSubject() income.Subject {
	s := income.Subject{Date: j.asg.Date, Legal: 0, Licence: math.Inf(1), TAB: slices.Contains(j.as.Income.TABPurposes, j.asg.Purpose)}
	for _, p := range j.live {
		l, ok := p.Life(j.asg.Date)
		if !ok {
			l = math.Inf(1)
		}
		s.Legal = max(s.Legal, l)
	}
	if j.asg.Purpose == terms.PurposeLicence && j.asg.LicenceTerm != nil {
		s.Licence = *j.asg.LicenceTerm
	}
	return s
}

// annualFees are the fees of the live members in yuan by period from T, from
// the fee schedule of each kind and the patent's year. A member whose term ends while others earn costs its last fee on, as
// if another right took its place: so a member that lives longer never makes the bundle dearer to keep.
func (a *Assumptions) annualFees(live []terms.Patent, t calendar.Date) []float64 {
	longest := 0
	for _, fees := range a.Income.Fees {
		longest = max(longest, len(fees))
	}
	out := make([]float64, longest)
	for j := range out {
		for _, p := range live {
			if p.Filing.IsZero() {
				continue
			}
			year := int(p.Filing.YearsUntil(t)) + j // the fee of patent year y+1 falls due within year y
			if fees := a.Income.Fees[p.Kind]; year >= 0 && len(fees) > 0 {
				out[j] += fees[min(year, len(fees)-1)]
			}
		}
	}
	return out
}

// incomeMethod values one method three ways. A median above that of order, the same members as inventions, gives way to it.
func (j *job) incomeMethod(m income.Method, x, order *incomeOpinions) {
	name, f, full, neutral, s := incomeMethods[m], j.ev.Income, x.full, x.neutral, &x.scores
	if reason := full.Missing[m]; reason != "" {
		j.notApplicable(name.id, name.method, reason, full.Notes)
		j.missing("income.revenue", "收益法缺少必要数据："+reason, "the income approach lacks "+reason, "提供产品收入、增长率和许可费率或行业")
		return
	}
	ok := true
	run := func(pick func(*incomeOpinions) *income.Inputs) income.Result {
		r, fits := pick(x).Simulate(m, f.Correlations, j.as.Simulation.Paths, j.as.Simulation.Seed)
		ok = ok && fits
		if order != nil && ok {
			if o, _ := pick(order).Simulate(m, f.Correlations, j.as.Simulation.Paths, j.as.Simulation.Seed); o.P50 < r.P50 {
				return o
			}
		}
		return r
	}
	r := run(func(x *incomeOpinions) *income.Inputs { return x.full })
	if !ok {
		j.notApplicable(name.id, name.method, "income.correlations", full.Notes)
		return
	}
	result := ApproachResult{
		ID: name.id, Method: name.method, Applicable: true, Percentiles: map[string]float64{"p10": r.P10, "p50": r.P50, "p90": r.P90},
		Tornado: r.Tornado, Flags: full.Flags, Workings: full.Explain(m),
	}
	if r.P50 < halfFen { // it earns nothing: a figure of 0, with which no logarithm can be reconciled
		result.Flags = append(slices.Clone(result.Flags), terms.NewFlag("INC-NONE", "review", "按所给资料，净收益现值为零", "on the facts given the income is worth nothing"))
		j.app = append(j.app, approach{result: result})
		return
	}
	rp, rn := run(func(x *incomeOpinions) *income.Inputs { return x.plain }), run(func(x *incomeOpinions) *income.Inputs { return x.neutral })
	right := j.part + j.exclusivity()
	log := func(yuan float64) float64 { return math.Log(max(yuan, halfFen)) }
	a := approach{theta: log(r.P50) + right, thetaModel: log(rp.P50) + right, neutral: log(rn.P50) + right, plain: log(rn.P50) + right, result: result}
	a.sd0, a.width = j.incomeWidth(name.id, rn)
	gross, _ := neutral.Gross().Simulate(m, f.Correlations, j.as.Simulation.Paths, j.as.Simulation.Seed)
	a.weigh, _ = j.incomeWidth(name.id, gross)
	if m == income.ReliefFromRoyalty && full.Scored {
		open := func(unknown float64) float64 {
			return math.Pow(income.UnknownRoyaltyLog(full.M, full.N, unknown)/(2*terms.Z10), 2)
		}
		a.unknown += open(s.table.Unknown + s.table.Doubted)
		a.unscored += open(1)
		j.out.Model.Theory = full.N / full.M
	}
	if full.BuiltUp { // half the table's span, in proportion to what is unscored
		open := func(unknown float64) float64 {
			span := s.rate.Span / 2 * unknown
			low, high := neutral.At(m, income.Median()), neutral.At(m, income.Median())
			low.Discount, high.Discount = low.Discount-span, high.Discount+span
			return math.Pow((log(m.Value(&low))-log(m.Value(&high)))/(2*terms.Z10), 2)
		}
		a.unknown += open(s.rate.Unknown)
		a.unscored += open(1)
	}
	a.parts = j.incomeParts(m, full, s, a.theta, right)
	j.add(a)
}

// halfFen is half the smallest coin in yuan: what is worth less is worth
// nothing.
const halfFen = 0.005

// incomeWidth is the log sd of an income value against a price, from its
// inputs and beyond them, and the share of each input.
func (j *job) incomeWidth(id string, r income.Result) (sd float64, width []WidthContribution) {
	byInputs := 0.0
	switch middle := max(r.P50, halfFen); {
	case r.P10 >= halfFen:
		byInputs = math.Pow(terms.LogSD(r.P10, r.P90), 2)
	case r.P90 > middle:
		byInputs = math.Pow(math.Log(r.P90/middle)/terms.Z10, 2)
	}
	model := j.as.Income.ModelSD.Value
	variance := byInputs + model*model
	sum := 0.0
	for _, b := range r.Tornado {
		d := math.Log(max(b.High, halfFen) / max(b.Low, halfFen))
		width = append(width, WidthContribution{id + "." + b.Input, d * d})
		sum += d * d
	}
	if sum == 0 {
		byInputs = 0
	}
	for i := range width {
		width[i].Share *= byInputs / variance / max(sum, 1e-300)
	}
	return math.Sqrt(variance), append(width, WidthContribution{id + ".model", 1 - byInputs/variance})
}

// exclusivity is the log factor of a plain licence against an exclusive one;
// the term of a licence already limits the income's life.
func (j *job) exclusivity() float64 {
	if j.asg.Purpose != terms.PurposeLicence {
		return 0
	}
	log, _ := j.as.footing(cmp.Or(j.asg.LicenceKind, terms.DealPlainLicence), 0, 1)
	return -log
}

// incomeParts gives each scored factor its share of what the score r did to
// the royalty, the discount rate what its scores did, and the rest to the cash
// flow.
func (j *job) incomeParts(m income.Method, in *income.Inputs, s *incomeScores, theta, right float64) []part {
	id := incomeMethods[m].id
	parts := []part{{"income.terms", "fact", right}}
	d := in.At(m, income.Median())
	value, scored := m.Value(&d), 0.0
	if m == income.ReliefFromRoyalty && in.Scored && s.table.R != 0.5 {
		mid := d
		mid.Royalty *= income.RoyaltyRate(in.M, in.N, 0.5) / income.RoyaltyRate(in.M, in.N, s.table.R)
		if v := m.Value(&mid); v > 0 && value > 0 {
			byScore := math.Log(value / v)
			for _, g := range j.as.Royalty.Groups {
				mass := 0.0
				for _, f := range g.Factors {
					if s.royalty[f.Code].Score != nil {
						mass += f.Weight
					}
				}
				for _, f := range g.Factors {
					if x := s.royalty[f.Code].Score; x != nil {
						log := byScore * g.Weight * f.Weight / mass * (*x - 50) / 100 / (s.table.R - 0.5)
						parts = append(parts, part{"indicator:" + f.Code, "indicator", log})
						scored += log
					}
				}
			}
		}
	}
	if in.BuiltUp {
		mid := d
		mid.Discount = s.rate.Neutral
		if v := m.Value(&mid); v > 0 && value > 0 {
			log := math.Log(value / v)
			parts = append(parts, part{id + ".discount_rate", "fact", log})
			scored += log
		}
	}
	return append(parts, part{id + ".cash_flow", "fact", theta - j.base - right - scored})
}

// doubleCounting flags risks that lower both the royalty and the discount rate
// and shows the value with those risks left out of the rate.
func (j *job) doubleCounting(x *incomeOpinions, riskFree float64) {
	as, s := j.as, &x.scores
	twice := income.DoubleCounted(as.Royalty.Groups, as.Discount.Risks, s.royalty, s.risk)
	if len(twice) == 0 {
		return
	}
	once := maps.Clone(s.risk)
	for _, g := range as.Discount.Risks {
		for _, x := range g.Factors {
			if slices.Contains(twice, x.Concept) {
				delete(once, x.Code)
			}
		}
	}
	b := as.Discount.Build(riskFree, once)
	d, alone := x.full.At(income.ReliefFromRoyalty, income.Median()), x.resolve(s.table, &b).At(income.ReliefFromRoyalty, income.Median())
	with, free := d.Relief(), alone.Relief()
	j.out.Workings = append(j.out.Workings, terms.Working{Key: "double_counting", Value: free, Unit: "yuan", Formula: "relief from royalty at medians with the risks left out of the rate", Children: []terms.Working{
		{Key: "with", Value: with, Unit: "yuan"}, {Key: "without", Value: free, Unit: "yuan"}, {Key: "rate_without", Value: b.Rate, Unit: "rate"},
	}})
	names := strings.Join(twice, ", ")
	j.flag("DBL-01", "review", fmt.Sprintf("同一因素既影响许可费率又影响折现率（%s）；折现率不计该因素时为 %.0f 元，计入时为 %.0f 元", names, free, with),
		fmt.Sprintf("counted in the royalty and in the discount rate (%s): %.0f yuan with it left out of the rate, %.0f with it", names, free, with))
}
