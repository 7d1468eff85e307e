package lending

import (
	"math"

	"zhijia/internal/calendar"
	"zhijia/internal/fault"
	"zhijia/internal/money"
	"zhijia/internal/patent"
)

// CoverPoint is the cover of a loan at one date.
type CoverPoint struct {
	Date    calendar.Date `json:"date"`
	Value   money.Fen     `json:"value"`   // median path
	Low     money.Fen     `json:"low"`     // the lower end on the same path
	Balance money.Fen     `json:"balance"` // of the loan
	LTV     *float64      `json:"ltv"`     // balance / value; nil without a value
	Cover   *float64      `json:"cover"`   // low / balance; nil without a balance
	Breach  bool          `json:"breach"`  // balance above the sum of value times ceiling
}

// CoverInput is a contract to look ahead on.
type CoverInput struct {
	On       calendar.Date `json:"on"`
	Maturity calendar.Date `json:"maturity"`
	Loan     money.Fen     `json:"loan"`
	Repay    string        `json:"repayment,omitempty"`   // bullet, or equal: the principal in equal parts at each date
	Step     int           `json:"step_months,omitempty"` // 0: 6

	Items   []CoverItem `json:"collateral"`
	Ceiling float64     `json:"ltv_ceiling,omitempty"` // of patents that name none
}

// CoverItem is one patent of the collateral.
type CoverItem struct {
	Number string        `json:"number"`
	Value  money.Fen     `json:"value"`
	Low    money.Fen     `json:"low"`
	Expiry calendar.Date `json:"expiry,omitzero"` // zero: unknown, the value is carried flat and counted as such

	Ceiling *float64 `json:"ltv_ceiling,omitempty"` // of this patent; nil: the contract's
}

// Forecast runs the cover of a loan down its life: a patent's value falls with
// the annuity of the time it has left, V(t) = V·(1-e^{-d·(T-t)})/(1-e^{-d·T}),
// the value of a level income at the discount rate d that ends with the right;
// nothing is left on the day it ends. It is a forecast of term running down
// and of nothing else: the market and the technology may move it further.
// unknown counts patents whose expiry is not known.
func Forecast(in CoverInput, discount float64) (points []CoverPoint, unknown int, err error) {
	if in.Step == 0 {
		in.Step = 6
	}
	switch {
	case !in.Maturity.After(in.On):
		return nil, 0, fault.New(fault.Invalid, "maturity.past", "到期日应晚于起算日。", "The maturity must lie after the start.")
	case in.Loan < 0 || in.Step < 1 || in.Repay != "bullet" && in.Repay != "equal" && in.Repay != "":
		return nil, 0, fault.New(fault.Invalid, "cover.input", "贷款金额、步长或还款方式有误（bullet 或 equal）。", "The loan, the step or the repayment (bullet or equal) is not valid.")
	case !(discount > 0 && discount < 1):
		return nil, 0, fault.New(fault.Invalid, "discount.range", "折现率应在 0 到 1 之间。", "The discount rate must lie between 0 and 1.")
	case len(in.Items) > 1000 || !(in.Ceiling >= 0 && in.Ceiling <= 1):
		return nil, 0, fault.New(fault.Invalid, "cover.items", "押品不得超过 1000 项，质押率上限应在 0 到 1 之间。", "At most 1,000 patents, and a ceiling between 0 and 1.")
	case in.On.YearsUntil(in.Maturity) > 60:
		return nil, 0, fault.New(fault.Invalid, "maturity.far", "期限不得超过 60 年。", "The loan may run 60 years at most.")
	}
	for _, x := range in.Items {
		if x.Expiry.IsZero() {
			unknown++
		}
		if x.Value < 0 || x.Low < 0 || x.Ceiling != nil && !(*x.Ceiling >= 0 && *x.Ceiling <= 1) {
			return nil, 0, fault.New(fault.Invalid, "cover.item", "押品估值不得为负，质押率上限应在 0 到 1 之间。", "A value may not be negative; a ceiling must lie between 0 and 1.")
		}
	}
	var dates []calendar.Date
	for k := 0; ; k++ {
		d := in.On.AddMonths(k * in.Step)
		if !d.Before(in.Maturity) {
			dates = append(dates, in.Maturity)
			break
		}
		dates = append(dates, d)
	}
	for k, at := range dates {
		p := CoverPoint{Date: at, Balance: in.Loan}
		if in.Repay == "equal" {
			p.Balance = in.Loan - in.Loan.MulRatio(int64(k), int64(len(dates)-1))
		}
		var lendable money.Fen
		for _, x := range in.Items {
			left := 1.0
			if !x.Expiry.IsZero() {
				left = TermLeft(in.On.YearsUntil(x.Expiry), at.YearsUntil(x.Expiry), discount)
			}
			ceiling := in.Ceiling
			if x.Ceiling != nil {
				ceiling = *x.Ceiling
			}
			value := x.Value.MulRate(left)
			p.Value += value
			p.Low += x.Low.MulRate(left)
			lendable += value.MulRate(ceiling)
		}
		if p.Value > 0 {
			x := float64(p.Balance) / float64(p.Value)
			p.LTV = &x
		}
		if p.Balance > 0 {
			x := float64(p.Low) / float64(p.Balance)
			p.Cover = &x
		}
		p.Breach = p.Balance > lendable
		points = append(points, p)
	}
	return points, unknown, nil
}

// TermLeft is the share of today's value left when the right has years left of
// the term it has today.
func TermLeft(today, left, discount float64) float64 {
	if left <= 0 || today <= 0 {
		return 0
	}
	d := math.Log1p(discount)
	return math.Expm1(-d*left) / math.Expm1(-d*today)
}

// Alert is a fall of a pledged patent's value that the desk must see.
type Alert struct {
	Level string    `json:"level"` // yellow, red
	Old   money.Fen `json:"old_value"`
	New   money.Fen `json:"new_value"`
	Fall  float64   `json:"fall"` // 1 - new / old
	Zh    string    `json:"zh"`
}

// Drop compares a patent's last value with its new one under the policy's
// thresholds; nil when neither is reached. A right that ended is a red alert.
func (p *Policy) Drop(old, now money.Fen) *Alert {
	if old <= 0 || now >= old {
		return nil
	}
	fall := old - max(now, 0)
	a := &Alert{Old: old, New: now, Fall: float64(fall) / float64(old)}
	switch {
	case fall >= old.MulRate(p.Red.Value):
		a.Level, a.Zh = "red", "估值下降达到红色预警线"
	case fall >= old.MulRate(p.Yellow.Value):
		a.Level, a.Zh = "yellow", "估值下降达到黄色预警线"
	default:
		return nil
	}
	return a
}

// Reference is what the book remembers of a patent between revaluations. Falls are
// measured against the base, not against the value before, so that a slow
// slide is seen like a sudden fall: the base is the value first recognised,
// rises with the value, and is taken anew when a red alert was raised.
type Reference struct {
	Base    money.Fen
	Alerted string // gravest level raised below this base: "", yellow, red
}

// Follow takes a new value in. The alert is nil when nothing new is to be
// told; rebased says that the base is now this value.
func (p *Policy) Follow(w Reference, now money.Fen) (_ Reference, alert *Alert, rebased bool) {
	if now > w.Base {
		return Reference{Base: now}, nil, true
	}
	a := p.Drop(w.Base, now)
	if a == nil || a.Level == w.Alerted {
		return w, nil, false
	}
	if a.Level == "red" {
		return Reference{Base: max(now, 0)}, a, true
	}
	w.Alerted = a.Level
	return w, a, false
}

// Condition is something about a booked loan that holds now and that the desk
// must have been told of once.
type Condition struct {
	Code  string `json:"code"` // breach, cover, expiry:NUMBER
	Kind  string `json:"kind"` // breach, cover, expiry
	Level string `json:"level"`
	Zh    string `json:"zh"`
}

// Standing returns the conditions of a loan as its collateral is valued today:
// the ceiling broken, a right that ends before the loan, the ceiling broken
// before the loan ends as the terms run down. discount 0 leaves the last out.
func Standing(in CoverInput, discount float64) (out []Condition) {
	var lendable money.Fen
	for _, x := range in.Items {
		ceiling := in.Ceiling
		if x.Ceiling != nil {
			ceiling = *x.Ceiling
		}
		lendable += x.Value.MulRate(ceiling)
	}
	broken := in.Loan > lendable
	if broken {
		out = append(out, Condition{"breach", "breach", "red", "合同抵质押率超过上限：余额" + in.Loan.String() + "元，押品可担保" + lendable.String() + "元"})
	}
	for _, x := range in.Items {
		if !x.Expiry.IsZero() && x.Value > 0 && !patent.OutlivesDebt(x.Expiry, in.Maturity) {
			out = append(out, Condition{"expiry:" + x.Number, "expiry", "red", x.Number + "：专利权" + x.Expiry.String() + "届满，不晚于贷款到期日" + in.Maturity.String()})
		}
	}
	if discount > 0 && !broken && in.Maturity.After(in.On) {
		points, _, err := Forecast(in, discount)
		if err != nil {
			return out // a term beyond any loan
		}
		for _, p := range points {
			if p.Breach {
				return append(out, Condition{"cover", "cover", "yellow", "随专利剩余期限缩短，预计" + p.Date.String() + "抵质押率超过上限"})
			}
		}
	}
	return out
}
