package desk

import (
	"cmp"
	"context"
	"encoding/hex"
	"slices"
	"time"

	"zhijia/internal/appraisal"
	"zhijia/internal/calendar"
	"zhijia/internal/dossier"
	"zhijia/internal/lending"
	"zhijia/internal/money"
	"zhijia/internal/patent"
	"zhijia/internal/store"
	"zhijia/internal/valuation"
	"zhijia/internal/valuation/income"
	"zhijia/internal/valuation/market"
	"zhijia/internal/valuation/terms"
)

// Value values one row as of a day and answers the grounds of its pledge.
// Nothing is stored: the draft is. A trademark has none.
func Value(ctx context.Context, db *store.DB, service *appraisal.Service, actor appraisal.Actor, row lending.Row, on calendar.Date, wait bool) (lending.Valued, *appraisal.Draft, error) {
	if row.Kind == lending.Trademark {
		v := valueMark(row, on)
		if row.MarkResult != "" {
			if err := decidedMark(ctx, db, actor.Institution, &v, on); err != nil {
				return v, nil, err
			}
		}
		return v, nil, nil
	}
	ctx = store.As(ctx, actor.Institution)
	d, err := service.Draft(ctx, actor, request(&row, on, wait))
	if err != nil {
		return lending.Valued{}, nil, err
	}
	v, err := view(row, "", d, on, service.Days())
	if err != nil {
		return v, d, err
	}
	// A pledgor or borrower that an officer decided to be the owner under another
	// name.
	named, debtor := row, ""
	if slices.ContainsFunc(v.Eligibility.Findings, func(f patent.Finding) bool { return f.Code == "E01" && f.Outcome == patent.Met }) {
		if len(named.Owners) == 0 {
			named.Owners = []string{named.Borrower}
		}
		for _, names := range []*[]string{&named.Owners, &named.Pledgors} {
			if *names, err = dossier.KnownAs(ctx, db, actor.Institution, *names, v.State.Owners); err != nil {
				return v, d, err
			}
		}
	}
	if len(v.State.Owners) > 0 && !slices.ContainsFunc(v.State.Owners, func(o string) bool { return patent.SameName(o, row.Borrower) }) {
		known, err := dossier.KnownAs(ctx, db, actor.Institution, []string{row.Borrower}, v.State.Owners)
		if err != nil {
			return v, d, err
		}
		if known[0] != row.Borrower {
			debtor = known[0]
		}
	}
	if debtor != "" || !slices.Equal(named.Owners, row.Owners) || !slices.Equal(named.Pledgors, row.Pledgors) {
		again, err := view(named, debtor, d, on, service.Days())
		if err != nil {
			return v, d, err
		}
		v.Eligibility, v.Debtor = again.Eligibility, debtor
	}
	return v, d, nil
}

// request asks for the value of a row's patent.
func request(row *lending.Row, on calendar.Date, wait bool) appraisal.Request {
	req := appraisal.Request{
		Number: row.Number, Purpose: string(terms.PurposePledge), Date: on, Wait: wait, Borrower: row.Borrower,
		Patent: &appraisal.Facts{Kind: string(row.Kind), Filing: row.Filing, Grant: row.Grant, Owners: row.Owners},
	}
	if row.Title != "" {
		req.Text = &appraisal.Text{Title: row.Title}
	}
	if row.Revenue != nil && *row.Revenue > 0 {
		revenue := row.Revenue.Yuan()
		req.Income = &income.Facts{Current: &terms.Quantity{Value: &revenue, Source: "loan desk file, last year's product revenue"}}
		if row.Royalty != nil {
			req.Income.Royalty = &terms.Quantity{Value: row.Royalty, Source: "loan desk file"}
		}
	}
	return req
}

// view is what the desk needs of a draft.
func view(row lending.Row, debtor string, d *appraisal.Draft, on calendar.Date, days *calendar.Working) (v lending.Valued, err error) {
	c, p := &d.Conclusion, &d.Subject
	if row.Kind == "" {
		row.Kind = patent.Kind(p.Kind)
	}
	row.Title = cmp.Or(row.Title, p.Title)
	if row.Filing.IsZero() && !fromNumber(p) {
		row.Filing = p.Filing
	}
	if row.Grant.IsZero() {
		row.Grant = p.Grant
	}
	if len(row.Owners) == 0 {
		row.Owners = p.Owners
	}
	v = lending.Valued{Row: row, Debtor: debtor, Valuation: hex.EncodeToString(d.Valuation.Hash), FromRow: p.ID == 0, State: d.State}
	if err := figures(&v, c); err != nil {
		return v, err
	}
	if !row.Filing.IsZero() {
		v.Expiry = patent.Expiry(row.Kind, row.Filing, p.AddedBy(on))
	}
	if n, err := patent.ParseNumber(p.Number); err == nil {
		v.Key = n.Key()
	}
	v.Eligibility = patent.CheckPledge(pledgeFacts(&v, p, &d.Stored, on, days))
	v.Facts = sources(&v, p)
	v.Eligibility.Findings = slices.DeleteFunc(v.Eligibility.Findings, func(f patent.Finding) bool { return f.Outcome == patent.Clear })
	return v, nil
}

// figures takes what a conclusion says of the value, and nothing of the law.
func figures(v *lending.Valued, c *valuation.Conclusion) (err error) {
	v.Status, v.ReasonCode, v.Reason, v.Level, v.Calibration, v.Grade = c.Status, c.ReasonCode, "", c.Value.Level, c.Value.Calibration, c.Grade
	v.Point, v.Low, v.High, v.Forced = 0, 0, 0, 0
	v.Flags, v.Versions, v.DataCutoff, v.Methods, v.Comparables = c.Flags, c.Versions, c.DataCutoff, nil, nil
	if c.Reason != nil {
		v.Reason = c.Reason.Zh
	}
	point := c.Value.Median
	if c.Value.Point != nil {
		point = *c.Value.Point
	}
	if c.Status == valuation.Valued || c.Status == valuation.RangeOnly {
		for _, x := range []struct {
			to   *money.Fen
			from float64
		}{{&v.Point, point}, {&v.Low, c.Value.Low}, {&v.High, c.Value.High}, {&v.Forced, c.Lending.Forced}} {
			if *x.to, err = money.FromYuan(x.from); err != nil {
				return err
			}
		}
	}
	if v.Bases, err = byBasis(c); err != nil {
		return err
	}
	for i := range c.Approaches {
		if a := &c.Approaches[i]; a.Applicable {
			v.Methods = append(v.Methods, lending.Method{Name: a.ID, Value: a.Value, Weight: a.Weight})
		}
	}
	for i := range c.Comparables {
		v.Comparables = append(v.Comparables, c.Comparables[i].DealID)
	}
	return nil
}

// fromNumber reports whether a filing date is the first day of the year in the
// number, which stands for a day that is not known. A value may be reckoned
// from it; the term of protection may not, because a divisional keeps the
// earlier day of its parent.
func fromNumber(p *store.Patent) bool {
	n, err := patent.ParseNumber(p.Number)
	return err == nil && n.NamesApplication() && p.Filing == calendar.New(n.Year, time.January, 1)
}

// sources says of each ground that was answered on whose word it is: the row's
// alone, an event of the register, or the record in the store.
func sources(v *lending.Valued, p *store.Patent) (out []lending.Fact) {
	for _, f := range v.Eligibility.Findings {
		if f.Outcome == patent.Open {
			continue
		}
		x := lending.Fact{Code: f.Code, Source: lending.FromRegister, AsOf: v.State.LastSeen}
		switch {
		case slices.Contains(v.OnWord, f.Code), slices.Contains([]string{"E07", "E08", "E10", "E11"}, f.Code):
			x = lending.Fact{Code: f.Code, Source: lending.FromTheRow, AsOf: v.Row.RegisterAsOf}
		case f.Code == "E04", f.Code == "E06", v.State.LastSeen.IsZero():
			x = lending.Fact{Code: f.Code, Source: lending.FromImport, AsOf: p.SourceDate}
		}
		out = append(out, x)
	}
	return out
}

// byBasis sorts the figures of a conclusion by the bases that policies name. An
// appraiser of a pledge discounts the income that the borrower states, so both
// income bases are that figure; it is no price.
func byBasis(c *valuation.Conclusion) (out []lending.BasisValue, err error) {
	if c.Status != valuation.Valued && c.Status != valuation.RangeOnly {
		return nil, nil
	}
	for _, b := range c.Bases {
		var as []lending.ValueBasis
		switch {
		case b.Basis == terms.BasisMarket && b.Market == market.Private:
			as = []lending.ValueBasis{lending.MarketBare}
		case b.Basis == terms.BasisLiquidation:
			as = []lending.ValueBasis{lending.LiquidationNet}
		case b.Approach == "income" && (b.Basis == terms.BasisInUse || b.Basis == terms.BasisMarket):
			as = []lending.ValueBasis{lending.AppraisedIncome, lending.InUse}
		}
		for _, basis := range as {
			x := lending.BasisValue{Basis: basis}
			for _, y := range []struct {
				to   *money.Fen
				from float64
			}{{&x.Point, b.Value}, {&x.Low, b.Low}, {&x.High, b.High}} {
				if *y.to, err = money.FromYuan(y.from); err != nil {
					return nil, err
				}
			}
			if !slices.ContainsFunc(out, func(o lending.BasisValue) bool { return o.Basis == basis }) {
				out = append(out, x)
			}
		}
	}
	return out, nil
}

// pledgeFacts joins what is on file with what the row states, and notes what
// rests on the row alone. The row fills what the register's events on file do
// not say. It does not overrule them: where it says worse than they do, the
// ground is open until the register is seen again.
func pledgeFacts(v *lending.Valued, p, stored *store.Patent, on calendar.Date, days *calendar.Working) patent.PledgeFacts {
	s, row := &v.State, &v.Row
	paid, added := p.PaidThroughYear, p.AddedBy(on)
	stated := !row.RegisterAsOf.IsZero() && !row.RegisterAsOf.After(on)
	f := patent.PledgeFacts{Conflicts: map[string]string{}, Kind: row.Kind}
	word := func(code string) {
		if !slices.Contains(v.OnWord, code) {
			v.OnWord = append(v.OnWord, code)
		}
	}
	if s.Granted.IsZero() {
		if s.Granted = row.Grant; !row.Grant.IsZero() {
			word("E03")
		}
	}
	if len(s.Owners) == 0 {
		s.Owners = stored.Owners
		switch {
		case len(stored.Owners) > 0:
		case market.Contradicts(stored.OwnerType, row.Owners):
			f.Conflicts["E01"] = "库中记录的权利人不是这一类主体，与所填权利人不符"
		default:
			s.Owners = row.Owners
			word("E01")
		}
	}
	if len(s.Owners) > 1 {
		word("E08")
	}
	fill := func(code string, known *patent.Truth, said patent.Truth, zh string) {
		switch {
		case said == "":
		case *known == patent.DontSay || *known == "":
			if stated {
				*known = said
				word(code)
			} else if said == patent.Yes {
				f.Conflicts[code] = "所填为" + zh + "，没有注明日期"
			}
		case *known == patent.No && said == patent.Yes:
			f.Conflicts[code] = "所填为" + zh + "，与库中记录不符"
		}
	}
	fill("E09", &s.Pledged, row.Pledged, "已质押")
	fill("E05", &s.Preserved, row.Preserved, "有保全")
	fill("E11", &s.Challenged, row.Challenged, "有无效宣告请求")
	if row.PartlyVoid {
		s.PartlyVoid = true
		word("E12")
	}
	switch {
	case row.Standing == patent.Dead && s.Standing == patent.Unknown && stated:
		s.Standing, s.Reason, f.Ended = patent.Dead, row.Ended, row.RegisterAsOf
		word("E02")
	case row.Standing == patent.Dead && s.Standing != patent.Dead:
		f.Conflicts["E02"] = "所填为权利已失效，与库中记录不符"
	case row.Standing == patent.Pending && s.Standing == patent.Unknown && stated && row.Grant.IsZero():
		s.Standing, s.Since = patent.Pending, row.RegisterAsOf
		word("E03")
	case row.Standing == patent.Pending:
		f.Conflicts["E03"] = "所填为尚在审查，与授权公告日或库中记录不符"
	case s.Standing == patent.Unknown && stated && !row.Grant.IsZero() && !row.Grant.After(on):
		s.Standing, s.Since = patent.Alive, row.Grant
		word("E02")
	}
	if row.FeesPaidTo != nil && (paid == nil || *paid != *row.FeesPaidTo) {
		paid = row.FeesPaidTo
		word("E04")
	}
	if stored.Filing.IsZero() && !row.Filing.IsZero() {
		word("E06")
	}
	account := patent.FeeAccount{Kind: row.Kind, Filing: row.Filing, Granted: row.Grant, PaidThrough: paid, Added: added}
	pledgors := row.Owners
	if len(pledgors) == 0 && row.Borrower != "" {
		pledgors = []string{row.Borrower}
	}
	if slices.ContainsFunc(row.Pledgors, func(p string) bool {
		return !slices.ContainsFunc(s.Owners, func(o string) bool { return patent.SameName(o, p) })
	}) {
		pledgors = row.Pledgors // the column names one who owns nothing here
	}
	f.State, f.Expiry, f.Fees, f.Pledgors, f.Maturity = *s, v.Expiry, account.On(on, days), pledgors, row.Maturity
	f.Debtor = cmp.Or(v.Debtor, row.Borrower)
	f.CoOwnerConsent, f.Consents, f.Agreement, f.SoleOwner = row.CoConsent, row.Consents, row.Agreement, row.SoleOwner
	f.Contract = row.ContractStates
	f.Challenged, f.Twin, f.Declarations = row.Challenged, row.Twin, row.Declarations
	slices.Sort(v.OnWord)
	return f
}
