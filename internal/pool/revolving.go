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
		stopped = append(stopped, c.events(now.Structure.Tranches, held)...)
		if r.BadShare > 0 && held > 0 && float64(c.Bad) > r.BadShare*float64(held) {
			if bad++; bad >= max(1, r.BadCycles) {
				stopped = append(stopped, Reason{"revolving.bad_share", "不良资产占比连续超过约定比例，停止循环购买"})
			}
		} else {
			bad = 0
		}
		left := res.Available
		base := now.standing(balance)
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
				p.Reasons = worsened(base, after.at(balance).Test())
				switch {
				case len(stopped) > 0:
					p.Reasons = append(p.Reasons, Reason{"revolving.stopped", "循环购买已停止"})
				case price > left:
					p.Reasons = append(p.Reasons, Reason{"revolving.cash", "可用资金不足"})
				}
				if len(p.Reasons) == 0 {
					p.Bought = true
					now, left, held = after, left-price, held+a.Principal
					res.Spent += price
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
		res.Stopped = append([]Reason(nil), stopped...)
		res.Notice = "循环购买公告：购买资产笔数、金额、定价依据、购买后资产池情况、律师意见"
		if r.CyclesPerYear > 4 {
			q := calendar.New(c.Date.Year, (c.Date.Month-1)/3*3+4, 1)
			res.NoticeDue, _ = cal.AddTradingDays(q.AddDays(-1), 10)
		} else {
			res.NoticeDue, _ = cal.AddTradingDays(c.Date, 2)
		}
		results = append(results, res)
	}
	return results, now, nil
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

func (c *Cycle) events(tranches []Tranche, held money.Fen) (out []Reason) {
	if len(tranches) > 0 && held+c.Cash < tranches[0].Principal {
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
