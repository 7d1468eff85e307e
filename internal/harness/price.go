package harness

import (
	"cmp"
	"context"
	"fmt"
	"math"
	"slices"
	"strconv"

	"gonum.org/v1/gonum/stat/distuv"

	"zhijia/internal/accuracy"
	"zhijia/internal/calendar"
	"zhijia/internal/embed"
	"zhijia/internal/valuation"
	price "zhijia/internal/valuation/market"
	"zhijia/internal/valuation/terms"
)

// deal is one row of a priced data set: the comparable as the model sees it
// and what only the harness may know.
type deal struct {
	valuation.Comparable
	Text      string  // title, abstract and claims, as embedded
	grams     []int32 // of Text
	Appraised float64 // value an appraiser put on it before the sale; 0 unknown
	CostFacts float64 // replacement cost stated by the source; 0 unknown
	Cluster   string  // cases that are not independent share it
	NotACase  string  // why the price cannot be a case, although it is listed
}

// price is the whole consideration in yuan.
func (d *deal) price() float64 {
	if d.Price == terms.PricePerPatent {
		return *d.Amount * rate(d) * float64(*d.Patents)
	}
	return *d.Amount * rate(d)
}

func rate(d *deal) float64 {
	if d.Rate != nil {
		return *d.Rate
	}
	return 1
}

func (d *deal) logUnit() float64 { return math.Log(d.price() / float64(*d.Patents)) }

// isCase reports whether the deal has a point price for a known number of
// patents in CNY.
func (d *deal) isCase() bool { return d.NotACase == "" }

// comparable reports whether the deal may feed a baseline: a case between
// unrelated parties.
func (d *deal) comparable() bool {
	return d.isCase() && d.Exclusion == "" && (d.Related == nil || !*d.Related)
}

// view is what may be seen when a case is answered.
type view struct {
	date    calendar.Date // valuation date T
	visible []*deal       // comparable deals before T without the case's own deal, family and duplicates
	exclude []string      // ids the product must not use: the case, its family, near-duplicates, and in a split by deal nothing else
}

// outcome is what a price system answers.
type outcome struct {
	status, reason string // ok or abstained
	estimate       float64
	low, high      float64 // zero: no range
	level          float64
	logMean, logSD float64 // of the forecast of ln price; logSD 0: none
	grade          string
	private        float64 // value in a private sale, whatever the market of the deal; 0: none
	evidence       []Evidence
}

// pricer values the case at the view's date.
type pricer func(ctx context.Context, c *deal, v view) (outcome, error)

func (s *Service) preparePrice(ctx context.Context, t Task) (*plan, error) {
	set, err := s.loadDeals(t.Dataset)
	if err != nil {
		return nil, err
	}
	cases := set.cases(t)
	value, versions, closeProduct, err := s.Product.pricer(ctx, set, t)
	if err != nil {
		return nil, err
	}
	ids := make([]string, len(cases))
	for i, c := range cases {
		ids[i] = c.DealID
	}
	return &plan{
		dataset: DatasetID{Name: set.name, SHA256: set.hash}, cases: ids, versions: versions, close: closeProduct,
		answer: func(ctx context.Context, i int) (Sample, error) {
			return answerPrice(ctx, t, set, cases[i], value)
		},
		summarise: func(samples []Sample, opt accuracy.Options) (*Summary, error) {
			sum, err := summarisePrice(t, set, samples, opt)
			if err != nil {
				return nil, err
			}
			return sum, levelTests(set, s.Product.assumptions(), sum)
		},
	}, nil
}

// cases are the clean deals a task can ask about. Out of time needs a date;
// leaving a deal out does not.
func (set *dealSet) cases(t Task) []*deal {
	var out []*deal
	for _, d := range set.deals {
		if d.isCase() && (t.Split != "out_of_time" || !d.Date.IsZero()) {
			out = append(out, d)
		}
	}
	return out
}

// look returns what the product and every baseline may see of the set when
// they answer the case.
func (set *dealSet) look(t Task, c *deal) view {
	v := view{date: c.Date}
	if t.Split == "leave_one_deal_out" {
		v.date = set.after
	}
	for _, d := range set.deals {
		if d == c || sameRight(c, d) {
			v.exclude = append(v.exclude, d.DealID)
			continue
		}
		if d.Date.IsZero() || !d.Date.LastDay(d.DateUnit).Before(v.date) {
			continue // a deal without a date cannot be shown to be of the past
		}
		if d.comparable() {
			v.visible = append(v.visible, d)
		}
	}
	slices.Sort(v.exclude)
	return v
}

// sameRight reports whether two deals are about the same patents, the same
// family, one being a repeat of the other, or near-identical texts: such a
// deal is no comparable of the case but the case itself.
func sameRight(a, b *deal) bool {
	if a.Cluster == b.Cluster || a.DuplicateOf == b.DealID || b.DuplicateOf == a.DealID {
		return true
	}
	if a.FamilyID != "" && a.FamilyID == b.FamilyID {
		return true
	}
	for _, n := range a.Numbers {
		if slices.Contains(b.Numbers, n) {
			return true
		}
	}
	return embed.Overlap(a.grams, b.grams) >= nearDuplicate
}

// nearDuplicate is the overlap of character bigrams from which two texts are
// taken for the same invention.
const nearDuplicate = 0.9

func answerPrice(ctx context.Context, t Task, set *dealSet, c *deal, value pricer) (Sample, error) {
	v := set.look(t, c)
	price := c.price()
	x := Sample{
		Cluster: c.Cluster, Title: c.Title, Status: "ok",
		Values: map[string]float64{"price": price, "patents": float64(*c.Patents), "visible": float64(len(v.visible))},
		Tags: map[string]string{
			"related_party": related(c), "deal_kind": string(c.Kind), "patent_kind": string(c.Patent), "owner_type": string(c.Owner), "source_type": string(c.Source),
		},
		Estimates: map[string]float64{}, Loss: map[string]float64{},
	}
	if !c.Date.IsZero() {
		x.Tags["year"] = strconv.Itoa(c.Date.Year)
	}
	for _, name := range t.Baselines {
		if e, ok := baselines[name](c, v.visible); ok {
			x.Estimates[name] = e
		}
	}
	o, err := value(ctx, c, v)
	if err != nil {
		return x, err
	}
	for _, e := range o.evidence {
		if slices.Contains(v.exclude, e.ID) {
			return x, fmt.Errorf("leak: the valuation of deal %s used deal %s, which is the same deal, family or text", c.DealID, e.ID)
		}
		if e.Date != "" {
			if d, err := calendar.Parse(e.Date); err == nil && !d.Before(v.date) {
				return x, fmt.Errorf("leak: the valuation of deal %s at %s used deal %s of %s", c.DealID, v.date, e.ID, e.Date)
			}
		}
	}
	x.Evidence = o.evidence
	if o.status != "ok" {
		x.Status, x.Reason = "abstained", o.reason
		return x, nil
	}
	x.Tags["grade"] = o.grade
	x.Estimates["product"] = o.estimate
	if o.private > 0 {
		x.Estimates["product_private"] = o.private
	}
	e := math.Log(o.estimate / price)
	x.Values["log_error"] = e
	x.Loss["abs_log_error"] = math.Abs(e)
	if o.low > 0 && o.high >= o.low {
		x.Values["low"], x.Values["high"], x.Values["level"] = o.low, o.high, o.level
		x.Loss["winkler"] = accuracy.Winkler(math.Log(o.low), math.Log(o.high), math.Log(price), o.level)
	}
	if o.logSD > 0 {
		x.Values["log_mean"], x.Values["log_sd"] = o.logMean, o.logSD
		if crps, err := accuracy.CRPSNormal(o.logMean, o.logSD, math.Log(price)); err == nil {
			x.Loss["crps"] = crps
		}
	}
	return x, nil
}

// seriesOf are the product, its figure for a private sale,
// and the baselines, in the order of the table.
func seriesOf(t Task) []string { return append([]string{"product", "product_private"}, t.Baselines...) }

var seriesNames = map[string]string{
	"product": "Zhijia 本产品", "product_private": "Zhijia, private sale assumed 一律按私下转让", "class_median": "class median 同类中位数", "nearest_deal": "nearest deal 最近交易", "cost_rule": "cost rule 成本法则",
	"regression": "plain regression 普通回归", "appraised": "appraised value 评估值",
}

func summarisePrice(t Task, set *dealSet, samples []Sample, opt accuracy.Options) (*Summary, error) {
	sum := countStatuses(samples)
	table := Table{
		Title:   "Error table 误差表",
		Header:  []string{"", "n", "median |ln e/p|", "bias (median ln)", "within 25%", "within 50%", "within 100%", "FSD (log sd)", "MdAPE", "PE20", "PE30"},
		Caption: "e estimate, p price. Within x%: |ln(e/p)| <= ln(1+x). Brackets: 95% interval, deals as clusters. A baseline's n is smaller where it has nothing to go by.",
	}
	levels := Table{
		Title:   "Ratio study 比率研究",
		Header:  []string{"", "n", "median ratio", "weighted mean", "COD", "PRD", "PRB", "MKI"},
		Caption: "IAAO statistics, reported and not gated: residential thresholds (COD 5-15) are out of reach for patents.",
	}
	for _, series := range seriesOf(t) {
		var est, price []float64
		var clusters []string
		for _, x := range samples {
			if e, ok := x.Estimates[series]; ok && e > 0 {
				est, price = append(est, e), append(price, x.Values["price"])
				clusters = append(clusters, clusterOf(x))
			}
		}
		name := cmp.Or(seriesNames[series], series)
		if len(est) < 2 {
			table.Rows = append(table.Rows, append([]string{name, strconv.Itoa(len(est))}, slices.Repeat([]string{"n/a"}, len(table.Header)-2)...))
			continue
		}
		if allDistinct(clusters) {
			clusters = nil
		}
		e, err := accuracy.LogErrors(est, price, clusters, opt)
		if err != nil {
			return nil, err
		}
		r, err := accuracy.StudyRatios(est, price, clusters, opt)
		if err != nil {
			return nil, err
		}
		n := len(est)
		for _, m := range []struct {
			name string
			f    accuracy.Figure
		}{
			{"median_abs_log_error", e.MedianAbsLogError},
			{"mean_abs_log_error", e.MeanAbsLogError},
			{"median_log_error", e.MedianLogError},
			{"rms_log_error", e.RMSLogError},
			{"within_25", e.Within25},
			{"within_50", e.Within50},
			{"within_100", e.Within100},
			{"fsd", e.FSD},
			{"fsd_68", e.FSD68},
			{"mdape", e.MdAPE},
			{"pe10", e.PE10},
			{"pe20", e.PE20},
			{"pe30", e.PE30},
			{"median_ratio", r.MedianRatio},
			{"weighted_mean_ratio", r.WeightedMeanRatio},
			{"cod", r.COD},
			{"prd", r.PRD},
			{"prb", r.PRB},
			{"mki", r.MKI},
			{"ki", r.KI},
			{"vei", r.VEI},
		} {
			sum.add(series, m.name, n, m.f)
		}
		table.Rows = append(table.Rows, []string{
			name, strconv.Itoa(n), number(e.MedianAbsLogError), number(e.MedianLogError), percent(e.Within25), percent(e.Within50), percent(e.Within100),
			number(e.FSD), percent(e.MdAPE), percent(e.PE20), percent(e.PE30),
		})
		levels.Rows = append(levels.Rows, []string{
			name, strconv.Itoa(n), number(r.MedianRatio), number(r.WeightedMeanRatio), number(r.COD), number(r.PRD), number(r.PRB), number(r.MKI),
		})
	}
	sum.Tables = append(sum.Tables, table)
	if err := sumBaselines(t, samples, sum, opt); err != nil {
		return nil, err
	}
	if err := sumRanges(samples, sum, opt); err != nil {
		return nil, err
	}
	sum.Tables = append(sum.Tables, levels)
	if err := sumTiers(samples, sum, opt); err != nil {
		return nil, err
	}
	if rows := set.notCases(); len(rows) > 0 {
		sum.Tables = append(sum.Tables, Table{
			Title: "Deals that are not cases 未纳入误差表的交易", Header: []string{"reason", "deals"}, Rows: rows,
			Caption: "They are listed, not hidden: a cap, a claim or a sum over many items is not a price.",
		})
	}
	return sum, nil
}

func related(d *deal) string {
	switch {
	case d.Related == nil:
		return "unknown"
	case *d.Related:
		return "yes"
	}
	return "no"
}

func allDistinct(labels []string) bool {
	seen := map[string]bool{}
	for _, l := range labels {
		if seen[l] {
			return false
		}
		seen[l] = true
	}
	return true
}

func countStatuses(samples []Sample) *Summary {
	s := &Summary{N: len(samples)}
	clusters := map[string]bool{}
	for _, x := range samples {
		clusters[clusterOf(x)] = true
		switch x.Status {
		case "ok":
			s.Answered++
		case "abstained":
			s.Abstained++
		default:
			s.Failed++
		}
	}
	s.Clusters = len(clusters)
	return s
}

// sumBaselines pairs the product with every baseline on the deals both
// valued: positive means the product errs more.
func sumBaselines(t Task, samples []Sample, sum *Summary, opt accuracy.Options) error {
	table := Table{
		Title: "Product against baselines, paired 与基准的配对比较", Header: []string{"baseline", "n", "product |ln e/p| minus baseline's", "detectable from", "verdict at 99%"},
		Caption: "Mean difference on the deals both valued; below zero the product errs less. Brackets: 95% cluster bootstrap.",
	}
	for _, base := range t.Baselines {
		var a, b []float64
		var clusters []string
		for _, x := range samples {
			p, ok1 := x.Estimates["product"]
			q, ok2 := x.Estimates[base]
			if ok1 && ok2 {
				a = append(a, math.Abs(math.Log(q/x.Values["price"])))
				b = append(b, math.Abs(math.Log(p/x.Values["price"])))
				clusters = append(clusters, clusterOf(x))
			}
		}
		name := cmp.Or(seriesNames[base], base)
		if len(a) == 0 {
			table.Rows = append(table.Rows, []string{name, "0", "n/a", "n/a", "no deal in common"})
			continue
		}
		c, err := accuracy.Compare(a, b, clusters, opt)
		if err != nil {
			return err
		}
		sum.add("product_minus_"+base, "abs_log_error", len(a), c.Difference)
		table.Rows = append(table.Rows, []string{name, strconv.Itoa(len(a)), number(c.Difference), number(c.MDE), string(c.Verdict)})
	}
	if len(t.Baselines) > 0 {
		sum.Tables = append(sum.Tables, table)
	}
	return nil
}

// sumRanges scores the stated ranges and draws the calibration curve.
func sumRanges(samples []Sample, sum *Summary, opt accuracy.Options) error {
	byLevel := map[float64][]Sample{}
	var u, crps []float64
	var uClusters []string
	for _, x := range samples {
		if l, ok := x.Values["level"]; ok {
			byLevel[l] = append(byLevel[l], x)
		}
		if sd := x.Values["log_sd"]; sd > 0 {
			z := (math.Log(x.Values["price"]) - x.Values["log_mean"]) / sd
			u = append(u, distuv.UnitNormal.CDF(z))
			crps = append(crps, x.Loss["crps"])
			uClusters = append(uClusters, clusterOf(x))
		}
	}
	levels := make([]float64, 0, len(byLevel))
	for l := range byLevel {
		levels = append(levels, l)
	}
	slices.Sort(levels)
	table := Table{
		Title: "Ranges 估值区间", Header: []string{"stated level", "n", "measured coverage", "below / above", "width factor", "Winkler (ln)"},
		Caption: "Width factor: high/low of the mean range on the log scale. A range narrower than a factor of 2 either way is a warning, not a success.",
	}
	for _, level := range levels {
		var lo, hi, y []float64
		var clusters []string
		narrow := 0
		for _, x := range byLevel[level] {
			lo, hi, y = append(lo, math.Log(x.Values["low"])), append(hi, math.Log(x.Values["high"])), append(y, math.Log(x.Values["price"]))
			clusters = append(clusters, clusterOf(x))
			if x.Values["high"] < 4*x.Values["low"] {
				narrow++
			}
		}
		if allDistinct(clusters) {
			clusters = nil
		}
		iv, err := accuracy.Intervals(lo, hi, y, level, clusters, opt)
		if err != nil {
			return err
		}
		series := "range_" + strconv.Itoa(int(math.Round(100*level)))
		sum.add(series, "coverage", iv.N, iv.Coverage)
		sum.add(series, "mean_log_width", iv.N, iv.MeanWidth)
		sum.add(series, "winkler", iv.N, iv.Winkler)
		if level == 0.8 && narrow > 0 {
			sum.Notes = append(sum.Notes, fmt.Sprintf("ALARM: %d of %d ranges at 80%% are narrower than a factor of 2 either way.", narrow, iv.N))
		}
		table.Rows = append(table.Rows, []string{
			fmt.Sprintf("%g%%", 100*level), strconv.Itoa(iv.N), percent(iv.Coverage), fmt.Sprintf("%.0f%% / %.0f%%", 100*iv.Below, 100*iv.Above),
			"×" + strconv.FormatFloat(math.Exp(iv.MeanWidth.Value), 'f', 1, 64), number(iv.Winkler),
		})
	}
	if len(table.Rows) > 0 {
		sum.Tables = append(sum.Tables, table)
	}
	if len(u) > 0 {
		if allDistinct(uClusters) {
			uClusters = nil
		}
		f, err := accuracy.MeanFigure(crps, uClusters, opt)
		if err != nil {
			return err
		}
		sum.add("product", "crps", len(u), f)
		if sum.Calibration, err = accuracy.Calibration(u, []float64{0.2, 0.4, 0.5, 0.6, 0.8, 0.9, 0.95}, uClusters, opt); err != nil {
			return err
		}
	}
	return nil
}

// sumTiers splits the product's errors by price tercile and by the tags a
// reader asks about.
func sumTiers(samples []Sample, sum *Summary, opt accuracy.Options) error {
	var priced []Sample
	for _, x := range samples {
		if _, ok := x.Estimates["product"]; ok {
			priced = append(priced, x)
		}
	}
	if len(priced) < 6 {
		return nil
	}
	slices.SortStableFunc(priced, func(a, b Sample) int { return cmp.Compare(a.Values["price"], b.Values["price"]) })
	table := Table{
		Title: "Tiers 分层", Header: []string{"group", "n", "median ratio", "median |ln e/p|", "within 100%"},
		Caption: "Price terciles show whether cheap patents are over- and dear ones under-valued; with few deals the intervals are wide and say so.",
	}
	add := func(name string, xs []Sample) error {
		if len(xs) < 2 {
			return nil
		}
		var est, price []float64
		for _, x := range xs {
			est, price = append(est, x.Estimates["product"]), append(price, x.Values["price"])
		}
		e, err := accuracy.LogErrors(est, price, nil, opt)
		if err != nil {
			return err
		}
		r, err := accuracy.StudyRatios(est, price, nil, opt)
		if err != nil {
			return err
		}
		table.Rows = append(table.Rows, []string{name, strconv.Itoa(len(xs)), number(r.MedianRatio), number(e.MedianAbsLogError), percent(e.Within100)})
		return nil
	}
	for k, name := range []string{"cheapest third 低价", "middle third 中价", "dearest third 高价"} {
		if err := add(name, priced[k*len(priced)/3:(k+1)*len(priced)/3]); err != nil {
			return err
		}
	}
	for _, tag := range []string{"related_party", "deal_kind", "owner_type", "source_type"} {
		groups := map[string][]Sample{}
		for _, x := range priced {
			groups[x.Tags[tag]] = append(groups[x.Tags[tag]], x)
		}
		names := make([]string, 0, len(groups))
		for g := range groups {
			names = append(names, g)
		}
		slices.Sort(names)
		for _, g := range names {
			if err := add(tag+" = "+cmp.Or(g, "unknown"), groups[g]); err != nil {
				return err
			}
		}
	}
	sum.Tables = append(sum.Tables, table)
	return nil
}

// levels are what an ordinary firm's right brings, by kind, as prices and asks nobody fitted a model to bound it: two price
// lists and a platform's asks for what is sold in private, three bulk sales for what is sold by force.
var levels = []struct {
	name      string
	sale      price.Sale
	kind      string
	life      float64
	low, high float64
}{
	{"utility model, private, 5 years left 实用新型，私下转让", price.Private, "utility_model", 5, 500, 40_000},
	{"invention, private, 10 years left 发明，私下转让", price.Private, "invention", 10, 8_000, 400_000},
	{"utility model, by force, 5 years left 实用新型，处置", price.Distress, "utility_model", 5, 300, 30_000},
	{"invention, by force, 10 years left 发明，处置", price.Distress, "invention", 10, 300, 30_000},
}

// levelTests asks for the level of each kind, with every deal of the set known, and says whether it lies where it must.
func levelTests(set *dealSet, as valuation.Assumptions, sum *Summary) error {
	var deals []price.Deal
	for _, d := range set.deals {
		if as.Unpriced(&d.Comparable) == "" {
			deals = append(deals, as.MarketDeal(&d.Comparable))
		}
	}
	v, err := price.Solve(as.Prices, deals, set.after.Year)
	if err != nil {
		return err
	}
	table := Table{
		Title: "Level tests 水平检验", Header: []string{"an ordinary firm's", "want, yuan", "value", "within"},
		Caption: "Median of one patent if sold so, before costs to sell, by the deals of the set and the assumptions in use. The bounds are two price lists, a platform's asks and three bulk sales.",
	}
	for _, l := range levels {
		life := l.life
		value := math.Exp(v.Price(price.Question{Labels: price.Ordinary(l.sale, "firm", l.kind), Facts: price.Facts{Life: &life}}).Mean)
		within := "yes 是"
		if value < l.low || value > l.high {
			within = "no 否"
		}
		table.Rows = append(table.Rows, []string{l.name, fmt.Sprintf("%.0f to %.0f", l.low, l.high), fmt.Sprintf("%.0f", value), within})
	}
	sum.Tables = append(sum.Tables, table)
	return nil
}

func number(f accuracy.Figure) string { return format(f, 1, "") }

func percent(f accuracy.Figure) string { return format(f, 100, "%") }

func format(f accuracy.Figure, scale float64, unit string) string {
	if !f.Defined() {
		return "n/a"
	}
	v := short(f.Value*scale) + unit
	if !f.HasInterval() {
		return v
	}
	return fmt.Sprintf("%s [%s, %s]", v, short(f.Low*scale), short(f.High*scale))
}

// short prints three significant digits without an exponent.
func short(v float64) string {
	if v == 0 {
		return "0"
	}
	digits := max(0, 2-int(math.Floor(math.Log10(math.Abs(v)))))
	return strconv.FormatFloat(v, 'f', min(digits, 4), 64)
}
