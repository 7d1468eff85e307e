package patent

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"zhijia/internal/calendar"
)

func TestMatchDeals(t *testing.T) {
	t.Parallel()
	base := DealFacts{Title: "一种锂电池正极材料", Numbers: []string{"CN201310543019.6"}, Kind: "assignment", Amount: 1_200_000, Date: on("2020-03-01"), Unit: "day", Seller: "甲大学", Buyer: "乙科技（上海）有限公司"}
	for name, c := range map[string]struct {
		change func(*DealFacts)
		band   Band
	}{
		"the same":                          {func(*DealFacts) {}, Same},
		"another spelling, ten days later":  {func(d *DealFacts) { d.Buyer, d.Date = "乙科技(上海)有限责任公司", on("2020-03-11") }, Same},
		"no numbers, month only":            {func(d *DealFacts) { d.Numbers, d.Unit = nil, "month" }, Same},
		"title and amount alone, same week": {func(d *DealFacts) { d.Numbers, d.Seller, d.Buyer = nil, "", "" }, Same},
		"tax included, three months later":  {func(d *DealFacts) { d.Numbers, d.Amount, d.Date = nil, 1_272_000, on("2020-06-01") }, Same},
		"other title, no parties, later": {func(d *DealFacts) {
			d.Title, d.Numbers, d.Seller, d.Buyer, d.Date = "正极材料及其制备方法", nil, "", "", on("2020-03-20")
		}, Different},
		"other title, same seller, later": {func(d *DealFacts) {
			d.Title, d.Numbers, d.Buyer, d.Date = "正极材料的制备方法", nil, "", on("2020-03-20")
		}, Uncertain},
		"sold again": {func(d *DealFacts) {
			d.Seller, d.Buyer, d.Amount, d.Date = d.Buyer, "丙有限公司", 3_000_000, on("2023-03-01")
		}, Different},
		"another patent sold the same day":     {func(d *DealFacts) { d.Title, d.Numbers = "一种激光测距装置", []string{"CN201710601862.3"} }, Different},
		"neither patents nor price told twice": {func(d *DealFacts) { d.Numbers, d.Amount = nil, 0 }, Uncertain},
	} {
		other := base
		c.change(&other)
		if got := MatchDeals(base, other); got.Band != c.band || len(got.Reasons) == 0 || got.Score < 0 || got.Score > 1 {
			t.Errorf("%s: %s %.4f %v", name, got.Band, got.Score, got.Reasons)
		}
	}
}

// Two contracts of one day between the same parties at one price are for a
// person to tell apart.
func TestContractsInARow(t *testing.T) {
	t.Parallel()
	a := DealFacts{Title: "专有技术实施许可(合同一)", Kind: "licence", Amount: 200_000, Date: on("2025-07-15"), Seller: "甲大学", Buyer: "乙股份有限公司"}
	b := a
	b.Title = "专有技术实施许可(合同二)"
	if got := MatchDeals(a, b); got.Band != Uncertain {
		t.Errorf("%+v", got)
	}
	if got := MatchDeals(a, a); got.Band != Same {
		t.Errorf("%+v", got)
	}
}

// A party that a source does not name is unknown: it speaks for nothing.
func TestUnnamedParties(t *testing.T) {
	t.Parallel()
	a := DealFacts{Title: "一种涡轮", Kind: "assignment", Amount: 200_000, Date: on("2025-07-15"), Seller: "甲大学"}
	b := a
	b.Title = "一种涡轮叶片"
	want := MatchDeals(a, b)
	for _, name := range []string{"竞得企业", "某公司", "某科技有限公司", "合作企业(未载)", "多家", "第三方(未具名)", "-", "一家企业"} {
		a.Buyer, b.Buyer = name, name
		if got := MatchDeals(a, b); got.Score != want.Score || got.Band != want.Band {
			t.Errorf("%s: %+v, want %+v", name, got, want)
		}
	}
	a.Buyer, b.Buyer = "乙某精密制造有限公司", "丙精密制造有限公司"
	if got := MatchDeals(a, b); got.Score != want.Score {
		t.Errorf("one of them is not named: %+v", got)
	}
}

func TestMatchPatents(t *testing.T) {
	t.Parallel()
	base := PatentFacts{Number: "CN201310543019.6", Publication: "CN103575513A", Kind: Invention, Title: "一种锂电池正极材料", Filing: on("2013-11-05"), IPC: []string{"H01M 4/36"}, Owners: []string{"甲大学"}}
	for name, c := range map[string]struct {
		change func(*PatentFacts)
		band   Band
	}{
		"another application number":     {func(p *PatentFacts) { p.Number = "CN201710601862.3" }, Different},
		"granted, by publication number": {func(p *PatentFacts) { p.Number, p.Publication = "CN103575513B", "" }, Same},
		"another publication number":     {func(p *PatentFacts) { p.Number, p.Publication = "CN103575514B", "" }, Different},
		"its publication, but other title": {func(p *PatentFacts) {
			p.Number, p.Publication, p.Title, p.Owners, p.Filing = "CN103575513B", "", "一种激光测距装置", nil, calendar.Date{}
		}, Uncertain},
		"twin of the same day":          {func(p *PatentFacts) { p.Number, p.Publication, p.Kind = "CN203575513U", "", UtilityModel }, Different},
		"later application, same title": {func(p *PatentFacts) { p.Number, p.Publication, p.Filing = "CN1035755A", "", on("2014-11-05") }, Different},
	} {
		other := base
		c.change(&other)
		if got := MatchPatents(base, other); got.Band != c.band || len(got.Reasons) == 0 {
			t.Errorf("%s: %s %.4f %v", name, got.Band, got.Score, got.Reasons)
		}
	}
	base.Publication = ""
	other := PatentFacts{Number: "CN103575513A", Kind: Invention, Title: "锂电池正极材料", Filing: on("2013-11-05"), Owners: []string{"甲 大学"}}
	if got := MatchPatents(base, other); got.Band != Same {
		t.Errorf("title, day and owner: %+v", got)
	}
	other.Owners = []string{"乙公司"}
	if got := MatchPatents(base, other); got.Band != Uncertain {
		t.Errorf("title and day, another owner: %+v", got)
	}
}

// Comparing is symmetric, and what is not different is found among others.
func TestPairsAreFound(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		draw := func(label string) DealFacts {
			return DealFacts{
				Title:   rapid.SampledFrom([]string{"一种电池", "电池", "一种激光测距装置", ""}).Draw(t, label+" title"),
				Numbers: rapid.SampledFrom([][]string{nil, {"CN201310543019.6"}, {"CN201710601862.3"}, {"CN201310543019.6", "CN201710601862.3"}}).Draw(t, label+" numbers"),
				Amount:  rapid.SampledFrom([]float64{0, 1e5, 1.05e5, 3e6}).Draw(t, label+" amount"),
				Date:    on("2020-01-01").AddDays(rapid.IntRange(0, 800).Draw(t, label+" day")),
				Seller:  rapid.SampledFrom([]string{"", "甲有限公司", "甲有限责任公司", "乙大学"}).Draw(t, label+" seller"),
			}
		}
		a, b := draw("a"), draw("b")
		x, y := MatchDeals(a, b), MatchDeals(b, a)
		if x.Band != y.Band || x.Score != y.Score || !slices.Equal(x.Reasons, y.Reasons) {
			t.Fatalf("%+v, %+v", x, y)
		}
		found := PairDeals([]DealFacts{a, draw("c"), b})
		at := slices.IndexFunc(found, func(p Pair) bool { return p.A == 0 && p.B == 2 })
		if x.Band == Same && at < 0 {
			t.Fatalf("same and not found: %+v", x)
		}
		if at >= 0 && found[at].Band != x.Band {
			t.Fatalf("%+v, %+v", found[at], x)
		}
	})
	list := []Party{{Name: "甲乙科技（上海）有限公司"}, {Name: "甲乙科技(上海)有限责任公司"}, {Name: "甲乙科技（上海）股份有限公司"}, {Name: "丙实业有限公司", Code: "91350100M000100Y43"}, {Name: "丁商贸有限公司", Code: "91350100M000100Y43"}}
	var got []string
	for _, p := range PairParties(list, nil) {
		got = append(got, string(rune('0'+p.A))+string(rune('0'+p.B))+string(p.Band))
	}
	if want := "01same 02uncertain 12uncertain 34same"; strings.Join(got, " ") != want {
		t.Errorf("%v, want %s", got, want)
	}
}

func FuzzMatch(f *testing.F) {
	f.Add("一种电池", "电池", "CN201310543019.6", "CN103575513B")
	f.Fuzz(func(t *testing.T, a, b, x, y string) {
		p := MatchPatents(PatentFacts{Number: x, Title: a}, PatentFacts{Number: y, Title: b})
		q := MatchDeals(DealFacts{Title: a, Seller: x}, DealFacts{Title: b, Seller: y})
		for _, m := range []Pair{p, q} {
			if m.Score < 0 || m.Score > 1 || m.Band == "" {
				t.Errorf("%+v", m)
			}
		}
	})
}

// A list of numbered names, each near a dozen others, makes a bounded number of pairs, and whoever has enough gets no more.
func TestNumberedParties(t *testing.T) {
	t.Parallel()
	list := make([]Party, 4000)
	for i := range list {
		list[i].Name = fmt.Sprintf("公司%d", i)
	}
	if n := len(PairParties(list, nil)); n > maxNear*len(list)/2 {
		t.Errorf("%d pairs of %d names", n, len(list))
	}
	asked := 0
	PairParties(list, func(int) bool { asked++; return asked > 10 })
	if asked != 11 {
		t.Errorf("asked %d times", asked)
	}
	if pairs := PairParties([]Party{{Name: "海川新能源科技有限公司"}, {Name: "海川新能源科枝有限公司"}, {Name: "青山大学"}}, nil); len(pairs) != 1 {
		t.Errorf("%v", pairs)
	}
}

// What the register of F31 takes: 120,000 numbered borrowers.
func BenchmarkNumberedParties(b *testing.B) {
	list := make([]Party, 120_000)
	for i := range list {
		list[i].Name = fmt.Sprintf("公司%d", i)
	}
	for b.Loop() {
		b.ReportMetric(float64(len(PairParties(list, func(n int) bool { return n > 50_000 }))), "pairs")
	}
	b.ReportAllocs()
}
