package valuation

import (
	"cmp"
	"fmt"
	"math"
	"regexp"
	"slices"
	"strings"

	"zhijia/internal/patent"
	"zhijia/internal/valuation/market"
	"zhijia/internal/valuation/terms"
)

// Screened is a deal as screening sees it: the comparable with what its source
// says in words.
type Screened struct {
	Comparable
	Method, Notes string
}

// Validity is why a deal is no comparable; the zero value says that it is one.
type Validity struct {
	Code string `json:"code"` // empty: valid
	Zh   string `json:"zh,omitempty"`
	En   string `json:"en,omitempty"`
}

var (
	withAssets  = regexp.MustCompile(`(?:连同|及|和|含|与|、|以及|包括)(?:其)?(?:配套|相关|全部|附属)?(?:生产|试验|专用)?(?:设备|生产线|厂房|土地|存货|技术秘密|专有技术|技术资料及服务|软件著作权|商标|批件|临床批件|know-how)`)
	partOfRight = regexp.MustCompile(`(?:[0-9]{1,2}(?:\.[0-9]+)?[%％]|百分之[一二三四五六七八九十]+|部分|共有|[一二三]分之[一二])(?:的)?(?:份额|权益|专利权份额|权属|共有权|权利份额)|(?:份额|共有权)(?:的)?转让|undivided interest|part interest`)
	underForce  = regexp.MustCompile(`破产|清算|司法拍卖|司法处置|强制执行|执行案|变价|bankruptcy|foreclosure`)
)

// Screen gives each deal its validity by the rules of mass appraisal, in this
// order: the price is no point price between strangers ([Assumptions.refuse]);
// the right was dead; more than patents or less than the whole right was sold;
// it was sold by force and is not recorded so; the price is a token, beyond any
// scale, or a factor of 10,000 away from its kind. The order of the deals
// changes nothing. Repeats are found by the store, within one view.
func (a *Assumptions) Screen(deals []Screened) map[string]Validity {
	r := &a.Screening
	out := make(map[string]Validity, len(deals))
	type cell struct {
		market market.Sale
		kind   string
	}
	sizes := map[cell][]float64{}
	of := make([]market.Deal, len(deals))
	for i := range deals {
		c := &deals[i]
		v := a.screenOne(c)
		out[c.DealID] = v
		if v.Code == "" {
			of[i] = a.MarketDeal(&c.Comparable)
			k := cell{of[i].Market, of[i].Kind}
			sizes[k] = append(sizes[k], of[i].Log-math.Log(float64(of[i].Patents)))
		}
	}
	level := map[cell]float64{}
	for k, x := range sizes {
		slices.Sort(x)
		if float64(len(x)) >= r.Few.Value {
			level[k] = (x[len(x)/2] + x[(len(x)-1)/2]) / 2
		}
	}
	prior, err := market.Solve(a.Prices, nil, 0)
	for i := range deals {
		c := &deals[i]
		if out[c.DealID].Code != "" {
			continue
		}
		d := &of[i]
		k := cell{d.Market, d.Kind}
		at, n := level[k], len(sizes[k])
		if float64(n) < r.Few.Value {
			if err != nil {
				continue
			}
			n, at = 0, prior.Price(market.Question{Labels: d.Labels}).Mean
		}
		unit := d.Log - math.Log(float64(d.Patents))
		far, limit := unit-at, math.Log(r.Far.Value)
		if n == 0 {
			limit = math.Log(r.Blind.Value)
		}
		if math.Abs(far) <= limit || math.Abs(math.Abs(far)-math.Log(1e4)) > math.Log(r.Near.Value) {
			continue
		}
		what, unitZh := "高", "元误作万元，或成交市场标注有误"
		if far < 0 {
			what, unitZh = "低", "万元误作元，或成交市场标注有误"
		}
		basis := fmt.Sprintf("同一市场同类 %d 笔成交的中位数", n)
		if n == 0 {
			basis = "该市场的先验水平"
		}
		out[c.DealID] = Validity{
			"UNIT-SCALE", fmt.Sprintf("单价比%s%s约 %.0f 倍，疑为单位错误（%s）", basis, what, math.Exp(math.Abs(far)), unitZh),
			fmt.Sprintf("the unit price is a factor of %.0f from the level of its market and kind (%d deals): an error of the unit or of the market label", math.Exp(math.Abs(far)), n),
		}
	}
	return out
}

// screenOne applies the rules that look at one deal alone.
func (a *Assumptions) screenOne(c *Screened) Validity {
	code := func(k string) Validity { return Validity{k, exclusions[k][0], exclusions[k][1]} }
	if k := a.Unpriced(&c.Comparable); k != "" {
		return code(k)
	}
	r := &a.Screening
	words := strings.Join([]string{c.Title, c.Method, c.Notes}, "\n")
	yuan := *c.Amount
	if c.Rate != nil && c.Currency != "CNY" {
		yuan *= *c.Rate
	}
	each := yuan
	if c.Price != terms.PricePerPatent {
		each /= float64(derefInt(c.Patents, 1))
	}
	switch {
	case c.RemainingLife != nil && *c.RemainingLife <= 0:
		return code("DEAD-AT-SALE")
	case withAssets.MatchString(words):
		return code("BUNDLE-ASSETS")
	case partOfRight.MatchString(words):
		return code("PART-INTEREST")
	case sale(&c.Comparable) != market.Distress && sale(&c.Comparable) != market.Court && underForce.MatchString(words):
		return code("DISTRESSED")
	case each < r.Token.Value:
		return code("TOKEN")
	case each > r.Largest.Value:
		return code("OUT-OF-SCALE")
	}
	return Validity{}
}

// ValidityOf says a code in words; an unknown code is its own words.
func ValidityOf(code string) Validity {
	if t, ok := exclusions[code]; ok {
		return Validity{code, t[0], t[1]}
	}
	return Validity{Code: code, Zh: code, En: code}
}

// Derived reports whether only a screening gives a code: it is worked out anew
// each time. Any other that a row has against the rules was stated by a file.
func Derived(code string) bool {
	return slices.Contains([]string{"BUNDLE-ASSETS", "PART-INTEREST", "DISTRESSED", "TOKEN", "OUT-OF-SCALE", "UNIT-SCALE"}, code)
}

// KnownValidity reports whether a code is one of the list.
func KnownValidity(code string) bool { _, ok := exclusions[code]; return ok }

// sellerKey is the name by which sales of one seller are known as one seller's:
// 青山大学 and 青山大学  are one, a legal form stays apart.
func sellerKey(name string) string {
	core, form := patent.NormalName(name)
	return cmp.Or(strings.TrimSuffix(core+"|"+form, "|"), name)
}
