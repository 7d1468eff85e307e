package formula

// num, opt and friends keep the table below one line per input.
func num(name, unit, doc string, aliases ...string) Input {
	return Input{Name: name, Aliases: aliases, Type: "number", Unit: unit, Doc: doc}
}

func opt(name, unit, def, doc string, aliases ...string) Input {
	return Input{Name: name, Aliases: aliases, Type: "number", Unit: unit, Default: def, Doc: doc}
}

var methods = append([]Method{
	{
		Name: "relief_from_royalty", Summary: "relief from royalty 许可费节省法", Unit: "yuan",
		Formula: "Σ revenue·royalty·(1-tax)·DF, times 1/(1 - T·AF(k, n)/n) with tab", Source: "IVS 210; standards 2.3, 4.2",
		Inputs: append([]Input{inputFlows("revenue", "revenues", "revenue_projections"), num("royalty_rate", "rate", "fraction of revenue", "royalty"), inDiscount, inTax}, reliefOptions...),
		eval:   evalRelief,
	},
	{
		Name: "implied_royalty_rate", Summary: "royalty at which relief from royalty gives a value", Unit: "rate", Formula: "RFR(royalty) = value", Source: "inverse of relief_from_royalty",
		Inputs: append([]Input{num("value", "yuan", "to be met"), inputFlows("revenue", "revenues", "revenue_projections"), inDiscount, inTax}, reliefOptions...), eval: evalImpliedRoyalty,
	},
	{
		Name: "implied_discount_rate", Summary: "discount rate at which relief from royalty gives a value", Unit: "rate", Formula: "RFR(k) = value", Source: "inverse of relief_from_royalty",
		Inputs: append([]Input{num("value", "yuan", "to be met"), inputFlows("revenue", "revenues", "revenue_projections"), num("royalty_rate", "rate", "fraction of revenue", "royalty"), inTax}, reliefOptions...), eval: evalImpliedDiscount,
	},
	{
		Name: "break_even_revenue", Summary: "multiple of the forecast at which relief from royalty gives a value", Unit: "ratio", Formula: "RFR(x·revenue) = value", Source: "inverse of relief_from_royalty",
		Inputs: append([]Input{num("value", "yuan", "to be met"), inputFlows("revenue", "revenues", "revenue_projections"), num("royalty_rate", "rate", "fraction of revenue", "royalty"), inDiscount, inTax}, reliefOptions...), eval: evalBreakEven,
	},
	{
		Name: "mpeem", Summary: "multi-period excess earnings 多期超额收益法", Unit: "yuan",
		Formula: "Σ (cash flow - charges)·(1-tax)·DF, times the TAB factor", Source: "IVS 210; standards 4.2",
		Inputs: []Input{
			inputFlows("cash_flows", "cash_flow_projections"),
			{Name: "total_cac", Aliases: []string{"contributory_asset_charges", "cac"}, Type: "numbers", Unit: "yuan", Doc: "contributory asset charges by year, or one for all"},
			inDiscount, inTax, inTab, inTabLife, inConv, inFraction,
			{Name: "useful_life", Aliases: []string{"life"}, Type: "integer", Unit: "years", Default: "the years given", Doc: "default tax amortisation life"},
			opt("attrition", "rate", "0", "per year"),
		},
		eval: evalMPEEM,
	},
	{
		Name: "single_period_excess_earnings", Summary: "capitalised excess earnings", Unit: "yuan", Formula: "(E - Σ charges)/cap_rate", Source: "capitalisation of earnings, Brealey-Myers-Allen ch. 2",
		Inputs: []Input{num("normalized_earnings", "yuan", "of a normal year", "earnings"), {Name: "total_cac", Aliases: []string{"contributory_asset_charges", "cac"}, Type: "numbers", Unit: "yuan", Default: "none", Doc: "charges"}, num("cap_rate", "rate", "above 0", "capitalization_rate")},
		eval:   evalSingle,
	},
	{
		Name: "contributory_asset_charges", Summary: "charges for contributory assets", Unit: "yuan", Formula: "Σ value·return", Source: "IVS 210; standards 4.2",
		Inputs: []Input{{Name: "assets", Type: "rows", Doc: "[name, value, return] or {name, value, return}"}}, eval: evalCharges,
	},
	{
		Name: "incremental_cash_flow", Summary: "with-and-without 增量收益法", Unit: "yuan", Formula: "Σ (with - without)·DF", Source: "IVS 210; standards 4.2",
		Inputs: []Input{inputFlows("with_asset", "cash_flows_with", "with"), inputFlows("without_asset", "cash_flows_without", "without"), inDiscount, inConv, inFraction}, eval: evalIncremental,
	},
	{
		Name: "tax_amortization_benefit", Summary: "tax saved by amortising a given value (not the step-up factor)", Unit: "yuan", Formula: "value·T·AF(k, n)/n", Source: "standards 4.3",
		Inputs: []Input{num("asset_value", "yuan", "amortised value", "value"), inDiscount, num("useful_life", "years", "amortisation life", "life", "n", "tab_life"), inTax}, eval: evalTABAmount,
	},
	{
		Name: "reproduction_cost", Summary: "cost of the same thing again, less obsolescence", Unit: "yuan", Formula: "Σ costs·(1-functional)(1-technological)(1-economic); form additive: 1 - Σ", Source: "standards 2.6",
		Inputs: append([]Input{
			opt("labor", "yuan", "0", "", "labour"), opt("materials", "yuan", "0", ""), opt("overhead", "yuan", "0", ""), opt("expenses", "yuan", "0", ""), opt("fees", "yuan", "0", ""), opt("opportunity", "yuan", "0", "", "opportunity_cost"), opt("profit", "yuan", "0", "", "developer_profit"), opt("other", "yuan", "0", ""),
			{Name: "development_costs", Aliases: []string{"costs"}, Type: "object", Default: "none", Doc: "named costs"},
		}, obsolescenceInputs...),
		eval: evalReproduction,
	},
	{
		Name: "replacement_cost", Summary: "cost of the same use by present means, less obsolescence", Unit: "yuan", Formula: "cost·(1-functional)(1-technological)(1-economic); form additive: 1 - Σ", Source: "standards 2.6",
		Inputs: append([]Input{num("current_cost", "yuan", "", "cost")}, obsolescenceInputs...), eval: evalReplacement,
	},
	{
		Name: "market_comparables", Summary: "median of revenue multiples", Unit: "yuan", Formula: "median of price/revenue·(1+adjustment)·subject_revenue", Source: "guideline transactions, IVS 103",
		Inputs: []Input{{Name: "comparables_price_revenue", Aliases: []string{"comparables"}, Type: "rows", Doc: "[price, revenue] or {price, revenue}"}, num("subject_revenue", "yuan", ""), {Name: "adjustments", Type: "object", Default: "none", Doc: "by index from 0, as a fraction"}}, eval: evalComparables,
	},
	{
		Name: "royalty_capitalization", Summary: "perpetual royalty", Unit: "yuan", Formula: "revenue·royalty/(r - growth)", Source: "perpetuity, Brealey-Myers-Allen ch. 2",
		Inputs: []Input{num("revenue", "yuan", "a year"), num("royalty_rate", "rate", "", "royalty"), inDiscount, opt("growth", "rate", "0", "per year", "g")}, eval: evalCapitalise,
	},
	{
		Name: "present_value", Summary: "present value of one amount", Unit: "yuan", Formula: "fv·(1+r)^-n", Source: "Brealey-Myers-Allen ch. 2",
		Inputs: []Input{num("fv", "yuan", "", "future_value", "cf"), num("r", "rate", "", "discount_rate", "rate"), num("n", "years", "", "periods", "years")}, eval: evalPV,
	},
	{
		Name: "annuity_pv", Summary: "present value of a level annuity", Unit: "yuan", Formula: "pmt·(1-(1+r)^-n)/r", Source: "Brealey-Myers-Allen ch. 2",
		Inputs: []Input{num("pmt", "yuan", "at each year end", "payment", "cf"), num("r", "rate", "", "discount_rate", "rate"), num("n", "years", "", "periods", "years")}, eval: evalAnnuity,
	},
	{
		Name: "growing_annuity_pv", Summary: "present value of a growing annuity", Unit: "yuan", Formula: "pmt·(1-((1+g)/(1+r))^n)/(r-g)", Source: "Brealey-Myers-Allen ch. 2",
		Inputs: []Input{num("pmt", "yuan", "at the end of year 1", "payment", "cf", "first_payment"), num("r", "rate", "", "discount_rate", "rate"), num("g", "rate", "per year", "growth", "growth_rate"), num("n", "years", "", "periods", "years")}, eval: evalGrowing,
	},
	{
		Name: "terminal_value", Summary: "terminal value by growth or by multiple", Unit: "yuan", Formula: "cf·(1+g)/(r-g), or cf·exit_multiple", Source: "Gordon growth, Brealey-Myers-Allen ch. 4",
		Inputs: []Input{num("cf", "yuan", "of the last year", "final_year_cashflow", "final_cash_flow", "cash_flow", "fcf"), opt("g", "rate", "required by gordon_growth", "below r", "growth", "growth_rate", "perpetual_growth_rate"), opt("r", "rate", "required by gordon_growth", "", "discount_rate", "rate"), {Name: "method", Type: "text", Default: "gordon_growth", Doc: "gordon_growth or exit_multiple"}, opt("exit_multiple", "ratio", "none", "", "multiple")}, eval: evalTerminal,
	},
	{
		Name: "build_up_discount_rate", Summary: "build-up discount rate 风险累加法", Unit: "rate", Formula: "r_f + Σ premia", Source: "standards 2.5",
		Inputs: []Input{
			num("rf", "rate", "risk-free", "risk_free_rate", "risk_free", "r_f"), opt("erp", "rate", "0", "equity risk premium", "equity_risk_premium", "equity_premium", "market_risk_premium", "mrp"), opt("size", "rate", "0", "", "size_premium", "sp"),
			opt("industry", "rate", "0", "", "industry_risk_premium", "industry_premium", "irp", "industry_risk"), opt("specific", "rate", "0", "company or asset", "specific_risk_premium", "specific_premium", "company_specific", "company_specific_premium", "company_specific_risk_premium", "company", "csrp", "srp", "specific_risk", "alpha"),
			opt("country", "rate", "0", "", "country_risk_premium", "crp"), opt("currency", "rate", "0", "", "currency_risk_premium"),
			{Name: "premiums", Aliases: []string{"premia"}, Type: "object", Default: "none", Doc: "further named premia"},
		},
		eval: evalBuildUp,
	},
	{
		Name: "wacc", Summary: "weighted average cost of capital", Unit: "rate", Formula: "E/V·ke + D/V·kd·(1-tax)", Source: "Brealey-Myers-Allen ch. 9",
		Inputs: []Input{num("E", "yuan", "equity", "equity", "equity_value"), num("D", "yuan", "debt", "debt", "debt_value"), num("ke", "rate", "cost of equity", "cost_of_equity", "re"), num("kd", "rate", "cost of debt before tax", "cost_of_debt", "rd"), {Name: "tax", Aliases: []string{"tax_rate", "t"}, Type: "number", Unit: "rate", Doc: "[0, 1]"}, opt("P", "yuan", "0", "preferred", "preferred", "preferred_value"), opt("kp", "rate", "0", "cost of preferred", "cost_of_preferred")}, eval: evalWACC,
	},
	{
		Name: "patent_risk_adjusted_pv", Summary: "probability-weighted present value within the remaining life", Unit: "yuan", Formula: "p·Σ_{t ≤ life} cf·DF", Source: "expected cash flow, IVS 103",
		Inputs: []Input{{Name: "remaining_life", Aliases: []string{"life"}, Type: "integer", Unit: "years", Doc: "flows beyond it are dropped"}, inputFlows("cash_flows", "cash_flow_projections"), num("probability_of_success", "rate", "[0, 1]", "pos", "probability"), inDiscount, inConv, inFraction}, eval: evalPatentPV,
	},
	{
		Name: "patent_portfolio", Summary: "sum of members less a concentration discount", Unit: "yuan", Formula: "Σ value·(1 - factor·HHI)", Source: "Herfindahl-Hirschman concentration; the peer's form",
		Inputs: []Input{{Name: "patents", Type: "rows", Doc: "{value, category} or [value, category]"}, opt("diversification_factor", "ratio", "0.1", "[0, 1]", "factor")}, eval: evalPortfolio,
	},
	{
		Name: "real_option_black_scholes", Summary: "right to develop as a call option", Unit: "yuan", Formula: "S·e^(-qT)·Φ(d1) - X·e^(-rT)·Φ(d2)", Source: "Black, Scholes 1973; Merton 1973",
		Inputs: []Input{num("exercise_cost", "yuan", "cost to develop", "strike", "X", "K"), num("expected_value", "yuan", "of the developed product", "S", "V"), num("volatility", "rate", "per root year", "sigma"), num("time_to_expiry", "years", "", "T", "years"), num("risk_free_rate", "rate", "continuous", "rf", "r"), opt("cost_of_delay", "rate", "0", "per year", "q", "dividend_yield")}, eval: evalOption,
	},
	{
		Name: "profit_split", Summary: "royalty amount by contributions", Unit: "yuan", Formula: "profit·licensor/(licensor + licensee)", Source: "OECD Transfer Pricing Guidelines ch. II",
		Inputs: []Input{num("total_profit", "yuan", "", "profit", "combined_profit"), num("licensor_contribution", "ratio", "", "licensor_contribution_pct", "licensor", "licensor_share", "licensor_pct", "ip_contribution"), opt("licensee_contribution", "ratio", "1 - licensor_contribution", "", "licensee_contribution_pct", "licensee", "licensee_share", "licensee_pct"), opt("net_sales", "yuan", "none", "gives the royalty rate", "revenue")}, eval: evalProfitSplit,
	},
	{
		Name: "analytical_method", Summary: "present value of a margin advantage", Unit: "yuan", Formula: "margin·volume·AF(r, life)", Source: "TWM v. Dura analytical approach (recalled); annuity",
		Inputs: []Input{num("advantage_margin", "rate", "profit advantage", "margin"), num("volume", "yuan", "sales a year"), inDiscount, num("life", "years", "", "economic_life", "n", "useful_life")}, eval: evalAnalytical,
	},
	{
		Name: "twenty_five_percent_rule", Summary: "rule of thumb: a quarter of the profit", Unit: "yuan", Formula: "25%·profit·attribution", Source: "Goldscheider; standards 2.4",
		Inputs: []Input{num("profit", "yuan", "licensee's expected", "licensee_expected_profit"), opt("attribution", "rate", "1", "share due to the right", "profit_attribution_to_ip", "profit_attribution")}, eval: evalRule25,
		note: "a rule of thumb, refused as evidence of a royalty by US courts (Uniloc v. Microsoft, recalled); never used in a conclusion",
	},
	{
		Name: "adjust_royalty_rate", Summary: "base royalty times factors", Unit: "rate", Formula: "base_rate·Π factors", Source: "product of coefficients, standards 2.7",
		Inputs: []Input{
			num("base_rate", "rate", "", "base", "base_royalty_rate", "royalty_rate"),
			{Name: "adjustment_factors", Aliases: []string{"factors", "adjustments", "multipliers"}, Type: "object", Default: "none", Doc: "named multipliers"},
			opt("profit_margin", "ratio", "1", ""), opt("exclusivity", "ratio", "1", ""), opt("market_conditions", "ratio", "1", ""), opt("term", "ratio", "1", ""), opt("geographic_scope", "ratio", "1", ""),
		},
		eval: evalAdjustRoyalty,
	},
}, allocationMethods...)

var reliefOptions = []Input{
	{Name: "useful_life", Aliases: []string{"life"}, Type: "integer", Unit: "years", Default: "the years of revenue", Doc: "years counted; not more than revenue covers"},
	inTab, inTabLife, inConv, inFraction, opt("share_decay", "rate", "0", "yearly fall of the share", "decay"), opt("hazard", "rate", "0", "lapse and invalidation per year; survival e^(-hazard·time)"),
}

var obsolescenceInputs = []Input{
	opt("functional", "rate", "0", "functional obsolescence, [0, 1]"), opt("technological", "rate", "0", "technological obsolescence, [0, 1]"), opt("economic", "rate", "0", "economic obsolescence, [0, 1]"),
	{Name: "obsolescence_factors", Aliases: []string{"obsolescence"}, Type: "object", Default: "none", Doc: "the three together"},
	{Name: "form", Type: "text", Default: "multiplicative", Doc: "multiplicative or additive"},
}
