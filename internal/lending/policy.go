package lending

import (
	"bytes"
	"embed"
	"encoding/json"
	"fmt"
	"io/fs"
	"slices"
	"strings"

	"zhijia/internal/calendar"
	"zhijia/internal/fault"
	"zhijia/internal/money"
	"zhijia/internal/patent"
)

// Figure is a number of a policy with where it comes from.
type Figure struct {
	Value  float64 `json:"value"`
	Source string  `json:"source"`
}

// Limit is an amount of a policy or programme with where it comes from.
type Limit struct {
	Amount money.Fen `json:"amount"` // yuan in JSON
	Source string    `json:"source"`
}

// Severity is what a policy rule does to a row it hits.
type Severity string

// Severities.
const (
	Refuses     Severity = "refuse"     // 不予受理
	Supplements Severity = "supplement" // 需补充
	Warns       Severity = "warn"       // shown, decides nothing
)

// Rule is one of the institution's own rules, P01 to P12. A rule a policy does
// not list does not apply.
type Rule struct {
	Severity  Severity `json:"severity"`
	Threshold float64  `json:"threshold,omitempty"` // unit as the rule's, see [Rules]
	Source    string   `json:"source"`
}

// Policy is how one institution lends against patents. No national ceiling
// exists: every figure is the institution's and names its source.
type Policy struct {
	ID      string `json:"id"`
	Version string `json:"version"`
	Name    string `json:"name"`
	Label   string `json:"label"` // historical: read in a report; template: a vendor's; own: the institution's
	Source  string `json:"source"`

	Basis       ValueBasis             `json:"basis"`                  // of the values the ceilings were made for
	Caps        map[patent.Kind]Figure `json:"caps"`                   // LTV ceiling by kind of patent, a share of value of that basis
	Gates       []Gate                 `json:"gates,omitempty"`        // values outside go to a person; none: no such rule
	TenorMonths *Figure                `json:"tenor_months,omitempty"` // longest loan; nil: no rule
	Rules       map[string]Rule        `json:"rules"`

	// Haircuts multiply the value a loan may rest on, by ground (E10, E11), by
	// "licensed", "uncalibrated" or "stale"; a flag without an entry costs nothing.
	Haircuts map[string]Figure `json:"haircuts"`

	Yellow      Figure `json:"yellow_drop"` // fall of value, a share, that raises the alert
	Red         Figure `json:"red_drop"`
	Revaluation Figure `json:"revaluation_months"`
	StaleDays   Figure `json:"stale_days"` // register state older than this is not passed straight through

	// Per loan: up to InternalLimit our valuation may carry the loan, up to
	// NegotiatedLimit a value that lender and borrower agree on; above both an
	// appraisal institution must value. Without the second none is agreed on.
	InternalLimit   Limit  `json:"internal_limit"`
	NegotiatedLimit *Limit `json:"negotiated_limit,omitempty"`

	// FourEyesAbove is the balance above which another person approves the
	// booking of a loan; nil: none. Where nobody else could, the loan is booked
	// and marked 未经复核, unless the policy lists P18.
	FourEyesAbove *Limit `json:"four_eyes_above,omitempty"`

	Review       Figure `json:"deviation_review"`
	RedDeviation Figure `json:"deviation_red"`

	CoverDiscount *Figure `json:"cover_discount,omitempty"` // yearly rate at which value runs down with the term, see [Forecast]; nil: cover is not looked ahead on

	Unreviewed bool `json:"unreviewed,omitempty"` // 未经复核: nobody but who stored it stands by it; set when it is read
}

// ValueBasis is what a value is of. A ratio made for one is never applied to
// another.
type ValueBasis string

// Bases of value.
const (
	MarketBare      ValueBasis = "market_bare"      // the bare right, sold in the market
	LiquidationNet  ValueBasis = "liquidation_net"  // sold in liquidation, net of costs
	AppraisedIncome ValueBasis = "appraised_income" // as appraisers state it for pledges, by income
	InUse           ValueBasis = "in_use"           // to the owner who uses it
)

// Zh returns the basis in Chinese.
func (b ValueBasis) Zh() string {
	return map[ValueBasis]string{MarketBare: "市场价值（单独转让）", LiquidationNet: "清算净值", AppraisedIncome: "评估收益口径", InUse: "在用价值"}[b]
}

// Gate is the range in which a value of one kind and basis is taken without a
// person's review.
type Gate struct {
	Kind   patent.Kind `json:"kind"`
	Basis  ValueBasis  `json:"basis"`
	Low    money.Fen   `json:"low"` // yuan in JSON
	High   money.Fen   `json:"high"`
	Source string      `json:"source"`
}

// Programme is a loan product with its own limits.
type Programme struct {
	ID      string `json:"id"`
	Version string `json:"version"`
	Name    string `json:"name"`
	Source  string `json:"source"`
	Policy  string `json:"policy,omitempty"` // id of the policy it lends under; empty: the batch's

	Total       Limit         `json:"total"`
	PerBorrower *Limit        `json:"per_borrower,omitempty"`
	PerLoan     *Limit        `json:"per_loan,omitempty"`
	TenorMonths *Figure       `json:"tenor_months,omitempty"`
	HoldDays    *Figure       `json:"hold_days,omitempty"` // how long an accepted amount is held before it is booked; nil: until released
	Revolving   bool          `json:"revolving,omitempty"` // what is repaid may be lent again; else every yuan lent counts for good
	From        calendar.Date `json:"from,omitzero"`
	Until       calendar.Date `json:"until,omitzero"`  // not selectable after this day
	Label       string        `json:"label,omitempty"` // of a preset: historical
}

//go:embed policies/*.json
var shipped embed.FS

// Policies returns the presets that ship, by id. Each is labelled historical
// or template; none is a rule of law.
func Policies() map[string]Policy {
	out := map[string]Policy{}
	names, err := fs.Glob(shipped, "policies/*.json")
	if err != nil {
		panic(err) // the pattern is constant
	}
	for _, name := range names {
		b, err := shipped.ReadFile(name)
		if err != nil {
			panic(err) // embedded
		}
		p, err := LoadPolicy(b)
		if err != nil {
			panic(fmt.Errorf("%s: %w", name, err)) // checked by a test
		}
		out[p.ID] = p
	}
	return out
}

// DefaultPolicy is the preset used when a batch names none.
const DefaultPolicy = "TEMPLATE"

// PolicyByID returns a preset, or a NotFound fault that lists the known ones.
func PolicyByID(id string) (Policy, error) {
	all := Policies()
	if p, ok := all[id]; ok {
		return p, nil
	}
	var known []string
	for k := range all {
		known = append(known, k)
	}
	slices.Sort(known)
	list := strings.Join(known, ", ")
	return Policy{}, fault.New(fault.NotFound, "policy.unknown", "没有质押政策“"+id+"”，可选："+list+"。", "There is no lending policy "+id+"; known: "+list+".")
}

// LoadPolicy reads a policy, refusing unknown fields, figures out of range and
// figures without a source.
func LoadPolicy(b []byte) (Policy, error) {
	var p Policy
	dec := json.NewDecoder(bytes.NewReader(b))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&p); err != nil {
		return Policy{}, fault.New(fault.Invalid, "policy.json", "质押政策不是有效的 JSON，或含有未知字段。", "The policy is not valid JSON, or has an unknown field: "+err.Error()+".")
	}
	return p, p.check()
}

// LoadProgramme reads a loan product, refusing unknown fields and limits
// without a source.
func LoadProgramme(b []byte) (Programme, error) {
	var g Programme
	dec := json.NewDecoder(bytes.NewReader(b))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&g); err != nil {
		return g, fault.New(fault.Invalid, "programme.json", "产品配置不是有效的 JSON，或含有未知字段。", "The programme is not valid JSON, or has an unknown field: "+err.Error()+".")
	}
	for _, l := range []*Limit{&g.Total, g.PerBorrower, g.PerLoan} {
		if l != nil && (l.Amount < 0 || l.Source == "") {
			return g, fault.New(fault.Invalid, "programme.limit", "额度须为非负金额并注明来源。", "A limit must be at least 0 and name its source.")
		}
	}
	for _, f := range []*Figure{g.TenorMonths, g.HoldDays} {
		if f != nil && (!(f.Value >= 1 && f.Value <= 3650) || f.Source == "") {
			return g, fault.New(fault.Invalid, "programme.figure", "期限和保留天数须为 1 到 3650，并注明来源。", "A tenor and the days of a hold must be 1 to 3,650 and name their source.")
		}
	}
	if g.ID == "" || g.Version == "" || g.Name == "" || len(g.ID) > 60 || len(g.Version) > 60 || g.Total.Source == "" {
		return g, fault.New(fault.Invalid, "programme.id", "产品须有代码、版本、名称和注明来源的总额度。", "A programme needs an id, a version, a name and a total with its source.")
	}
	if !g.Until.IsZero() && g.Until.Before(g.From) {
		return g, fault.New(fault.Invalid, "programme.dates", "产品截止日早于起始日。", "The programme ends before it begins.")
	}
	return g, nil
}

//go:embed programmes.json
var programmesJSON []byte

// Programmes returns the loan products that ship, by id: what is public of
// them, labelled historical.
func Programmes() map[string]Programme {
	var all []json.RawMessage
	if err := json.Unmarshal(programmesJSON, &all); err != nil {
		panic(err) // embedded, checked by a test
	}
	out := map[string]Programme{}
	for _, b := range all {
		g, err := LoadProgramme(b)
		if err != nil {
			panic(err) // embedded, checked by a test
		}
		out[g.ID] = g
	}
	return out
}

func (p *Policy) check() error {
	var fields []fault.Field
	bad := func(field, zh, en string) {
		fields = append(fields, fault.Field{Field: field, Code: "policy.value", Zh: zh, En: en})
	}
	share := func(field string, f Figure, atMost float64) {
		if !(f.Value >= 0 && f.Value <= atMost) { // also refuses NaN
			bad(field, fmt.Sprintf("应在 0 到 %g 之间。", atMost), fmt.Sprintf("Must lie between 0 and %g.", atMost))
		}
		if f.Source == "" {
			bad(field, "须注明来源。", "Name the source.")
		}
	}
	if p.ID == "" || p.Version == "" {
		bad("id", "须有编号和版本。", "Give an id and a version.")
	}
	if !slices.Contains([]string{"historical", "template", "own"}, p.Label) {
		bad("label", "应为 historical、template 或 own。", "Must be historical, template or own.")
	}
	for _, k := range []patent.Kind{patent.Invention, patent.UtilityModel, patent.Design} {
		cap, ok := p.Caps[k]
		if !ok {
			bad("caps."+string(k), "缺少该类专利的质押率上限（不接受的写 0）。", "Give the ceiling of this kind; 0 when it is not accepted.")
			continue
		}
		share("caps."+string(k), cap, 1)
	}
	for k, cap := range p.Caps {
		switch k {
		case patent.Invention, patent.UtilityModel, patent.Design:
		case Trademark:
			share("caps."+string(k), cap, 1)
		default:
			bad("caps."+string(k), "没有这类押品；可填 invention、utility_model、design、trademark。", "No such kind of collateral: invention, utility_model, design or trademark.")
		}
	}
	if p.Basis.Zh() == "" {
		bad("basis", "须写明质押率所对应的价值类型：market_bare、liquidation_net、appraised_income 或 in_use。", "Say the basis the ceilings were made for: market_bare, liquidation_net, appraised_income or in_use.")
	}
	for i, g := range p.Gates {
		if g.Basis.Zh() == "" || g.Low < 0 || g.High < g.Low || g.Source == "" {
			bad(fmt.Sprintf("gates.%d", i), "须注明价值类型、上下限和来源。", "Give the basis, both ends and the source.")
		}
	}
	for flag, f := range p.Haircuts {
		share("haircuts."+flag, f, 1)
	}
	share("yellow_drop", p.Yellow, 1)
	share("red_drop", p.Red, 1)
	share("deviation_review", p.Review, 10)
	share("deviation_red", p.RedDeviation, 10)
	share("revaluation_months", p.Revaluation, 12) // at least yearly
	share("stale_days", p.StaleDays, 3650)
	if p.TenorMonths != nil {
		share("tenor_months", *p.TenorMonths, 600)
	}
	if p.Red.Value < p.Yellow.Value || p.RedDeviation.Value < p.Review.Value {
		bad("red_drop", "红色阈值不得低于黄色阈值。", "A red threshold may not lie below the yellow one.")
	}
	if p.Revaluation.Value < 1 {
		bad("revaluation_months", "至少 1 个月。", "At least one month.")
	}
	if p.CoverDiscount != nil {
		share("cover_discount", *p.CoverDiscount, 0.99)
		if p.CoverDiscount.Value == 0 {
			bad("cover_discount", "应大于 0；不需要预测时请删去该项。", "Must be above 0; leave it out to have no forecast.")
		}
	}
	if l := p.NegotiatedLimit; l != nil && (l.Amount < 0 || l.Source == "") {
		bad("negotiated_limit", "须为非负金额并注明来源。", "Must be an amount of at least 0 with its source.")
	}
	if l := p.FourEyesAbove; l != nil && (l.Amount < 0 || l.Source == "") {
		bad("four_eyes_above", "须为非负金额并注明来源。", "Must be an amount of at least 0 with its source.")
	}
	if p.InternalLimit.Amount < 0 || p.InternalLimit.Source == "" {
		bad("internal_limit", "须为非负金额并注明来源。", "Must be an amount of at least 0 with its source.")
	}
	for code, r := range p.Rules {
		if _, known := Rules[code]; !known {
			bad("rules."+code, "没有这条规则。", "There is no such rule.")
		}
		if !slices.Contains([]Severity{Refuses, Supplements, Warns}, r.Severity) || r.Source == "" {
			bad("rules."+code, "须注明 severity（refuse、supplement、warn）和来源。", "Give a severity (refuse, supplement, warn) and the source.")
		}
	}
	if len(fields) == 0 {
		return nil
	}
	slices.SortFunc(fields, func(a, b fault.Field) int { return strings.Compare(a.Field, b.Field) })
	return fault.New(fault.Invalid, "policy.invalid", "质押政策有误，请按下列提示修改。", "The lending policy is not valid; see the fields.", fields...)
}
