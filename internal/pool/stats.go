package pool

import (
	"cmp"
	"fmt"
	"math"
	"slices"

	"zhijia/internal/calendar"
	"zhijia/internal/money"
)

// Statistics is the exchange's list (guide no. 1, chapter 4) with
// concentration measures.
type Statistics struct {
	Principal     money.Fen      `json:"principal"`
	Assets        int            `json:"assets"`
	Obligors      int            `json:"obligors"` // after merging affiliates
	IPCount       int            `json:"ip_count"`
	Largest       money.Fen      `json:"largest"`
	Average       money.Fen      `json:"average"`
	WARate        float64        `json:"wa_rate"`       // by outstanding principal
	WAMonths      float64        `json:"wa_months"`     // remaining term, by principal
	WAAgeMonths   *float64       `json:"wa_age_months"` // null when a start date is missing
	WAPD          *float64       `json:"wa_pd"`         // null when a PD is missing
	HHI           float64        `json:"hhi"`           // Σ w², groups
	EffectiveN    float64        `json:"effective_n"`   // 1 / HHI
	Top5          float64        `json:"top5"`          // share of the five largest groups
	RelatedShare  *float64       `json:"related_share"` // null when unknown for an obligor
	CashFlowCV    *float64       `json:"cash_flow_cv"`  // coefficient of variation of scheduled collections per period; null for one period
	Top20         []TopObligor   `json:"top20"`         // empty when every obligor is at most 1%
	TopAssets     []TopAsset     `json:"top_assets"`    // the twenty largest (上交所挂牌指引第1号 4.1.3); empty when each is at most 1%
	Distributions []Distribution `json:"distributions"`
}

// TopObligor is one row of the top-20 list.
type TopObligor struct {
	Rank      int       `json:"rank"`
	Name      string    `json:"name"` // natural persons masked
	Members   int       `json:"members"`
	Principal money.Fen `json:"principal"`
	Share     float64   `json:"share"`
	Region    string    `json:"region,omitempty"`
	Industry  string    `json:"industry,omitempty"`
}

// Distribution is one table: by size, remaining term, age, rate, region,
// industry, shadow rating, relation.
type Distribution struct {
	By   string `json:"by"`
	Zh   string `json:"zh"`
	Rows []Band `json:"rows"`
}

// Band is one row of a distribution.
type Band struct {
	Band      string    `json:"band"`
	Count     int       `json:"count"`
	Principal money.Fen `json:"principal"`
	Share     float64   `json:"share"`
}

// group is an obligor with its affiliates.
type group struct {
	name, region, industry string
	members                int
	principal              money.Fen
	ids                    []string
}

// groups merges affiliates and orders by principal, largest first.
func (d *Deal) groups() []group {
	at := map[string]int{}
	var gs []group
	byID := map[string]string{}
	seen := map[string]bool{}
	for _, o := range d.Obligors {
		byID[o.ID] = o.group()
	}
	for _, a := range d.Assets {
		key := byID[a.Obligor]
		i, ok := at[key]
		if !ok {
			i = len(gs)
			at[key] = i
			o, _ := d.obligor(a.Obligor)
			gs = append(gs, group{name: o.display(), region: o.Region, industry: o.Industry})
		}
		gs[i].principal += a.Principal
		if !seen[a.Obligor] {
			seen[a.Obligor] = true
			gs[i].members++
			gs[i].ids = append(gs[i].ids, a.Obligor)
		}
	}
	for i := range gs {
		slices.Sort(gs[i].ids)
		if o, ok := d.obligor(gs[i].ids[0]); ok { // independent of row order
			gs[i].name, gs[i].region, gs[i].industry = o.display(), o.Region, o.Industry
		}
	}
	slices.SortFunc(gs, func(a, b group) int {
		return cmp.Or(cmp.Compare(b.principal, a.principal), cmp.Compare(a.ids[0], b.ids[0]))
	})
	return gs
}

// Concentration returns Σw², 1/Σw² and the share of the five largest of the
// given weights, normalised to sum to one.
func Concentration(weights []float64) (hhi, effective, top5 float64) {
	sorted := slices.Clone(weights)
	slices.SortFunc(sorted, func(a, b float64) int { return cmp.Compare(b, a) })
	total := 0.0
	for _, w := range sorted {
		total += w
	}
	if total == 0 {
		return 0, 0, 0
	}
	for i, w := range sorted {
		hhi += w / total * w / total
		if i < 5 {
			top5 += w / total
		}
	}
	return hhi, 1 / hhi, top5
}

// Statistics computes the list. It needs a deal that passes [Deal.Check].
func (d *Deal) Statistics() Statistics {
	s := Statistics{Principal: d.Total(), Assets: len(d.Assets), IPCount: len(d.Patents)}
	gs := d.groups()
	s.Obligors = len(gs)
	total := float64(s.Principal)
	weights := make([]float64, len(gs))
	small := true
	for i, g := range gs {
		weights[i] = float64(g.principal)
		small = small && weights[i] <= 0.01*total
	}
	s.HHI, s.EffectiveN, s.Top5 = Concentration(weights)
	if !small {
		for i, g := range gs[:min(20, len(gs))] {
			s.Top20 = append(s.Top20, TopObligor{i + 1, g.name, g.members, g.principal, float64(g.principal) / total, g.region, g.industry})
		}
	}
	s.TopAssets = d.topAssets(total)
	age, ageKnown, pd, pdKnown, related, relatedKnown := 0.0, true, 0.0, true, 0.0, true
	for i := range d.Assets {
		a := &d.Assets[i]
		w := float64(a.Principal) / total
		o, _ := d.obligor(a.Obligor)
		s.Largest = max(s.Largest, a.Principal)
		s.WARate += w * a.Rate
		s.WAMonths += w * a.remainingMonths(d)
		if a.Start.IsZero() {
			ageKnown = false
		} else {
			age += w * a.Start.YearsUntil(d.CutOff) * 12
		}
		if o.PD == nil {
			pdKnown = false
		} else {
			pd += w * *o.PD
		}
		switch o.Related {
		case Unknown:
			relatedKnown = false
		case Yes:
			related += w
		}
	}
	s.Average = s.Principal.MulRatio(1, int64(len(d.Assets)))
	if ageKnown {
		s.WAAgeMonths = &age
	}
	if pdKnown {
		s.WAPD = &pd
	}
	if relatedKnown {
		s.RelatedShare = &related
	}
	s.CashFlowCV = d.variation()
	s.Distributions = d.distributions()
	return s
}

func (a *Asset) remainingMonths(d *Deal) float64 {
	dues := a.Dues(d.CutOff)
	return d.CutOff.YearsUntil(dues[len(dues)-1].Date) * 12
}

// variation is the coefficient of variation of scheduled collections per
// payment period, over the periods of the contractual life.
func (d *Deal) variation() *float64 {
	n := d.lifePeriods()
	if n < 2 {
		return nil
	}
	sums := make([]float64, n)
	mean := 0.0
	for _, c := range d.contracts(d.periods()) {
		for t := range n {
			sums[t] += float64(c.interest[t] + c.principal[t])
			mean += float64(c.interest[t]+c.principal[t]) / float64(n)
		}
	}
	ss := 0.0
	for _, x := range sums {
		ss += (x - mean) * (x - mean)
	}
	if mean == 0 {
		return nil
	}
	cv := math.Sqrt(ss/float64(n-1)) / mean
	return &cv
}

type bander struct {
	by, zh string
	band   func(*Asset, Obligor) (string, int) // label and order
}

func steps(x float64, unit string, edges ...float64) (string, int) {
	for i, e := range edges {
		if x <= e {
			if i == 0 {
				return fmt.Sprintf("%g%s及以下", e, unit), i
			}
			return fmt.Sprintf("%g-%g%s", edges[i-1], e, unit), i
		}
	}
	return fmt.Sprintf("%g%s以上", edges[len(edges)-1], unit), len(edges)
}

func named(s string) (string, int) {
	if s == "" {
		return "未知", 1
	}
	return s, 0
}

func (d *Deal) distributions() []Distribution {
	tables := []bander{
		{"size", "未偿本金", func(a *Asset, _ Obligor) (string, int) {
			return steps(a.Principal.Yuan()/1e4, "万元", 100, 300, 500, 800, 1000, 2000, 5000)
		}},
		{"remaining", "剩余期限", func(a *Asset, _ Obligor) (string, int) {
			return steps(math.Ceil(a.remainingMonths(d)-1e-9), "个月", 6, 12, 18, 24, 36, 60)
		}},
		{"age", "账龄", func(a *Asset, _ Obligor) (string, int) {
			if a.Start.IsZero() {
				return "未知", 99
			}
			return steps(a.Start.YearsUntil(d.CutOff)*12, "个月", 3, 6, 12, 24, 36)
		}},
		{"rate", "年利率", func(a *Asset, _ Obligor) (string, int) { return steps(a.Rate*100, "%", 3, 4, 5, 6, 8, 10) }},
		{"region", "地区", func(_ *Asset, o Obligor) (string, int) { return named(o.Region) }},
		{"industry", "行业", func(_ *Asset, o Obligor) (string, int) { return named(o.Industry) }},
		{"shadow_rating", "影子评级（由使用者提供）", func(_ *Asset, o Obligor) (string, int) { return named(o.ShadowRating) }},
		{"related", "与原始权益人的关联关系", func(_ *Asset, o Obligor) (string, int) {
			switch o.Related {
			case Yes:
				return "关联方", 0
			case No:
				return "非关联方", 1
			}
			return "未知", 2
		}},
	}
	total := float64(d.Total())
	var out []Distribution
	for _, b := range tables {
		type row struct {
			Band
			order int
		}
		var rows []row
		for i := range d.Assets {
			a := &d.Assets[i]
			o, _ := d.obligor(a.Obligor)
			label, order := b.band(a, o)
			at := slices.IndexFunc(rows, func(r row) bool { return r.Band.Band == label })
			if at < 0 {
				at = len(rows)
				rows = append(rows, row{Band{Band: label}, order})
			}
			rows[at].Count++
			rows[at].Principal += a.Principal
		}
		slices.SortFunc(rows, func(x, y row) int {
			return cmp.Or(cmp.Compare(x.order, y.order), cmp.Compare(x.Band.Band, y.Band.Band))
		})
		dist := Distribution{By: b.by, Zh: b.zh}
		for _, r := range rows {
			r.Share = float64(r.Principal) / total
			dist.Rows = append(dist.Rows, r.Band)
		}
		out = append(out, dist)
	}
	return out
}

// Mask hides a natural person's name but for the first character: 张三 becomes
// 张*.
func Mask(name string) string {
	r := []rune(name)
	if len(r) < 2 {
		return "*"
	}
	for i := 1; i < len(r); i++ {
		r[i] = '*'
	}
	return string(r)
}

func (o Obligor) display() string {
	if o.NaturalPerson {
		return Mask(o.Name)
	}
	return o.Name
}

// TopAsset is one of the largest receivables.
type TopAsset struct {
	Rank      int           `json:"rank"`
	Asset     string        `json:"asset"`
	Obligor   string        `json:"obligor"` // masked where a natural person
	Principal money.Fen     `json:"principal"`
	Share     float64       `json:"share"`
	Rate      float64       `json:"rate"`
	Maturity  calendar.Date `json:"maturity"`
	Rating    string        `json:"shadow_rating,omitempty"`
	Related   Fact          `json:"related"`
	Enhancer  string        `json:"enhancer,omitempty"`
	Security  string        `json:"security,omitempty"`
	LeaseForm string        `json:"lease_form,omitempty"`
}

func (d *Deal) topAssets(total float64) (out []TopAsset) {
	by := make([]*Asset, len(d.Assets))
	for i := range d.Assets {
		by[i] = &d.Assets[i]
	}
	slices.SortStableFunc(by, func(a, b *Asset) int { return cmp.Or(cmp.Compare(b.Principal, a.Principal), cmp.Compare(a.ID, b.ID)) })
	if len(by) == 0 || total <= 0 || float64(by[0].Principal)/total <= 0.01 {
		return nil
	}
	for i, a := range by[:min(20, len(by))] {
		o, _ := d.obligor(a.Obligor)
		end := a.Maturity
		if a.Amortise == "schedule" && len(a.Schedule) > 0 {
			end = a.Schedule[len(a.Schedule)-1].Date
		}
		out = append(out, TopAsset{i + 1, a.ID, o.display(), a.Principal, float64(a.Principal) / total, a.Rate, end, o.ShadowRating, o.Related, a.Enhancer, a.Security, a.LeaseForm})
	}
	return out
}
