package chain

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"zhijia/internal/appraisal"
	"zhijia/internal/calendar"
	"zhijia/internal/desk"
	"zhijia/internal/dossier"
	"zhijia/internal/encumbrance"
	"zhijia/internal/fault"
	"zhijia/internal/lending"
	"zhijia/internal/money"
	"zhijia/internal/patent"
	"zhijia/internal/store"
)

// OneStopAsk asks everything about one patent at once.
type OneStopAsk struct {
	Number   string        `json:"number" minLength:"1" maxLength:"60" doc:"Application or patent number in any usual form."`
	AsOf     calendar.Date `json:"as_of,omitzero" doc:"Only what was public by this day counts; default today."`
	Policy   string        `json:"policy,omitempty" maxLength:"200" doc:"Lending policy, id or id@version. Default TEMPLATE."`
	Pledgors []string      `json:"pledgors,omitempty" maxItems:"20" doc:"Who would pledge it."`
	Maturity calendar.Date `json:"maturity,omitzero" doc:"Of the loan."`
	Loan     money.Fen     `json:"loan,omitempty" doc:"Asked for, yuan; without it the ceiling alone is told."`
	Revenue  *money.Fen    `json:"revenue,omitempty" doc:"Of the products that use it, last year, yuan."`
}

// Section is one part of a one-stop dossier.
type Section struct {
	Key      string   `json:"key"`
	Zh       string   `json:"zh"`
	Status   string   `json:"status"` // ok, attention, missing, failed
	StatusZh string   `json:"status_zh"`
	Lines    []string `json:"lines"`            // Chinese
	Supply   []string `json:"supply,omitempty"` // Chinese: what to bring
}

// OneStop is the answer: sections in a fixed order, and the figures for programs.
type OneStop struct {
	ID       string        `json:"id"`
	Number   string        `json:"number"`
	Title    string        `json:"title"`
	On       calendar.Date `json:"as_of"`
	Sections []Section     `json:"sections"`

	Value *money.Fen `json:"value"` // nil: none is given
	Low   *money.Fen `json:"value_low"`
	High  *money.Fen `json:"value_high"`
	Cap   *money.Fen `json:"lending_cap"` // under the policy; nil: none can be told

	Verdict   lending.Verdict  `json:"verdict,omitempty"` // of the loan, or of the right as collateral
	Policy    string           `json:"policy"`
	HighValue patent.HighValue `json:"high_value"`
	Documents []string         `json:"documents"`
}

var statusZh = map[string]string{"ok": "齐全", "attention": "请留意", "missing": "缺资料", "failed": "未能完成"}

func (o *OneStop) section(key, zh, status string, lines, supply []string) {
	if lines == nil {
		lines = []string{}
	}
	slices.Sort(supply)
	supply = slices.Compact(supply)
	o.Sections = append(o.Sections, Section{key, zh, status, statusZh[status], lines, supply})
}

// OneStop joins identity, owners, term, fees, state, uses, value, lending cap and
// documents in one answer and keeps it. A part that cannot be told says so and
// stops no other.
func (s *Service) OneStop(ctx context.Context, actor appraisal.Actor, a OneStopAsk) (o OneStop, err error) {
	defer fault.Wrap(&err, "chain.OneStop")
	ctx = store.As(ctx, actor.Institution)
	a.AsOf = cmpDay(a.AsOf, s.today())
	if a.AsOf.After(s.today()) {
		return o, fault.New(fault.Invalid, "date.future", "截至日不得晚于今天。", "The day may not lie in the future.")
	}
	if a.Loan < 0 || a.Loan > money.Max || a.Revenue != nil && (*a.Revenue < 0 || *a.Revenue > money.Max) {
		return o, fault.New(fault.Invalid, "amount.range", "金额应不为负且在合理范围内。", "Amounts must not be negative or beyond any plausible amount.")
	}
	policy, err := s.desk.Policy(ctx, actor, a.Policy)
	if err != nil {
		return o, err
	}
	q := dossier.Query{Number: a.Number, AsOf: a.AsOf.String(), Pledge: patent.PledgeFacts{Pledgors: a.Pledgors}}
	if !a.Maturity.IsZero() {
		q.Maturity = a.Maturity.String()
	}
	d, err := s.dossiers.Ask(ctx, actor.Institution, q)
	if err != nil {
		return o, err
	}
	facts := oneStopFacts{Ask: a, Policy: policy.ID + "@" + policy.Version, Dossier: d}
	row := lending.Row{Number: d.Number, Borrower: first(a.Pledgors), Owners: d.Owners, Pledgors: a.Pledgors, Loan: a.Loan, Maturity: a.Maturity, Revenue: a.Revenue, Portfolio: a.Loan == 0}
	check, err := s.desk.Check(ctx, actor, []lending.Row{row}, desk.Options{Policy: policy, Date: a.AsOf})
	if err != nil {
		return o, err
	}
	facts.valued(&check)
	marks, err := s.db.Marks(ctx, actor.Institution, []string{d.Number})
	if err != nil {
		return o, err
	}
	facts.Marks, facts.Stated = marks[d.Number]
	if facts.Declared, err = s.OpenLicences(ctx, actor, d.Number); err != nil {
		return o, err
	}
	offers, err := s.db.Offers(ctx, actor.Institution, []string{d.Number})
	if err != nil {
		return o, err
	}
	if facts.Uses, err = s.standing(ctx, actor, offers); err != nil {
		return o, err
	}
	// The answer is made of the facts as they are kept, so that it can be made again.
	body, err := json.Marshal(facts)
	if err != nil {
		return o, err
	}
	var kept oneStopFacts
	if err := json.Unmarshal(body, &kept); err != nil {
		return o, err
	}
	o = kept.tell()
	o.ID, err = s.keep(ctx, actor, "one_stop", o.Number, json.RawMessage(body), o)
	return o, err
}

// oneStopFacts is all that a one-stop dossier rests on.
type oneStopFacts struct {
	Ask      OneStopAsk     `json:"ask"`
	Policy   string         `json:"policy"`
	Dossier  patent.Dossier `json:"dossier"`
	Value    valueFacts     `json:"value"`
	Marks    patent.Marks   `json:"marks"`
	Stated   bool           `json:"stated"` // marks are on file
	Declared []Declared     `json:"declared"`
	Uses     []Standing     `json:"uses"`
}

// valueFacts is what the desk's check said of the right and the loan.
type valueFacts struct {
	Check     string           `json:"check"`     // id of the check on record
	Valuation string           `json:"valuation"` // hash of the stored valuation
	Fault     string           `json:"fault,omitempty"`
	Given     bool             `json:"given"`
	Point     money.Fen        `json:"point"`
	Low       money.Fen        `json:"low"`
	High      money.Fen        `json:"high"`
	Level     float64          `json:"level"`
	Measured  bool             `json:"measured"`
	Reason    string           `json:"reason,omitempty"`
	Verdict   lending.Verdict  `json:"verdict"`
	Zh        string           `json:"zh"`
	Lendable  money.Fen        `json:"lendable"`
	Ceiling   float64          `json:"ceiling"`
	Haircut   float64          `json:"haircut"`
	Reasons   []lending.Reason `json:"reasons"`
}

func (f *oneStopFacts) valued(c *desk.Check) {
	v, row := &c.Valued[0], &c.Decisions.Rows[0]
	f.Value = valueFacts{
		Check: c.ID, Valuation: v.Valuation, Given: v.Fault == nil && (v.Point > 0 || v.Low > 0), Point: v.Point, Low: v.Low, High: v.High, Level: v.Level, Measured: v.Calibration == "conformal", Reason: v.Reason,
		Verdict: row.Verdict, Zh: row.Zh, Lendable: row.Lendable, Ceiling: row.Ceiling, Haircut: row.Haircut, Reasons: row.Reasons,
	}
	if v.Fault != nil {
		f.Value.Fault = v.Fault.Zh
	}
	if f.Ask.Loan > 0 && len(c.Decisions.Contracts) > 0 {
		f.Value.Lendable = c.Decisions.Contracts[0].Recommended
	}
}

// tell makes the dossier of its facts.
func (f *oneStopFacts) tell() OneStop {
	d := &f.Dossier
	o := OneStop{Number: d.Number, Title: d.Title, On: d.On, Documents: d.Documents, Policy: f.Policy}
	o.ofRight(d, f.Uses)
	o.ofValue(&f.Value)
	o.ofSources(f)
	o.section("documents", "应备材料", "ok", o.Documents, nil)
	return o
}

func first(list []string) string {
	if len(list) == 0 {
		return ""
	}
	return list[0]
}

// gap returns "missing" and what to bring where the dossier misses one of the
// keys, status otherwise.
func gap(d *patent.Dossier, status string, keys ...string) (string, []string) {
	var supply []string
	for _, m := range d.Missing {
		if slices.Contains(keys, m.Key) {
			status, supply = "missing", append(supply, m.Supply)
		}
	}
	return status, supply
}

func (o *OneStop) ofRight(d *patent.Dossier, uses []Standing) {
	lines := []string{d.Display + " " + d.KindZh, cmp.Or(d.Title, "名称未知")}
	for _, c := range d.IPC {
		lines = append(lines, c.Symbol+" "+c.Class.Zh)
	}
	status := "ok"
	if d.Title == "" || len(d.Conflicts) > 0 {
		status = "attention"
	}
	o.section("identity", "身份", status, append(lines, d.Conflicts...), nil)
	status, supply := gap(d, "ok", "owners")
	o.section("owners", "权利人", status, d.Owners, supply)
	lines = nil
	if !d.Term.Filing.IsZero() {
		lines = append(lines, "申请日 "+d.Term.Filing.String())
	}
	if d.Term.RemainingDays != nil {
		lines = append(lines, fmt.Sprintf("最后受保护日 %s，剩余 %d 天", d.Term.LastProtected, *d.Term.RemainingDays))
	}
	status, supply = gap(d, "ok", "filing", "granted", "adjustment_days")
	o.section("term", "期限", status, lines, supply)
	lines = []string{d.Fees.Zh}
	if d.CostToKeep != nil {
		lines = append(lines, "维持至届满尚需 "+d.CostToKeep.String()+" 元")
	}
	status, supply = gap(d, "ok", "paid_through_year")
	if status == "ok" && d.Fees.Status != patent.FeesPaid {
		status = "attention"
	}
	o.section("fees", "年费", status, lines, supply)
	lines = []string{d.StandingZh, "质押登记：" + d.Eligibility.Zh}
	status, supply = gap(d, "ok", "standing", "pledged", "preserved", "challenged")
	if d.State.Standing == patent.Dead {
		status = "attention"
	}
	for _, f := range d.Eligibility.Findings {
		if f.Outcome == patent.Met {
			lines, status = append(lines, f.Code+" "+f.Zh), "attention"
		}
	}
	o.section("state", "法律状态", status, lines, supply)
	lines, status = nil, "ok"
	for _, u := range d.Uses {
		zh := map[patent.Allowance]string{patent.Allowed: "可以", patent.WithConsent: "须经同意", patent.Forbidden: "不可以", patent.NotKnown: "未知"}[u.Allowed]
		if u.Allowed == patent.Forbidden || u.Allowed == patent.WithConsent {
			status = "attention"
		} else if u.Allowed == patent.NotKnown && status == "ok" {
			status = "missing"
		}
		lines = append(lines, strings.TrimSpace(u.Zh+"："+zh+" "+strings.Join(u.Reasons, "；")))
	}
	for i := range uses {
		u := &uses[i]
		line := "台账：" + u.Product.Zh() + " " + u.Reference + "，" + u.StateZh + "（" + u.Party
		if u.Beneficiary != "" {
			line += "→" + u.Beneficiary
		}
		line += "）"
		if u.Sum != nil {
			line += "，今日金额 " + u.Sum.String() + " 元"
		}
		lines = append(lines, line)
		if u.Status == encumbrance.Disputed || u.Status.Burdens() && u.Product.Burdens() {
			status = "attention"
		}
	}
	o.section("uses", "权利负担", status, lines, nil)
}

func (o *OneStop) ofValue(v *valueFacts) {
	o.Verdict = v.Verdict
	var lines []string
	status := "failed"
	switch {
	case v.Fault != "":
		lines = []string{v.Fault}
	case v.Given:
		status = "ok"
		point, low, high := v.Point, v.Low, v.High
		o.Value, o.Low, o.High = &point, &low, &high
		lines = append(lines, fmt.Sprintf("%s 元（%s—%s 元，水平 %.0f%%，%s）", v.Point, v.Low, v.High, 100*v.Level, map[bool]string{true: "区间按过往误差校准", false: "区间未校准"}[v.Measured]))
		if v.Reason != "" {
			status, lines = "attention", append(lines, v.Reason)
		}
	default:
		status, lines = "missing", []string{cmp.Or(v.Reason, "没有给出估值")}
	}
	o.section("value", "估值", status, lines, nil)
	lines, status = nil, "ok"
	var supply []string
	if o.Value != nil {
		limit := v.Lendable
		o.Cap = &limit
		lines = append(lines, fmt.Sprintf("按政策 %s，质押率上限 %.0f%%，折扣 %.2f：可贷 %s 元", o.Policy, 100*v.Ceiling, v.Haircut, limit))
	} else {
		status, lines = "missing", append(lines, "没有估值，不能测算")
	}
	lines = append(lines, "决定："+v.Zh)
	for _, r := range v.Reasons {
		status = "attention"
		line := r.Code + " " + r.Zh
		if r.Evidence != "" {
			line += "（" + r.Evidence + "）"
		}
		lines = append(lines, line)
		if r.Supply != "" {
			supply = append(supply, r.Supply)
		}
	}
	o.section("cap", "可贷上限", status, lines, supply)
	for _, x := range supply {
		if !slices.Contains(o.Documents, x) {
			o.Documents = append(o.Documents, x)
		}
	}
}

// ofSources adds what the institution noted: the track of prosecution, open
// licences and the flags of the national statistic.
func (o *OneStop) ofSources(f *oneStopFacts) {
	d, m, declared := &f.Dossier, f.Marks, f.Declared
	lines, status := []string{}, "missing"
	if f.Stated && m.Track != "" {
		status = "ok"
		lines = append(lines, patent.Tracks[m.Track]+"（"+m.Source+"）")
	}
	for _, x := range []struct {
		zh  string
		day calendar.Date
	}{{"请求日", m.Requested}, {"同意日", m.Accepted}} {
		if !x.day.IsZero() {
			lines = append(lines, x.zh+" "+x.day.String())
		}
	}
	if !d.Term.Filing.IsZero() && d.State.Granted.After(d.Term.Filing) {
		lines = append(lines, fmt.Sprintf("申请至授权 %d 天", d.Term.Filing.DaysUntil(d.State.Granted)))
	}
	var supply []string
	if status == "missing" {
		supply = []string{"优先审查或预审的证明；普通途径请注明"}
	}
	o.section("track", "审查途径", status, lines, supply)

	lines = []string{}
	for i := range declared {
		l := &declared[i]
		lines = append(lines, fmt.Sprintf("%s 声明，%s，%g 年；%s", l.Declared, l.FeeZh(), l.Years, l.EvidenceZh))
	}
	o.section("open_licence", "开放许可", "ok", lines, nil)

	alive := map[patent.Standing]patent.Truth{patent.Alive: patent.Yes, patent.Dead: patent.No, patent.Pending: patent.No}[d.State.Standing]
	o.HighValue = patent.HighValueOn(d.Kind, alive, d.State.Pledged, d.Term.Filing, d.On, m)
	zh := map[patent.Truth]string{patent.Yes: "计入", patent.No: "不计入", patent.DontSay: "未知"}[o.HighValue.Counts]
	status = "ok"
	if o.HighValue.Counts == patent.DontSay {
		status = "missing"
	}
	lines = append([]string{"高价值发明专利：" + zh}, o.HighValue.Classes...)
	o.section("high_value", "高价值发明", status, lines, o.HighValue.Unknown)
}
