package valuation

import (
	"testing"

	"zhijia/internal/patent"
)

// The fees that the income approach takes off are those of the register's one
// fee table: a change of the schedule must reach both.
func TestFeesAreTheRegistersTable(t *testing.T) {
	t.Parallel()
	fees := DefaultAssumptions().Income.Fees
	if len(fees) < 2 {
		t.Fatalf("fees of %d kinds only", len(fees))
	}
	for kind, byYear := range fees {
		for year := 1; year <= len(byYear)+1; year++ {
			want := patent.AnnualFee(kind, year).Yuan()
			if got := append(byYear[:len(byYear):len(byYear)], 0)[year-1]; got != want {
				t.Errorf("%s, year %d: %v in the assumptions, %v in the table", kind, year, got, want)
			}
		}
	}
}
