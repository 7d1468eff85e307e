package pool

import (
	"math"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"zhijia/internal/money"
)

// The review's figures for the worked example, recovery 30% after two periods:
// a break-even of 36.26% by contract is 16.7% by amount; senior of 100.06
// million, proposed against 20% of contracts, breaks at 9.2% by amount at a
// constant rate and at 9.7% with the reviewer's even curve; under that curve
// 93.6 million withstand 20%.
func TestBreakEvenByAmountAndByContract(t *testing.T) {
	d := Example(1)
	at := func(d Deal, s Scenario) BreakEven {
		s.Recovery, s.Lag = 0.3, 2
		b, err := d.BreakEven(s)
		if err != nil || !b.Reached {
			t.Fatalf("%+v, %v", b, err)
		}
		return b
	}
	contract := at(d, Scenario{Basis: "contract"})
	near(t, "by contract", contract.Contracts, 0.3626, 5e-5)
	near(t, "the same by amount", contract.Amount, 0.167, 5e-4)
	near(t, "at a constant rate", at(d, Scenario{}).Amount, 0.167, 5e-4)
	big := d.withSenior(money.Fen(10006 * money.Wan))
	near(t, "100.06 million", at(big, Scenario{}).Amount, 0.092, 5e-4)
	life := d.lifePeriods()
	even := make([]float64, life)
	for i := range even {
		even[i] = 1 / float64(life)
	}
	s := Scenario{Recovery: 0.3, Lag: 2, Timing: even, Default: 0.2}
	reviewed := d.withSenior(money.Fen(9359 * money.Wan))
	cf, err := reviewed.CashFlow(s)
	if err != nil || cf.Outcome.Loss[0] > money.Fen(3*money.Wan) {
		t.Errorf("93.59 million lose %s under the reviewer's curve, %v", cf.Outcome.Loss[0], err)
	}
}

// Without a target nothing is proposed that breaks the retention rule; a waiver
// on evidence frees it.
func TestSizingKeepsRetention(t *testing.T) {
	d := Example(1)
	got, err := d.SizeSenior(SizeTarget{Scenario: Scenario{Recovery: 0.3, Lag: 2}})
	if err != nil || got.Subordinated < d.Total().MulRate(0.05) || got.Bound != "retention" || got.Retention == nil {
		t.Errorf("%+v, %v", got, err)
	}
	d.Waivers = []Waiver{{Rule: "risk_retention", Evidence: "差额支付承诺函"}}
	if got, err = d.SizeSenior(SizeTarget{Scenario: Scenario{Recovery: 0.3, Lag: 2}}); err != nil || got.Bound == "retention" || got.Retention != nil {
		t.Errorf("waived: %+v, %v", got, err)
	}
}

// What defaults is what was asked, by amount, on every basis that can reach it;
// a rate nobody can reach is no stress and says so.
func TestDefaultRateIsOfTheAmount(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		d := deals().Draw(t, "deal")
		d.Structure.CleanUp = 0
		s := Scenario{Default: rapid.Float64Range(0, 1).Draw(t, "default"), Recovery: 0.3, CPR: rapid.Float64Range(0, 0.5).Draw(t, "cpr"), Yield: 0.05}
		cf, err := d.CashFlow(s)
		if err != nil {
			t.Fatal(err)
		}
		slack := 2 * float64(len(cf.Periods)*(len(d.Assets)+10)) / float64(d.Total()) // half a fen a step
		if math.Abs(cf.Rates.Default-s.Default) > 1e-9+slack {
			t.Fatalf("asked %v, defaulted %v", s.Default, cf.Rates.Default)
		}
		if cf.Rates.Contracts < cf.Rates.Default-slack {
			t.Fatalf("%v of contracts, %v of the amount", cf.Rates.Contracts, cf.Rates.Default)
		}
	})
	d := Example(1)
	rep, err := d.Stress(StressGrid{Lag: 2})
	if err != nil {
		t.Fatal(err)
	}
	for _, b := range rep.BreakEven {
		if b.Amount > 0.999 || strings.Contains(b.Zh(), "100.00%") || !b.Reached && !strings.Contains(b.Zh(), "未触及") {
			t.Errorf("%s, recovery %v: %+v %s", b.Timing, b.Recovery, b.BreakEven, b.Zh())
		}
	}
	if len(rep.Cells[0].Periods) == 0 || rep.Cells[0].Periods[0].Coverage == nil {
		t.Error("a cell has no coverage by period")
	}
}

// A vector of annual rates, and obligors named to default.
func TestVectorsAndNamedDefaults(t *testing.T) {
	d := bullet(money.Fen(90 * money.Yi))
	cf, err := d.CashFlow(Scenario{CDR: []float64{0.1}, Recovery: 0.5})
	if err != nil {
		t.Fatal(err)
	}
	near(t, "two years at 10%", cf.Rates.Default, 1-0.9*0.9, 1e-10)
	near(t, "recovered", *cf.Rates.Recovery, 0.5, 1e-10)
	e := Example(1)
	cf, err = e.CashFlow(Scenario{Named: map[string]int{"F03": 1}})
	if err != nil || cf.Rates.Defaulted != e.Assets[2].Principal {
		t.Errorf("F03 owes %s, defaulted %s, %v", e.Assets[2].Principal, cf.Rates.Defaulted, err)
	}
	slow, err := e.CashFlow(Scenario{CPRs: []float64{0, 0.5}})
	if err != nil {
		t.Fatal(err)
	}
	flat, _ := e.CashFlow(Scenario{CPR: 0.5})
	if slow.Periods[0].Ledger.Principal >= flat.Periods[0].Ledger.Principal {
		t.Error("no prepayment in the first period, yet as much principal")
	}
	for _, bad := range []Scenario{{CDR: []float64{0.1}, Default: 0.1}, {Named: map[string]int{"nobody": 1}}, {Named: map[string]int{"F01": 0}}, {Basis: "count"}, {CDR: []float64{2}}} {
		if _, err := e.CashFlow(bad); err == nil {
			t.Errorf("accepted %+v", bad)
		}
	}
}
