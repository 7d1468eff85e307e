package pool

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"zhijia/internal/calendar"
)

// stepKind is one kind of payment of the deed's order.
type stepKind uint8

const (
	stepTax stepKind = iota
	stepFees
	stepLiquidity
	stepInterest
	stepPrincipal
	stepReserve
)

// step is one line of the order: what is paid, and to which classes together.
type step struct {
	kind    stepKind
	classes []int
}

// Steps writes the order in which cash is paid before acceleration, or after
// it. A step is "tax", "fees", "liquidity" (cost and repayment of the line),
// "interest:A" or "principal:A" by the name of the class, "interest:A1+A2" for
// classes that share in proportion, and "reserve". What is left goes to the
// subordinated tranche.
func (s *Structure) Steps(accelerated bool) []string {
	given := s.Order
	if accelerated {
		given = s.AfterOrder
	}
	if len(given) > 0 {
		return slices.Clone(given)
	}
	out := []string{"tax", "fees"}
	if s.Liquidity != nil {
		out = append(out, "liquidity")
	}
	notes := s.Tranches[:max(0, len(s.Tranches)-1)]
	for _, t := range notes {
		out = append(out, "interest:"+t.Name)
		if accelerated {
			out = append(out, "principal:"+t.Name)
		}
	}
	if accelerated {
		return out
	}
	for _, t := range notes {
		out = append(out, "principal:"+t.Name)
	}
	return append(out, "reserve")
}

// steps reads an order; every class must be paid interest and principal once.
func (s *Structure) steps(given []string, accelerated bool) ([]step, error) {
	if len(given) == 0 {
		return s.usual(accelerated), nil
	}
	var out []step
	seen := map[string]bool{}
	for _, text := range given {
		what, names, _ := strings.Cut(text, ":")
		x := step{}
		switch what {
		case "tax":
			x.kind = stepTax
		case "fees":
			x.kind = stepFees
		case "liquidity":
			x.kind = stepLiquidity
		case "reserve":
			x.kind = stepReserve
		case "interest":
			x.kind = stepInterest
		case "principal":
			x.kind = stepPrincipal
		default:
			return nil, fmt.Errorf("step %.40q is not one of tax, fees, liquidity, interest:NAME, principal:NAME, reserve", text)
		}
		if x.kind == stepInterest || x.kind == stepPrincipal {
			for _, name := range strings.Split(names, "+") {
				k := slices.IndexFunc(s.Tranches, func(t Tranche) bool { return t.Name == name })
				if k < 0 || k == len(s.Tranches)-1 {
					return nil, fmt.Errorf("step %.40q names no class before the subordinated one", text)
				}
				x.classes = append(x.classes, k)
				if seen[what+name] {
					return nil, fmt.Errorf("%s of %.40q stands twice", what, name)
				}
				seen[what+name] = true
			}
		} else if seen[what] {
			return nil, fmt.Errorf("step %q stands twice", what)
		}
		seen[what] = true
		out = append(out, x)
	}
	for _, t := range s.Tranches[:len(s.Tranches)-1] {
		if !seen["interest"+t.Name] || !seen["principal"+t.Name] {
			return nil, fmt.Errorf("interest or principal of class %.40q is missing", t.Name)
		}
	}
	if !seen["tax"] || !seen["fees"] || s.Liquidity != nil && !seen["liquidity"] {
		return nil, errors.New("tax, fees and the liquidity line, where there is one, must be in the order")
	}
	return out, nil
}

// usual is the order of most deeds; classes go by position, whatever their names.
func (s *Structure) usual(accelerated bool) []step {
	out := []step{{kind: stepTax}, {kind: stepFees}}
	if s.Liquidity != nil {
		out = append(out, step{kind: stepLiquidity})
	}
	for k := range len(s.Tranches) - 1 {
		out = append(out, step{stepInterest, []int{k}})
		if accelerated {
			out = append(out, step{stepPrincipal, []int{k}})
		}
	}
	if accelerated {
		return out
	}
	for k := range len(s.Tranches) - 1 {
		out = append(out, step{stepPrincipal, []int{k}})
	}
	return append(out, step{kind: stepReserve})
}

func (s *Structure) checkCoupon(t *Tranche) error {
	if t.DayCount != "" {
		if _, err := t.DayCount.Years(calendar.New(2026, 1, 1), calendar.New(2026, 2, 1)); err != nil {
			return err
		}
	}
	if _, ok := s.Indices[t.Index]; t.Index != "" && !ok {
		return fmt.Errorf("the structure has no index %.40q", t.Index)
	}
	for _, list := range [][]RatePoint{t.StepUp, s.Indices[t.Index]} {
		for _, x := range list {
			if x.From.IsZero() || !(x.Rate > -1 && x.Rate < 1) {
				return errors.New("a rate needs a day and a value between -1 and 1")
			}
		}
	}
	if p := t.Put; p != nil && (p.Period < 1 || !(p.Share > 0 && p.Share <= 1)) {
		return errors.New("a put needs a period from 1 and a share up to 1")
	}
	return nil
}

// rateOn is the last rate of a list that began by a day; def when none did.
func rateOn(list []RatePoint, on calendar.Date, def float64) float64 {
	var best calendar.Date
	for _, x := range list {
		if !x.From.After(on) && !x.From.Before(best) {
			best, def = x.From, x.Rate
		}
	}
	return def
}

// couponOf is the interest of a class for period t as a share of its balance,
// over rateScale. A floating rate is set at the start of the period; a rate
// below nought counts as nought.
func (d *Deal) couponOf(tr *Tranche, t int) (int64, error) {
	from, to := d.accrual(t)
	rate := rateOn(tr.StepUp, from, tr.Coupon)
	if tr.Index != "" {
		points := d.Structure.Indices[tr.Index]
		if len(points) == 0 || !slices.ContainsFunc(points, func(x RatePoint) bool { return !x.From.After(from) }) {
			return 0, badScenario("indices", fmt.Sprintf("index %.40q has no rate on %s", tr.Index, from))
		}
		rate += rateOn(points, from, 0)
	}
	if tr.Floor != nil {
		rate = max(rate, *tr.Floor)
	}
	if tr.Cap != nil {
		rate = min(rate, *tr.Cap)
	}
	years := float64(d.Structure.every()) / 12
	by := tr.DayCount
	if by == "" && t == 0 && d.Closing.AddMonths(d.Structure.every()) != to {
		by = calendar.Actual365 // a first odd period
	}
	if by != "" {
		var err error
		if years, err = by.Years(from, to); err != nil {
			return 0, err
		}
	}
	return scaled(max(0, rate) * years), nil
}

// scheduled is the payment day of period t before it is moved.
func (d *Deal) scheduled(t int) calendar.Date {
	if first := d.Structure.FirstPay; !first.IsZero() {
		return first.AddMonths(t * d.Structure.every())
	}
	return d.Closing.AddMonths((t + 1) * d.Structure.every())
}

// accrual is the stretch of interest of period t, from the first day to the day
// after the last.
func (d *Deal) accrual(t int) (from, to calendar.Date) {
	if t == 0 {
		return d.Closing, d.scheduled(0)
	}
	return d.scheduled(t - 1), d.scheduled(t)
}

// collected is the last day of the collection period of payment period t.
func (d *Deal) collected(t int) calendar.Date {
	return d.scheduled(t).AddDays(-d.Structure.CollectionLag)
}

// days is the calendar of trading days: the operator's, or the shipped one.
func (d *Deal) days() *calendar.Working {
	if d.Days != nil {
		return d.Days
	}
	return calendar.Shipped()
}

// PayDate is the payment date of period t, moved by the deed's convention. A
// day whose closures are not on record is not moved.
func (d *Deal) PayDate(t int) calendar.Date {
	day := d.scheduled(t)
	if moved, err := d.days().Roll(day, d.Structure.Roll); err == nil {
		return moved
	}
	return day
}

// Determination is the day on which period t is worked out (计算日), by trading
// days before the payment; the payment date itself where the deed names none.
func (d *Deal) Determination(t int) (calendar.Date, error) {
	pay := d.PayDate(t)
	if d.Structure.DeterminationDays == 0 {
		return pay, nil
	}
	open, err := d.days().NextTradingDay(pay)
	if err != nil {
		return calendar.Date{}, err
	}
	return d.days().AddTradingDays(open, -d.Structure.DeterminationDays)
}
