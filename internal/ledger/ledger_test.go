package ledger

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"strings"
	"testing"

	"zhijia/internal/calendar"
	"zhijia/internal/store"
	"zhijia/internal/valuation"
	"zhijia/internal/valuation/market"
)

func own(id, seller string, sale market.Sale, log float64) market.Deal {
	return market.Deal{ID: id, Labels: market.Labels{Market: sale, Kind: "invention", Deal: "assignment"}, Seller: seller, Event: seller, Log: log, Patents: 1, Date: calendar.Date{Year: 2021, Month: 3, Day: 1}, Own: true}
}

// What is shared names no deal, no seller and no price, hides cells that few
// events or sellers make, and becomes one labelled anchor a cell.
func TestSharingShowsNoDeal(t *testing.T) {
	var deals []market.Deal
	for i := range 6 {
		deals = append(deals, own(fmt.Sprint("secret", i), fmt.Sprint("卖方", i), market.Private, 10+.2*float64(i)))
	}
	for i := range 9 { // one seller's many lots are one experience
		deals = append(deals, own(fmt.Sprint("lot", i), "独家", market.Showcase, 13))
	}
	public := own("public", "公共", market.Private, 20)
	public.Own = false
	st := summed(append(deals, public))
	if len(st.Cells) != 1 || st.Hidden != 9 || st.Cells[0].Events != 6 || st.Cells[0].Deals != 6 {
		t.Fatalf("summed %+v", st)
	}
	st.Label, st.Made = "甲行", "2026-11-28"
	body, err := json.Marshal(st)
	if err != nil || strings.Contains(string(body), "secret") || strings.Contains(string(body), "卖方") || strings.Contains(string(body), "独家") {
		t.Errorf("shared %s, %v", body, err)
	}
	again, err := ReadStatistics(bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	a := again.anchors()
	if len(a) != 1 || a[0].Source.Source != "甲行，2026-11-28" || a[0].SD < apart || a[0].Market != market.Private {
		t.Errorf("anchors %+v", a)
	}
	p := valuation.DefaultAssumptions().Prices
	p.Anchors = append(p.Anchors, a...)
	if err := p.Check(); err != nil {
		t.Error(err)
	}
	for _, bad := range []string{`{}`, `{"format":"zhijia-ledger-statistics-1","label":"x","cells":[{"market":"private","patent_kind":"invention","deals":3,"events":3,"year":2020,"median":1,"log_sd":1}]}`, `{"format":"zhijia-ledger-statistics-1","label":"x","deals":[]}`} {
		if _, err := ReadStatistics(strings.NewReader(bad)); err == nil {
			t.Errorf("%s is read", bad)
		}
	}
}

// The chart rings when prices shift and stays silent while they do not; lots of
// one event are one step.
func TestDriftRings(t *testing.T) {
	trials := func(shift float64, each int) (out []market.Trial) {
		for i := range 40 {
			f := market.Forecast{Error: shift + []float64{-1.1, -.5, -.1, .2, .6, 1}[i%6], Half: 1.28}
			if i%11 == 10 {
				f.Error = 1.5 + shift
			}
			for k := range each {
				out = append(out, market.Trial{ID: fmt.Sprint(i, k), Event: fmt.Sprint(i), Market: market.Private, Year: 2025, After: f, Before: f})
			}
		}
		return out
	}
	if d := chart(trials(0, 1)); d.Alarm || len(d.Markets) != 0 || len(d.Points) != 40 {
		t.Errorf("no shift: %+v", d.Zh)
	}
	if d := chart(trials(2, 1)); !d.Alarm || len(d.Markets) != 1 {
		t.Errorf("a shift by 2: %v, coverage %.2f", d.Alarm, d.Coverage)
	}
	one, three := chart(trials(.5, 1)), chart(trials(.5, 3))
	if one.Points[39].Smooth != three.Points[119].Smooth {
		t.Errorf("lots count as events: %v, %v", one.Points[39].Smooth, three.Points[119].Smooth)
	}
	if d := chart(nil); d.Alarm || d.CoverageHigh != 1 {
		t.Errorf("nothing came: %+v", d)
	}
}

// Two records of one sale that differ stand beside each other with what they differ in; a patent sold on is two sales.
func TestConflicts(t *testing.T) {
	deal := func(id string, own bool, amount float64, day, buyer string) store.LedgerDeal {
		return store.LedgerDeal{Own: own, Deal: store.Deal{
			ID: id, Numbers: []string{"202110345678.3"}, Amount: &amount, Currency: "CNY", Date: calendar.MustParse(day), Seller: "青山大学", Buyer: buyer, Market: "private", SourceType: "own_ledger",
		}}
	}
	a, b := deal("a", true, 68_000, "2023-05-08", "海川科技（青山）有限公司"), deal("b", false, 680_000, "2023-05-20", "海川科技(青山)有限公司")
	sold, public := deal("c", true, 90_000, "2023-06-01", "明远装备有限公司"), deal("d", false, 70_000, "2023-05-08", "")
	later := deal("e", true, 70_000, "2025-05-08", "海川科技(青山)有限公司")
	twin := deal("f", true, 68_000, "2023-05-08", "海川科技(青山)有限公司")
	twin.DuplicateOf, twin.Seller = "a", "青山大学科技处"
	sold.Seller = "海川科技(青山)有限公司"
	got := map[string]string{}
	for _, c := range conflicts([]store.LedgerDeal{a, b, sold, public, later, twin}) {
		var fields []string
		for _, f := range c.Fields {
			fields = append(fields, f.Field)
		}
		got[c.A+c.B] = strings.Join(fields, " ") + "; " + c.En
	}
	want := map[string]string{
		"ab": "amount date; both count; judge one of them", "ad": "amount; both count; judge one of them", "af": "seller; merged as one deal; a counts",
		"bf": "amount date seller; only b counts", "cd": "amount date seller; both count; judge one of them", "df": "amount seller; only d counts",
	}
	if !maps.Equal(got, want) {
		t.Errorf("conflicts %v, want %v", got, want)
	}
}
