package harness

import (
	"context"
	"math"
	"strconv"

	"zhijia/internal/accuracy"
)

// lendingRate is the share of the lender's value that is lent in the lending
// task, yuan of loan per yuan: a plain half, the same for the product and the
// baselines, so that only the value differs.
const lendingRate = 0.5

// prepareLending asks what a pledge desk wants to know of a value: had a loan
// been granted on it, would the price the patent in fact fetched have covered
// the loan? The product lends on the lower bound of its range, the baselines
// on their figure, all at lendingRate.
func (s *Service) prepareLending(ctx context.Context, t Task) (*plan, error) {
	set, err := s.loadDeals(t.Dataset)
	if err != nil {
		return nil, err
	}
	cases := set.cases(t)
	m, err := s.Product.market(ctx, set)
	if err != nil {
		return nil, err
	}
	ids := make([]string, len(cases))
	for i, c := range cases {
		ids[i] = c.DealID
	}
	as := s.Product.assumptions()
	return &plan{
		dataset: DatasetID{Name: set.name, SHA256: set.hash}, cases: ids, close: m.drop, versions: map[string]string{"assumptions": as.Version},
		answer: func(ctx context.Context, i int) (Sample, error) {
			c := cases[i]
			v := set.look(t, c)
			x := Sample{Status: "ok", Cluster: c.Cluster, Title: c.Title, Values: map[string]float64{"price": c.price()}, Estimates: map[string]float64{}, Loss: map[string]float64{}}
			for _, name := range t.Baselines {
				if e, ok := baselines[name](c, v.visible); ok {
					x.Estimates[name] = lendingRate * e
				}
			}
			con, err := m.value(ctx, c, v)
			if err != nil {
				return x, err
			}
			if o := conclude(con); o.status != "ok" || con.Lending.LowerBound <= 0 {
				x.Status, x.Reason = "abstained", o.reason
				return x, nil
			}
			x.Estimates["product"] = lendingRate * con.Lending.LowerBound
			x.Loss["regret"] = regret(x.Estimates["product"], c.price())
			return x, nil
		},
		summarise: func(samples []Sample, opt accuracy.Options) (*Summary, error) {
			return summariseLending(t, samples, opt)
		},
	}, nil
}

// regret is what a loan on a patent that fetches price costs, as a share of
// the price: the uncovered part of the loan, or the credit not given that the
// price would have carried at lendingRate, a tenth as bad.
func regret(loan, price float64) float64 {
	return math.Max(0, loan-price)/price + 0.1*math.Max(0, lendingRate*price-loan)/price
}

func summariseLending(t Task, samples []Sample, opt accuracy.Options) (*Summary, error) {
	sum := countStatuses(samples)
	table := Table{
		Title:   "Loans at half the value 按价值五成放款",
		Header:  []string{"lends on", "n", "loan above the price", "median loan / price", "uncovered share of money lent", "regret"},
		Caption: "The product lends on the lower bound of its range, the baselines on their figure. Loan above the price: the sale would not have repaid it. Regret: uncovered loan plus a tenth of the safe credit not given, in shares of the price. A sold patent is a favourable case: most pledged patents are not sold at all.",
	}
	for _, series := range append([]string{"product"}, t.Baselines...) {
		var over, lent, uncovered float64
		var ratio, regrets []float64
		k := 0
		for _, x := range samples {
			loan, ok := x.Estimates[series]
			if !ok {
				continue
			}
			price := x.Values["price"]
			k++
			lent += loan
			uncovered += math.Max(0, loan-price)
			if loan > price {
				over++
			}
			ratio = append(ratio, loan/price)
			regrets = append(regrets, regret(loan, price))
		}
		if k == 0 {
			continue
		}
		share, err := accuracy.ClopperPearson(int(over), k, 0.95)
		if err != nil {
			return nil, err
		}
		r, err := accuracy.MeanFigure(regrets, nil, opt)
		if err != nil {
			return nil, err
		}
		sum.add(series, "uncovered_loan_rate", k, share)
		sum.add(series, "regret", k, r)
		name := seriesNames[series]
		table.Rows = append(table.Rows, []string{name, strconv.Itoa(k), percent(share), short(accuracy.Median(ratio)), short(100*uncovered/lent) + "%", number(r)})
	}
	sum.Tables = append(sum.Tables, table)
	return sum, nil
}
