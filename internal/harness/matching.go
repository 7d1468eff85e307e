package harness

import (
	"cmp"
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"time"

	"zhijia/internal/accuracy"
	"zhijia/internal/calendar"
	"zhijia/internal/fault"
	"zhijia/internal/money"
	"zhijia/internal/patent"
)

// prepareMatching measures how well the same party, deal and patent are found
// in two sources. The names of the dataset are real; the rest of the register
// is made in their pattern, and so is the noise, because no public set says
// which of two spellings are one firm.
func (s *Service) prepareMatching(t Task) (*plan, error) {
	raw, err := s.open(t.Dataset)
	if err != nil {
		return nil, err
	}
	told, err := toldDeals(raw)
	if err != nil {
		return nil, err
	}
	if t.Register < 1000 || t.Limit < 100 {
		return nil, fault.New(fault.Invalid, "eval.matching", "匹配评测须指明 register（≥1000）与 limit（≥100）。", "A matching task names register (1,000 or more) and limit (100 or more).")
	}
	m := &matching{rng: rand.New(rand.NewPCG(t.Seed, 11)), taken: map[string]bool{}}
	m.parties(realNames(told), t.Register, t.Limit)
	m.deals(told)
	m.patents()
	ids := make([]string, len(m.samples))
	for i := range m.samples {
		ids[i] = m.samples[i].Case
	}
	return &plan{
		dataset: DatasetID{Name: datasetName(t.Dataset), SHA256: digest(raw)}, cases: ids,
		answer:    func(_ context.Context, i int) (Sample, error) { return m.samples[i], nil },
		summarise: m.summarise,
	}, nil
}

// matching makes the questions and keeps the answers.
type matching struct {
	rng     *rand.Rand
	taken   map[string]bool
	samples []Sample
	costs   [][]string // rows of the table of time and memory
	notes   []string
}

// Outcomes of one question. A question about something that is not there can
// only be answered rightly with nothing or a review.
const (
	hit     = "hit"
	wrong   = "wrong"
	review  = "review"
	nothing = "nothing"
)

func (m *matching) answer(series, kind, origin string, there bool, outcome string) {
	x := Sample{
		Case: series + "-" + strconv.Itoa(len(m.samples)), Status: "ok",
		Values: map[string]float64{outcome: 1}, Tags: map[string]string{"series": series, "noise": kind, "origin": origin, "there": strconv.FormatBool(there)},
		Loss: map[string]float64{"errors": 0},
	}
	if outcome == wrong || there && outcome != hit {
		x.Loss["errors"] = 1
	}
	m.samples = append(m.samples, x)
}

// toldDeals reads what identifies the deals of a file with the columns of the
// project's own.
func toldDeals(raw []byte) ([]patent.DealFacts, error) {
	table, err := readTable(raw)
	if err != nil || len(table) < 2 {
		return nil, fault.New(fault.Invalid, "eval.matching", "交易数据有误。", "The deals are malformed or empty.").Because(err)
	}
	at := map[string]int{}
	for i, h := range table[0] {
		at[h] = i
	}
	for _, column := range []string{"title", "numbers", "deal_kind", "amount", "date", "date_precision", "seller", "buyer"} {
		if _, ok := at[column]; !ok {
			return nil, fault.New(fault.Invalid, "eval.matching.missing_column", "交易数据缺少列 "+column+"。", "The deals have no column "+column+".")
		}
	}
	out := make([]patent.DealFacts, 0, len(table)-1)
	for _, row := range table[1:] {
		if c, ok := at["source_type"]; ok && row[c] == "platform" {
			continue // a list of prices names neither titles nor parties
		}
		if c, ok := at["exclusion_code"]; ok && row[c] != "" {
			continue // among them are deals that two sources told: what is to be found, not to be made
		}
		d := patent.DealFacts{Title: row[at["title"]], Kind: row[at["deal_kind"]], Unit: row[at["date_precision"]], Seller: row[at["seller"]], Buyer: row[at["buyer"]]}
		if s := row[at["numbers"]]; s != "" {
			d.Numbers = strings.Split(s, ";")
		}
		d.Amount, _ = strconv.ParseFloat(row[at["amount"]], 64) // 0: not known
		d.Date, _ = calendar.Parse(row[at["date"]])
		out = append(out, d)
	}
	return out, nil
}

// realNames are the Chinese firms and institutions among the sellers and
// buyers of the deals, without remarks and without those made anonymous.
func realNames(told []patent.DealFacts) []string {
	var out []string
	for _, d := range told {
		for _, text := range []string{d.Seller, d.Buyer} {
			for _, name := range strings.FieldsFunc(text, func(r rune) bool { return strings.ContainsRune(";；/、", r) }) {
				for _, open := range []string{"(与", "(经", "(诉", "(津", "(李", "(毕", "(杨"} {
					name, _, _ = strings.Cut(name, open)
				}
				name = strings.TrimSpace(name)
				core, _ := patent.NormalName(name)
				ends := slices.ContainsFunc([]string{"公司", "大学", "研究院", "研究所", "医院", "学院", "厂"}, func(end string) bool { return strings.HasSuffix(name, end) })
				if ends && len([]rune(core)) >= 4 && !strings.ContainsAny(name, "某所属") && !slices.Contains(out, name) {
					out = append(out, name)
				}
			}
		}
	}
	return out
}

var (
	places = strings.Fields("上海 北京 深圳 广州 杭州 苏州 南京 武汉 成都 西安 天津 重庆 宁波 无锡 青岛 长沙 合肥 厦门 福州 济南 大连 沈阳 郑州 常州 东莞 佛山 珠海 南通 嘉兴 昆山")
	trades = strings.Fields("科技 电子科技 生物科技 信息技术 新材料 智能装备 医疗器械 生物医药 环保科技 新能源 机械制造 汽车零部件 网络科技 软件 化工 光电技术 半导体 自动化设备 食品 建筑材料")
	marks  = []rune("华新兴达盛恒瑞天成泰康安宏远东方海明德金信诚创智联通光大中科博雅凯丰隆昌永利顺和美佳立宇航飞云龙腾鼎力源润泽益民生同济正元百嘉迪森维思特克诺奥尔伟业捷晟祥裕富春江山河星辰")
)

func pick[T any](rng *rand.Rand, list []T) T { return list[rng.IntN(len(list))] }

// freshName makes a name in the pattern of Chinese firms (place, mark, trade,
// form) that was not made before.
func (m *matching) freshName() string {
	for {
		mark := ""
		for range 2 + m.rng.IntN(3) {
			mark += string(pick(m.rng, marks))
		}
		place, trade, form := pick(m.rng, places), pick(m.rng, trades), "有限公司"
		if m.rng.IntN(6) == 0 {
			form = "股份有限公司"
		}
		name := place + mark + trade + form
		if m.rng.IntN(3) == 0 {
			name = mark + trade + "（" + place + "）" + form
		}
		if core, f := patent.NormalName(name); !m.taken[core+f] {
			m.taken[core+f] = true
			return name
		}
	}
}

const creditAlphabet = "0123456789ABCDEFGHJKLMNPQRTUWXY"

func (m *matching) creditCode() string {
	b := []byte("91")
	for len(b) < 17 {
		b = append(b, creditAlphabet[m.rng.IntN(len(creditAlphabet))])
	}
	for i := range creditAlphabet {
		if code, err := patent.ParseCreditCode(string(b) + creditAlphabet[i:i+1]); err == nil {
			return code
		}
	}
	return ""
}

// nameNoise are the ways another source writes a name, with their shares.
var nameNoise = []struct {
	kind  string
	share int // percent
}{
	{"exact", 12},
	{"width, brackets, spaces", 20},
	{"legal form", 20},
	{"former name", 15},
	{"code, other name", 10},
	{"neighbours swapped", 10},
	{"character left out", 5},
	{"character doubled", 5},
	{"another character", 3},
}

func (m *matching) drawNoise() string {
	k := m.rng.IntN(100)
	for _, n := range nameNoise {
		if k -= n.share; k < 0 {
			return n.kind
		}
	}
	return "exact"
}

// rewrite writes a party as another source might.
func (m *matching) rewrite(x patent.Party, kind string) (patent.Party, string) {
	r := []rune(x.Name)
	at := 1 + m.rng.IntN(max(1, min(5, len(r)-2)))
	switch kind {
	case "width, brackets, spaces":
		return patent.Party{Name: strings.NewReplacer("（", "(", "）", ")", "(", "（", ")", "）", "科技", "科 技", "公司", "公司 ").Replace(x.Name)}, kind
	case "legal form":
		return patent.Party{Name: strings.Replace(x.Name, "有限公司", "有限责任公司", 1)}, kind
	case "former name":
		if len(x.Former) > 0 {
			return patent.Party{Name: x.Former[0]}, kind
		}
	case "code, other name":
		if x.Code != "" {
			return patent.Party{Name: m.freshName(), Code: x.Code}, kind
		}
	case "neighbours swapped":
		r[at], r[at+1] = r[at+1], r[at]
		return patent.Party{Name: string(r)}, kind
	case "character left out":
		return patent.Party{Name: string(append(r[:at:at], r[at+1:]...))}, kind
	case "character doubled":
		return patent.Party{Name: string(append(r[:at:at], r[at-1:]...))}, kind
	case "another character":
		r[at] = pick(m.rng, marks)
		return patent.Party{Name: string(r)}, kind
	}
	return patent.Party{Name: x.Name}, "exact"
}

// asksOfReal is how often each real name is asked about.
const asksOfReal = 30

// parties asks about a register of n parties: questions about those in it and
// a fifth as many about others; about each real name besides, thirty times.
func (m *matching) parties(names []string, n, questions int) {
	list := make([]patent.Party, 0, n)
	for _, name := range names {
		core, f := patent.NormalName(name)
		m.taken[core+f] = true
		list = append(list, patent.Party{Name: name, Code: m.creditCode(), Former: []string{m.freshName()}})
	}
	for len(list) < n {
		x := patent.Party{Name: m.freshName(), Code: m.creditCode()}
		if m.rng.IntN(2) == 0 {
			x.Former = []string{m.freshName()}
		}
		list = append(list, x)
	}
	before := heapInUse()
	start := time.Now()
	register := patent.NewParties(list)
	indexed := time.Since(start)
	index := heapInUse() - before
	ask := func(q patent.Party, want int, kind, origin string) {
		outcome := nothing
		if found := register.Find(q); len(found) > 0 {
			switch {
			case found[0].Band != patent.Same:
				outcome = review
			case found[0].Party == want:
				outcome = hit
			default:
				outcome = wrong
			}
		}
		m.answer("parties", kind, origin, want >= 0, outcome)
	}
	start = time.Now()
	asked := len(m.samples)
	for i := range names {
		for range asksOfReal {
			q, kind := m.rewrite(list[i], m.drawNoise())
			ask(q, i, kind, "real")
		}
	}
	for range questions {
		i := len(names) + m.rng.IntN(n-len(names))
		q, kind := m.rewrite(list[i], m.drawNoise())
		ask(q, i, kind, "generated")
	}
	for range questions / 5 {
		ask(patent.Party{Name: m.freshName()}, -1, "not in the register", "generated")
	}
	each := time.Since(start) / time.Duration(len(m.samples)-asked)
	runtime.KeepAlive(register)
	m.costs = append(m.costs,
		[]string{"index of " + strconv.Itoa(n) + " parties", indexed.Round(time.Millisecond).String(), fmt.Sprintf("%.0f MB", index/1e6)},
		[]string{"one question (making its noise included)", each.Round(time.Microsecond).String(), ""})
	m.notes = append(m.notes, fmt.Sprintf("Register: %d parties, %d of them with real names of the dataset, %d made in their pattern. Noise and former names are made. Shares of the noise in percent: %v; each real name is asked about %d times.", n, len(names), n-len(names), nameNoise, asksOfReal))
}

func heapInUse() float64 {
	runtime.GC()
	var s runtime.MemStats
	runtime.ReadMemStats(&s)
	return float64(s.HeapAlloc)
}

var (
	things = strings.Fields("锂电池正极材料 激光测距装置 图像识别方法 污水处理设备 植物提取物 数控机床主轴 光纤传感器 钢筋连接件 疫苗佐剂 变频驱动电路 无人机导航系统 环氧树脂固化剂 齿轮箱密封结构 语音合成模型 风力发电叶片 心脏支架输送器 土壤修复剂 石墨烯涂层 半导体刻蚀气体 冷链物流箱")
	traits = strings.Fields("高强度 低功耗 可折叠 耐高温 自适应 便携式 多通道 快速 环保型 双层 柔性 智能化 抗菌 防水 分布式")
)

func (m *matching) title() string {
	return "一种" + pick(m.rng, traits) + pick(m.rng, marks2) + pick(m.rng, things) + pick(m.rng, []string{"", "及其制备方法", "及其应用", "的制造工艺"})
}

var marks2 = strings.Fields("复合 集成 嵌入式 模块化 纳米 微型 在线 远程 混合 梯度 多级 旋转 真空 脉冲")

// applicationNumber makes a valid number filed on a day.
func (m *matching) applicationNumber(filed calendar.Date, kind patent.Kind) string {
	digits := fmt.Sprintf("%d%d%07d", filed.Year, map[patent.Kind]int{patent.Invention: 1, patent.UtilityModel: 2}[kind], m.rng.IntN(10_000_000))
	return "CN" + digits + "." + string(patent.CheckDigit(digits))
}

// deals tells every deal of the dataset that has a price and a date, and as
// many again in their pattern as make two thousand, a second time as another
// source would, and adds what is easily taken for a second telling: the same
// patents sold again, other patents of the same seller sold the same day, and
// the second contract of a row.
func (m *matching) deals(told []patent.DealFacts) {
	list := slices.DeleteFunc(slices.Clone(told), func(d patent.DealFacts) bool { return d.Amount == 0 || d.Date.IsZero() || d.Title == "" })
	known := len(list)
	for len(list) < 2000 {
		filed := calendar.New(2008, 1, 1).AddDays(m.rng.IntN(4000))
		d := patent.DealFacts{
			Title: m.title(), Kind: pick(m.rng, []string{"assignment", "assignment", "assignment", "exclusive_licence"}), Amount: money.Round(math.Exp(10+4*m.rng.Float64()), 3),
			Date: filed.AddDays(1000 + m.rng.IntN(1500)), Unit: "day", Seller: m.freshName(), Buyer: m.freshName(),
		}
		if m.rng.IntN(2) == 0 {
			d.Numbers = []string{m.applicationNumber(filed, patent.Invention)}
		}
		list = append(list, d)
	}
	n := len(list)
	kinds := make([]string, n)
	for i := range n {
		d := list[i]
		d.Seller, d.Buyer = m.respell(d.Seller), m.respell(d.Buyer)
		switch k := m.rng.IntN(100); {
		case k < 30:
			kinds[i] = "another spelling, days later"
			d.Date = d.Date.AddDays(m.rng.IntN(25))
		case k < 50:
			kinds[i] = "title reworded, amount rounded"
			r := []rune(d.Title)
			d.Title, d.Amount = string(r[len(r)*2/5:])+"等相关专利", money.Round(d.Amount, 3)
		case k < 70:
			kinds[i] = "no numbers, month only"
			d.Numbers, d.Unit = nil, "month"
		case k < 85:
			kinds[i] = "parties left out"
			d.Seller, d.Buyer = "", ""
		default:
			kinds[i] = "tax included, months later"
			d.Amount, d.Date = math.Round(d.Amount*1.06), d.Date.AddDays(40+m.rng.IntN(60))
		}
		list = append(list, d)
	}
	for range n / 2 {
		d := list[m.rng.IntN(n)]
		switch m.rng.IntN(3) {
		case 0: // the second contract of a row: that day, those parties, that price, no patents named
			first := m.rng.IntN(n)
			d = list[first]
			d.Title, d.Numbers = d.Title+"（合同二）", nil
			list[first].Title += "（合同一）"
			list[n+first].Title += "（合同一）"
		case 1: // sold again
			d.Seller, d.Buyer, d.Date, d.Amount = d.Buyer, m.freshName(), d.Date.AddDays(200+m.rng.IntN(1500)), money.Round(d.Amount*math.Exp(1-2*m.rng.Float64()), 3)
		default: // another right of the same seller
			d.Title, d.Numbers, d.Buyer = m.title(), []string{m.applicationNumber(calendar.New(2012, 1, 1), patent.Invention)}, m.freshName()
		}
		list = append(list, d)
	}
	start := time.Now()
	pairs := patent.PairDeals(list)
	took := time.Since(start)
	m.pairs("deals", pairs, n, func(i int) (string, string) {
		if i < known {
			return kinds[i], "real"
		}
		return kinds[i], "generated"
	}, func(i int) string {
		return map[bool]string{true: "sold again or beside, contracts in a row", false: "other deals"}[i >= 2*n]
	})
	m.costs = append(m.costs, []string{fmt.Sprintf("pairs among %d tellings of deals", len(list)), took.Round(time.Millisecond).String(), ""})
	m.notes = append(m.notes, fmt.Sprintf("Deals: %d real ones of the dataset and %d made in their pattern, each told twice, beside %d that are easily mistaken for a second telling.", known, n-known, n/2))
}

func (m *matching) respell(name string) string {
	if name == "" || m.rng.IntN(3) > 0 {
		return name
	}
	q, _ := m.rewrite(patent.Party{Name: name}, pick(m.rng, []string{"width, brackets, spaces", "legal form"}))
	return q.Name
}

// pairs judges what was paired: entry i below n and entry n+i are one.
func (m *matching) pairs(series string, found []patent.Pair, n int, about func(int) (kind, origin string), other func(int) string) {
	band := map[int]patent.Band{}
	for _, p := range found {
		switch {
		case p.A < n && p.B == p.A+n:
			band[p.A] = p.Band
		case p.Band == patent.Same:
			m.answer(series, other(p.B), "generated", false, wrong)
		}
	}
	for i := range n {
		kind, origin := about(i)
		m.answer(series, kind, origin, true, map[patent.Band]string{patent.Same: hit, patent.Uncertain: review, "": nothing}[band[i]])
	}
}

// patents tells two thousand made records a second time under their publication
// number or none, beside twins filed the same day as the other kind and
// divisional applications of the same title.
func (m *matching) patents() {
	const n = 2000
	var list []patent.PatentFacts
	for range n {
		filed := calendar.New(2008, 1, 1).AddDays(m.rng.IntN(5000))
		list = append(list, patent.PatentFacts{
			Number: m.applicationNumber(filed, patent.Invention), Publication: fmt.Sprintf("CN1%08dA", 1_000_000+m.rng.IntN(90_000_000)), Kind: patent.Invention,
			Title: m.title(), Filing: filed, IPC: []string{pick(m.rng, []string{"H01M 4/36", "G01S 17/08", "C02F 1/00", "A61K 36/00", "B23Q 1/70"})}, Owners: []string{m.freshName()},
		})
	}
	kinds := make([]string, n)
	for i := range n {
		p := list[i]
		p.Owners = []string{m.respell(p.Owners[0])}
		switch k := m.rng.IntN(100); {
		case k < 50:
			kinds[i] = "granted, under the publication number"
			p.Number, p.Publication = strings.TrimSuffix(p.Publication, "A")+"B", ""
		case k < 70:
			kinds[i] = "no number in common, title and date"
			p.Number, p.Publication, p.IPC = p.Publication, "", nil
			list[i].Publication = ""
		case k < 85:
			kinds[i] = "assigned meanwhile, no number in common"
			p.Number, p.Publication, p.Owners = p.Publication, "", []string{m.freshName()}
			list[i].Publication = ""
		default:
			kinds[i] = "title shortened, no number in common"
			p.Number, p.Publication, p.Title = p.Publication, "", strings.TrimPrefix(p.Title, "一种")
			list[i].Publication = ""
		}
		list = append(list, p)
	}
	for range n / 2 {
		p := list[m.rng.IntN(n)]
		p.Publication = ""
		if m.rng.IntN(2) == 0 { // a utility model of the same day
			p.Kind, p.Number = patent.UtilityModel, fmt.Sprintf("CN2%08dU", m.rng.IntN(90_000_000))
		} else { // a later application under the same title
			p.Number, p.Filing = fmt.Sprintf("CN1%08dA", 91_000_000+m.rng.IntN(8_000_000)), p.Filing.AddDays(30+m.rng.IntN(700))
		}
		list = append(list, p)
	}
	start := time.Now()
	pairs := patent.PairPatents(list)
	took := time.Since(start)
	m.pairs("patents", pairs, n, func(i int) (string, string) { return kinds[i], "generated" },
		func(i int) string {
			return map[bool]string{true: "twin or later application", false: "other patents"}[i >= 2*n]
		})
	m.costs = append(m.costs, []string{fmt.Sprintf("pairs among %d records of patents", len(list)), took.Round(time.Millisecond).String(), ""})
	m.notes = append(m.notes, fmt.Sprintf("Patents: %d made records told twice, none real, beside %d twins and later applications.", n, n/2))
}

func (m *matching) summarise(samples []Sample, _ accuracy.Options) (*Summary, error) {
	sum := countStatuses(samples)
	sum.Notes = m.notes
	table := Table{
		Title: "Matching 匹配", Header: []string{"what", "origin", "questions", "precision of automatic matches", "recall of automatic matches", "for review"},
		Caption: "Precision: rightly matched of all matched without asking, questions about what is not there included. Recall: rightly matched without asking of all that are there. Exact 95% intervals.",
	}
	kinds := Table{Title: "By kind of noise 按差异类型", Header: []string{"what", "noise", "questions", "hit", "wrong", "review", "nothing"}}
	for _, series := range []string{"parties", "deals", "patents"} {
		for _, origin := range []string{"all", "real", "generated"} {
			count, there, asked := map[string]int{}, 0, 0
			byKind := map[string]map[string]int{}
			for _, x := range samples {
				if x.Tags["series"] != series || origin != "all" && x.Tags["origin"] != origin {
					continue
				}
				asked++
				outcome := nothing
				for _, o := range []string{hit, wrong, review} {
					if x.Values[o] == 1 {
						outcome = o
					}
				}
				count[outcome]++
				if x.Tags["there"] == "true" {
					there++
				}
				if k := x.Tags["noise"]; byKind[k] == nil {
					byKind[k] = map[string]int{}
				}
				byKind[x.Tags["noise"]][outcome]++
			}
			if there == 0 || count[hit]+count[wrong] == 0 {
				continue
			}
			precision, err := accuracy.ClopperPearson(count[hit], count[hit]+count[wrong], 0.95)
			if err != nil {
				return nil, err
			}
			recall, err := accuracy.ClopperPearson(count[hit], there, 0.95)
			if err != nil {
				return nil, err
			}
			name := series
			if origin != "all" {
				name += "_" + origin
			}
			sum.add(name, "precision", count[hit]+count[wrong], precision)
			sum.add(name, "recall", there, recall)
			table.Rows = append(table.Rows, []string{series, origin, strconv.Itoa(asked), percent(precision), percent(recall), strconv.Itoa(count[review])})
			if origin != "all" {
				continue
			}
			names := make([]string, 0, len(byKind))
			for k := range byKind {
				names = append(names, k)
			}
			slices.SortFunc(names, func(a, b string) int { return cmp.Compare(a, b) })
			for _, k := range names {
				c := byKind[k]
				kinds.Rows = append(kinds.Rows, []string{series, k, strconv.Itoa(c[hit] + c[wrong] + c[review] + c[nothing]), strconv.Itoa(c[hit]), strconv.Itoa(c[wrong]), strconv.Itoa(c[review]), strconv.Itoa(c[nothing])})
			}
		}
	}
	costs := Table{Title: "Time and memory 耗时与内存", Header: []string{"what", "time", "memory kept"}, Rows: m.costs, Caption: fmt.Sprintf("On this machine, %d processors, with whatever else it was doing; other runs differ.", runtime.NumCPU())}
	sum.Tables = append(sum.Tables, table, kinds, costs)
	return sum, nil
}
