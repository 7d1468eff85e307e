package appraisal

import "testing"

// TestHeldIsBoundedByDeals holds that the deals in memory stay within their bound, that what was used last stays, and that
// a value put again counts once.
func TestHeldIsBoundedByDeals(t *testing.T) {
	h := newHeld[int](func(n int) int { return n })
	for k := range 100 {
		h.put(k, maxHeld/10)
		h.put(k, maxHeld/10)
		if _, ok := h.get(0); !ok {
			t.Fatalf("what was asked for last is gone after %d", k)
		}
		if h.deals > maxHeld {
			t.Fatalf("%d deals held, %d are the bound", h.deals, maxHeld)
		}
	}
	if n := h.list.Len(); n < 8 || n > 10 {
		t.Errorf("%d values of a tenth of the bound each", n)
	}
	h.put(7, 3*maxHeld)
	if _, ok := h.get(7); !ok || h.list.Len() != 1 {
		t.Error("a value above the bound is not held alone")
	}
}
