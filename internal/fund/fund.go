// Package fund rolls a fund's patents up: each distinct patent and family once,
// with the stake, as a range under three assumptions of how the values move
// together, with concentration, stress, expiries and the exits.
//
// Start with [Roll]. It is a help to those who value the fund, not its net asset
// value.
package fund

import (
	"cmp"
	_ "embed"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"

	"gonum.org/v1/gonum/stat"
	"gonum.org/v1/gonum/stat/distuv"

	"zhijia/internal/calendar"
	"zhijia/internal/money"
	"zhijia/internal/patent"
	"zhijia/internal/ruling"
)

//go:embed rules.json
var rulesJSON []byte

// Rules are the rules and figures in force in this version.
var Rules = ruling.Load(rulesJSON)

// Input is a fund on a day.
type Input struct {
	Label     string        `json:"label,omitempty" zh:"标注"`
	On        calendar.Date `json:"on" zh:"估值日"`
	Name      string        `json:"name" zh:"基金名称"`
	Manager   string        `json:"manager,omitempty" zh:"管理人"`
	Committed *money.Fen    `json:"committed,omitempty" zh:"认缴规模"`

	Limit       *float64 `json:"single_limit,omitempty" zh:"单一企业上限"` // share of the commitments
	LimitSource string   `json:"single_limit_source,omitempty" zh:"上限依据"`
	Rho         *float64 `json:"rho,omitempty" zh:"共同方差份额"` // nil: the model's
	Seed        uint64   `json:"seed,omitempty" zh:"随机种子"`

	Patents   []Patent   `json:"patents" zh:"专利"`
	Positions []Position `json:"positions" zh:"投资项目"`
	Haircuts  []Haircut  `json:"haircuts,omitempty" zh:"压力折扣"`

	Ledger []ruling.Burden `json:"ledger,omitempty"` // what the ledger of rights said
}

// Position is one investment.
type Position struct {
	ID      string   `json:"id" zh:"项目编号"`
	Company string   `json:"company" zh:"企业"`
	Stake   *float64 `json:"stake" zh:"份额"` // share of the company or of the licence income, 0 to 1
	Region  string   `json:"region,omitempty" zh:"地区"`
	Stage   string   `json:"stage,omitempty" zh:"阶段"`

	Cost          *money.Fen    `json:"cost,omitempty" zh:"投资成本"`
	LastValue     *money.Fen    `json:"last_value,omitempty" zh:"上次估值"` // of the position
	LastDate      calendar.Date `json:"last_date,omitzero" zh:"上次估值日"`
	Technique     string        `json:"technique,omitempty" zh:"估值技术"`
	LastTechnique string        `json:"last_technique,omitempty" zh:"上次估值技术"`
	Reason        string        `json:"technique_reason,omitempty" zh:"变更说明"`
	Exit          *money.Fen    `json:"exit_price,omitempty" zh:"退出价格"`
	ExitDate      calendar.Date `json:"exit_date,omitzero" zh:"退出日"`
}

// Patent is one patent of a position's company.
type Patent struct {
	Position  string        `json:"position" zh:"项目编号"`
	Number    string        `json:"number" zh:"专利号"`
	Title     string        `json:"title,omitempty" zh:"名称"`
	Family    string        `json:"family,omitempty" zh:"同族"`
	IPC       string        `json:"ipc,omitempty" zh:"IPC"`
	Grade     string        `json:"grade,omitempty" zh:"等级"`
	Expiry    calendar.Date `json:"expiry,omitzero" zh:"届满日"`
	Alive     patent.Truth  `json:"alive,omitempty" zh:"有效"`
	Low       *money.Fen    `json:"low,omitempty" zh:"估值下限"` // of the whole right, at the level of 0.8
	Value     *money.Fen    `json:"value,omitempty" zh:"估值"`
	High      *money.Fen    `json:"high,omitempty" zh:"估值上限"`
	Date      calendar.Date `json:"value_date,omitzero" zh:"估值日期"`
	Valuation string        `json:"valuation,omitempty" zh:"估值编号"`
}

// Haircut is a stress of the user's: what is taken off each patent of a grade.
type Haircut struct {
	Grade string  `json:"grade" zh:"等级"`
	Share float64 `json:"share" zh:"折扣"` // 0 to 1
}

// Range is the joint range under one assumption.
type Range struct {
	Name string    `json:"name" zh:"口径"` // independent, common_factor, comonotone
	Zh   string    `json:"zh" zh:"口径（中文）"`
	Rho  float64   `json:"rho" zh:"共同方差份额"`
	Low  money.Fen `json:"low" zh:"下限"`
	Mid  money.Fen `json:"median" zh:"中位"`
	High money.Fen `json:"high" zh:"上限"`
}

// Line is one position rolled up.
type Line struct {
	ID      string    `json:"id" zh:"项目编号"`
	Company string    `json:"company" zh:"企业"`
	Patents int       `json:"patents" zh:"计值专利数"`
	Value   money.Fen `json:"value" zh:"专利估值（按份额）"`
	Share   *float64  `json:"share" zh:"占比"`
	Changed string    `json:"technique" zh:"估值技术"` // same, changed, unknown
	Exit    *float64  `json:"exit_vs_last" zh:"退出较上次估值"`
}

// Concentration is how the value lies along one dimension.
type Concentration struct {
	By    string  `json:"by" zh:"维度"` // company, ipc, region, stage, patent
	Zh    string  `json:"zh" zh:"维度（中文）"`
	N     int     `json:"n" zh:"个数"`
	HHI   float64 `json:"hhi" zh:"HHI"`
	Top1  float64 `json:"top1" zh:"前一"`
	Top5  float64 `json:"top5" zh:"前五"`
	Top10 float64 `json:"top10" zh:"前十"`
	Large string  `json:"largest" zh:"最大"`
	Blank float64 `json:"unknown_share" zh:"未知占比"`
}

// Stress is the sum of the values under one stress.
type Stress struct {
	Name  string    `json:"name" zh:"压力"`
	Value money.Fen `json:"value" zh:"剩余估值"`
	Loss  *float64  `json:"loss" zh:"下降"`
	Lost  []string  `json:"lost,omitempty" zh:"失效专利"`
}

// Expiry is what ends in one year.
type Expiry struct {
	Year  int       `json:"year" zh:"年份"` // 0: not known
	Count int       `json:"count" zh:"件数"`
	Value money.Fen `json:"value" zh:"估值（按份额）"`
}

// Left is a patent that does not count, and why.
type Left struct {
	Number   string `json:"number" zh:"专利号"`
	Position string `json:"position" zh:"项目编号"`
	Why      string `json:"why" zh:"原因"`
}

// Result is a fund rolled up.
type Result struct {
	Label    string          `json:"label,omitempty" zh:"标注"`
	Name     string          `json:"name" zh:"基金名称"`
	On       calendar.Date   `json:"on" zh:"估值日"`
	Decision ruling.Decision `json:"decision" zh:"结论"`

	Sum      money.Fen `json:"sum_of_points" zh:"估值合计（按份额）"` // of the distinct patents, by stake
	Distinct int       `json:"patents" zh:"计值专利数"`
	Families int       `json:"families" zh:"计值同族数"`
	Draws    int       `json:"draws" zh:"模拟次数"`
	NoRange  string    `json:"no_range,omitempty" zh:"没有区间的原因"`

	Ranges        []Range         `json:"ranges" zh:"联合区间"` // empty: a counted patent has no range
	Lines         []Line          `json:"lines" zh:"项目汇总"`
	Concentration []Concentration `json:"concentration" zh:"集中度"`
	Stress        []Stress        `json:"stress" zh:"压力测试"`
	Expiries      []Expiry        `json:"expiries" zh:"到期分布"`
	Left          []Left          `json:"not_counted" zh:"未计值专利"`
}

// Check refuses what cannot be a fund, each fault under its own code. A patent
// in two positions is refused and both are named.
func (in *Input) Check() error {
	var f ruling.Faults
	f.Wrong(in.On.IsZero(), "on", "fund.on", "请填写估值日", "is missing")
	f.Wrong(strings.TrimSpace(in.Name) == "", "name", "fund.name", "请填写基金名称", "is missing")
	f.Wrong(in.Committed != nil && (*in.Committed <= 0 || *in.Committed > money.Max), "committed", "fund.committed", "认缴规模应大于 0", "must be above zero")
	f.Wrong(in.Limit != nil && (!(*in.Limit > 0 && *in.Limit <= 1) || in.LimitSource == ""), "single_limit", "fund.limit", "上限应在 0 到 1 之间，并写明依据", "must lie between 0 and 1 and name its source")
	f.Wrong(in.Rho != nil && !(*in.Rho >= 0 && *in.Rho <= 1), "rho", "fund.rho", "共同方差份额应在 0 到 1 之间", "must lie between 0 and 1")
	f.Wrong(len(in.Positions) == 0 || len(in.Positions) > 2000, "positions", "fund.positions", "投资项目应为 1 到 2000 个", "must be 1 to 2,000")
	f.Wrong(len(in.Patents) > 20000, "patents", "fund.patents", "专利不得超过 20000 件", "must be 20,000 at most")
	positions := map[string]Position{}
	for i, p := range in.Positions {
		at := fmt.Sprintf("positions[%d]", i)
		f.Wrong(p.ID == "" || p.Company == "", at+".id", "fund.position", "请填写项目编号和企业", "id and company are missing")
		f.Wrong(p.Stake != nil && !(*p.Stake >= 0 && *p.Stake <= 1), at+".stake", "fund.stake", "份额应在 0 到 1 之间，如 0.15", "must lie between 0 and 1, e.g. 0.15")
		for _, x := range []*money.Fen{p.Cost, p.LastValue, p.Exit} {
			f.Wrong(x != nil && (*x < 0 || *x > money.Max), at, "fund.amount", "金额不得为负", "an amount may not be negative")
		}
		f.Wrong(p.ExitDate.After(in.On) || p.LastDate.After(in.On), at, "fund.future", "上次估值日和退出日不得晚于估值日", "the last value and the exit may not lie after the day")
		old, twice := positions[p.ID]
		f.Wrong(twice && fmt.Sprint(old.Company, value(old.Stake)) != fmt.Sprint(p.Company, value(p.Stake)), at+".id", "fund.position_twice", "项目编号"+p.ID+"重复且内容不同", "position "+p.ID+" is given twice and differs")
		positions[p.ID] = p
	}
	seen := map[patent.Key]Patent{}
	for i, x := range in.Patents {
		at := fmt.Sprintf("patents[%d]", i)
		_, known := positions[x.Position]
		f.Wrong(!known, at+".position", "fund.position_unknown", "没有项目“"+x.Position+"”", "there is no position "+x.Position)
		f.Wrong(strings.TrimSpace(x.Number) == "", at+".number", "fund.number", "请填写专利号", "is missing")
		last := money.Fen(0)
		for _, v := range []*money.Fen{x.Low, x.Value, x.High} {
			f.Wrong(v != nil && (*v < last || *v > money.Max), at+".value", "fund.value", "估值应不为负，且下限 ≤ 估值 ≤ 上限", "must not be negative and in order low, value, high")
			if v != nil {
				last = *v
			}
		}
		f.Wrong(x.Date.After(in.On), at+".value_date", "fund.value_future", "估值日期不得晚于基金估值日", "may not lie after the fund's day")
		k := patent.KeyOf(x.Number)
		old, twice := seen[k]
		f.Wrong(twice && old.Position != x.Position, at+".number", "fund.patent_twice", "专利"+x.Number+"同时列在项目"+old.Position+"和"+x.Position+"，只能计一次", "the patent stands in the positions "+old.Position+" and "+x.Position+" and counts once")
		f.Wrong(twice && old.Position == x.Position && (value(old.Value) != value(x.Value) || value(old.Low) != value(x.Low) || value(old.High) != value(x.High)), at+".number", "fund.patent_differs", "专利"+x.Number+"重复且估值不同", "the patent is given twice and its values differ")
		seen[k] = x
	}
	for i, h := range in.Haircuts {
		f.Wrong(h.Grade == "" || !(h.Share >= 0 && h.Share <= 1), fmt.Sprintf("haircuts[%d]", i), "fund.haircut", "等级不得为空，折扣应在 0 到 1 之间", "grade and a share between 0 and 1")
	}
	return f.Err()
}

// value is what a pointer holds, for comparing; nil differs from every value.
func value[T any](x *T) string {
	if x == nil {
		return "nil"
	}
	return fmt.Sprint(*x)
}

// item is a patent that counts.
type item struct {
	*Patent
	position *Position
	key      patent.Key
	worth    money.Fen // by stake
}

// Roll rolls a fund up.
func Roll(in Input) (Result, error) {
	if err := in.Check(); err != nil {
		return Result{}, err
	}
	out := Result{Label: in.Label, Name: in.Name, On: in.On, Ranges: []Range{}, Left: []Left{}}
	r := Rules.Under()
	var positions []*Position // each once, in order of id
	byID := map[string]*Position{}
	for i := range in.Positions {
		if p := &in.Positions[i]; byID[p.ID] == nil {
			byID[p.ID] = p
			positions = append(positions, p)
		}
	}
	slices.SortFunc(positions, func(a, b *Position) int { return strings.Compare(a.ID, b.ID) })
	items := in.items(r, byID, &out)
	for _, x := range items {
		out.Sum += x.worth
	}
	out.Distinct = len(items)
	families := map[string]bool{}
	for _, x := range items {
		families[cmp.Or(x.Family, string(x.key))] = true
	}
	out.Families = len(families)
	in.joint(items, &out)
	in.lines(r, positions, items, &out)
	out.concentrate(items)
	out.stress(items, in.Haircuts)
	out.expire(items)
	in.limit(r, positions)
	r.Ledger("F08", in.Ledger)
	out.Decision = r.Decide()
	return out, nil
}

// items are the patents that count: each once, of a family the dearest, those
// alive with a value and a known stake, in order of number.
func (in *Input) items(r *ruling.Ruling, byID map[string]*Position, out *Result) []item {
	var all []item
	seen := map[patent.Key]bool{}
	for i := range in.Patents {
		x := &in.Patents[i]
		k := patent.KeyOf(x.Number)
		if seen[k] {
			continue // told twice
		}
		seen[k] = true
		all = append(all, item{Patent: x, position: byID[x.Position], key: k})
	}
	slices.SortFunc(all, func(a, b item) int { return strings.Compare(string(a.key), string(b.key)) })
	worth := func(x *item) money.Fen {
		if x.Value == nil || x.position.Stake == nil {
			return -1
		}
		return x.Value.MulRate(*x.position.Stake)
	}
	best := map[string]int{}
	for i := range all {
		all[i].worth = worth(&all[i])
		if f := all[i].Family; f != "" {
			if j, ok := best[f]; !ok || all[i].worth > all[j].worth {
				best[f] = i
			}
		}
	}
	var kept []item
	leave := func(x *item, code string, o ruling.Outcome, why, supply string) {
		out.Left = append(out.Left, Left{x.Number, x.Position, why})
		if code != "" {
			r.Add(code, o, x.Number, why, supply)
		}
	}
	for i := range all {
		x := &all[i]
		switch {
		case x.Alive == patent.No || !x.Expiry.IsZero() && !in.On.Before(x.Expiry):
			leave(x, "F05", ruling.Warn, "权利已失效，不计值", "核实权利状态")
			continue
		case x.Family != "" && best[x.Family] != i:
			leave(x, "F06", ruling.Warn, "与"+all[best[x.Family]].Number+"同族，只计其一", "核实同族关系")
			continue
		case x.position.Stake == nil:
			leave(x, "F07", ruling.Unknown, "项目"+x.Position+"的份额未知，未计值", "投资协议或股东名册")
			continue
		case x.Value == nil:
			leave(x, "F02", ruling.Unknown, "没有估值，未计值", "估值参考意见")
			continue
		}
		if x.Alive != patent.Yes {
			r.Add("F05", ruling.Unknown, x.Number, "权利状态未知，按有效计值", "登记簿副本")
		}
		kept = append(kept, *x)
	}
	if len(all) == 0 {
		r.Add("F02", ruling.Unknown, "", "没有专利", "各项目的专利清单")
	} else if len(out.Left) == 0 {
		r.Add("F02", ruling.Pass, "", fmt.Sprintf("%d 件均有估值", len(kept)), "")
	}
	return kept
}

// spread are the scales of a patent's log value below and above its point, read
// from its range at the level.
func (x *item) spread(z float64) (below, above float64, ok bool) {
	if x.Low == nil || x.High == nil {
		return 0, 0, false
	}
	if *x.Value == 0 {
		return 0, 0, *x.High == 0
	}
	if *x.Low == 0 {
		return 0, 0, false
	}
	return math.Log(float64(*x.Value)/float64(*x.Low)) / z, math.Log(float64(*x.High)/float64(*x.Value)) / z, true
}

// joint ranges the sum. A patent's value is point·exp(s·z), z normal, with one
// scale s below the point and one above, so that its own range comes back. The
// z are independent, share a common factor (z = √ρ·Z + √(1−ρ)·e), or are one. In
// the last case the quantiles add up exactly; the others are simulated with a
// fixed seed.
func (in *Input) joint(items []item, out *Result) {
	if len(items) == 0 {
		out.NoRange = "没有计值的专利"
		return
	}
	level := Rules.Value("level")
	z := distuv.UnitNormal.Quantile((1 + level) / 2)
	below, above, w := make([]float64, len(items)), make([]float64, len(items)), make([]float64, len(items))
	for i := range items {
		var ok bool
		if below[i], above[i], ok = items[i].spread(z); !ok {
			out.NoRange = items[i].Number + "没有可用的区间（下限和上限须给出，且下限大于 0）"
			return
		}
		w[i] = items[i].worth.Yuan()
	}
	rho := Rules.Value("common_share")
	if in.Rho != nil {
		rho = *in.Rho
	}
	draws := max(2000, min(10000, 20_000_000/len(items)))
	out.Draws = draws
	for _, c := range []Range{{Name: "independent", Zh: "相互独立"}, {Name: "common_factor", Zh: "共同因子（市场模型）", Rho: rho}} {
		src := rand.New(rand.NewPCG(in.Seed, 11))
		a, b := math.Sqrt(c.Rho), math.Sqrt(1-c.Rho)
		sums := make([]float64, draws)
		for d := range sums {
			common := src.NormFloat64()
			for i := range items {
				y := a*common + b*src.NormFloat64()
				s := above[i]
				if y < 0 {
					s = below[i]
				}
				sums[d] += w[i] * math.Exp(s*y)
			}
		}
		slices.Sort(sums)
		q := func(p float64) money.Fen {
			x, _ := money.FromYuan(stat.Quantile(p, stat.LinInterp, sums, nil))
			return x
		}
		c.Low, c.Mid, c.High = q((1-level)/2), q(0.5), q((1+level)/2)
		out.Ranges = append(out.Ranges, c)
	}
	c := Range{Name: "comonotone", Zh: "完全同向", Rho: 1, Mid: out.Sum}
	for _, x := range items {
		c.Low += x.Low.MulRate(*x.position.Stake)
		c.High += x.High.MulRate(*x.position.Stake)
	}
	out.Ranges = append(out.Ranges, c)
}

func (in *Input) lines(r *ruling.Ruling, positions []*Position, items []item, out *Result) {
	for _, p := range positions {
		l := Line{ID: p.ID, Company: p.Company}
		for _, x := range items {
			if x.Position == p.ID {
				l.Patents++
				l.Value += x.worth
			}
		}
		if out.Sum > 0 {
			s := float64(l.Value) / float64(out.Sum)
			l.Share = &s
		}
		switch {
		case p.Technique == "" || p.LastTechnique == "":
			l.Changed = "unknown"
			r.Add("F03", ruling.Unknown, p.ID, "本次或上次的估值技术未填写", "两次估值所用的技术；首次估值请在上次估值技术填写“首次”")
		case p.LastTechnique == "首次" || p.Technique == p.LastTechnique:
			l.Changed = "same"
			r.Add("F03", ruling.Pass, p.ID, p.Technique, "")
		case p.Reason == "":
			l.Changed = "changed"
			r.Add("F03", ruling.Review, p.ID, "由"+p.LastTechnique+"改为"+p.Technique+"，没有说明", "变更估值技术的说明")
		default:
			l.Changed = "changed"
			r.Add("F03", ruling.Warn, p.ID, "由"+p.LastTechnique+"改为"+p.Technique+"："+p.Reason, "在估值报告中披露变更")
		}
		if p.Exit != nil {
			if p.LastValue == nil || *p.LastValue == 0 || p.LastDate.IsZero() {
				r.Add("F04", ruling.Unknown, p.ID, "退出前估值或其日期未知", "退出前最后一次估值及日期")
			} else {
				x := float64(*p.Exit)/float64(*p.LastValue) - 1
				l.Exit = &x
				r.Add("F04", ruling.Pass, p.ID, fmt.Sprintf("退出价格较%s估值%+.1f%%", p.LastDate, 100*x), "")
			}
		}
		out.Lines = append(out.Lines, l)
	}
}

func (out *Result) concentrate(items []item) {
	for _, d := range []struct {
		by, zh string
		of     func(*item) string
	}{
		{"company", "企业", func(x *item) string { return x.position.Company }},
		{"ipc", "IPC小类", func(x *item) string {
			s := strings.ToUpper(strings.ReplaceAll(x.IPC, " ", ""))
			if len(s) < 4 {
				return ""
			}
			return s[:4]
		}},
		{"region", "地区", func(x *item) string { return x.position.Region }},
		{"stage", "阶段", func(x *item) string { return x.position.Stage }},
		{"patent", "专利", func(x *item) string { return string(x.key) }},
	} {
		c := Concentration{By: d.by, Zh: d.zh}
		sums := map[string]money.Fen{}
		for i := range items {
			sums[d.of(&items[i])] += items[i].worth
		}
		type group struct {
			name  string
			share float64
		}
		var groups []group
		for name, v := range sums {
			if out.Sum == 0 {
				break
			}
			share := float64(v) / float64(out.Sum)
			if name == "" {
				c.Blank = share
			}
			groups = append(groups, group{name, share})
		}
		slices.SortFunc(groups, func(a, b group) int { return cmp.Or(cmp.Compare(b.share, a.share), strings.Compare(a.name, b.name)) })
		for i, g := range groups {
			c.HHI += g.share * g.share
			if i < 1 {
				c.Top1, c.Large = g.share, cmp.Or(g.name, "未知")
			}
			if i < 5 {
				c.Top5 += g.share
			}
			if i < 10 {
				c.Top10 += g.share
			}
		}
		c.N = len(groups)
		out.Concentration = append(out.Concentration, c)
	}
}

// stress takes the k dearest away, and the user's haircuts by grade.
func (out *Result) stress(items []item, haircuts []Haircut) {
	order := slices.Clone(items)
	slices.SortStableFunc(order, func(a, b item) int { return cmp.Compare(b.worth, a.worth) })
	add := func(s Stress) {
		if out.Sum > 0 {
			x := 1 - float64(s.Value)/float64(out.Sum)
			s.Loss = &x
		}
		out.Stress = append(out.Stress, s)
	}
	for _, k := range []int{1, 3, 5} {
		s := Stress{Name: "估值最高的" + strconv.Itoa(k) + "件失效", Value: out.Sum}
		for _, x := range order[:min(k, len(order))] {
			s.Value -= x.worth
			s.Lost = append(s.Lost, x.Number)
		}
		add(s)
	}
	if len(haircuts) == 0 {
		return
	}
	s := Stress{Name: "按等级折扣"}
	for _, x := range items {
		left := x.worth
		for _, h := range haircuts {
			if h.Grade == x.Grade {
				left -= x.worth.MulRate(h.Share)
				break
			}
		}
		s.Value += left
	}
	add(s)
}

func (out *Result) expire(items []item) {
	at := map[int]*Expiry{}
	for _, x := range items {
		year := x.Expiry.Year
		if at[year] == nil {
			at[year] = &Expiry{Year: year}
		}
		at[year].Count++
		at[year].Value += x.worth
	}
	for _, e := range at {
		out.Expiries = append(out.Expiries, *e)
	}
	slices.SortFunc(out.Expiries, func(a, b Expiry) int { return cmp.Compare(a.Year, b.Year) })
}

// limit is rule F01: what one company cost against the commitments.
func (in *Input) limit(r *ruling.Ruling, positions []*Position) {
	if in.Limit == nil || in.Committed == nil {
		r.Add("F01", ruling.Unknown, "", "没有填写上限或认缴规模", "基金合同约定的单一企业上限和认缴规模")
		return
	}
	cost, unknown := map[string]money.Fen{}, map[string]bool{}
	var names []string
	for _, p := range positions {
		if _, seen := cost[p.Company]; !seen {
			names = append(names, p.Company)
		}
		if p.Cost == nil {
			unknown[p.Company] = true
			cost[p.Company] += 0
		} else {
			cost[p.Company] += *p.Cost
		}
	}
	bound := in.Committed.MulRate(*in.Limit)
	for _, name := range names {
		evidence := fmt.Sprintf("成本%s元，上限%s元", cost[name], bound)
		switch {
		case cost[name] > bound:
			r.Cite("F01", ruling.Block, name, evidence, "降低投资或修改基金合同", in.LimitSource)
		case unknown[name]:
			r.Cite("F01", ruling.Unknown, name, "投资成本未知", "投资成本", in.LimitSource)
		default:
			r.Cite("F01", ruling.Pass, name, evidence, "", in.LimitSource)
		}
	}
}
