package lending

import (
	"encoding/csv"
	"errors"
	"io/fs"
	"os"
	"slices"
	"strconv"
	"testing"

	"zhijia/internal/money"
	"zhijia/internal/valuation"
)

// Real pledges of which the press told the loan, run under each preset: an
// appraised value, where one was told, stands for our value of the appraised
// income basis; where none was, there is no value. What comes is written into
// docs/proof/desk.md. The rows name no patents, so the law is not asked.
func TestPledgePairs(t *testing.T) {
	t.Parallel()
	f, err := os.Open("../../../shared/data/pledge_pairs.csv")
	if errors.Is(err, fs.ErrNotExist) {
		t.Skip("the pairs of real pledges are not here")
	}
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	rows, err := csv.NewReader(f).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	yuan := func(s string) money.Fen {
		x, err := strconv.ParseFloat(s, 64)
		if err != nil {
			return 0
		}
		f, err := money.FromYuan(x)
		if err != nil {
			t.Fatal(err)
		}
		return f
	}
	for id, p := range Policies() {
		verdicts, covered := map[Verdict]int{}, 0
		for i, row := range rows[1:] {
			appraised, loan := yuan(row[5]), yuan(row[6])
			v := clean(i+2, row[2], row[0], row[0], appraised)
			v.Row.Loan, v.Row.Revenue = loan, nil
			v.Low, v.Bases = appraised, []BasisValue{{AppraisedIncome, appraised, appraised, appraised}}
			if appraised == 0 {
				v.Status, v.Bases = valuation.Abstained, nil
			}
			d := Decide([]Valued{v}, Options{Policy: p}, today)
			c, r := d.Contracts[0], d.Rows[0]
			verdicts[r.Verdict]++
			if appraised == 0 {
				if r.Verdict == Accept || c.Uncovered != loan {
					t.Errorf("%s under %s: accepted without a value, or %s uncovered", row[0], id, c.Uncovered)
				}
				continue
			}
			if c.Uncovered == 0 {
				covered++
			}
			if !slices.Contains(codes(r), "L05") && c.Uncovered > 0 && !slices.Contains(codes(r), "P01") {
				t.Errorf("%s under %s: %v does not name %s uncovered", row[0], id, codes(r), c.Uncovered)
			}
			t.Logf("%s %s: appraised %s, lent %s, bears %s, uncovered %s, %s %v", id, row[0], appraised, loan, c.Limits[0].Amount, c.Uncovered, r.Verdict, codes(r))
		}
		t.Logf("%s: %v; the collateral bears the loan that was made in %d", id, verdicts, covered)
	}
}
