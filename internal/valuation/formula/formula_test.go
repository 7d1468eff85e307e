package formula

import (
	"encoding/json"
	"errors"
	"math"
	"os"
	"strings"
	"testing"

	"zhijia/internal/fault"
)

// near reports whether got is within rel of want.
func near(got, want, rel float64) bool {
	return got == want || math.Abs(got-want) <= rel*math.Max(math.Abs(want), 1e-300)
}

type formulaCases struct {
	Cases []struct {
		ID, Method string
		Inputs     json.RawMessage
		Value      float64
	}
	Defects []struct {
		ID    string
		Wrong float64
		Why   string
	}
}

func TestFormulaCases(t *testing.T) {
	t.Parallel()
	b, err := os.ReadFile("testdata/formula_cases.json")
	if err != nil {
		t.Fatal(err)
	}
	var fc formulaCases
	if err := json.Unmarshal(b, &fc); err != nil {
		t.Fatal(err)
	}
	got := map[string]float64{}
	for _, c := range fc.Cases {
		r, err := Compute(c.Method, c.Inputs)
		if err != nil {
			t.Errorf("%s: %v", c.ID, err)
			continue
		}
		got[c.ID] = r.Value
		if !near(r.Value, c.Value, 1e-6) {
			t.Errorf("%s: %v, want %v", c.ID, r.Value, c.Value)
		}
		if len(r.Workings) == 0 {
			t.Errorf("%s: no workings", c.ID)
		}
	}
	// The peer's wrong figures must not be reproduced.
	for _, d := range fc.Defects {
		if near(got[d.ID], d.Wrong, 1e-6) {
			t.Errorf("%s reproduces a published error (%s): %v", d.ID, d.Why, d.Wrong)
		}
	}
	if len(fc.Cases) < 27 || len(fc.Defects) < 2 {
		t.Errorf("%d cases, %d defects", len(fc.Cases), len(fc.Defects))
	}
}

// TestMethodsBySecondSource recomputes each formula another way.
func TestMethodsBySecondSource(t *testing.T) {
	t.Parallel()
	sum := func(n int, f func(i int) float64) (s float64) {
		for i := 1; i <= n; i++ {
			s += f(i)
		}
		return s
	}
	for _, c := range []struct {
		method, in string
		want       float64
	}{
		{"growing_annuity_pv", `{"pmt":100000,"r":0.1,"g":0.03,"n":10}`, sum(10, func(i int) float64 { return 1e5 * math.Pow(1.03, float64(i-1)) / math.Pow(1.1, float64(i)) })},
		{"growing_annuity_pv", `{"payment":100000,"discount_rate":0.1,"growth_rate":0.1,"periods":10}`, sum(10, func(i int) float64 { return 1e5 * math.Pow(1.1, float64(i-1)) / math.Pow(1.1, float64(i)) })},
		{"growing_annuity_pv", `{"pmt":100,"r":0.05,"g":0.1,"n":3}`, 100/1.05 + 110/(1.05*1.05) + 121/(1.05*1.05*1.05)},
		{"annuity_pv", `{"pmt":10,"r":0,"n":7}`, 70},
		{"annuity_pv", `{"pmt":10,"r":0.18,"n":12}`, sum(12, func(i int) float64 { return 10 / math.Pow(1.18, float64(i)) })},
		{"terminal_value", `{"cf":1400000,"g":0.03,"r":0.12,"exit_multiple":8,"method":"exit_multiple"}`, 11200000},
		{"build_up_discount_rate", `{"risk_free_rate":0.03,"equity_risk_premium":0.06,"size_premium":0.02,"industry_risk_premium":0.01,"specific_risk_premium":0.03}`, 0.15},
		{"build_up_discount_rate", `{"rf":0.03,"erp":0.06,"premiums":{"liquidity":0.02}}`, 0.11},
		{"profit_split", `{"licensor_contribution_pct":0.4,"licensee_contribution_pct":0.6,"total_profit":10000000}`, 4e6},
		{"profit_split", `{"licensor":0.2,"licensee":0.3,"profit":1000}`, 400},
		{"adjust_royalty_rate", `{"base_rate":0.05,"adjustment_factors":{"profit_margin":1.2,"exclusivity":1.3}}`, 0.078},
		{"adjust_royalty_rate", `{"base_rate":0.05,"profit_margin":1.2,"exclusivity":1.3}`, 0.078},
		{"reproduction_cost", `{"labor":400000,"materials":150000,"overhead":100000,"functional":0.15,"technological":0.20,"economic":0.05}`, 419900},
		{"reproduction_cost", `{"development_costs":{"labor":400000,"materials":150000,"overhead":100000},"obsolescence_factors":{"functional":0.15,"technological":0.20,"economic":0.05}}`, 419900},
		{"reproduction_cost", `{"labor":400000,"functional":0.1,"technological":0.2,"economic":0.05,"form":"additive"}`, 400000 * 0.65},
		{"replacement_cost", `{"current_cost":350000,"functional":0.1,"economic":0.05}`, 299250},
		{"market_comparables", `{"comparables_price_revenue":[[5000000,2000000],[8000000,3000000],[12000000,4000000]],"subject_revenue":2500000}`, 6666666.666666667},
		{"market_comparables", `{"comparables":[{"sale_price":4,"revenue":2,"asset_type":"patent"},{"sale_price":9,"revenue":3}],"subject_revenue":10,"adjustments":{"0":0.5}}`, 30},
		{"tax_amortization_benefit", `{"asset_value":1000000,"discount_rate":0,"useful_life":10,"tax_rate":0.25}`, 250000},
		{"relief_from_royalty", `{"revenue":[1000,1000],"royalty_rate":0.1,"discount_rate":0.1,"tax_rate":0,"tab":false,"convention":"mid_period"}`, 100/math.Pow(1.1, .5) + 100/math.Pow(1.1, 1.5)},
		{"relief_from_royalty", `{"revenue":[1000,1000],"royalty_rate":0.1,"discount_rate":0.1,"tax_rate":1,"tab":false}`, 0},
		{"relief_from_royalty", `{"revenue":[1000,1000,1000],"royalty_rate":0.1,"discount_rate":0.1,"tax_rate":0,"useful_life":2}`, 100/1.1 + 100/1.21},
		{"implied_royalty_rate", `{"value":194163.7637798,"revenue":[1000000,1100000,1200000,1300000,1400000],"discount_rate":0.12,"tax_rate":0.25}`, 0.05},
		{"implied_discount_rate", `{"value":86776.85950413222,"revenue":[1000000,1000000],"royalty_rate":0.05,"tax_rate":0}`, 0.1},
		{"break_even_revenue", `{"value":173553.71900826446,"revenue":[1000000,1000000],"royalty_rate":0.05,"discount_rate":0.1,"tax_rate":0}`, 2},
		{"mpeem", `{"cash_flows":[100,100],"total_cac":20,"discount_rate":0.1,"tax_rate":0.25,"tab":false}`, 60/1.1 + 60/1.21},
		{"wacc", `{"E":600,"D":300,"P":100,"ke":0.12,"kd":0.06,"kp":0.08,"tax":0.25}`, 0.6*0.12 + 0.3*0.06*0.75 + 0.1*0.08},
		{"royalty_capitalization", `{"revenue":10000000,"royalty_rate":0.04,"discount_rate":0.15}`, 2666666.6666666665},
		{"patent_risk_adjusted_pv", `{"remaining_life":2,"cash_flows":[100,100,1e9],"probability_of_success":0.5,"discount_rate":0.1}`, 0.5 * (100/1.1 + 100/1.21)},
		{"patent_portfolio", `{"patents":[{"value":0,"category":"a"}]}`, 0},
		{"analytical_method", `{"advantage_margin":0.05,"volume":10000000,"discount_rate":0.12,"economic_life":7}`, sum(7, func(i int) float64 { return 5e5 / math.Pow(1.12, float64(i)) })},
		{"contributory_asset_charges", `{"assets":[{"name":"wc","value":500000,"return_rate":0.08}]}`, 40000},
		{"present_value", `{"fv":100,"r":-0.5,"n":1}`, 200},
		// Put-call parity gives the call from the put: C = P + S - X·e^(-rT); deep in the money the put is worth nothing.
		{"real_option_black_scholes", `{"exercise_cost":1,"expected_value":1000,"volatility":0.1,"time_to_expiry":1,"risk_free_rate":0.05}`, 1000 - math.Exp(-0.05)},
		{"real_option_black_scholes", `{"exercise_cost":100,"expected_value":80,"volatility":0,"time_to_expiry":1,"risk_free_rate":0.05}`, 0},
	} {
		r, err := Compute(c.method, []byte(c.in))
		if err != nil {
			t.Errorf("%s %s: %v", c.method, c.in, err)
		} else if !near(r.Value, c.want, 1e-8) && math.Abs(r.Value-c.want) > 1e-9 {
			t.Errorf("%s %s: %v, want %v", c.method, c.in, r.Value, c.want)
		}
	}
}

func TestComputeRefusesAndNamesTheField(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ method, in, field string }{
		{"present_value", `{"fv":100,"r":0.1}`, "n"},
		{"present_value", `{"fv":100,"r":0.1,"n":1,"x":2}`, "x"},
		{"present_value", `{"fv":-100,"r":0.1,"n":1}`, "fv"},
		{"present_value", `{"fv":NaN,"r":0.1,"n":1}`, "fv"},
		{"present_value", `{"fv":1,"r":Infinity,"n":1}`, "r"},
		{"present_value", `{"fv":1,"r":0.1,"n":-Infinity}`, "n"},
		{"present_value", `{"fv":"NaN","r":0.1,"n":1}`, "fv"},
		{"present_value", `{"fv":1e999,"r":0.1,"n":1}`, "fv"},
		{"present_value", `{"fv":"12","r":0.1,"n":1}`, "fv"},
		{"present_value", `{"fv":1,"r":-1,"n":1}`, "r"},
		{"present_value", `{"fv":1,"r":0.1,"n":-1}`, "n"},
		{"terminal_value", `{"cf":1,"g":0.1,"r":0.1}`, "g"},
		{"relief_from_royalty", `{"revenue":[1,NaN],"royalty_rate":0.1,"discount_rate":0.1,"tax_rate":0.2}`, "revenue"},
		{"relief_from_royalty", `{"revenue":[1,"Infinity"],"royalty_rate":0.1,"discount_rate":0.1,"tax_rate":0.2}`, "revenue[1]"},
		{"relief_from_royalty", `{"revenue":[1,-2],"royalty_rate":0.1,"discount_rate":0.1,"tax_rate":0.2}`, "revenue[1]"},
		{"relief_from_royalty", `{"revenue":[],"royalty_rate":0.1,"discount_rate":0.1,"tax_rate":0.2}`, "revenue"},
		{"relief_from_royalty", `{"revenue":[1],"royalty_rate":1.1,"discount_rate":0.1,"tax_rate":0.2}`, "royalty_rate"},
		{"relief_from_royalty", `{"revenue":[1],"royalty_rate":0.1,"discount_rate":0.1,"tax_rate":1.2}`, "tax_rate"},
		{"relief_from_royalty", `{"revenue":[1],"royalty_rate":0.1,"discount_rate":0.1,"tax_rate":0.2,"useful_life":0}`, "useful_life"},
		{"relief_from_royalty", `{"revenue":[1],"royalty_rate":0.1,"discount_rate":0.1,"tax_rate":0.2,"useful_life":1.5}`, "useful_life"},
		{"relief_from_royalty", `{"revenue":[1],"royalty_rate":0.1,"discount_rate":0,"tax_rate":1,"tab":true}`, "tax_rate"},
		{"mpeem", `{"cash_flows":[1,2],"total_cac":[1,2,3],"discount_rate":0.1,"tax_rate":0.2}`, "total_cac"},
		{"wacc", `{"E":0,"D":0,"ke":0.1,"kd":0.1,"tax":0.2}`, "E"},
		{"patent_portfolio", `{"patents":[{"value":-1}]}`, "patents[0].value"},
		{"market_comparables", `{"comparables_price_revenue":[[1,0]],"subject_revenue":1}`, "comparables_price_revenue[0].revenue"},
		{"market_comparables", `{"comparables_price_revenue":[[1,1]],"subject_revenue":1,"adjustments":{"4":0.1}}`, "adjustments.4"},
		{"real_option_black_scholes", `{"exercise_cost":0,"expected_value":1,"volatility":0.1,"time_to_expiry":1,"risk_free_rate":0.05}`, "exercise_cost"},
		{"single_period_excess_earnings", `{"normalized_earnings":1,"total_cac":[1],"cap_rate":0}`, "cap_rate"},
	} {
		_, err := Compute(c.method, []byte(c.in))
		var fe *fault.Error
		if !errors.As(err, &fe) || fe.Kind != fault.Invalid {
			t.Errorf("%s %s: %v, want an invalid-input fault", c.method, c.in, err)
			continue
		}
		found := false
		for _, f := range fe.Fields {
			found = found || f.Field == c.field
		}
		if !found {
			t.Errorf("%s %s: fields %v, want %s named", c.method, c.in, fe.Fields, c.field)
		}
	}
	if _, err := Compute("no_such", []byte(`{}`)); fault.KindOf(err) != fault.NotFound {
		t.Errorf("unknown method: %v", err)
	}
}

func TestEveryIssueMethodIsListed(t *testing.T) {
	t.Parallel()
	have := map[string]bool{}
	for _, m := range Methods() {
		have[m.Name] = true
		if m.Formula == "" || m.Source == "" || len(m.Inputs) == 0 {
			t.Errorf("%s lacks a formula, a source or inputs", m.Name)
		}
	}
	for _, n := range strings.Fields("relief_from_royalty mpeem single_period_excess_earnings contributory_asset_charges incremental_cash_flow tax_amortization_benefit reproduction_cost replacement_cost market_comparables royalty_capitalization present_value annuity_pv growing_annuity_pv terminal_value build_up_discount_rate wacc patent_risk_adjusted_pv patent_portfolio real_option_black_scholes profit_split analytical_method twenty_five_percent_rule adjust_royalty_rate") {
		if !have[n] {
			t.Errorf("%s is not offered", n)
		}
	}
}

// FuzzCompute: no input may panic, and an accepted one gives a finite value.
func FuzzCompute(f *testing.F) {
	f.Add("present_value", `{"fv":1e12,"r":-0.999999,"n":1000}`)
	f.Add("relief_from_royalty", `{"revenue":[1e12],"royalty_rate":1,"discount_rate":-0.5,"tax_rate":0,"first_period_fraction":0.001}`)
	f.Add("market_comparables", `{"comparables":[[1,1]],"subject_revenue":1,"adjustments":[0.1]}`)
	f.Add("patent_portfolio", `{"patents":[["a",1]]}`)
	f.Fuzz(func(t *testing.T, method, in string) {
		r, err := Compute(method, []byte(in))
		if err == nil && (math.IsNaN(r.Value) || math.IsInf(r.Value, 0)) {
			t.Fatalf("%s %s: %v", method, in, r.Value)
		}
	})
}
