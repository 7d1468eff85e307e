package patent

import (
	"cmp"
	"fmt"
	"maps"
	"math"
	"regexp"
	"slices"
	"strings"

	"zhijia/internal/calendar"
)

// Pair is two entries of a list that may be one and the same.
type Pair struct {
	A       int      `json:"a"`
	B       int      `json:"b"` // greater than A
	Score   float64  `json:"score"`
	Band    Band     `json:"band"`
	Reasons []string `json:"reasons"` // Chinese
}

// weighing adds up evidence for and against two records being one: the
// logarithm of how much likelier what is seen is if they are (Fellegi and
// Sunter 1969). The weights are ours, set by judgement and held against
// measurement (docs/registry.md), not fitted.
type weighing struct {
	total   float64
	reasons []string
	barred  bool // something speaks against it that nothing outweighs
	loose   bool // nothing that identifies agrees: not to be taken without asking
}

func (w *weighing) add(weight float64, reason string) {
	w.total += weight
	if reason != "" {
		w.reasons = append(w.reasons, reason)
	}
}

// sure and doubtful bound the uncertain middle.
const (
	sure     = 5.0
	doubtful = 0.0
)

func (w *weighing) pair(a, b int) Pair {
	p := Pair{A: a, B: b, Score: math.Round(1e4/(1+math.Exp(-w.total))) / 1e4, Band: Different, Reasons: w.reasons}
	switch {
	case w.barred:
	case w.total >= sure && !w.loose:
		p.Band = Same
	case w.total >= doubtful:
		p.Band = Uncertain
	}
	return p
}

// DealFacts are what identifies a deal.
type DealFacts struct {
	Title   string
	Numbers []string // normal forms
	Kind    string   // assignment, exclusive_licence, ...
	Amount  float64  // yuan; 0: not known
	Date    calendar.Date
	Unit    string // of the date: day, month, year
	Seller  string
	Buyer   string
}

// MatchDeals compares two tellings of what may be one deal. A deal is known by
// its patents or its price: where neither is told by both, or titles differ in
// a number (合同一, 合同二), a person decides.
func MatchDeals(a, b DealFacts) Pair {
	w := weighing{total: -4, loose: true}
	switch shared, all := overlap(a.Numbers, b.Numbers); {
	case all == 0 || len(a.Numbers) == 0 || len(b.Numbers) == 0:
	case shared == all:
		w.add(6, "专利号一致")
		w.loose = false
	case shared > 0:
		w.add(3, fmt.Sprintf("专利号部分一致（%d/%d）", shared, all))
	default:
		w.add(-8, "专利号不同")
	}
	if a.Amount > 0 && b.Amount > 0 {
		switch d := math.Abs(a.Amount-b.Amount) / max(a.Amount, b.Amount); {
		case d <= 0.005:
			w.add(4, "金额一致")
			w.loose = false
		case d <= 0.06: // with and without tax
			w.loose = false
			w.add(1, fmt.Sprintf("金额相近（相差%.1f%%）", 100*d))
		default:
			w.add(-5, fmt.Sprintf("金额不同（相差%.0f%%）", 100*d))
		}
	}
	if !a.Date.IsZero() && !b.Date.IsZero() {
		switch d := daysApart(a, b); {
		case d <= 31:
			w.add(2, "日期相近")
		case d <= 120:
			w.add(0, fmt.Sprintf("日期相差%d天", d))
		case d <= 366:
			w.add(-2, fmt.Sprintf("日期相差%d天", d))
		default:
			w.add(-5, fmt.Sprintf("日期相差%d天", d))
		}
	}
	switch t := alike(titleCore(a.Title), titleCore(b.Title)); {
	case t >= 0.9:
		w.add(4, "名称一致")
	case t >= 0.7:
		w.add(2, "名称相近")
	case t >= 0.45:
		w.add(0, "名称部分相同")
	default:
		w.add(-3, "名称不同")
	}
	if x, y := numerals(a.Title), numerals(b.Title); x != "" && y != "" && x != y {
		w.add(-2, "名称中的序号不同")
		w.loose = true
	}
	w.party("出让方", a.Seller, b.Seller)
	w.party("受让方", a.Buyer, b.Buyer)
	if a.Kind != "" && b.Kind != "" && a.Kind != b.Kind {
		w.add(-4, "交易方式不同")
	}
	return w.pair(0, 1)
}

func (w *weighing) party(role, a, b string) {
	if unnamed(a) || unnamed(b) {
		return
	}
	x, f := NormalName(a)
	y, g := NormalName(b)
	switch {
	case x == y && f == g:
		w.add(2, role+"一致")
	case x == y || slip([]rune(x), []rune(y)) != "" || len([]rune(x)) >= 4 && strings.Contains(y, x) || len([]rune(y)) >= 4 && strings.Contains(x, y):
		w.add(1, role+"相近")
	default:
		w.add(-2, role+"不同")
	}
}

// namesNobody are the words by which a source leaves a party out: two deals
// whose winner is "竞得企业" have nothing in common.
var namesNobody = regexp.MustCompile(`竞得|竞买|受让企业|受让方|买受人|合作企业|某|未载|未具名|未披露|匿名|多家|若干|第三方|个人$|自然人|企业\(|^一?家?企业$|^[-—/／无]*$`)

// unnamed reports whether a party's cell names nobody.
func unnamed(name string) bool {
	return namesNobody.MatchString(strings.TrimSpace(name))
}

// daysApart is the distance of two dates, none within a stated month or year.
func daysApart(a, b DealFacts) int {
	span := func(d DealFacts) (calendar.Date, calendar.Date) {
		switch d.Unit {
		case "year":
			return calendar.New(d.Date.Year, 1, 1), calendar.New(d.Date.Year, 12, 31)
		case "month":
			first := calendar.New(d.Date.Year, d.Date.Month, 1)
			return first, first.AddMonths(1).AddDays(-1)
		}
		return d.Date, d.Date
	}
	a0, a1 := span(a)
	b0, b1 := span(b)
	switch {
	case a1.Before(b0):
		return a1.DaysUntil(b0)
	case b1.Before(a0):
		return b1.DaysUntil(a0)
	}
	return 0
}

// PatentFacts are what identifies a patent where the application number of one
// source is not known.
type PatentFacts struct {
	Number      string // normal form, of the application or of a publication
	Publication string // normal form
	Kind        Kind
	Title       string
	Filing      calendar.Date
	IPC         []string
	Owners      []string
}

// MatchPatents compares two records of what may be one patent. Two numbers
// that can be compared by themselves ([Relate]) decide alone. So does a publication number that both name; without
// one, the same title, filing date and owners of the same kind of right are
// taken for one patent, and less is for a person.
func MatchPatents(a, b PatentFacts) Pair {
	x, errX := ParseNumber(a.Number)
	y, errY := ParseNumber(b.Number)
	w := weighing{total: -5}
	if errX == nil && errY == nil {
		switch Relate(x, y) {
		case OnePatent:
			w.add(20, "号码一致")
			return w.pair(0, 1)
		case TwoPatents:
			w.barred = true
			w.add(-20, "号码不同")
			return w.pair(0, 1)
		}
	}
	if a.Kind != "" && b.Kind != "" && a.Kind != b.Kind { // the same invention may be filed as both on one day
		w.barred = true
		w.add(-20, "专利类型不同")
		return w.pair(0, 1)
	}
	switch shared, both := sharedPublication(a, b); {
	case shared != "":
		w.add(12, "公开（公告）号一致（"+shared+"）")
	case both: // of one application they would be the same
		w.add(-12, "公开（公告）号不同")
	}
	switch t := alike(titleCore(a.Title), titleCore(b.Title)); {
	case a.Title == "" || b.Title == "":
	case t >= 0.95:
		w.add(4, "名称一致")
	case t >= 0.75:
		w.add(1, "名称相近")
	default:
		w.add(-7, "名称不同")
	}
	switch {
	case a.Filing.IsZero() || b.Filing.IsZero():
	case a.Filing == b.Filing:
		w.add(4, "申请日一致")
	default:
		w.add(-8, "申请日不同")
	}
	if len(a.Owners) > 0 && len(b.Owners) > 0 {
		if SameParties(a.Owners, b.Owners) {
			w.add(3, "权利人一致")
		} else {
			w.add(-1, "权利人不同（可能经过转让）")
		}
	}
	if len(a.IPC) > 0 && len(b.IPC) > 0 {
		if shared, _ := overlap(subclasses(a.IPC), subclasses(b.IPC)); shared > 0 {
			w.add(1, "分类号相同")
		} else {
			w.add(-4, "分类号不同")
		}
	}
	return w.pair(0, 1)
}

// sharedPublication returns the publication number that both records name,
// whatever its kind code, and whether both name one of nine digits: since 2007
// the publication and the grant of one application bear the same.
func sharedPublication(a, b PatentFacts) (shared string, both bool) {
	digits := func(p PatentFacts) (all []string, nine bool) {
		for _, s := range []string{p.Number, p.Publication} {
			if n, err := ParseNumber(s); err == nil && n.Form == Publication {
				all, nine = append(all, n.compact), nine || len(n.compact) == 9
			}
		}
		return all, nine
	}
	ours, x := digits(a)
	theirs, y := digits(b)
	for _, d := range ours {
		if slices.Contains(theirs, d) {
			return "CN" + d, true
		}
	}
	return "", x && y
}

func subclasses(symbols []string) []string {
	var out []string
	for _, s := range symbols {
		if c, err := ParseIPC(s); err == nil && !slices.Contains(out, c.Subclass) {
			out = append(out, c.Subclass)
		}
	}
	return out
}

func overlap(a, b []string) (shared, all int) {
	set := map[string]bool{}
	for _, s := range a {
		set[s] = true
	}
	all = len(set)
	seen := map[string]bool{}
	for _, s := range b {
		switch {
		case seen[s]:
		case set[s]:
			shared++
		default:
			all++
		}
		seen[s] = true
	}
	return shared, all
}

// titleCore is a title folded like a name, without the "一种" that some sources
// leave out.
func titleCore(title string) string {
	core, _ := NormalName(title)
	for _, lead := range []string{"一种", "一类", "一个"} {
		if rest, ok := strings.CutPrefix(core, lead); ok && rest != "" {
			return rest
		}
	}
	return core
}

// numerals are the numbers in a text, in order, without those of the words that
// begin or count rather than tell apart (一种, 两项).
func numerals(s string) string {
	var out []rune
	r := []rune(s)
	for i, c := range r {
		if c >= '0' && c <= '9' || c >= '０' && c <= '９' || strings.ContainsRune("一二三四五六七八九十ⅠⅡⅢⅣⅤ", c) {
			if i+1 < len(r) && strings.ContainsRune("种类个项件套", r[i+1]) {
				continue
			}
			out = append(out, c)
		}
	}
	return string(out)
}

// alike is the Dice coefficient of the character bigrams of two texts, folded
// like names; two texts of one character are alike when they are equal.
func alike(a, b string) float64 {
	x, y := bigrams(a), bigrams(b)
	if len(x) == 0 || len(y) == 0 {
		return 0
	}
	count := map[[2]rune]int{}
	for _, g := range x {
		count[g]++
	}
	shared := 0
	for _, g := range y {
		if count[g] > 0 {
			count[g]--
			shared++
		}
	}
	return 2 * float64(shared) / float64(len(x)+len(y))
}

func bigrams(s string) [][2]rune {
	core, _ := NormalName(s)
	r := []rune(core)
	if len(r) == 1 {
		return [][2]rune{{r[0]}}
	}
	out := make([][2]rune, 0, len(r))
	for i := range len(r) - 1 {
		out = append(out, [2]rune{r[i], r[i+1]})
	}
	return out
}

// maxBlock bounds how many entries of one block are compared with each other:
// a key that more of them share tells nothing.
const maxBlock = 200

// comparedEach bounds how many others an entry is compared with, on average, in a list that is not small.
const (
	comparedAtLeast = 100_000
	comparedEach    = 20
)

// blocked compares the entries that share a key and returns the pairs that are
// not different, in order.
func blocked(n int, keys func(i int, add func(string)), match func(i, j int) Pair) []Pair {
	blocks := map[string][]int{}
	for i := range n {
		keys(i, func(k string) { blocks[k] = append(blocks[k], i) })
	}
	// The rarest keys tell most and are compared first: what a list of look-alikes may cost is bounded by its length.
	names := slices.SortedFunc(maps.Keys(blocks), func(a, b string) int {
		return cmp.Or(cmp.Compare(len(blocks[a]), len(blocks[b])), cmp.Compare(a, b))
	})
	seen := map[[2]int32]bool{}
	var out []Pair
	for _, name := range names {
		block := blocks[name]
		if len(block) > maxBlock || len(seen) > comparedAtLeast+comparedEach*n {
			break
		}
		for x, i := range block {
			for _, j := range block[x+1:] {
				if i == j || seen[[2]int32{int32(i), int32(j)}] {
					continue
				}
				seen[[2]int32{int32(i), int32(j)}] = true
				if p := match(i, j); p.Band != Different {
					p.A, p.B = i, j
					out = append(out, p)
				}
			}
		}
	}
	slices.SortFunc(out, func(a, b Pair) int { return cmp.Or(cmp.Compare(a.A, b.A), cmp.Compare(a.B, b.B)) })
	return out
}

// PairDeals returns the deals of a list that are, or may be, told twice.
func PairDeals(list []DealFacts) []Pair {
	return blocked(len(list), func(i int, add func(string)) {
		d := &list[i]
		for _, n := range d.Numbers {
			add("n" + n)
		}
		if core := titleCore(d.Title); core != "" {
			add("t" + core)
			r := []rune(core)
			add("h" + string(r[:min(6, len(r))]))
		}
		if d.Amount > 0 && !d.Date.IsZero() { // amounts within 7 % and dates within a year share at least one
			bucket := int(math.Floor(math.Log(d.Amount) / math.Log(1.07)))
			for _, k := range []int{bucket, bucket + 1} {
				for _, y := range []int{d.Date.Year, d.Date.Year + 1} {
					add(fmt.Sprintf("a%d|%d", k, y))
				}
			}
		}
	}, func(i, j int) Pair { return MatchDeals(list[i], list[j]) })
}

// PairPatents returns the records of a list that are, or may be, of one
// patent. Two records with application numbers never are.
func PairPatents(list []PatentFacts) []Pair {
	return blocked(len(list), func(i int, add func(string)) {
		p := &list[i]
		for _, s := range []string{p.Number, p.Publication} {
			if n, err := ParseNumber(s); err == nil && n.Form == Publication {
				add("p" + n.compact)
			}
		}
		if core := titleCore(p.Title); core != "" {
			add("t" + core)
			r := []rune(core)
			if !p.Filing.IsZero() {
				add("f" + p.Filing.String() + string(r[:min(2, len(r))]))
			}
		}
	}, func(i, j int) Pair { return MatchPatents(list[i], list[j]) })
}

// PairParties returns the parties of a list that are, or may be, one. It stops where enough, told now and then how many pairs
// there are, says so; nil never does.
func PairParties(list []Party, enough func(found int) bool) []Pair {
	register := NewParties(list)
	seen := map[[2]int]bool{}
	var out []Pair
	for i := range list {
		if enough != nil && enough(len(out)) {
			break
		}
		for _, m := range register.near(list[i], int32(i)) {
			a, b := min(i, m.Party), max(i, m.Party)
			if m.Band == Different || seen[[2]int{a, b}] {
				continue
			}
			seen[[2]int{a, b}] = true
			out = append(out, Pair{a, b, m.Score, m.Band, m.Reasons})
		}
	}
	slices.SortFunc(out, func(a, b Pair) int { return cmp.Or(cmp.Compare(a.A, b.A), cmp.Compare(a.B, b.B)) })
	return out
}
