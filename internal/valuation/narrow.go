package valuation

import (
	"math"
	"slices"
	"strconv"

	"gonum.org/v1/gonum/stat/distuv"

	"zhijia/internal/patent"
	"zhijia/internal/valuation/market"
	"zhijia/internal/valuation/terms"
)

// maxProbed bounds the members of a bundle for which it is worked out what more evidence would do: each is priced anew
// under every answer.
const maxProbed = 20

// fifths are the middles of five equal parts of a distribution.
var fifths = [...]float64{.1, .3, .5, .7, .9}

// narrow says of each missing piece of evidence by what share the headline's range, as ln of high over low, would narrow on
// average if it were known. The average is over what the fact may turn out to be, as the model expects it before anybody
// looks: claims, family and life by the tables of the assumptions, the owner alike over its types, the income about the
// market's figure. A fact that the range does not rest on narrows nothing.
func (j *job) narrow(in []int, half float64) {
	v := j.led
	at := slices.IndexFunc(in, func(i int) bool { return j.app[i].result.ID == "market" })
	if v == nil || at < 0 || len(j.lower) > 0 || len(j.live) > maxProbed {
		return
	}
	width := func(k *job, in []int) float64 {
		g := k.join(in)
		low, high := k.ends(&g, half)
		return high - low
	}
	now := width(j, in)
	known := map[string]float64{}
	// with is the mean width over what a fact may turn out to be.
	with := func(answers int, tell func(k *job, p *terms.Patent, i int)) float64 {
		sum := 0.0
		for i := range answers {
			k, asg := *j, *j.asg
			k.asg, k.all, k.app = &asg, slices.Clone(j.all), slices.Clone(j.app)
			for m := range k.all {
				tell(&k, &k.all[m].Patent, i)
			}
			k.price(&k.app[in[at]])
			sum += width(&k, in)
		}
		return sum / float64(answers)
	}
	claims := func(_ *job, p *terms.Patent, i int) {
		if p.Claims == nil {
			p.Claims = count(j.as.Market.ClaimsMedian.Value * math.Exp(j.as.Market.ClaimsLogSD.Value*distuv.UnitNormal.Quantile(fifths[i])))
		}
	}
	family := func(_ *job, p *terms.Patent, i int) {
		if m := &j.as.Market; p.Family == nil {
			p.Family = count(math.Pow((1-fifths[i])/(1-m.FamilyAlone.Value/2), -1/m.FamilyTail.Value))
		}
	}
	life := func(_ *job, p *terms.Patent, i int) {
		if p.End().IsZero() {
			term := patent.Expiry(p.Kind, j.asg.Date, 0)
			p.Expiry = j.asg.Date.AddDays(int(fifths[i] * float64(j.asg.Date.DaysUntil(term))))
		}
	}
	owner := func(k *job, _ *terms.Patent, i int) {
		if k.asg.Owner == "" || k.asg.Owner == terms.OwnerUnknown {
			k.asg.Owner = terms.OwnerType(market.OwnerTypes[i])
		}
	}
	known["subject.claims"], known["subject.family"] = with(len(fifths), claims), with(len(fifths), family)
	known["subject.expiry"] = with(len(fifths), life)
	known["owner_type"] = with(len(market.OwnerTypes), owner)
	known["TEXT"] = with(len(fifths), func(k *job, p *terms.Patent, i int) { // the record of the patent tells all of them
		claims(k, p, (i+1)%len(fifths))
		family(k, p, (i+2)%len(fifths))
		life(k, p, i)
		owner(k, p, i)
	})
	if j.legalUnknown > 0 { // found in force; what is found dead is worth nothing
		k := *j
		k.app = slices.Clone(j.app)
		for _, i := range in {
			k.app[i].unknown -= j.as.Market.MissingFeatureVar.Value
			k.app[i].unscored -= j.as.Market.MissingFeatureVar.Value
		}
		known["legal_state"] = width(&k, in)
	}
	if a := j.rules.Approaches["income"]; a > 0 && j.ev.Income == nil && j.basisOf("income", j.rules.Basis) == j.rules.Basis {
		known["income.revenue"] = j.withIncome(in, at, a, width)
	}
	missing := func(code string) bool {
		return slices.ContainsFunc(j.out.MissingEvidence, func(n terms.Note) bool { return n.Code == code })
	}
	if missing("FILING-DATE") { // some day of the year that the number tells
		known["FILING-DATE"] = with(len(fifths), func(_ *job, p *terms.Patent, i int) {
			if end := p.End(); !end.IsZero() {
				p.Expiry = end.AddDays(int(fifths[i] * float64(end.DaysUntil(end.AddYears(1)))))
			}
		})
	}
	if missing("KIND") {
		known["KIND"] = with(2, func(_ *job, p *terms.Patent, i int) {
			p.Kind = [...]patent.Kind{patent.Invention, patent.UtilityModel}[i]
		})
	}
	if v.Deals() == 0 {
		known["market.comparables"] = j.withDeals(in, at, width)
	}
	for _, code := range []string{"calibration", "IPC", "indicators.unknown", "subject.assignees", "exploitation_scenario", "encumbrance", "sale_chance", "cost.facts", "income.revenue"} {
		if _, ok := known[code]; !ok {
			known[code] = now // no term of the range
		}
	}
	for i := range j.out.MissingEvidence {
		n := &j.out.MissingEvidence[i]
		if w, ok := known[n.Code]; ok && now > 0 {
			share := max(1-w/now, 0)
			n.Narrows = &share
		}
	}
}

func count(x float64) *int {
	n := max(int(math.Round(x)), 1)
	return &n
}

// price puts the market's figure for the job's members and owner in the place of an approach's.
func (j *job) price(a *approach) {
	scale := j.part + j.licence
	was := *a
	m := j.ask(j.led, j.headline())
	a.theta, a.thetaModel, a.neutral, a.plain, a.sd0, a.weigh = m.theta+scale, m.noModel+scale, m.neutral+scale, m.plain+scale, m.sd, m.weigh
	if c := was.ask; c != nil {
		a.ask = &ceiling{c.at, c.sd, a.theta, a.thetaModel, a.neutral}
		if a.theta > c.at {
			a.theta, a.thetaModel, a.neutral = c.at, min(a.thetaModel, c.at), min(a.neutral, c.at)
		}
	}
}

// fresh is how many deals of the subject's kind an institution is taken to bring that has none.
const fresh = 20

// withDeals is the width once fresh deals like the subject are known, each an event and a seller of its own, at the price
// the model expects: they tell the level, and none the price of the next.
func (j *job) withDeals(in []int, at int, width func(*job, []int) float64) float64 {
	q := j.question(j.live[0], j.headline())
	year := j.asg.Date.Year
	var deals []market.Deal
	for i := range fresh {
		deals = append(deals, market.Deal{ID: strconv.Itoa(i), Labels: q.Labels, Facts: market.Facts{Life: q.Life}, Log: j.led.view.Price(q).Mean, Patents: 1, Date: j.asg.Date.AddDays(-i - 1)})
	}
	view, err := market.Solve(j.as.Prices, deals, year)
	if err != nil {
		return width(j, in)
	}
	k, led := *j, *j.led
	led.view = view
	k.led, k.app = &led, slices.Clone(j.app)
	k.price(&k.app[in[at]])
	return width(&k, in)
}

// withIncome is the mean width beside an income figure as the model expects one: about the market's, by the errors of both,
// and as wide as a single forecast and a scored royalty leave it.
func (j *job) withIncome(in []int, at int, applies float64, width func(*job, []int) float64) float64 {
	as, m := j.as, &j.app[in[at]]
	band, _ := as.Royalty.Band("")
	sd := math.Sqrt(math.Pow(as.Income.ModelSD.Value, 2) + math.Pow(as.Income.RevenueSD.Value, 2) + math.Pow(as.Income.RateSD.Value, 2))
	rho := as.Reconciliation.Rho.Value
	apart := math.Sqrt(max(sd*sd+m.sd0*m.sd0-2*rho*sd*m.sd0, 0))
	sum := 0.0
	for _, p := range fifths {
		k := *j
		x := approach{neutral: m.neutral + apart*distuv.UnitNormal.Quantile(p), sd0: sd}
		x.theta, x.thetaModel, x.plain = x.neutral, x.neutral, x.neutral
		x.unscored = math.Pow(math.Log(band.High/band.Low)/(2*terms.Z10), 2)
		x.unknown, x.result.Applicability = x.unscored, applies
		k.app = append(slices.Clone(j.app), x)
		sum += width(&k, append(slices.Clone(in), len(j.app)))
	}
	return sum / float64(len(fifths))
}
