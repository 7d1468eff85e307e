package desk

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"zhijia/internal/appraisal"
	"zhijia/internal/civil"
	"zhijia/internal/fault"
	"zhijia/internal/lending"
	"zhijia/internal/money"
	"zhijia/internal/patent"
	"zhijia/internal/store"
	"zhijia/internal/valuation"
)

// Loan is a loan to be booked: from then on its patents are revalued on the
// policy's schedule and whenever an event about one arrives.
type Loan struct {
	Contract string        `json:"contract" minLength:"1" maxLength:"200"`
	Borrower string        `json:"borrower" minLength:"1" maxLength:"500"`
	Balance  money.Fen     `json:"balance" doc:"Owed now, yuan."`
	Maturity civil.Date    `json:"maturity"`
	Policy   string        `json:"policy,omitempty" maxLength:"200" doc:"id or id@version. Default TEMPLATE."`
	Rows     []lending.Row `json:"patents" minItems:"1" maxItems:"200" doc:"What the desk knows of each patent; a number is enough for one in the store."`
}

// Book values the patents of a loan and takes it into the book.
func (d *Desk) Book(ctx context.Context, actor appraisal.Actor, l Loan) (_ store.BookLoan, err error) {
	defer fault.Wrap(&err, "desk.Book(%s)", l.Contract)
	now := d.now().UTC().Truncate(time.Microsecond)
	today := civil.Of(now)
	if l.Contract = strings.TrimSpace(l.Contract); l.Contract == "" || l.Balance < 0 || l.Balance > money.Max || !l.Maturity.After(today) {
		return store.BookLoan{}, fault.New(fault.Invalid, "book.loan", "请填写担保合同号、不为负的余额和晚于今天的到期日。", "Give the contract, a balance that is not negative and a maturity after today.")
	}
	policy, err := d.Policy(ctx, actor, l.Policy)
	if err != nil {
		return store.BookLoan{}, err
	}
	booked := store.BookLoan{
		ID: appraisal.NewID("ln", now), Tenant: actor.Tenant, Contract: l.Contract, Borrower: l.Borrower, Principal: l.Balance, Balance: l.Balance,
		Maturity: l.Maturity, CreatedAt: now, CreatedBy: actor.Name,
	}
	if booked.Policy, err = json.Marshal(policy); err != nil {
		return store.BookLoan{}, err
	}
	var valuations []*store.Valuation
	seen := map[string]bool{}
	for i := range l.Rows {
		row := l.Rows[i]
		n, err := patent.ParseNumber(row.Number)
		if err != nil {
			return store.BookLoan{}, err
		}
		row.Number = n.String()
		row.Line, row.Borrower, row.Contract, row.Loan, row.Maturity = i+1, l.Borrower, l.Contract, l.Balance, l.Maturity
		events, err := d.db.CountEvents(ctx, row.Number) // before the valuation, so that none is missed
		if err != nil {
			return store.BookLoan{}, err
		}
		v, draft, err := Value(ctx, d.appraisal, actor, row, today)
		if err != nil {
			return store.BookLoan{}, err
		}
		if seen[v.Row.Number] {
			continue // the same patent twice under one contract is one
		}
		seen[v.Row.Number] = true
		input, err := json.Marshal(row)
		if err != nil {
			return store.BookLoan{}, err
		}
		valuations = append(valuations, &draft.Valuation)
		booked.Patents = append(booked.Patents, store.BookPatent{
			Number: row.Number, Input: input, FirstValue: v.Point, Value: v.Point, Low: v.Low, Status: string(v.Status), Valuation: draft.Valuation.ID,
			ValuedOn: today, Due: today.AddMonths(int(policy.Revaluation.Value)), Events: events,
		})
	}
	return booked, d.db.PutBookLoan(ctx, booked, valuations)
}

// why is what an alert and the record say about a change of value.
type why struct {
	Zh        string            `json:"zh"`
	Cause     string            `json:"cause"`
	Before    string            `json:"valuation_before"`
	After     string            `json:"valuation,omitempty"`
	Hash      []byte            `json:"valuation_hash,omitempty"`
	Status    [2]string         `json:"status"`
	Causes    []valuation.Cause `json:"causes"`        // largest first, yuan; they sum to the change
	LTV       *float64          `json:"ltv,omitempty"` // of the whole contract
	Ceiling   float64           `json:"ltv_ceiling,omitempty"`
	Events    []string          `json:"events,omitempty"`
	Threshold string            `json:"threshold,omitempty"`
}

// RevalueDue values every booked patent that is due, or about which an event
// arrived, and raises what the desk must see. An empty tenant takes everyone's.
// It returns how many were valued.
func (d *Desk) RevalueDue(ctx context.Context, tenant string) (n int, err error) {
	defer fault.Wrap(&err, "desk.RevalueDue")
	for ctx.Err() == nil {
		now := d.now().UTC().Truncate(time.Microsecond)
		today := civil.Of(now)
		found, err := d.db.RevalueNext(ctx, tenant, today, now, func(r store.Revaluation) (store.Revalued, error) {
			out, err := d.revalue(ctx, r, today)
			if err == nil || outage(ctx, err) {
				return out, err
			}
			return failed(r, today, err)
		})
		if err != nil || !found {
			return n, err
		}
		n++
	}
	return n, ctx.Err()
}

// failed puts a patent that cannot be valued off to the next day and says so:
// it must not keep the others waiting.
func failed(r store.Revaluation, today civil.Date, cause error) (store.Revalued, error) {
	pub := fault.Public(cause)
	w := why{Zh: r.Patent.Number + "：无法重估，" + pub.Zh, Cause: r.Cause, Before: r.Patent.Valuation, Threshold: pub.Code}
	body, err := json.Marshal(w)
	p := r.Patent
	p.Due = today.AddDays(1)
	return store.Revalued{Patent: p, Detail: w, Alerts: []store.BookAlert{{Level: "yellow", Kind: "failed", Old: p.Value, New: p.Value, Detail: body}}}, err
}

func (d *Desk) revalue(ctx context.Context, r store.Revaluation, today civil.Date) (out store.Revalued, err error) {
	var row lending.Row
	var policy lending.Policy
	if err := json.Unmarshal(r.Patent.Input, &row); err != nil {
		return out, err
	}
	if policy, err = lending.LoadPolicy(r.Loan.Policy); err != nil {
		return out, err
	}
	actor := appraisal.Actor{Name: "system", Tenant: r.Loan.Tenant}
	before, err := d.appraisal.Get(ctx, actor, r.Patent.Valuation)
	if err != nil {
		return out, err
	}
	old, err := before.Conclusion()
	if err != nil {
		return out, err
	}
	v, draft, err := Value(ctx, d.appraisal, actor, row, today)
	if err != nil {
		return out, err
	}
	out.Valuation = &draft.Valuation
	out.Patent = store.BookPatent{
		Number: r.Patent.Number, Value: v.Point, Low: v.Low, Status: string(v.Status), Valuation: draft.Valuation.ID, ValuedOn: today, Due: today.AddMonths(int(policy.Revaluation.Value)),
	}
	change := valuation.Explain(old, draft.Conclusion)
	w := why{
		Cause: r.Cause, Before: r.Patent.Valuation, After: draft.Valuation.ID, Hash: draft.Valuation.Hash, Status: [2]string{string(old.Status), string(v.Status)},
		Causes: change.Causes[:min(len(change.Causes), 5)],
	}
	for _, e := range draft.State.Statements {
		if e.Public().After(r.Patent.ValuedOn) || r.Cause == "event" && e.Public().AddDays(1).After(r.Patent.ValuedOn) {
			w.Events = append(w.Events, e.Code+" "+e.Public().String())
		}
	}
	total := r.Others + v.Point
	if total > 0 {
		ltv := float64(r.Loan.Balance) / float64(total)
		w.LTV = &ltv
	}
	w.Ceiling = policy.Caps[v.Row.Kind].Value
	w.Zh = fmt.Sprintf("%s：估值由%s元变为%s元", r.Patent.Number, r.Patent.Value, v.Point)
	if v.Reason != "" {
		w.Zh += "（" + v.Reason + "）"
	}
	if len(w.Events) > 0 {
		w.Zh += "；新公告：" + strings.Join(w.Events, "、")
	}
	alert := func(level, kind, threshold string) error {
		x := w
		x.Threshold = threshold
		body, err := json.Marshal(x)
		out.Alerts = append(out.Alerts, store.BookAlert{Level: level, Kind: kind, Old: r.Patent.Value, New: v.Point, Detail: body})
		return err
	}
	drop := policy.Drop(r.Patent.Value, v.Point)
	switch {
	case v.Status == valuation.Zero && r.Patent.Status != string(valuation.Zero):
		err = alert("red", "ended", "权利失效")
	case drop != nil:
		err = alert(drop.Level, "drop", drop.Zh)
	}
	if err != nil {
		return out, err
	}
	// The contract as a whole: told when this valuation broke it, not again.
	limit := total.MulRate(w.Ceiling)
	was := (r.Others + r.Patent.Value).MulRate(w.Ceiling)
	if r.Loan.Balance > limit && r.Loan.Balance <= was {
		err = alert("red", "breach", fmt.Sprintf("合同抵质押率超过上限%.0f%%", 100*w.Ceiling))
	}
	out.Detail = w
	return out, err
}

// Monitor keeps the book until ctx ends: it looks for what is due every
// interval. Any number of processes may.
func (d *Desk) Monitor(ctx context.Context, every time.Duration) {
	tick := time.NewTicker(every)
	defer tick.Stop()
	for {
		if n, err := d.RevalueDue(ctx, ""); err != nil && ctx.Err() == nil {
			d.log.WarnContext(ctx, "revaluing the book", "error", err)
		} else if n > 0 {
			d.log.InfoContext(ctx, "revalued the book", "patents", n)
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}
