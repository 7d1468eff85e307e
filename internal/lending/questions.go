package lending

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"zhijia/internal/calendar"
	"zhijia/internal/money"
	"zhijia/internal/patent"
)

// Three questions are answered apart: may the right be pledged
// ([Decision.Pledgeable]), what does it cover if it is sold ([Sale]), and what
// carries the repayment ([Repay]).

// Sale is what the collateral of a contract covers if it is sold: the patents
// that may serve, each once.
type Sale struct {
	Market      *money.Fen `json:"market"`          // bare rights sold in the market; nil: no value of that basis
	Liquidation *money.Fen `json:"liquidation_net"` // sold in liquidation, net of costs
	Cover       *float64   `json:"cover"`           // liquidation / loan; nil without either
}

// Repay is what carries the repayment: the income of the rights after tax, as
// the value in use spreads it over the time that they have left.
type Repay struct {
	InUse money.Fen   `json:"in_use"` // present value of that income
	Years []RepayYear `json:"years"`  // of the loan, the last one to its maturity
}

// RepayYear is one year of a loan.
type RepayYear struct {
	Until  calendar.Date `json:"until"`
	Income money.Fen     `json:"income"` // after tax, of the year
	Cover  *float64      `json:"cover"`  // income since the start / loan; nil without a loan
}

// SchemeShare is what the parties of a scheme would bear of the uncovered part
// if all of it were lost.
type SchemeShare struct {
	Scheme  string    `json:"scheme"`
	Name    string    `json:"name"`
	Label   string    `json:"label"`
	Parties []Payment `json:"parties"`
}

// pledgeable answers the first question from the statutory reasons.
func (b *book) pledgeable(i int) patent.Truth {
	if b.batch[i].Fault != nil {
		return patent.DontSay
	}
	may := patent.Yes
	for _, r := range b.rows[i].Reasons {
		switch {
		case r.Basis != Statutory:
		case r.Severity == Refuses:
			return patent.No
		case r.Severity == Supplements:
			may = patent.DontSay
		}
	}
	return may
}

// threeQuestions answers the second and the third for a contract, and says who
// would share what no collateral covers.
func (b *book) threeQuestions(c *Contract, rows []int) {
	sum := func(basis ValueBasis) (total *money.Fen) {
		for _, i := range rows {
			v := &b.batch[i]
			if !b.rows[i].Counted || len(v.Bases) == 0 {
				continue
			}
			if w, has := v.on(basis); has {
				if total == nil {
					total = new(money.Fen)
				}
				*total += w.Point
			}
		}
		return total
	}
	s := Sale{Market: sum(MarketBare), Liquidation: sum(LiquidationNet)}
	if s.Liquidation != nil && c.Loan > 0 {
		x := float64(*s.Liquidation) / float64(c.Loan)
		s.Cover = &x
	}
	if s.Market != nil || s.Liquidation != nil {
		c.Sale = &s
	}
	b.repayment(c, rows)
	if c.Uncovered > 0 {
		for _, x := range Schemes() {
			if out, err := x.Share(Claim{Principal: c.Uncovered}, b.on); err == nil {
				c.Shared = append(c.Shared, SchemeShare{x.ID, x.Name, x.Label, out.Payments})
			}
		}
	}
}

// repayment spreads the value in use over the years of the loan as a level
// income that ends with the right, V·d/(1-e^{-d·T}) a year, d continuous (yuan
// a year; the inverse of the run-down of [Forecast], at the same rate).
func (b *book) repayment(c *Contract, rows []int) {
	rate := b.o.Policy.CoverDiscount
	if rate == nil || !c.Maturity.After(b.on) || b.on.YearsUntil(c.Maturity) > 60 {
		return
	}
	type stream struct{ a, left float64 } // yuan a year, years
	var streams []stream
	var r Repay
	d := math.Log1p(rate.Value)
	for _, i := range rows {
		v := &b.batch[i]
		if !b.rows[i].Counted || len(v.Bases) == 0 || v.Expiry.IsZero() {
			continue
		}
		w, has := v.on(InUse)
		left := b.on.YearsUntil(v.Expiry)
		if !has || left <= 0 {
			continue
		}
		r.InUse += w.Point
		streams = append(streams, stream{w.Point.Yuan() * d / -math.Expm1(-d*left), left})
	}
	if len(streams) == 0 {
		return
	}
	earned := func(from, to float64) (yuan float64) {
		for _, s := range streams {
			yuan += s.a * max(0, min(to, s.left)-from)
		}
		return yuan
	}
	total, from := 0.0, 0.0
	for year := 1; from < b.on.YearsUntil(c.Maturity); year++ {
		until := b.on.AddYears(year)
		if until.After(c.Maturity) {
			until = c.Maturity
		}
		to := b.on.YearsUntil(until)
		income, err := money.FromYuan(earned(from, to))
		if err != nil || to <= from {
			return
		}
		total += income.Yuan()
		y := RepayYear{Until: until, Income: income}
		if c.Loan > 0 {
			x := total / c.Loan.Yuan()
			y.Cover = &x
		}
		r.Years, from = append(r.Years, y), to
	}
	c.Repay = &r
}

var partyZh = map[string]string{"bank": "银行", "fund": "补偿基金", "insurer": "保险", "valuer": "评估机构", "guarantor": "担保机构", "government": "政府"}

// Zh returns what a scheme's parties would bear in Chinese.
func (s *SchemeShare) Zh() string {
	var parts []string
	for _, p := range s.Parties {
		name := partyZh[p.Party]
		if name == "" {
			name = p.Party
		}
		parts = append(parts, fmt.Sprintf("%s%s元", name, p.Bears))
	}
	return s.Name + "：" + strings.Join(parts, "、")
}

// sharedZh names the scheme under which the bank would bear least, for the
// evidence of a reason; the contract lists all.
func sharedZh(all []SchemeShare) string {
	if len(all) == 0 {
		return ""
	}
	bank := func(s SchemeShare) money.Fen {
		for _, p := range s.Parties {
			if p.Party == Bank {
				return p.Bears
			}
		}
		return 0
	}
	s := slices.MinFunc(all, func(a, b SchemeShare) int { return int(min(max(bank(a)-bank(b), -1), 1)) })
	return "；如全部损失并适用" + s.Zh() + "（历史报道的方案，须先确认在本地有效）"
}
