package valuation

import (
	"math"
	"testing"

	"zhijia/internal/valuation/income"
	"zhijia/internal/valuation/market"
	"zhijia/internal/valuation/terms"
)

// marketBench is a subject with 50 admitted comparables.
func marketBench() (Assumptions, Assignment, Evidence) {
	ev := someEvidence(50)
	return DefaultAssumptions(), anAssignment(), ev
}

// Admission of 50 deals, their solution and one price: the bar is 300 µs and
// 100 allocations.
func BenchmarkMarket50(b *testing.B) {
	as, asg, ev := marketBench()
	b.ReportAllocs()
	for b.Loop() {
		deals, _, _ := as.admit(ev.Comparables, asg.Date)
		v, err := market.Solve(as.Prices, deals, asg.Date.Year)
		if err != nil {
			b.Fatal(err)
		}
		v.Price(market.Question{Labels: market.Ordinary(market.Private, "firm", "invention")})
	}
}

// Relief from royalty on 10,000 paths of six uncertain inputs: the bar is 5 ms.
func BenchmarkReliefFromRoyalty10000(b *testing.B) {
	as, asg := DefaultAssumptions(), anAssignment()
	f := someIncome()
	f.Growth, f.EconomicLife, f.Discount, f.Royalty = terms.Range(-.1, 0, .1), terms.Range(3, 6, 9), terms.Range(.1, .15, .22), terms.Range(.01, .02, .03)
	bu := as.Discount.Build(.025, nil)
	in := income.Resolve(income.Subject{Date: asg.Date, Legal: 11.4, Licence: math.Inf(1)}, f, &as.Income, &as.Royalty, &as.Discount, income.TableScore{R: .5}, &bu)
	b.ReportAllocs()
	for b.Loop() {
		in.Simulate(income.ReliefFromRoyalty, nil, 10000, 1)
	}
}

func BenchmarkConclude50(b *testing.B) {
	as, asg, ev := marketBench()
	ev.Income, ev.Indicators = someIncome(), everyScore(60, terms.ByModel)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := Conclude(asg, ev, as); err != nil {
			b.Fatal(err)
		}
	}
}
