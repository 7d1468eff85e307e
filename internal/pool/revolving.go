package pool

import (
	"fmt"

	"zhijia/internal/calendar"
	"zhijia/internal/money"
)

// Revolving is the configuration of a revolving purchase (循环购买).
type Revolving struct {
	Periods       int     `json:"periods"`         // payment periods in which principal buys new assets
	TermPeriods   int     `json:"term_periods"`    // of an assumed new asset in projections
	Yield         float64 `json:"yield"`           // annual, of an assumed new asset
	MinRate       float64 `json:"min_rate"`        // eligibility: contract rate at least
	MaxMonths     int     `json:"max_months"`      // eligibility: remaining term at most; 0 is none
	MaxPrice      float64 `json:"max_price"`       // price / outstanding principal at most; 0 is 1
	ShortShare    float64 `json:"short_share"`     // x: eligible assets below this share of the purchase cash…
	ShortCycles   int     `json:"short_cycles"`    // …for n cycles in a row stops the purchases
	BadShare      float64 `json:"bad_share"`       // y: bad assets above this share of the pool…
	BadCycles     int     `json:"bad_cycles"`      // …for n cycles in a row stops the purchases
	CyclesPerYear int     `json:"cycles_per_year"` // above 4, notices are quarterly

	MaxAgeMonths  int     `json:"max_age_months,omitempty"`    // eligibility: months since the contract began at most; 0 is none
	MinPoolRate   float64 `json:"min_pool_rate,omitempty"`     // after every purchase: average rate by balance at least
	MaxPoolMonths float64 `json:"max_pool_months,omitempty"`   // after every purchase: average remaining months by balance at most; 0 is none
	MaxSingle     float64 `json:"max_single,omitempty"`        // after every purchase: one obligor with its affiliates at most; 0 is the rule's
	Approval      bool    `json:"approval_required,omitempty"` // nothing is bought in a cycle that nobody approved
}

// Approval is who approved a cycle's purchases, and on what paper.
type Approval struct {
	By       string        `json:"by"`
	Date     calendar.Date `json:"date"`
	Document string        `json:"document"`
}

// Cycle is one purchase date with what is known then.
type Cycle struct {
	Date     calendar.Date `json:"date"`
	Cash     money.Fen     `json:"cash"`     // in the plan account
	Reserves money.Fen     `json:"reserves"` // to be kept
	Due      money.Fen     `json:"due"`      // payable before the next cycle
	Bad      money.Fen     `json:"bad"`      // principal of bad assets in the pool
	Repaid   money.Fen     `json:"repaid"`   // principal repaid since the last cycle, by all assets together

	// RepaidBy says which assets repaid it, by id. What it does not name is taken
	// to have been repaid as scheduled, and beyond that in proportion.
	RepaidBy map[string]money.Fen `json:"repaid_by,omitempty"`

	Senior   *money.Fen `json:"senior,omitempty"`   // outstanding of the senior classes; null is the issued principal
	Approval *Approval  `json:"approval,omitempty"` // of what the cycle buys

	Downgrade  Fact      `json:"downgrade"`
	TitleClaim Fact      `json:"title_claim"`      // dispute about title
	Servicer   Fact      `json:"servicer_removed"` // servicer removal event
	Candidates []Asset   `json:"candidates"`       // in the fixed order of purchase
	Obligors   []Obligor `json:"obligors,omitempty"`
	Patents    []IP      `json:"patents,omitempty"`
}

// Purchase is the decision about one candidate.
type Purchase struct {
	Asset   string    `json:"asset"`
	Bought  bool      `json:"bought"`
	Price   money.Fen `json:"price"`
	Reasons []Reason  `json:"reasons,omitempty"` // why not
}

// Reason is a stable code with its Chinese text.
type Reason struct {
	Code string `json:"code"`
	Zh   string `json:"zh"`
}

// CycleResult is one cycle of the simulator.
type CycleResult struct {
	Date      calendar.Date `json:"date"`
	Available money.Fen     `json:"available"`
	Spent     money.Fen     `json:"spent"`
	Eligible  money.Fen     `json:"eligible"` // price of all eligible candidates
	Purchases []Purchase    `json:"purchases"`
	PoolAfter money.Fen     `json:"pool_after"`
	NoticeDue calendar.Date `json:"notice_due"` // zero when the calendar does not cover it
	Notice    string        `json:"notice"`     // what the notice must contain, Chinese
	Stopped   []Reason      `json:"stopped,omitempty"`

	After       Pool    `json:"pool"`        // as it stands after the purchases
	Cite        string  `json:"notice_cite"` // of the notice's deadline
	URL         string  `json:"notice_url,omitempty"`
	Provisional bool    `json:"notice_provisional,omitempty"`
	Body        []Field `json:"notice_body"`           // the notice, drafted
	StopNotice  *Notice `json:"stop_notice,omitempty"` // of the early end of the revolving period, in the cycle that brings it
	ApprovedBy  string  `json:"approved_by,omitempty"`
}

// Pool is what is owed after a purchase.
type Pool struct {
	Principal money.Fen `json:"principal"`
	Assets    int       `json:"assets"`
	Obligors  int       `json:"obligors"` // affiliates merged
	Rate      float64   `json:"average_rate"`
	Months    float64   `json:"average_months"`
	Largest   float64   `json:"largest_share"`
}

// poolOn measures a deal's assets, at what they owe, on a day.
func (d *Deal) poolOn(day calendar.Date) (p Pool) {
	groups := d.groups()
	p.Principal, p.Assets, p.Obligors = d.Total(), len(d.Assets), len(groups)
	if p.Principal == 0 {
		return p
	}
	for i := range d.Assets {
		a := &d.Assets[i]
		w := float64(a.Principal) / float64(p.Principal)
		end := a.Maturity
		if a.Amortise == "schedule" {
			end = a.Schedule[len(a.Schedule)-1].Date
		}
		p.Rate += w * a.Rate
		p.Months += w * max(0, float64(day.DaysUntil(end))/(365.25/12))
	}
	p.Largest = float64(groups[0].principal) / float64(p.Principal)
	return p
}

// breaks names the criteria of the deed that the pool would not keep after a
// purchase, though it kept them before or the purchase makes it worse.
func (r *Revolving) breaks(before, after Pool) (out []Reason) {
	add := func(bad bool, code, zh string, args ...any) {
		if bad {
			out = append(out, Reason{"revolving.pool_" + code, fmt.Sprintf(zh, args...)})
		}
	}
	add(after.Rate < r.MinPoolRate-1e-12 && after.Rate < before.Rate, "rate", "购买后资产池加权平均利率%.3f%%，低于约定的%.3f%%", after.Rate*100, r.MinPoolRate*100)
	add(r.MaxPoolMonths > 0 && after.Months > r.MaxPoolMonths && after.Months > before.Months, "term", "购买后资产池加权平均剩余期限%.1f个月，超过约定的%.1f个月", after.Months, r.MaxPoolMonths)
	add(r.MaxSingle > 0 && after.Largest > r.MaxSingle+1e-12 && after.Largest > before.Largest, "single", "购买后最大债务人占%.2f%%，超过约定的%.2f%%", after.Largest*100, r.MaxSingle*100)
	return out
}

// Revolve runs the cycles in order on a copy of the deal. The pool's rule
// tests are run again after every candidate; a candidate after
// which any test fails, or one that was known becomes unknown, is not bought. After a stop
// reason no later cycle buys.
func (d *Deal) Revolve(cycles []Cycle, cal *calendar.Working) ([]CycleResult, Deal, error) {
	if err := d.Check(); err != nil {
		return nil, Deal{}, err
	}
	r := d.Structure.Revolving
	if r == nil {
		return nil, Deal{}, badScenario("revolving", "the deal has no revolving configuration")
	}
	now := *d
	now.Assets = append([]Asset(nil), d.Assets...)
	now.Obligors = append([]Obligor(nil), d.Obligors...)
	now.Patents = append([]IP(nil), d.Patents...)
	balance := map[string]money.Fen{} // principal not repaid, by asset
	for i := range now.Assets {
		balance[now.Assets[i].ID] = now.Assets[i].Principal
	}
	held := d.Total()
	since := d.CutOff
	var results []CycleResult
	var stopped []Reason
	short, bad := 0, 0
	for _, c := range cycles {
		for _, o := range c.Obligors {
			if _, known := now.obligor(o.ID); !known {
				now.Obligors = append(now.Obligors, o)
			}
		}
		now.Patents = append(now.Patents, c.Patents...)
		repaid, err := now.repaid(&c, since, balance)
		if err != nil {
			return nil, Deal{}, err
		}
		held -= repaid
		since = c.Date
		res := CycleResult{Date: c.Date, Available: max(0, c.Cash-c.Reserves-c.Due)}
		running := len(stopped) == 0
		stopped = append(stopped, c.events(now.Structure.seniorPrincipal(), held)...)
		unapproved := r.Approval && (c.Approval == nil || c.Approval.By == "" || c.Approval.Document == "" || c.Approval.Date.IsZero() || c.Approval.Date.After(c.Date))
		if c.Approval != nil {
			res.ApprovedBy = c.Approval.By
		}
		if r.BadShare > 0 && held > 0 && float64(c.Bad) > r.BadShare*float64(held) {
			if bad++; bad >= max(1, r.BadCycles) {
				stopped = append(stopped, Reason{"revolving.bad_share", "不良资产占比连续超过约定比例，停止循环购买"})
			}
		} else {
			bad = 0
		}
		left := res.Available
		base := now.standing(balance)
		var bought []Asset
		for i := range c.Candidates {
			a := c.Candidates[i]
			price := a.Principal
			if a.Price != nil {
				price = *a.Price
			}
			p := Purchase{Asset: a.ID, Price: price, Reasons: now.ineligible(&a, price, c.Date)}
			if len(p.Reasons) == 0 {
				res.Eligible += price
				after := now
				after.Assets = append(append([]Asset(nil), now.Assets...), a)
				balance[a.ID] = a.Principal
				p.Reasons = append(worsened(base, after.at(balance).Test()), r.breaks(now.at(balance).poolOn(c.Date), after.at(balance).poolOn(c.Date))...)
				switch {
				case unapproved:
					p.Reasons = append(p.Reasons, Reason{"revolving.approval", "本次循环购买未经批准（须有批准人、不晚于购买日的日期与文件）"})
				case len(stopped) > 0:
					p.Reasons = append(p.Reasons, Reason{"revolving.stopped", "循环购买已停止"})
				case price > left:
					p.Reasons = append(p.Reasons, Reason{"revolving.cash", "可用资金不足"})
				}
				if len(p.Reasons) == 0 {
					p.Bought = true
					now, left, held = after, left-price, held+a.Principal
					res.Spent += price
					bought = append(bought, a)
					base = now.standing(balance)
				} else {
					delete(balance, a.ID)
				}
			}
			res.Purchases = append(res.Purchases, p)
		}
		if r.ShortShare > 0 && res.Available > 0 && float64(res.Eligible) < r.ShortShare*float64(res.Available) {
			if short++; short >= max(1, r.ShortCycles) {
				stopped = append(stopped, Reason{"revolving.short", "合格资产连续不足购买资金的约定比例，停止循环购买"})
			}
		} else {
			short = 0
		}
		res.PoolAfter = held
		res.After = now.at(balance).poolOn(c.Date)
		res.Stopped = append([]Reason(nil), stopped...)
		if running && len(stopped) > 0 {
			n, err := now.Notice(Event{Kind: "purchase_change", Date: c.Date, Detail: "循环期提前结束：" + stopped[0].Zh}, cal)
			if err != nil {
				return nil, Deal{}, err
			}
			res.StopNotice = &n
		}
		now.noticePurchase(&res, &c, bought, cal)
		results = append(results, res)
	}
	return results, now, nil
}

// noticePurchase says by when a cycle's purchases are announced, under the rule
// in force on the day, and drafts the notice (上交所第5号 5.2.9, 深交所第2号 第二
// 十七条).
func (d *Deal) noticePurchase(res *CycleResult, c *Cycle, bought []Asset, cal *calendar.Working) {
	res.Notice = "循环购买公告：购买资产笔数、金额、定价依据、购买后资产池情况、律师意见"
	kind, from := "purchase", c.Date
	if d.Structure.Revolving.CyclesPerYear > 4 { // the first ten trading days of the next quarter
		kind, from = "purchase_quarterly", calendar.New(c.Date.Year, (c.Date.Month-1)/3*3+4, 1).AddDays(-1)
	}
	rule, ok := d.deadlineOn(kind, c.Date)
	if !ok {
		from = c.Date
		rule, _ = d.deadlineOn("event", c.Date)
	}
	res.NoticeDue, _ = rule.after(from, cal)
	res.Cite, res.URL, res.Provisional = rule.Cite, rule.URL, cal.Provisional(res.NoticeDue)
	principal, supply, new := money.Fen(0), money.Fen(0), *d
	new.Assets = bought
	for i := range bought {
		principal += bought[i].Principal
	}
	for i := range c.Candidates {
		supply += c.Candidates[i].Principal
	}
	approved := ""
	if c.Approval != nil && c.Approval.By != "" {
		approved = fmt.Sprintf("%s于%s批准（%s）", c.Approval.By, c.Approval.Date, c.Approval.Document)
	}
	of := func(p Pool) string {
		return fmt.Sprintf("未偿本金%s元，%d笔，债务人%d户（合并关联方），加权平均利率%.3f%%，加权平均剩余期限%.1f个月", p.Principal.Grouped(), p.Assets, p.Obligors, p.Rate*100, p.Months)
	}
	bodyNew := "本次未购买"
	if len(bought) > 0 {
		bodyNew = of(new.poolOn(c.Date))
	}
	res.Body = []Field{
		{"statement", "声明", d.Statement()},
		{"deal", "专项计划全称", d.Name},
		{"date", "循环购买日", c.Date.String()},
		{"cash", "可用于购买的价款总额、可供购买的基础资产总额（元）", fmt.Sprintf("%s；%s", res.Available.Grouped(), supply.Grouped())},
		{"bought", "实际购买总额、支付价款（元）", fmt.Sprintf("%s；%s", principal.Grouped(), res.Spent.Grouped())},
		{"parties", "买方及卖方", d.Name + "；" + d.Parties.Originator},
		{"new", "新增基础资产", bodyNew},
		{"pool", "购买完成后的基础资产", of(res.After)},
		{"criteria", "合格标准与购买后测试", fmt.Sprintf("买入的%d笔均符合合格标准，购买后各项测试通过", len(bought))},
		{"approval", "购买的批准", approved},
		{"pricing", "价款的计算方式及其公允性", ""},
		{"transfer", "循环购买账户资金划转情况", ""},
		{"lawyer", "律师意见", ""},
	}
}

// seniorPrincipal is what the classes paid interest first were issued for.
func (s *Structure) seniorPrincipal() money.Fen {
	sum := money.Fen(0)
	steps, err := s.steps(s.Order, false)
	if err != nil || len(s.Tranches) == 0 {
		return 0
	}
	for _, x := range steps {
		if x.kind == stepInterest {
			for _, k := range x.classes {
				sum += s.Tranches[k].Principal
			}
			return sum
		}
	}
	return 0
}

// at is the deal with what its assets still owe: the tests after a purchase
// measure the pool as it stands, not as it was at the cut-off.
func (d *Deal) at(balance map[string]money.Fen) *Deal {
	out := *d
	out.Assets = make([]Asset, 0, len(d.Assets))
	for _, a := range d.Assets {
		if a.Principal = balance[a.ID]; a.Principal > 0 {
			out.Assets = append(out.Assets, a)
		}
	}
	return &out
}

// standing is how the tests stand on what is still owed; nothing is known of a
// pool that is repaid.
func (d *Deal) standing(balance map[string]money.Fen) map[string]Result {
	x := d.at(balance)
	if len(x.Assets) == 0 {
		return nil
	}
	return x.Test().byRule()
}

// repaid takes a cycle's repayments off the balances and returns their sum: what
// the cycle names by asset, then what was scheduled since the cycle before,
// then the rest in proportion to the balances.
func (d *Deal) repaid(c *Cycle, since calendar.Date, balance map[string]money.Fen) (money.Fen, error) {
	left := c.Repaid
	sum := money.Fen(0)
	for _, amount := range c.RepaidBy {
		sum += amount
	}
	if left == 0 {
		left = sum
	}
	for id, amount := range c.RepaidBy {
		if amount < 0 || amount > balance[id] || sum > left {
			return 0, badScenario("repaid_by", "an asset repaid more than it owed, or all of them more than the cycle's repayments")
		}
	}
	for id, amount := range c.RepaidBy {
		balance[id] -= amount
	}
	total := sum
	left -= sum
	scheduled, owed := make([]int64, len(d.Assets)), make([]int64, len(d.Assets))
	for i := range d.Assets {
		a := &d.Assets[i]
		if _, named := c.RepaidBy[a.ID]; named {
			continue
		}
		owed[i] = int64(balance[a.ID])
		for _, due := range a.Dues(d.CutOff) {
			if due.Date.After(since) && !due.Date.After(c.Date) {
				scheduled[i] += int64(due.Principal)
			}
		}
		scheduled[i] = min(scheduled[i], owed[i])
	}
	for _, shares := range [][]int64{scheduled, owed} {
		all := int64(0)
		for _, s := range shares {
			all += s
		}
		part := min(int64(left), all)
		for i, s := range shares {
			if s == 0 {
				continue
			}
			pay := mulDiv(part, s, all)
			part, all = part-pay, all-s // the last one takes the rounding
			balance[d.Assets[i].ID] -= money.Fen(pay)
			owed[i] -= pay
			left -= money.Fen(pay)
			total += money.Fen(pay)
		}
	}
	return total, nil
}

func (c *Cycle) events(senior, held money.Fen) (out []Reason) {
	if c.Senior != nil {
		senior = *c.Senior
	}
	if held+c.Cash < senior {
		out = append(out, Reason{"revolving.principal_short", "资产池本金与现金之和低于优先级未偿本金，加速清偿"})
	}
	for _, e := range []struct {
		f        Fact
		code, zh string
	}{
		{c.Downgrade, "revolving.downgrade", "评级下调，停止循环购买"},
		{c.TitleClaim, "revolving.title", "基础资产权属争议，触发权利完善"},
		{c.Servicer, "revolving.servicer", "资产服务机构解任，停止循环购买"},
	} {
		if e.f == Yes {
			out = append(out, Reason{e.code, e.zh})
		}
	}
	return out
}

// ineligible names every criterion a candidate fails. A fact that is unknown
// fails: an asset is bought on evidence.
func (d *Deal) ineligible(a *Asset, price money.Fen, on calendar.Date) (out []Reason) {
	r := d.Structure.Revolving
	add := func(bad bool, code, zh string) {
		if bad {
			out = append(out, Reason{"revolving." + code, zh})
		}
	}
	for i := range d.Assets {
		add(d.Assets[i].ID == a.ID, "duplicate", "资产已在池中")
	}
	o, known := d.obligor(a.Obligor)
	add(!known, "obligor", "债务人信息缺失")
	add(a.Kind != d.Class, "kind", "资产类别与资产池不同")
	add(a.Principal <= 0, "principal", "未偿本金应为正数")
	add(a.Performed != Yes, "performed", "原始权益人履约情况未确认")
	add(a.NoDefence != Yes, "defence", "未确认无抗辩、抵销")
	add(a.Overdue == nil || *a.Overdue > 0, "overdue", "逾期或逾期情况未知")
	add(a.Whole != Yes, "whole", "未确认整笔合同入池")
	add(a.IPFormed != Yes, "ip", "未确认由知识产权形成")
	add(known && o.BadRecord != No, "record", "债务人不良记录未排除")
	add(known && o.Dishonest != No, "dishonest", "债务人失信情况未排除")
	add(a.Rate < r.MinRate, "rate", "利率低于合格标准")
	add(a.checkSchedule(on) != nil, "schedule", "还款计划无效")
	if r.MaxMonths > 0 && a.Maturity.After(on) {
		add(monthsBetween(on, a.Maturity) > r.MaxMonths, "term", "剩余期限超过合格标准")
	}
	add(a.Unencumbered != Yes, "encumbered", "未确认无权利负担")
	if r.MaxAgeMonths > 0 {
		add(a.Start.IsZero() || a.Start.AddMonths(r.MaxAgeMonths).Before(on), "age", "合同起始日缺失，或账龄超过合格标准")
	}
	maxPrice := r.MaxPrice
	if maxPrice == 0 {
		maxPrice = 1
	}
	add(price <= 0 || float64(price) > maxPrice*float64(a.Principal), "price", "购买价格超过公允上限")
	coll := d.Collateral()
	for _, number := range a.Patents {
		for _, x := range coll.Excluded {
			add(x.Number == number, "patent", fmt.Sprintf("对应知识产权%s：%s", number, x.Reason.Zh))
		}
	}
	return out
}

func worsened(before map[string]Result, after Report) (out []Reason) {
	for _, r := range after.Results {
		if was, had := before[r.Rule]; r.Answer == Fail || r.Answer == Unsure && (!had || was.Answer != Unsure) {
			out = append(out, Reason{"revolving.test." + r.Rule, "购买后不符合：" + r.Name})
		}
	}
	return out
}
