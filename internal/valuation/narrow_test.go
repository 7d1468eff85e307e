package valuation

import (
	"math"
	"testing"

	"zhijia/internal/valuation/terms"
)

// What the missing evidence is expected to do to the range, by the number alone: the record tells more than any one fact of
// it, nothing widens, what the range does not rest on narrows nothing, and the expected share lies among what single answers
// really do.
func TestMissingEvidenceSaysWhatItWouldNarrow(t *testing.T) {
	t.Parallel()
	asg := anAssignment()
	p := &asg.Subject[0]
	p.Claims, p.Family, p.CitedBy, asg.Owner, asg.Purpose = nil, nil, nil, "", terms.PurposePledge
	ev := Evidence{Comparables: someDeals(8, 1, math.Log(3e5), .5), Missing: []terms.Note{{Code: "TEXT", Zh: "x", En: "x"}}}
	c := conclude(t, asg, ev, DefaultAssumptions())
	got := map[string]float64{}
	for _, n := range c.MissingEvidence {
		if n.Narrows != nil {
			got[n.Code] = *n.Narrows
		}
	}
	for _, code := range []string{"subject.claims", "legal_state"} {
		if !(got[code] > 0 && got[code] < .5) {
			t.Errorf("%s: %v", code, got[code])
		}
	}
	for _, code := range []string{"indicators.unknown", "sale_chance", "income.revenue"} {
		if x, ok := got[code]; !ok || x != 0 {
			t.Errorf("%s: %v, %v", code, x, ok)
		}
	}
	if got["TEXT"] < got["subject.claims"]-1e-9 {
		t.Errorf("the record %v, its claims alone %v", got["TEXT"], got["subject.claims"])
	}
	ln := func(v Estimate) float64 { return math.Log(v.High / v.Low) }
	least, most := math.Inf(1), math.Inf(-1)
	for _, n := range []int{1, 4, 8, 16, 40} {
		x := asg
		x.Subject = []terms.Patent{*p}
		x.Subject[0].Claims = ptr(n)
		after := conclude(t, x, ev, DefaultAssumptions())
		share := 1 - ln(after.Value)/ln(c.Value)
		least, most = min(least, share), max(most, share)
	}
	if x := got["subject.claims"]; x < least-1e-9 || x > most+1e-9 {
		t.Errorf("the claims are expected to narrow by %v, answers do by %v to %v", x, least, most)
	}
	// With no deal at all, deals of its kind are what narrows most after the record of the patent.
	ev.Comparables = nil
	told := map[string]bool{}
	for _, n := range conclude(t, asg, ev, DefaultAssumptions()).MissingEvidence {
		told[n.Code] = true
		if n.Narrows == nil {
			t.Errorf("%s does not say what it would narrow", n.Code)
		} else if n.Code == "market.comparables" && !(*n.Narrows > .01 && *n.Narrows < .6) {
			t.Errorf("twenty deals narrow by %v", *n.Narrows)
		}
	}
	if !told["market.comparables"] {
		t.Errorf("no deal is missed: %v", told)
	}
	asg.Purpose = terms.PurposeReporting // whose income is by market inputs
	ev.Comparables = someDeals(8, 1, math.Log(3e5), .5)
	for _, n := range conclude(t, asg, ev, DefaultAssumptions()).MissingEvidence {
		if n.Code == "income.revenue" && (n.Narrows == nil || *n.Narrows <= 0) {
			t.Errorf("an income figure beside the market's: %v", n.Narrows)
		}
	}
}
