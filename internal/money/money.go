// Package money holds exact amounts of Chinese yuan.
//
// [Fen] is the unit of every ledger quantity: cash flows, fees, loan caps,
// compensations. Model quantities (estimates, prices on the log scale) are
// float64 and say so in their names; they become Fen once, through
// [FromYuan]. There is one rounding rule: half away from zero (四舍五入).
package money

import (
	"errors"
	"fmt"
	"math"
	"math/big"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"zhijia/internal/fault"
)

// Fen is an amount of CNY in hundredths of a yuan. In JSON it is a number of
// yuan with at most two decimals.
type Fen int64

// Max is the largest amount accepted from outside: 1e15 yuan.
const Max Fen = 1e17

// Unit is the unit an amount is written in.
type Unit int64

// Units, in fen.
const (
	Yuan   Unit = 100
	Qian   Unit = 100 * 1e3 // 千元
	Wan    Unit = 100 * 1e4 // 万元
	Bai    Unit = 100 * 1e6 // 百万元
	Yi     Unit = 100 * 1e8 // 亿元
	FenOne Unit = 1
)

// ParseUnit reads 元, 万元, 亿元 or 分 (also yuan, wan, yi, fen, CNY).
func ParseUnit(s string) (Unit, error) {
	switch strings.ToLower(strings.TrimSpace(s)) {
	case "元", "yuan", "cny", "人民币元":
		return Yuan, nil
	case "万元", "万", "wan":
		return Wan, nil
	case "千元":
		return Qian, nil
	case "百万元":
		return Bai, nil
	case "亿元", "亿", "yi":
		return Yi, nil
	case "分", "fen":
		return FenOne, nil
	}
	return 0, fault.New(fault.Invalid, "amount.unit", "金额单位“"+s+"”无法识别，请写元、万元或亿元。", "The unit "+s+" is not known: write 元, 万元 or 亿元.")
}

// ErrRange is returned for an amount beyond [Max] or one that is not finite.
var ErrRange = fault.New(fault.Invalid, "amount.range", "金额超出范围。", "The amount is out of range.")

// FromYuan rounds a float amount in yuan to fen, half away from zero.
func FromYuan(yuan float64) (Fen, error) {
	f := math.Round(yuan * 100)
	if math.IsNaN(f) || math.Abs(f) > float64(Max) {
		return 0, ErrRange
	}
	return Fen(f), nil
}

// Parse reads a decimal amount written in the given unit. Commas and spaces that
// group digits by three or four (half or full width), full-width digits and a leading ￥ or ¥ are accepted;
// anything finer than a fen is refused rather than rounded.
func Parse(s string, unit Unit) (Fen, error) {
	written := s
	s = strings.Map(func(r rune) rune {
		switch {
		case r >= '０' && r <= '９':
			return r - '０' + '0'
		case r == '．':
			return '.'
		case r == '－':
			return '-'
		case r == '，' || r == ' ' || r == '\u00a0' || r == '\u202f':
			return ','
		case r == '￥':
			return '¥'
		}
		return r
	}, strings.TrimSpace(s))
	if sign, rest, found := strings.Cut(s, "¥"); found && strings.Trim(sign, "-") == "" && !strings.Contains(rest, "¥") {
		s = sign + strings.TrimLeft(rest, ",") // ¥ 500, -¥500
	}
	if strings.Contains(s, ",") {
		if !grouped.MatchString(s) { // 0,1 is a point to some and a group to others
			return 0, notAmount(written)
		}
		s = strings.ReplaceAll(s, ",", "")
	}
	digits := strings.TrimPrefix(s, "-")
	if digits == "" || len(digits) > 32 || strings.Trim(digits, "0123456789.") != "" || strings.Count(digits, ".") > 1 || digits == "." {
		return 0, notAmount(s)
	}
	r, ok := new(big.Rat).SetString(s)
	if !ok {
		return 0, notAmount(s)
	}
	r.Mul(r, big.NewRat(int64(unit), 1))
	if !r.IsInt() {
		return 0, fault.New(fault.Invalid, "amount.too_fine", "金额“"+s+"”精度超过一分，请四舍五入到分。", "The amount "+s+" is finer than one fen; round it to the fen.")
	}
	if !r.Num().IsInt64() || abs(r.Num().Int64()) > int64(Max) {
		return 0, ErrRange
	}
	return Fen(r.Num().Int64()), nil
}

// grouped is an amount whose digits are grouped by three, or by four as 万 are.
var grouped = regexp.MustCompile(`^-?(?:[1-9]\d{0,2}(?:,\d{3})+|[1-9]\d{0,3}(?:,\d{4})+)(?:\.\d*)?$`)

func notAmount(s string) error {
	if r := []rune(s); len(r) > 40 {
		s = string(r[:40]) + "…"
	}
	return fault.New(fault.Invalid, "amount.shape", "“"+s+"”不是金额：请只写数字，单位按该栏所列。", s+" is not an amount: write digits alone, in the unit that the field names.")
}

func abs(x int64) int64 {
	if x < 0 {
		return -x
	}
	return x
}

// Yuan returns the amount in yuan, for models and display.
func (f Fen) Yuan() float64 { return float64(f) / 100 }

// MulRatio returns f·num/den rounded half away from zero, exact in between.
// den must not be zero; the result must fit.
func (f Fen) MulRatio(num, den int64) Fen {
	p := new(big.Int).Mul(big.NewInt(int64(f)), big.NewInt(num))
	d := big.NewInt(den)
	if d.Sign() < 0 {
		d.Neg(d)
		p.Neg(p)
	}
	half := new(big.Int).Rsh(new(big.Int).Set(d), 1)
	neg := p.Sign() < 0
	p.Abs(p)
	q, m := new(big.Int).QuoRem(p, d, new(big.Int))
	if m.Cmp(half) > 0 || m.Cmp(half) == 0 && d.Bit(0) == 0 {
		q.Add(q, big.NewInt(1))
	}
	if neg {
		q.Neg(q)
	}
	return Fen(q.Int64())
}

// MulRate returns f times a decimal rate such as 0.0435, the rate taken to
// twelve decimals, rounded half away from zero.
func (f Fen) MulRate(rate float64) Fen { return f.MulRatio(int64(math.Round(rate*1e12)), 1e12) }

// Allocate splits f in proportion to weights so that the parts sum to f
// exactly (largest remainder, ties to the earlier part). Weights must be
// non-negative with a positive sum.
func (f Fen) Allocate(weights []int64) ([]Fen, error) {
	total := new(big.Int)
	for _, w := range weights {
		if w < 0 {
			return nil, errors.New("negative weight")
		}
		total.Add(total, big.NewInt(w))
	}
	if total.Sign() == 0 {
		return nil, errors.New("weights sum to zero")
	}
	sign := Fen(1)
	rest := f
	if f < 0 {
		sign, rest = -1, -f
	}
	whole := big.NewInt(int64(rest))
	parts := make([]Fen, len(weights))
	rem := make([]*big.Int, len(weights))
	order := make([]int, len(weights))
	for i, w := range weights {
		p := new(big.Int).Mul(whole, big.NewInt(w))
		q, m := new(big.Int).QuoRem(p, total, new(big.Int))
		parts[i], rem[i], order[i] = Fen(q.Int64()), m, i
		rest -= parts[i]
	}
	slices.SortStableFunc(order, func(a, b int) int { return rem[b].Cmp(rem[a]) })
	for _, i := range order[:rest] {
		parts[i]++
	}
	for i := range parts {
		parts[i] *= sign
	}
	return parts, nil
}

// String formats the amount in yuan with two decimals, e.g. "-1234.50".
func (f Fen) String() string {
	sign := ""
	u := uint64(f)
	if f < 0 {
		sign, u = "-", -u
	}
	return fmt.Sprintf("%s%d.%02d", sign, u/100, u%100)
}

// Grouped is the amount in yuan with its thousands set off, as papers have it.
func (f Fen) Grouped() string {
	s := f.String()
	digits, sign := strings.CutPrefix(s, "-")
	whole, frac, _ := strings.Cut(digits, ".")
	for i := len(whole) - 3; i > 0; i -= 3 {
		whole = whole[:i] + "," + whole[i:]
	}
	if sign {
		whole = "-" + whole
	}
	return whole + "." + frac
}

// MarshalJSON writes a number of yuan.
func (f Fen) MarshalJSON() ([]byte, error) {
	s := f.String()
	s = strings.TrimSuffix(s, ".00")
	return []byte(s), nil
}

// UnmarshalJSON reads a number of yuan, refusing anything finer than a fen.
func (f *Fen) UnmarshalJSON(b []byte) error {
	s := string(b)
	if strings.ContainsAny(s, "eE") {
		v, err := strconv.ParseFloat(s, 64)
		if err != nil {
			return err
		}
		s = strconv.FormatFloat(v, 'f', -1, 64)
	}
	v, err := Parse(s, Yuan)
	if err != nil {
		return err
	}
	*f = v
	return nil
}

// Zh formats a yuan amount as people read it: 元 below one 万, then 万元, then
// 亿元, to the given number of significant figures; e.g. 1234567 at 3 is
// "123万元".
func Zh(yuan float64, figures int) string {
	a := math.Abs(yuan)
	switch {
	case a >= 1e8:
		return sig(yuan/1e8, figures) + "亿元"
	case a >= 1e4:
		return sig(yuan/1e4, figures) + "万元"
	}
	return sig(yuan, figures) + "元"
}

// Round rounds to the given number of significant figures, half away from
// zero. Zero, infinities and NaN are returned unchanged.
func Round(x float64, figures int) float64 {
	if x == 0 || math.IsInf(x, 0) || math.IsNaN(x) {
		return x
	}
	e := figures - 1 - int(math.Floor(math.Log10(math.Abs(x))))
	if e < 0 {
		p := math.Pow(10, float64(-e))
		return math.Round(x/p) * p
	}
	p := math.Pow(10, float64(e))
	return math.Round(x*p) / p
}

func sig(x float64, figures int) string {
	s := strconv.FormatFloat(Round(x, figures), 'f', -1, 64)
	whole, frac, ok := strings.Cut(s, ".")
	neg := strings.HasPrefix(whole, "-")
	whole = strings.TrimPrefix(whole, "-")
	for i := len(whole) - 3; i > 0; i -= 3 {
		whole = whole[:i] + "," + whole[i:]
	}
	if neg {
		whole = "-" + whole
	}
	if ok {
		whole += "." + frac
	}
	return whole
}
