package formula

import (
	"math"
	"strconv"

	"zhijia/internal/valuation/terms"
)

// The formulas of a purchase price allocation, and the cost floor of a secret.
// They serve the reporting purpose and are not approaches of an opinion.
var allocationMethods = []Method{
	{
		Name: "purchase_price_allocation", Summary: "goodwill: the price less the net assets identified", Unit: "yuan", Formula: "price - (tangible + Σ intangibles - liabilities)", Source: "IFRS 3.32",
		Inputs: []Input{
			num("price", "yuan", "consideration paid", "purchase_price"), opt("tangible", "yuan", "0", "fair value", "tangible_assets"),
			{Name: "intangibles", Aliases: []string{"intangible_assets"}, Type: "numbers", Unit: "yuan", Default: "none", Doc: "fair values"},
			opt("liabilities", "yuan", "0", "assumed", "assumed_liabilities"),
		},
		eval: evalAllocation,
		note: "a negative value is a gain from a bargain purchase (IFRS 3.34)",
	},
	{
		Name: "deferred_tax_liability", Summary: "deferred tax on a step-up", Unit: "yuan", Formula: "(Σ fair_values - tax_basis)·rate", Source: "IAS 12.19",
		Inputs: []Input{
			{Name: "fair_values", Aliases: []string{"fair_value"}, Type: "numbers", Unit: "yuan", Doc: "of the assets"},
			opt("tax_basis", "yuan", "0", "of the same assets", "basis"), num("rate", "rate", "income tax, [0, 1]", "tax_rate", "tax"),
		},
		eval: evalDeferredTax,
	},
	{
		Name: "trade_secret", Summary: "cost of a secret against the advantage it protects", Unit: "yuan", Formula: "max(cost, cost/n·AF(r, n)·p^m)", Source: "cost floor, standards 2.6",
		Inputs: []Input{
			num("development_cost", "yuan", "", "cost"), num("economic_life", "years", "n"), num("competitive_advantage_period", "years", "m"),
			inDiscount, num("secrecy_probability", "rate", "chance a year that it stays secret, [0, 1]", "p"),
		},
		eval: evalSecret,
		note: "the second term is below the cost for every positive rate, so this is the cost floor; it is no measure of the advantage",
	},
}

func evalAllocation(in *inputs) (float64, []terms.Working, map[string]float64) {
	price, tangible, liabilities := in.num("price", nonNeg, 0), in.num("tangible", nonNeg, 0), in.num("liabilities", nonNeg, 0)
	w := []terms.Working{{Key: "price", Value: price, Unit: "yuan"}, {Key: "tangible", Value: tangible, Unit: "yuan"}}
	net := tangible - liabilities
	if in.has("intangibles") {
		for i, x := range in.list("intangibles", nonNeg) {
			net += x
			w = append(w, terms.Working{Key: "intangible." + strconv.Itoa(i+1), Value: x, Unit: "yuan"})
		}
	}
	w = append(w, terms.Working{Key: "liabilities", Value: liabilities, Unit: "yuan"},
		terms.Working{Key: "net_assets", Value: net, Unit: "yuan", Formula: "tangible + Σ intangibles - liabilities"},
		terms.Working{Key: "value", Value: price - net, Unit: "yuan", Formula: "price - net_assets"})
	return price - net, w, map[string]float64{"net_assets": net}
}

func evalDeferredTax(in *inputs) (float64, []terms.Working, map[string]float64) {
	basis, rate := in.num("tax_basis", nonNeg, 0), in.num("rate", fraction, 0)
	var w []terms.Working
	total := 0.0
	for i, x := range in.list("fair_values", nonNeg) {
		total += x
		w = append(w, terms.Working{Key: "fair_value." + strconv.Itoa(i+1), Value: x, Unit: "yuan"})
	}
	w = append(w, terms.Working{Key: "step_up", Value: total - basis, Unit: "yuan", Formula: "Σ fair_values - tax_basis"},
		terms.Working{Key: "value", Value: (total - basis) * rate, Unit: "yuan", Formula: "step_up·rate"})
	return (total - basis) * rate, w, map[string]float64{"step_up": total - basis}
}

func evalSecret(in *inputs) (float64, []terms.Working, map[string]float64) {
	cost, life := in.num("development_cost", nonNeg, 0), in.num("economic_life", bound{lo: 0, hi: 1000, openLo: true}, 1)
	advantage, r, p := in.num("competitive_advantage_period", yearsBound, 0), in.num("discount_rate", rateBound, 0), in.num("secrecy_probability", fraction, 1)
	income := cost / life * terms.AnnuityFactor(r, life) * math.Pow(p, advantage)
	return max(cost, income), []terms.Working{
		{Key: "cost", Value: cost, Unit: "yuan"},
		{Key: "advantage", Value: income, Unit: "yuan", Formula: "cost/n·AF(r, n)·p^m"},
		{Key: "value", Value: max(cost, income), Unit: "yuan", Formula: "max(cost, advantage)"},
	}, map[string]float64{"advantage": income}
}
