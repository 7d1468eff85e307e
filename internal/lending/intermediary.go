package lending

import (
	"cmp"
	"math"
	"slices"

	"zhijia/internal/calendar"
	"zhijia/internal/fault"
	"zhijia/internal/money"
)

// Role is what an intermediary does beside the bank.
type Role string

// Roles.
const (
	Appraiser Role = "appraiser"
	Guarantor Role = "guarantor"
	Lessor    Role = "lessor"
	Broker    Role = "broker"
	Rater     Role = "rating_agency"
)

// Roles are all of them.
var Roles = []Role{Appraiser, Guarantor, Lessor, Broker, Rater}

// Zh returns the role's Chinese name.
func (r Role) Zh() string {
	return map[Role]string{Appraiser: "评估机构", Guarantor: "担保机构", Lessor: "融资租赁公司", Broker: "证券公司", Rater: "评级机构"}[r]
}

// Delivery is a figure an intermediary put its name to.
type Delivery struct {
	Code      string        `json:"code"` // unified social credit code
	Report    string        `json:"report"`
	Role      Role          `json:"role"`
	Number    string        `json:"number"` // of the right
	Value     money.Fen     `json:"value"`
	AsOf      calendar.Date `json:"as_of"`
	Delivered calendar.Date `json:"delivered"`
	Ours      *money.Fen    `json:"ours,omitempty"`  // our value at that day
	Price     *money.Fen    `json:"price,omitempty"` // paid later
	PriceOn   calendar.Date `json:"price_on,omitzero"`
}

// Check refuses a delivery that cannot be compared.
func (d *Delivery) Check(today calendar.Date) error {
	switch {
	case d.Report == "" || d.Number == "":
		return fault.New(fault.Invalid, "report.id", "请填写报告编号和权利号码。", "Give the report's number and the right.")
	case !slices.Contains(Roles, d.Role):
		return fault.New(fault.Invalid, "report.role", "角色“"+string(d.Role)+"”不认识。", "The role is not known.")
	case d.Value <= 0 || d.Value > money.Max || d.Ours != nil && (*d.Ours <= 0 || *d.Ours > money.Max) || d.Price != nil && (*d.Price <= 0 || *d.Price > money.Max):
		return fault.New(fault.Invalid, "report.value", "评估值、本系统估值和成交价应大于零且在合理范围内。", "Values and prices lie above zero and within any plausible amount.")
	case d.AsOf.IsZero() || d.Delivered.IsZero() || d.Delivered.After(today) || d.AsOf.After(d.Delivered):
		return fault.New(fault.Invalid, "report.day", "请填写基准日和不晚于今天的出具日；基准日不得晚于出具日。", "Give the day of the value and of delivery: not after today, the first not after the second.")
	case (d.Price == nil) != d.PriceOn.IsZero() || d.Price != nil && d.PriceOn.Before(d.AsOf):
		return fault.New(fault.Invalid, "report.price", "成交价须有成交日，且不早于评估基准日。", "A price has its day, not before the value's.")
	}
	return nil
}

// fewest reports with a comparison are needed before an intermediary is ranked.
const fewest = 10

// TrackRecord is how one intermediary's figures fared in one role.
type TrackRecord struct {
	Code     string `json:"code"`
	Role     Role   `json:"role"`
	Reports  int    `json:"reports"`
	Compared int    `json:"compared_with_ours"`
	Priced   int    `json:"compared_with_prices"`

	// Medians of |ln(theirs / other)|: 0.18 is a fifth apart. Nil: nothing to
	// compare with.
	FromOurs   *float64 `json:"error_from_ours"`
	FromPrices *float64 `json:"error_from_prices"`
	Bias       *float64 `json:"bias_from_prices"` // median of ln(theirs / price): above 0 they say too much

	Bands map[string]int `json:"bands"` // against ours: within 20%, above 20%, above 30%
	Rank  int            `json:"rank"`  // 1 is nearest to later prices; 0: fewer than ten priced reports
	Zh    string         `json:"zh"`
}

// TrackRecords says how far each intermediary was from our figures and from later
// prices, and ranks by prices those with ten or more. Nobody with fewer is
// ranked: a few lucky reports are no record.
func TrackRecords(all []Delivery) []TrackRecord {
	type key struct {
		code string
		role Role
	}
	by := map[key][]Delivery{}
	for _, d := range all {
		k := key{d.Code, d.Role}
		by[k] = append(by[k], d)
	}
	out := make([]TrackRecord, 0, len(by))
	for k, list := range by {
		s := TrackRecord{Code: k.code, Role: k.role, Reports: len(list), Bands: map[string]int{}}
		var ours, prices, signed []float64
		for i := range list {
			if o := list[i].Ours; o != nil {
				e := math.Abs(math.Log(float64(list[i].Value) / float64(*o)))
				ours = append(ours, e)
				off := math.Abs(float64(list[i].Value)/float64(*o) - 1)
				switch {
				case off <= 0.2:
					s.Bands["within_20"]++
				case off <= 0.3:
					s.Bands["above_20"]++
				default:
					s.Bands["above_30"]++
				}
			}
			if p := list[i].Price; p != nil {
				e := math.Log(float64(list[i].Value) / float64(*p))
				signed, prices = append(signed, e), append(prices, math.Abs(e))
			}
		}
		s.Compared, s.Priced = len(ours), len(prices)
		s.FromOurs, s.FromPrices, s.Bias = middle(ours), middle(prices), middle(signed)
		out = append(out, s)
	}
	slices.SortFunc(out, func(a, b TrackRecord) int {
		if x, y := a.Priced >= fewest, b.Priced >= fewest; x != y {
			if x {
				return -1
			}
			return 1
		} else if x {
			return cmp.Or(cmp.Compare(a.Role, b.Role), cmp.Compare(*a.FromPrices, *b.FromPrices), cmp.Compare(a.Code, b.Code))
		}
		return cmp.Or(cmp.Compare(a.Role, b.Role), cmp.Compare(a.Code, b.Code))
	})
	rank := map[Role]int{}
	for i := range out {
		if s := &out[i]; s.Priced >= fewest {
			rank[s.Role]++
			s.Rank, s.Zh = rank[s.Role], "按与其后成交价的偏差排序"
		} else {
			s.Zh = "有成交价可比的报告不足 10 份，不排序"
		}
	}
	return out
}

func middle(list []float64) *float64 {
	if len(list) == 0 {
		return nil
	}
	list = slices.Clone(list)
	slices.Sort(list)
	n := len(list)
	m := (list[(n-1)/2] + list[n/2]) / 2
	return &m
}
