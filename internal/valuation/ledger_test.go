package valuation

import (
	"encoding/json"
	"errors"
	"testing"

	"zhijia/internal/fault"
)

// TestLedgerIsTheSameDeals holds that a figure inferred from a ledger solved once is, to the last bit, the one inferred
// from the same deals given with the question, and that a ledger of another day, year or assumptions is refused.
func TestLedgerIsTheSameDeals(t *testing.T) {
	as, asg, ev := marketBench()
	given, err := Conclude(asg, ev, as)
	if err != nil {
		t.Fatal(err)
	}
	l, err := as.Ledger(ev.Comparables, asg.Date)
	if err != nil {
		t.Fatal(err)
	}
	named := ev
	named.Ledger = &LedgerRef{ID: "ab", Deals: len(ev.Comparables), Solved: l}
	for range 2 { // it is immutable: the second question gets the first one's answer
		got, err := Conclude(asg, named, as)
		if err != nil {
			t.Fatal(err)
		}
		a, _ := json.Marshal(given)
		b, _ := json.Marshal(got)
		if string(a) != string(b) {
			t.Fatalf("from the deals\n%.600s\nfrom the ledger\n%.600s", a, b)
		}
	}
	named.Comparables = nil // nothing for the reader: the figure stays
	if got, err := Conclude(asg, named, as); err != nil || got.Value.Median != given.Value.Median || got.NEff != given.NEff || len(got.Comparables) == 0 {
		t.Fatalf("%v %v, want %v: %v", got.Value.Median, got.NEff, given.Value.Median, err)
	}
	refused := func(name string, asg Assignment, as Assumptions) {
		var f *fault.Error
		if _, err := Conclude(asg, named, as); !errors.As(err, &f) || f.Code != "ledger.absent" {
			t.Errorf("%s: %v", name, err)
		}
	}
	early, later, other := asg, asg, as
	early.Date = l.last
	refused("on the day of its last deal", early, as)
	later.Date.Year++
	refused("in the next year", later, as)
	other.Version += "x"
	refused("under other assumptions", asg, other)
	named.Ledger = &LedgerRef{ID: "ab"}
	refused("not here", asg, as)
}
