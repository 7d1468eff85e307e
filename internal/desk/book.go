package desk

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"zhijia/internal/appraisal"
	"zhijia/internal/calendar"
	"zhijia/internal/encumbrance"
	"zhijia/internal/fault"
	"zhijia/internal/jobs"
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
	Code     string        `json:"credit_code,omitempty" maxLength:"30" doc:"Unified social credit code of the borrower."`
	Product  string        `json:"product,omitempty" maxLength:"60" doc:"Programme of your own the loan is drawn under; its balance or principal counts against the limits."`
	Balance  money.Fen     `json:"balance" doc:"Owed now, yuan."`
	Maturity calendar.Date `json:"maturity"`
	Policy   string        `json:"policy,omitempty" maxLength:"200" doc:"id or id@version. Default TEMPLATE."`

	Industry string `json:"industry,omitempty" maxLength:"100" doc:"Of the borrower, for statistics."`
	Bank     string `json:"bank,omitempty" maxLength:"200" doc:"Branch that lends, for statistics."`
	District string `json:"district,omitempty" maxLength:"100" doc:"Of the borrower, for statistics."`

	Approval string `json:"approval,omitempty" maxLength:"2000" doc:"Who approved it and why: needed where the checks that decide a file would not accept the loan as it stands. What the law forbids is booked by no approval."`

	Rows []lending.Row `json:"patents" minItems:"1" maxItems:"200" doc:"What the desk knows of each patent; a number is enough for one in the store."`

	policy *lending.Policy // of the batch it was decided in, instead of Policy
}

// Book values the patents of a loan and takes it into the book.
func (d *Desk) Book(ctx context.Context, actor appraisal.Actor, l Loan) (_ store.BookLoan, err error) {
	defer fault.Wrap(&err, "desk.Book(%s)", l.Contract)
	ctx = store.As(ctx, actor.Institution)
	now := d.now().UTC().Truncate(time.Microsecond)
	today := calendar.InChina(now)
	if l.Contract = strings.TrimSpace(l.Contract); l.Contract == "" || l.Balance < 0 || l.Balance > money.Max || !l.Maturity.After(today) {
		return store.BookLoan{}, fault.New(fault.Invalid, "book.loan", "请填写担保合同号、不为负的余额和晚于今天的到期日。", "Give the contract, a balance that is not negative and a maturity after today.")
	}
	var policy lending.Policy
	if l.policy != nil {
		policy = *l.policy
	} else if policy, err = d.Policy(ctx, actor, l.Policy); err != nil {
		return store.BookLoan{}, err
	}
	if l.Code != "" {
		if l.Code, err = patent.ParseCreditCode(l.Code); err != nil {
			return store.BookLoan{}, err
		}
	}
	own, err := d.Programmes(ctx, actor)
	if err != nil {
		return store.BookLoan{}, err
	}
	if l.Product != "" {
		if _, ok := own[l.Product]; !ok {
			return store.BookLoan{}, fault.New(fault.Invalid, "programme.unknown", "没有产品代码“"+l.Product+"”，请先登记该产品。", "There is no programme "+l.Product+"; store it first.")
		}
	}
	booked := store.BookLoan{
		ID: store.NewID("ln", now), Institution: actor.Institution, Contract: l.Contract, Borrower: l.Borrower, Principal: l.Balance, Balance: l.Balance,
		Maturity: l.Maturity, CreatedAt: now, CreatedBy: actor.Name, Product: l.Product, CreditCode: l.Code, Approval: strings.TrimSpace(l.Approval), Industry: strings.TrimSpace(l.Industry), Bank: strings.TrimSpace(l.Bank), District: strings.TrimSpace(l.District),
	}
	if booked.Policy, err = json.Marshal(policy); err != nil {
		return store.BookLoan{}, err
	}
	var valuations []*store.Valuation
	var checked []lending.Valued
	seen := map[string]bool{}
	for i := range l.Rows {
		row := l.Rows[i]
		if row.Kind == lending.Trademark {
			row.CreditCode, row.Product, row.Portfolio = cmp.Or(row.CreditCode, l.Code), l.Product, false
			row.Line, row.Borrower, row.Contract, row.Loan, row.Maturity = i+1, l.Borrower, l.Contract, l.Balance, l.Maturity
			v, err := d.bookMark(ctx, actor, row, today)
			if err != nil {
				return store.BookLoan{}, err
			}
			if seen[string(v.Key)] {
				continue
			}
			seen[string(v.Key)] = true
			checked = append(checked, v)
			booked.Marks = append(booked.Marks, store.BookMark{Number: string(v.Key), Result: row.MarkResult, Value: v.Point, Low: v.Low, Ceiling: policy.Caps[lending.Trademark].Value})
			continue
		}
		n, err := patent.ParseNumber(row.Number)
		if err != nil {
			return store.BookLoan{}, err
		}
		if n.Office != "CN" {
			return store.BookLoan{}, fault.New(fault.Invalid, "number.foreign", row.Number+" 不是中国专利号，不能在国家知识产权局登记质押。", row.Number+" is not a Chinese patent: its pledge cannot be registered.")
		}
		row.Number = string(n.Key())
		switch p, err := d.db.Patent(ctx, row.Number); {
		case err == nil:
			row.Number = p.Number // the book and its watch follow the patent, whichever of its numbers is written
		case fault.KindOf(err) != fault.NotFound:
			return store.BookLoan{}, err
		}
		row.CreditCode, row.Product, row.Portfolio = cmp.Or(row.CreditCode, l.Code), l.Product, false
		row.Line, row.Borrower, row.Contract, row.Loan, row.Maturity = i+1, l.Borrower, l.Contract, l.Balance, l.Maturity
		events, err := d.db.CountEvents(ctx, row.Number) // before the valuation, so that none is missed
		if err != nil {
			return store.BookLoan{}, err
		}
		v, draft, err := Value(ctx, d.db, d.appraisal, actor, row, today, false)
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
		checked = append(checked, v)
		v = *v.Of(policy.Basis) // the ceiling was made for it
		valuations = append(valuations, &draft.Valuation)
		booked.Patents = append(booked.Patents, store.BookPatent{
			Number: row.Number, Input: input, FirstValue: v.Point, Value: v.Point, Low: v.Low, Status: string(v.Status), Valuation: draft.Valuation.ID,
			ValuedOn: today, Due: today.AddMonths(int(policy.Revaluation.Value)), Events: events,
			Base: v.Point, BaseValuation: draft.Valuation.ID, Ceiling: policy.Caps[v.Row.Kind].Value, Expiry: v.Expiry,
		})
	}
	if len(booked.Patents) == 0 {
		return store.BookLoan{}, fault.New(fault.Invalid, "book.patents", "在册贷款须有至少一件专利；只以商标质押的，请登记台账（商标质押结果的“登记到权利台账”）。", "A loan of the book needs one patent at least: a pledge of marks alone goes into the ledger of rights.")
	}
	var total money.Fen
	for i := range booked.Patents {
		total += booked.Patents[i].Value
	}
	for i := range booked.Marks {
		total += booked.Marks[i].Value
	}
	o := Options{Policy: policy, Programmes: own}
	facts, err := d.db.LendingFacts(ctx, d.query(actor.Institution, &o, checked, ""))
	if err != nil {
		return store.BookLoan{}, err
	}
	if err := bookable(lending.Decide(checked, o.lending(facts), today), booked.Approval); err != nil {
		return store.BookLoan{}, err
	}
	if err := d.secondPerson(ctx, actor, &policy, &booked, now); err != nil {
		return store.BookLoan{}, err
	}
	var known []lending.Condition
	for i := range checked {
		known = append(known, grounds(&checked[i], 1)...)
	}
	told, err := look(&booked, &policy, total, "request", today, known, allPatents)
	if err != nil {
		return store.BookLoan{}, err
	}
	booked.Standing = told.Standing
	return booked, d.db.PutBookLoan(ctx, booked, valuations, today, told.Alerts)
}

// bookMark values a trademark of a loan to be booked: by a kept decision alone.
func (d *Desk) bookMark(ctx context.Context, actor appraisal.Actor, row lending.Row, today calendar.Date) (lending.Valued, error) {
	if row.MarkResult == "" {
		return lending.Valued{}, fault.New(fault.Invalid, "book.trademark", "商标 "+row.Number+" 须先作商标质押审查并保存（zhijia mark check FILE --keep），在 mark_result 中填写结果编号。", "Decide the pledge of the trademark "+row.Number+" first, keep it, and name the decision in mark_result.",
			fault.Field{Field: "mark_result", Code: "book.trademark", Zh: "请填写商标质押结果的编号", En: "name the kept decision"})
	}
	v, _, err := Value(ctx, d.db, d.appraisal, actor, row, today, false)
	if err == nil && v.Key == "" {
		_, err = encumbrance.ParseRight(encumbrance.Trademark, row.Number)
	}
	return v, err
}

// secondPerson asks for another person where the loan lies above the policy's
// limit. Where there is none who could approve it is booked and marked 未经复核,
// unless the policy refuses that.
func (d *Desk) secondPerson(ctx context.Context, actor appraisal.Actor, policy *lending.Policy, l *store.BookLoan, now time.Time) error {
	if policy.FourEyesAbove == nil || l.Balance <= policy.FourEyesAbove.Amount {
		return nil
	}
	numbers := make([]string, len(l.Patents))
	for i := range l.Patents {
		numbers[i] = l.Patents[i].Number
	}
	what := map[string]any{
		"contract": l.Contract, "borrower": l.Borrower, "balance": l.Balance, "maturity": l.Maturity, "policy": policy.ID + "@" + policy.Version, "patents": numbers, "approval": l.Approval,
	}
	body, err := json.Marshal(what)
	if err != nil {
		return err
	}
	sum := sha256.Sum256(body)
	subject := hex.EncodeToString(sum[:16])
	l.Review = &subject
	_, approved, err := d.db.Approval(ctx, actor.Institution, store.ProposeBooking, subject)
	if err != nil {
		return err
	}
	if approved != "" {
		l.Reviewed = store.Approved
		return nil
	}
	other, err := d.db.OtherApprover(ctx, actor)
	if err != nil {
		return err
	}
	if rule, listed := policy.Rules["P18"]; !other && listed && rule.Severity != lending.Warns {
		return fault.New(fault.Conflict, "book.unreviewed", "余额超过须复核的限额，政策（P18）不接受未经复核的放款，而本机构没有另一名复核人；请先设置复核人。", "The balance lies above the limit, the policy (P18) takes no loan that nobody else approved, and the institution has no other approver: add one first.")
	}
	if err := d.db.Propose(ctx, actor, store.ProposeBooking, subject, what, now); err != nil {
		return err
	}
	if other {
		return fault.New(fault.Conflict, "book.waits", "余额超过须复核的限额（"+policy.FourEyesAbove.Source+"），已提请复核；另一人同意后，请以同样内容再次登记。", "The balance lies above the limit of booking and was put before another person; book the same again once it is approved.")
	}
	l.Reviewed = store.Undecided
	return nil
}

// bookable checks a loan by what decides a file. What the law forbids is
// refused; whatever else would not be accepted needs an approval with its
// reason. A pledge on file may be the loan's own, registered before it was
// booked: that is for the approval to say.
func bookable(d lending.Decisions, approval string) error {
	var refused, open []fault.Field
	seen := map[string]bool{}
	for i := range d.Rows {
		row := &d.Rows[i]
		for _, r := range row.Reasons {
			if r.Severity == lending.Warns || seen[row.Number+r.Code+r.Evidence] {
				continue
			}
			seen[row.Number+r.Code+r.Evidence] = true
			text := r.Zh
			if r.Evidence != "" {
				text += "（" + r.Evidence + "）"
			}
			f := fault.Field{Field: row.Number, Code: r.Code, Zh: text, En: r.En}
			if r.Severity == lending.Refuses && (r.Basis == lending.Statutory && r.Code != "E09" || r.Code == "V03") {
				refused = append(refused, f)
			} else {
				open = append(open, f)
			}
		}
	}
	switch {
	case len(refused) > 0:
		return fault.New(fault.Conflict, "book.refused", "有法定不予登记的情形，不能登记在册，见各项。", "The law forbids this pledge; see the fields.", refused...)
	case len(open) > 0 && approval == "":
		return fault.New(fault.Conflict, "book.approval", "按审批时的同一检查，该笔贷款不能直接受理；如经批准仍要登记，请在 approval 中写明批准人和理由，见各项。", "By the checks that decide a file this loan would not be accepted as it stands; say in approval who approved it and why.", open...)
	}
	return nil
}

// grounds are the statutory grounds that are met for a booked patent, for the
// desk to be told of. A pledge is told beyond so many in force: the loan's own
// is one.
func grounds(v *lending.Valued, pledges int) (out []lending.Condition) {
	for _, f := range v.Eligibility.Findings {
		if f.Outcome != patent.Met || f.Code == "E06" || f.Code == "E02" && v.Status == valuation.Zero || f.Code == "E09" && len(v.State.Pledges) < pledges {
			continue // told as expiry and as ended
		}
		out = append(out, lending.Condition{Code: "ground:" + f.Code + ":" + v.Row.Number, Kind: "ground", Level: "red", Zh: v.Row.Number + "：" + f.Zh + "（" + f.Reason + "）"})
	}
	return out
}

// LoanOf returns the loan a contract of a finished batch would be booked as,
// at the amount asked for. It must have been accepted.
func (d *Desk) LoanOf(ctx context.Context, actor appraisal.Actor, id, contract string) (l Loan, err error) {
	defer fault.Wrap(&err, "desk.LoanOf(%s)", id)
	ctx = store.As(ctx, actor.Institution)
	r, err := d.Result(ctx, actor, id)
	if err != nil {
		return l, err
	}
	k := slices.IndexFunc(r.Contracts, func(c lending.Contract) bool { return c.Key == contract })
	if k < 0 {
		return l, fault.New(fault.NotFound, "contract.unknown", "批次中没有这个合同。", "The batch has no such contract.")
	}
	c := &r.Contracts[k]
	if c.Verdict != lending.Accept {
		return l, fault.New(fault.Conflict, "book.not_accepted", "合同 "+contract+" 的结论为“"+c.Verdict.Zh()+"”，不能直接登记在册。", "The contract was not accepted.")
	}
	l = Loan{Contract: c.Key, Borrower: c.Borrower, Product: c.Product, Balance: c.Loan, Maturity: c.Maturity, policy: &r.Policy}
	for _, line := range c.Lines {
		out, _, err := d.Outcome(ctx, actor, id, line)
		if err != nil {
			return l, err
		}
		if l.Code == "" {
			l.Code = out.Valued.Row.CreditCode
		}
		if out.Decision.Counted {
			l.Rows = append(l.Rows, out.Valued.Row)
		}
	}
	return l, nil
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
	Value     money.Fen         `json:"value"` // as the book holds it from now on
	Low       money.Fen         `json:"low"`
}

// A loan of the book is revalued by a job of its institution: its patents one
// after another, so that two that fall together are seen together. Once an
// interval a job of the house looks by index which loans are due.
var (
	revaluations    = jobs.Kind[revaluation]{Name: "revaluations", Queued: 4, Timeout: 30 * time.Minute}
	revaluationsDue = jobs.Kind[struct{}]{Name: "revaluations-due", Timeout: 5 * time.Minute}
)

// revaluation is a loan with patents to be valued again.
type revaluation struct {
	Loan string `json:"loan"`
}

// revaluers is how many loans one process revalues at once.
const revaluers = 2

// Monitor looks at an interval for what of the book is due and values it.
func (d *Desk) Monitor(every time.Duration) []jobs.Worker {
	return []jobs.Worker{
		revaluationsDue.Worker(1, func(ctx context.Context, _ *jobs.Turn, _ struct{}) (jobs.Next, error) {
			return jobs.Done, d.orderRevaluations(ctx)
		}).Every(every),
		revaluations.Worker(revaluers, func(ctx context.Context, t *jobs.Turn, r revaluation) (jobs.Next, error) {
			ctx, stop := t.UntilDrain(ctx)
			defer stop()
			_, more, err := d.revalueLoan(ctx, t.Institution, r.Loan, t.Over)
			if err == nil && more {
				return jobs.Again, nil
			}
			return jobs.Done, err
		}),
	}
}

// orderRevaluations puts every loan that is due to work.
func (d *Desk) orderRevaluations(ctx context.Context) error {
	due, err := d.db.DueLoans(ctx, store.Everyone, calendar.InChina(d.now()))
	if err != nil {
		return err
	}
	orders := map[string][]jobs.Order[revaluation]{}
	for _, l := range due {
		orders[l.Institution] = append(orders[l.Institution], jobs.Order[revaluation]{Key: l.ID, Subject: l.ID, Args: revaluation{l.ID}})
	}
	for institution, loans := range orders {
		ctx := store.As(ctx, institution)
		if err := d.db.Transact(ctx, func(tx pgx.Tx) error { return revaluations.Add(ctx, d.queue, tx, institution, loans...) }); err != nil {
			return err
		}
	}
	return nil
}

// RevalueDue values, in this process and at once, every booked patent that is
// due, or about which an event came in, and raises what the desk must see. The
// institution store.Everyone takes everyone's. Loans that another process has in
// hand are left to it. It returns how many patents were valued.
func (d *Desk) RevalueDue(ctx context.Context, institution string) (n int, err error) {
	defer fault.Wrap(&err, "desk.RevalueDue")
	due, err := d.db.DueLoans(ctx, institution, calendar.InChina(d.now()))
	if err != nil {
		return 0, err
	}
	for _, l := range due {
		var failed error
		one := revaluations.Worker(1, func(ctx context.Context, t *jobs.Turn, r revaluation) (jobs.Next, error) {
			var valued int
			valued, _, failed = d.revalueLoan(ctx, t.Institution, r.Loan, func() bool { return false })
			n += valued
			return jobs.Done, failed
		})
		if _, err := d.queue.Once(ctx, one, l.Institution, l.ID, revaluation{l.ID}); err != nil || failed != nil {
			return n, cmp.Or(failed, err)
		}
	}
	return n, ctx.Err()
}

// revalueLoan values the patents of a loan that are due, one after another,
// until over. What it reads, what models say and what it stores are three
// steps: no transaction is open while a patent is valued.
func (d *Desk) revalueLoan(ctx context.Context, institution, loan string, over func() bool) (n int, more bool, err error) {
	defer fault.Wrap(&err, "desk.revalueLoan(%s)", loan)
	ctx = store.As(ctx, institution)
	for first := true; ; first = false {
		now := d.now().UTC().Truncate(time.Microsecond)
		today := calendar.InChina(now)
		r, found, err := d.db.DueRevaluation(ctx, institution, loan, today)
		if err != nil || !found {
			return n, false, err
		}
		if !first && over() {
			return n, true, nil
		}
		a, err := d.appraise(ctx, &r, today)
		if err != nil && outage(ctx, err) {
			return n, false, err
		}
		cause := err
		stored, err := d.db.PutRevaluation(ctx, r, today, now, func(l store.BookLoan) (store.Revalued, error) {
			r.Loan = l
			if cause != nil {
				return failed(r, today, cause)
			}
			return a.settle(r, today)
		})
		if err != nil {
			return n, false, err
		}
		if stored {
			n++
		}
	}
}

// failed puts a patent that cannot be valued off to the next day and says so,
// once until it can be again: it must not keep the others waiting.
func failed(r store.Revaluation, today calendar.Date, cause error) (store.Revalued, error) {
	pub := fault.Public(cause)
	w := why{Zh: r.Patent.Number + "：无法重估，" + pub.Zh, Cause: r.Cause, Before: r.Patent.Valuation, Threshold: pub.Code, Value: r.Patent.Value, Low: r.Patent.Low}
	p := r.Patent
	p.Due = today.AddDays(1)
	out := store.Revalued{Patent: p, Detail: w, Told: store.Told{Standing: r.Loan.Standing}}
	if code := "failed:" + p.Number; !slices.Contains(out.Standing, code) {
		out.Standing = append(slices.Clone(out.Standing), code)
		return out, tell(&out.Told, "yellow", "failed", p.Number, p.Value, p.Value, w)
	}
	return out, nil
}

// tell adds an alert.
func tell(to *store.Told, level, kind, number string, old, now money.Fen, w why) error {
	body, err := json.Marshal(w)
	to.Alerts = append(to.Alerts, store.Alert{
		Alert: patent.Alert{Number: number}, Level: level,
		Book: &store.BookAlert{Kind: lending.AlertKind(kind), Old: old, New: now, Detail: body},
	})
	return err
}

// Whose grounds are looked at: of one patent by its number, of all, of none.
const (
	allPatents = "*"
	noPatent   = ""
)

// look finds what holds of a loan as its patents are valued now and tells what
// did not hold before. was is the value of the collateral before; known are the
// grounds that are met for the patents in about, those of others stand as told.
func look(l *store.BookLoan, policy *lending.Policy, was money.Fen, cause string, today calendar.Date, known []lending.Condition, about string) (told store.Told, err error) {
	in := lending.CoverInput{On: today, Maturity: l.Maturity, Loan: l.Balance}
	var total money.Fen
	for i := range l.Patents {
		p := &l.Patents[i]
		total += p.Value
		in.Items = append(in.Items, lending.CoverItem{Number: p.Number, Value: p.Value, Low: p.Low, Expiry: p.Expiry, Ceiling: &p.Ceiling})
	}
	for _, m := range l.Marks { // its term can be renewed: it does not run down
		total += m.Value
		in.Items = append(in.Items, lending.CoverItem{Number: m.Number, Value: m.Value, Low: m.Low, Ceiling: &m.Ceiling})
	}
	var discount float64
	if policy.CoverDiscount != nil {
		discount = policy.CoverDiscount.Value
	}
	told.Standing = slices.DeleteFunc(slices.Clone(l.Standing), func(c string) bool {
		ground := strings.HasPrefix(c, "ground:") && about != allPatents && (about == noPatent || !strings.HasSuffix(c, ":"+about))
		return !strings.HasPrefix(c, "failed:") && !ground
	})
	for _, c := range append(lending.Standing(in, discount), known...) {
		told.Standing = append(told.Standing, c.Code)
		if slices.Contains(l.Standing, c.Code) {
			continue
		}
		w := why{Zh: c.Zh, Cause: cause, Threshold: c.Zh}
		if total > 0 {
			ltv := float64(l.Balance) / float64(total)
			w.LTV = &ltv
		}
		number := ""
		if c.Kind == "expiry" {
			number = strings.TrimPrefix(c.Code, "expiry:")
		}
		if c.Kind == "ground" {
			number = c.Code[strings.LastIndexByte(c.Code, ':')+1:]
		}
		if err := tell(&told, c.Level, c.Kind, number, was, total, w); err != nil {
			return told, err
		}
	}
	return told, nil
}

// SetBalance records what is still owed under a contract of the book; 0 closes
// the loan and frees its patents. outcome, nil when there is nothing to say, is
// what became of the loan.
func (d *Desk) SetBalance(ctx context.Context, actor appraisal.Actor, contract string, balance money.Fen, outcome *store.Outcome) (err error) {
	defer fault.Wrap(&err, "desk.SetBalance(%s)", contract)
	if balance < 0 || balance > money.Max {
		return fault.New(fault.Invalid, "amount.range", "余额应为不为负的金额（元）。", "The balance must be an amount in yuan, not negative.")
	}
	if o := outcome; o != nil && (!slices.Contains([]string{"repaid", "defaulted", "sold"}, o.Kind) || o.Proceeds != nil && (*o.Proceeds < 0 || *o.Proceeds > money.Max) || len(o.Note) > 2000) {
		return fault.New(fault.Invalid, "book.outcome", "结果应为 repaid、defaulted 或 sold，变现所得不为负。", "The outcome must be repaid, defaulted or sold, with proceeds that are not negative.")
	}
	now := d.now().UTC().Truncate(time.Microsecond)
	today := calendar.InChina(now)
	return d.db.SetBookBalance(ctx, actor.Institution, contract, balance, outcome, actor.Name, today, now, func(l store.BookLoan) (store.Told, error) {
		policy, err := lending.LoadPolicy(l.Policy)
		if err != nil {
			return store.Told{}, err
		}
		var was money.Fen
		for i := range l.Patents {
			was += l.Patents[i].Value
		}
		for i := range l.Marks {
			was += l.Marks[i].Value
		}
		return look(&l, &policy, was, "request", today, nil, noPatent)
	})
}

// appraised is a patent of the book as it is valued now, beside what it is
// compared with.
type appraised struct {
	policy    lending.Policy
	v         lending.Valued // on the policy's basis
	draft     *appraisal.Draft
	known     []lending.Condition  // grounds that are met
	old, base valuation.Conclusion // the latest before, and the one a fall is measured from
}

// appraise values a patent of the book again. Models are asked here, and waited
// for like in a batch.
func (d *Desk) appraise(ctx context.Context, r *store.Revaluation, today calendar.Date) (a appraised, err error) {
	var row lending.Row
	if err := json.Unmarshal(r.Patent.Input, &row); err != nil {
		return a, err
	}
	if a.policy, err = lending.LoadPolicy(r.Loan.Policy); err != nil {
		return a, err
	}
	actor := appraisal.Actor{Name: "system", Institution: r.Loan.Institution}
	if a.old, err = d.conclusion(ctx, actor, r.Patent.Valuation); err != nil {
		return a, err
	}
	a.base = a.old
	if r.Patent.BaseValuation != r.Patent.Valuation {
		if a.base, err = d.conclusion(ctx, actor, r.Patent.BaseValuation); err != nil {
			return a, err
		}
	}
	if a.v, a.draft, err = Value(ctx, d.db, d.appraisal, actor, row, today, true); err != nil { // nobody waits for it
		return a, err
	}
	a.known = grounds(&a.v, 2)
	a.v = *a.v.Of(a.policy.Basis)
	return a, nil
}

// settle says what a patent's new value means for its loan as it stands.
func (a *appraised) settle(r store.Revaluation, today calendar.Date) (out store.Revalued, err error) {
	v, draft := &a.v, a.draft
	out.Valuation = &draft.Valuation
	out.Patent = r.Patent
	p := &out.Patent
	p.Value, p.Low, p.Status, p.Valuation = v.Point, v.Low, string(v.Status), draft.Valuation.ID
	p.ValuedOn, p.Due = today, today.AddMonths(int(a.policy.Revaluation.Value))
	w := why{
		Cause: r.Cause, Before: r.Patent.Valuation, After: draft.Valuation.ID, Hash: draft.Valuation.Hash, Status: [2]string{string(a.old.Status), string(v.Status)},
		Causes: largest(valuation.Explain(a.old, draft.Conclusion)), Ceiling: p.Ceiling, Value: p.Value, Low: p.Low,
	}
	for _, e := range draft.State.Statements {
		if e.Public().After(r.Patent.ValuedOn) || r.Cause == "event" && e.Public().AddDays(1).After(r.Patent.ValuedOn) {
			w.Events = append(w.Events, e.Code+" "+e.Public().String())
		}
	}
	var was, total money.Fen
	loan := r.Loan
	loan.Patents = slices.Clone(loan.Patents)
	for i := range loan.Patents {
		was += loan.Patents[i].Value
		if loan.Patents[i].Number == p.Number {
			loan.Patents[i] = *p
		}
		total += loan.Patents[i].Value
	}
	for i := range loan.Marks {
		was, total = was+loan.Marks[i].Value, total+loan.Marks[i].Value
	}
	if total > 0 {
		ltv := float64(r.Loan.Balance) / float64(total)
		w.LTV = &ltv
	}
	say := func(from money.Fen) string {
		text := fmt.Sprintf("%s：估值由%s元变为%s元", p.Number, from, v.Point)
		if v.Reason != "" {
			text += "（" + v.Reason + "）"
		}
		if len(w.Events) > 0 {
			text += "；新公告：" + strings.Join(w.Events, "、")
		}
		return text
	}
	w.Zh = say(r.Patent.Value)
	out.Detail = w

	loan.Standing = slices.DeleteFunc(slices.Clone(loan.Standing), func(c string) bool { return c == "failed:"+p.Number })
	if out.Told, err = look(&loan, &a.policy, was, r.Cause, today, a.known, p.Number); err != nil {
		return out, err
	}
	watch, drop, rebased := a.policy.Follow(lending.Reference{Base: r.Patent.Base, Alerted: r.Patent.Alerted}, v.Point)
	p.Base, p.Alerted = watch.Base, watch.Alerted
	if rebased {
		p.BaseValuation = draft.Valuation.ID
	}
	told := store.Told{}
	switch {
	case v.Status == valuation.Zero && r.Patent.Status != string(valuation.Zero):
		w.Threshold = "权利失效"
		err = tell(&told, "red", "ended", p.Number, r.Patent.Value, v.Point, w)
	case drop != nil:
		// What changed is told since the base, which the fall is measured from.
		if r.Patent.BaseValuation != r.Patent.Valuation {
			w.Before, w.Status[0], w.Causes = r.Patent.BaseValuation, string(a.base.Status), largest(valuation.Explain(a.base, draft.Conclusion))
			w.Zh = say(r.Patent.Base) + fmt.Sprintf("；上次估值%s元", r.Patent.Value)
		}
		w.Threshold = drop.Zh
		err = tell(&told, drop.Level, "drop", p.Number, r.Patent.Base, v.Point, w)
	}
	out.Alerts = append(told.Alerts, out.Alerts...)
	return out, err
}

func (d *Desk) conclusion(ctx context.Context, actor appraisal.Actor, id string) (valuation.Conclusion, error) {
	ctx = store.As(ctx, actor.Institution)
	rec, err := d.appraisal.Get(ctx, actor, id)
	if err != nil {
		return valuation.Conclusion{}, err
	}
	return rec.Conclusion()
}

func largest(c valuation.Difference) []valuation.Cause { return c.Causes[:min(len(c.Causes), 5)] }

// Collateral returns the loans of one page of the book as rows of the
// regulator's collateral table, and the cursor of the next page.
func (d *Desk) Collateral(ctx context.Context, actor appraisal.Actor, cursor string, limit int) (out []lending.Collateral, next string, err error) {
	defer fault.Wrap(&err, "desk.Collateral")
	ctx = store.As(ctx, actor.Institution)
	loans, next, err := d.Loans(ctx, actor, cursor, limit)
	if err != nil {
		return nil, "", err
	}
	today := calendar.InChina(d.now())
	out = []lending.Collateral{}
	for i := range loans {
		l := &loans[i]
		c := lending.Contract{Key: l.Contract}
		for _, p := range l.Patents {
			c.Value += p.Value
		}
		for _, m := range l.Marks {
			c.Value += m.Value
		}
		if c.Value > 0 {
			ltv := float64(l.Balance) / float64(c.Value)
			c.LTV = &ltv
		}
		for k := range l.Patents {
			p := &l.Patents[k]
			rec, err := d.appraisal.Get(ctx, actor, p.Valuation)
			if err != nil {
				return nil, "", err
			}
			v, err := collateralOf(l, p, rec)
			if err != nil {
				return nil, "", err
			}
			v.Row.Line = k + 1
			out = append(out, lending.Report(&v, &lending.Decision{}, &c, &p.FirstValue, today))
		}
		for k := range l.Marks {
			m := &l.Marks[k]
			v := lending.Valued{Row: lending.Row{Kind: lending.Trademark, Number: encumbrance.OfKey(m.Number).Number, Contract: l.Contract, Borrower: l.Borrower, CreditCode: l.CreditCode, Line: len(l.Patents) + k + 1}, Point: m.Value}
			v.State.Pledged = patent.Yes
			out = append(out, lending.Report(&v, &lending.Decision{}, &c, &m.Value, today))
		}
	}
	return out, next, nil
}

// collateralOf is what the regulator's table asks of a patent of the book.
func collateralOf(l *store.BookLoan, p *store.BookPatent, rec *appraisal.Record) (v lending.Valued, err error) {
	if err := json.Unmarshal(p.Input, &v.Row); err != nil {
		return v, err
	}
	a, _, err := rec.Snapshot()
	if err != nil {
		return v, err
	}
	if len(a.Subject) > 0 {
		s := &a.Subject[0]
		v.Row.Title, v.Row.Kind = cmp.Or(v.Row.Title, s.Title), cmp.Or(v.Row.Kind, patent.Kind(s.Kind))
	}
	v.Row.Contract, v.Row.Borrower, v.Row.CreditCode, v.Point = l.Contract, l.Borrower, l.CreditCode, p.Value
	v.State.Pledged = patent.Yes
	if p.Status == string(valuation.Zero) {
		v.State.Standing = patent.Dead
	}
	return v, nil
}
