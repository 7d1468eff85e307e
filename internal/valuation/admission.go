package valuation

import (
	"cmp"
	"math"
	"slices"

	"zhijia/internal/calendar"
	"zhijia/internal/valuation/market"
	"zhijia/internal/valuation/terms"
)

// Exclusion codes and what they say (standards 3.1). Rows are kept and shown;
// none of them moves the value.
var exclusions = map[string][2]string{
	"DATE-UNKNOWN":        {"成交日期不明，无法确认早于评估基准日", "no date: it cannot be shown to precede the valuation date"},
	"DATE-NOT-BEFORE":     {"成交日期不早于评估基准日", "not before the valuation date"},
	"AMOUNT-UNKNOWN":      {"成交金额不明", "amount unknown"},
	"AMOUNT-NOT-POSITIVE": {"成交金额为零或负", "amount is not positive"},
	"CURRENCY":            {"外币成交且未给出折算率", "foreign currency without a rate"},
	"COUNT-UNKNOWN":       {"专利件数不明，无法得出单价", "number of patents unknown: no unit price"},
	"PORTFOLIO":           {"资产包件数超过上限", "portfolio above the size limit"},
	"RELATED-PARTY":       {"关联交易", "related parties"},
	"STRUCTURED":          {"首付加提成等结构性价款，不是单一成交价", "structured price (upfront with royalty or milestones)"},
	"CAP":                 {"里程碑上限金额，不是成交价", "a ceiling of milestones, not a price"},
	"ASK":                 {"挂牌或要价，不是成交价", "an ask, not a price"},
	"STARTING-PRICE":      {"起拍价，不是成交价", "a starting price, not a price"},
	"AGGREGATE":           {"汇总金额", "an aggregate"},
	"RUNNING-ROYALTY":     {"提成许可且无收入数据，无法折算为总价", "running royalty without revenue: no lump sum can be derived"},
	"FREE":                {"无偿", "free of charge"},
	"DAMAGES":             {"赔偿金额，不是交易价", "damages, not a trade"},
	"KIND-UNKNOWN":        {"交易方式不明", "deal kind unknown"},
	"MARKET-UNKNOWN":      {"不知在何种市场成交，来源与方式均未说明", "the market of the sale is not known: neither the source nor the method tells"},
	"DUPLICATE":           {"与另一条记录为同一交易", "the same deal as another row"},
	"NOT-FINITE":          {"数据不是有限数", "a figure is not finite"},
	"NOT-PATENT":          {"技术秘密或批件，不是专利", "know-how or approvals, no patent"},
	"DEAD-AT-SALE":        {"成交时专利权已失效", "the right had lapsed before the sale"},
	"BUNDLE-ASSETS":       {"连同设备、厂房、技术秘密、商标或软件一并出售，价款不只是专利的", "sold with plant, know-how, marks or software: not the price of patents alone"},
	"PART-INTEREST":       {"只转让部分份额", "a part interest was sold"},
	"DISTRESSED":          {"破产、清算或司法处置，而成交市场未如此标注", "sold in a bankruptcy or by force, and not recorded so"},
	"TOKEN":               {"象征性价款", "a token price"},
	"OUT-OF-SCALE":        {"金额超出任何已知专利交易的量级", "beyond the scale of any known deal in patents"},
	"UNIT-SCALE":          {"单价与同市场同类成交相差上千倍，疑为单位错误", "a factor of thousands from its kind: an error of the unit"},
	"NOT-CLEAN":           {"其他原因，见备注", "other reasons, in the notes"},
	"OWN-DEAL":            {"待估专利自身的交易，盲评时不用", "the subject's own deal, left out of a blind valuation"},
	"FAMILY":              {"待估专利同族的交易，盲评时不用", "a deal of the subject's family, left out of a blind valuation"},
}

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

// sale is the market a deal was made in: as recorded, else by its source and kind.
func sale(c *Comparable) market.Sale {
	if c.Market != "" {
		return c.Market
	}
	s, _ := market.SaleOf(string(c.Source), string(c.Kind), "")
	return s
}

// refuse returns the exclusion code of a comparable, or "".
func (a *Assumptions) refuse(c *Comparable, t calendar.Date) string {
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
	case !c.Date.IsZero() && !c.Date.LastDay(c.DateUnit).Before(t):
		return "DATE-NOT-BEFORE"
	}
	return a.Unpriced(c)
}

// Unpriced says why a row is no point price between strangers, whatever the
// valuation date; "" when it is one. The import, the screening, the market
// approach and the harness ask it.
func (a *Assumptions) Unpriced(c *Comparable) string {
	switch {
	case c.Date.IsZero():
		return "DATE-UNKNOWN"
	case c.Kind == terms.DealDamages:
		return "DAMAGES"
	case c.Kind == terms.DealAsk:
		return "ASK"
	case c.Kind == "":
		return "KIND-UNKNOWN"
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
	case sale(c) == market.Unknown:
		return "MARKET-UNKNOWN"
	}
	return ""
}

// admit sorts the deals by id and refuses what is not a clean point price before t. The rest are deals of the market
// approach, all of them: what each weighs is computed.
func (a *Assumptions) admit(given []Comparable, t calendar.Date) (deals []market.Deal, of map[string]*Comparable, excluded []ExcludedDeal) {
	order := make([]int, len(given))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(i, j int) int { return compareDeals(&given[i], &given[j]) })
	of = map[string]*Comparable{}
	for _, i := range order {
		c := &given[i]
		code := a.refuse(c, t)
		if code == "" && of[c.DealID] != nil {
			code = "DUPLICATE"
		}
		if code != "" {
			excluded = append(excluded, excludedDeal(c, code))
			continue
		}
		of[c.DealID] = c
		deals = append(deals, a.MarketDeal(c))
	}
	return deals, of, excluded
}

func compareExcluded(x, y ExcludedDeal) int {
	return cmp.Or(cmp.Compare(x.DealID, y.DealID), cmp.Compare(x.Code, y.Code))
}

// MarketDeal reads an admitted price as the market approach sees it. Market and channel come from the record or from its
// source and kind, never from the price.
func (a *Assumptions) MarketDeal(c *Comparable) market.Deal {
	n := 1
	if c.Price != terms.PricePerPatent {
		n = max(derefInt(c.Patents, 1), 1)
	}
	amount := *c.Amount
	if c.Currency != "" && c.Currency != "CNY" {
		amount *= *c.Rate
	}
	sale, channel := market.SaleOf(string(c.Source), string(c.Kind), "")
	if c.Market != "" && c.Market != sale {
		sale, channel = c.Market, market.Ordinary(c.Market, string(c.Owner), string(c.Patent)).Channel
	}
	channel = cmp.Or(c.Channel, channel)
	owner := string(c.Owner)
	if owner == "" || owner == "unknown" {
		owner = cmp.Or(market.OwnerOf(c.Parties.Seller), "unknown")
	}
	kind := cmp.Or(string(c.Patent), "unknown")
	deal := string(c.Kind)
	if c.Kind == terms.DealAuction {
		deal = string(terms.DealAssignment)
	}
	d := market.Deal{
		ID: c.DealID, Labels: market.Labels{Market: sale, Channel: channel, Owner: owner, Deal: deal, Kind: kind},
		Event: c.Event, Seller: sellerKey(c.Parties.Seller), Log: math.Log(amount), Patents: n, Date: c.Date.LastDay(c.DateUnit), Related: c.Related != nil && *c.Related,
		Own: c.Source == terms.SourceOwnLedger,
	}
	if d.Event == "" && c.Source != terms.SourcePlatform { // a platform's list of prices is no session
		d.Event = c.URL
	}
	if d.Event == "" && d.Seller != "" {
		d.Event = d.Seller + " " + d.Date.String() // one seller's sales of one day are one experience
	}
	d.Life = c.RemainingLife
	if c.Family != nil {
		d.Family = a.Market.family(*c.Family)
	}
	if c.Claims != nil {
		d.Claims = a.Market.claims(*c.Claims)
	}
	return d
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

func derefInt(p *int, def int) int {
	if p == nil {
		return def
	}
	return *p
}
