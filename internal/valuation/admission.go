package valuation

import (
	"cmp"
	"math"
	"slices"

	"zhijia/internal/calendar"
	"zhijia/internal/patent"
	"zhijia/internal/valuation/terms"
)

// Exclusion codes and what they say (standards 3.1). Rows are kept and shown;
// none of them moves the value.
var exclusions = map[string][2]string{
	"DATE-UNKNOWN":         {"成交日期不明，无法确认早于评估基准日", "no date: it cannot be shown to precede the valuation date"},
	"DATE-NOT-BEFORE":      {"成交日期不早于评估基准日", "not before the valuation date"},
	"AMOUNT-UNKNOWN":       {"成交金额不明", "amount unknown"},
	"AMOUNT-NOT-POSITIVE":  {"成交金额为零或负", "amount is not positive"},
	"CURRENCY":             {"外币成交且未给出折算率", "foreign currency without a rate"},
	"COUNT-UNKNOWN":        {"专利件数不明，无法得出单价", "number of patents unknown: no unit price"},
	"PORTFOLIO":            {"资产包件数超过上限", "portfolio above the size limit"},
	"RELATED-PARTY":        {"关联交易", "related parties"},
	"STRUCTURED":           {"首付加提成等结构性价款，不是单一成交价", "structured price (upfront with royalty or milestones)"},
	"CAP":                  {"里程碑上限金额，不是成交价", "a ceiling of milestones, not a price"},
	"ASK":                  {"挂牌或要价，不是成交价", "an ask, not a price"},
	"STARTING-PRICE":       {"起拍价，不是成交价", "a starting price, not a price"},
	"AGGREGATE":            {"汇总金额", "an aggregate"},
	"RUNNING-ROYALTY":      {"提成许可且无收入数据，无法折算为总价", "running royalty without revenue: no lump sum can be derived"},
	"FREE":                 {"无偿", "free of charge"},
	"DAMAGES":              {"赔偿金额，不是交易价", "damages, not a trade"},
	"CONTRIBUTION":         {"作价入股与买卖不混用", "equity contributions are never mixed with sales"},
	"NOT-CONTRIBUTION":     {"买卖与作价入股不混用", "sales are never mixed with equity contributions"},
	"KIND-UNKNOWN":         {"交易方式不明", "deal kind unknown"},
	"DESIGN":               {"外观设计不在指引范围内", "designs are outside the guideline"},
	"LICENCE-TERM-UNKNOWN": {"许可期限不明，无法折算为所有权价格", "licence term unknown: it cannot be put on an ownership footing"},
	"SIMILARITY-UNKNOWN":   {"未计算相似度", "no similarity to the subject"},
	"DUPLICATE":            {"与另一条记录为同一交易", "the same deal as another row"},
	"ADJ-MAX":              {"调整幅度超过 4 倍", "adjustments exceed a factor of 4"},
	"NOT-FINITE":           {"数据不是有限数", "a figure is not finite"},
	"NOT-PATENT":           {"技术秘密或批件，不是专利", "know-how or approvals, no patent"},
	"DEAD-AT-SALE":         {"成交时专利权已失效", "the right had lapsed before the sale"},
	"NOT-CLEAN":            {"其他原因，见备注", "other reasons, in the notes"},
	"OWN-DEAL":             {"待估专利自身的交易，盲评时不用", "the subject's own deal, left out of a blind valuation"},
	"FAMILY":               {"待估专利同族的交易，盲评时不用", "a deal of the subject's family, left out of a blind valuation"},
}

// Features of the hedonic trend, in the order of the design row.
const (
	fUtility = iota
	fBundle
	fLife
	fClaims
	fFamily
	fAssignees
	fQuality
	nFeatures
)

var featureNames = [nFeatures]string{"utility_model", "ln_bundle", "remaining_life", "ln_claims", "ln_family", "ln_assignees", "ln_quality"}

// deal is an admitted comparable ready for the model.
type deal struct {
	c      *Comparable
	at     int     // its row in Evidence.Comparables, for Pairwise
	unit   float64 // yuan per patent as printed
	y      float64 // ln unit price on the ownership footing of one patent
	mu     float64 // ln median of its own population
	tau    float64
	pop    string
	dx     [nFeatures]float64 // comparable - subject; 0 when unknown on either side
	known  [nFeatures]bool
	age    float64 // years before T
	noise  float64 // variance
	press  bool    // carries the source intercept
	sim    float64
	adjust []Adjustment
	grade  string
}

// subjectFacts are the subject's features, mean over a bundle's live members.
type subjectFacts struct {
	pop   Population
	owned bool // the owner's own prior row exists
	value [nFeatures]float64
	known [nFeatures]bool
	life  float64 // remaining legal life, years
}

// lastDay is the end of the period a date of the given precision names.
func lastDay(d calendar.Date, p terms.Precision) calendar.Date { return d.LastDay(p) }

// footing is the log amount that brings a right of the given kind and term to
// full ownership: the annuity ratio of the remaining life to the term, and the
// step from a plain to an exclusive licence. The second result is its variance.
func (a *Assumptions) footing(kind terms.DealKind, term, life float64) (log, variance float64) {
	m := &a.Market
	switch kind {
	case terms.DealPlainLicence:
		log, variance = m.PlainToExclusive.Value, m.PlainToExclSD.Value*m.PlainToExclSD.Value
	case terms.DealSoleLicence: // between the two
		log, variance = m.PlainToExclusive.Value/2, m.PlainToExclSD.Value*m.PlainToExclSD.Value/4
	case terms.DealExclusiveLicence:
	default:
		return 0, 0
	}
	if term > 0 && term < life {
		k := m.LicenceDiscount.Value
		log += math.Log(terms.AnnuityFactor(k, life) / terms.AnnuityFactor(k, term))
	}
	return log, variance
}

// refuse returns the exclusion code of a comparable, or "".
func (a *Assumptions) refuse(c *Comparable, purpose terms.Purpose, t calendar.Date) string {
	for _, v := range []*float64{c.Amount, c.Rate, c.Term, c.RemainingLife, c.Claims, c.Family, c.Assignees, c.Quality} {
		if v != nil && (math.IsNaN(*v) || math.IsInf(*v, 0)) {
			return "NOT-FINITE"
		}
	}
	switch {
	case c.Exclusion != "":
		return c.Exclusion
	case c.DuplicateOf != "":
		return "DUPLICATE"
	case c.Date.IsZero():
		return "DATE-UNKNOWN"
	case !lastDay(c.Date, c.DateUnit).Before(t):
		return "DATE-NOT-BEFORE"
	case c.Kind == terms.DealDamages:
		return "DAMAGES"
	case c.Kind == terms.DealAsk:
		return "ASK"
	case c.Kind == "":
		return "KIND-UNKNOWN"
	case c.Kind == terms.DealContribution && purpose != terms.PurposeContribution:
		return "CONTRIBUTION"
	case c.Kind != terms.DealContribution && purpose == terms.PurposeContribution:
		return "NOT-CONTRIBUTION"
	case c.Patent == patent.Design:
		return "DESIGN"
	}
	switch c.Price {
	case terms.PriceAsk:
		return "ASK"
	case terms.PriceStarting:
		return "STARTING-PRICE"
	case terms.PriceCap:
		return "CAP"
	case terms.PriceStructured, terms.PriceUpfront:
		return "STRUCTURED"
	case terms.PriceAggregate:
		return "AGGREGATE"
	case terms.PriceRoyalty:
		return "RUNNING-ROYALTY"
	case terms.PriceFree:
		return "FREE"
	}
	switch {
	case c.Amount == nil:
		return "AMOUNT-UNKNOWN"
	case *c.Amount <= 0:
		return "AMOUNT-NOT-POSITIVE"
	case c.Currency != "" && c.Currency != "CNY" && (c.Rate == nil || *c.Rate <= 0):
		return "CURRENCY"
	case c.Price != terms.PricePerPatent && (c.Patents == nil || *c.Patents < 1):
		return "COUNT-UNKNOWN"
	case c.Patents != nil && *c.Patents > a.Market.MaxBundle:
		return "PORTFOLIO"
	case c.Related != nil && *c.Related:
		return "RELATED-PARTY"
	case (c.Kind == terms.DealExclusiveLicence || c.Kind == terms.DealSoleLicence || c.Kind == terms.DealPlainLicence) && (c.Term == nil || *c.Term <= 0):
		return "LICENCE-TERM-UNKNOWN"
	case c.Similar == nil || math.IsNaN(c.Similar.Total):
		return "SIMILARITY-UNKNOWN"
	}
	return ""
}

// admit sorts the comparables by deal id, refuses what is not a clean point
// price before T, and normalises the rest to the subject's terms.
func (a *Assumptions) admit(asg *Assignment, ev *Evidence, sub *subjectFacts) (deals []deal, excluded []ExcludedDeal) {
	order := make([]int, len(ev.Comparables))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(i, j int) int { return compareDeals(&ev.Comparables[i], &ev.Comparables[j]) })
	deals = make([]deal, 0, len(order))
	last := ""
	for _, i := range order {
		c := &ev.Comparables[i]
		code := a.refuse(c, asg.Purpose, asg.Date)
		if code == "" && c.DealID == last && len(deals) > 0 {
			code = "DUPLICATE"
		}
		if code == "" {
			d := a.normalise(c, asg, sub)
			d.at = i
			total := 0.0
			for _, x := range d.adjust {
				if x.Code != featureNames[fQuality] { // a score never decides which deals count
					total += x.Log
				}
			}
			if math.Abs(total) > a.Market.MaxAdjust.Value {
				code = "ADJ-MAX"
			} else {
				d.grade = adjustGrade(d.adjust, total)
				deals = append(deals, d)
				last = c.DealID
			}
		}
		if code != "" {
			excluded = append(excluded, excludedDeal(c, code))
		}
	}
	for i := range ev.Excluded {
		c := &ev.Excluded[i]
		code := c.Exclusion
		if code == "" {
			if code = a.refuse(c, asg.Purpose, asg.Date); code == "" {
				code = "DUPLICATE"
			}
		}
		excluded = append(excluded, excludedDeal(c, code))
	}
	slices.SortStableFunc(excluded, func(x, y ExcludedDeal) int {
		return cmp.Or(cmp.Compare(x.DealID, y.DealID), cmp.Compare(x.Code, y.Code))
	})
	return deals, excluded
}

// compareDeals orders rows so that their order in the evidence cannot matter,
// even between two rows of one deal.
func compareDeals(a, b *Comparable) int {
	return cmp.Or(
		cmp.Compare(a.DealID, b.DealID),
		a.Date.Compare(b.Date),
		cmp.Compare(terms.ValueOr(a.Amount, -1), terms.ValueOr(b.Amount, -1)),
		cmp.Compare(a.Source, b.Source),
		cmp.Compare(a.URL, b.URL),
		cmp.Compare(a.Title, b.Title),
	)
}

func excludedDeal(c *Comparable, code string) ExcludedDeal {
	text, ok := exclusions[code]
	if !ok {
		text = [2]string{code, code}
	}
	return ExcludedDeal{DealID: c.DealID, Code: code, Zh: text[0], En: text[1], Title: c.Title, Date: c.Date, Amount: c.Amount, Currency: c.Currency, URL: c.URL}
}

// adjustGrade grades the size of the adjustments: A within 20% each and 30%
// in all (the real-estate practice), B within a factor of 2, C within 4.
func adjustGrade(adj []Adjustment, total float64) string {
	single := 0.0
	for _, x := range adj {
		single = max(single, math.Abs(x.Log))
	}
	switch {
	case single <= math.Log(1.2) && math.Abs(total) <= math.Log(1.3):
		return "A"
	case math.Abs(total) <= math.Ln2:
		return "B"
	}
	return "C"
}

// normalise brings one admitted deal to the ownership of one patent, and
// records its differences from the subject.
func (a *Assumptions) normalise(c *Comparable, asg *Assignment, sub *subjectFacts) deal {
	amount := *c.Amount
	if c.Currency != "" && c.Currency != "CNY" {
		amount *= *c.Rate
	}
	n := 1.0
	if c.Price != terms.PricePerPatent {
		n = float64(*c.Patents)
	}
	d := deal{c: c, unit: amount / n, sim: min(max(c.Similar.Total, 0), 1)}
	d.y = math.Log(d.unit)
	d.age = max(lastDay(c.Date, c.DateUnit).YearsUntil(asg.Date), 0)

	kind := c.Kind
	if kind != terms.DealContribution {
		kind = terms.DealAssignment // on the ownership footing
	}
	p, _ := a.population(c.Owner, kind)
	if c.Owner == "" || c.Owner == terms.OwnerUnknown {
		p = sub.pop // nothing says it is another population
	}
	d.pop, d.mu, d.tau = p.ID, math.Log(p.Median.Value), p.LogSD.Value

	mult, ok := a.Kernel.Deal[c.Source]
	if !ok {
		mult = a.Kernel.Deal[""]
	}
	d.noise = a.Kernel.Noise.Value * a.Kernel.Noise.Value * mult * mult
	if c.DateUnit == terms.PrecisionYear {
		d.noise += a.Kernel.Year.Value * a.Kernel.Year.Value / 2
	}
	d.press = slices.Contains(a.Source.Sources, c.Source)

	life := terms.ValueOr(c.RemainingLife, 10)
	d.adjust = make([]Adjustment, 0, 5)
	if log, v := a.footing(c.Kind, terms.ValueOr(c.Term, 0), life); log != 0 {
		d.y += log
		d.noise += v
		d.adjust = append(d.adjust, Adjustment{Code: "licence_footing", Log: log, Why: string(c.Kind)})
		if c.RemainingLife == nil {
			d.noise += a.Market.MissingFeatureVar.Value
		}
	}

	set := func(f int, v float64, known bool) {
		if known && sub.known[f] {
			d.dx[f], d.known[f] = v-sub.value[f], true
			return
		}
		d.noise += a.Market.MissingFeatureVar.Value
	}
	logOf := func(p *float64) (float64, bool) {
		if p == nil || *p <= 0 {
			return 0, false
		}
		return math.Log(*p), true
	}
	um := 0.0
	if c.Patent == patent.UtilityModel {
		um = 1
	}
	set(fUtility, um, c.Patent != "")
	set(fBundle, math.Log(float64(max(derefInt(c.Patents, 1), 1))), true)
	set(fLife, life, c.RemainingLife != nil)
	for f, p := range [...]*float64{fClaims: c.Claims, fFamily: c.Family, fAssignees: c.Assignees} {
		if f < fClaims {
			continue
		}
		v, ok := logOf(p)
		set(f, v, ok)
	}
	// The quality difference is bounded: model scores reach the price here.
	if v, ok := logOf(c.Quality); ok && sub.known[fQuality] {
		bound := a.Model.QualityMax.Value
		d.dx[fQuality], d.known[fQuality] = min(max(v-sub.value[fQuality], -bound), bound), true
	}
	for f, t := range a.trend() {
		if d.known[f] && t.Mean != 0 && d.dx[f] != 0 {
			d.adjust = append(d.adjust, Adjustment{Code: featureNames[f], Log: -t.Mean * d.dx[f], Why: t.Reason})
		}
	}
	return d
}

func derefInt(p *int, def int) int {
	if p == nil {
		return def
	}
	return *p
}

// trend returns the coefficient priors in feature order; a feature without a
// prior gets none (mean and sd 0).
func (a *Assumptions) trend() [nFeatures]TrendPrior {
	var t [nFeatures]TrendPrior
	for _, p := range a.Trend {
		if i := slices.Index(featureNames[:], p.Feature); i >= 0 {
			t[i] = p
		}
	}
	return t
}
