package pool

import (
	"errors"
	"math"
	"math/bits"

	"zhijia/internal/calendar"
	"zhijia/internal/money"
)

// maxDues bounds one receivable's schedule.
const maxDues = 600

func (a *Asset) checkSchedule(cutOff calendar.Date) error {
	if a.Amortise == "schedule" {
		if len(a.Schedule) == 0 || len(a.Schedule) > maxDues {
			return errors.New("schedule must have 1 to 600 dues")
		}
		var sum money.Fen
		last := cutOff
		for i, d := range a.Schedule {
			if d.Date.Before(last) || i == 0 && d.Date == cutOff || d.Principal < 0 || d.Interest < 0 {
				return errors.New("dues must be after the cut-off, in date order and not negative")
			}
			last = d.Date
			sum += d.Principal
		}
		if sum != a.Principal {
			return errors.New("principal dues must sum to the outstanding principal")
		}
		if monthsBetween(cutOff, last) > maxDues {
			return errors.New("dues run beyond 600 months")
		}
		return nil
	}
	switch a.Amortise {
	case "bullet", "level", "equal_principal":
	default:
		return errors.New("amortise must be bullet, level, equal_principal or schedule")
	}
	if !a.Maturity.After(cutOff) {
		return errors.New("maturity must be after the cut-off")
	}
	switch a.EveryMonth {
	case 1, 3, 6, 12:
	default:
		return errors.New("every_months must be 1, 3, 6 or 12")
	}
	if monthsBetween(cutOff, a.Maturity) > maxDues {
		return errors.New("maturity is beyond 600 months")
	}
	return nil
}

// monthsBetween counts the months from a to b, rounded up.
func monthsBetween(a, b calendar.Date) int {
	n := (b.Year-a.Year)*12 + int(b.Month) - int(a.Month)
	if a.AddMonths(n).Before(b) {
		n++
	}
	return n
}

// Dues returns the contractual payments after the cut-off, in date order.
// Instalment dates count back from maturity in steps of EveryMonth; interest
// of a full step is balance·rate·months/12, of a first broken step
// balance·rate·days/365; "level" is the annuity payment of the remaining
// whole steps. Principal dues sum to the outstanding principal exactly.
func (a *Asset) Dues(cutOff calendar.Date) []Due {
	if a.Amortise == "schedule" {
		return a.Schedule
	}
	n := 0
	for a.Maturity.AddMonths(-n * a.EveryMonth).After(cutOff) {
		n++
	}
	first := a.Maturity.AddMonths(-(n - 1) * a.EveryMonth)
	step := a.Rate * float64(a.EveryMonth) / 12
	var level money.Fen
	if a.Amortise == "level" {
		annuity := 1 / float64(n)
		if step > 0 {
			annuity = step / (1 - math.Pow(1+step, -float64(n)))
		}
		level = money.Fen(mulDiv(int64(a.Principal), scaled(annuity), rateScale))
	}
	of := func(f money.Fen, rate float64) money.Fen { return money.Fen(mulDiv(int64(f), scaled(rate), rateScale)) }
	dues := make([]Due, n)
	balance := a.Principal
	for k := range n {
		d := Due{Date: a.Maturity.AddMonths(-(n - 1 - k) * a.EveryMonth)}
		d.Interest = of(balance, step)
		if k == 0 && first.AddMonths(-a.EveryMonth) != cutOff {
			d.Interest = of(balance, a.Rate*float64(cutOff.DaysUntil(first))/365)
		}
		switch {
		case k == n-1:
			d.Principal = balance
		case a.Amortise == "level":
			d.Principal = min(balance, max(0, level-of(balance, step)))
		case a.Amortise == "equal_principal":
			d.Principal = min(balance, money.Fen(mulDiv(int64(a.Principal), 1, int64(n))))
		}
		balance -= d.Principal
		dues[k] = d
	}
	return dues
}

// periods is the payment-period grid of a deal: payment t falls on the scheduled
// day of period t.
func (d *Deal) periods() int {
	n := 1
	for i := range d.Assets {
		dues := d.Assets[i].Dues(d.CutOff)
		n = max(n, d.periodOf(dues[len(dues)-1].Date)+1)
	}
	every := d.Structure.every()
	n += (d.Credit.LagMonths + every - 1) / every
	if r := d.Structure.Revolving; r != nil {
		n += r.Periods + r.TermPeriods
	}
	for _, t := range d.Structure.Tranches {
		n = max(n, t.Maturity)
	}
	return n
}

// periodOf maps a due date to its payment period; dues between the cut-off and
// the end of the first collection period belong to the first.
func (d *Deal) periodOf(date calendar.Date) int {
	t := max(0, monthsBetween(d.collected(0), date)/d.Structure.every()-1)
	for d.collected(t).Before(date) {
		t++
	}
	return t
}

// contract is one receivable on the period grid, before any default.
type contract struct {
	principal, interest []int64 // due per period, fen
	open                []int64 // balance at the start of each period, fen
}

func (d *Deal) contracts(periods int) []contract {
	out := make([]contract, len(d.Assets))
	for i := range d.Assets {
		c := contract{make([]int64, periods), make([]int64, periods), make([]int64, periods)}
		for _, due := range d.Assets[i].Dues(d.CutOff) {
			t := d.periodOf(due.Date)
			c.principal[t] += int64(due.Principal)
			c.interest[t] += int64(due.Interest)
		}
		balance := int64(d.Assets[i].Principal)
		for t := range periods {
			c.open[t] = balance
			balance -= c.principal[t]
		}
		out[i] = c
	}
	return out
}

// mulDiv returns a·b/c rounded half up for a, b ≥ 0, c > 0 and a result that
// fits int64, exact in between.
func mulDiv(a, b, c int64) int64 {
	hi, lo := bits.Mul64(uint64(a), uint64(b))
	if hi == 0 && lo < math.MaxInt64 {
		return int64((lo + uint64(c)/2) / uint64(c))
	}
	q, r := bits.Div64(hi, lo, uint64(c))
	if r >= uint64(c)-r {
		q++
	}
	return int64(q)
}

// rateScale is the denominator of integer rates: twelve decimals.
const rateScale = 1_000_000_000_000

// scaled turns a decimal rate into an integer over rateScale.
func scaled(rate float64) int64 { return int64(math.Round(rate * rateScale)) }
