package lending_test

import (
	"math"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"zhijia/internal/calendar"
	"zhijia/internal/lending"
	"zhijia/internal/money"
	"zhijia/internal/patent"
	"zhijia/internal/valuation"
)

func mixedPolicy(t interface{ Fatal(...any) }, invention, mark float64) lending.Policy {
	p, err := lending.PolicyByID("TEMPLATE")
	if err != nil {
		t.Fatal(err)
	}
	caps := map[patent.Kind]lending.Figure{lending.Trademark: {Value: mark, Source: "示例"}}
	for k, c := range p.Caps {
		caps[k] = c
	}
	caps[patent.Invention] = lending.Figure{Value: invention, Source: "示例"}
	p.Caps = caps
	return p
}

func piece(line int, number string, kind patent.Kind, loan, value money.Fen) lending.Valued {
	return lending.Valued{
		Row:    lending.Row{Line: line, Number: number, Kind: kind, Borrower: "示例公司", Contract: "质押-1", Loan: loan, Maturity: calendar.New(2027, 11, 1)},
		Status: valuation.Valued, Point: value, Low: value, High: value, Forced: value / 2, Calibration: "conformal",
	}
}

// The worked example of the template: 10 million against patents of 10 million at
// 70% and a mark of 5 million at 50%... the mixed ratio is 1000/(1000·70%+500·50%) = 105%.
func TestMixedCollateral(t *testing.T) {
	wan := money.Fen(money.Wan)
	on := calendar.New(2026, 11, 28)
	rows := []lending.Valued{piece(1, "CN200810027800", patent.Invention, 1000*wan, 1000*wan), piece(2, "1234567", lending.Trademark, 1000*wan, 500*wan)}
	d := lending.Decide(rows, lending.Options{Policy: mixedPolicy(t, 0.7, 0.5)}, on)
	if c := d.Contracts[0]; len(d.Contracts) != 1 || math.Abs(*c.Mixed-1000.0/950) > 1e-12 || c.Value != 1500*wan || c.Recommended != 950*wan {
		t.Errorf("%+v", d.Contracts)
	}
	for _, r := range d.Rows[1].Reasons {
		if strings.Contains(r.Zh+r.Evidence+r.Supply, "专利") && r.Code != "L01" && r.Code != "L05" {
			t.Errorf("a mark gets a patent's advice: %+v", r)
		}
	}
	p, _ := lending.PolicyByID("TEMPLATE")
	d = lending.Decide(rows[1:], lending.Options{Policy: p}, on)
	if d.Rows[0].Verdict == lending.Accept || d.Rows[0].Lendable != 0 || d.Rows[0].Reasons[0].Code != "M12" && !has(d.Rows[0].Reasons, "M12") {
		t.Errorf("a policy without marks lends on one: %+v", d.Rows[0])
	}
}

func has(reasons []lending.Reason, code string) bool {
	for _, r := range reasons {
		if r.Code == code {
			return true
		}
	}
	return false
}

// A contract of patents and marks keeps the laws of any contract: its value is the
// sum of what counts, what may be lent is no more than the sum of value times
// ceiling, a mark offered twice counts once, and the order of the rows is nothing.
func TestMixedContractsKeepTheLaws(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a, b := rapid.Float64Range(0, 1).Draw(t, "invention"), rapid.Float64Range(0, 1).Draw(t, "mark")
		p := mixedPolicy(t, a, b)
		loan := money.Fen(rapid.Int64Range(1, 1e11).Draw(t, "loan"))
		v1, v2 := money.Fen(rapid.Int64Range(1, 1e11).Draw(t, "patent")), money.Fen(rapid.Int64Range(1, 1e11).Draw(t, "value of the mark"))
		on := calendar.New(2026, 11, 28)
		rows := []lending.Valued{piece(1, "CN200810027800", patent.Invention, loan, v1), piece(2, "1234567", lending.Trademark, loan, v2)}
		d := lending.Decide(rows, lending.Options{Policy: p}, on)
		c := d.Contracts[0]
		if c.Value != v1+v2 || c.Recommended > d.Rows[0].Lendable+d.Rows[1].Lendable || d.Rows[0].Recommended+d.Rows[1].Recommended != c.Recommended {
			t.Fatalf("%+v", c)
		}
		twice := append(rows, piece(3, "1234567", lending.Trademark, loan, v2))
		if e := lending.Decide(twice, lending.Options{Policy: p}, on).Contracts[0]; e.Value != c.Value || e.Recommended != c.Recommended {
			t.Fatalf("a mark told twice counts twice: %+v %+v", c, e)
		}
		if e := lending.Decide([]lending.Valued{rows[1], rows[0]}, lending.Options{Policy: p}, on).Contracts[0]; e.Value != c.Value || e.Recommended != c.Recommended {
			t.Fatalf("the order matters: %+v %+v", c, e)
		}
	})
}
