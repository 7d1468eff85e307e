package ledger

import (
	"cmp"
	"slices"
	"strconv"
	"strings"

	"zhijia/internal/store"
)

// Conflict is two records that seem to be of one sale and do not agree.
type Conflict struct {
	A, B   string  `json:"-"`
	Deals  [2]Side `json:"deals"`
	Fields []Apart `json:"fields"`
	Zh     string  `json:"zh"` // what is done with the two
	En     string  `json:"en"`
}

// Side is one of two records.
type Side struct {
	ID     string `json:"id"`
	Own    bool   `json:"own"`
	Source string `json:"source"`
	Code   string `json:"code"` // of why it is no comparable
}

// Apart is a field on which two records differ.
type Apart struct {
	Field string    `json:"field"`
	Zh    string    `json:"zh"`
	Told  [2]string `json:"told"`
}

// near is how many days two records of one sale may lie apart: a notice stands before its contract, and that before its entry.
const near = 120

// conflicts finds, among the deals in view, pairs that name a patent in common and lie near each other in time, or of which one
// was taken for the other's repetition, and that differ in a field both tell. At least one is the institution's own.
func conflicts(all []store.LedgerDeal) (out []Conflict) {
	at := map[string]int{}
	by := map[string][]int{}
	for i := range all {
		at[all[i].ID] = i
		for _, n := range all[i].Numbers {
			by[n] = append(by[n], i)
		}
	}
	seen := map[[2]int]bool{}
	hold := func(i, j int) {
		if i > j {
			i, j = j, i
		}
		a, b := &all[i], &all[j]
		if i == j || seen[[2]int{i, j}] || !a.Own && !b.Own {
			return
		}
		seen[[2]int{i, j}] = true
		repeats := a.DuplicateOf == b.ID || b.DuplicateOf == a.ID
		if !repeats {
			if a.Date.IsZero() || b.Date.IsZero() {
				return
			}
			if days := a.Date.DaysUntil(b.Date); days > near || days < -near {
				return
			}
			if told(a.Buyer, b.Buyer) && told(a.Seller, b.Seller) { // sold on: another sale
				return
			}
		}
		if fields := differences(a, b); len(fields) > 0 {
			c := Conflict{A: a.ID, B: b.ID, Deals: [2]Side{sideOf(a), sideOf(b)}, Fields: fields, Zh: "两笔各自计入，请判定其一", En: "both count; judge one of them"}
			switch {
			case repeats:
				first := a.ID
				if a.DuplicateOf != "" {
					first = b.ID
				}
				c.Zh, c.En = "已按同一笔合并，以 "+first+" 为准", "merged as one deal; "+first+" counts"
			case c.Deals[0].Code != "" && c.Deals[1].Code != "":
				c.Zh, c.En = "两笔均不作可比", "neither is a comparable"
			case c.Deals[0].Code != "":
				c.Zh, c.En = "仅 "+b.ID+" 计入", "only "+b.ID+" counts"
			case c.Deals[1].Code != "":
				c.Zh, c.En = "仅 "+a.ID+" 计入", "only "+a.ID+" counts"
			}
			out = append(out, c)
		}
	}
	for i := range all {
		if j, ok := at[all[i].DuplicateOf]; ok {
			hold(i, j)
		}
		for _, n := range all[i].Numbers {
			if len(by[n]) > 20 { // a number that stands everywhere tells no sale apart
				continue
			}
			for _, j := range by[n] {
				hold(i, j)
			}
		}
	}
	slices.SortFunc(out, func(x, y Conflict) int { return cmp.Or(cmp.Compare(x.A, y.A), cmp.Compare(x.B, y.B)) })
	return out
}

func sideOf(d *store.LedgerDeal) Side {
	return Side{d.ID, d.Own, cmp.Or(d.SourceURL, d.SourceType), listed(*d).Validity.Code}
}

// told reports whether both records name a party, and not the same one.
func told(a, b string) bool { return a != "" && b != "" && plain(a) != plain(b) }

func plain(s string) string {
	return strings.NewReplacer(" ", "", "（", "(", "）", ")", "　", "").Replace(s)
}

// differences lists the fields that both tell and tell differently.
func differences(a, b *store.LedgerDeal) (out []Apart) {
	num := func(x *float64) string {
		if x == nil {
			return ""
		}
		return strconv.FormatFloat(*x, 'f', -1, 64)
	}
	count := func(x *int) string {
		if x == nil {
			return ""
		}
		return strconv.Itoa(*x)
	}
	numbers := func(d *store.LedgerDeal) string { return strings.Join(slices.Sorted(slices.Values(d.Numbers)), "；") }
	for _, f := range []Apart{
		{"numbers", "专利号", [2]string{numbers(a), numbers(b)}},
		{"amount", "金额", [2]string{num(a.Amount), num(b.Amount)}},
		{"currency", "币种", [2]string{a.Currency, b.Currency}},
		{"price_kind", "价格类型", [2]string{a.PriceKind, b.PriceKind}},
		{"patents", "件数", [2]string{count(a.Patents), count(b.Patents)}},
		{"deal_kind", "交易方式", [2]string{a.DealKind, b.DealKind}},
		{"date", "日期", [2]string{a.Date.String(), b.Date.String()}},
		{"seller", "出让方", [2]string{plain(a.Seller), plain(b.Seller)}},
		{"buyer", "受让方", [2]string{plain(a.Buyer), plain(b.Buyer)}},
		{"market", "成交市场", [2]string{a.Market, b.Market}},
	} {
		if f.Told[0] != "" && f.Told[1] != "" && f.Told[0] != f.Told[1] {
			out = append(out, f)
		}
	}
	return out
}
