package market

import (
	"encoding/csv"
	"encoding/json"
	"math"
	"os"
	"slices"
	"testing"

	"zhijia/internal/calendar"
)

type goldenCase struct {
	ID      string  `json:"id"`
	Market  Sale    `json:"market"`
	Channel string  `json:"channel"`
	Owner   string  `json:"owner"`
	Deal    string  `json:"deal"`
	Kind    string  `json:"kind"`
	N       int     `json:"n"`
	Year    int     `json:"year"`
	Related float64 `json:"related"`
	Event   string  `json:"event"`
	Log     float64 `json:"log_price"`
	Mean    float64 `json:"loo_mean"`
	SD      float64 `json:"loo_sd"`
}

type goldenFile struct {
	Fit       map[string]float64               `json:"fit"`
	Effects   map[string]map[string][2]float64 `json:"effects"`
	Cases     []goldenCase                     `json:"cases"`
	OutOfTime []struct {
		ID   string
		Mean float64
		SD   float64
	} `json:"out_of_time"`
	Subjects []struct {
		Market Sale
		Kind   string
		Median float64
		Low80  float64
		High80 float64
	} `json:"subjects"`
}

func readGolden(t *testing.T) goldenFile {
	b, err := os.ReadFile("../../../../shared/data/market_model_golden.json")
	if err != nil {
		t.Skip("the reference numbers are not here: ../shared/data/market_model_golden.json")
	}
	var g goldenFile
	if err := json.Unmarshal(b, &g); err != nil {
		t.Fatal(err)
	}
	return g
}

// goldenPrior is the assumptions of the reference: docs/market-model.md, section 4.
func goldenPrior() *Prior {
	src := Source{Source: "market-model section 4"}
	p := &Prior{Version: "golden", Intercept: .4, Bundle: .85, BundleSD: .15, Undated: 2018, UndatedVar: .1, RelatedSD: .5, Levels: map[Sale]Level{}, Kinds: map[string]Offset{}, ScalePriors: map[string]ScalePrior{}}
	for s, m := range map[Sale]float64{Private: 50e3, Showcase: 1.2e6, Corporate: 3e6, Court: 300e3, Distress: 5e3} {
		p.Levels[s] = Level{m, src}
	}
	for k, v := range map[string]float64{"utility_model": -1.3, "design": -1.3, "application": -.2, "mixed": -.3} {
		p.Kinds[k] = Offset{Log: v}
	}
	for name, v := range map[string][2]float64{"market": {.8, .25}, "channel": {.7, .6}, "owner": {.5, .6}, "deal": {.4, .6}, "kind": {.6, .6}, "event": {.5, .6}, "noise": {1.1, .35}, "year": {.1, .5}} {
		p.ScalePriors[name] = ScalePrior{Median: v[0], LogSD: v[1]}
	}
	p.Scales = Scales{Market: .8, Channel: .7, Owner: .5, Deal: .4, Kind: .6, Event: .5, Noise: 1.1, Year: .1}
	return p
}

func goldenDeals(g goldenFile) []Deal {
	var out []Deal
	for _, c := range g.Cases {
		d := Deal{ID: c.ID, Labels: Labels{c.Market, c.Channel, c.Owner, c.Deal, c.Kind}, Event: c.Event, Log: c.Log, Patents: c.N, Related: c.Related > 0}
		if c.Year > 0 {
			d.Date = calendar.New(c.Year, 12, 31)
		}
		out = append(out, d)
	}
	return out
}

// TestGolden checks the estimator against a second implementation of it: scales, effects, leave-one-event-out with every
// scale refitted in each fold, out of time likewise, and subjects, each to 1e-3 of the logarithm.
func TestGolden(t *testing.T) {
	g := readGolden(t)
	deals := goldenDeals(g)
	fit := func(deals []Deal, ask ...int) *View {
		p := goldenPrior()
		v := &View{prior: *p}
		s, ok := newDesign(&v.prior, deals, ask...).maximise()
		if !ok {
			t.Fatal("no maximum")
		}
		v.s = s
		return v
	}
	near := func(what string, got, want float64) {
		t.Helper()
		if !(math.Abs(got-want) <= 1e-3) {
			t.Errorf("%s: %.5f, the reference has %.5f", what, got, want)
		}
	}
	all := fit(deals)
	for i, n := range scaleNames {
		if want, ok := g.Fit[n]; ok {
			near("scale "+n, all.s.scale[i], want)
		}
	}
	for group, name := range map[int]string{gMarket: "market", gChannel: "channel", gOwner: "owner", gDeal: "deal", gKind: "kind"} {
		for l, c := range all.s.column[group] {
			want := g.Effects[name][l]
			near(name+" "+l, all.s.mean[c], want[0])
			near(name+" "+l+" sd", math.Sqrt(all.s.cov.At(int(c), int(c))), want[1])
		}
	}
	for i, c := range g.Cases {
		rest := slices.DeleteFunc(slices.Clone(deals), func(d Deal) bool { return d.Event == c.Event })
		m, sd := fit(rest, goldenPrior().year(&deals[i])).expect(&deals[i])
		near(c.ID+" left out", m, c.Mean)
		near(c.ID+" left out sd", sd, c.SD)
	}
	first, last := goldenDays(t, "-01-01", "-01"), goldenDays(t, "-12-31", "-31")
	for _, o := range g.OutOfTime {
		i := slices.IndexFunc(deals, func(d Deal) bool { return d.ID == o.ID })
		early := slices.DeleteFunc(slices.Clone(deals), func(d Deal) bool {
			return d.Event == deals[i].Event || last[d.ID] == "" || last[d.ID] >= first[o.ID]
		})
		m, sd := fit(early, deals[i].Date.Year).expect(&deals[i])
		near(o.ID+" out of time", m, o.Mean)
		near(o.ID+" out of time sd", sd, o.SD)
	}
}

// goldenDays are the dates of the public table, with month and day filled in where it names only the year or the month.
func goldenDays(t *testing.T, year, month string) map[string]string {
	f, err := os.Open("../../../../shared/data/patent_transactions.csv")
	if err != nil {
		t.Skip("the deals are not here: ../shared/data/patent_transactions.csv")
	}
	defer f.Close()
	rows, err := csv.NewReader(f).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	at := slices.Index(rows[0], "date")
	out := map[string]string{}
	for _, r := range rows[1:] {
		d := r[at]
		n := 0
		for n < len(d) && (d[n] >= '0' && d[n] <= '9' || d[n] == '-') {
			n++
		}
		switch d = d[:n]; len(d) {
		case 4:
			d += year
		case 7:
			d += month
		}
		if len(d) == 10 {
			out[r[0]] = d
		}
	}
	return out
}
