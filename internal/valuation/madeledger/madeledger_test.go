package madeledger

import (
	"bytes"
	"fmt"
	"math"
	"sort"
	"strings"
	"testing"
)

func text(d []Deal) []byte {
	var b bytes.Buffer
	for _, e := range d {
		fmt.Fprintf(&b, "%+v\n", e)
	}
	return b.Bytes()
}

func median(x []float64) float64 {
	sort.Float64s(x)
	if len(x) == 0 {
		return math.NaN()
	}
	return x[len(x)/2]
}

func TestSameSeedSameBytes(t *testing.T) {
	for _, f := range Families() {
		for _, mixed := range []bool{false, true} {
			for name, draw := range map[string]func(Family, bool, int, uint64) []Deal{"Draw": Draw, "Fresh": Fresh} {
				a, b, c := draw(f, mixed, 60, 7), draw(f, mixed, 60, 7), draw(f, mixed, 60, 8)
				if !bytes.Equal(text(a), text(b)) {
					t.Errorf("%s %s %t: two draws of one seed differ", name, f, mixed)
				}
				same := 0
				for i := range a {
					if a[i].Yuan == c[i].Yuan {
						same++
					}
				}
				if same > 30 {
					t.Errorf("%s %s %t: seeds 7 and 8 share %d of 60 prices", name, f, mixed, same)
				}
			}
		}
	}
	if !bytes.Equal(text(NewMarket(50, 3)), text(NewMarket(50, 3))) {
		t.Error("NewMarket: two draws of one seed differ")
	}
	if Draw(HeavyTails, true, 0, 1) != nil || NewMarket(-1, 1) != nil {
		t.Error("no rows asked, some given")
	}
}

func TestColumns(t *testing.T) {
	known := func(s string, in []string) bool {
		for _, x := range in {
			if s == x {
				return true
			}
		}
		return false
	}
	check := func(name string, d []Deal, n int, mixed bool) {
		t.Helper()
		if len(d) != n {
			t.Fatalf("%s: %d rows, want %d", name, len(d), n)
		}
		ids := map[string]bool{}
		owner := map[string]string{}
		noScore, noLife := 0, 0
		for _, e := range d {
			if ids[e.ID] {
				t.Fatalf("%s: id %s twice", name, e.ID)
			}
			ids[e.ID] = true
			if o, ok := owner[e.Seller]; ok && o != e.Owner {
				t.Fatalf("%s: seller %s is %s and %s", name, e.Seller, o, e.Owner)
			}
			owner[e.Seller] = e.Owner
			if !known(e.Market, Markets()) || !known(e.Owner, owners[:]) || !known(e.Kind, kinds[:]) || !known(e.Transfer, transfers[:]) {
				t.Fatalf("%s: unknown word in %+v", name, e)
			}
			if !mixed && e.Market != "private" {
				t.Fatalf("%s: market %s in a ledger of one", name, e.Market)
			}
			if y := e.Date.Year(); y < 2014 || y > 2025 {
				t.Fatalf("%s: date %v", name, e.Date)
			}
			if math.IsNaN(e.Yuan) || e.Yuan < 1 || e.Yuan > maxYuan || e.Yuan != math.Round(e.Yuan) || e.Patents < 1 || e.Patents > 30 {
				t.Fatalf("%s: %+v", name, e)
			}
			limit := 9.5
			if e.Kind == "invention" {
				limit = 18.5
			}
			switch {
			case math.IsNaN(e.LifeLeft):
				noLife++
			case e.LifeLeft < .3 || e.LifeLeft > limit:
				t.Fatalf("%s: life %v of a %s", name, e.LifeLeft, e.Kind)
			}
			switch {
			case math.IsNaN(e.Score):
				noScore++
			case e.Score < 0 || e.Score > 100:
				t.Fatalf("%s: score %v", name, e.Score)
			}
		}
		if noScore == 0 || noLife == 0 || noScore > n/2 || noLife > n/3 {
			t.Errorf("%s: %d scores and %d lives of %d unknown", name, noScore, noLife, n)
		}
	}
	for _, f := range Families() {
		for _, mixed := range []bool{false, true} {
			check(fmt.Sprint("Draw ", f, mixed), Draw(f, mixed, 1000, 5), 1000, mixed)
			check(fmt.Sprint("Fresh ", f, mixed), Fresh(f, mixed, 1000, 5), 1000, mixed)
		}
	}
	check("NewMarket", NewMarket(500, 5), 500, false)
	check("NewMarketFresh", NewMarketFresh(500, 5), 500, false)
}

func TestMedians(t *testing.T) {
	const n = 10000
	for _, f := range Families() {
		d, truth := Fresh(f, true, n, 11), Truth(f, true, n, 11, true)
		for _, m := range Markets() {
			by := map[string][]float64{}
			for i, e := range d {
				if truth[i] == m && e.Transfer == "assignment" && e.Patents == 1 {
					by[e.Kind] = append(by[e.Kind], e.Yuan)
				}
			}
			inv, um := median(by["invention"]), median(by["utility_model"])
			if r := inv / Median(m); r < .75 || r > 1.34 {
				t.Errorf("%s %s: median %.0f of %d inventions, want about %.0f", f, m, inv, len(by["invention"]), Median(m))
			}
			// few utility models are sold in showcase and corporate: wide there
			lo, hi := 4.5, 13.
			if len(by["utility_model"]) < 250 {
				lo, hi = 3.5, 17
			}
			if r := inv / um; r < lo || r > hi {
				t.Errorf("%s %s: inventions over utility models %.1f (n %d), want 5 to 12", f, m, r, len(by["utility_model"]))
			}
		}
	}
}

func TestWrongLabels(t *testing.T) {
	for _, f := range Families() {
		for _, mixed := range []bool{false, true} {
			for _, fresh := range []bool{false, true} {
				n := 500
				if f == WrongLabels {
					n = 5000
				}
				d := Draw(f, mixed, n, 4)
				if fresh {
					d = Fresh(f, mixed, n, 4)
				}
				wrong := 0
				for i, m := range Truth(f, mixed, n, 4, fresh) {
					if d[i].Market != m {
						wrong++
					}
				}
				share := float64(wrong) / float64(n)
				if f == WrongLabels && math.Abs(share-.1) > .013 || f != WrongLabels && wrong > 0 {
					t.Errorf("%s mixed %t fresh %t: %.3f of labels wrong", f, mixed, fresh, share)
				}
			}
		}
	}
}

func TestFreshIsNew(t *testing.T) {
	for _, f := range Families() {
		seen := map[string]bool{}
		for s := range uint64(20) {
			for _, e := range Draw(f, true, 200, s) {
				seen[e.Seller], seen[e.Event] = true, true
			}
		}
		sellers := map[string]bool{}
		for _, e := range Fresh(f, true, 200, 3) {
			if seen[e.Seller] || seen[e.Event] {
				t.Errorf("%s: fresh row %s has a known seller or event", f, e.ID)
			}
			if sellers[e.Seller] {
				t.Errorf("%s: seller %s twice in Fresh", f, e.Seller)
			}
			sellers[e.Seller] = true
		}
	}
}

// A fresh row has the law of a training row: compare quantiles over many
// ledgers.
func TestFreshHasTheLawOfDraw(t *testing.T) {
	for _, f := range Families() {
		for _, mixed := range []bool{false, true} {
			var a, b []float64
			one := [2]int{}
			for s := range uint64(36) {
				for _, e := range Draw(f, mixed, 200, s) {
					a = append(a, math.Log(e.Yuan))
					if e.Patents == 1 {
						one[0]++
					}
				}
			}
			for _, e := range Fresh(f, mixed, len(a), 1) {
				b = append(b, math.Log(e.Yuan))
				if e.Patents == 1 {
					one[1]++
				}
			}
			sort.Float64s(a)
			sort.Float64s(b)
			for _, q := range []float64{.1, .25, .5, .75, .9} {
				i := int(q * float64(len(a)))
				if math.Abs(a[i]-b[i]) > .35 {
					t.Errorf("%s mixed %t: %.0f%% point %.2f in training, %.2f fresh", f, mixed, 100*q, a[i], b[i])
				}
			}
			if d := float64(one[0]-one[1]) / float64(len(a)); math.Abs(d) > .03 {
				t.Errorf("%s mixed %t: share of single patents differs by %.3f", f, mixed, d)
			}
		}
	}
}

func TestLots(t *testing.T) {
	d := Draw(SellerLots, true, 1000, 2)
	sellers, big, byEvent := map[string]bool{}, 0, map[string][]Deal{}
	figures := map[string]bool{}
	for _, e := range d {
		sellers[e.Seller] = true
		if e.Patents > 4 {
			big++
		}
		byEvent[e.Event] = append(byEvent[e.Event], e)
		s := strings.TrimRight(fmt.Sprintf("%.0f", e.Yuan), "0")
		if len(s) > 2 {
			t.Errorf("%s: price %v has more than two figures", e.ID, e.Yuan)
		}
		figures[s] = true
	}
	for ev, rows := range byEvent {
		for _, e := range rows {
			if e.Seller != rows[0].Seller || !e.Date.Equal(rows[0].Date) || e.Market != rows[0].Market || e.Transfer != rows[0].Transfer {
				t.Errorf("event %s: rows differ in seller, day, market or transfer", ev)
			}
		}
		if len(rows) > 30 {
			t.Errorf("event %s: %d rows", ev, len(rows))
		}
	}
	if len(sellers) < 60 || len(sellers) > 220 || big < 20 || len(byEvent) < 120 || len(byEvent) > 400 {
		t.Errorf("%d sellers, %d events, %d bundles above 4", len(sellers), len(byEvent), big)
	}
}

func TestHeavyTailsAreHeavy(t *testing.T) {
	d := Fresh(HeavyTails, false, 12000, 9)
	var x []float64
	for _, e := range d {
		x = append(x, math.Log(e.Yuan))
	}
	sort.Float64s(x)
	q := func(p float64) float64 { return x[int(p*float64(len(x)))] }
	if r := (q(.999) - q(.5)) / (q(.75) - q(.5)); r < 4.8 { // normal: 4.58
		t.Errorf("right tail %.1f quarter widths", r)
	}
}

func TestOracleHolds80(t *testing.T) {
	for _, f := range Families() {
		in, n := 0, 120
		for i, e := range Fresh(f, true, n, 21) {
			lo, _, hi := Oracle(f, true, e, 300, uint64(i))
			if x := math.Log(e.Yuan); x >= lo-1e-9 && x <= hi+1e-9 {
				in++
			}
		}
		if c := float64(in) / float64(n); c < .72 || c > .95 {
			t.Errorf("%s: the true 80%% interval held %.2f", f, c)
		}
	}
}

func TestNewMarket(t *testing.T) {
	up := 0
	for s := range uint64(100) {
		f := NewMarketFactor(s)
		if f > 1 {
			up++
		} else {
			f = 1 / f
		}
		if f < 4 || f > 8 {
			t.Errorf("seed %d: factor %v", s, f)
		}
	}
	if up < 30 || up > 70 {
		t.Errorf("%d of 100 new markets lie above", up)
	}
	for s := range uint64(4) {
		var x []float64
		seen := map[string]bool{}
		for _, e := range NewMarket(50, s) {
			seen[e.Seller], seen[e.Event] = true, true
		}
		for _, e := range NewMarketFresh(4000, s) {
			if seen[e.Seller] || seen[e.Event] {
				t.Fatalf("seed %d: %s is not new", s, e.ID)
			}
			if e.Kind == "invention" && e.Transfer == "assignment" && e.Patents == 1 {
				x = append(x, e.Yuan)
			}
		}
		if r := median(x) / (50e3 * NewMarketFactor(s)); r < .88 || r > 1.14 {
			t.Errorf("seed %d: median %.2f of the level", s, r)
		}
	}
}
