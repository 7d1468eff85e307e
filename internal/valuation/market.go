package valuation

import (
	"cmp"
	"fmt"
	"math"
	"slices"

	"zhijia/internal/patent"
	"zhijia/internal/valuation/indicator"
	"zhijia/internal/valuation/market"
	"zhijia/internal/valuation/terms"
)

// saleZh names the markets of sale in Chinese.
var saleZh = map[market.Sale]string{
	market.Private: "私下转让", market.Showcase: "展示交易（技术拍卖、挂牌）", market.Corporate: "企业并购", market.Court: "裁判", market.Distress: "处置变现",
}

// fixedSale is the market of sale a purpose fixes: collateral is what the bare right brings in private, or by force.
func fixedSale(p terms.Purpose) (market.Sale, bool) {
	switch p {
	case terms.PurposePledge, terms.PurposeSecuritisation:
		return market.Private, true
	case terms.PurposeDisposal:
		return market.Distress, true
	}
	return "", false
}

// SaleFor is the market of sale a purpose is valued in where none is asked for, empty where nobody can say, and whether the
// purpose fixes it.
func SaleFor(p terms.Purpose) (s market.Sale, fixed bool) {
	if s, fixed = fixedSale(p); fixed {
		return s, true
	}
	if s = saleOf(&Assignment{Purpose: p}); s == market.Unknown {
		return "", false
	}
	return s, false
}

// saleOf is the market of sale of the headline: fixed by the purpose, else as asked, else private where the purpose sells
// the bare right, else unknown.
func saleOf(asg *Assignment) market.Sale {
	if s, fixed := fixedSale(asg.Purpose); fixed {
		return s
	}
	if asg.Market != "" {
		return asg.Market
	}
	switch asg.Purpose {
	case terms.PurposeAssignment, terms.PurposeLicence, terms.PurposeManagement, terms.PurposeReporting, terms.PurposeImpairment, terms.PurposeInfringement:
		return market.Private
	}
	return market.Unknown
}

// checkMarket refuses a market of sale that the purpose fixes otherwise, and one above private without its fact.
func checkMarket(asg *Assignment, fail func(field, code, zh, en string)) {
	m := asg.Market
	if m == "" || m == market.Unknown {
		return
	}
	if !slices.Contains(market.Sales[:], m) {
		fail("market", "text.choice", "成交市场不在列表内", fmt.Sprintf("unknown market %.40q: want one of %v or unknown", m, market.Sales))
		return
	}
	if s, fixed := fixedSale(asg.Purpose); fixed && m != s && !(s == market.Private && m == market.Distress) {
		fail("market", "market.fixed", "质押、证券化、处置目的只按私下转让与处置变现估值，成交市场不能更改", "pledge, securitisation and disposal are valued in private and by force only: the market cannot be changed")
		return
	}
	if m == market.Private || m == market.Distress {
		return
	}
	f := asg.MarketFact
	if f == nil {
		fail("market_fact", "field.required", "成交市场高于私下转让的，须提供挂牌公告、交易编号、已签意向书或明确的买方，并注明日期和文件", "a market above private needs a listing notice, an exchange number, a signed term sheet or a named buyer, with its date and document")
		return
	}
	if !slices.Contains(MarketFactKinds[:], f.Kind) {
		fail("market_fact.kind", "text.choice", "依据种类不在列表内", fmt.Sprintf("want one of %v", MarketFactKinds))
	}
	if f.Date.IsZero() || !f.Date.Before(asg.Date) {
		fail("market_fact.date", "date.range", "依据的日期须早于评估基准日", "the fact's date must lie before the valuation date")
	}
	if f.Document == "" {
		fail("market_fact.document", "field.required", "请注明依据文件", "name the document")
	}
}

// reviewed says whether a second person approved the market label.
func (f *MarketFact) reviewed() bool {
	return f != nil && f.ApprovedBy != "" && f.ApprovedBy != f.ProposedBy
}

// MarketFigure is the subject's price in one market of sale, "if sold" there.
type MarketFigure struct {
	Market market.Sale `json:"market"`
	Zh     string      `json:"zh"`
	Median float64     `json:"median"` // yuan
	Low    float64     `json:"low"`    // at the assignment's level
	High   float64     `json:"high"`
	Deals  int         `json:"deals"` // admitted prices of this market
}

// marketAnswer is the subject's price in one market, before the licence and the share of the right.
type marketAnswer struct {
	theta, noModel, neutral float64 // ln yuan: all scores, without the model's, without any
	plain                   float64 // with the life alone: no score, no other fact
	bare                    float64 // without any fact
	sd, known               float64
	weigh                   float64 // widest sd of a member of whom no fact is known, of either kind: no fact moves it
	parts                   []part
}

// ownTerm are the indicators whose fact has a term of its own in the price: life, family and claims stay out of z.
var ownTerm = []string{"L1.3", "L2.2", "T5.2"}

// zScore is the normal score of the indicator sheet among patents, by the reference table of the assumptions. An indicator
// nobody scored counts as average, each by its own weight: so a good score that becomes known never lowers it, and a bad one
// never raises it. Nothing known is nil.
func (j *job) zScore(scores []terms.IndicatorScore) *float64 {
	sheet, mean := &j.as.Sheet, j.as.Market.ScoreMean.Value
	known := map[string]terms.IndicatorScore{}
	for _, s := range scores {
		if s.Score != nil && !slices.Contains(ownTerm, s.Code) && slices.ContainsFunc(sheet.Nodes, func(n indicator.Node) bool { return n.Code == s.Code }) {
			known[s.Code] = s
		}
	}
	if len(known) == 0 {
		return nil
	}
	var filled, all []terms.IndicatorScore
	for _, n := range sheet.Nodes {
		average := terms.IndicatorScore{Code: n.Code, Score: &mean}
		if s, ok := known[n.Code]; ok {
			filled = append(filled, s)
		} else if n.Kind == "sum" {
			filled = append(filled, average)
		}
		if !slices.Contains(ownTerm, n.Code) {
			all = append(all, average)
		}
	}
	q := sheet.Score(j.asg.Purpose, filled, j.as.Grades.Unknown.Value)
	// What could be known is all but the indicators that have a term of their own.
	could := 1 - sheet.Score(j.asg.Purpose, all, j.as.Grades.Unknown.Value).Unknown
	z := (*q.Score - mean) / j.as.Market.ScoreSD.Value / could
	return &z
}

// question asks for one member's price in one market.
func (j *job) question(p terms.Patent, s market.Sale) market.Question {
	q := market.Question{Labels: market.Ordinary(s, string(j.asg.Owner), string(p.Kind))}
	if j.asg.Purpose == terms.PurposeContribution {
		q.Deal = string(terms.DealContribution)
	}
	if l, ok := p.Life(j.asg.Date); ok {
		q.Life = &l
	}
	if p.Family != nil {
		q.Family = j.as.Market.family(float64(*p.Family))
	}
	if r := j.ev.Rank; r != nil { // the subject's standing in its class and filing year
		x := percentile(r.Percentile)
		q.Citations = &x
	} else if p.CitedBy != nil {
		q.Citations = j.as.Market.cited(float64(*p.CitedBy))
	}
	if p.Claims != nil {
		q.Claims = j.as.Market.claims(float64(*p.Claims))
	}
	return q
}

// ask sums the members' prices in one market: a bundle is worth its members, so splitting it changes no total. Its low end
// is the sum of their low ends, so that a worse fact of one member never raises it.
func (j *job) ask(l *Ledger, s market.Sale) marketAnswer {
	v, half := l.view, min(l.ready.At(s, j.level).Half, maxHalf)
	var a marketAnswer
	sum, sumNo, sumNeutral, sumPlain, sumBare, low, lowKnown := 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0
	logs := map[string]float64{}
	var keys []string
	for i := range j.all {
		m := &j.all[i]
		if m.share == 0 {
			continue
		}
		q := j.question(m.Patent, s)
		neutral := v.Price(q)
		q.Score = j.zOwn
		no := v.Price(q)
		q.Score = j.z
		f := v.Price(q)
		w := m.share * math.Exp(f.Mean)
		sum += w
		sumNo += m.share * math.Exp(no.Mean)
		sumNeutral += m.share * math.Exp(neutral.Mean)
		q.Facts = market.Facts{Life: q.Life}
		sumPlain += m.share * math.Exp(v.Price(q).Mean)
		q.Facts = market.Facts{}
		bare := v.Price(q)
		sumBare += m.share * math.Exp(bare.Mean)
		a.weigh = max(a.weigh, bare.SD)
		for _, kind := range [...]patent.Kind{patent.Invention, patent.UtilityModel} {
			q.Kind = string(kind)
			a.weigh = max(a.weigh, v.Price(q).SD)
		}
		low += m.share * math.Exp(neutral.Mean-half*f.SD)
		lowKnown += m.share * math.Exp(neutral.Mean-half*f.Known)
		for _, x := range f.Parts {
			if _, ok := logs[x.Key]; !ok {
				keys = append(keys, x.Key)
			}
			logs[x.Key] += w * x.Log
		}
	}
	a.theta, a.noModel, a.neutral, a.plain, a.bare = math.Log(sum), math.Log(sumNo), math.Log(sumNeutral), math.Log(sumPlain), math.Log(sumBare)
	a.sd, a.known = (a.neutral-math.Log(low))/half, (a.neutral-math.Log(lowKnown))/half
	rest := a.theta
	for _, k := range keys {
		log := logs[k] / sum
		rest -= log
		a.parts = append(a.parts, part{k, "market", log})
	}
	if len(j.live) > 1 {
		a.parts = append(a.parts, part{"bundle_count", "fact", rest})
	}
	return a
}

// publicAsk is the lowest that is asked in public for the right, ln yuan of its ownership, +∞ where nobody asks; open says
// that it is an open-licence fee. Such a fee is a plain licence's for its years: F·exp(footing), with the footing's variance.
func (j *job) publicAsk(life float64) (at, variance float64, open bool) {
	at = math.Inf(1)
	if j.ev.Ask != nil && *j.ev.Ask > 0 {
		at = math.Log(*j.ev.Ask)
	}
	for _, o := range j.ev.Open {
		log, v := j.as.footing(terms.DealPlainLicence, o.Years, life)
		if x := math.Log(o.Fee) + log; o.Fee > 0 && x < at {
			at, variance, open = x, v, true
		}
	}
	return at, variance, open
}

// market prices the subject in the market of the headline and beside it in the others.
func (j *job) market() {
	as := j.as
	l, excluded, err := j.ledger()
	slices.SortStableFunc(excluded, compareExcluded)
	j.out.Excluded = append(j.out.Excluded, excluded...)
	if err != nil {
		j.notApplicable("market", "random_effects", "market.unsolved", nil)
		return
	}
	v := l.view
	j.led, j.sale = l, saleOf(j.asg)
	if (j.sale == market.Showcase || j.sale == market.Corporate) && j.out.Scope == terms.ScopeBare {
		j.out.Scope = terms.ScopeSupported // what is sold there comes with support or a business
	}
	headline := j.sale
	if headline == market.Unknown {
		headline = market.Private
	}
	life, licenceVar := 0.0, 0.0
	for _, p := range j.live {
		l, _ := p.Life(j.asg.Date)
		life = max(life, l)
	}
	if j.asg.Purpose == terms.PurposeLicence {
		log, variance := as.footing(cmp.Or(j.asg.LicenceKind, terms.DealPlainLicence), terms.ValueOr(j.asg.LicenceTerm, 0), life)
		j.licence, licenceVar = -log, variance
		if variance > 0 {
			j.flag("LIC-RATIO", "note", "许可与所有权的比例取自美国合同，无中国数据", "the licence-to-ownership ratio is from US contracts; no Chinese figure is known")
		}
	}
	scale := j.part + j.licence
	a := j.ask(l, headline)
	var ask *ceiling
	if at, variance, open := j.publicAsk(life); at < math.Inf(1) && headline == market.Private {
		// Nobody pays in private more than is asked in public for the same right.
		ask = &ceiling{at, math.Sqrt(a.weigh*a.weigh + variance), a.theta, a.noModel, a.neutral}
		if cap := ask.at - a.theta; cap < 0 {
			a.theta, a.noModel, a.neutral = ask.at, min(a.noModel, ask.at), min(a.neutral, ask.at)
			a.parts = append(a.parts, part{"public_ask", "fact", cap})
			if open {
				j.flag("MKT-OPEN", "review", "私下金额以该专利开放许可的费用为上限：按普通许可折算（单侧证据）", "the private figure is capped by the open-licence fee of this very patent, as that of a plain licence (one-sided evidence)")
			} else {
				j.flag("MKT-ASK", "review", "私下转让金额以该专利的公开报价为上限", "the private figure is capped at the public ask for this very patent")
			}
		}
	}
	j.figures(l, scale, ask)
	if j.asg.Purpose == terms.PurposeLicence {
		low, high := a.ends(min(l.ready.At(headline, j.level).Half, maxHalf), ask)
		j.ownership = &BasisFigure{
			Basis: terms.BasisMarket, Premise: terms.PremiseOrderly, Scope: terms.ScopeBare, Approach: "market", Market: headline, IfSold: true,
			Value: math.Exp(a.theta + j.part), Low: math.Exp(low + j.part), High: math.Exp(high + j.part), Zh: "如转让所有权", En: "if ownership is sold",
		}
	}
	j.base = a.parts[0].log // the market's level
	parts := []part{{"right_fraction", "fact", j.part}, {"licence_terms", "fact", j.licence}}
	parts = append(parts, a.parts[1:]...)
	app := approach{
		theta: a.theta + scale, thetaModel: a.noModel + scale, neutral: a.neutral + scale, plain: a.plain + scale, sd0: a.sd, weigh: a.weigh, parts: parts,
		width:  []WidthContribution{{"market.level", min(a.known*a.known/(a.sd*a.sd), 1)}, {"market.price_noise", max(1-a.known*a.known/(a.sd*a.sd), 0)}},
		result: ApproachResult{ID: "market", Method: "random_effects", Applicable: true},
	}
	app.unknown, app.unscored = licenceVar, licenceVar
	if ask != nil {
		app.ask = &ceiling{ask.at + scale, math.Sqrt(ask.sd*ask.sd + licenceVar), ask.theta + scale, ask.thetaModel + scale, ask.neutral + scale}
	}
	shown := j.shown()
	also := make(map[string]bool, len(shown))
	for id := range shown {
		also[id] = true
	}
	var weights []market.Weight
	weights, j.out.NEff = v.Weights(j.question(j.live[0], headline), shownDeals, also)
	j.comparables(weights, shown, l.of, math.Exp(app.theta), v.Base(j.question(j.live[0], headline)))
	app.result.Workings = j.marketWorkings(a, weights, headline, scale)
	j.add(app)
	j.notApplicable("rank", "", "rank.in_market_prior", nil)
	if j.asg.Owner == "" || j.asg.Owner == terms.OwnerUnknown {
		j.missing("owner_type", "权利人类型不明，按普通权利人估值，区间相应放宽", "the owner type is unknown: an ordinary owner is assumed and the range is wider", "提供权利人名称或类型（高校、科研院所、企业、个人）")
	}
	if from := as.Prices.Learned.To; from > j.asg.Date.Year {
		j.flag("MKT-LATER", "note", fmt.Sprintf("参数取自截至 %d 年的数据，晚于评估基准日", from), fmt.Sprintf("the assumptions were learned from data up to %d, later than the valuation date", from))
	}
}

// ends are the ends of the range in ln yuan; ask is what nobody pays more than, nil if none is known.
func (a *marketAnswer) ends(half float64, ask *ceiling) (low, high float64) {
	low, high = a.theta-half*a.sd, a.theta+half*a.sd
	if ask != nil {
		low = min(ask.theta-half*a.sd, ask.at-half*ask.sd)
	}
	return low, high
}

// maxHalf bounds half a range in sd where the deals are too few to measure it.
const maxHalf = 10

// figures fills the ladder of markets: in each "if sold" there.
func (j *job) figures(l *Ledger, scale float64, ask *ceiling) {
	show := []market.Sale{market.Distress, market.Private, market.Showcase, market.Corporate}
	if j.sale == market.Court {
		show = append(show, market.Court)
	}
	if _, fixed := fixedSale(j.asg.Purpose); fixed {
		show = show[:2]
	}
	private := 0.0 // ln yuan of the right in private, no fact of it known
	if ask != nil {
		private = j.ask(l, market.Private).bare
	}
	for _, s := range show {
		a := j.ask(l, s)
		var under *ceiling
		if ask != nil && (s == market.Private || s == market.Distress) {
			// A sale by force brings as much less than the ask as it brings less than a private one.
			under = &ceiling{at: ask.at + min(a.bare-private, 0), sd: a.weigh, theta: a.theta}
			a.theta = min(a.theta, under.at)
		}
		low, high := a.ends(min(l.ready.At(s, j.level).Half, maxHalf), under)
		j.out.Markets = append(j.out.Markets, MarketFigure{
			Market: s, Zh: saleZh[s], Median: math.Exp(a.theta + scale), Low: math.Exp(low + scale), High: math.Exp(high + scale), Deals: l.sales[s],
		})
	}
	j.out.Market = j.sale
	if f := j.asg.MarketFact; f != nil && j.sale != market.Private && j.sale != market.Distress && j.sale != market.Unknown {
		j.out.MarketFact = f
		if !f.reviewed() {
			j.out.MarketUnreviewed = true
			j.flag("MKT-UNREVIEWED", "review", "成交市场“"+saleZh[j.sale]+"”未经复核，私下转让金额并列", "the market label has not been approved by a second person; the private figure stands beside it")
		}
	}
}

// shownDeals are listed by what they did to the figure, whatever their texts.
const shownDeals = 40

// comparables lists the deals by what they did to the figure, and the text-alike ones for the reader: those say when they
// did not move it. base is ln of what the prior alone says of one patent of the subject.
func (j *job) comparables(weights []market.Weight, shown, of map[string]*Comparable, value, base float64) {
	for i, w := range weights {
		c := of[w.Deal.ID]
		if given := shown[w.Deal.ID]; given != nil {
			c = given
		}
		if i >= shownDeals && c.Similar == nil {
			continue
		}
		unit := math.Exp(w.Deal.Log) / float64(w.Deal.Patents)
		pull := w.Weight * w.Residual
		j.out.Comparables = append(j.out.Comparables, ComparableResult{
			Comparable: *c, UnitPrice: unit, Normalised: math.Exp(base + w.Residual), Weight: w.Weight, Pull: value * -math.Expm1(-pull), Influence: value * math.Expm1(-pull),
			Moved: math.Abs(pull) >= .005,
		})
	}
	if len(weights) == 0 {
		j.missing("market.comparables", "没有可比成交，仅按先验水平与公开报价估值", "no comparable deals: the level rests on the stated priors and the public asks", "导入同类专利的成交合同、登记备案或拍卖记录")
	}
}

func (j *job) marketWorkings(a marketAnswer, weights []market.Weight, s market.Sale, scale float64) []terms.Working {
	p := &j.as.Prices
	w := []terms.Working{
		{Key: "market_level", Value: p.Levels[s].Median, Unit: "yuan", Source: p.Levels[s].Source.Source},
		{Key: "log_price", Value: a.theta, Unit: "log", Formula: "level + effects of market, channel, owner, deal, kind, year + facts + score", Source: "docs/valuation.md, market approach"},
		{Key: "predictive_sd", Value: a.sd, Unit: "log"},
		{Key: "level_sd", Value: a.known, Unit: "log"},
		{Key: "scale", Value: scale, Unit: "log", Formula: "ln right fraction + licence terms"},
	}
	for _, x := range a.parts {
		w = append(w, terms.Working{Key: "part." + x.key, Value: x.log, Unit: "log"})
	}
	for i, x := range weights {
		if i == shownDeals {
			break
		}
		w = append(w, terms.Working{Key: "comparable." + x.Deal.ID, Value: x.Weight * x.Residual, Unit: "log", Formula: "weight·residual", Children: []terms.Working{
			{Key: "weight", Value: x.Weight, Unit: "ratio"}, {Key: "residual", Value: x.Residual, Unit: "log"},
		}})
	}
	return w
}
