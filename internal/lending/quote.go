package lending

import (
	"fmt"
	"math"
	"math/big"
	"slices"
	"strconv"

	"zhijia/internal/calendar"
	"zhijia/internal/fault"
	"zhijia/internal/money"
)

// times multiplies an amount by decimal rates as written, exactly, and rounds
// once, half away from zero. Rates must be finite.
func times(f money.Fen, num, den int64, rates ...float64) money.Fen {
	x := new(big.Rat).Mul(new(big.Rat).SetInt64(int64(f)), big.NewRat(num, den))
	for _, rate := range rates {
		r, ok := new(big.Rat).SetString(strconv.FormatFloat(rate, 'f', -1, 64))
		if !ok {
			panic("lending: a rate that is not finite") // checked by the callers
		}
		x.Mul(x, r)
	}
	half := big.NewRat(1, 2)
	if x.Sign() < 0 {
		half.Neg(half)
	}
	x.Add(x, half)
	return money.Fen(new(big.Int).Quo(x.Num(), x.Denom()).Int64())
}

// QuoteInput is a loan to be insured or guaranteed. The probability of default
// is the bank's own figure: nothing here makes one.
type QuoteInput struct {
	Loan      money.Fen  `json:"loan" doc:"Exposure at default: the principal outstanding, yuan."`
	PD        *float64   `json:"pd" minimum:"0" maximum:"1" doc:"Probability of default over the term, the bank's own figure."`
	LGD       *float64   `json:"lgd,omitempty" minimum:"0" maximum:"1" doc:"Loss given default. Default: what the forced sale of the collateral leaves unpaid."`
	Forced    *money.Fen `json:"forced_sale,omitempty" doc:"Forced-sale value of the collateral, yuan; needed without an LGD."`
	Share     *float64   `json:"insured_share,omitempty" minimum:"0" maximum:"1" doc:"Part of a loss the insurer or guarantor bears. Default: the scheme's, where there is one; it must be the scheme's where both are given."`
	Agreement *Scheme    `json:"own,omitempty" doc:"How the parties share the loss, instead of a preset."`
}

// Quote is what an insurer or guarantor needs of a loan. The premium is its
// own affair.
type Quote struct {
	LGD          float64   `json:"lgd"`
	LGDBasis     string    `json:"lgd_basis"`     // bank; collateral: 1 - forced-sale value / loan
	ExpectedLoss money.Fen `json:"expected_loss"` // PD·LGD·EAD
	SumInsured   money.Fen `json:"sum_insured"`   // share of the principal, never above it
	InsuredLoss  money.Fen `json:"insured_loss"`  // PD·LGD·EAD·s
	OwnLoss      money.Fen `json:"own_loss"`      // the rest; the two sum to the expected loss
	Parties      []Payment `json:"parties,omitempty"`
}

// Quote returns the expected loss EL = PD·LGD·EAD·s of a loan (ip-finance 1,
// row 5), rounded once to the fen, and how a scheme, nil for none, spreads it.
func (in QuoteInput) Quote(scheme *Scheme, on calendar.Date) (q Quote, err error) {
	share := func(field string, x float64) {
		if !(x >= 0 && x <= 1) && err == nil { // also refuses NaN
			err = fault.New(fault.Invalid, "rate.range", "违约概率、违约损失率和承保比例应在 0 到 1 之间。", "PD, LGD and the insured share must lie between 0 and 1.", fault.Field{Field: field, Code: "rate.range", Zh: "应在 0 到 1 之间", En: "must lie between 0 and 1"})
		}
	}
	switch {
	case in.PD == nil:
		return q, fault.New(fault.Invalid, "pd.missing", "违约概率须由银行提供，本系统不对借款人评分。", "The probability of default is the bank's to give; this service does not score borrowers.")
	case in.Loan < 0 || in.Loan > money.Max || in.Forced != nil && (*in.Forced < 0 || *in.Forced > money.Max):
		return q, fault.New(fault.Invalid, "claim.amount", "金额不得为负或超出范围。", "Amounts may not be negative or out of range.")
	case in.LGD == nil && in.Forced == nil:
		return q, fault.New(fault.Invalid, "lgd.missing", "请填写违约损失率，或押品的快速变现价值。", "Give the loss given default, or the forced-sale value of the collateral.")
	}
	share("pd", *in.PD)
	insured, err2 := in.insured(scheme)
	if err == nil {
		err = err2
	}
	share("insured_share", insured)
	// The loss given default stays an exact fraction of the loan.
	loss := in.Loan
	if in.LGD != nil {
		share("lgd", *in.LGD)
		q.LGD, q.LGDBasis = *in.LGD, "bank"
	} else {
		loss = max(0, in.Loan-*in.Forced)
		q.LGDBasis = "collateral"
		if in.Loan > 0 {
			q.LGD = float64(loss) / float64(in.Loan)
		}
	}
	if err != nil {
		return Quote{}, err
	}
	rates := []float64{*in.PD}
	if in.LGD != nil {
		rates = append(rates, *in.LGD)
	}
	q.ExpectedLoss = times(loss, 1, 1, rates...)
	q.InsuredLoss = times(loss, 1, 1, append(rates, insured)...)
	q.OwnLoss = q.ExpectedLoss - q.InsuredLoss
	q.SumInsured = times(in.Loan, 1, 1, insured)
	if scheme != nil {
		s, err := scheme.Share(Claim{Principal: q.ExpectedLoss}, on)
		if err != nil {
			return Quote{}, err
		}
		q.Parties = s.Payments
		if who := scheme.insurer(); who != "" { // one figure, as the parties' shares are rounded
			for _, p := range q.Parties {
				if p.Party == who {
					q.InsuredLoss, q.OwnLoss = p.Bears, q.ExpectedLoss-p.Bears
				}
			}
		}
	}
	return q, nil
}

// insurer is the party of a scheme whose part of a loss is the insured share: the
// insurer, or the guarantor where no insurer takes part.
func (s *Scheme) insurer() string {
	for _, who := range []string{"insurer", "guarantor"} {
		if slices.ContainsFunc(s.Shares, func(x Share) bool { return x.Party == who }) {
			return who
		}
	}
	return ""
}

// insured is the insured share of a quote. One that contradicts the scheme is
// refused: the insurer cannot bear two parts of one loss.
func (in *QuoteInput) insured(scheme *Scheme) (float64, error) {
	agreed, who := 0.0, ""
	if scheme != nil && scheme.Whole > 0 {
		who = scheme.insurer()
		for _, x := range scheme.Shares {
			if x.Party == who {
				agreed = float64(x.Parts) / float64(scheme.Whole)
			}
		}
	}
	if in.Share == nil {
		return agreed, nil
	}
	if scheme != nil && math.Abs(*in.Share-agreed) > 1e-9 {
		zh, en := fmt.Sprintf("承保比例 %g 与方案 %s 不符：方案中保险人（担保人）承担 %g；请改为该比例，或不填。", *in.Share, scheme.ID, agreed), fmt.Sprintf("The insured share %g is not that of the scheme %s, %g: give that, or leave it out.", *in.Share, scheme.ID, agreed)
		if who == "" {
			zh, en = "方案 "+scheme.ID+" 没有保险人或担保人，不能另填承保比例；请不填，或不选方案。", "The scheme "+scheme.ID+" has no insurer or guarantor: leave the insured share or the scheme out."
		}
		return 0, fault.New(fault.Invalid, "quote.share", zh, en, fault.Field{Field: "insured_share", Code: "quote.share", Zh: fmt.Sprintf("应为 %g", agreed), En: fmt.Sprintf("must be %g", agreed)})
	}
	return *in.Share, nil
}

// SubsidyInput is interest a scheme pays a part of.
type SubsidyInput struct {
	Balance money.Fen     `json:"balance" doc:"Of the loan over the period, yuan."`
	Rate    float64       `json:"rate" minimum:"0" maximum:"1" doc:"Interest a year."`
	From    calendar.Date `json:"from" doc:"First day interest accrues."`
	To      calendar.Date `json:"to" doc:"Day it is paid to; this day does not count."`
	Ratio   float64       `json:"ratio" minimum:"0" maximum:"1" doc:"Part of the interest the scheme pays."`
	Cap     *money.Fen    `json:"cap,omitempty" doc:"Most the scheme pays for this loan and period, yuan."`

	SchemeFrom  calendar.Date `json:"scheme_from,omitzero" doc:"Interest before this day is not subsidised."`
	SchemeUntil calendar.Date `json:"scheme_until,omitzero" doc:"Interest after this day is not subsidised."`
	Source      string        `json:"source" minLength:"1" maxLength:"500" doc:"Of the scheme's figures."`
}

// Subsidy is the interest subsidy of a loan.
type Subsidy struct {
	Days     int       `json:"days"`     // subsidised
	Interest money.Fen `json:"interest"` // over those days
	Amount   money.Fen `json:"amount"`
	Capped   bool      `json:"capped"`
	Source   string    `json:"source"`
}

// Subsidy returns balance·rate·days/365·ratio (ip-finance 1, row 26) for the
// days that lie in the scheme's time, rounded once to the fen, at most the cap.
func (in SubsidyInput) Subsidy() (Subsidy, error) {
	for _, x := range []float64{in.Rate, in.Ratio} {
		if !(x >= 0 && x <= 1) {
			return Subsidy{}, fault.New(fault.Invalid, "rate.range", "利率和贴息比例应在 0 到 1 之间。", "The rate and the ratio must lie between 0 and 1.")
		}
	}
	switch {
	case in.Balance < 0 || in.Balance > money.Max || in.Cap != nil && *in.Cap < 0:
		return Subsidy{}, fault.New(fault.Invalid, "claim.amount", "金额不得为负或超出范围。", "Amounts may not be negative or out of range.")
	case !in.To.After(in.From) || in.From.YearsUntil(in.To) > 60:
		return Subsidy{}, fault.New(fault.Invalid, "subsidy.period", "计息截止日应晚于起息日，且不超过 60 年。", "The period must end after it begins and last 60 years at most.")
	case in.Source == "":
		return Subsidy{}, fault.New(fault.Invalid, "subsidy.source", "须注明贴息方案的来源。", "Name the source of the scheme.")
	}
	from, to := in.From, in.To
	if in.SchemeFrom.After(from) {
		from = in.SchemeFrom
	}
	if !in.SchemeUntil.IsZero() && in.SchemeUntil.AddDays(1).Before(to) {
		to = in.SchemeUntil.AddDays(1)
	}
	if !to.After(from) {
		return Subsidy{}, fault.New(fault.Invalid, "subsidy.closed", "计息期内该贴息方案未施行或已到期。", "The scheme was not in force at any time of the period.")
	}
	s := Subsidy{Days: from.DaysUntil(to), Source: in.Source}
	s.Interest = times(in.Balance, int64(s.Days), 365, in.Rate)
	s.Amount = times(in.Balance, int64(s.Days), 365, in.Rate, in.Ratio)
	if in.Cap != nil && s.Amount > *in.Cap {
		s.Amount, s.Capped = *in.Cap, true
	}
	return s, nil
}
