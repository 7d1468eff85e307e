// Package insurance computes covers of intellectual property: what they cost with
// aid, whether a right may be covered, what a loss pays, and what a guarantee cover
// takes off a bank's loss. The insurer is an obligor: its promise lowers the loss
// given default by what it is good for, and never raises a value.
//
// Start with [Decide].
package insurance

import (
	"bytes"
	"cmp"
	_ "embed"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"zhijia/internal/calendar"
	"zhijia/internal/fault"
	"zhijia/internal/lending"
	"zhijia/internal/money"
	"zhijia/internal/patent"
	"zhijia/internal/ruling"
)

//go:embed rules.json
var rulesJSON []byte

//go:embed schemes.json
var schemesJSON []byte

// Rules are the rules and figures in force in this version.
var Rules = ruling.Load(rulesJSON)

// Kinds of cover.
const (
	Enforcement = "enforcement"      // 执行险
	Loss        = "loss"             // 被侵权损失险
	Overseas    = "overseas"         // 海外侵权责任险
	Guarantee   = "pledge_guarantee" // 质押贷款保证保险
)

// Scheme is what is public of a region's covers. What it does not state is empty.
type Scheme struct {
	ID        string          `json:"id"`
	Name      string          `json:"name"`
	Kind      string          `json:"kind"`
	Tariff    *money.Fen      `json:"tariff,omitempty"`   // premium of one patent and year
	Limit     *money.Fen      `json:"limit,omitempty"`    // sum insured of one patent
	Rate      *float64        `json:"rate,omitempty"`     // premium over the loan
	LoanCap   *money.Fen      `json:"loan_cap,omitempty"` // largest loan
	Subsidy   []float64       `json:"subsidy,omitempty"`  // share of the premium, by year of the scheme from the first
	FirstYear int             `json:"first_year,omitempty"`
	Stop      *money.Fen      `json:"stop_overdue,omitempty"` // no new loan while this much is overdue
	Source    string          `json:"source"`
	Whole     int64           `json:"whole,omitempty"`
	Shares    []lending.Share `json:"shares,omitempty"`
}

// Schemes returns the presets, in order of id.
func Schemes() (out []Scheme) {
	dec := json.NewDecoder(bytes.NewReader(schemesJSON))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&out); err != nil {
		panic(err) // embedded, checked by a test
	}
	slices.SortFunc(out, func(a, b Scheme) int { return strings.Compare(a.ID, b.ID) })
	return out
}

func schemeByID(id string) (*Scheme, error) {
	var known []string
	for _, s := range Schemes() {
		if s.ID == id {
			return &s, nil
		}
		known = append(known, s.ID)
	}
	list := strings.Join(known, ", ")
	return nil, fault.New(fault.NotFound, "insurance.scheme_unknown", "没有保险方案“"+id+"”，可选："+list+"。", "There is no insurance scheme "+id+"; known: "+list+".")
}

// Input is a cover as proposed or written.
type Input struct {
	Label       string        `json:"label,omitempty" zh:"标注"`
	On          calendar.Date `json:"on" zh:"基准日"`
	Kind        string        `json:"kind" zh:"险种" words:"执行险=enforcement,被侵权损失险=loss,海外侵权责任险=overseas,质押贷款保证保险=pledge_guarantee"`
	Insurer     string        `json:"insurer" zh:"保险人"`
	Policy      string        `json:"policy_no,omitempty" zh:"保险单号"`
	Insured     string        `json:"insured" zh:"投保人"`
	From        calendar.Date `json:"from" zh:"保险起期"`
	Through     calendar.Date `json:"through" zh:"保险止期"`             // last day
	Retroactive calendar.Date `json:"retroactive,omitzero" zh:"追溯日"` // losses from this day count

	Scheme      string   `json:"scheme,omitempty" zh:"方案"`
	SubsidyYear int      `json:"subsidy_year,omitempty" zh:"补贴年度"` // of the scheme, from 1
	Subsidy     *float64 `json:"subsidy,omitempty" zh:"补贴比例"`
	SubsidyBy   string   `json:"subsidy_source,omitempty" zh:"补贴依据"`

	Rate        *float64   `json:"rate,omitempty" zh:"费率"`          // premium of the period over the sum insured or the loan
	Aggregate   *money.Fen `json:"aggregate,omitempty" zh:"累计保险金额"` // of the period
	Deductible  money.Fen  `json:"deductible,omitempty" zh:"免赔额"`   // of each loss
	Coinsurance *float64   `json:"coinsurance,omitempty" zh:"赔付比例"` // of what exceeds the deductible; nil: all, or the scheme's share of the insurer

	Loan         *money.Fen `json:"loan,omitempty" zh:"贷款本金"`
	PD           *float64   `json:"pd,omitempty" zh:"借款人违约概率"` // the bank's own
	LGD          *float64   `json:"lgd,omitempty" zh:"违约损失率"`
	Value        *money.Fen `json:"collateral_value,omitempty" zh:"押品估值"`
	Forced       *money.Fen `json:"forced_sale,omitempty" zh:"快速变现价值"`
	InsuredShare *float64   `json:"insured_share,omitempty" zh:"承保比例"`
	InsurerPD    *float64   `json:"insurer_pd,omitempty" zh:"保险人违约概率"`

	Patents []Patent `json:"patents" zh:"专利"`
	Claims  []Claim  `json:"claims,omitempty" zh:"损失"`

	LoanContract string          `json:"loan_contract,omitempty" zh:"贷款合同号"` // that a guarantee answers for
	Ledger       []ruling.Burden `json:"ledger,omitempty"`                   // what the ledger of rights said
}

// Patent is one right covered.
type Patent struct {
	Number    string        `json:"number" zh:"专利号"`
	Owners    []string      `json:"owners,omitempty" zh:"权利人"` // in the order of the register
	CoConsent patent.Truth  `json:"co_consent,omitempty" zh:"共有人同意"`
	Expiry    calendar.Date `json:"expiry,omitzero" zh:"届满日"`
	Alive     patent.Truth  `json:"alive,omitempty" zh:"有效"`
	Dispute   patent.Truth  `json:"dispute,omitempty" zh:"权属纠纷"`
	Sum       *money.Fen    `json:"sum_insured,omitempty" zh:"保险金额"`
	Premium   *money.Fen    `json:"premium,omitempty" zh:"保费"` // of the period; nil: by rate or tariff
}

// Claim is a loss of a patent on a day.
type Claim struct {
	Number string        `json:"number" zh:"专利号"`
	Date   calendar.Date `json:"date" zh:"损失日"`
	Amount money.Fen     `json:"amount" zh:"损失金额"`
}

// Paid is what a claim pays.
type Paid struct {
	Claim
	Pays money.Fen `json:"pays" zh:"赔付"`
	Why  string    `json:"why" zh:"说明"`
}

// Relief is what a guarantee cover takes off the bank's loss.
type Relief struct {
	LGD       float64           `json:"lgd" zh:"违约损失率"`
	LGDAfter  float64           `json:"lgd_after" zh:"保险后违约损失率"`
	EL        money.Fen         `json:"expected_loss" zh:"预期损失"`
	ELAfter   money.Fen         `json:"expected_loss_after" zh:"保险后预期损失"`
	Insurer   money.Fen         `json:"insurer_pays_in_default" zh:"违约时保险赔付"`
	InsurerPD *float64          `json:"insurer_pd" zh:"保险人违约概率"`
	Parties   []lending.Payment `json:"parties,omitempty" zh:"各方承担"`
}

// Result is a cover decided.
type Result struct {
	Label    string          `json:"label,omitempty" zh:"标注"`
	On       calendar.Date   `json:"on" zh:"基准日"`
	Decision ruling.Decision `json:"decision" zh:"结论"`

	Sum      *money.Fen `json:"sum_insured" zh:"保险金额合计"`
	Gross    *money.Fen `json:"premium" zh:"保费"` // null: see I11
	Rate     *float64   `json:"rate" zh:"费率"`    // premium over the sum
	Subsidy  *money.Fen `json:"subsidy" zh:"补贴"`
	Net      *money.Fen `json:"firm_pays" zh:"企业自付"`
	Value    *money.Fen `json:"collateral_value" zh:"押品估值"` // as given: a cover changes no value
	Relief   *Relief    `json:"relief" zh:"对贷款的作用"`         // null for other kinds, or while facts are missing
	Paid     []Paid     `json:"claims" zh:"赔付"`
	Left     *money.Fen `json:"aggregate_left" zh:"累计限额剩余"`
	SchemeAt string     `json:"scheme_source,omitempty" zh:"方案来源"`
}

// Check refuses what cannot be a cover, each fault under its own code.
func (in *Input) Check() error {
	var f ruling.Faults
	unit := func(field string, x *float64) {
		f.Wrong(x != nil && !(*x >= 0 && *x <= 1), field, "insurance.ratio", "应在 0 到 1 之间", "must lie between 0 and 1")
	}
	f.Wrong(in.On.IsZero(), "on", "insurance.on", "请填写基准日", "is missing")
	f.Wrong(!slices.Contains([]string{Enforcement, Loss, Overseas, Guarantee}, in.Kind), "kind", "insurance.kind", "应为 enforcement、loss、overseas 或 pledge_guarantee", "must be enforcement, loss, overseas or pledge_guarantee")
	f.Wrong(strings.TrimSpace(in.Insurer) == "", "insurer", "insurance.insurer", "请填写保险人", "is missing")
	f.Wrong(strings.TrimSpace(in.Insured) == "", "insured", "insurance.insured", "请填写投保人", "is missing")
	f.Wrong(in.From.IsZero() || in.Through.Before(in.From), "through", "insurance.period", "请填写保险起止期，止期不早于起期", "the period is missing or ends before it begins")
	f.Wrong(in.Retroactive.After(in.From), "retroactive", "insurance.retroactive", "追溯日不得晚于起期", "may not lie after the beginning")
	for field, x := range map[string]*float64{"subsidy": in.Subsidy, "coinsurance": in.Coinsurance, "pd": in.PD, "lgd": in.LGD, "insured_share": in.InsuredShare, "insurer_pd": in.InsurerPD} {
		unit(field, x)
	}
	f.Wrong(in.Rate != nil && !(*in.Rate > 0 && *in.Rate <= 1), "rate", "insurance.rate", "费率应大于 0 且不超过 1，如 0.02", "must be above 0 and at most 1, e.g. 0.02")
	f.Wrong(in.Subsidy != nil && in.SubsidyBy == "", "subsidy_source", "insurance.subsidy_source", "补贴比例须注明依据", "name the source of the aid")
	f.Wrong(in.Subsidy != nil && in.SubsidyYear != 0, "subsidy_year", "insurance.subsidy_twice", "补贴比例和方案年度只填一个", "give the share of the aid or the year of the scheme, not both")
	f.Wrong(in.SubsidyYear < 0 || in.SubsidyYear > 0 && in.Scheme == "", "subsidy_year", "insurance.subsidy_year", "补贴年度从 1 起，并须选择方案", "counts from 1 and needs a scheme")
	for field, x := range map[string]*money.Fen{"aggregate": in.Aggregate, "loan": in.Loan, "collateral_value": in.Value, "forced_sale": in.Forced, "deductible": &in.Deductible} {
		f.Wrong(x != nil && (*x < 0 || *x > money.Max), field, "insurance.amount", "金额不得为负", "may not be negative")
	}
	f.Wrong(in.Kind == Guarantee && (in.Loan == nil || *in.Loan == 0), "loan", "insurance.loan", "保证保险须填写贷款本金", "a guarantee cover needs the principal of the loan")
	f.Wrong(len(in.Patents) == 0 || len(in.Patents) > 2000, "patents", "insurance.patents", "专利应为 1 到 2000 件", "must be 1 to 2,000")
	seen := map[patent.Key]int{}
	for i, x := range in.Patents {
		at := fmt.Sprintf("patents[%d]", i)
		f.Wrong(strings.TrimSpace(x.Number) == "", at+".number", "insurance.number", "请填写专利号", "is missing")
		j, twice := seen[patent.KeyOf(x.Number)]
		f.Wrong(twice, at+".number", "insurance.patent_twice", fmt.Sprintf("与第 %d 件重复", j+1), fmt.Sprintf("repeats patent %d", j+1))
		seen[patent.KeyOf(x.Number)] = i
		for _, m := range []*money.Fen{x.Sum, x.Premium} {
			f.Wrong(m != nil && (*m < 0 || *m > money.Max), at, "insurance.amount", "金额不得为负", "may not be negative")
		}
	}
	for i, c := range in.Claims {
		_, known := seen[patent.KeyOf(c.Number)]
		f.Wrong(!known, fmt.Sprintf("claims[%d].number", i), "insurance.claim_number", "专利不在承保清单中", "the patent is not covered")
		f.Wrong(c.Amount < 0 || c.Date.IsZero() || c.Date.After(in.On), fmt.Sprintf("claims[%d]", i), "insurance.claim", "损失须有金额和不晚于基准日的日期", "a loss needs an amount and a day, not after the day of the case")
	}
	return f.Err()
}

// Decide computes and decides a cover.
func Decide(in Input) (Result, error) {
	if err := in.Check(); err != nil {
		return Result{}, err
	}
	out := Result{Label: in.Label, On: in.On, Value: in.Value, Paid: []Paid{}}
	var scheme *Scheme
	if in.Scheme != "" {
		var err error
		if scheme, err = schemeByID(in.Scheme); err != nil {
			return Result{}, err
		}
		if scheme.Kind != in.Kind {
			return Result{}, fault.New(fault.Invalid, "insurance.scheme_kind", "方案"+scheme.ID+"不是该险种。", "The scheme "+scheme.ID+" is of another kind of cover.")
		}
		out.SchemeAt = scheme.Source
	}
	r := Rules.Under()
	if scheme != nil {
		r.Cite("I12", ruling.Warn, "", scheme.Name+"：见于报道", "方案现行文件", scheme.Source)
	}
	for i := range in.Patents {
		in.eligible(r, &in.Patents[i], scheme)
	}
	if in.On.Before(in.From) || in.On.After(in.Through) {
		r.Add("I05", ruling.Block, "", "保险期间"+in.From.String()+"至"+in.Through.String()+"，不含基准日", "有效的保险单")
	} else {
		r.Add("I05", ruling.Pass, "", "保险期间"+in.From.String()+"至"+in.Through.String(), "")
	}
	r.Ledger("I13", in.Ledger)
	in.premium(r, &out, scheme)
	in.claims(&out)
	if in.Kind == Guarantee {
		if err := in.relief(r, &out, scheme); err != nil {
			return Result{}, err
		}
	}
	out.Decision = r.Decide()
	return out, nil
}

// eligible are rules I01 to I04 and I06.
func (in *Input) eligible(r *ruling.Ruling, x *Patent, scheme *Scheme) {
	years := int(Rules.Value("remaining_years"))
	switch {
	case x.Expiry.IsZero():
		r.Add("I01", ruling.Unknown, x.Number, "届满日未知", "申请日和专利类型，或登记簿副本")
	case x.Expiry.Before(in.From.AddYears(years)):
		r.Add("I01", ruling.Block, x.Number, x.Expiry.String()+"届满，起保日"+in.From.String(), "更换专利")
	default:
		r.Add("I01", ruling.Pass, x.Number, x.Expiry.String()+"届满", "")
	}
	truth := func(code string, is, want patent.Truth, yes, no, supply string) {
		switch {
		case is == want:
			r.Add(code, ruling.Pass, x.Number, yes, "")
		case is == patent.Yes || is == patent.No:
			r.Add(code, ruling.Block, x.Number, no, supply)
		default:
			r.Add(code, ruling.Unknown, x.Number, "未知", supply)
		}
	}
	truth("I02", x.Alive, patent.Yes, "有效", "已失效", "登记簿副本")
	truth("I04", x.Dispute, patent.No, "没有", "有权属纠纷", "权属无纠纷的声明")
	switch {
	case len(x.Owners) == 0:
		r.Add("I03", ruling.Unknown, x.Number, "权利人未知", "登记簿副本")
	case !patent.SameName(x.Owners[0], in.Insured):
		r.Add("I03", ruling.Block, x.Number, "第一权利人为"+x.Owners[0]+"，投保人为"+in.Insured, "由第一权利人投保")
	case len(x.Owners) == 1:
		r.Add("I03", ruling.Pass, x.Number, "投保人即唯一权利人", "")
	default:
		truth("I03", x.CoConsent, patent.Yes, "共有人同意", "共有人不同意", "全体共有人同意书")
	}
	if scheme != nil && scheme.Limit != nil && x.Sum != nil {
		if *x.Sum > *scheme.Limit {
			r.Cite("I06", ruling.Block, x.Number, fmt.Sprintf("保险金额%s元，限额%s元", *x.Sum, *scheme.Limit), "降低保险金额", scheme.Source)
		} else {
			r.Cite("I06", ruling.Pass, x.Number, fmt.Sprintf("保险金额%s元，限额%s元", *x.Sum, *scheme.Limit), "", scheme.Source)
		}
	}
}

// premium sums the premium up: of a guarantee rate·loan; else of each patent what
// is stated, rate·sum, or the scheme's tariff. The aid is gross·share, rounded once;
// the firm pays the rest.
func (in *Input) premium(r *ruling.Ruling, out *Result, scheme *Scheme) {
	rate := in.Rate
	if rate == nil && scheme != nil {
		rate = scheme.Rate
	}
	var gross, sum money.Fen
	missing := ""
	if in.Kind == Guarantee {
		sum = *in.Loan
		if in.Aggregate != nil {
			sum = *in.Aggregate
		}
		if rate == nil {
			missing = "没有费率"
		} else {
			gross = in.Loan.MulRate(*rate)
		}
		if sum > *in.Loan {
			r.Add("I10", ruling.Block, "", fmt.Sprintf("保险金额%s元，贷款本金%s元", sum, *in.Loan), "降低保险金额")
		} else {
			r.Add("I10", ruling.Pass, "", fmt.Sprintf("保险金额%s元，贷款本金%s元", sum, *in.Loan), "")
		}
		out.Sum = &sum
	} else {
		known := true
		for _, x := range in.Patents {
			s := x.Sum
			if s == nil && scheme != nil {
				s = scheme.Limit
			}
			switch {
			case s == nil:
				known = false
			default:
				sum += *s
			}
			switch {
			case x.Premium != nil:
				gross += *x.Premium
			case rate != nil && s != nil:
				gross += s.MulRate(*rate)
			case scheme != nil && scheme.Tariff != nil:
				gross += *scheme.Tariff
			default:
				missing = x.Number + "没有保费、费率或方案标准"
			}
		}
		if known {
			out.Sum = &sum
		}
	}
	if missing != "" {
		r.Add("I11", ruling.Unknown, "", missing, "保险人报价")
		return
	}
	r.Add("I11", ruling.Pass, "", gross.String()+"元", "")
	out.Gross = &gross
	if out.Sum != nil && sum > 0 {
		x := float64(gross) / float64(sum)
		out.Rate = &x
	}
	share, by := 0.0, ""
	switch {
	case in.Subsidy != nil:
		share, by = *in.Subsidy, in.SubsidyBy
	case in.SubsidyYear > 0 && in.SubsidyYear <= len(scheme.Subsidy):
		share, by = scheme.Subsidy[in.SubsidyYear-1], scheme.Source
	case in.SubsidyYear > 0:
		r.Cite("I09", ruling.Unknown, "", fmt.Sprintf("方案没有第%d年的补贴比例，按无补贴计算", in.SubsidyYear), "补贴文件", scheme.Source)
	}
	if by != "" {
		r.Cite("I09", ruling.Pass, "", fmt.Sprintf("补贴%.0f%%", 100*share), "", by)
	}
	subsidy := gross.MulRate(share)
	net := gross - subsidy
	out.Subsidy, out.Net = &subsidy, &net
}

// claims pays losses in order of day: (loss − deductible)·share, at most the
// patent's sum and what is left of the aggregate. A loss outside the period, from
// the retroactive day on, pays nothing.
func (in *Input) claims(out *Result) {
	if in.Aggregate != nil && in.Kind != Guarantee {
		x := *in.Aggregate
		out.Left = &x
	}
	share := 1.0
	if in.Coinsurance != nil {
		share = *in.Coinsurance
	}
	first := in.From
	if !in.Retroactive.IsZero() {
		first = in.Retroactive
	}
	left := map[patent.Key]*money.Fen{}
	for _, x := range in.Patents {
		if x.Sum != nil {
			s := *x.Sum
			left[patent.KeyOf(x.Number)] = &s
		}
	}
	claims := slices.Clone(in.Claims)
	slices.SortStableFunc(claims, func(a, b Claim) int { return cmp.Or(a.Date.Compare(b.Date), strings.Compare(a.Number, b.Number)) })
	for _, c := range claims {
		p := Paid{Claim: c}
		switch {
		case c.Date.Before(first) || c.Date.After(in.Through):
			p.Why = "不在保险期间（含追溯期）"
		case c.Amount <= in.Deductible:
			p.Why = "不超过免赔额"
		default:
			p.Pays, p.Why = (c.Amount - in.Deductible).MulRate(share), "超过免赔额部分乘赔付比例"
			for _, l := range []struct {
				left *money.Fen
				zh   string
			}{{left[patent.KeyOf(c.Number)], "受单件保险金额限制"}, {out.Left, "受累计保险金额限制"}} {
				if l.left != nil && p.Pays > *l.left {
					p.Pays, p.Why = *l.left, l.zh
				}
			}
			for _, l := range []*money.Fen{left[patent.KeyOf(c.Number)], out.Left} {
				if l != nil {
					*l -= p.Pays
				}
			}
		}
		out.Paid = append(out.Paid, p)
	}
}

// relief is what a guarantee cover takes off the bank's loss: of the loss of a
// default the insurer pays its share of what exceeds the deductible, at most the
// sum insured, with the probability that it does not default itself:
// LGD' = (loss − (1 − PD_insurer)·pays)/loan. Without the insurer's own PD nothing
// is taken off.
func (in *Input) relief(r *ruling.Ruling, out *Result, scheme *Scheme) error {
	share := 0.0
	var agreement *lending.Scheme
	if scheme != nil && len(scheme.Shares) > 0 {
		agreement = &lending.Scheme{ID: scheme.ID, Version: Rules.Version, Name: scheme.Name, Label: "historical", Source: scheme.Source, Whole: scheme.Whole, Shares: scheme.Shares}
		for _, x := range scheme.Shares {
			if x.Party == "insurer" {
				share = float64(x.Parts) / float64(scheme.Whole)
			}
		}
		if in.InsuredShare != nil && !same(*in.InsuredShare, share) || in.Coinsurance != nil && !same(*in.Coinsurance, share) {
			return fault.New(fault.Invalid, "insurance.share", fmt.Sprintf("承保比例与方案%s的保险人份额（%g）不一致。", scheme.ID, share), fmt.Sprintf("The insured share is not the insurer's share in the scheme %s, %g.", scheme.ID, share))
		}
	} else {
		for _, x := range []*float64{in.Coinsurance, in.InsuredShare} {
			if x != nil {
				share = *x
			}
		}
		if in.Coinsurance != nil && in.InsuredShare != nil && !same(*in.Coinsurance, *in.InsuredShare) {
			return fault.New(fault.Invalid, "insurance.share", "赔付比例与承保比例不一致。", "The coinsurance is not the insured share.")
		}
	}
	if scheme != nil && scheme.LoanCap != nil {
		o, supply := ruling.Pass, ""
		if *in.Loan > *scheme.LoanCap {
			o, supply = ruling.Block, "降低贷款本金"
		}
		r.Cite("I07", o, "", fmt.Sprintf("贷款%s元，上限%s元", *in.Loan, *scheme.LoanCap), supply, scheme.Source)
	}
	if in.InsurerPD == nil {
		r.Add("I08", ruling.Unknown, "", "未填写，保险不降低违约损失率", "保险人的偿付能力或评级，及其违约概率")
	} else {
		r.Add("I08", ruling.Pass, "", fmt.Sprintf("%.4g", *in.InsurerPD), "")
	}
	if in.PD == nil || in.LGD == nil && in.Forced == nil {
		return nil
	}
	q, err := lending.QuoteInput{Loan: *in.Loan, PD: in.PD, LGD: in.LGD, Forced: in.Forced, Share: &share}.Quote(agreement, in.On)
	if err != nil {
		return err
	}
	loss := in.Loan.MulRate(q.LGD)
	pays := min(max(loss-in.Deductible, 0).MulRate(share), *out.Sum)
	v := &Relief{LGD: q.LGD, LGDAfter: q.LGD, EL: q.ExpectedLoss, ELAfter: q.ExpectedLoss, Insurer: pays, InsurerPD: in.InsurerPD, Parties: q.Parties}
	if in.InsurerPD != nil {
		after := loss - pays.MulRate(1-*in.InsurerPD)
		v.LGDAfter = float64(after) / float64(*in.Loan)
		v.ELAfter = after.MulRate(*in.PD)
	}
	out.Relief = v
	return nil
}

func same(a, b float64) bool { return a-b < 1e-9 && b-a < 1e-9 }
