package desk

import (
	"cmp"
	"context"
	"encoding/hex"
	"slices"

	"zhijia/internal/appraisal"
	"zhijia/internal/calendar"
	"zhijia/internal/dossier"
	"zhijia/internal/fault"
	"zhijia/internal/lending"
	"zhijia/internal/money"
	"zhijia/internal/patent"
	"zhijia/internal/store"
	"zhijia/internal/valuation"
	"zhijia/internal/valuation/income"
	"zhijia/internal/valuation/terms"
)

// Value values one row as of a day and answers the grounds of its pledge.
// Nothing is stored: the draft is.
func Value(ctx context.Context, db *store.DB, service *appraisal.Service, actor appraisal.Actor, row lending.Row, on calendar.Date) (lending.Valued, *appraisal.Draft, error) {
	d, err := service.Draft(ctx, actor, request(&row, on))
	switch {
	case fault.KindOf(err) == fault.NotFound && row.Title == "":
		return lending.Valued{}, nil, fault.New(fault.Invalid, "row.unknown_patent", "库中没有该专利，请填写专利名称后按所填内容估值。", "The patent is not in the store; give its title to have it valued from what the row says.")
	case err != nil:
		return lending.Valued{}, nil, err
	}
	v, err := view(row, d, on)
	if err != nil {
		return v, d, err
	}
	// A pledgor that an officer decided to be the owner under another name.
	if i := slices.IndexFunc(v.Eligibility.Findings, func(f patent.Finding) bool { return f.Code == "E01" && f.Outcome == patent.Met }); i >= 0 {
		named := row
		if len(named.Owners) == 0 {
			named.Owners = []string{named.Borrower}
		}
		known, err := dossier.KnownAs(ctx, db, actor.Institution, named.Owners, v.State.Owners)
		if err != nil {
			return v, d, err
		}
		if !slices.Equal(known, named.Owners) {
			named.Owners = known
			again, err := view(named, d, on)
			if err != nil {
				return v, d, err
			}
			v.Eligibility = again.Eligibility
		}
	}
	return v, d, nil
}

// request asks for the value of a row's patent.
func request(row *lending.Row, on calendar.Date) appraisal.Request {
	req := appraisal.Request{
		Number: row.Number, Purpose: string(terms.PurposePledge), Date: on,
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
func view(row lending.Row, d *appraisal.Draft, on calendar.Date) (v lending.Valued, err error) {
	c, p := &d.Conclusion, &d.Subject
	if row.Kind == "" {
		row.Kind = patent.Kind(p.Kind)
	}
	row.Title = cmp.Or(row.Title, p.Title)
	if row.Filing.IsZero() {
		row.Filing = p.Filing
	}
	if row.Grant.IsZero() {
		row.Grant = p.Grant
	}
	if len(row.Owners) == 0 {
		row.Owners = p.Owners
	}
	v = lending.Valued{
		Row: row, Valuation: hex.EncodeToString(d.Valuation.Hash), Status: c.Status, ReasonCode: c.ReasonCode, Level: c.Value.Level,
		Calibration: c.Value.Calibration, Grade: c.Grade, Flags: c.Flags, Versions: c.Versions, DataCutoff: c.DataCutoff, FromRow: p.ID == 0,
		Expiry: patent.Expiry(row.Kind, row.Filing, p.AddedBy(on)), State: d.State,
	}
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
				return v, err
			}
		}
	}
	for i := range c.Approaches {
		if a := &c.Approaches[i]; a.Applicable {
			v.Methods = append(v.Methods, lending.Method{Name: a.ID, Value: a.Value, Weight: a.Weight})
		}
	}
	for i := range c.Comparables {
		v.Comparables = append(v.Comparables, c.Comparables[i].DealID)
	}
	v.Eligibility = patent.CheckPledge(pledgeFacts(&v, p.Owners, p.PaidThroughYear, p.AddedBy(on), on))
	v.Eligibility.Findings = slices.DeleteFunc(v.Eligibility.Findings, func(f patent.Finding) bool { return f.Outcome == patent.Clear })
	return v, nil
}

// pledgeFacts joins what is on file with what the row states. The file's
// answers fill what the register's events on file do not say; they do not
// overrule them.
func pledgeFacts(v *lending.Valued, owners []string, paid *int, added int, on calendar.Date) patent.PledgeFacts {
	s, row := &v.State, &v.Row
	stated := !row.RegisterAsOf.IsZero() && !row.RegisterAsOf.After(on)
	if s.Granted.IsZero() {
		s.Granted = row.Grant
	}
	if len(s.Owners) == 0 {
		s.Owners = owners
	}
	fill := func(known *patent.Truth, said patent.Truth) {
		if *known == patent.DontSay && said != "" && stated {
			*known = said
		}
	}
	fill(&s.Pledged, row.Pledged)
	fill(&s.Preserved, row.Preserved)
	fill(&s.Challenged, row.Challenged)
	if s.Standing == patent.Unknown && stated && !row.Grant.IsZero() && !row.Grant.After(on) {
		s.Standing, s.Since = patent.Alive, row.Grant
	}
	if row.FeesPaidTo != nil {
		paid = row.FeesPaidTo
	}
	account := patent.FeeAccount{Kind: row.Kind, Filing: row.Filing, Granted: row.Grant, PaidThrough: paid, Added: added}
	pledgors := row.Owners
	if len(pledgors) == 0 && row.Borrower != "" {
		pledgors = []string{row.Borrower}
	}
	return patent.PledgeFacts{
		State: *s, Expiry: v.Expiry, Fees: account.On(on), Pledgors: pledgors, Maturity: row.Maturity,
		CoOwnerConsent: row.CoConsent, Challenged: row.Challenged, Declarations: row.Declarations,
	}
}
